"""Stored pictures and clips: asked for with the token, fetched from another host without it.

Ring documentation: "Media".
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
import re
from typing import Final, Literal, Self

from .client import RingClient, error_of, segment
from .errors import (
    RingError,
    RingMediaError,
    RingMediaNotFoundError,
    RingMediaNotReadyError,
    RingMediaTooEarlyError,
    RingMediaUnreadableError,
    RingUnavailableError,
)
from .transport import Answer, Opened, Request
from .values import JsonObject, as_list, as_moment_ms, as_object, as_text, as_whole

MAX_PICTURE_BYTES: Final = 8 * 1024 * 1024
# Ring was seen to take up to 7 s; what only drips is no use to anybody.
PICTURE_SECONDS: Final = 30.0
MAX_CLIP: Final = timedelta(minutes=15)
_MAX_ERROR_BYTES: Final = 65_536
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_CONTENT: Final = frozenset({200, 206})
# September 2001. Below it a number of milliseconds could be one of seconds, which Ring answers with a misleading 403.
_FIRST_MS: Final = 10**12
_MAGIC: Final = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}

# Ring's status and code -> what the caller can do; None stands for any other code.
_ERRORS: Final[dict[tuple[int, str | None], type[RingMediaError]]] = {
    (403, "TIME_RANGE_NOT_AUTHORIZED"): RingMediaTooEarlyError,
    (416, None): RingMediaNotFoundError,
    (422, "CORRUPT_RECORDING"): RingMediaUnreadableError,
    # GRECO_NO_VALID_KEY and the like: right after an event it usually clears within seconds.
    (422, None): RingMediaNotReadyError,
    (425, None): RingMediaNotReadyError,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A still; `at` is the moment that Ring says it shows."""

    body: bytes = field(repr=False)
    content_type: str
    at: datetime | None = None
    origin: str | None = None
    """`recording` or `snapshot`."""

    @classmethod
    def read(cls, body: bytes, at: datetime | None = None, origin: str | None = None) -> Self:
        """Return what the bytes of a file show. Raises RingMediaUnreadableError for what is neither JPEG nor PNG."""
        content_type = next((kind for magic, kind in _MAGIC.items() if body.startswith(magic)), None)
        if content_type is None:
            raise RingMediaUnreadableError("The picture cannot be read: the camera encrypts it")
        return cls(body=body, content_type=content_type, at=at, origin=origin)


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFormat:
    """How large a picture should be, in pixels: at most 1920 by 1080."""

    width: int = 1280
    height: int = 720
    kind: Literal["jpeg", "png"] = "jpeg"

    def as_dict(self) -> JsonObject:
        """Return Ring's `image_options`."""
        return {"format": self.kind, "resolution": {"width": self.width, "height": self.height}}


class Clip:
    """An MP4 that is being received, all of it or its rest."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        headers = opened.headers
        rest = re.fullmatch(r"bytes ([0-9]{1,15})-([0-9]{1,15})/.*", headers.get("content-range", ""), re.ASCII)
        self.first_byte = 0 if rest is None else int(rest[1])
        """Where the answer begins."""
        length = _number(headers.get("content-length"))
        self.size: int | None = as_whole(length, 0, 2**53) if rest is None else int(rest[2]) + 1
        """Bytes of the whole, where Ring says so beforehand."""
        self.at: datetime | None = as_moment_ms(headers.get("x-media-timestamp"))
        recorded_ms = _number(headers.get("x-media-length") or headers.get("x-media-duration"))
        self.duration: timedelta | None = None if recorded_ms is None else timedelta(milliseconds=recorded_ms)
        """Set when only a part of what was asked for was recorded."""

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the file as it arrives, at most 64 KiB at once.

        Raises RingMediaUnreadableError when it is no MP4, which is how an encrypted camera shows, and
        RingUnavailableError when it breaks off.
        """
        head: bytes | None = None if self.first_byte else b""
        async for chunk in self._opened.chunks():
            if head is not None:
                head += chunk
                if len(head) < 12:
                    continue
                if head[4:8] not in (b"ftyp", b"styp", b"moov"):
                    raise RingMediaUnreadableError("The clip is no MP4: the camera encrypts it")
                chunk, head = head, None  # noqa: PLW2901
            yield chunk
        if head is not None:
            raise RingMediaUnreadableError("The clip is empty")


