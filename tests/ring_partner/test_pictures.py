"""The picture of what happened last: whose moment it shows, how often Ring is asked for it, and how long it stays."""

from datetime import timedelta
from itertools import pairwise
import math
from pathlib import Path

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.ring_partner.const import DOMAIN
from custom_components.ring_partner.identifiers import CameraId
from custom_components.ring_partner.picture_file import LastPicture
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant, State
from homeassistant.util import dt as dt_util
from ring_cloud import Account, App, RingCloud
from ring_cloud.media_time import read_time
from ring_cloud.model import Device

from .polls import async_pass_time, async_set_up, entity_ids, issues, reauths, registered, set_clock_back
from .pushes import (
    HISTORY,
    MINUTE,
    SECOND,
    async_arrive,
    async_pass_in_steps,
    async_press,
    async_set_up_pushed,
    webhook_url,
)

ASK = "/v1/devices/*/media/image/download"


@pytest.fixture(autouse=True)
def _frozen(freezer: FrozenDateTimeFactory) -> None:
    """Let time pass only when a test says so."""


@pytest.fixture
def door(account: Account) -> Device:
    return account.device("Front Door")


@pytest.fixture
def garage(account: Account) -> Device:
    """Two lenses."""
    return account.device("Garage")


@pytest.fixture
async def pushed(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, cloud: RingCloud, app: App, entry: ConfigEntry, address: str
) -> ConfigEntry:
    """Jane's account, set up a while ago."""
    await async_set_up_pushed(hass, cloud, app, entry, webhook_url(address))
    await async_pass_in_steps(hass, freezer, 2 * MINUTE)
    return entry


def image_id(hass: HomeAssistant, device: Device, component_id: str | None = None) -> str:
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    key = "last_event" if component_id is None else f"{component_id}_last_event"
    return entity_ids(hass, entry, device)[key]


def image(hass: HomeAssistant, device: Device, component_id: str | None = None) -> State:
    state = hass.states.get(image_id(hass, device, component_id))
    assert state is not None
    return state


def last(entry: ConfigEntry, device: Device, component_id: str | None = None) -> LastPicture | None:
    return entry.runtime_data.pictures.last(CameraId(device.id, component_id))


def shows(entry: ConfigEntry, device: Device, component_id: str | None = None) -> int | None:
    """Return the moment that is burnt into the last picture."""
    found = last(entry, device, component_id)
    return None if found is None else read_time(found.picture.body)


def ms(moment: object) -> int:
    return round(moment.timestamp() * 1000)


def asked(cloud: RingCloud) -> int:
    return cloud.count("POST", ASK)


class TestAfterAnEvent:
    async def test_the_picture_shows_the_moment_of_the_event(self, freezer, hass, cloud, pushed, door) -> None:
        at = await async_press(hass, cloud, door)
        assert shows(pushed, door) == ms(at)
        state = image(hass, door)
        assert state.state == at.isoformat()
        assert {key: state.attributes[key] for key in ("event_type", "sub_type", "event_time", "encrypted")} == {
            "event_type": "ring",
            "sub_type": None,
            "event_time": at.isoformat(),
            "encrypted": False,
        }
        assert asked(cloud) == 1
        assert len(cloud.media_requests) == 1
        assert cloud.media_requests.with_bearer == 0

    async def test_it_says_what_it_was(self, freezer, hass, cloud, pushed, door) -> None:
        at = await async_press(hass, cloud, door, "vehicle")
        assert image(hass, door).attributes["sub_type"] == "vehicle"
        assert image(hass, door).attributes["event_type"] == "motion"
        assert shows(pushed, door) == ms(at)

    async def test_the_frontend_gets_it(self, freezer, hass, cloud, pushed, door, hass_client) -> None:
        at = await async_press(hass, cloud, door)
        client = await hass_client()
        async with client.get(f"/api/image_proxy/{image_id(hass, door)}") as answer:
            assert answer.content_type == "image/jpeg"
            assert read_time(await answer.read()) == ms(at)
        assert asked(cloud) == 1

    async def test_without_any_event_there_is_none(self, freezer, hass, cloud, pushed, door) -> None:
        assert image(hass, door).state == STATE_UNKNOWN
        assert "event_type" not in image(hass, door).attributes
        assert asked(cloud) == 0

    async def test_what_only_the_history_tells_has_a_picture_too(self, freezer, hass, cloud, pushed, door) -> None:
        cloud.deliveries.mischief("drop")
        at = await async_press(hass, cloud, door)
        assert last(pushed, door) is None
        await async_pass_in_steps(hass, freezer, 61 * MINUTE, 20 * SECOND)
        assert shows(pushed, door) == ms(at)

    async def test_it_is_never_fetched_again(self, freezer, hass, cloud, pushed, door) -> None:
        await async_press(hass, cloud, door)
        await async_pass_in_steps(hass, freezer, 70 * MINUTE, 20 * SECOND)
        assert asked(cloud) == 1

    async def test_the_lens_that_saw_it(self, freezer, hass, cloud, pushed, garage) -> None:
        cloud.switches.sub_type_place = "both"
        event = cloud.happen(garage, "motion_detected", sub_type="human", component_ids=["2"])
        await async_arrive(hass, cloud)
        assert (shows(pushed, garage, "1"), shows(pushed, garage, "2")) == (None, event.timestamp_ms)
        assert image(hass, garage, "1").state == STATE_UNKNOWN
        freezer.tick(20)
        both = cloud.happen(garage, "motion_detected")
        await async_arrive(hass, cloud)
        assert shows(pushed, garage, "1") == shows(pushed, garage, "2") == both.timestamp_ms
        assert asked(cloud) == 3


