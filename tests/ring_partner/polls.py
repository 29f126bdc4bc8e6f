"""What the tests of entities, devices and coordinator have in common: the next poll, and finding what a family has."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.ring_partner.const import DOMAIN
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry
from homeassistant.const import EVENT_STATE_CHANGED, EVENT_STATE_REPORTED, STATE_UNAVAILABLE
from homeassistant.core import Event, HomeAssistant, State, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from ring_cloud import RingCloud
from ring_cloud.model import Device

POLL = timedelta(seconds=61)
# The user has switched one of the chime's sounds off.
ALWAYS_UNAVAILABLE = {"button.hallway_chime_harp"}
BY_EVENTS = ("_motion", "_person", "_doorbell", "_last_ring", "_last_activity", "_last_event")


async def async_set_up(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Set the account up, and let what it does in the background come to its end."""
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)


async def async_pass_time(hass: HomeAssistant, freezer: FrozenDateTimeFactory, time: timedelta = POLL) -> None:
    """Let time pass at once: whatever is due in it happens (a poll once)."""
    freezer.tick(time)
    async_fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)


def asked(cloud: RingCloud) -> int:
    """Return how many requests Ring got, apart from those for the history of its cameras."""
    return len(cloud.requests) - cloud.count("GET", "/v1/history/*")


def identifier_of(entry: ConfigEntry, device: Device | None) -> str:
    """Return how the registries know a device of an account, or (None) the account itself."""
    return f"{entry.unique_id}" if device is None else f"{entry.unique_id}~{device.id}"


def keys_of(hass: HomeAssistant, entry: ConfigEntry, device: Device | None) -> list[tuple[str, er.RegistryEntry]]:
    """Return the entities of a device (None: of the account) with their keys; a lens stands before the key."""
    identifier = identifier_of(entry, device)
    found = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    ends = ("_",) if device is None else ("_", "~")
    return [
        (item.unique_id[len(identifier) + 1 :], item)
        for item in found
        if item.unique_id.startswith(tuple(identifier + end for end in ends))
    ]


def entity_ids(hass: HomeAssistant, entry: ConfigEntry, device: Device | None = None) -> dict[str, str]:
    """Return the entities of a device (None: of the account), enabled or not, by their keys.

    Of two with the same key it is the event entity, whichever was there first.
    """
    found = keys_of(hass, entry, device)
    return {key: item.entity_id for key, item in sorted(found, key=lambda item: item[1].domain == "event")}


def entities_of(hass: HomeAssistant, entry: ConfigEntry, device: Device) -> set[str]:
    """Return all entities of a device, also where two of different kinds have the same key."""
    return {item.entity_id for _, item in keys_of(hass, entry, device)}


def by_events(hass: HomeAssistant, entry: ConfigEntry) -> set[str]:
    """Return the entities that show what happens: Ring pushes it, also while it answers no poll."""
    found = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return {item.entity_id for item in found if item.unique_id.endswith(BY_EVENTS)}


def state_of(hass: HomeAssistant, entry: ConfigEntry, device: Device | None, key: str) -> str:
    """Return the state of one value of a device, or of the account."""
    state = hass.states.get(entity_ids(hass, entry, device)[key])
    assert isinstance(state, State), f"{key} has no state"
    return state.state


def states_of(hass: HomeAssistant, entry: ConfigEntry, device: Device | None) -> dict[str, str]:
    """Return the states of all enabled entities of a device, or of the account, by their keys."""
    found = ((key, hass.states.get(entity_id)) for key, entity_id in entity_ids(hass, entry, device).items())
    return {key: state.state for key, state in found if state is not None}


def registered(hass: HomeAssistant, entry: ConfigEntry, device: Device) -> dr.DeviceEntry | None:
    """Return a device's entry in the registry."""
    return dr.async_get(hass).async_get_device_by_identifier((DOMAIN, identifier_of(entry, device)), entry.entry_id)


def unavailable(hass: HomeAssistant) -> set[str]:
    """Return the entities that are unavailable."""
    states = hass.states.async_all()
    return {state.entity_id for state in states if state.state == STATE_UNAVAILABLE} - ALWAYS_UNAVAILABLE


def issues(hass: HomeAssistant) -> set[str]:
    """Return the repairs that the user sees, by their texts."""
    return {issue.translation_key for (domain, _), issue in ir.async_get(hass).issues.items() if domain == DOMAIN}


def reauths(hass: HomeAssistant) -> int:
    """Return how often the user is asked to link again."""
    flows = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    return sum(flow["context"]["source"] == SOURCE_REAUTH for flow in flows)


@contextmanager
def state_writes(hass: HomeAssistant) -> Iterator[list[str]]:
    """Collect the entity ids of all state writes, also of those that change nothing."""
    written: list[str] = []

    @callback
    def write(event: Event) -> None:
        if not _is_new_token(event):
            written.append(event.data["entity_id"])

    @callback
    def always(_data: Mapping[str, object]) -> bool:
        return True

    stops = [hass.bus.async_listen(kind, write, always) for kind in (EVENT_STATE_CHANGED, EVENT_STATE_REPORTED)]
    yield written
    for stop in stops:
        stop()


def _is_new_token(event: Event) -> bool:
    """Whether this is Home Assistant itself, which changes the addresses of pictures every five minutes."""
    before, after = event.data.get("old_state"), event.data.get("new_state")
    if before is None or after is None or before.state != after.state:
        return False
    changed = {name for name, _ in before.attributes.items() ^ after.attributes.items()}
    return bool(changed) and changed <= {"access_token", "entity_picture"}


def set_clock_back(hass: HomeAssistant, freezer: FrozenDateTimeFactory, by: timedelta) -> None:
    """Set the clock of the computer back; that of the event loop only goes forward."""
    count = hass.loop.time
    hass.loop.time = lambda: count() + by.total_seconds()
    freezer.tick(-by)
