"""Two accounts of a household that have the same doorbell, which has one id in both (Ring's Shared Users)."""

import logging

import pytest

from custom_components.ring_partner.const import DOMAIN
from homeassistant.components.media_source import async_resolve_media
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from ring_cloud import Account, App, RingCloud
from ring_cloud.model import Device

from .conftest import make_entry
from .home import RING, Home, home, pushed
from .polls import async_set_up, entities_of, entity_ids, registered, states_of

__all__ = ["home", "pushed"]


@pytest.fixture
def door(account: Account) -> Device:
    """The shared doorbell."""
    return account.device("Front Door")


@pytest.fixture
def bob(cloud: RingCloud, door: Device, account: Account) -> Account:
    """The second account, which has a camera with two lenses of Jane's, too."""
    bob = cloud.add_account("Bob", "Doe", "bob@example.com", devices=0)
    bob.devices += [door, account.device("Garage")]
    return bob


@pytest.fixture
async def second(
    hass: HomeAssistant, pushed: ConfigEntry, cloud: RingCloud, credentials: App, bob: Account
) -> ConfigEntry:
    """Bob's account, set up after Jane's."""
    entry = make_entry(bob, cloud.link_directly(bob, credentials))
    entry.add_to_hass(hass)
    await async_set_up(hass, entry)
    return entry


async def _async_ring(home: Home, door: Device, bob: Account) -> None:
    """Let the doorbell be pressed, which Ring pushes to Jane, and to Bob as well."""
    event = home.cloud.happen(door, "button_press")
    await home.arrive()
    attributes = {"source": door.id, "source_type": "devices", "timestamp": event.timestamp_ms}
    assert await home.tell(bob, id=f"{door.id}_ding", type="button_press", attributes=attributes) == 200
    await home.hass.async_block_till_done(wait_background_tasks=True)


async def test_shared_device_has_entities_in_each_account(
    hass: HomeAssistant,
    pushed: ConfigEntry,
    second: ConfigEntry,
    account: Account,
    door: Device,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for device in (door, account.device("Garage")):
        first, other = entity_ids(hass, pushed, device), entity_ids(hass, second, device)
        assert first.keys() == other.keys() != set()
        assert set(first.values()).isdisjoint(other.values())
        assert states_of(hass, pushed, device) == states_of(hass, second, device)
        assert registered(hass, pushed, device).identifiers.isdisjoint(registered(hass, second, device).identifiers)
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("is_first", [True, False])
async def test_shared_device_is_unchanged_after_other_account_is_removed(
    hass: HomeAssistant, home: Home, pushed: ConfigEntry, second: ConfigEntry, bob: Account, door: Device, *,
    is_first: bool,
) -> None:  # fmt: skip
    await _async_ring(home, door, bob)
    gone, left = (pushed, second) if is_first else (second, pushed)
    before = entities_of(hass, left, door), states_of(hass, left, door), registered(hass, left, door).id
    assert before[1]["last_event"] not in (STATE_UNKNOWN, STATE_UNAVAILABLE)
    await hass.config_entries.async_remove(gone.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert (entities_of(hass, left, door), states_of(hass, left, door), registered(hass, left, door).id) == before
    assert er.async_entries_for_config_entry(er.async_get(hass), gone.entry_id) == []

    # Its picture is on disk, too.
    await hass.config_entries.async_reload(left.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert states_of(hass, left, door)["last_event"] == before[1]["last_event"]


async def test_shared_device_rings_in_each_account(
    home: Home, pushed: ConfigEntry, second: ConfigEntry, bob: Account, door: Device
) -> None:
    await _async_ring(home, door, bob)
    assert (home.fired(pushed, door), home.fired(second, door)) == ([RING], [RING])


async def test_shared_device_removed_from_one_account_stays_in_other(
    hass: HomeAssistant, home: Home, pushed: ConfigEntry, second: ConfigEntry, bob: Account, door: Device
) -> None:
    await _async_ring(home, door, bob)
    before = states_of(hass, pushed, door)
    bob.devices.remove(door)
    at = round(home.freezer().timestamp() * 1000)
    gone = {"source": door.id, "source_type": "devices", "timestamp": at}
    assert await home.tell(bob, id=f"{door.id}_{at}", type="device_removed", attributes=gone) == 200
    await hass.async_block_till_done(wait_background_tasks=True)
    assert registered(hass, second, door) is None
    assert states_of(hass, pushed, door) == before


async def test_actions_on_shared_device_use_account_of_entity(
    hass: HomeAssistant, home: Home, pushed: ConfigEntry, second: ConfigEntry, door: Device
) -> None:
    await home.happen(door, "button_press")
    assert await async_setup_component(hass, "media_source", {})
    for entry, other in ((pushed, second), (second, pushed)):
        await hass.config_entries.async_unload(other.entry_id)
        camera = entity_ids(hass, entry, door)["camera"]
        data = {"entity_id": camera, "types": ["ring"]}
        answer = await hass.services.async_call(DOMAIN, "get_events", data, blocking=True, return_response=True)
        (found,) = answer["events"]
        assert found["media_content_id"].startswith(f"media-source://{DOMAIN}/{entry.entry_id}/{door.id}/")
        media = await async_resolve_media(hass, found["media_content_id"], None)
        assert media.url.startswith(f"/api/{DOMAIN}/clip/{entry.entry_id}/")
        await hass.config_entries.async_setup(other.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)


async def test_removing_one_camera_of_shared_device_by_hand_leaves_other_account(
    hass: HomeAssistant, pushed: ConfigEntry, second: ConfigEntry, account: Account
) -> None:
    garage = account.device("Garage")
    before = states_of(hass, second, garage)
    device = registered(hass, pushed, garage)
    dr.async_get(hass).async_remove_device(device.id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert (entity_ids(hass, pushed, garage), states_of(hass, second, garage)) == ({}, before)
