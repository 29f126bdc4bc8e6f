"""Live views: from the browser's offer to the end of Ring's session, whoever ends it."""

import asyncio
from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from homeassistant.components.camera import CameraState
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from ring_cloud import Account, App, RingCloud
from ring_cloud.model import Device
from tests.ring_cloud.whep_client import Viewer as Connection, browser_offer

from .polls import async_pass_time
from .pushes import async_press, async_set_up_pushed, webhook_url
from .viewers import HIDDEN, HOST, REFLEXIVE, SESSIONS, Viewer, camera, camera_of, until, viewer

__all__ = ["camera", "viewer"]


async def test_a_viewer_gets_rings_answer_and_the_camera_says_that_it_is_watched(
    hass: HomeAssistant, cloud: RingCloud, viewer: Viewer
) -> None:
    assert hass.states.get(viewer.entity_id).state == CameraState.IDLE
    answer = await viewer.watch()
    assert answer["type"] == "answer"
    assert "a=sendonly" in answer["answer"]
    assert hass.states.get(viewer.entity_id).state == CameraState.STREAMING
    assert len(cloud.live.open_sessions) == 1


async def test_when_the_viewer_leaves_ring_knows_and_the_camera_is_idle(
    hass: HomeAssistant, cloud: RingCloud, viewer: Viewer
) -> None:
    await viewer.watch()
    await viewer.leave()
    await until(lambda: cloud.count("DELETE", SESSIONS, 200) == 1)
    assert not cloud.live.open_sessions
    assert hass.states.get(viewer.entity_id).state == CameraState.IDLE


async def test_when_the_tab_is_killed_ring_knows(cloud: RingCloud, viewer: Viewer) -> None:
    await viewer.watch()
    await viewer.vanish()
    await until(lambda: cloud.count("DELETE", SESSIONS, 200) == 1)


@pytest.mark.parametrize("status", [200, 204])
async def test_ring_may_confirm_the_end_as_it_likes(cloud: RingCloud, viewer: Viewer, status: int) -> None:
    cloud.switches.whep_delete_status = status
    await viewer.watch()
    await viewer.leave()
    await until(lambda: cloud.count("DELETE", SESSIONS, status) == 1)


async def test_a_viewer_who_leaves_before_the_answer_leaves_no_session(cloud: RingCloud, viewer: Viewer) -> None:
    fault = cloud.faults.add(SESSIONS, method="POST", delay=60)
    await viewer.offer()
    await viewer.trickle(REFLEXIVE)
    await fault.reached()
    await viewer.leave()
    fault.release()
    await until(lambda: cloud.count("DELETE", SESSIONS, 200) == 1)
    assert (cloud.live.opened, cloud.live.open_sessions) == (1, ())


async def test_a_viewer_who_leaves_before_the_offer_is_complete_never_wakes_the_camera(
    hass: HomeAssistant, cloud: RingCloud, viewer: Viewer
) -> None:
    await viewer.offer()
    await viewer.leave()
    await viewer.socket.send_json_auto_id({"type": "ping"})
    await hass.async_block_till_done(wait_background_tasks=True)
    assert cloud.count("POST", SESSIONS) == 0


