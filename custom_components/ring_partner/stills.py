"""When to ask for the picture of an event: at once, again while Ring is not ready, but not for each of a storm."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
import math
from typing import Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .coordinator import RingCoordinator
from .events import STALE_AFTER, Kind, RingEvent

# Ring stores a picture within seconds of the event.
RETRY_SECONDS: Final = 2.0
RETRIES: Final = 4
# So many seconds after the last request a new event has to wait: something may move for minutes on end.
_SPACING: Final = {Kind.MOTION: 10.0, Kind.RING: 2.0}

type Fetch = Callable[[RingEvent], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class _Retry:
    event: RingEvent
    number: int
    due: float
    """As the event loop counts, whose clock nobody sets."""


class StillQueue:
    """The events of one camera whose pictures are still to be fetched: one at a time, and the newest of each kind."""

    def __init__(
        self, hass: HomeAssistant, coordinator: RingCoordinator, fetch: Fetch, seconds_to_wait: Callable[[], float]
    ) -> None:
        """`fetch` returns whether it is worth while to ask again, `seconds_to_wait` how long Ring asked to wait."""
        self._hass = hass
        self._coordinator = coordinator
        self._fetch = fetch
        self._seconds_to_wait = seconds_to_wait
        self._next: dict[Kind, RingEvent] = {}
        self._newest: dict[Kind, datetime] = {}
        self._retry: _Retry | None = None
        self._asked_at = -math.inf
        self._is_busy = False
        self._is_closed = False
        self._cancel_timer: CALLBACK_TYPE | None = None

    @callback
    def want(self, event: RingEvent) -> None:
        """Take in an event, unless its kind is ahead of it already."""
        newest = self._newest.get(event.kind)
        if newest is None or newest < event.at:
            self._newest[event.kind] = event.at
            self._next[event.kind] = event
            self._plan()

    @callback
    def close(self) -> None:
        """Ask for nothing more."""
        self._is_closed = True
        self._stop_timer()

    def _stop_timer(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None

    @callback
    def _plan(self, _now: datetime | None = None) -> None:
        """Ask as soon as it is time."""
        self._stop_timer()
        if self._is_busy or self._is_closed or (due := self._due()) is None:
            return
        wait = max(due - self._hass.loop.time(), self._seconds_to_wait())
        if wait > 0:
            self._cancel_timer = async_call_later(self._hass, wait, self._plan)
            return
        self._is_busy = True
        # Not at once: the bell comes first, and of many rows of the history only the newest is worth a request.
        self._coordinator.config_entry.async_create_background_task(
            self._hass, self._async_ask(), "ring_partner still", eager_start=False
        )

    def _due(self) -> float | None:
        if self._retry is not None and self._retry.event.kind is not Kind.RING and Kind.RING in self._next:
            # Somebody stands at the door.
            self._retry = None
        if self._retry is not None:
            return self._retry.due
        return self._asked_at + _SPACING[self._first().kind] if self._next else None

    def _first(self) -> RingEvent:
        """Return the newest; but who rings now goes before what moves meanwhile."""
        now = dt_util.utcnow()
        return max(
            self._next.values(), key=lambda event: (event.kind is Kind.RING and now - event.at <= STALE_AFTER, event.at)
        )

    async def _async_ask(self) -> None:
        self._asked_at = self._hass.loop.time()
        retry, self._retry = self._retry, None
        event, number = (self._first(), 0) if retry is None else (retry.event, retry.number)
        if retry is None:
            del self._next[event.kind]
        try:
            if await self._fetch(event) and number < RETRIES:
                self._retry = _Retry(event, number + 1, self._hass.loop.time() + RETRY_SECONDS)
        finally:
            self._is_busy = False
            self._plan()