class TestNotReadyYet:
    @pytest.mark.parametrize("seconds", [1, 3, 5, 7])
    async def test_it_is_asked_for_again_every_two_seconds(self, freezer, hass, cloud, pushed, door, seconds) -> None:
        cloud.switches.recording_ready_after = seconds
        at = await async_press(hass, cloud, door)
        assert last(pushed, door) is None
        await async_pass_in_steps(hass, freezer, 12 * SECOND, SECOND)
        assert shows(pushed, door) == ms(at)
        assert asked(cloud) == 1 + (seconds + 1) // 2

    async def test_picture_that_is_not_ready_is_tried_at_once_and_until_six_seconds_after_the_event(
        self, freezer, hass, cloud, pushed, door
    ) -> None:
        cloud.switches.recording_ready_after = 3600
        at = await async_press(hass, cloud, door)
        tried = [0.0] * asked(cloud)
        for _ in range(60):
            before = asked(cloud)
            await async_pass_time(hass, freezer, SECOND / 2)
            tried += [(dt_util.utcnow() - at).total_seconds()] * (asked(cloud) - before)
        assert tried[0] == 0
        assert all(later - earlier <= 2.5 for earlier, later in pairwise(tried))
        assert tried[-1] >= 6

    async def test_a_key_that_is_missing_at_first(self, freezer, hass, cloud, pushed, door) -> None:
        cloud.media.unreadable(door, count=2)
        at = await async_press(hass, cloud, door)
        await async_pass_in_steps(hass, freezer, 12 * SECOND, SECOND)
        assert shows(pushed, door) == ms(at)
        assert asked(cloud) == 3
        assert not pushed.runtime_data.pictures.is_encrypted(CameraId(door.id))

    async def test_a_refusal_without_a_word_is_no_encryption(self, freezer, hass, cloud, pushed, door) -> None:
        cloud.faults.add("/v1/download", status=422, body="", count=1)
        at = await async_press(hass, cloud, door)
        assert not pushed.runtime_data.pictures.is_encrypted(CameraId(door.id))
        await async_pass_in_steps(hass, freezer, 4 * SECOND, SECOND)
        assert (shows(pushed, door), asked(cloud)) == (ms(at), 2)

    async def test_a_key_that_never_comes_is_encryption(self, freezer, hass, cloud, pushed, door) -> None:
        cloud.media.unreadable(door, count=5)
        await async_press(hass, cloud, door)
        await async_pass_in_steps(hass, freezer, 6 * SECOND, SECOND)
        assert not pushed.runtime_data.pictures.is_encrypted(CameraId(door.id))
        await async_pass_in_steps(hass, freezer, 6 * SECOND, SECOND)
        assert image(hass, door).attributes["encrypted"] is True
        freezer.tick(MINUTE)
        at = await async_press(hass, cloud, door)
        assert (shows(pushed, door), image(hass, door).attributes["encrypted"]) == (ms(at), False)

    async def test_it_is_given_up_quietly(self, freezer, hass, cloud, pushed, door, caplog) -> None:
        cloud.switches.recording_ready_after = 3600
        caplog.clear()
        await async_press(hass, cloud, door)
        await async_pass_in_steps(hass, freezer, 5 * MINUTE)
        assert asked(cloud) == 5
        ours = [record for record in caplog.records if DOMAIN in record.name]
        assert {record.levelname for record in ours} <= {"DEBUG", "INFO"}
        cloud.switches.recording_ready_after = 0
        at = await async_press(hass, cloud, door)
        assert shows(pushed, door) == ms(at)

    async def test_who_rings_goes_before_what_is_not_ready(self, freezer, hass, cloud, pushed, door) -> None:
        cloud.switches.recording_ready_after = 3
        await async_press(hass, cloud, door, "human")
        freezer.tick(0.5)
        ring = await async_press(hass, cloud, door)
        await async_pass_in_steps(hass, freezer, 6 * SECOND, SECOND)
        assert shows(pushed, door) == ms(ring)

    async def test_one_that_waits_survives_neither_unload_nor_removal(self, freezer, hass, cloud, pushed, door) -> None:
        cloud.switches.recording_ready_after = 3600
        await async_press(hass, cloud, door)
        await hass.config_entries.async_remove(pushed.entry_id)
        before = asked(cloud)
        await async_pass_in_steps(hass, freezer, MINUTE)
        assert asked(cloud) == before


