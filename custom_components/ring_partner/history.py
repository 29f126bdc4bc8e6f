"""The account's past: what was missed while nobody listened, and the way to learn of events where nothing is pushed."""

from datetime import datetime
import logging

from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .api import HistoryEvent, RingError, RingForbiddenError, RingUnavailableError
from .const import DEFAULT_POLLING_SECONDS, OPTION_POLLING_INTERVAL, RECONCILE_SECONDS, PermissionGroup
from .delivery import DeliveryWatch
from .events import event_from_history
from .kinds import is_camera
from .models import RingConfigEntry
from .repairs import report_out_of_scope

_LOGGER = logging.getLogger(__name__)

EVENT_TYPES = ("motion", "ding")
FIRST_AFTER_SECONDS = 5.0
# A busy camera has hundreds of rows a day, and Ring may list its live views among them.
MAX_PAGES = 100


class HistoryReader:
    """Reads the history of one camera after the other, spread evenly over the interval."""

    def __init__(self, hass: HomeAssistant, entry: RingConfigEntry, delivery: DeliveryWatch) -> None:
        """Prepare; `async_start` begins."""
        self._hass = hass
        self._entry = entry
        self._client = entry.runtime_data.client
        self._coordinator = entry.runtime_data.coordinator
        self._activity = entry.runtime_data.activity
        self._delivery = delivery
        self._polling_seconds: float = entry.options.get(OPTION_POLLING_INTERVAL, DEFAULT_POLLING_SECONDS)
        self._queue: list[str] = []
        self._is_first_round = True
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
        cameras = [device.id for device in self._coordinator.data.devices.values() if is_camera(device)]
        self._queue = [device_id for device_id in self._queue if device_id in cameras] or list(cameras)
        asked = self._coordinator.seconds_to_wait
        # While Ring is down or asks to wait, what happened there can wait, too.
        if self._queue and not asked and self._coordinator.last_update_success:
            asked = await self._async_read_next(self._queue.pop(0))
            self._is_first_round = self._is_first_round and bool(self._queue)
        # What was read may have shown that pushes are missing.
        self._call_in(max(self._pause(len(cameras)), asked))

    def _pause(self, cameras: int) -> float:
        """Return the seconds until the next camera's turn."""
        catching_up = self._is_first_round or not self._delivery.is_proven
        return (self._polling_seconds if catching_up else RECONCILE_SECONDS) / max(cameras, 1)

    async def _async_read_next(self, device_id: str) -> float:
        """Read a camera; return how long Ring wants to be left alone. What was not read is made good another time."""
        try:
            await self._async_read(device_id)
        except RingForbiddenError as err:
            if err.out_of_scope:
                self._coordinator.refused_history.add(PermissionGroup.CAMERAS)
                report_out_of_scope(self._hass, self._entry, PermissionGroup.CAMERAS)
                return RECONCILE_SECONDS
        except RingUnavailableError as err:
            if self._is_first_round:
                self._queue.append(device_id)
            self._coordinator.heed(err)
            return self._coordinator.seconds_to_wait
        except RingError as err:
            _LOGGER.debug("Could not read the history: %s", err)
        except Exception:
            # The other cameras are not to suffer, nor is it to be the end of reading.
            _LOGGER.exception("Could not deal with the history; it will be read again")
        return 0

    async def _async_read(self, device_id: str) -> None:
        """Deal with what is new since last time, oldest first."""
        began = dt_util.utcnow()
        since = self._activity.unread_since(device_id)
        rows = await self._client.async_get_history(device_id, EVENT_TYPES, since=since, max_pages=MAX_PAGES)
        self._coordinator.refused_history.clear()
        if self._closed:
            return
        for row in sorted(rows, key=_start):
            if (event := event_from_history(device_id, row)) is not None:
                self._activity.handle(event)
                self._delivery.compare(event)
        self._activity.read_until(device_id, began)


def _start(row: HistoryEvent) -> datetime:
    return row.start
