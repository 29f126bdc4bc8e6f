"""What happens at the devices of one account: judged once, remembered, and told to the entities."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
import logging
from typing import Any

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .clock import ClockWatch, started
from .const import DOMAIN, OPTION_DOORBELLS
from .coordinator import RingCoordinator
from .events import STALE_AFTER, Activity, Kind, Ledger, RingEvent, Source, Verdict
from .kinds import is_doorbell
from .labels import Labels
from .models import DeliveryMode, RingConfigEntry
from .storage import TolerantStore, as_mapping, as_time, as_times

_LOGGER = logging.getLogger(__name__)

# Written a little later: the events of a busy minute cost one write.
SAVE_DELAY_SECONDS = 5
# How far back to look for what was missed, where nothing has been read before.
LONGEST_GAP = timedelta(days=1)
# The history is read again from a little before where it was: rows come late, and pushes are not overdue at once.
READ_AGAIN = timedelta(minutes=10)

type Listener = Callable[[RingEvent], None]


@dataclass(frozen=True, slots=True, eq=False)
class _Listening:
    listener: Listener
    to_details: bool


def activity_store(hass: HomeAssistant, entry_id: str) -> TolerantStore:
    """Return where the account's recent events are kept."""
    return TolerantStore(hass, f"{DOMAIN}.{entry_id}.events")


