"""What the options change once they are saved in their dialog."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from ring_cloud import Account, RingCloud

from .polls import async_pass_time, entity_ids, registered, states_of

DEVICES = "/v1/devices"


@pytest.fixture(autouse=True)
def _frozen(freezer: FrozenDateTimeFactory) -> None:
    """Let time pass only when a test says so."""


async def _async_save(hass: HomeAssistant, entry: ConfigEntry, options: dict[str, Any]) -> None:
    flow = await hass.config_entries.options.async_init(entry.entry_id)
    await hass.config_entries.options.async_configure(flow["flow_id"], options)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.state is ConfigEntryState.LOADED


@pytest.mark.parametrize("seconds", [30, 900])
async def test_polls_come_as_often_as_asked_for(
    hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, freezer: FrozenDateTimeFactory, seconds: int
) -> None:
    await _async_save(hass, linked, {"polling_interval": seconds})
    cloud.requests.clear()
    await async_pass_time(hass, freezer, timedelta(seconds=seconds - 2))
    assert cloud.count("GET", DEVICES) == 0
    await async_pass_time(hass, freezer, timedelta(seconds=3))
    assert cloud.count("GET", DEVICES) == 1
    for _ in range(3):
        await async_pass_time(hass, freezer, timedelta(seconds=seconds + 1))
    assert cloud.count("GET", DEVICES) == 4


async def test_a_camera_that_the_user_calls_a_doorbell_is_one(
    hass: HomeAssistant, linked: ConfigEntry, account: Account
) -> None:
    camera = account.device("Garden")
    before = states_of(hass, linked, camera)
    assert registered(hass, linked, camera).model == "Camera"
    await _async_save(hass, linked, {"polling_interval": 60, "motion_hold": 30, "doorbells": [camera.id]})
    assert registered(hass, linked, camera).model == "Doorbell"
    assert states_of(hass, linked, camera) == before | dict.fromkeys(("doorbell", "last_ring"), STATE_UNKNOWN)
    await _async_save(hass, linked, {"polling_interval": 60, "motion_hold": 30, "doorbells": []})
    assert registered(hass, linked, camera).model == "Camera"
    # What only doorbells have does not stay behind.
    assert states_of(hass, linked, camera) == before
    assert entity_ids(hass, linked, camera).keys() & {"doorbell", "last_ring"} == set()
