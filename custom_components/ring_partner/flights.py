"""Pictures on their way from Ring: a few at once, and whoever asked last is served first."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from operator import attrgetter

from .api import Picture

_asked = attrgetter("asked")


@dataclass(eq=False, slots=True)
class Flight:
    """One picture, fetched once for everybody who waits for it."""

    task: asyncio.Task[Picture] = field(init=False)
    waiters: int = 0
    asked: int = 0
    """The number of the newest request for it."""
    has_begun: bool = False
    """Whether Ring has been asked: what comes is kept then, even if nobody waits any more."""


class Turns:
    """Who may ask Ring: of those who wait, the one that was asked for last.

    Somebody scrolls through hundreds of thumbnails; those in sight were asked for last.
    """

    def __init__(self, at_once: int) -> None:
        """Let so many in at once."""
        self._free = at_once
        self._waiting: dict[Flight, asyncio.Future[None]] = {}

    @asynccontextmanager
    async def async_taken(self, flight: Flight) -> AsyncGenerator[None]:
        """Wait for a turn, and pass it on at the end."""
        if self._free:
            self._free -= 1
        else:
            await self._async_wait(flight)
        try:
            yield
        finally:
            self._pass_on()

    async def _async_wait(self, flight: Flight) -> None:
        turn = self._waiting[flight] = asyncio.get_running_loop().create_future()
        try:
            await turn
        except asyncio.CancelledError:
            # It may have been given a moment ago.
            if not turn.cancelled():
                self._pass_on()
            raise
        finally:
            self._waiting.pop(flight, None)

    def _pass_on(self) -> None:
        while self._waiting:
            turn = self._waiting.pop(max(self._waiting, key=_asked))
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
