"""Names of cameras and of recordings, as they stand in addresses and in the media browser: pure and stable."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
import re
from typing import Final, Self, override
from urllib.parse import quote, unquote

_SEPARATOR: Final = "~"
# Not with the usual percent sign: Home Assistant signs an address as it is once decoded.
_SPECIAL: Final = re.compile(r"[^A-Za-z0-9._-]|_(?=[0-9A-F]{2})")
_ESCAPED: Final = re.compile(r"(?:_[0-9A-F]{2})+")
# Ring is younger, and far from the ends of the calendar there is always a day before and a day after.
_YEARS: Final = range(2000, 2100)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class CameraId:
    """A camera: a device, or one of the lenses of a device that has several."""

    device_id: str
    component_id: str | None = None

    @override
    def __str__(self) -> str:
        """Print as one segment of a path."""
        parts = (self.device_id,) if self.component_id is None else (self.device_id, self.component_id)
        return _SEPARATOR.join(map(_escaped, parts))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` printed. Raises ValueError."""
        parts = [_unescaped(part) for part in text.split(_SEPARATOR)]
        if not 1 <= len(parts) <= 2 or not all(parts):
            raise ValueError("This names no camera")
        return cls(*parts)


def registry_id(account_id: str, camera: CameraId) -> str:
    """Return the identifier of a device, or of one of its cameras, in the device registry.

    Two accounts may share a device, which has the same id in both.
    """
    return f"{_escaped(account_id)}{_SEPARATOR}{camera}"


@dataclass(frozen=True, slots=True)
class ClipId:
    """A stretch of a camera's recordings."""

    camera: CameraId
    at: datetime
    duration: timedelta

    @override
    def __str__(self) -> str:
        """Print as two segments of a path: milliseconds of the beginning, and of the length."""
        return f"{self.camera}/{_milliseconds(self.at)}-{self.duration // timedelta(milliseconds=1)}"

    @classmethod
    def parse(cls, camera: str, span: str) -> Self:
        """Read the two segments that `str` printed. Raises ValueError."""
        if (match := re.fullmatch(r"([0-9]{1,15})-([0-9]{1,9})", span, re.ASCII)) is None:
            raise ValueError("This names no span of time")
        return cls(CameraId.parse(camera), moment(int(match[1])), timedelta(milliseconds=int(match[2])))


class Shelf(StrEnum):
    """How the recordings of a camera are put together in the media browser."""

    DAY = "day"
    EARLIER = "earlier"
    """The days before one."""
    RINGS = "rings"
    MOTION = "motion"
    PEOPLE = "people"
    VEHICLES = "vehicles"
    ANIMALS = "animals"
    LIVE_VIEWS = "live"


_OF_A_DAY: Final = (Shelf.DAY, Shelf.EARLIER)


@dataclass(frozen=True, slots=True)
class FolderId:
    """A folder of the media browser: an account, one of its cameras, or a shelf of its recordings.

    A shelf that is not of a day shows the newest, or what was before a day.
    """

    entry_id: str
    camera: CameraId | None = None
    shelf: Shelf | None = None
    day: date | None = None

    @override
    def __str__(self) -> str:
        """Print as the identifier of a media item."""
        day = None if self.day is None else self.day.isoformat()
        parts = (quote(self.entry_id, safe=""), self.camera, self.shelf, day)
        return "/".join(str(part) for part in parts if part is not None)


@dataclass(frozen=True, slots=True)
class EventId:
    """A recording in the media browser."""

    entry_id: str
    clip: ClipId

    @override
    def __str__(self) -> str:
        """Print as the identifier of a media item."""
        return f"{quote(self.entry_id, safe='')}/{self.clip}"


def parse_media_id(text: str) -> FolderId | EventId:
    """Read what a media item is identified by. Raises ValueError."""
    entry_id, *parts = text.split("/")
    if not entry_id:
        raise ValueError("This names no account")
    match parts:
        case []:
            return FolderId(unquote(entry_id))
        case [camera]:
            return FolderId(unquote(entry_id), CameraId.parse(camera))
        case [camera, span] if span[:1].isdecimal():
            return EventId(unquote(entry_id), ClipId.parse(camera, span))
        case [camera, shelf, *rest] if len(rest) <= 1:
            return _shelf_id(unquote(entry_id), CameraId.parse(camera), Shelf(shelf), rest)
    raise ValueError("This names nothing")


def _shelf_id(entry_id: str, camera: CameraId, shelf: Shelf, rest: list[str]) -> FolderId:
    if not rest and shelf in _OF_A_DAY:
        raise ValueError("This names no day")
    return FolderId(entry_id, camera, shelf, parse_day(rest[0]) if rest else None)


def parse_day(text: str) -> date:
    """Read a date such as 2026-11-20. Raises ValueError."""
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII) is None:
        raise ValueError("This is no date")
    day = date.fromisoformat(text)
    if day.year not in _YEARS:
        raise ValueError("This date is too far away")
    return day


def moment(milliseconds: int) -> datetime:
    """Return the moment of an epoch in milliseconds. Raises ValueError."""
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError as err:
        raise ValueError("This is no moment") from err


def _escaped(part: str) -> str:
    """Return an id in characters that every address leaves as they are; most ids have no others."""

    def escape(found: re.Match[str]) -> str:
        return "".join(f"_{byte:02X}" for byte in found[0].encode("utf-8", "surrogatepass"))

    return _SPECIAL.sub(escape, part)


def _unescaped(text: str) -> str:
    """Read what `_escaped` printed. Raises ValueError."""

    def unescape(found: re.Match[str]) -> str:
        return bytes.fromhex(found[0].replace("_", "")).decode("utf-8", "surrogatepass")

    return _ESCAPED.sub(unescape, text)


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
