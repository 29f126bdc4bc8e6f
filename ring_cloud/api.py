"""The API: users, locations, devices, subscriptions."""

from collections.abc import Collection
from http import HTTPStatus

from aiohttp import web
from yarl import URL

from . import chimes, documents
from .chimes import Played
from .device_documents import is_hidden
from .families import Permission
from .gateway import USERS_ME, ApiHandler
from .grants import Grant
from .history import Query
from .ids import base64url
from .model import Device, Flow, Link, Subscription
from .refusals import ApiError
from .switches import SubscriptionAnswer
from .values import Json
from .world import World

PAGE_SIZE = 25
_DEVICE_PERMISSIONS = frozenset(Permission) - {Permission.ACCOUNT}


def _link(world: World, grant: Grant) -> Link | None:
    return world.links.get(grant.account, grant.app) if grant.app else None


def _shared(world: World, grant: Grant) -> list[Device]:
    """Return the devices the account shares with the app, whether or not the app has the permission for their kind."""
    if grant.flow is Flow.PLAYGROUND:
        return list(grant.playground_devices)
    link = _link(world, grant)
    return [device for device in link.devices() if not is_hidden(device, world.switches)] if link else []


def _permissions(grant: Grant) -> frozenset[Permission]:
    return grant.app.permissions if grant.app else frozenset(Permission)


def shared_device(world: World, grant: Grant, request: web.Request) -> Device:
    """Return the device that the path names, if the app may see it."""
    wanted = request.match_info["device_id"]
    for device in _shared(world, grant):
        if device.id == wanted:
            if device.family.permission not in _permissions(grant):
                raise ApiError(HTTPStatus.FORBIDDEN, "The app has no permission for this kind of device")
            return device
    raise ApiError(HTTPStatus.NOT_FOUND, "The device does not exist or is not shared with this app")


def _include(request: web.Request) -> Collection[str]:
    """Return what the client wants included; Ring ignores words it does not know."""
    asked = {word.strip() for value in request.query.getall("include", []) for word in value.split(",")}
    return asked & set(documents.INCLUDES)


async def get_user(world: World, grant: Grant, _request: web.Request) -> web.Response:
    """Answer who the token belongs to."""
    return web.json_response(documents.user(grant.account))


async def get_locations(world: World, grant: Grant, _request: web.Request) -> web.Response:
    """Answer the locations of the devices (undocumented, but there)."""
    places = {device.location.id: documents.location(device.location) for device in _shared(world, grant)}
    return web.json_response({"meta": documents.meta(world.clock), "data": list(places.values())})


async def get_devices(world: World, grant: Grant, request: web.Request) -> web.Response:
    """Answer the devices whose kind the app has a permission for."""
    permissions = _permissions(grant)
    if not permissions & _DEVICE_PERMISSIONS:
        raise ApiError(HTTPStatus.FORBIDDEN, "The app has no permission for devices")
    devices = [device for device in _shared(world, grant) if device.family.permission in permissions]
    return web.json_response(documents.device_list(world.clock, devices, _include(request), world.switches))


async def get_device(world: World, grant: Grant, request: web.Request) -> web.Response:
    """Answer one device."""
    device = shared_device(world, grant, request)
    return web.json_response(documents.single_device(world.clock, device, _include(request), world.switches))


async def get_location(world: World, grant: Grant, request: web.Request) -> web.Response:
    """Answer where a device is."""
    device = shared_device(world, grant, request)
    return web.json_response({"meta": documents.meta(world.clock), "data": documents.location(device.location)})


def _sub_resource(kind: str) -> ApiHandler:
    async def handle(world: World, grant: Grant, request: web.Request) -> web.Response:
        device = shared_device(world, grant, request)
        component_id = request.query.get("component_id")
        attributes = None
        if component_id is not None and kind != "status":
            attributes = device.component(kind, component_id)
            if attributes is None:
                raise ApiError(HTTPStatus.NOT_FOUND, "The device has no such component")
        data = documents.sub_resource(device, kind, world.switches, attributes)
        return web.json_response({"meta": documents.meta(world.clock), "data": data})

    return handle


