"""Do Ring's webhooks arrive? Proved by those that do, disproved by events in the history that were never pushed."""

from collections import deque
from dataclasses import replace
from datetime import datetime, timedelta
import logging

from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .activity import ActivityLog
from .coordinator import RingCoordinator
from .events import RingEvent
from .models import Delivery, DeliveryMode, RingConfigEntry
from .repairs import AccountIssue, clear, report

_LOGGER = logging.getLogger(__name__)

# Ring repeats a failed delivery after 1, 5, 30 and 120 s: only then is an event overdue.
OVERDUE_AFTER = timedelta(minutes=5)
REFUSALS_ALARMING = 10
REFUSALS_WITHIN = timedelta(hours=1)


class DeliveryWatch:
    """Keeps the delivery mode of one account, on which the rhythm of polling depends."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: RingConfigEntry,
        coordinator: RingCoordinator,
        activity: ActivityLog,
        url: str | None,
    ) -> None:
        """Start from what was known before a restart; without any address there is nothing to wait for."""
        self._hass = hass
        self._entry = entry
        self._coordinator = coordinator
        self._activity = activity
        self._url = url
        mode = DeliveryMode.POLLED
        if url is not None:
            mode = DeliveryMode.PUSHED if activity.was_proven else DeliveryMode.WAITING
        self._delivery = Delivery(mode=mode)
        self._refusals: deque[datetime] = deque(maxlen=REFUSALS_ALARMING)
        self._listening_since = dt_util.utcnow()
        self._missed_at: datetime | None = None
        if url is None:
            clear(hass, entry, AccountIssue.WEBHOOKS_MISSING)
        coordinator.set_delivery(self._delivery)

    @property
    def is_proven(self) -> bool:
        """Whether pushes can be relied on."""
        return self._delivery.mode is DeliveryMode.PUSHED

    @callback
    def accepted(self) -> None:
        """A webhook came, signed and for this account."""
        self._delivery = replace(self._delivery, accepted=self._delivery.accepted + 1, last_event_at=dt_util.utcnow())
        if self._is_proof():
            if not self.is_proven:
                _LOGGER.info("Ring's webhooks arrive")
            clear(self._hass, self._entry, AccountIssue.WEBHOOKS_MISSING)
            self._activity.was_proven = True
            self._missed_at = None
            self._delivery = replace(self._delivery, mode=DeliveryMode.PUSHED)
        self._coordinator.set_delivery(self._delivery)

    def _is_proof(self) -> bool:
        """Once an event at a camera was missed it takes another one: the app may be told of sensors only."""
        pushed_at = self._activity.pushed_at
        return self._missed_at is None or (pushed_at is not None and pushed_at >= self._missed_at)

    @callback
    def repeated(self) -> None:
        """A webhook came that had come before."""
        self._update(replace(self._delivery, duplicates=self._delivery.duplicates + 1))

    @callback
    def refused(self) -> None:
        """Something came that Ring did not sign; once is noise, often is somebody, or the wrong key."""
        now = dt_util.utcnow()
        self._refusals.append(now)
        if len(self._refusals) == REFUSALS_ALARMING and now - self._refusals[0] <= REFUSALS_WITHIN:
            report(self._hass, self._entry, AccountIssue.SIGNATURES, self._url or "")
            # Once the user has closed it, it takes as many again.
            self._refusals.clear()
        self._update(replace(self._delivery, refused=self._delivery.refused + 1))

    @callback
    def compare(self, event: RingEvent) -> None:
        """Look at an event of the history: it should have been pushed by now."""
        now = dt_util.utcnow()
        # What was missed before the last push has mended itself, and before we listened it was nobody's fault.
        since = max(self._listening_since, self._activity.pushed_at or self._listening_since)
        is_due = event.at >= since and now - event.at >= OVERDUE_AFTER
        if self._url is not None and is_due and not self._activity.ledger.was_pushed(event):
            self._missed(now)

    def _missed(self, now: datetime) -> None:
        """Poll instead, and say so; pushes that come again end it by themselves."""
        if self.is_proven:
            _LOGGER.warning("Ring's webhooks have stopped arriving; polling instead")
        report(self._hass, self._entry, AccountIssue.WEBHOOKS_MISSING, self._url or "")
        self._activity.was_proven = False
        # What was missed so far counts once.
        self._listening_since = self._missed_at = now
        self._update(replace(self._delivery, mode=DeliveryMode.POLLED))

    def _update(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._coordinator.set_delivery(delivery)
