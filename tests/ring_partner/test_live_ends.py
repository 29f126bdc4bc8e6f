"""Live views: what ends them before their time, what makes them end late, and what keeps them from beginning."""

from collections.abc import Callable
from datetime import timedelta
import json

import aiohttp
from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.ring_partner.api.whep import START_SECONDS
from custom_components.ring_partner.live import CLOSE_SECONDS
from homeassistant.components.camera import CameraState
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from ring_cloud import Account, RingCloud
from ring_cloud.live import Session
from ring_cloud.model import Device
from ring_cloud.sdp import Offer

from .home import Home, home, pushed
from .polls import async_pass_time
from .pushes import MINUTE, SECOND, async_pass_in_steps, async_press
from .viewers import REFLEXIVE, SESSIONS, Viewer, camera, camera_of, until, viewer

__all__ = ["camera", "home", "pushed", "viewer"]

LIVE = "custom_components.ring_partner.live"
START = "custom_components.ring_partner.api.whep.START_SECONDS"
GONE = "no longer available"


async def told(viewer: Viewer) -> str:
    """What somebody is told who opens a camera that cannot be shown."""
    message = await viewer.watch()
    assert message["type"] == "error", message
    return message["message"]


async def end_of(viewer: Viewer) -> str:
    """What somebody is told who watches."""
    message = await viewer.next()
    assert message["type"] == "error", message
    return message["message"]


# The limit


