"""Clips: received from Ring once, for any number of viewers at once, and kept for a while."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from datetime import datetime
import logging
from typing import Final

from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

from .api import RingError, RingMedia, RingUnavailableError
from .cache import CacheFile, DiskCache, Partial
from .identifiers import ClipId
from .models import RingConfigEntry
from .reception import Reception

MAX_DOWNLOADS: Final = 3
# A viewer who jumps closes one request before the next; a long clip that nobody watches is not worth receiving.
UNWATCHED_SECONDS: Final = 30
_READ_BYTES: Final = 131_072

_LOGGER: Final = logging.getLogger(__name__)


class Clips:
    """The recordings of one account as files that can be read while they are being received."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: RingConfigEntry,
        media: RingMedia,
        cache: DiskCache,
    ) -> None:
        """Prepare; nothing is requested before somebody watches."""
        self._hass = hass
        self._entry = entry
        self._media = media
        self.cache = cache
        self._slots = asyncio.Semaphore(MAX_DOWNLOADS)
        # Past the disk a viewer who stops watching stops receiving; those who use the disk must not wait for that.
        self._direct_slots = asyncio.Semaphore(MAX_DOWNLOADS)
        self._downloads: dict[str, _Download] = {}
        self._is_closed = False
        entry.async_on_unload(hass.bus.async_listen(EVENT_HOMEASSISTANT_STOP, self.async_close))

    async def async_close(self, _stopping: Event | None = None) -> None:
        """End what is being received: the account is being unloaded."""
        self._is_closed = True
        downloads = list(self._downloads.values())
        for download in downloads:
            download.end()
        await asyncio.gather(*(download.async_ended() for download in downloads))

    @asynccontextmanager
    async def async_open(self, clip: ClipId) -> AsyncIterator[ClipFile]:
        """Open a clip to be read, as soon as its first bytes are there. Raises RingError."""
        name = f"clip {clip}"
        kept = None
        if name not in self._downloads:
            kept = await self._hass.async_add_executor_job(self.cache.open, name)
        if kept is not None:
            try:
                yield ClipFile(self._hass, kept.size, kept, self._direct(clip, kept.size))
            finally:
                self._hass.async_add_executor_job(kept.close)
            return
        if (download := self._downloads.get(name)) is None:
            download = self._begin(name, clip)
        with download.watched():
            await download.async_wait_past(0)
            size = download.reception.size
            yield ClipFile(self._hass, size, download.file, self._direct(clip, size), download)

    def _begin(self, name: str, clip: ClipId) -> _Download:
        if self._is_closed:
            raise RingUnavailableError("The account is being unloaded")

        @callback
        def ended() -> None:
            del self._downloads[name]

        reception, partial = Reception(self._media, clip, self._slots), self.cache.partial(name)
        download = _Download(self._hass, reception, partial, ended)
        self._downloads[name] = download
        download.task = self._entry.async_create_background_task(self._hass, download.async_run(), "ring_partner clip")
        return download

    def _direct(self, clip: ClipId, size: int | None) -> Callable[[int], AsyncGenerator[bytes]]:
        """Return what reads a clip past the disk, which is full or broken: for this viewer alone."""
        return lambda start: Reception(self._media, clip, self._direct_slots, start=start, size=size).chunks()


class ClipFile:
    """A clip as a viewer reads it; never more of it than a few blocks is in memory."""

    def __init__(
        self,
        hass: HomeAssistant,
        size: int | None,
        file: CacheFile | None,
        direct: Callable[[int], AsyncGenerator[bytes]],
        download: _Download | None = None,
    ) -> None:
        self._hass = hass
        self._file = file
        self._direct = direct
        self._download = download
        self.size = size
        """Bytes; None while Ring has not told."""
        self.tag = None if file is None or size is None else f"{file.begun:x}-{size:x}"
        """The same only for the same bytes; None where two requests may get different ones."""

    async def chunks(self, start: int = 0, stop: int | None = None) -> AsyncGenerator[bytes]:
        """Yield the bytes from `start` up to `stop`, waiting for those that are still to come. Raises RingError."""
        at = start
        while stop is None or at < stop:
            count = await self._available(at)
            if count == 0:
                break
            if not (data := await self._read(at, count if stop is None else min(count, stop - at))):
                async with aclosing(self._direct(at)) as rest:
                    async for chunk in rest:
                        yield chunk if stop is None else chunk[: stop - at]
                        at += len(chunk)
                        if stop is not None and at >= stop:
                            break
                return
            yield data
            at += len(data)

    async def _available(self, at: int) -> int:
        """Return how many bytes can be read there at once, after waiting for the first of them; 0 is the end."""
        if self._download is None:
            return min(_READ_BYTES, max((self.size or 0) - at, 0))
        return min(_READ_BYTES, await self._download.async_wait_past(at))

    async def _read(self, at: int, count: int) -> bytes:
        """Return nothing where the disk does not let us."""
        if self._file is None or (self._download is not None and self._download.written <= at):
            return b""
        try:
            return await self._hass.async_add_executor_job(self._file.read, at, count)
        except OSError as err:
            _LOGGER.debug("Could not read from the cache: %s", err.strerror)
            return b""