async def test_an_end_that_fails_is_tried_again(
    cloud: RingCloud, viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.ring_partner.live.END_AGAIN_SECONDS", 0.001)
    cloud.faults.add(SESSIONS, method="DELETE", status=500, count=3)
    await viewer.watch()
    await viewer.leave()
    await until(lambda: cloud.count("DELETE", SESSIONS, 200) == 1)
    assert not cloud.live.open_sessions


async def test_an_end_that_fails_is_tried_in_a_hurry_when_the_account_is_unloaded(
    hass: HomeAssistant, cloud: RingCloud, linked: ConfigEntry, viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.ring_partner.live.HURRY_SECONDS", 0)
    monkeypatch.setattr("custom_components.ring_partner.live.CLOSE_SECONDS", 60)
    cloud.faults.add(SESSIONS, method="DELETE", status=500, count=30)
    await viewer.watch()
    assert await hass.config_entries.async_unload(linked.entry_id)
    assert not cloud.live.open_sessions


async def test_an_end_that_fails_is_tried_until_ring_takes_it_after_the_account_is_unloaded(
    hass: HomeAssistant, cloud: RingCloud, linked: ConfigEntry, viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HURRY_SECONDS", "END_AGAIN_SECONDS", "CLOSE_SECONDS"):
        monkeypatch.setattr(f"custom_components.ring_partner.live.{name}", 0.01)
    fault = cloud.faults.add(SESSIONS, method="DELETE", status=500, count=None)
    await viewer.watch()
    assert await hass.config_entries.async_unload(linked.entry_id)
    assert cloud.live.open_sessions
    tried = cloud.count("DELETE", SESSIONS)
    await until(lambda: cloud.count("DELETE", SESSIONS) > tried + 1)
    cloud.faults.remove(fault.id)
    await until(lambda: not cloud.live.open_sessions)


async def test_unloading_ends_the_view_first_and_says_so(
    hass: HomeAssistant, cloud: RingCloud, linked: ConfigEntry, viewer: Viewer
) -> None:
    await viewer.watch()
    assert await hass.config_entries.async_unload(linked.entry_id)
    assert not cloud.live.open_sessions
    assert "being restarted" in (await viewer.next())["message"]


async def test_a_reload_in_the_middle_of_opening_leaves_no_session(
    hass: HomeAssistant, cloud: RingCloud, linked: ConfigEntry, viewer: Viewer
) -> None:
    fault = cloud.faults.add(SESSIONS, method="POST", delay=60)
    await viewer.offer()
    await viewer.trickle(REFLEXIVE)
    await fault.reached()
    hass.loop.call_later(0.05, fault.release)
    assert await hass.config_entries.async_unload(linked.entry_id)
    assert (cloud.live.opened, cloud.live.open_sessions) == (1, ())


async def test_removing_the_account_ends_the_view(
    hass: HomeAssistant, cloud: RingCloud, linked: ConfigEntry, viewer: Viewer
) -> None:
    await viewer.watch()
    await hass.config_entries.async_remove(linked.entry_id)
    assert cloud.count("DELETE", SESSIONS, 200) == 1


async def test_stopping_home_assistant_ends_the_view(hass: HomeAssistant, cloud: RingCloud, viewer: Viewer) -> None:
    await viewer.watch()
    # What Home Assistant does first of all when it stops.
    await asyncio.gather(*(hass.async_run_hass_job(job.job, *job.args) for job in hass._shutdown_jobs))
    assert cloud.count("DELETE", SESSIONS, 200) == 1


# The limit


async def test_a_view_ends_just_before_ring_ends_it_and_says_why(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, cloud: RingCloud, viewer: Viewer
) -> None:
    await viewer.watch()
    await async_pass_time(hass, freezer, timedelta(seconds=58))
    assert len(cloud.live.open_sessions) == 1
    await async_pass_time(hass, freezer, timedelta(seconds=1.5))
    end = await viewer.next()
    assert end == {
        "type": "error",
        "code": "webrtc_offer_failed",
        "message": "Ring ends a live view after 60 seconds. Open the camera again to go on watching",
    }
    await until(lambda: cloud.count("DELETE", SESSIONS, 200) == 1)
    assert hass.states.get(viewer.entity_id).state == CameraState.IDLE


async def test_a_camera_with_a_battery_is_shown_half_as_long(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, cloud: RingCloud, camera: Device, viewer: Viewer
) -> None:
    cloud.live.put_on_battery(camera)
    await async_pass_time(hass, freezer)
    await viewer.watch()
    await async_pass_time(hass, freezer, timedelta(seconds=29.5))
    assert "after 30 seconds" in (await viewer.next())["message"]
    await until(lambda: cloud.count("DELETE", SESSIONS, 200) == 1)


async def test_a_battery_that_ring_does_not_tell_of_is_noticed_after_two_views(
    freezer: FrozenDateTimeFactory,
    hass: HomeAssistant,
    cloud: RingCloud,
    account: Account,
    linked: ConfigEntry,
    hass_ws_client: WebSocketGenerator,
) -> None:
    cloud.switches.whep_media = "none"
    hidden = next(device for device in account.devices if device.family.key == "plain_camera")
    viewer = Viewer(await hass_ws_client(hass), camera_of(hass, linked, hidden))
    for views in (1, 2):
        await viewer.watch()
        await async_pass_time(hass, freezer, timedelta(seconds=59.5))
        assert "after 60 seconds" in (await viewer.next())["message"]
        await until(lambda views=views: cloud.count("DELETE", SESSIONS, 404) == views)

    for views in (1, 2):
        await viewer.watch()
        await async_pass_time(hass, freezer, timedelta(seconds=29.5))
        assert "after 30 seconds" in (await viewer.next())["message"]
        await until(lambda views=views: cloud.count("DELETE", SESSIONS, 200) == views)
    await viewer.socket.close()


# What Ring gets


async def test_the_offer_waits_for_candidates_and_loses_only_the_hidden_ones(cloud: RingCloud, viewer: Viewer) -> None:
    await viewer.offer()
    await viewer.trickle(HIDDEN, HOST)
    assert cloud.count("POST", SESSIONS) == 0
    assert (await viewer.next())["type"] == "answer"
    sent = list(cloud.live.open_sessions[0].offer.lines)
    assert [line for line in sent if line.startswith("a=candidate")] == [f"a={HOST}"] * 2
    assert sent.count("a=end-of-candidates") == 2
    bare = [line for line in sent if line not in (f"a={HOST}", "a=end-of-candidates")]
    assert bare == browser_offer(candidates=()).splitlines()


async def test_a_browser_that_nobody_can_reach_is_told_so(cloud: RingCloud, viewer: Viewer) -> None:
    await viewer.offer()
    await viewer.trickle(HIDDEN)
    assert "how it can be reached" in (await viewer.next())["message"]
    assert not cloud.live.open_sessions


async def test_such_a_browser_is_shown_the_camera_all_the_same_where_ring_does_not_mind(
    cloud: RingCloud, viewer: Viewer
) -> None:
    cloud.switches.whep_bare_offers = True
    await viewer.offer()
    await viewer.trickle(HIDDEN)
    assert (await viewer.next())["type"] == "answer"


async def test_an_offer_that_is_complete_waits_for_nothing(cloud: RingCloud, viewer: Viewer) -> None:
    await viewer.offer(browser_offer(candidates=(f"a={REFLEXIVE}",)))
    assert (await viewer.next())["type"] == "answer"


async def test_a_lens_is_opened_by_its_number(
    hass: HomeAssistant,
    cloud: RingCloud,
    account: Account,
    linked: ConfigEntry,
    hass_ws_client: WebSocketGenerator,
) -> None:
    cloud.switches.whep_media = "none"
    multi = next(device for device in account.devices if device.family.key == "multi_camera")
    viewer = Viewer(await hass_ws_client(hass), camera_of(hass, linked, multi, "2"))
    assert (await viewer.watch())["type"] == "answer"
    assert [session.component_id for session in cloud.live.open_sessions] == ["2"]
    await viewer.leave()
    await until(lambda: not cloud.live.open_sessions)
    await viewer.socket.close()


async def test_servers_that_ring_names_replace_home_assistants_for_a_while_for_this_camera(
    freezer: FrozenDateTimeFactory,
    hass: HomeAssistant,
    cloud: RingCloud,
    account: Account,
    linked: ConfigEntry,
    viewer: Viewer,
    hass_ws_client: WebSocketGenerator,
) -> None:
    async def servers(entity_id: str) -> list[dict[str, str]]:
        socket = await hass_ws_client(hass)
        await socket.send_json_auto_id({"type": "camera/webrtc/get_client_config", "entity_id": entity_id})
        message = await socket.receive_json()
        await socket.close()
        return message["result"]["configuration"]["iceServers"]

    other = camera_of(hass, linked, next(item for item in account.devices if item.family.key == "plain_camera"))
    home_assistants = await servers(viewer.entity_id)
    cloud.switches.whep_link = (
        '<stun:stun.example.com:3478>; rel="ice-server"\n'
        '<turns:turn.example.com:443>; rel="ice-server"; username="fake"; credential="fake-pass"'
    )
    await viewer.watch()
    rings = [
        {"urls": "stun:stun.example.com:3478"},
        {"urls": "turns:turn.example.com:443", "username": "fake", "credential": "fake-pass"},
    ]
    assert await servers(viewer.entity_id) == rings
    assert await servers(other) == home_assistants != rings
    await async_pass_time(hass, freezer, timedelta(minutes=6))
    assert await servers(viewer.entity_id) == home_assistants


# Two viewers


async def test_whoever_opens_a_camera_gets_it_and_the_one_before_is_told(
    hass: HomeAssistant, cloud: RingCloud, viewer: Viewer, hass_ws_client: WebSocketGenerator
) -> None:
    cloud.switches.whep_one_session = "refused"
    await viewer.watch()
    second = Viewer(await hass_ws_client(hass), viewer.entity_id)
    assert (await second.watch())["type"] == "answer"
    assert "Somebody else has opened this camera" in (await viewer.next())["message"]
    assert len(cloud.live.open_sessions) == 1
    assert hass.states.get(viewer.entity_id).state == CameraState.STREAMING
    await second.socket.close()


async def test_the_one_before_may_still_be_opening(
    hass: HomeAssistant, cloud: RingCloud, viewer: Viewer, hass_ws_client: WebSocketGenerator
) -> None:
    cloud.switches.whep_one_session = "refused"
    fault = cloud.faults.add(SESSIONS, method="POST", delay=60)
    await viewer.offer()
    await viewer.trickle(REFLEXIVE)
    await fault.reached()
    second = Viewer(await hass_ws_client(hass), viewer.entity_id)
    await second.offer()
    await second.trickle(REFLEXIVE)
    assert "Somebody else" in (await viewer.next())["message"]
    fault.release()
    assert (await second.next())["type"] == "answer"
    assert (cloud.live.opened, len(cloud.live.open_sessions)) == (2, 1)
    await second.socket.close()


# What a viewer is told instead of a picture


async def told(viewer: Viewer) -> str:
    message = await viewer.watch()
    assert message["type"] == "error", message
    return message["message"]


async def test_a_camera_that_went_offline_says_so(cloud: RingCloud, camera: Device, viewer: Viewer) -> None:
    camera.set(online=False)
    assert await told(viewer) == "The camera is offline"


async def test_a_camera_that_only_the_ring_app_can_show_says_so_without_being_woken(
    freezer: FrozenDateTimeFactory,
    hass: HomeAssistant,
    cloud: RingCloud,
    app: App,
    account: Account,
    entry: MockConfigEntry,
    address: str,
    hass_ws_client: WebSocketGenerator,
) -> None:
    await async_set_up_pushed(hass, cloud, app, entry, webhook_url(address))
    door = account.device("Front Door")
    cloud.media.take(door)
    await async_press(hass, cloud, door)
    viewer = Viewer(await hass_ws_client(hass), camera_of(hass, entry, door))
    assert "end-to-end encrypted" in await told(viewer)
    assert cloud.count("POST", SESSIONS) == 0
    await viewer.socket.close()


async def test_no_plan_is_named_as_a_reason(cloud: RingCloud, viewer: Viewer) -> None:
    cloud.switches.whep_needs_plan = True
    assert "may need a Ring plan" in await told(viewer)


@pytest.mark.parametrize("direction", ["recvonly", "inactive"])
async def test_an_answer_without_a_picture_is_refused_and_ended(
    cloud: RingCloud, viewer: Viewer, direction: str
) -> None:
    cloud.switches.whep_direction = direction
    assert "no video that can be shown" in await told(viewer)
    await until(lambda: cloud.count("DELETE", SESSIONS, 200) == 1)


async def test_an_answer_that_wants_to_receive_as_well_is_corrected(cloud: RingCloud, viewer: Viewer) -> None:
    cloud.switches.whep_direction = "sendrecv"
    answer = await viewer.watch()
    assert "a=sendonly" in answer["answer"]
    assert "a=sendrecv" not in answer["answer"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (500, "refused this live view"),
        (502, "cannot be reached"),
        (429, "too many requests"),
        (404, "does not know"),
        (400, "refused this live view"),
    ],
)
async def test_what_ring_answers_is_said_in_words(cloud: RingCloud, viewer: Viewer, status: int, words: str) -> None:
    cloud.faults.add(SESSIONS, status=status)
    assert words in await told(viewer)


async def test_offer_without_h264_that_ring_refuses_names_the_codec(
    cloud: RingCloud, linked: ConfigEntry, viewer: Viewer
) -> None:
    await viewer.offer(browser_offer(profiles=()))
    assert "offers no H264 video. In Firefox, turn on" in (await viewer.next())["message"]
    assert cloud.count("POST", SESSIONS, 500) == 1
    assert linked.runtime_data.coordinator.last_update_success


async def test_offer_with_h264_that_ring_refuses_is_refused_in_general(cloud: RingCloud, viewer: Viewer) -> None:
    await viewer.offer(browser_offer(profiles=("42e01f",)))
    assert "Ring refused this live view. Try again" in (await viewer.next())["message"]
    assert cloud.count("POST", SESSIONS, 500) == 1


async def test_an_outage_is_said_in_words(cloud: RingCloud, viewer: Viewer) -> None:
    cloud.faults.add(SESSIONS, cut="before")
    assert "Ring" in await told(viewer)


async def test_nonsense_for_an_offer_is_answered_in_words(cloud: RingCloud, viewer: Viewer) -> None:
    await viewer.offer("v=0\r\n")
    assert "cannot be understood" in (await viewer.next())["message"]
    assert cloud.count("POST", SESSIONS) == 0


async def test_an_answer_that_leads_elsewhere_is_no_answer(cloud: RingCloud, viewer: Viewer) -> None:
    cloud.faults.add(SESSIONS, status=201, headers={"Location": "http://127.0.0.2/session"}, body="v=0\r\n")
    assert "Ring" in await told(viewer)


# With a real picture


async def test_pictures_and_sound_come_through(
    hass: HomeAssistant, cloud: RingCloud, viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Home Assistant's harness hides this machine's addresses.
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda **_: ["127.0.0.1"])
    cloud.switches.whep_media = "real"
    connection = Connection()
    await viewer.offer(await connection.offer())
    message = await viewer.next()
    assert message["type"] == "answer", message
    await connection.accept(message["answer"])
    assert (await connection.frame("video")).width == 640
    await connection.frame("audio")
    await viewer.leave()
    await until(lambda: not cloud.live.open_sessions)
    await connection.connection.close()