class TestTooMuch:
    async def test_motion_every_second_is_no_request_every_second(self, freezer, hass, cloud, pushed, door) -> None:
        for _ in range(60):
            at = await async_press(hass, cloud, door, "human")
            await async_pass_time(hass, freezer, SECOND)
        assert 5 <= asked(cloud) <= 7
        await async_pass_in_steps(hass, freezer, MINUTE)
        assert shows(pushed, door) == ms(at)

    async def test_pictures_also_come_while_it_moves_on_and_on(self, freezer, hass, cloud, pushed, door) -> None:
        cloud.switches.recording_ready_after = 3
        for _ in range(30):
            await async_press(hass, cloud, door, "human")
            await async_pass_time(hass, freezer, SECOND)
        assert last(pushed, door) is not None

    async def test_a_ring_during_motion_is_fetched_at_once(self, freezer, hass, cloud, pushed, door) -> None:
        await async_press(hass, cloud, door, "human")
        freezer.tick(3)
        ring = await async_press(hass, cloud, door)
        assert shows(pushed, door) == ms(ring)

    async def test_ring_asks_to_wait(self, freezer, hass, cloud, pushed, door) -> None:
        cloud.faults.add(ASK, method="POST", status=429, headers={"Retry-After": "30"}, count=1)
        at = await async_press(hass, cloud, door)
        await async_pass_in_steps(hass, freezer, 25 * SECOND)
        assert asked(cloud) == 1
        await async_pass_in_steps(hass, freezer, 10 * SECOND)
        assert asked(cloud) == 2
        assert shows(pushed, door) == ms(at)

    @pytest.mark.parametrize("path", [ASK, "/v1/download"])
    async def test_wait_for_one_camera_uses_up_no_retries_and_delays_no_other(
        self, freezer, hass, cloud, account, pushed, door, path
    ) -> None:
        driveway = account.device("Driveway")
        cloud.faults.add(path, status=503, headers={"Retry-After": "30"}, count=1)
        at = await async_press(hass, cloud, door)
        seen = await async_press(hass, cloud, driveway, "human")
        assert shows(pushed, driveway) == ms(seen)
        cloud.switches.recording_ready_after = 34
        await async_pass_in_steps(hass, freezer, 28 * SECOND, SECOND)
        assert asked(cloud) == 2
        await async_pass_in_steps(hass, freezer, 10 * SECOND, SECOND)
        assert shows(pushed, door) == ms(at)

    async def test_a_clock_that_is_set_back_keeps_no_picture_waiting(self, freezer, hass, cloud, pushed, door) -> None:
        ahead = 7200 * SECOND
        cloud.deliveries.mischief("hold")
        first = cloud.happen(door, "motion_detected")
        freezer.tick(ahead)
        await cloud.deliveries.release()
        await async_arrive(hass, cloud)
        assert shows(pushed, door) == first.timestamp_ms
        freezer.tick(5)
        set_clock_back(hass, freezer, ahead)
        at = await async_press(hass, cloud, door)
        assert shows(pushed, door) == ms(at)


