"""An account's newest token, on disk before it is used.

Ring's answer kills the token before it, so what counts is the time until the answer is safe, also on a full disk. A
record is therefore written in place, in one of two slots in turn: no temporary file, no rename, no room to be found.
Home Assistant's Store needs all three, keeps a failed write to itself, and writes nothing while Home Assistant stops.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
import errno
import hashlib
import json
import os
from pathlib import Path
from typing import Any, Self

from homeassistant.const import CONF_TOKEN
from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import STORAGE_DIR

from .api import RingAuthError, Token
from .const import DOMAIN

# Ring's answers are a few kilobytes.
SLOT_BYTES = 32_768
SLOTS = 2

ATTR_LINK = "link"
ATTR_GENERATION = "generation"
ATTR_PREVIOUS = "previous_refresh_token"


@dataclass(frozen=True, slots=True)
class Record:
    """A token as the config entry holds it, and the refresh token it replaced.

    `link` tells this link from any earlier one of the account, `generation` counts its refreshes: together they say
    whether the journal or the entry is newer, independently of the clock. Raises RingAuthError where there is no token.
    """

    stored: Mapping[str, Any] = field(repr=False)
    previous_refresh_token: str | None = field(default=None, repr=False)
    token: Token = field(init=False)
    link: str | None = field(init=False)
    generation: int = field(init=False)

    def __post_init__(self) -> None:
        """Read what is stored."""
        object.__setattr__(self, "token", Token.from_dict(self.stored))
        object.__setattr__(self, "link", self.stored.get(ATTR_LINK))
        object.__setattr__(self, "generation", int(self.stored.get(ATTR_GENERATION, 0)))

    def replaced_by(self, token: Token) -> Self:
        """Return the record of the token that a refresh brought."""
        kept = {ATTR_LINK: self.link, ATTR_GENERATION: self.generation + 1}
        return type(self)(token.as_dict() | kept, self.token.refresh_token)


class TokenJournal:
    """A file of an entry that only Home Assistant's user can read."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Name the file; it exists from the first refresh on."""
        self._hass = hass
        self._path = Path(hass.config.path(STORAGE_DIR, f"{DOMAIN}.{entry_id}.token"))

    async def async_read(self, link: str | None) -> Record | None:
        """Return the newest record of a link. Raises OSError when it cannot be read, which is not the same as none."""
        records = await self._hass.async_add_executor_job(self._read)
        return max((item for item in records if item.link == link), key=lambda item: item.generation, default=None)

    async def async_read_newest(self) -> Record | None:
        """Return the newest record of any link. Raises OSError."""
        records = await self._hass.async_add_executor_job(self._read)
        return max(records, key=lambda item: item.generation, default=None)

    async def async_write(self, record: Record) -> None:
        """Return once the record is safe on disk. Raises OSError."""
        text = json.dumps({CONF_TOKEN: dict(record.stored), ATTR_PREVIOUS: record.previous_refresh_token}).encode()
        line = b"%s %s\n" % (_digest(text), text)
        if len(line) > SLOT_BYTES:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        await self._hass.async_add_executor_job(self._write, line, record.generation % SLOTS * SLOT_BYTES)

    async def async_remove(self) -> None:
        """Leave nothing behind."""
        await self._hass.async_add_executor_job(self._path.unlink, True)

    def _read(self) -> list[Record]:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return []
        slots = (content[start : start + SLOT_BYTES] for start in range(0, len(content), SLOT_BYTES))
        return [record for slot in slots if (record := _parse(slot)) is not None]

    def _write(self, line: bytes, start: int) -> None:
        self._path.parent.mkdir(exist_ok=True)
        with os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            if os.fstat(file.fileno()).st_size < SLOTS * SLOT_BYTES:
                file.write(bytes(SLOTS * SLOT_BYTES))
                file.flush()
                os.fsync(file.fileno())
                _sync_directory(self._path.parent)
            file.seek(start)
            file.write(line)
            file.flush()
            os.fdatasync(file.fileno())


def _parse(slot: bytes) -> Record | None:
    """Return what a slot holds; None if it was never written, only half written, or written by another release."""
    digest, _, text = slot.partition(b"\n")[0].partition(b" ")
    if digest != _digest(text):
        return None
    try:
        document = json.loads(text)
        return Record(document[CONF_TOKEN], document.get(ATTR_PREVIOUS))
    except ValueError, KeyError, TypeError, AttributeError, RingAuthError:
        return None


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest().encode()


def _sync_directory(path: Path) -> None:
    """Make a new file's name as durable as its content."""
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
