"""Clips and pictures for browsers: for who is logged in, or holds a signed path."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, aclosing, contextmanager
from datetime import timedelta
from hashlib import sha256
from http import HTTPStatus
from math import ceil
import re
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs, web

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.http import HomeAssistantView
from homeassistant.util import dt as dt_util, slugify

from .api import (
    MAX_CLIP,
    RingAuthError,
    RingError,
    RingForbiddenError,
    RingMediaNotFoundError,
    RingMediaNotReadyError,
    RingMediaTooEarlyError,
    RingMediaUnreadableError,
    RingNotFoundError,
    RingUnavailableError,
)
from .clips import ClipFile
from .const import DOMAIN
from .errors import as_home_assistant_error
from .identifiers import CameraId, ClipId, moment
from .kinds import cameras_of
from .models import RingConfigEntry, RingRuntimeData

# Below what proxies in front of Home Assistant usually wait.
_PATIENCE_S: Final = 50
_RETRY_AFTER_S: Final = 10
_HEADERS: Final = {hdrs.CACHE_CONTROL: "private", "X-Content-Type-Options": "nosniff"}
# The first that fits.
_STATUSES: Final[tuple[tuple[type[RingError], HTTPStatus], ...]] = (
    (RingMediaNotFoundError, HTTPStatus.NOT_FOUND),
    (RingNotFoundError, HTTPStatus.NOT_FOUND),
    (RingMediaTooEarlyError, HTTPStatus.FORBIDDEN),
    (RingForbiddenError, HTTPStatus.FORBIDDEN),
    # The user could switch the encryption off.
    (RingMediaUnreadableError, HTTPStatus.CONFLICT),
    (RingMediaNotReadyError, HTTPStatus.SERVICE_UNAVAILABLE),
    (RingUnavailableError, HTTPStatus.SERVICE_UNAVAILABLE),
    (RingAuthError, HTTPStatus.SERVICE_UNAVAILABLE),
    (RingError, HTTPStatus.BAD_GATEWAY),
)


@callback
def async_register_views(hass: HomeAssistant) -> None:
    """Register what serves all accounts."""
    hass.http.register_view(ClipView(hass))
    hass.http.register_view(PictureView(hass))
    hass.http.register_view(ThumbnailView(hass))


class ClipView(HomeAssistantView):
    """A clip, which plays and can be sought in while it is still being received."""

    url = "/api/ring_partner/clip/{entry_id}/{camera}/{span}"
    name = "api:ring_partner:clip"

    def __init__(self, hass: HomeAssistant) -> None:
        """Serve the accounts of this Home Assistant."""
        self._hass = hass

    async def get(self, request: web.Request, entry_id: str, camera: str, span: str) -> web.StreamResponse:
        """Answer with the clip, or the range of it that is asked for."""
        with _refusals():
            clip = ClipId.parse(camera, span)
            if not timedelta(0) < clip.duration <= MAX_CLIP:
                raise ValueError("A clip lasts at most 15 minutes")
        runtime, name = _find(self._hass, entry_id, clip.camera)
        if clip.at >= dt_util.utcnow():
            raise web.HTTPNotFound
        at = dt_util.as_local(clip.at)
        disposition = f'inline; filename="{slugify(name)}_{at:%Y-%m-%d_%H-%M-%S}.mp4"'
        async with AsyncExitStack() as stack:
            with _refusals():
                async with asyncio.timeout(_PATIENCE_S):
                    file = await stack.enter_async_context(runtime.clips.async_open(clip))
            return await _answer(request, file, {**_HEADERS, hdrs.CONTENT_DISPOSITION: disposition})

    head = get


class PictureView(HomeAssistantView):
    """The picture of a moment."""

    url = "/api/ring_partner/picture/{entry_id}/{camera}/{at_ms}"
    name = "api:ring_partner:picture"
    is_thumbnail = False

    def __init__(self, hass: HomeAssistant) -> None:
        """Serve the accounts of this Home Assistant."""
        self._hass = hass

    async def get(self, request: web.Request, entry_id: str, camera: str, at_ms: str) -> web.StreamResponse:
        """Answer with the picture."""
        with _refusals():
            if not re.fullmatch(r"[0-9]{1,15}", at_ms, re.ASCII):
                raise ValueError("This is no moment")
            camera_id, at = CameraId.parse(camera), moment(int(at_ms))
        runtime, _ = _find(self._hass, entry_id, camera_id)
        if at >= dt_util.utcnow():
            raise web.HTTPNotFound
        with _refusals():
            async with asyncio.timeout(_PATIENCE_S):
                picture = await runtime.pictures.async_get(camera_id, at, thumbnail=self.is_thumbnail)
        tag = f'"{sha256(picture.body).hexdigest()[:32]}"'
        # What a moment looked like does not change.
        headers = {**_HEADERS, hdrs.CACHE_CONTROL: "private, max-age=86400", hdrs.ETAG: tag}
        if _is_known(request, tag):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return web.Response(body=picture.body, content_type=picture.content_type, headers=headers)

    head = get


class ThumbnailView(PictureView):
    """A small picture of a moment."""

    url = "/api/ring_partner/thumbnail/{entry_id}/{camera}/{at_ms}"
    name = "api:ring_partner:thumbnail"
    is_thumbnail = True


def wanted_range(header: str | None, size: int) -> range | None:
    """Return the bytes that a Range header asks for; None is everything, also where the header makes no sense.

    An empty range means that none of what is asked for exists. Several ranges are answered with everything, too.
    """
    match = re.fullmatch(r"bytes=([0-9]{0,18})-([0-9]{0,18})", (header or "").strip(), re.ASCII | re.IGNORECASE)
    if match is None or match[0].endswith("=-"):
        return None
    first, last = match[1], match[2]
    if not first:
        return range(max(size - int(last), 0), size)
    if last and int(first) > int(last):
        return None
    return range(int(first), min(int(last) + 1, size) if last else size)


async def _answer(request: web.Request, file: ClipFile, headers: dict[str, str]) -> web.StreamResponse:
    """Answer with as much of a clip as is asked for."""
    headers |= {hdrs.CONTENT_TYPE: "video/mp4", hdrs.ACCEPT_RANGES: "none" if file.size is None else "bytes"}
    tag = None if file.tag is None else f'"{file.tag}"'
    if tag is not None:
        headers[hdrs.ETAG] = tag
        if _is_known(request, tag):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    if file.size is None:
        # Without its length it can only be shown from the beginning on.
        return await _stream(request, file, HTTPStatus.OK, headers, None)
    asked = None
    if request.headers.get(hdrs.IF_RANGE, tag) == tag:
        asked = wanted_range(request.headers.get(hdrs.RANGE), file.size)
    if asked is None:
        return await _stream(request, file, HTTPStatus.OK, headers, range(file.size))
    if not asked:
        headers[hdrs.CONTENT_RANGE] = f"bytes */{file.size}"
        return web.Response(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)
    headers[hdrs.CONTENT_RANGE] = f"bytes {asked.start}-{asked.stop - 1}/{file.size}"
    return await _stream(request, file, HTTPStatus.PARTIAL_CONTENT, headers, asked)


async def _stream(
    request: web.Request, file: ClipFile, status: HTTPStatus, headers: dict[str, str], asked: range | None
) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers=headers)
    if asked is not None:
        response.content_length = len(asked)
    await response.prepare(request)
    if request.method == hdrs.METH_HEAD:
        return response
    sent = 0
    start, stop = (0, None) if asked is None else (asked.start, asked.stop)
    try:
        async with aclosing(file.chunks(start, stop)) as chunks:
            async for chunk in chunks:
                await response.write(chunk)
                sent += len(chunk)
        if asked is None or sent == len(asked):
            await response.write_eof()
            return response
    except ConnectionError, RingError:
        pass
    if TYPE_CHECKING:
        # Of a viewer who has left, Home Assistant has ended the request before.
        assert request.transport is not None
    # A viewer must not take a part for the whole.
    request.transport.abort()
    return response


def _find(hass: HomeAssistant, entry_id: str, camera: CameraId) -> tuple[RingRuntimeData, str]:
    """Return the working parts of a camera's account, and the camera's name. Raises HTTPNotFound."""
    entry: RingConfigEntry | None = hass.config_entries.async_get_entry(entry_id)
    if entry is None or entry.domain != DOMAIN or entry.state is not ConfigEntryState.LOADED:
        raise web.HTTPNotFound
    runtime = entry.runtime_data
    device = runtime.coordinator.data.devices.get(camera.device_id)
    if device is None or camera not in cameras_of(device):
        raise web.HTTPNotFound
    return runtime, device.name or "ring"


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn what cannot be served into a status and a sentence."""
    try:
        yield
    except ValueError as err:
        raise web.HTTPBadRequest from err
    except TimeoutError as err:
        wait = {hdrs.RETRY_AFTER: str(_RETRY_AFTER_S)}
        raise web.HTTPServiceUnavailable(headers=wait, text="Ring has not sent it yet. Try again.") from err
    except RingError as err:
        status = next(status for kind, status in _STATUSES if isinstance(err, kind))
        headers: dict[str, str] = {}
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            seconds = err.retry_after if isinstance(err, RingUnavailableError) else None
            headers[hdrs.RETRY_AFTER] = str(ceil(seconds or _RETRY_AFTER_S))
        raise _Refusal(status, str(as_home_assistant_error(err)), headers) from err


class _Refusal(web.HTTPException):
    """Any status, with a sentence for whoever opens the address by hand."""

    def __init__(self, status: HTTPStatus, text: str, headers: dict[str, str]) -> None:
        self.status_code = status
        super().__init__(headers=headers, reason=status.phrase, text=text)


def _is_known(request: web.Request, tag: str) -> bool:
    """Return whether the browser has these very bytes."""
    known = request.headers.get(hdrs.IF_NONE_MATCH, "")
    return known.strip() == "*" or tag in re.findall(r'"[^"]*"', known)
