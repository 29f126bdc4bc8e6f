"""Last pictures that come too late, or not at all; and one that is here already."""

import asyncio
from datetime import timedelta
import json
import math
from pathlib import Path
import threading

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.ring_partner.cache import DiskCache
from custom_components.ring_partner.const import DOMAIN
from custom_components.ring_partner.identifiers import CameraId
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from ring_cloud import Account, App, RingCloud
from ring_cloud.media_time import read_time
from ring_cloud.model import Device

from .polls import async_set_up
from .pushes import HISTORY, MINUTE, SECOND, async_arrive, async_pass_in_steps, async_press, webhook_url

ASK = "/v1/devices/*/media/image/download"


@pytest.fixture
def door(account: Account) -> Device:
    return account.device("Front Door")


@pytest.fixture
async def pushed(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, cloud: RingCloud, app: App, entry: ConfigEntry, address: str
) -> ConfigEntry:
    """Jane's account, set up a moment ago."""
    cloud.add_app(app.client_id, webhook_url=webhook_url(address))
    await async_set_up(hass, entry)
    freezer.tick(3)
    return entry


def shown(entry: ConfigEntry, device: Device) -> int | None:
    """The moment that is burnt into the last picture."""
    last = entry.runtime_data.pictures.last(CameraId(device.id))
    return None if last is None else read_time(last.picture.body)


async def test_the_picture_of_the_last_event_is_here_already(
    hass: HomeAssistant, cloud: RingCloud, pushed: ConfigEntry, door: Device
) -> None:
    at = await async_press(hass, cloud, door)
    asked = cloud.count("POST", ASK)
    picture = await pushed.runtime_data.pictures.async_get(CameraId(door.id), at)
    assert read_time(picture.body) == round(at.timestamp() * 1000)
    assert cloud.count("POST", ASK) == asked == 1


async def test_a_picture_that_comes_after_its_camera_was_removed_is_kept_nowhere(
    hass: HomeAssistant, cloud: RingCloud, pushed: ConfigEntry, door: Device
) -> None:
    held = cloud.faults.add("/v1/download", delay=math.inf)
    cloud.happen(door, "button_press")
    await held.reached()
    pushed.runtime_data.coordinator.remove_device(door.id)
    held.release()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert shown(pushed, door) is None
    assert not [path for path in Path(hass.config.cache_path(DOMAIN)).rglob("*") if path.is_file()]


async def test_a_camera_that_returns_with_a_ring_shows_that_and_not_what_was_kept(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, cloud: RingCloud, account: Account, pushed: ConfigEntry,
    door: Device, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The disk may be slower than Ring."""
    await async_press(hass, cloud, door)
    account.devices.remove(door)
    assert await hass.config_entries.async_reload(pushed.entry_id)
    freezer.tick(60)
    read, may_read, reading = DiskCache._read, threading.Event(), threading.Event()

    def slow(cache: DiskCache, name: str) -> bytes | None:
        data = read(cache, name)
        reading.set()
        may_read.wait()
        return data

    monkeypatch.setattr(DiskCache, "_read", slow)
    account.devices.append(door)
    await pushed.runtime_data.coordinator.async_refresh()
    await hass.async_add_executor_job(reading.wait)
    event = cloud.happen(door, "button_press")
    while shown(pushed, door) is None:
        await asyncio.sleep(0)
    may_read.set()
    await async_arrive(hass, cloud)
    assert shown(pushed, door) == event.timestamp_ms


async def test_a_history_that_ring_refuses_is_not_asked_for_once_for_each_camera(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, cloud: RingCloud, account: Account, pushed: ConfigEntry
) -> None:
    """After a minute somebody looks for first pictures; where events are pushed, nobody else reads then."""
    await async_press(hass, cloud, account.device("Driveway"), "human")
    await async_pass_in_steps(hass, freezer, 66 * SECOND)
    asked = cloud.count("GET", HISTORY)
    body = json.dumps({"errors": [{"title": "Out Of Scope Access"}]})
    cloud.faults.add(HISTORY, status=403, body=body, count=None)
    freezer.tick(timedelta(seconds=10))
    async_fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)
    await async_pass_in_steps(hass, freezer, MINUTE)
    assert cloud.count("GET", HISTORY) == asked + 1