async def get_history(world: World, grant: Grant, request: web.Request) -> web.Response:
    """Answer what happened at a device since the user consented."""
    device = shared_device(world, grant, request)
    query = Query(
        path=request.path,
        event_types=request.query.get("event_types"),
        key=request.query.get("page[key]"),
        since_ms=world.seen_since_ms(grant) if grant.app else 0,
        client_id=grant.client_id,
    )
    return web.json_response(world.history.page(device.id, query))


async def play_sound(world: World, grant: Grant, request: web.Request) -> web.Response:
    """Play a sound of the app on a chime."""
    if Permission.CHIMES not in _permissions(grant):
        raise ApiError(HTTPStatus.FORBIDDEN, "The app has no permission for chimes")
    device = shared_device(world, grant, request)
    audio_ref = chimes.playable(await request.read(), device, world.switches)
    world.played.append(Played(device=device, audio_ref=audio_ref, time=world.clock.time()))
    status = world.switches.chime_status
    if status == HTTPStatus.NO_CONTENT:
        return web.Response(status=status)
    return web.json_response(chimes.answer(audio_ref), status=status)


async def get_subscriptions(world: World, grant: Grant, request: web.Request) -> web.Response:
    """Answer the app's subscriptions, 25 to a page."""
    if request.match_info["account_id"] != "me":
        raise ApiError(HTTPStatus.BAD_REQUEST, "The account id must be me")
    if grant.flow is Flow.PLAYGROUND:
        raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "Subscriptions are not available for this token")
    items = _plans(world, grant)
    start = _position(items, request.query.get("page[cursor]"))
    page = [documents.subscription(item, world.clock.time()) for item in items[start : start + PAGE_SIZE]]
    answer: dict[str, Json] = {"data": page, "meta": documents.meta(world.clock)}
    if start + PAGE_SIZE < len(items):
        following = _cursor(items[start + PAGE_SIZE])
        answer["links"] = {"next": str(URL(request.path).with_query({"page[cursor]": following}))}
    return web.json_response(answer)


def _plans(world: World, grant: Grant) -> list[Subscription]:
    match SubscriptionAnswer(world.switches.subscriptions):
        case SubscriptionAnswer.EMPTY:
            return []
        case SubscriptionAnswer.NOT_FOUND:
            raise ApiError(HTTPStatus.NOT_FOUND, "The app has no subscription configuration")
        case SubscriptionAnswer.UNPROCESSABLE:
            raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "Subscriptions are not available for this app")
        case SubscriptionAnswer.LIST:
            return [item for item in grant.account.subscriptions if item.is_of(grant.client_id)]


def _cursor(item: Subscription) -> str:
    return base64url(item.id.encode())


def _position(items: list[Subscription], cursor: str | None) -> int:
    cursors = [_cursor(item) for item in items]
    if cursor is None:
        return 0
    if cursor not in cursors:
        raise ApiError(HTTPStatus.BAD_REQUEST, "The cursor is invalid")
    return cursors.index(cursor)


async def no_such_route(_request: web.Request) -> web.Response:
    """Answer like Ring's gateway: nothing, in an empty body."""
    return web.Response(status=HTTPStatus.NOT_FOUND)


async def forbidden_route(_request: web.Request) -> web.Response:
    """Answer like Ring's gateway where it says 403 for a route it does not have."""
    return web.Response(status=HTTPStatus.FORBIDDEN)


ROUTES: tuple[tuple[str, str, ApiHandler], ...] = (
    ("GET", USERS_ME, get_user),
    ("GET", "/v1/locations", get_locations),
    ("GET", "/v1/devices", get_devices),
    ("GET", "/v1/devices/{device_id}", get_device),
    ("GET", "/v1/devices/{device_id}/location", get_location),
    *(("GET", f"/v1/devices/{{device_id}}/{kind}", _sub_resource(kind)) for kind in documents.SUB_RESOURCES),
    ("GET", "/v1/history/devices/{device_id}/events", get_history),
    ("POST", "/v1/devices/{device_id}/media/audio/playback", play_sound),
    ("GET", "/v1/accounts/{account_id}/subscriptions", get_subscriptions),
)
