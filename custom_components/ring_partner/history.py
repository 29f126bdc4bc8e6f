"""The account's past: what was missed while nobody listened, and the way to learn of events where nothing is pushed."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
import logging
import math

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .api import Device, HistoryEvent, RingError, RingForbiddenError, RingUnavailableError
from .const import (
    DEFAULT_POLLING_SECONDS,
    OPTION_DOORBELLS,
    OPTION_POLLING_INTERVAL,
    PUSHED_POLLING_SECONDS,
    RECONCILE_DOORBELL_SECONDS,
    RECONCILE_SECONDS,
    PermissionGroup,
)
from .delivery import DeliveryWatch
from .events import events_from_history
from .kinds import is_camera, is_doorbell, is_unidentified_camera
from .models import RingConfigEntry
from .repairs import report_out_of_scope

_LOGGER = logging.getLogger(__name__)

EVENT_TYPES = ("motion", "ding")
FIRST_AFTER_SECONDS = 5.0
# A busy camera has hundreds of rows a day, and Ring may list its live views among them.
MAX_PAGES = 100


@dataclass(frozen=True, slots=True)
class _Wait:
    """A camera whose history Ring did not tell is asked for again by itself: the others are not to suffer."""

    seconds: float
    until: float
    is_refused: bool


class HistoryReader:
    """Reads the history of one camera after the other, each when it is due."""

    def __init__(self, hass: HomeAssistant, entry: RingConfigEntry, delivery: DeliveryWatch) -> None:
        """Prepare; `async_start` begins."""
        self._hass = hass
        self._entry = entry
        self._client = entry.runtime_data.client
        self._coordinator = entry.runtime_data.coordinator
        self._activity = entry.runtime_data.activity
        self._delivery = delivery
        self._polling_seconds: float = entry.options.get(OPTION_POLLING_INTERVAL, DEFAULT_POLLING_SECONDS)
        # A ring is announced while it is not older than two minutes, however seldom the user wants the rest to be read.
        self._ring_seconds: float = min(self._polling_seconds, DEFAULT_POLLING_SECONDS)
        self._waits: dict[str, _Wait] = {}
        self._read_at: dict[str, float] = {}
        self._overdue_at: dict[str, float] = {}
        """When a push that the history shows to be missing is overdue."""
        self._closed = False
        self._cancel_timer: CALLBACK_TYPE | None = None
        self._job = HassJob(self._async_tick, "ring_partner history", cancel_on_shutdown=True)

    @callback
    def async_start(self) -> None:
        """Begin with a round that catches up, then go on for as long as the entry is loaded."""
        self._entry.async_on_unload(self._close)
        # The user may switch polling off for an entry; this is polling.
        if not self._entry.pref_disable_polling:
            self._call_in(FIRST_AFTER_SECONDS)

    def _is_leaving(self) -> bool:
        """Whether nobody would hear of it any more; what is not read now will be after a reload."""
        return self._entry.state is ConfigEntryState.UNLOAD_IN_PROGRESS

    def _close(self) -> None:
        self._closed = True
        self._stop()

    def _stop(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None

    def _call_in(self, seconds: float) -> None:
        self._stop()
        if not self._closed:
            self._cancel_timer = async_call_later(self._hass, seconds, self._job)

    async def _async_tick(self, _now: datetime) -> None:
        """Read one camera; the others follow."""
        self._cancel_timer = None
        cameras = {device.id: device for device in self._coordinator.data.devices.values() if is_camera(device)}
        for known in (self._waits, self._read_at, self._overdue_at):
            for device_id in known.keys() - cameras.keys():
                del known[device_id]
        # While Ring is down or asks to wait, what happened there can wait, too.
        is_up = self._coordinator.last_update_success and not self._coordinator.seconds_to_wait
        now = self._hass.loop.time()
        due = {device_id: self._due_at(device) for device_id, device in cameras.items()}
        if is_up and not self._is_leaving() and (ready := [device_id for device_id in due if due[device_id] <= now]):
            await self._async_read_next(cameras[min(ready, key=lambda device_id: due[device_id])])
            if not self._closed:
                self._report_if_refused([*cameras])
        # What was read may have shown that pushes are missing.
        self._call_in(max(self._pause(cameras.values()), self._coordinator.seconds_to_wait))

    def _due_at(self, device: Device) -> float:
        """Return when the history of a camera is read next, as the event loop counts."""
        if (wait := self._waits.get(device.id)) is not None:
            return wait.until
        if (read_at := self._read_at.get(device.id)) is None:
            return 0
        return min(read_at + self._interval(device), self._overdue_at.get(device.id, math.inf))

    def _interval(self, device: Device) -> float:
        """Return how often the history of a camera is read: often where it is how rings are learnt of."""
        can_ring = is_doorbell(device, self._entry.options.get(OPTION_DOORBELLS, ()))
        if self._delivery.is_proven:
            return RECONCILE_DOORBELL_SECONDS if can_ring else RECONCILE_SECONDS
        return self._ring_seconds if can_ring or is_unidentified_camera(device) else self._polling_seconds

    def _pause(self, cameras: Collection[Device]) -> float:
        """Return the seconds until the next camera is due; however many are, they take turns."""
        now = self._hass.loop.time()
        # Half of what they would have each, as reading takes time, too.
        at_least = self._ring_seconds / max(2 * len(cameras), 1)
        due_in = min((self._due_at(camera) - now for camera in cameras), default=0)
        # A camera that is shared meanwhile does not wait for the others.
        return min(max(due_in, at_least), DEFAULT_POLLING_SECONDS)

    async def _async_read_next(self, device: Device) -> None:
        """Read a camera. What was not read is made good another time."""
        device_id = device.id
        waited = self._waits.pop(device_id, None)
        self._overdue_at.pop(device_id, None)
        self._read_at[device_id] = self._hass.loop.time()
        try:
            await self._async_read(device_id)
        except RingForbiddenError as err:
            if err.out_of_scope:
                if waited is None:
                    _LOGGER.warning("Ring does not let this app read the history of a camera")
                self._wait(device_id, RECONCILE_SECONDS, is_refused=True)
        except RingUnavailableError:
            longest = min(self._interval(device), PUSHED_POLLING_SECONDS)
            seconds = self._ring_seconds if waited is None else 2 * waited.seconds
            self._wait(device_id, min(seconds, longest))
        except RingError as err:
            _LOGGER.debug("Could not read the history: %s", err)
        except Exception:
            # The other cameras are not to suffer, nor is it to be the end of reading.
            _LOGGER.exception("Could not deal with the history; it will be read again")

    def _wait(self, device_id: str, seconds: float, *, is_refused: bool = False) -> None:
        self._waits[device_id] = _Wait(seconds, self._hass.loop.time() + seconds, is_refused)

    def _report_if_refused(self, cameras: list[str]) -> None:
        """Say so when it is not one camera, but all of them that the app may not read."""
        refused = [device_id for device_id, wait in self._waits.items() if wait.is_refused]
        if len(refused) == len(cameras):
            self._coordinator.refused_history.add(PermissionGroup.CAMERAS)
            report_out_of_scope(self._hass, self._entry, PermissionGroup.CAMERAS)

    async def _async_read(self, device_id: str) -> None:
        """Deal with what is new since last time, oldest first."""
        began = dt_util.utcnow()
        since = self._activity.unread_since(device_id)
        rows = await self._client.async_get_history(device_id, EVENT_TYPES, since=since, max_pages=MAX_PAGES)
        self._coordinator.refused_history.clear()
        if self._closed or self._is_leaving():
            return
        for event in events_from_history(device_id, sorted(rows, key=_start), dt_util.utcnow()):
            self._activity.handle(event)
            if (overdue_in := self._delivery.compare(event)) is not None:
                # Ring may still be repeating it; the next look may be long after it is overdue.
                self._overdue_at[device_id] = self._hass.loop.time() + overdue_in
        self._activity.read_until(device_id, began)


def _start(row: HistoryEvent) -> datetime:
    return row.start