class TestRefused:
    async def test_an_encrypted_picture_is_said_to_be_one(self, freezer, hass, cloud, pushed, door) -> None:
        cloud.media.take(door)
        await async_press(hass, cloud, door)
        await async_pass_in_steps(hass, freezer, MINUTE)
        assert asked(cloud) == 1
        assert last(pushed, door) is None
        assert pushed.runtime_data.pictures.is_encrypted(CameraId(door.id))
        assert image(hass, door).attributes["encrypted"] is True
        cloud.media.take(door, False)
        await async_press(hass, cloud, door)
        assert image(hass, door).attributes["encrypted"] is False

    async def test_a_damaged_recording_is_not_an_encrypted_one(self, freezer, hass, cloud, pushed, door) -> None:
        cloud.media.unreadable(door, count=None)
        await async_press(hass, cloud, door)
        await async_pass_in_steps(hass, freezer, MINUTE)
        assert asked(cloud) == 1
        assert image(hass, door).attributes["encrypted"] is False

    @pytest.mark.parametrize("location", ["https://example.com/x", "file:///etc/passwd", "http://192.0.2.1/x", "x y"])
    async def test_nobody_but_ring_is_asked(self, freezer, hass, cloud, pushed, door, location) -> None:
        cloud.media.redirect_to = location
        await async_press(hass, cloud, door)
        await async_pass_in_steps(hass, freezer, MINUTE)
        assert asked(cloud) == 1
        assert len(cloud.media_requests) == 0
        assert last(pushed, door) is None

    async def test_a_403_never_asks_for_a_new_link(self, freezer, hass, cloud, pushed, door) -> None:
        cloud.faults.add(ASK, method="POST", status=403, count=None)
        await async_press(hass, cloud, door)
        await async_pass_in_steps(hass, freezer, MINUTE)
        assert asked(cloud) == 1
        assert reauths(hass) == 0
        assert issues(hass) == set()


class TestKept:
    async def test_it_outlives_a_restart_without_a_request(self, freezer, hass, cloud, pushed, door) -> None:
        at = await async_press(hass, cloud, door, "human")
        assert await hass.config_entries.async_reload(pushed.entry_id)
        await async_pass_in_steps(hass, freezer, 3 * MINUTE)
        assert asked(cloud) == 1
        assert shows(pushed, door) == ms(at)
        assert image(hass, door).state == at.isoformat()
        assert image(hass, door).attributes["sub_type"] == "human"

    async def test_a_reload_right_after_an_event_costs_no_picture(self, freezer, hass, cloud, pushed, door) -> None:
        """The options were changed, or the first ring made a doorbell of a camera."""
        await async_press(hass, cloud, door)
        held = cloud.faults.add(ASK, method="POST", delay=math.inf)
        freezer.tick(20)
        event = cloud.happen(door, "motion_detected", sub_type="human")
        await held.reached()
        assert await hass.config_entries.async_reload(pushed.entry_id)
        await async_arrive(hass, cloud)
        assert shows(pushed, door) == event.timestamp_ms
        assert image(hass, door).attributes["sub_type"] == "human"

    async def test_a_lens_that_saw_nothing_is_not_asked_after_a_reload(
        self, freezer, hass, cloud, pushed, garage
    ) -> None:
        cloud.switches.sub_type_place = "both"
        event = cloud.happen(garage, "motion_detected", sub_type="human", component_ids=["2"])
        await async_arrive(hass, cloud)
        assert await hass.config_entries.async_reload(pushed.entry_id)
        await async_arrive(hass, cloud)
        assert (shows(pushed, garage, "1"), shows(pushed, garage, "2")) == (None, event.timestamp_ms)
        assert asked(cloud) == 1

    async def test_a_reload_long_after_an_event_asks_for_nothing_at_once(
        self, freezer, hass, cloud, pushed, door
    ) -> None:
        cloud.faults.add(ASK, method="POST", status=403)
        await async_press(hass, cloud, door)
        freezer.tick(121)
        assert await hass.config_entries.async_reload(pushed.entry_id)
        await async_arrive(hass, cloud)
        assert asked(cloud) == 1

    async def test_it_is_for_nobody_else_on_this_machine(self, freezer, hass, cloud, pushed, door) -> None:
        await async_press(hass, cloud, door)
        folder = Path(hass.config.cache_path(DOMAIN, pushed.entry_id))
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert len(files) == 1
        assert files[0].stat().st_mode & 0o777 == 0o600

    async def test_a_file_that_was_damaged_is_none(self, freezer, hass, cloud, pushed, door) -> None:
        await async_press(hass, cloud, door)
        await hass.config_entries.async_unload(pushed.entry_id)
        (path,) = (path for path in Path(hass.config.cache_path(DOMAIN)).rglob("*") if path.is_file())
        path.write_bytes(b"\x00" * path.stat().st_size)
        cloud.faults.add(ASK, method="POST", status=503, count=None)
        await hass.config_entries.async_setup(pushed.entry_id)
        assert pushed.state is ConfigEntryState.LOADED
        assert last(pushed, door) is None
        cloud.faults.clear()
        await async_pass_in_steps(hass, freezer, 2 * MINUTE)
        assert last(pushed, door) is not None, "it is fetched again"

    async def test_it_stays_while_ring_cannot_be_reached(self, freezer, hass, cloud, pushed, door) -> None:
        at = await async_press(hass, cloud, door)
        cloud.faults.add("/v1/devices", method="GET", status=500, count=None)
        await async_pass_in_steps(hass, freezer, 20 * MINUTE, MINUTE)
        assert not pushed.runtime_data.coordinator.last_update_success
        assert image(hass, door).state == at.isoformat() != STATE_UNAVAILABLE

    async def test_it_goes_with_the_device(self, freezer, hass, cloud, pushed, door) -> None:
        await async_press(hass, cloud, door)
        cloud.remove_device(door)
        await async_arrive(hass, cloud)
        assert registered(hass, pushed, door) is None
        assert last(pushed, door) is None
        assert not [path for path in Path(hass.config.cache_path(DOMAIN)).rglob("*") if path.is_file()]

    async def test_it_goes_with_the_account(self, freezer, hass, cloud, pushed, door) -> None:
        await async_press(hass, cloud, door)
        await hass.config_entries.async_remove(pushed.entry_id)
        assert not [path for path in Path(hass.config.cache_path(DOMAIN)).rglob("*") if path.is_file()]


