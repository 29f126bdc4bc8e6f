"""The token endpoint."""

import hmac
from http import HTTPStatus

from aiohttp import hdrs, web

from .gateway import WORLD, read_form, too_many_requests
from .grants import OAuthError
from .model import App
from .refusals import TITLES, error_document
from .switches import TokenRefusal
from .values import InputError, JsonObject
from .world import World

_NO_STORE = {hdrs.CACHE_CONTROL: "no-store", hdrs.PRAGMA: "no-cache"}


async def token(request: web.Request) -> web.Response:
    """Answer `POST /oauth/token`; once it is known who asks, it counts against the client's rate limit."""
    world = request.app[WORLD]
    app: App | None = None
    try:
        form = await _form(request)
        grant_type = _required(form, "grant_type")
        app = _client(world, form)
        if world.limits.take(app.client_id):
            response = web.json_response(_grant(world, app, grant_type, form), headers=_NO_STORE)
        else:
            response = too_many_requests()
    except OAuthError as error:
        response = _refusal(world, error)
    response.headers.update(world.limits.headers(app.client_id if app else None))
    return response


def _refusal(world: World, error: OAuthError) -> web.Response:
    """Ring has published no form for this: RFC 6749's, its own of the API, or nothing at all."""
    match TokenRefusal(world.switches.token_refusal):
        case TokenRefusal.OAUTH:
            body: JsonObject = {"error": error.error, "error_description": error.description}
            return web.json_response(body, status=error.status, headers=_NO_STORE)
        case TokenRefusal.JSONAPI:
            detail = f"{error.error}: {error.description}"
            body = error_document(error.status, TITLES[error.status], detail)
            return web.json_response(body, status=error.status, headers=_NO_STORE)
        case TokenRefusal.EMPTY:
            return web.Response(status=HTTPStatus.UNAUTHORIZED, headers=_NO_STORE)


async def no_such_route(_request: web.Request) -> web.Response:
    """Answer anything else below `/oauth`."""
    return web.Response(status=HTTPStatus.NOT_FOUND)


async def _form(request: web.Request) -> dict[str, str]:
    try:
        return await read_form(request)
    except InputError as error:
        raise OAuthError("invalid_request", str(error)) from error


def _grant(world: World, app: App, grant_type: str, form: dict[str, str]) -> JsonObject:
    if grant_type == "authorization_code":
        return world.grants.exchange(app, _required(form, "code"), form.get("code_verifier"))
    if grant_type == "refresh_token":
        return world.grants.refresh(app, _required(form, "refresh_token"))
    raise OAuthError("unsupported_grant_type", "invalid grant type for client", HTTPStatus.UNAUTHORIZED)


def _required(form: dict[str, str], key: str) -> str:
    if not form.get(key):
        raise OAuthError("invalid_request", f"{key} is required")
    return form[key]


def _client(world: World, form: dict[str, str]) -> App:
    app = world.apps.get(form.get("client_id", ""))
    # A form may bring half a character along, which no encoding takes by itself.
    secret = form.get("client_secret", "").encode(errors="surrogatepass")
    if app is None or not app.client_secret or not hmac.compare_digest(secret, app.client_secret.encode()):
        raise OAuthError("invalid_client", "client authentication failed", HTTPStatus.UNAUTHORIZED)
    return app
