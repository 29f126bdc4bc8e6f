"""What was pushed of a motion, its sub-type above all, is known as long as its recording is kept."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.ring_partner import labels as labels_module
from custom_components.ring_partner.events import Kind, RingEvent, Source
from custom_components.ring_partner.labels import SAVE_DELAY_SECONDS, Labels
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from ring_cloud import Account
from ring_cloud.model import Device

from .home import Home, home, pushed
from .polls import async_pass_time

__all__ = ["home", "pushed"]

SECOND = timedelta(seconds=1)
SAVED = timedelta(seconds=SAVE_DELAY_SECONDS + 1)


@pytest.fixture
def door(account: Account) -> Device:
    return account.device("Front Door")


def key(entry: ConfigEntry) -> str:
    """Name the file."""
    return f"ring_partner.{entry.entry_id}.labels"


def labels_of(entry: ConfigEntry) -> Labels:
    return entry.runtime_data.activity.labels


def known(entry: ConfigEntry, device: Device) -> list[str | None]:
    return [label.sub_type for label in labels_of(entry).of(device.id)]


def motion(device: Device, ago: timedelta = timedelta(0), sub_type: str | None = "human", **more: Any) -> RingEvent:
    what = {"kind": Kind.MOTION, "source": Source.PUSH} | more
    return RingEvent(device_id=device.id, at=dt_util.utcnow() - ago, sub_type=sub_type, **what)


async def test_what_is_pushed_is_known_with_its_time(home: Home, pushed: ConfigEntry, door: Device) -> None:
    for sub_type in ("human", "vehicle"):
        event = await home.happen(door, "motion_detected", sub_type=sub_type)
        assert event.status == 200
        home.freezer.tick(30)
    await home.happen(door, "button_press")
    first, second = labels_of(pushed).of(door.id)
    assert (first.sub_type, second.sub_type) == ("human", "vehicle")
    assert timedelta(seconds=29) < second.at - first.at < timedelta(seconds=31)


@pytest.mark.parametrize("how", ["late", "unload"])
async def test_it_outlives_a_restart(
    home: Home, pushed: ConfigEntry, hass: HomeAssistant, door: Device, hass_storage: dict[str, Any], how: str
) -> None:
    await home.happen(door, "motion_detected", sub_type="human")
    assert key(pushed) not in hass_storage
    if how == "late":
        await async_pass_time(hass, home.freezer, SAVED)
        assert key(pushed) in hass_storage
    before = labels_of(pushed).of(door.id)
    assert await hass.config_entries.async_unload(pushed.entry_id)
    home.freezer.tick(timedelta(days=20))
    assert await hass.config_entries.async_setup(pushed.entry_id)
    assert labels_of(pushed).of(door.id) == before
    assert known(pushed, door) == ["human"]


async def test_the_lenses_that_saw_it_outlive_a_restart(
    home: Home, pushed: ConfigEntry, hass: HomeAssistant, account: Account
) -> None:
    garage = account.device("Garage")
    for lenses in (("2",), ("1", "2"), ()):
        await home.happen(garage, "motion_detected", sub_type="human", component_ids=lenses)
        home.freezer.tick(30)
    assert await hass.config_entries.async_reload(pushed.entry_id)
    assert [label.component_ids for label in labels_of(pushed).of(garage.id)] == [("2",), ("1", "2"), ()]


async def test_what_was_stored_when_lenses_were_not_is_still_known(
    home: Home, pushed: ConfigEntry, hass: HomeAssistant, door: Device, hass_storage: dict[str, Any]
) -> None:
    assert await hass.config_entries.async_unload(pushed.entry_id)
    hass_storage[key(pushed)]["data"] = {door.id: [[1_795_000_000.5, "human"], [1_795_000_060, None]]}
    assert await hass.config_entries.async_setup(pushed.entry_id)
    assert known(pushed, door) == ["human", None]
    assert {label.component_ids for label in labels_of(pushed).of(door.id)} == {()}


async def test_a_busy_minute_costs_one_write(
    home: Home, pushed: ConfigEntry, hass: HomeAssistant, door: Device, hass_storage: dict[str, Any]
) -> None:
    for _ in range(SAVE_DELAY_SECONDS):
        labels_of(pushed).note(motion(door))
        assert key(pushed) not in hass_storage
        await async_pass_time(hass, home.freezer, SECOND)
    assert len(hass_storage[key(pushed)]["data"][door.id]) == SAVE_DELAY_SECONDS


async def test_what_is_known_already_is_not_kept_twice(
    home: Home, pushed: ConfigEntry, hass: HomeAssistant, door: Device
) -> None:
    """Ring replays by hand what is days old."""
    event = motion(door)
    labels_of(pushed).note(event)
    assert await hass.config_entries.async_reload(pushed.entry_id)
    labels_of(pushed).note(event)
    assert known(pushed, door) == ["human"]


async def test_only_motions_that_were_pushed_are_kept(home: Home, pushed: ConfigEntry, door: Device) -> None:
    labels_of(pushed).note(motion(door, kind=Kind.RING))
    labels_of(pushed).note(motion(door, source=Source.HISTORY))
    assert known(pushed, door) == []


async def test_they_are_in_order_whenever_they_come(home: Home, pushed: ConfigEntry, door: Device) -> None:
    for seconds, sub_type in ((20, "vehicle"), (5, None), (30, "human"), (20, "animal")):
        labels_of(pushed).note(motion(door, seconds * SECOND, sub_type))
    assert known(pushed, door) == ["human", "vehicle", "animal", None]


async def test_the_oldest_go_first(
    home: Home, pushed: ConfigEntry, door: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels_module, "MAX_LABELS", 3)
    for seconds in (50, 10, 40, 20, 30):
        labels_of(pushed).note(motion(door, seconds * SECOND, str(seconds)))
    assert known(pushed, door) == ["30", "20", "10"]


async def test_what_ring_no_longer_keeps_is_not_written(
    home: Home, pushed: ConfigEntry, hass: HomeAssistant, account: Account, door: Device, hass_storage: dict[str, Any]
) -> None:
    for device, days, sub_type in ((door, 181, "human"), (door, 179, "animal"), (account.device("Driveway"), 181, "")):
        labels_of(pushed).note(motion(device, timedelta(days=days), sub_type))
    assert await hass.config_entries.async_unload(pushed.entry_id)
    written = hass_storage[key(pushed)]["data"]
    assert [sub_type for _, sub_type in written.pop(door.id)] == ["animal"]
    assert written == {}


async def test_they_go_with_the_device(
    home: Home, pushed: ConfigEntry, hass: HomeAssistant, account: Account, door: Device, hass_storage: dict[str, Any]
) -> None:
    other = account.device("Driveway")
    for device in (door, other):
        labels_of(pushed).note(motion(device))
    home.cloud.remove_device(door)
    await home.arrive()
    assert known(pushed, door) == []
    assert known(pushed, other) == ["human"]
    await async_pass_time(hass, home.freezer, SAVED)
    assert hass_storage[key(pushed)]["data"].keys() == {other.id}


async def test_they_go_with_the_account(
    home: Home, pushed: ConfigEntry, hass: HomeAssistant, freezer: FrozenDateTimeFactory, door: Device,
    hass_storage: dict[str, Any],
) -> None:  # fmt: skip
    labels = labels_of(pushed)
    labels.note(motion(door))
    await async_pass_time(hass, home.freezer, SAVED)
    assert key(pushed) in hass_storage
    await hass.config_entries.async_remove(pushed.entry_id)
    labels.note(motion(door, SECOND))
    await async_pass_time(hass, home.freezer, SAVED)
    assert key(pushed) not in hass_storage


async def test_file_of_another_release_costs_what_is_not_understood(
    home: Home, pushed: ConfigEntry, hass: HomeAssistant, hass_storage: dict[str, Any], door: Device
) -> None:
    await home.happen(door, "motion_detected", sub_type="human")
    await hass.config_entries.async_unload(pushed.entry_id)
    stored = hass_storage[key(pushed)]
    stored["version"] = 2
    stored["data"][door.id] += [["noon", "human"], [1.0], 5, [1.0, 5], [2.0, None, "1", 2]]
    stored["data"] |= {"fake-device": 5, "fake-other": [None]}
    assert await hass.config_entries.async_setup(pushed.entry_id)
    assert known(pushed, door) == [None, "human"]
    assert labels_of(pushed).of(door.id)[0].component_ids == ("1",)
    assert not labels_of(pushed).of("fake-other")
