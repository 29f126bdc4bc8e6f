"""One list of Ring's history in memory: read from the newest downwards, page by page, and then only continued."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Final

from yarl import URL

from homeassistant.util import dt as dt_util

from .api import HistoryEvent, HistoryPage, RingError, RingRequestError

# Ring keeps what was recorded no longer than this.
KEPT_FOR: Final = timedelta(days=180)
# Whoever opens one folder after the other asks Ring for what is new at most so often.
FRESH_FOR: Final = timedelta(seconds=15)
# Rows come late: only what is older than this will not change any more.
SETTLED_AFTER: Final = timedelta(minutes=10)
# Of one list; about two megabytes.
MAX_ROWS: Final = 5000
# At one look; a page holds 25 rows at Ring, but nothing says that it is full.
MAX_PAGES: Final = 250
# When more is new than this, the index begins anew.
_MAX_NEW_PAGES: Final = 40
# So many pages in a row that tell nothing new are taken for the end: empty ones, or a circle.
_IDLE_PAGES: Final = 2

type Fetch = Callable[[URL | None], Awaitable[HistoryPage]]

_start_of = attrgetter("start")


class TooFarBackError(RingError):
    """Too much has happened since then: the history can only be read from the newest downwards."""


class HistoryIndex:
    """The rows of one list, without a gap from the newest down to the oldest that anybody has looked for."""

    def __init__(self, fetch: Fetch) -> None:
        """`fetch` returns the page at a URL; the newest one for None."""
        self._fetch = fetch
        self._lock = asyncio.Lock()
        self._rows: dict[str, HistoryEvent] = {}
        self._oldest: datetime | None = None
        self._next: URL | None = None
        self._read_at: datetime | None = None

    def __contains__(self, row_id: object) -> bool:
        """Whether the row is known to be in this list."""
        return row_id in self._rows

    @property
    def is_whole(self) -> bool:
        """Whether the list is known to its end."""
        return self._read_at is not None and self._next is None

    @property
    def oldest(self) -> datetime | None:
        """Where the known part begins."""
        return self._oldest

    @property
    def rows(self) -> tuple[HistoryEvent, ...]:
        """Every row that is known, in no order."""
        return tuple(self._rows.values())

    def between(self, start: datetime, end: datetime) -> list[HistoryEvent]:
        """Return the known rows of a span, newest first."""
        return sorted((row for row in self._rows.values() if start <= row.start < end), key=_start_of, reverse=True)

    async def async_peek(self) -> None:
        """Know the newest page."""
        async with self._lock:
            if not self._is_fresh():
                await self._async_catch_up()

    async def async_reach(self, start: datetime, end: datetime) -> None:
        """Know all rows of a span. Callers at the same time share what is asked. Raises RingError."""
        async with self._lock:
            if not (self._is_fresh() or self._is_settled(end)):
                await self._async_catch_up()
            try:
                await self._async_go_down_to(start)
            except RingRequestError:
                # Nobody says how long a cursor is good for.
                self._next, self._rows = None, {}
                await self._async_catch_up()
                await self._async_go_down_to(start)

    def _is_fresh(self) -> bool:
        return self._read_at is not None and timedelta(0) <= dt_util.utcnow() - self._read_at < FRESH_FOR

    def _is_settled(self, end: datetime) -> bool:
        return self._read_at is not None and end + SETTLED_AFTER <= self._read_at

    async def _async_catch_up(self) -> None:
        """Read from the newest down to what is known, or begin anew if that is too far away."""
        began = dt_util.utcnow()
        page = await self._fetch(None)
        new = {row.id: row for row in page.rows}
        for _ in range(_MAX_NEW_PAGES):
            if not self._rows or page.next is None or not self._rows.keys().isdisjoint(new):
                break
            page = await self._fetch(page.next)
            new |= {row.id: row for row in page.rows}
        is_connected = bool(new) and not self._rows.keys().isdisjoint(new)
        if is_connected and len(self._rows) + len(new) <= MAX_ROWS:
            # What Ring no longer tells there has been deleted.
            down_to = min(row.start for row in new.values())
            new |= {row.id: row for row in self._rows.values() if row.start <= down_to and row.id not in new}
        else:
            self._next = page.next
        self._rows = new
        self._oldest = min((row.start for row in new.values()), default=None)
        self._read_at = began

    async def _async_go_down_to(self, start: datetime) -> None:
        idle = pages = 0
        while self._next is not None and (self._oldest is None or self._oldest >= start):
            if len(self._rows) >= MAX_ROWS or pages == MAX_PAGES:
                raise TooFarBackError("Too much has happened since then to look so far back")
            page = await self._fetch(self._next)
            pages += 1
            rows = {row.id: row for row in page.rows if row.id not in self._rows}
            idle = 0 if rows else idle + 1
            self._rows |= rows
            self._oldest = min((row.start for row in self._rows.values()), default=None)
            self._next = None if idle == _IDLE_PAGES else page.next
