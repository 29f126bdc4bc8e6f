"""The control interface of media: what happened before anybody was looking, and what is wrong with its files."""

from aiohttp import web

from .control import ControlHandler, account_of
from .model import Device
from .state import describe_device
from .values import Fields, InputError, JsonObject
from .world import World

_MAX_EVENTS = 10_000
_MAX_SECONDS = 900
_EVER = 1e10
"""Any time of this century, or so many seconds ago."""


async def add_past(world: World, request: web.Request, fields: Fields) -> JsonObject:
    """Write events of the past into the history; all of them or none."""
    _, device = world.find_device(request.match_info["device_id"])
    items = fields.raw("events")
    fields.finish()
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items) or len(items) > _MAX_EVENTS:
        raise InputError(f"events must be a list of at most {_MAX_EVENTS} objects")
    for event_type, sub_type, at, duration in [_read_event(world, device, Fields(item)) for item in items]:
        world.remember(device, event_type, sub_type=sub_type, at=at, duration=duration)
    return {"events": len(items)}


def _read_event(world: World, device: Device, fields: Fields) -> tuple[str, str | None, float, float | None]:
    event_type = fields.text("type")
    sub_type = fields.text("sub_type") if "sub_type" in fields else None
    if ("at" in fields) == ("seconds_ago" in fields):
        raise InputError("an event has either at or seconds_ago")
    at = (
        fields.number("at", high=_EVER)
        if "at" in fields
        else world.clock.time() - fields.number("seconds_ago", high=_EVER)
    )
    duration = fields.number("duration", low=1, high=_MAX_SECONDS) if "duration" in fields else None
    fields.finish()
    world.check_past(device, event_type, at)
    return event_type, sub_type, at, duration


async def backdate_consent(world: World, request: web.Request, fields: Fields) -> JsonObject:
    """Let the user have consented earlier, so that an app may see what was before."""
    account, app = account_of(world, request), world.app(fields.text("client_id"))
    seconds = fields.number("seconds_ago", high=_EVER)
    fields.finish()
    return {"consented_at": world.backdate_consent(account, app, seconds)}


async def change_media(world: World, request: web.Request, fields: Fields) -> JsonObject:
    """Encrypt what a camera stores and sends, make files unreadable, leave events unrecorded, or store a still.

    Of counts null means for ever.
    """
    _, device = world.find_device(request.match_info["device_id"])
    take = fields.flag("take") if "take" in fields else None
    counts = {key: _count(fields, key) for key in ("unreadable", "unrecorded") if key in fields}
    snapshot = fields.flag("snapshot")
    fields.finish()
    if take is not None:
        world.media.take(device, take)
    if "unreadable" in counts:
        world.media.unreadable(device, counts["unreadable"])
    if "unrecorded" in counts:
        world.history.leave_unrecorded(device, counts["unrecorded"])
    return {"snapshot": world.media.store_snapshot(device)} if snapshot else {}


def _count(fields: Fields, key: str) -> int | None:
    value = fields.raw(key)
    return None if value is None else Fields({key: value}).integer(key)


async def put_on_battery(world: World, request: web.Request, fields: Fields) -> JsonObject:
    """Give a camera a battery; from then on its level is one of the controls of the device."""
    _, device = world.find_device(request.match_info["device_id"])
    percentage = fields.number("percentage", 90, high=100)
    fields.finish()
    world.live.put_on_battery(device, percentage)
    return describe_device(device)


ROUTES: tuple[tuple[str, str, ControlHandler], ...] = (
    ("POST", "/control/devices/{device_id}/past", add_past),
    ("POST", "/control/devices/{device_id}/media", change_media),
    ("POST", "/control/devices/{device_id}/battery", put_on_battery),
    ("POST", "/control/accounts/{account_id}/consent", backdate_consent),
)
