"""The front of Ring's API: who asks, how often, and how refusals look."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import hdrs, web
from yarl import URL

from .grants import Grant
from .refusals import ApiError, error_document
from .values import InputError, is_loopback
from .world import World

FORM = "application/x-www-form-urlencoded"
USERS_ME = "/v1/users/me"
WORLD = web.AppKey("WORLD", World)

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
type ApiHandler = Callable[[World, Grant, web.Request], Awaitable[web.Response]]


def refusal(error: ApiError) -> web.Response:
    """Return the answer to a refused request."""
    return web.json_response(error_document(error.status, error.title, error.detail), status=error.status)


def too_many_requests() -> web.Response:
    """Return the answer to a client that asked too often."""
    response = refusal(ApiError(HTTPStatus.TOO_MANY_REQUESTS, "Too many requests"))
    response.headers[hdrs.RETRY_AFTER] = "1"
    return response


def _unauthorized(world: World, request: web.Request) -> web.Response:
    """Say 401 with an empty body, as observed; of the user Ring's documentation says 403."""
    status = HTTPStatus(world.switches.users_me_unauthorized)
    if request.path != USERS_ME or status is HTTPStatus.UNAUTHORIZED:
        return web.Response(status=HTTPStatus.UNAUTHORIZED)
    return refusal(ApiError(status, "The access token is invalid"))


def authenticated(handler: ApiHandler) -> Handler:
    """Wrap a handler of the API: bearer token, rate limit, refusals."""

    async def handle(request: web.Request) -> web.StreamResponse:
        world = request.app[WORLD]
        scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        grant = world.grants.authenticate(token.strip()) if scheme.lower() == "bearer" else None
        response: web.StreamResponse
        if grant is None:
            response = _unauthorized(world, request)
        elif not world.limits.take(grant.client_id):
            response = too_many_requests()
        else:
            try:
                response = await handler(world, grant, request)
            except ApiError as error:
                response = refusal(error)
        response.headers.update(world.limits.headers(grant.client_id if grant else None))
        return response

    return handle


def check_sender(request: web.Request) -> None:
    """Keep other web pages out of what is not Ring's.

    A browser may post across origins without asking first, and a page whose name was pointed at this machine after
    it was loaded counts as of one origin with it: only the name in Host gives that away.
    """
    try:
        host = URL(f"http://{request.host}").host
    except ValueError:
        host = None
    if host is None or not is_loopback(host):
        raise InputError("requests under another name than this machine's are refused")
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and origin != f"{request.scheme}://{request.host}":
        raise InputError("requests from other web pages are refused")


async def read_form(request: web.Request) -> dict[str, str]:
    """Return the fields of a urlencoded form, each given once."""
    if request.content_type != FORM:
        raise InputError(f"the body must be {FORM}")
    try:
        form = await request.post()
    except (ValueError, LookupError) as error:
        # An encoding that nobody knows, or that the bytes are not in.
        raise InputError("the form cannot be read") from error
    fields = {key: value for key, value in form.items() if isinstance(value, str)}
    if len(fields) != len(form):
        raise InputError("a parameter is given more than once")
    return fields