class RingMedia:
    """What a camera has stored.

    Every method raises RingMediaNotFoundError, RingMediaNotReadyError, RingMediaUnreadableError,
    RingMediaTooEarlyError, or what RingClient raises. A 403 never means that the link is lost.
    """

    def __init__(self, client: RingClient) -> None:
        """Ask over the account's client."""
        self._client = client

    async def async_get_picture(
        self,
        device_id: str,
        at: datetime,
        picture_format: PictureFormat | None = None,
        *,
        component_id: str | None = None,
    ) -> Picture:
        """Return the picture stored nearest to a moment of the last 180 days, within about ten seconds of it."""
        wanted: JsonObject = {"type": "at_timestamp", "timestamp": _milliseconds(at)}
        return await self._picture(device_id, wanted, picture_format, component_id)

    async def async_get_latest_picture(
        self,
        device_id: str,
        start: datetime,
        end: datetime | None = None,
        picture_format: PictureFormat | None = None,
        *,
        component_id: str | None = None,
    ) -> Picture:
        """Return the newest picture of a span of at most 24 hours that begins after the user's consent."""
        wanted: JsonObject = {"type": "latest_in_range", "start_timestamp": _milliseconds(start)}
        if end is not None:
            wanted["end_timestamp"] = _milliseconds(end)
        return await self._picture(device_id, wanted, picture_format, component_id)

    @asynccontextmanager
    async def async_open_clip(
        self,
        device_id: str,
        at: datetime,
        duration: timedelta,
        *,
        component_id: str | None = None,
        audio: bool = True,
        first_byte: int = 0,
    ) -> AsyncIterator[Clip]:
        """Open the recording that begins at a moment; `duration` is at most 15 minutes.

        `first_byte` is from where on it is still wanted; look at the clip for where it really begins.
        """
        wanted: JsonObject = {
            "timestamp": _milliseconds(at),
            "duration": round(min(duration, MAX_CLIP).total_seconds() * 1000),
            "video_options": {"codec": "avc"},
            "audio_options": {"audio_enabled": audio},
        }
        async with self._open(device_id, "video", wanted, component_id, first_byte) as opened:
            yield Clip(opened)

    async def _picture(
        self, device_id: str, wanted: JsonObject, picture_format: PictureFormat | None, component_id: str | None
    ) -> Picture:
        wanted["image_options"] = (picture_format or PictureFormat()).as_dict()
        try:
            async with (
                asyncio.timeout(PICTURE_SECONDS),
                self._open(device_id, "image", wanted, component_id) as opened,
            ):
                answer = await opened.read(MAX_PICTURE_BYTES)
        except TimeoutError as err:
            raise RingUnavailableError("GET image: Ring took too long") from err
        if not answer.body or answer.is_html:
            # Not to be taken for an encrypted picture, which would be given up.
            raise answer.unusable("no picture in the answer")
        headers = answer.headers
        return Picture.read(answer.body, as_moment_ms(headers.get("x-media-timestamp")), headers.get("x-media-origin"))

    @asynccontextmanager
    async def _open(
        self,
        device_id: str,
        kind: Literal["image", "video"],
        wanted: JsonObject,
        component_id: str | None,
        first_byte: int = 0,
    ) -> AsyncIterator[Opened]:
        """Ask, and follow to where it is; a short clip may stand in the first answer."""
        if component_id is not None:
            wanted["components"] = [{"component_id": component_id}]
        path = f"v1/devices/{segment(device_id)}/media/{kind}/download"
        request = self._client.request("POST", path, f"{kind} download", json=wanted)
        async with self._client.open(request) as first:
            if first.status not in _REDIRECTS:
                yield await _content(first)
                return
            url = self._client.hosts.media_url(first.headers.get("location", ""))
        if url is None:
            raise RingMediaError("Ring's answer leads to a host that is not Ring's")
        fetch = Request(
            method="GET",
            url=url,
            label=f"GET {kind}",
            accept="*/*",
            first_byte=first_byte,
            device_id=request.device_id,
            max_bytes=MAX_PICTURE_BYTES,
        )
        async with self._client.open_elsewhere(fetch) as second:
            yield await _content(second)


async def _content(opened: Opened) -> Opened:
    """Return an answer that holds media, or raise what it holds instead."""
    if opened.status in _CONTENT and not opened.headers.get("content-type", "").startswith(("text/", "application/j")):
        return opened
    raise _media_error(await opened.read(_MAX_ERROR_BYTES))


def _media_error(answer: Answer) -> RingError:
    errors = [as_object(item) for item in as_list(as_object(answer.parsed()).get("errors"))]
    code = next((text for error in errors if (text := as_text(error.get("code"))) is not None), None)
    kind = _ERRORS.get((answer.status, code)) or _ERRORS.get((answer.status, None))
    if kind is None:
        return error_of(answer)
    message = f"{answer.label}: Ring answered {answer.status}"
    return kind(message, status=answer.status, request_id=answer.request_id, code=code)


def _milliseconds(at: datetime) -> int:
    """Return a moment as Ring takes it. Raises RingMediaNotFoundError where Ring would read seconds, as in 1970."""
    milliseconds = round(at.timestamp() * 1000)
    if milliseconds < _FIRST_MS:
        raise RingMediaNotFoundError("There were no recordings then")
    return milliseconds


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,16}", text) else None
