"""The token endpoint."""

import hmac
from http import HTTPStatus

from aiohttp import hdrs, web

from .gateway import WORLD, read_form
from .grants import OAuthError
from .model import App
from .values import InputError, JsonObject
from .world import World

_NO_STORE = {hdrs.CACHE_CONTROL: "no-store", hdrs.PRAGMA: "no-cache"}


async def token(request: web.Request) -> web.Response:
    """Answer `POST /oauth/token`."""
    try:
        answer = _grant(request.app[WORLD], await _form(request))
    except OAuthError as error:
        body = {"error": error.error, "error_description": error.description}
        return web.json_response(body, status=error.status, headers=_NO_STORE)
    return web.json_response(answer, headers=_NO_STORE)


async def no_such_route(_request: web.Request) -> web.Response:
    """Answer anything else below `/oauth`."""
    return web.Response(status=HTTPStatus.NOT_FOUND)


async def _form(request: web.Request) -> dict[str, str]:
    try:
        return await read_form(request)
    except InputError as error:
        raise OAuthError("invalid_request", str(error)) from error


def _grant(world: World, form: dict[str, str]) -> JsonObject:
    grant_type = _required(form, "grant_type")
    app = _client(world, form)
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
    secret = form.get("client_secret", "").encode()
    if app is None or not app.client_secret or not hmac.compare_digest(secret, app.client_secret.encode()):
        raise OAuthError("invalid_client", "client authentication failed", HTTPStatus.UNAUTHORIZED)
    return app