class ActivityLog:
    """Takes events from webhooks and from the history alike."""

    def __init__(self, hass: HomeAssistant, entry: RingConfigEntry, coordinator: RingCoordinator) -> None:
        """Begin empty; `async_load` brings back what was known before."""
        self._hass = hass
        self._entry = entry
        self._coordinator = coordinator
        self._store = activity_store(hass, entry.entry_id)
        self.ledger = Ledger(started(hass))
        self.labels = Labels(hass, entry)
        self.delivery = DeliveryMode.WAITING
        """What was last known of Ring's webhooks; it outlives a restart."""
        self.pushed_at: datetime | None = None
        """When something that happened at a camera was pushed last."""
        self.last_event_at: datetime | None = None
        """When anything was pushed last."""
        self._clock = ClockWatch()
        self._activity: dict[str, Activity] = {}
        self._read_until: dict[str, datetime] = {}
        self._listeners: dict[str, list[_Listening]] = {}
        self._unannounced: dict[tuple[str, Kind], RingEvent] = {}
        # Of each kind at each device, the last that could not be told to everybody.
        self._untold: dict[tuple[str, Kind], tuple[RingEvent, list[_Listening]]] = {}
        self._is_save_due = False
        self._is_closed = False

    async def async_load(self) -> None:
        """Remember what was dealt with before a restart or reload."""
        await self.labels.async_load()
        if (stored := await self._store.async_load()) is not None:
            # Not in the event loop: after a storm there is a lot of it.
            await self._hass.async_add_executor_job(self._restore, stored)
            self._coordinator.set_activity(self._activity)

    def _restore(self, stored: object) -> None:
        """Read what was kept; what another release wrote otherwise is left out."""
        document = as_mapping(stored)
        self.ledger = Ledger.from_dict(document.get("ledger"), self.ledger.started)
        activity = as_mapping(document.get("activity"))
        self._activity = {device_id: Activity.from_dict(item) for device_id, item in activity.items()}
        delivery = document.get("delivery")
        self.delivery = next((mode for mode in DeliveryMode if mode == delivery), DeliveryMode.WAITING)
        self.last_event_at = as_time(document.get("last_event_at"))
        self._read_until = as_times(document.get("read_until"))

    async def async_close(self) -> None:
        """Write for the last time: what came later would bring back what is removed with the entry."""
        self._is_closed = True
        await self._store.async_save(await self._hass.async_add_executor_job(self._as_dict))
        await self.labels.async_close()

    def _as_dict(self) -> dict[str, Any]:
        """Return what is written; called from another thread, while events go on to come."""
        self._is_save_due = False
        return {
            "ledger": self.ledger.as_dict(dt_util.utcnow()),
            "delivery": self.delivery,
            "last_event_at": None if self.last_event_at is None else self.last_event_at.timestamp(),
            "read_until": {device_id: at.timestamp() for device_id, at in list(self._read_until.items())},
            # Replaced, never changed.
            "activity": {device_id: item.as_dict() for device_id, item in self._activity.items()},
        }

    @callback
    def listen(self, device_id: str, listener: Listener, *, to_details: bool = False) -> CALLBACK_TYPE:
        """Tell of each event at a device once, when it happens.

        With `to_details` also of one that was announced without saying what moved, once that is known.
        """
        listening = _Listening(listener, to_details)
        self._listeners.setdefault(device_id, []).append(listening)
        return partial(self._listeners[device_id].remove, listening)

    @callback
    def handle(self, event: RingEvent) -> Verdict:
        """Deal with an event once: update "last …", and announce it if it is happening now."""
        now = dt_util.utcnow()
        if event.source is Source.PUSH:
            self._clock.note(event.sent_at, now)
        self.ledger.started = min(self.ledger.started, started(self._hass))
        verdict = self.ledger.judge(event, now)
        if verdict is Verdict.KNOWN:
            # Of a device that was taken away and is back, it is known, and no longer shown. A row of the history with
            # a time in the future is read again and again, and each time has the time of its arrival.
            if event.ahead_until is None:
                self._show(event)
            self._tell_again(event, now)
            return verdict
        # First the bell, then "last …": an entity that has yet to be made for this event looks back for itself.
        try:
            if event.kind is Kind.RING:
                self._learn_doorbell(event)
        except Exception:
            self.ledger.retract(event)
            raise
        errors = self._announce(event, verdict)
        self._show(event)
        self.labels.note(event)
        self.save_soon()
        _raise(errors)
        return verdict

    def _show(self, event: RingEvent) -> None:
        """Show when something last happened."""
        before = self._activity.get(event.device_id, Activity())
        if (activity := before.after(event)) != before:
            self._activity = {**self._activity, event.device_id: activity}
            self._coordinator.set_activity(self._activity)

    def _announce(self, event: RingEvent, verdict: Verdict) -> list[Exception]:
        listening = self._listeners.get(event.device_id, ())
        if verdict is Verdict.FIRE:
            _LOGGER.debug("%s at a device, known from %s", event.kind, event.source)
            # The device may have yet to be listed, or its entity to be made.
            self._unannounced[event.device_id, event.kind] = event
            return self._tell(event, listening)
        if verdict is Verdict.DETAIL:
            return self._tell(event, [item for item in listening if item.to_details])
        return []

    def _tell(self, event: RingEvent, listening: Iterable[_Listening]) -> list[Exception]:
        """Tell everybody; return what went wrong. Those that failed are told again when Ring repeats itself."""
        failed: list[_Listening] = []
        errors: list[Exception] = []
        for item in list(listening):
            try:
                item.listener(event)
            except Exception as err:  # noqa: BLE001
                # Raised once everybody was told.
                failed.append(item)
                errors.append(err)
        if failed:
            self._untold[event.device_id, event.kind] = event, failed
        return errors

    def _tell_again(self, event: RingEvent, now: datetime) -> None:
        """Make good what went wrong when the event came first; nobody is told twice."""
        untold, listening = self._untold.get((event.device_id, event.kind), (None, []))
        if untold is not None and (untold.told_at, untold.sub_type) == (event.told_at, event.sub_type):
            del self._untold[event.device_id, event.kind]
            if now - event.at <= STALE_AFTER:
                _raise(self._tell(untold, listening))

    @callback
    def save_soon(self) -> None:
        """Write within seconds; a save that is due already is not put off by what comes after."""
        if not self._is_save_due and not self._is_closed:
            self._is_save_due = True
            self._store.async_delay_save(self._as_dict, SAVE_DELAY_SECONDS)

    def _learn_doorbell(self, event: RingEvent) -> None:
        """What rings is a doorbell, whatever Ring's picture of it shows, and also before it is listed."""
        device = self._coordinator.data.devices.get(event.device_id)
        chosen = self._entry.options.get(OPTION_DOORBELLS, [])
        if event.device_id in chosen or (device is not None and is_doorbell(device, chosen)):
            return
        options = {**self._entry.options, OPTION_DOORBELLS: [*chosen, event.device_id]}
        self._hass.config_entries.async_update_entry(self._entry, options=options)

    def take_unannounced(self, device_id: str, kind: Kind) -> RingEvent | None:
        """Return the event for which an entity had to be made first, unless that has taken too long."""
        event = self._unannounced.pop((device_id, kind), None)
        return event if event is not None and dt_util.utcnow() - event.at <= STALE_AFTER else None

    def unread_since(self, device_id: str) -> datetime:
        """Return from when on the history of a device may tell something new.

        What was pushed does not matter: the event before it may have been lost on its way.
        """
        now = dt_util.utcnow()
        until = self._read_until.get(device_id)
        # Read until what is yet to come, the clock has been set right since.
        return now - LONGEST_GAP if until is None or until > now else until - READ_AGAIN

    def read_until(self, device_id: str, at: datetime) -> None:
        """Remember how far a history has been read; not worth a write of its own, as reading again changes nothing."""
        self._read_until[device_id] = at

    @callback
    def forget(self, device_id: str) -> None:
        """Drop a device that is gone."""
        self.ledger.forget((device_id,), dt_util.utcnow())
        self._read_until.pop(device_id, None)
        for kind in Kind:
            self._unannounced.pop((device_id, kind), None)
            self._untold.pop((device_id, kind), None)
        self._activity = {key: item for key, item in self._activity.items() if key != device_id}
        self._coordinator.set_activity(self._activity)


def _raise(errors: list[Exception]) -> None:
    if errors:
        raise ExceptionGroup("An event could not be told to everybody", errors)