class TestTheFirst:
    async def test_it_comes_from_the_history_of_the_last_day(self, freezer, hass, cloud, entry, door) -> None:
        at = await async_press(hass, cloud, door)
        freezer.tick(timedelta(hours=3))
        await async_set_up(hass, entry)
        assert asked(cloud) == 0, "setting up does not wait for it"
        await async_pass_in_steps(hass, freezer, 2 * MINUTE)
        assert shows(entry, door) == ms(at)
        assert asked(cloud) == 1

    async def test_an_account_that_is_unloaded_meanwhile_asks_no_further(self, freezer, hass, cloud, entry) -> None:
        await async_set_up(hass, entry)
        await async_pass_in_steps(hass, freezer, 70 * SECOND)
        before = cloud.count("GET", HISTORY)
        held = cloud.faults.add(HISTORY, delay=math.inf, count=None)
        freezer.tick(10)
        async_fire_time_changed(hass)
        await held.reached()
        assert await hass.config_entries.async_unload(entry.entry_id)
        held.release()
        await hass.async_block_till_done(wait_background_tasks=True)
        # That of the regular reader, and the first of those for pictures.
        assert cloud.count("GET", HISTORY) <= before + 2

    async def test_it_comes_from_long_ago(self, freezer, hass, cloud, entry, door) -> None:
        await async_press(hass, cloud, door, "human")
        freezer.tick(timedelta(hours=1))
        at = await async_press(hass, cloud, door)
        freezer.tick(timedelta(days=3))
        await async_set_up(hass, entry)
        await async_pass_in_steps(hass, freezer, 2 * MINUTE)
        assert shows(entry, door) == ms(at)
        assert image(hass, door).attributes["event_type"] == "ring"
        assert asked(cloud) == 1

    async def test_of_what_was_stored_long_ago_nothing_appears_later(self, freezer, hass, cloud, entry, door) -> None:
        await async_press(hass, cloud, door)
        freezer.tick(timedelta(hours=3))
        cloud.faults.add(ASK, method="POST", status=416, count=None)
        await async_set_up(hass, entry)
        await async_pass_in_steps(hass, freezer, 5 * MINUTE)
        assert asked(cloud) == 1
