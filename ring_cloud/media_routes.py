"""The media API: downloads that are asked for here, and fetched without a token from another origin."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
import secrets
import time

from aiohttp import hdrs, web
from yarl import URL

from .api import shared_device
from .clock import iso_time
from .families import Permission
from .gateway import WORLD, ApiHandler, Handler
from .grants import Grant
from .journal import CONNECTION_CUT
from .media import DOWNLOAD, Viewer
from .media_clips import Clip
from .media_files import Stored, pad
from .media_journal import MediaRequest
from .media_requests import ClipRequest, MediaError, PictureRequest, read_clip_request, read_picture_request
from .media_transfers import file_response
from .middleware import edge, misbehave
from .model import Device
from .refusals import ApiError
from .switches import ClipAnswer
from .world import World

_REQUEST_ID = "X-Request-ID"

_REDIRECTS: Mapping[ClipAnswer, HTTPStatus] = {
    ClipAnswer.SEE_OTHER: HTTPStatus.SEE_OTHER,
    ClipAnswer.MOVED: HTTPStatus.MOVED_PERMANENTLY,
    ClipAnswer.FOUND: HTTPStatus.FOUND,
    ClipAnswer.TEMPORARY: HTTPStatus.TEMPORARY_REDIRECT,
    ClipAnswer.PERMANENT: HTTPStatus.PERMANENT_REDIRECT,
}

type _Read = Callable[[bytes, Device, int], PictureRequest | ClipRequest]


# Where media are asked for


def _download(request_type: str, read: _Read) -> ApiHandler:
    async def handle(world: World, grant: Grant, request: web.Request) -> web.Response:
        try:
            viewer = _viewer(world, grant, request)
            asked = read(await request.read(), viewer.device, world.media.now_ms)
            if asked.start_ms < viewer.since_ms:
                raise MediaError("TIME_RANGE_NOT_AUTHORIZED", "The time range begins before the user's consent")
            found = world.media.find(viewer, asked)
            # Pictures are always redirected to.
            is_clip = isinstance(asked, ClipRequest)
            answer = ClipAnswer(world.switches.clip_answer) if is_clip else ClipAnswer.SEE_OTHER
            if answer is ClipAnswer.DIRECT:
                return await _file(world, request, found, secrets.token_hex(16))
            return _redirect(world, request_type, found, _REDIRECTS[answer])
        except MediaError as error:
            return _refusal(world, error, secrets.token_hex(16))

    return handle


def _viewer(world: World, grant: Grant, request: web.Request) -> Viewer:
    try:
        device = shared_device(world, grant, request)
    except ApiError as error:
        code = "DEVICE_NOT_FOUND" if error.status is HTTPStatus.NOT_FOUND else "REQUEST_FORBIDDEN"
        raise MediaError(code, error.detail) from error
    if device.family.permission is not Permission.CAMERAS:
        raise MediaError("DEVICE_NOT_FOUND", "The device is no camera")
    return Viewer(
        device=device,
        app=grant.app.name if grant.app else "Playground",
        client_id=grant.client_id,
        since_ms=world.seen_since_ms(grant) + world.switches.consent_margin_ms,
    )


def _redirect(world: World, request_type: str, found: Stored | MediaError, status: HTTPStatus) -> web.Response:
    ticket, url = world.media.link(request_type, found)
    location = world.media.redirect_to or str(URL(world.media_urls[world.media.region()]).join(url))
    return web.Response(status=status, headers={hdrs.LOCATION: location, _REQUEST_ID: ticket.request_id})


async def _file(world: World, request: web.Request, found: Stored | MediaError, request_id: str) -> web.Response:
    if isinstance(found, MediaError):
        raise found
    data = await world.media.files.read(found)
    found.mark_reviewed()
    if isinstance(found.drawn, Clip):
        data = pad(data, world.switches.clip_padding)
    response = file_response(request, data, found.tag, HTTPStatus.PARTIAL_CONTENT if found.partial else HTTPStatus.OK)
    response.headers[_REQUEST_ID] = request_id
    response.headers["X-Media-Timestamp"] = str(found.at_ms)
    if not isinstance(found.drawn, Clip):
        response.headers["X-Media-Origin"] = found.origin
    elif found.partial:
        response.headers["X-Media-Length"] = str(found.drawn.length_ms)
    if response.body is not None:
        response.content_type = found.content_type
    return response


def _refusal(world: World, error: MediaError, request_id: str) -> web.Response:
    if error.silent:
        return web.Response(status=error.status, headers={_REQUEST_ID: request_id})
    document = error.document(request_id, iso_time(world.clock.time()))
    return web.json_response(document, status=error.status, headers={_REQUEST_ID: request_id})


# Where they are fetched


@web.middleware
async def _record(request: web.Request, handler: Handler) -> web.StreamResponse:
    world = request.app[WORLD]
    at, began = world.clock.time(), time.clock_gettime(time.CLOCK_MONOTONIC)
    status = CONNECTION_CUT
    try:
        response = await handler(request)
        if request.transport is not None and not request.transport.is_closing():
            status = response.status
        return response
    finally:
        elapsed = time.clock_gettime(time.CLOCK_MONOTONIC) - began
        shown = {key: request.query[key] for key in ("req_type", "req_id") if key in request.query}
        world.media_requests.add(
            MediaRequest(
                at,
                request.method,
                request.path,
                URL.build(query=shown).query_string,
                status,
                round(elapsed * 1000, 2),
                request.headers.get(hdrs.USER_AGENT, ""),
                hdrs.AUTHORIZATION in request.headers,
                request.headers.get(hdrs.RANGE),
            )
        )


@web.middleware
async def travel(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Send files as slowly, and as far, as is set."""
    response = await handler(request)
    if request.path == DOWNLOAD or request.path.endswith("/media/video/download"):
        return await request.app[WORLD].media.transfers.send(request, response)
    return response


@web.middleware
async def _no_bearer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what carries a token: the URL alone says who asks, and two answers to that are one too many."""
    if hdrs.AUTHORIZATION not in request.headers:
        return await handler(request)
    error = MediaError("INVALID_PAYLOAD", "Only one way to authorize is allowed", hdrs.AUTHORIZATION)
    return _refusal(request.app[WORLD], error, secrets.token_hex(16))


async def _fetch(request: web.Request) -> web.Response:
    world = request.app[WORLD]
    request_id = request.query.get("req_id", "")
    try:
        ticket = world.media.redeem(dict(request.query))
        return await _file(world, request, ticket.found, ticket.request_id)
    except MediaError as error:
        return _refusal(world, error, request_id)


async def _nothing(_request: web.Request) -> web.Response:
    return web.Response(status=HTTPStatus.FORBIDDEN)


def media_application(world: World) -> web.Application:
    """Return the media origin."""
    app = web.Application(middlewares=[_record, travel, edge, _no_bearer, misbehave])
    app[WORLD] = world
    app.router.add_get(DOWNLOAD, _fetch, allow_head=False)
    app.router.add_route("*", "/{tail:.*}", _nothing)
    return app


ROUTES: tuple[tuple[str, str, ApiHandler], ...] = (
    ("POST", "/v1/devices/{device_id}/media/image/download", _download("image_download", read_picture_request)),
    ("POST", "/v1/devices/{device_id}/media/video/download", _download("video_download", read_clip_request)),
)
