"""What happens at the devices of one account: judged once, remembered, and told to the entities."""

from datetime import UTC, datetime, timedelta
import logging
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN, OPTION_DOORBELLS
from .coordinator import RingCoordinator
from .events import STALE_AFTER, Activity, Kind, Ledger, RingEvent, Source, Verdict
from .kinds import is_doorbell
from .labels import Labels
from .models import RingConfigEntry

_LOGGER = logging.getLogger(__name__)

# Written a little later: the events of a busy minute cost one write.
SAVE_DELAY_SECONDS = 5
# How far back to look for what was missed, where nothing has been read before.
LONGEST_GAP = timedelta(days=1)
# The history is read again from a little before where it was: rows come late, and pushes are not overdue at once.
READ_AGAIN = timedelta(minutes=10)

_STARTED: HassKey[datetime] = HassKey(f"{DOMAIN}_started")


def event_signal(entry_id: str, device_id: str) -> str:
    """Return the dispatcher signal for what happens at a device now."""
    return f"{DOMAIN}_{entry_id}_{device_id}_event"


def activity_store(hass: HomeAssistant, entry_id: str) -> Store[dict[str, Any]]:
    """Return where the account's recent events are kept."""
    key = f"{DOMAIN}.{entry_id}.events"
    return Store(hass, 1, key, private=True, atomic_writes=True, serialize_in_event_loop=False)


class ActivityLog:
    """Takes events from webhooks and from the history alike."""

    def __init__(self, hass: HomeAssistant, entry: RingConfigEntry, coordinator: RingCoordinator) -> None:
        """Begin empty; `async_load` brings back what was known before."""
        self._hass = hass
        self._entry = entry
        self._coordinator = coordinator
        self._store = activity_store(hass, entry.entry_id)
        # A reload is no reason to announce nothing: what counts is since when this Home Assistant runs.
        self.started = hass.data.setdefault(_STARTED, dt_util.utcnow())
        self.ledger = Ledger(self.started)
        self.labels = Labels(hass, entry)
        self.was_proven = False
        """Whether Ring's webhooks were known to arrive; it outlives a restart."""
        self.pushed_at: datetime | None = None
        """When something that happened at a camera was pushed last."""
        self._activity: dict[str, Activity] = {}
        self._read_until: dict[str, datetime] = {}
        self._unannounced: dict[str, RingEvent] = {}
        self._is_save_due = False
        self._is_closed = False

    async def async_load(self) -> None:
        """Remember what was dealt with before a restart or reload."""
        await self.labels.async_load()
        if (stored := await self._store.async_load()) is None:
            return
        self.ledger = Ledger.from_dict(stored["ledger"], self.started)
        self._activity = {device_id: Activity.from_dict(item) for device_id, item in stored["activity"].items()}
        self.was_proven = stored["was_proven"]
        self._read_until = {key: datetime.fromtimestamp(at, UTC) for key, at in stored["read_until"].items()}
        self._coordinator.set_activity(self._activity)

    async def async_close(self) -> None:
        """Write for the last time: what came later would bring back what is removed with the entry."""
        self._is_closed = True
        await self._store.async_save(self._as_dict())
        await self.labels.async_close()

    def _as_dict(self) -> dict[str, Any]:
        """Return what is written; called from another thread, while events go on to come."""
        self._is_save_due = False
        return {
            "ledger": self.ledger.as_dict(dt_util.utcnow()),
            "was_proven": self.was_proven,
            "read_until": {device_id: at.timestamp() for device_id, at in list(self._read_until.items())},
            # Replaced, never changed.
            "activity": {device_id: item.as_dict() for device_id, item in self._activity.items()},
        }

    @callback
    def handle(self, event: RingEvent) -> Verdict:
        """Deal with an event once: update "last …", and announce it if it is happening now."""
        now = dt_util.utcnow()
        if event.source is Source.PUSH:
            self.pushed_at = now
        verdict = self.ledger.judge(event, now)
        if verdict is Verdict.KNOWN:
            return verdict
        # First the bell, then "last …": an entity that has yet to be made for this event looks back for itself.
        try:
            self._announce(event, verdict)
        except Exception:
            self.ledger.retract(event)
            raise
        before = self._activity.get(event.device_id, Activity())
        self._activity = {**self._activity, event.device_id: before.after(event)}
        self._coordinator.set_activity(self._activity)
        self.labels.note(event)
        self.save_soon()
        return verdict

    def _announce(self, event: RingEvent, verdict: Verdict) -> None:
        if event.kind is Kind.RING:
            self._learn_doorbell(event, verdict)
        if verdict is Verdict.FIRE:
            _LOGGER.debug("%s at a device, known from %s", event.kind, event.source)
            async_dispatcher_send(self._hass, event_signal(self._entry.entry_id, event.device_id), event)

    @callback
    def save_soon(self) -> None:
        """Write within seconds; a save that is due already is not put off by what comes after."""
        if not self._is_save_due and not self._is_closed:
            self._is_save_due = True
            self._store.async_delay_save(self._as_dict, SAVE_DELAY_SECONDS)

    def _learn_doorbell(self, event: RingEvent, verdict: Verdict) -> None:
        """What rings is a doorbell, whatever Ring's picture of it shows; its first ring waits for its entity."""
        device = self._coordinator.data.devices.get(event.device_id)
        chosen = self._entry.options.get(OPTION_DOORBELLS, [])
        if device is None or is_doorbell(device, chosen):
            return
        if verdict is Verdict.FIRE:
            self._unannounced[event.device_id] = event
        options = {**self._entry.options, OPTION_DOORBELLS: [*chosen, event.device_id]}
        self._hass.config_entries.async_update_entry(self._entry, options=options)

    def take_unannounced(self, device_id: str, kind: Kind) -> RingEvent | None:
        """Return the event for which an entity had to be made first, unless that has taken too long."""
        event = self._unannounced.get(device_id)
        if event is None or event.kind is not kind:
            return None
        del self._unannounced[device_id]
        return event if dt_util.utcnow() - event.at <= STALE_AFTER else None

    def unread_since(self, device_id: str) -> datetime:
        """Return from when on the history of a device may tell something new.

        What was pushed does not matter: the event before it may have been lost on its way.
        """
        now = dt_util.utcnow()
        until = self._read_until.get(device_id)
        return now - LONGEST_GAP if until is None else until - READ_AGAIN

    def read_until(self, device_id: str, at: datetime) -> None:
        """Remember how far a history has been read; not worth a write of its own, as reading again changes nothing."""
        self._read_until[device_id] = at

    @callback
    def forget(self, device_id: str) -> None:
        """Drop a device that is gone."""
        self.ledger.forget((device_id,))
        self._read_until.pop(device_id, None)
        self._activity = {key: item for key, item in self._activity.items() if key != device_id}
        self._coordinator.set_activity(self._activity)