class _Download:
    """A clip that is being received into a file, behind which its viewers read."""

    task: asyncio.Task[None]

    def __init__(
        self,
        hass: HomeAssistant,
        reception: Reception,
        partial: Partial,
        ended: Callable[[], None],
    ) -> None:
        self._hass = hass
        self._partial = partial
        self._ended = ended
        self._error: RingError | None = None
        self._is_whole = False
        self._is_unwritable = False
        self._viewers = 0
        self._cancel_timer: CALLBACK_TYPE | None = None
        self._moved = asyncio.Event()
        self._tidied: asyncio.Future[None] | None = None
        self.reception = reception
        self.written = 0

    @property
    def file(self) -> CacheFile | None:
        """What has been received."""
        return self._partial.file

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Go on as long as somebody watches, and a little longer."""
        self._viewers += 1
        self._stop_timer()
        try:
            yield
        finally:
            self._viewers -= 1
            if self._viewers == 0 and self._tidied is not None:
                self._hass.async_add_executor_job(self._partial.close)
            elif self._viewers == 0:
                self._cancel_timer = async_call_later(self._hass, UNWATCHED_SECONDS, self.end)

    @callback
    def end(self, _now: datetime | None = None) -> None:
        """Stop, and delete what there is."""
        self._stop_timer()
        if not self.task.cancel():
            self._finish()

    async def async_ended(self) -> None:
        """Wait until nothing of it is left."""
        await asyncio.wait([self.task])
        # A task that is cancelled before its first step has not even begun to end.
        await self._finish()

    async def async_wait_past(self, at: int) -> int:
        """Return how many bytes there are from `at` on, waiting for the first; 0 only at the end.

        Where the disk has failed it is 1: the byte is to be had, but not here. Raises RingError.
        """
        while self.written <= at:
            if self._is_whole:
                return 0
            if self._is_unwritable:
                return 1
            if self._error is not None:
                raise self._error
            await self._moved.wait()
        return self.written - at

    async def async_run(self) -> None:
        """Receive it, and keep it if there will not be more of it later."""
        try:
            await self._receive()
            if self.reception.is_final:
                await self._hass.async_add_executor_job(self._partial.keep)
        except RingError as err:
            self._error = err
        except OSError as err:
            _LOGGER.debug("A clip cannot be written to the disk: %s", err.strerror)
            self._is_unwritable = True
        finally:
            # What is not final serves those who watch it now; when they have gone, so has it.
            if not self._is_whole or self.reception.is_final:
                self._finish()

    async def _receive(self) -> None:
        async with aclosing(self.reception.chunks()) as chunks:
            async for chunk in chunks:
                if self._partial.file is None:
                    await self._hass.async_add_executor_job(self._partial.begin, self.reception.size or 0)
                await self._hass.async_add_executor_job(self._partial.append, chunk)
                self.written += len(chunk)
                self._announce()
        self._is_whole = True
        self._announce()

    def _finish(self) -> asyncio.Future[None]:
        """Let go of it, once; return what tells when that is done."""
        if self._tidied is None:
            self._stop_timer()
            self._ended()
            self._error = self._error or RingUnavailableError("The download has been ended")
            self._tidied = self._hass.async_add_executor_job(self._tidy, self._viewers == 0)
            self._announce()
        return self._tidied

    def _tidy(self, close: bool) -> None:
        self._partial.discard()
        if close:
            self._partial.close()

    def _announce(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def _stop_timer(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None
