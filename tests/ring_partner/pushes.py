"""What the tests of pushes have in common: an account to which Ring pushes, and telling what was announced."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from freezegun.api import FrozenDateTimeFactory

from custom_components.ring_partner.endpoints import Endpoint, endpoint_id
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers.event import async_track_state_change_event
from ring_cloud import App, RingCloud
from ring_cloud.model import Device

from .conftest import SIGNING_KEY
from .polls import async_pass_time, async_set_up, entity_ids

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
HISTORY = "/v1/history/devices/*/events"


def webhook_url(address: str) -> str:
    """Where Ring has to push to."""
    return f"{address}/api/webhook/{endpoint_id(SIGNING_KEY, Endpoint.EVENTS)}"


async def async_set_up_pushed(hass: HomeAssistant, cloud: RingCloud, app: App, entry: ConfigEntry, url: str) -> None:
    """Set the account up, with the webhook's address in Ring's portal."""
    cloud.add_app(app.client_id, webhook_url=url)
    await async_set_up(hass, entry)
    await async_arrive(hass, cloud)


async def async_arrive(hass: HomeAssistant, cloud: RingCloud) -> None:
    """Let everything that Ring sends now arrive."""
    await cloud.deliveries.settle()
    await hass.async_block_till_done(wait_background_tasks=True)


async def async_press(hass: HomeAssistant, cloud: RingCloud, device: Device, sub_type: str | None = None) -> datetime:
    """Let somebody ring (or, with a sub-type, pass); return when."""
    event = cloud.happen(device, "button_press" if sub_type is None else "motion_detected", sub_type=sub_type)
    await async_arrive(hass, cloud)
    return datetime.fromisoformat("1970-01-01T00:00:00+00:00") + timedelta(milliseconds=event.timestamp_ms)


async def async_pass_in_steps(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, time: timedelta, step: timedelta = 5 * SECOND
) -> None:
    """Let time pass so that everything happens when it is due, to the step."""
    for _ in range(int(time / step)):
        await async_pass_time(hass, freezer, step)


@contextmanager
def announced(hass: HomeAssistant, entry: ConfigEntry, device: Device, key: str = "doorbell") -> Iterator[list[str]]:
    """Collect the times of the events that a device announces."""
    times: list[str] = []

    @callback
    def hear(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if state is not None and "event_time" in state.attributes:
            times.append(state.attributes["event_time"])

    stop = async_track_state_change_event(hass, entity_ids(hass, entry, device)[key], hear)
    yield times
    stop()
