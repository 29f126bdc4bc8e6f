"""One clip on its way from Ring: asked for until it is ready, and taken up again where the connection broke off."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime, timedelta
from itertools import chain, repeat
import logging
from typing import Final

from homeassistant.util import dt as dt_util

from .api import (
    Clip,
    RingError,
    RingForbiddenError,
    RingMedia,
    RingMediaNotFoundError,
    RingMediaNotReadyError,
    RingMediaUnreadableError,
    RingUnavailableError,
)
from .identifiers import ClipId

# Ring's advice: what has just happened is asked for again until two minutes after its end.
SETTLED_AFTER: Final = timedelta(minutes=2)
_NOT_READY_S: Final = (2, 2, 2, 2, 4, 8, 16)
_NOT_READY_LATER_S: Final = 30
# Seconds before it is asked for again after a failure; with the last of them patience ends.
_FAILED_S: Final = (1, 2, 4, 8)
# So much of what is there already is received again, to see that it is still the same clip.
_OVERLAP: Final = 1024

_LOGGER: Final = logging.getLogger(__name__)


class Reception:
    """Yields the bytes of a clip, each of them once."""

    def __init__(
        self, media: RingMedia, clip: ClipId, slots: asyncio.Semaphore, *, start: int = 0, size: int | None = None
    ) -> None:
        """Prepare; nothing is requested yet. `slots` are for requests under way, not for what is waited for.

        `start` is the first byte to yield, of a clip of this `size`, as far as that is known.
        """
        self._media = media
        self._clip = clip
        self._slots = slots
        self._end = clip.at + clip.duration
        self._received = start
        self._tail = b""
        self._not_ready = chain(_NOT_READY_S, repeat(_NOT_READY_LATER_S))
        self._failed = iter(_FAILED_S)
        self._forbidden = False
        self.size = size
        """Bytes of the whole, once they begin to arrive and if Ring says so."""
        self.is_final = False
        """Whether Ring will have no more of it later."""

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield it, at most 64 KiB at once. Raises RingError."""
        while True:
            try:
                async with (
                    self._slots,
                    self._media.async_open_clip(
                        self._clip.camera.device_id,
                        self._clip.at,
                        self._clip.duration,
                        component_id=self._clip.camera.component_id,
                        first_byte=self._received - len(self._tail),
                    ) as clip,
                ):
                    self._note(clip, dt_util.utcnow())
                    async with aclosing(self._unseen(clip)) as unseen:
                        async for chunk in unseen:
                            yield chunk
                return
            except RingError as err:
                if (wait := self._wait_after(err)) is None:
                    raise
                _LOGGER.debug("A clip is asked for again in %s s, at byte %s: %s", wait, self._received, err)
            await asyncio.sleep(wait)

    def _note(self, clip: Clip, now: datetime) -> None:
        is_another = self.size is not None and clip.size != self.size
        if clip.first_byte > self._received or is_another:
            raise RingMediaUnreadableError("The clip has changed while it was received")
        self.size = clip.size
        is_whole = clip.duration is None or clip.duration >= self._clip.duration
        self.is_final = now >= (self._end if is_whole else self._end + SETTLED_AFTER)

    async def _unseen(self, clip: Clip) -> AsyncGenerator[bytes]:
        """Yield what has not been received before, provided that it continues that."""
        behind, tail = self._received - clip.first_byte, b""
        async for chunk in clip.chunks():
            known, new = chunk[:behind], chunk[behind:]
            behind -= len(known)
            tail = (tail + known)[-_OVERLAP:]
            if not new:
                continue
            if self._tail and not self._tail.endswith(tail):
                raise RingMediaUnreadableError("The clip has changed while it was received")
            tail = b""
            # Whoever gets on is not given up, however often the line breaks.
            self._failed = iter(_FAILED_S)
            self._received += len(new)
            self._tail = (self._tail + new)[-_OVERLAP:]
            yield new

    def _wait_after(self, err: RingError) -> float | None:
        """Return how many seconds later it is asked for again; None means that it would not help."""
        match err:
            case RingMediaNotFoundError() | RingMediaNotReadyError():
                return next(self._not_ready) if dt_util.utcnow() < self._end + SETTLED_AFTER else None
            case RingForbiddenError(out_of_scope=False) if not self._forbidden:
                # The URL may have expired before it was used; a second refusal means it.
                self._forbidden = True
                return 0
            case RingUnavailableError(retry_after=None):
                return next(self._failed, None)
            case _:
                return None
