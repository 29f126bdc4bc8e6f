"""Do Ring's webhooks arrive? Proved by those that do, disproved by events in the history that were never pushed."""

from collections import deque
from dataclasses import replace
from datetime import datetime, timedelta
import logging

from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .activity import ActivityLog
from .coordinator import RingCoordinator
from .events import Kind, RingEvent
from .models import Delivery, DeliveryMode, RingConfigEntry
from .repairs import AccountIssue, clear, report

_LOGGER = logging.getLogger(__name__)

# Ring repeats a failed delivery after 1, 5, 30 and 120 s: only then is an event overdue.
OVERDUE_AFTER = timedelta(minutes=5)
UNPUSHED_MOTIONS_ALARMING = 3
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
        mode = DeliveryMode.POLLED if url is None else activity.delivery
        self._delivery = Delivery(mode=mode, last_event_at=activity.last_event_at)
        self._refusals: deque[datetime] = deque(maxlen=REFUSALS_ALARMING)
        self._listening_since = dt_util.utcnow()
        self._unpushed_motions: set[datetime] = set()
        self._ring_pushed_at: datetime | None = None
        self._needs_ring = False
        """Whether rings were missed while motions were pushed."""
        if url is None:
            clear(hass, entry, AccountIssue.WEBHOOKS_MISSING)
        elif mode is DeliveryMode.POLLED:
            # Still so, also after a restart.
            report(hass, entry, AccountIssue.WEBHOOKS_MISSING, url)
        coordinator.set_delivery(self._delivery)

    @property
    def is_proven(self) -> bool:
        """Whether pushes can be relied on."""
        return self._delivery.mode is DeliveryMode.PUSHED

    @callback
    def accepted(self, at_camera: RingEvent | None) -> None:
        """Count a webhook that came, signed and for this account, and what happened at a camera, if it is of that.

        Only the latter proves that such events are pushed: Ring tells every app of devices and of the link, and an app
        may have the permission for sensors only. Where motions were pushed and rings were not, it takes a ring.
        """
        self._activity.last_event_at = now = dt_util.utcnow()
        self._delivery = replace(self._delivery, accepted=self._delivery.accepted + 1, last_event_at=now)
        if at_camera is not None:
            self._activity.pushed_at = now
            if at_camera.kind is Kind.RING:
                self._ring_pushed_at = now
        # Without a public URL, pushes arrive through something temporary, such as a tunnel.
        is_proof = at_camera is not None and (at_camera.kind is Kind.RING or not self._needs_ring)
        if is_proof and self._url is not None:
            self._needs_ring = False
            if not self.is_proven:
                _LOGGER.info("Ring's webhooks arrive")
            clear(self._hass, self._entry, AccountIssue.WEBHOOKS_MISSING)
            self._activity.delivery = DeliveryMode.PUSHED
            self._delivery = replace(self._delivery, mode=DeliveryMode.PUSHED)
        self._coordinator.set_delivery(self._delivery)

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
    def compare(self, event: RingEvent) -> float | None:
        """Look at an event of the history: it should have been pushed by now.

        Return the seconds until a ring is overdue that was not pushed yet.
        """
        now = dt_util.utcnow()
        # The clock may have been ahead when we began.
        self._listening_since = min(self._listening_since, now)
        # What was missed before the last push has mended itself, and before we listened it was nobody's fault. But an
        # app may be told of motions and not of rings.
        pushed_at = self._ring_pushed_at if event.kind is Kind.RING else self._activity.pushed_at
        since = max(self._listening_since, pushed_at or self._listening_since)
        if self._url is None or event.at < since or self._activity.ledger.was_pushed(event):
            return None
        if (early := OVERDUE_AFTER - (now - event.at)) > timedelta(0):
            return early.total_seconds() if event.kind is Kind.RING else None
        # A bell always rings; a motion is pushed inside the user's zones only, and the history may list the others.
        if event.kind is Kind.RING:
            self._needs_ring = self._activity.pushed_at is not None and self._activity.pushed_at > event.at
            self._missed(now)
            return None
        self._unpushed_motions = {at for at in self._unpushed_motions if at >= since} | {event.at}
        if len(self._unpushed_motions) >= UNPUSHED_MOTIONS_ALARMING:
            self._missed(now)
        return None

    def _missed(self, now: datetime) -> None:
        """Poll instead, and say so; pushes that come again end it by themselves."""
        if self.is_proven:
            _LOGGER.warning("Ring's webhooks have stopped arriving; polling instead")
        report(self._hass, self._entry, AccountIssue.WEBHOOKS_MISSING, self._url or "")
        self._activity.delivery = DeliveryMode.POLLED
        # What was missed so far counts once; it takes another push from a camera to mend it.
        self._listening_since = now
        self._activity.pushed_at = self._ring_pushed_at = None
        self._unpushed_motions.clear()
        self._update(replace(self._delivery, mode=DeliveryMode.POLLED))

    def _update(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._coordinator.set_delivery(delivery)
