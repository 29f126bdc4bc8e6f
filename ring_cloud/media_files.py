"""Files that cameras have stored: drawn when first asked for, beside the event loop, and kept while there is room."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
import hashlib
from typing import Literal

from .history import Row
from .media_clips import Clip, encode
from .pictures import Picture, render

_KEPT_BYTES = 128 * 1024 * 1024
_AT_ONCE = 2
_ENCRYPTED_BYTES = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A file of a camera; `partial` says that more of a clip was asked for than was recorded."""

    drawn: Picture | Clip
    origin: Literal["recording", "snapshot"] = "recording"
    partial: bool = False
    encrypted: bool = False
    client_id: str = field(default="", repr=False, compare=False)
    """Who asked for it."""
    rows: tuple[Row, ...] = field(default=(), repr=False, compare=False)
    """What is to be seen in it."""

    def mark_reviewed(self) -> None:
        """Let the history say that whoever asked has now seen what happened."""
        for row in self.rows:
            row.reviewed_by.add(self.client_id)

    @property
    def content_type(self) -> str:
        """Return what the file is said to be, encrypted or not."""
        return f"image/{self.drawn.format}" if isinstance(self.drawn, Picture) else "video/mp4"

    @property
    def at_ms(self) -> int:
        """Return the moment of the picture, or the first of the clip."""
        return self.drawn.at_ms if isinstance(self.drawn, Picture) else self.drawn.start_ms

    @property
    def tag(self) -> str:
        """Return an ETag: the same for the same file."""
        return f'"{hashlib.sha256(repr(self).encode()).hexdigest()[:32]}"'


def pad(clip: bytes, size: int) -> bytes:
    """Make a clip so many bytes larger, as large as real ones are: players skip what is free."""
    return clip + (size + 8).to_bytes(4) + b"free" + bytes(size) if size else clip


def _draw(drawn: Picture | Clip) -> bytes:
    return render(drawn) if isinstance(drawn, Picture) else encode(drawn)


class Files:
    """Every file is made once, however many ask for it."""

    def __init__(self, kept_bytes: int = _KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self.made = 0
        """How many files were drawn so far, for tests of caches."""
        self._kept: OrderedDict[Picture | Clip, bytes] = OrderedDict()
        self._size = 0
        self._making: dict[Picture | Clip, asyncio.Task[bytes]] = {}
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def read(self, stored: Stored) -> bytes:
        """Return the bytes of a file; of an encrypted one they mean nothing."""
        if stored.encrypted:
            return hashlib.shake_128(str(stored.at_ms).encode()).digest(_ENCRYPTED_BYTES)
        drawn = stored.drawn
        if drawn in self._kept:
            self._kept.move_to_end(drawn)
            return self._kept[drawn]
        if drawn not in self._making:
            self._making[drawn] = asyncio.create_task(self._make(drawn))
        # Whoever gives up does not take the file away from the others.
        return await asyncio.shield(self._making[drawn])

    async def close(self) -> None:
        """Wait for what is being made: a thread cannot be stopped."""
        await asyncio.gather(*self._making.values(), return_exceptions=True)

    async def _make(self, drawn: Picture | Clip) -> bytes:
        try:
            async with self._room:
                data = await asyncio.to_thread(_draw, drawn)
        finally:
            del self._making[drawn]
        self.made += 1
        self._kept[drawn] = data
        self._size += len(data)
        while self._size > self._kept_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._size -= len(oldest)
        return data
