"""Files that the user asks for: of which recording, and what becomes of one that is no longer waited for."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.ring_partner.const import DOMAIN
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from ring_cloud import Account, App, RingCloud
from ring_cloud.media_time import read_times
from ring_cloud.model import Device

from .polls import async_set_up

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
VIDEO = "/v1/devices/*/media/video/download"


@pytest.fixture(autouse=True)
def _now(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(NOW)


@pytest.fixture
def bell(account: Account) -> Device:
    return account.device("Front Door")


@pytest.fixture
async def folder(
    hass: HomeAssistant, entry: ConfigEntry, cloud: RingCloud, account: Account, app: App, tmp_path: Path
) -> Path:
    """Where Home Assistant may write; Jane's account is set up, and she has used the app for a day."""
    cloud.backdate_consent(account, app, 86_400)
    await async_set_up(hass, entry)
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    return tmp_path


async def test_a_recording_that_is_not_the_newest_is_found_by_its_id(
    hass: HomeAssistant, cloud: RingCloud, bell: Device, folder: Path
) -> None:
    rows = [
        cloud.remember(bell, "button_press", at=(NOW - number * MINUTE).timestamp(), duration=2)
        for number in range(1, 4)
    ]
    data = {"entity_id": "event.front_door_doorbell", "event_id": rows[1].id, "filename": str(folder / "ring.mp4")}
    await hass.services.async_call(DOMAIN, "download_clip", data, blocking=True, return_response=True)

    times = read_times((folder / "ring.mp4").read_bytes())
    assert datetime.fromtimestamp(times[0] / 1000, UTC) == NOW - 2 * MINUTE


async def test_who_gives_up_waiting_for_the_end_of_a_recording_leaves_nothing(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, cloud: RingCloud, bell: Device, folder: Path
) -> None:
    """A script may be stopped at the very moment at which the recording is over."""
    cloud.happen(bell, "button_press")
    data = {
        "entity_id": "event.front_door_doorbell",
        "start": dt_util.utcnow().isoformat(),
        "duration": 3,
        "filename": str(folder / "ring.mp4"),
    }
    call = hass.async_create_task(
        hass.services.async_call(DOMAIN, "download_clip", data, blocking=True, return_response=True)
    )
    while not any("media" in str(timer) for timer in hass.loop._scheduled):
        await asyncio.sleep(0)

    freezer.tick(4)
    call.cancel()
    async_fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)

    assert call.cancelled()
    assert cloud.count("POST", VIDEO) == 0
    assert list(folder.glob("*.mp4")) == []
