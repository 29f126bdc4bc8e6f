"""Ring says when something begins to move, and not when it ends: the motion sensor is held on for a while."""

import pytest

from homeassistant.config_entries import ConfigEntry
from homeassistant.helpers import entity_registry as er

from .polls import async_pass_time, entity_ids, identifier_of, state_of
from .pushes import (
    SECOND,
    async_arrive,
    async_pass_in_steps,
    async_press,
    async_set_up_pushed,
    webhook_url,
)


@pytest.fixture(autouse=True)
def _frozen(freezer) -> None:
    """Let time pass only when a test says so."""


@pytest.fixture
def door(account):
    return account.device("Front Door")


@pytest.fixture
async def pushed(freezer, hass, cloud, app, entry, address, request) -> ConfigEntry:
    hass.config_entries.async_update_entry(entry, options=getattr(request, "param", {}))
    await async_set_up_pushed(hass, cloud, app, entry, webhook_url(address))
    freezer.tick(1)
    return entry


@pytest.mark.parametrize(("pushed", "hold"), [({}, 30), ({"motion_hold": 90}, 90)], indirect=["pushed"])
async def test_motion_is_held_and_extended_by_more_of_it(freezer, hass, cloud, pushed, door, hold) -> None:
    motion = motion_sensor(hass, pushed, door)
    assert hass.states.get(motion).state == "off"
    await async_press(hass, cloud, door, "vehicle")
    assert hass.states.get(motion).state == "on"
    await async_pass_time(hass, freezer, (hold - 2) * SECOND)
    await async_press(hass, cloud, door, "vehicle")
    await async_pass_time(hass, freezer, (hold - 2) * SECOND)
    assert hass.states.get(motion).state == "on"
    await async_pass_time(hass, freezer, 3 * SECOND)
    assert hass.states.get(motion).state == "off"


async def test_a_ring_is_no_motion(freezer, hass, cloud, pushed, door) -> None:
    await async_press(hass, cloud, door)
    assert hass.states.get(motion_sensor(hass, pushed, door)).state == "off"


async def test_a_person_sensor_appears_once_a_person_was_seen(freezer, hass, cloud, pushed, door) -> None:
    await async_press(hass, cloud, door, "vehicle")
    assert "person" not in entity_ids(hass, pushed, door)
    await async_press(hass, cloud, door, "human")
    assert "person" in entity_ids(hass, pushed, door)
    assert state_of(hass, pushed, door, "person") == "on"
    await async_pass_time(hass, freezer, 40 * SECOND)
    assert state_of(hass, pushed, door, "person") == "off"
    await async_press(hass, cloud, door, "human")
    assert state_of(hass, pushed, door, "person") == "on"
    await async_pass_time(hass, freezer, 31 * SECOND)
    assert state_of(hass, pushed, door, "person") == "off"


async def test_a_person_is_seen_by_the_push_where_the_history_was_quicker(freezer, hass, cloud, pushed, door) -> None:
    await async_press(hass, cloud, door, "human")
    await async_pass_time(hass, freezer, 40 * SECOND)
    # After a reload the history is read at once.
    await hass.config_entries.async_reload(pushed.entry_id)
    cloud.deliveries.mischief("hold")
    motion = await async_press(hass, cloud, door, "human")
    await async_pass_in_steps(hass, freezer, 100 * SECOND)
    announced = hass.states.get(motion_entity(hass, pushed, door, "event"))
    assert announced.attributes["event_time"] == motion.isoformat()
    assert announced.attributes["sub_type"] is None
    assert state_of(hass, pushed, door, "person") == "off"
    await cloud.deliveries.release()
    await async_arrive(hass, cloud)
    assert state_of(hass, pushed, door, "person") == "on"
    await async_pass_in_steps(hass, freezer, 40 * SECOND)
    assert state_of(hass, pushed, door, "person") == "off"
    assert hass.states.get(motion_entity(hass, pushed, door, "event")) == announced


def motion_entity(hass, entry, door, domain) -> str:
    """Two entities have the same key."""
    found = er.async_get(hass).async_get_entity_id(domain, "ring_partner", f"{identifier_of(entry, door)}_motion")
    assert found is not None
    return found


def motion_sensor(hass, entry, door) -> str:
    """Not the event entity, which has the same key."""
    return motion_entity(hass, entry, door, "binary_sensor")


@pytest.mark.parametrize("so_far", [10, 29])
async def test_a_rename_changes_nothing_of_how_long_it_is_held(freezer, hass, cloud, pushed, door, so_far) -> None:
    """Home Assistant takes away what is renamed, and adds it again. What was polled comes late, and is held as long."""
    cloud.deliveries.mischief("hold")
    cloud.happen(door, "motion_detected", sub_type="vehicle")
    freezer.tick(40)
    await cloud.deliveries.release()
    await async_arrive(hass, cloud)
    motion = motion_sensor(hass, pushed, door)
    assert hass.states.get(motion).state == "on"
    await async_pass_time(hass, freezer, so_far * SECOND)
    er.async_get(hass).async_update_entity(motion, new_entity_id="binary_sensor.renamed")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.states.get("binary_sensor.renamed").state == "on"
    await async_pass_time(hass, freezer, (31 - so_far) * SECOND)
    assert hass.states.get("binary_sensor.renamed").state == "off"
