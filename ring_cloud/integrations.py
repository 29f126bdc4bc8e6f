"""The app-integrations API: how a partner claims, completes and ends a link. Plain JSON, not JSON:API."""

from http import HTTPStatus

from aiohttp import web

from .clock import iso_time
from .gateway import ApiHandler
from .grants import Grant
from .model import App, LinkStatus
from .refusals import ApiError
from .values import InputError, is_text, parse_object
from .world import World

_SETTABLE = (LinkStatus.AWAITING, LinkStatus.COMPLETED)


def _app(grant: Grant) -> App:
    if grant.app is None:
        raise ApiError(HTTPStatus.FORBIDDEN, "Not available for this token")
    return grant.app


async def _texts(request: web.Request, *keys: str) -> list[str | None]:
    """Return the texts of the body; what is missing or null is None."""
    try:
        body = parse_object(await request.read())
    except InputError as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, str(error)) from error
    texts: list[str | None] = []
    for key in keys:
        value = body.get(key)
        if value is not None and not is_text(value):
            raise ApiError(HTTPStatus.BAD_REQUEST, f"{key} must be a text")
        texts.append(value or None)
    return texts


async def claim(world: World, grant: Grant, request: web.Request) -> web.Response:
    """Answer POST: with the right nonce the devices become readable."""
    app = _app(grant)
    nonce, identifier = await _texts(request, "nonce", "account_identifier")
    link = world.links.claim(grant.account, app, nonce, identifier)
    return web.json_response({"status": link.status})


async def update(world: World, grant: Grant, request: web.Request) -> web.Response:
    """Answer PATCH: `completed` is what lets anything be delivered."""
    app = _app(grant)
    wanted, identifier = await _texts(request, "status", "account_identifier")
    if wanted is not None and wanted not in _SETTABLE:
        raise ApiError(HTTPStatus.BAD_REQUEST, f"status must be one of {', '.join(_SETTABLE)}")
    link = world.update_link(grant.account, app, LinkStatus(wanted) if wanted else None, identifier)
    return web.json_response(
        {
            "account_identifier": link.account_identifier,
            "status": link.status,
            "updated_at": iso_time(world.clock.time()),
        }
    )


async def unlink(world: World, grant: Grant, _request: web.Request) -> web.Response:
    """Answer DELETE."""
    world.unlink(grant.account, _app(grant))
    return web.Response(status=HTTPStatus.NO_CONTENT)


ROUTES: tuple[tuple[str, str, ApiHandler], ...] = (
    ("POST", "/v1/accounts/me/app-integrations", claim),
    ("PATCH", "/v1/accounts/me/app-integrations", update),
    ("DELETE", "/v1/accounts/me/app-integrations", unlink),
)