class TestTheLimit:
    @pytest.fixture
    def slow(self, freezer: FrozenDateTimeFactory, cloud: RingCloud, monkeypatch: pytest.MonkeyPatch) -> None:
        """Ring takes two seconds to answer, from its own start of the session on."""
        answer = cloud.live._answer

        async def answer_late(session: Session, offer: Offer, *, silent: bool) -> str:
            freezer.tick(2)
            return await answer(session, offer, silent=silent)

        monkeypatch.setattr(cloud.live, "_answer", answer_late)

    async def test_it_runs_from_when_ring_was_asked(
        self, freezer: FrozenDateTimeFactory, hass: HomeAssistant, cloud: RingCloud, slow: None, viewer: Viewer
    ) -> None:
        await viewer.watch()
        await async_pass_time(hass, freezer, timedelta(seconds=56))
        assert len(cloud.live.open_sessions) == 1
        await async_pass_time(hass, freezer, timedelta(seconds=1.5))
        assert "after 60 seconds" in await end_of(viewer)
        await until(lambda: cloud.count("DELETE", SESSIONS, 200) == 1)

    async def test_an_end_that_comes_late_says_nothing_of_a_battery(
        self, freezer: FrozenDateTimeFactory, hass: HomeAssistant, cloud: RingCloud, viewer: Viewer
    ) -> None:
        for views in (1, 2, 3):
            await viewer.watch()
            # Home Assistant was busy with something else.
            await async_pass_time(hass, freezer, timedelta(seconds=62))
            assert "after 60 seconds" in await end_of(viewer)
            await until(lambda views=views: cloud.count("DELETE", SESSIONS, 404) == views)

    async def test_an_end_whose_answer_got_lost_says_nothing_of_a_battery(
        self,
        freezer: FrozenDateTimeFactory,
        hass: HomeAssistant,
        cloud: RingCloud,
        viewer: Viewer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(f"{LIVE}.END_AGAIN_SECONDS", 0)
        for views in (1, 2, 3):
            cloud.faults.add(SESSIONS, method="DELETE", cut="after")
            await viewer.watch()
            await async_pass_time(hass, freezer, timedelta(seconds=59.5))
            assert "after 60 seconds" in await end_of(viewer)
            await until(lambda views=views: cloud.count("DELETE", SESSIONS, 404) == views)

    async def test_one_view_in_between_that_lasts_says_that_there_is_no_battery(
        self, freezer: FrozenDateTimeFactory, hass: HomeAssistant, cloud: RingCloud, camera: Device, viewer: Viewer
    ) -> None:
        for ended_by_ring in (True, False, True, False):
            await viewer.watch()
            if ended_by_ring:
                cloud.live.end(camera)
            before = cloud.count("DELETE", SESSIONS)
            await async_pass_time(hass, freezer, timedelta(seconds=59.5))
            assert "after 60 seconds" in await end_of(viewer)
            await until(lambda before=before: cloud.count("DELETE", SESSIONS) == before + 1)


# The camera goes


def remove(hass: HomeAssistant, entity_id: str) -> None:
    er.async_get(hass).async_remove(entity_id)


def disable(hass: HomeAssistant, entity_id: str) -> None:
    er.async_get(hass).async_update_entity(entity_id, disabled_by=er.RegistryEntryDisabler.USER)


@pytest.mark.parametrize("how", [remove, disable])
async def test_who_removes_or_disables_the_camera_ends_the_view(
    hass: HomeAssistant, cloud: RingCloud, viewer: Viewer, how: Callable[[HomeAssistant, str], None]
) -> None:
    await viewer.watch()
    how(hass, viewer.entity_id)
    assert GONE in await end_of(viewer)
    await until(lambda: cloud.count("DELETE", SESSIONS, 200) == 1)


async def test_a_camera_that_is_removed_while_it_is_opened_leaves_no_session(
    hass: HomeAssistant, cloud: RingCloud, viewer: Viewer
) -> None:
    fault = cloud.faults.add(SESSIONS, method="POST", delay=60)
    await viewer.offer()
    await viewer.trickle(REFLEXIVE)
    await fault.reached()
    remove(hass, viewer.entity_id)
    assert GONE in await end_of(viewer)
    fault.release()
    await until(lambda: cloud.count("DELETE", SESSIONS, 200) == 1)


class TestPushed:
    @pytest.fixture
    async def watching(
        self,
        hass: HomeAssistant,
        cloud: RingCloud,
        camera: Device,
        pushed: ConfigEntry,
        hass_ws_client: WebSocketGenerator,
    ) -> Viewer:
        """Somebody who watches a camera of an account to which Ring pushes."""
        viewer = Viewer(await hass_ws_client(hass), camera_of(hass, pushed, camera))
        assert (await viewer.watch())["type"] == "answer"
        return viewer

    async def test_a_device_that_the_user_takes_away_ends_the_view(
        self, home: Home, cloud: RingCloud, camera: Device, watching: Viewer
    ) -> None:
        await home.happen(camera, "device_removed")
        assert GONE in await end_of(watching)
        await until(lambda: cloud.count("DELETE", SESSIONS, 200) == 1)
        await watching.socket.close()

    async def test_a_camera_that_goes_offline_ends_the_view(
        self, home: Home, cloud: RingCloud, camera: Device, watching: Viewer
    ) -> None:
        await home.happen(camera, "device_offline")
        assert await end_of(watching) == "The camera is offline"
        await until(lambda: cloud.count("DELETE", SESSIONS) == 1)
        await watching.socket.close()

    async def test_another_camera_that_goes_offline_does_not(
        self, home: Home, hass: HomeAssistant, cloud: RingCloud, account: Account, watching: Viewer
    ) -> None:
        await home.happen(account.device("Driveway"), "device_offline")
        assert hass.states.get(watching.entity_id).state == CameraState.STREAMING
        assert cloud.count("DELETE", SESSIONS) == 0
        await watching.leave()
        await until(lambda: not cloud.live.open_sessions)
        await watching.socket.close()

    async def test_whoever_watches_goes_on_when_the_next_one_may_not_begin(
        self,
        home: Home,
        hass: HomeAssistant,
        cloud: RingCloud,
        account: Account,
        watching: Viewer,
        hass_ws_client: WebSocketGenerator,
    ) -> None:
        cloud.faults.add("/v1/devices/*/media/image/download", status=429, headers={"Retry-After": "40"})
        await async_press(hass, cloud, account.device("Driveway"))
        second = Viewer(await hass_ws_client(hass), watching.entity_id)
        assert "Ring asks to wait" in await told(second)
        assert cloud.count("POST", SESSIONS) == 1
        assert len(cloud.live.open_sessions) == 1
        await second.socket.close()
        await watching.socket.close()

    async def test_an_encrypted_picture_keeps_nobody_from_trying_a_quarter_of_an_hour_later(
        self,
        home: Home,
        hass: HomeAssistant,
        cloud: RingCloud,
        camera: Device,
        pushed: ConfigEntry,
        hass_ws_client: WebSocketGenerator,
    ) -> None:
        async def try_it() -> Viewer:
            return Viewer(await hass_ws_client(hass), camera_of(hass, pushed, camera))

        cloud.media.take(camera)
        await async_press(hass, cloud, camera)
        await async_pass_time(hass, home.freezer, 14 * MINUTE)
        soon = await try_it()
        assert "end-to-end encrypted" in await told(soon)
        await soon.socket.close()
        await async_pass_time(hass, home.freezer, 2 * MINUTE)
        later = await try_it()
        assert (await later.watch())["type"] == "answer"
        await later.socket.close()


async def test_a_poll_that_finds_the_camera_offline_ends_the_view(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, cloud: RingCloud, camera: Device, viewer: Viewer
) -> None:
    await async_pass_time(hass, freezer, timedelta(seconds=30))
    await viewer.watch()
    camera.set(online=False)
    await async_pass_time(hass, freezer, timedelta(seconds=31))
    assert await end_of(viewer) == "The camera is offline"
    await until(lambda: cloud.count("DELETE", SESSIONS) == 1)


async def test_session_that_ends_silently_is_reported_and_deleted_at_the_limit_and_not_reopened(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, cloud: RingCloud, viewer: Viewer
) -> None:
    cloud.switches.whep_end = "silent"
    await viewer.watch()
    (session,) = cloud.live.open_sessions
    session.opened_at -= 45
    await async_pass_time(hass, freezer, 20 * SECOND)
    assert not cloud.live.open_sessions
    assert hass.states.get(viewer.entity_id).state == CameraState.STREAMING
    await async_pass_time(hass, freezer, 39.5 * SECOND)
    assert "Ring ends a live view after 60 seconds" in await end_of(viewer)
    await until(lambda: cloud.count("DELETE", SESSIONS) == 1)
    assert hass.states.get(viewer.entity_id).state == CameraState.IDLE
    await async_pass_in_steps(hass, freezer, 5 * MINUTE, 20 * SECOND)
    assert (cloud.live.opened, cloud.count("POST", SESSIONS), cloud.count("DELETE", SESSIONS)) == (1, 1, 1)


# What is known before Ring is asked


async def test_a_camera_that_is_known_to_be_offline_is_not_asked_for(
    cloud: RingCloud, camera: Device, linked: ConfigEntry, viewer: Viewer
) -> None:
    camera.set(online=False)
    await linked.runtime_data.coordinator.async_refresh()
    assert await told(viewer) == "The camera is offline"
    assert cloud.count("POST", SESSIONS) == 0


async def test_a_camera_that_says_it_is_encrypted_is_not_woken(
    cloud: RingCloud, camera: Device, linked: ConfigEntry, viewer: Viewer, browser: aiohttp.ClientSession
) -> None:
    """Ring may list such a camera all the same, and then says so in its configurations."""
    url = f"{cloud.url}/v1/devices"
    token = await linked.runtime_data.session.async_get_access_token()
    query = {"include": "status,capabilities,configurations,location"}
    async with browser.get(url, params=query, headers={"Authorization": f"Bearer {token}"}) as response:
        document = await response.json(content_type=None)
    [configurations] = [
        item["attributes"]
        for item in document["included"]
        if item["type"] == "device-configurations" and item["id"] == camera.resource_ids["configurations"]
    ]
    configurations["e2e_encryption"]["enabled"] = True
    cloud.faults.add("/v1/devices", status=200, body=json.dumps(document))
    await linked.runtime_data.coordinator.async_refresh()
    assert "end-to-end encrypted" in await told(viewer)
    assert cloud.count("POST", SESSIONS) == 0


# Ring asks to wait


async def test_a_request_to_wait_that_comes_while_the_offer_is_completed_is_heeded(
    cloud: RingCloud, linked: ConfigEntry, viewer: Viewer
) -> None:
    await viewer.offer()
    cloud.faults.add("/v1/devices", status=429, headers={"Retry-After": "40"})
    await linked.runtime_data.coordinator.async_refresh()
    await viewer.trickle(REFLEXIVE)
    message = await viewer.next()
    assert message["type"] == "error"
    assert "Ring asks to wait" in message["message"]
    assert cloud.count("POST", SESSIONS) == 0


async def test_a_refusal_is_not_told_to_a_viewer_who_has_left(
    hass: HomeAssistant, cloud: RingCloud, camera: Device, viewer: Viewer
) -> None:
    fault = cloud.faults.add(SESSIONS, method="POST", delay=60)
    await viewer.offer()
    await viewer.trickle(REFLEXIVE)
    await fault.reached()
    await viewer.leave()
    camera.set(online=False)
    fault.release()
    await until(lambda: cloud.count("POST", SESSIONS) == 1)
    assert cloud.count("POST", SESSIONS, 201) == 0
    await hass.async_block_till_done(wait_background_tasks=True)
    await viewer.socket.send_json_auto_id({"type": "ping"})
    messages = [await viewer.socket.receive_json()]
    while messages[-1]["type"] != "pong":
        messages.append(await viewer.socket.receive_json())
    assert viewer.subscription not in {message["id"] for message in messages}


async def test_who_is_asked_to_wait_is_told_how_long_and_does_not_ask_again(cloud: RingCloud, viewer: Viewer) -> None:
    cloud.faults.add(SESSIONS, method="POST", status=429, headers={"Retry-After": "300"})
    assert "too many requests from this app. Try again in 300 s" in await told(viewer)
    assert "Ring asks to wait" in await told(viewer)
    assert cloud.count("POST", SESSIONS) == 1


async def test_a_ring_that_is_busy_is_not_called_a_camera_that_is_offline(cloud: RingCloud, viewer: Viewer) -> None:
    cloud.faults.add(SESSIONS, method="POST", status=503, headers={"Retry-After": "120"})
    assert await told(viewer) == "Ring asks to wait 120 s"


async def test_an_end_that_ring_will_not_hear_of_before_its_own_limit_is_not_repeated(
    hass: HomeAssistant, cloud: RingCloud, linked: ConfigEntry, viewer: Viewer
) -> None:
    cloud.faults.add(SESSIONS, method="DELETE", status=429, headers={"Retry-After": "300"})
    await viewer.watch()
    assert await hass.config_entries.async_unload(linked.entry_id)
    assert cloud.count("DELETE", SESSIONS) == 1


# Ring takes its time


async def test_the_next_viewer_waits_as_long_as_ring_takes_to_open_the_camera_for_the_one_before(
    hass: HomeAssistant,
    cloud: RingCloud,
    viewer: Viewer,
    hass_ws_client: WebSocketGenerator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(f"{LIVE}.TAKE_OVER_SECONDS", 0.01)
    monkeypatch.setattr(START, 60)
    fault = cloud.faults.add(SESSIONS, method="POST", delay=60)
    await viewer.offer()
    await viewer.trickle(REFLEXIVE)
    await fault.reached()
    second = Viewer(await hass_ws_client(hass), viewer.entity_id)
    await second.offer()
    await second.trickle(REFLEXIVE)
    assert "Somebody else" in await end_of(viewer)
    answered: list[int] = []

    def answer() -> None:
        answered.append(cloud.count("POST", SESSIONS))
        fault.release()

    hass.loop.call_later(0.5, answer)
    assert (await second.next())["type"] == "answer"
    assert answered == [0], "the second viewer has not been asked for meanwhile"
    assert cloud.count("POST", SESSIONS, 201) == 2
    await second.socket.close()


async def test_a_ring_that_does_not_answer_is_given_up_before_an_unload_is(
    hass: HomeAssistant, cloud: RingCloud, linked: ConfigEntry, viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert START_SECONDS < CLOSE_SECONDS
    monkeypatch.setattr(START, 0.05)
    fault = cloud.faults.add(SESSIONS, method="POST", delay=60)
    assert "cannot be reached" in await told(viewer)
    fault.release()
