"""What every request to one of Ring's hosts passes: the journal, the edge, and whatever is set to go wrong."""

from http import HTTPStatus
import logging
import secrets
import time

from aiohttp import hdrs, web

from .failures import failure
from .faults import Cut, Fault, Garbage
from .gateway import WORLD, Handler
from .journal import CONNECTION_CUT, Request

_LOGGER = logging.getLogger(__name__)

RING_ROUTES = ("/v1/", "/oauth/", "/account/")

# Ring's edge knows this client by its User-Agent and does not want it.
_UNWANTED_AGENT = "python-urllib"
_EDGE_PAGE = """<!DOCTYPE html>
<html lang="en-US"><head><title>Access denied</title></head>
<body><h1>Error 1010</h1><p>Access was denied because of your browser's signature.</p></body>
</html>
"""
_HTML = "<!DOCTYPE html>\n<html><head><title>Unavailable</title></head><body>We'll be right back</body></html>\n"
_NOT_JSON = "}{ not json"


def is_ring_route(path: str) -> bool:
    """Say whether a path stands for one of Ring's hosts."""
    return path.startswith(RING_ROUTES)


@web.middleware
async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Remember what was asked, whatever becomes of it."""
    if not is_ring_route(request.path):
        return await handler(request)
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
        query = request.query_string if request.path.startswith("/v1/") else ""
        agent = request.headers.get(hdrs.USER_AGENT, "")
        world.requests.add(Request(at, request.method, request.path, query, status, round(elapsed * 1000, 2), agent))


@web.middleware
async def edge(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put Ring's headers on every answer; what the framework refuses leaves with an empty body."""
    if not is_ring_route(request.path):
        return await handler(request)
    try:
        refused = _unwanted(request)
        response = await handler(request) if refused is None else refused
    except web.HTTPException as error:
        response = web.Response(status=error.status)
    except ConnectionError:
        # Nobody is left to be answered.
        raise
    except Exception:
        # A mistake of this cloud's: the client sees what it would see of one of Ring's.
        _LOGGER.exception("%s %s failed", request.method, request.path)
        response = failure(request, HTTPStatus.INTERNAL_SERVER_ERROR, detail="Something went wrong")
    if not response.prepared:
        response.headers.setdefault(hdrs.SERVER, "envoy")
        response.headers.setdefault("x-request-id", secrets.token_hex(16))
    return response


def _unwanted(request: web.Request) -> web.Response | None:
    agent = request.headers.get(hdrs.USER_AGENT, "").strip().lower()
    if not request.path.startswith("/oauth/") or (agent and not agent.startswith(_UNWANTED_AGENT)):
        return None
    headers = {hdrs.SERVER: "cloudflare"}
    return web.Response(text=_EDGE_PAGE, status=HTTPStatus.FORBIDDEN, content_type="text/html", headers=headers)


@web.middleware
async def misbehave(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let faults happen."""
    fault = request.app[WORLD].faults.strike(request.method, request.path) if is_ring_route(request.path) else None
    if fault is None:
        return await handler(request)
    if fault.status is not None:
        return failure(request, fault.status, body=fault.body, headers=fault.headers)
    if fault.delay is not None:
        await fault.hold()
        return await handler(request)
    if fault.cut is Cut.BEFORE:
        return _hang_up(request)
    if fault.garbage in (Garbage.TEXT, Garbage.HTML):
        html = fault.garbage is Garbage.HTML
        text, content_type = (_HTML, "text/html") if html else (_NOT_JSON, "application/json")
        return web.Response(text=text, content_type=content_type)
    return await _spoil(request, fault, await handler(request))


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _spoil(request: web.Request, fault: Fault, response: web.StreamResponse) -> web.StreamResponse:
    """Let the request take effect, and lose its answer or half of it."""
    body = response.body if isinstance(response, web.Response) and isinstance(response.body, bytes) else b""
    half = body[: len(body) // 2]
    if fault.cut is Cut.AFTER:
        return _hang_up(request)
    if fault.garbage is Garbage.TRUNCATED:
        return web.Response(body=half, status=response.status, headers={hdrs.CONTENT_TYPE: response.content_type})
    stream = web.StreamResponse(status=response.status, headers={hdrs.CONTENT_TYPE: response.content_type})
    stream.content_length = len(body)
    await stream.prepare(request)
    await stream.write(half)
    _hang_up(request)
    return stream
