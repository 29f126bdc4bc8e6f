"""The front of Ring's API: who asks, how often, and how refusals look."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import hdrs, web

from .grants import Grant
from .refusals import ApiError, error_document
from .values import InputError
from .world import World

FORM = "application/x-www-form-urlencoded"
WORLD = web.AppKey("WORLD", World)

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
type ApiHandler = Callable[[World, Grant, web.Request], Awaitable[web.Response]]


def refusal(error: ApiError) -> web.Response:
    """Return the answer to a refused request."""
    return web.json_response(error_document(error.status, error.title, error.detail), status=error.status)


def authenticated(handler: ApiHandler) -> Handler:
    """Wrap a handler of the API: bearer token, rate limit, refusals."""

    async def handle(request: web.Request) -> web.StreamResponse:
        world = request.app[WORLD]
        scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        grant = world.grants.authenticate(token.strip()) if scheme.lower() == "bearer" else None
        if grant is None:
            response = web.Response(status=HTTPStatus.UNAUTHORIZED)
        elif not world.limits.take(grant.client_id):
            error = ApiError(HTTPStatus.TOO_MANY_REQUESTS, "Too many requests")
            response = refusal(error)
            response.headers[hdrs.RETRY_AFTER] = "1"
        else:
            try:
                response = await handler(world, grant, request)
            except ApiError as error:
                response = refusal(error)
        response.headers.update(world.limits.headers(grant.client_id if grant else None))
        return response

    return handle


async def read_form(request: web.Request) -> dict[str, str]:
    """Return the fields of a urlencoded form, each given once."""
    if request.content_type != FORM:
        raise InputError(f"the body must be {FORM}")
    try:
        form = await request.post()
    except (ValueError, LookupError) as error:
        raise InputError("the form cannot be read") from error
    fields = {key: value for key, value in form.items() if isinstance(value, str)}
    if len(fields) != len(form):
        raise InputError("a parameter is given more than once")
    return fields
