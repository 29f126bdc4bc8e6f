"""The control interface of what happens and what is told of it: events, webhooks, mischief, switches."""

from dataclasses import asdict

from aiohttp import web

from . import mischief, state
from .control import ControlHandler, account_of, number_of
from .live import CAP_SECONDS
from .model import Subscription
from .switches import BOUNDS, CHOICES, NUMBERS, LiveEnd
from .values import Fields, InputError, JsonObject, UnknownError
from .world import World

_SUB_TYPES = ("paid", "trial")


async def happen(world: World, request: web.Request, fields: Fields) -> JsonObject:
    """Let something happen at a device."""
    _, device = world.find_device(request.match_info["device_id"])
    event_type = fields.text("type")
    sub_type = fields.text("sub_type") if "sub_type" in fields else None
    component_ids = fields.texts("component_ids")
    fields.finish()
    event = world.happen(device, event_type, sub_type=sub_type, component_ids=component_ids)
    return {"type": event.type, "sub_type": event.sub_type, "timestamp": event.timestamp_ms}


async def simulate(world: World, _request: web.Request, fields: Fields) -> JsonObject:
    """Press a button of the playground."""
    token = fields.text("access_token")
    fields.finish()
    event = world.simulate_playground(token)
    return {"type": event.type, "timestamp": event.timestamp_ms}


async def subscribe(world: World, request: web.Request, fields: Fields) -> JsonObject:
    """Start a subscription."""
    sub_type, days = fields.text("sub_type", "paid"), fields.number("days", 31, high=3660)
    app = world.app(fields.text("client_id")) if "client_id" in fields else None
    fields.finish()
    if sub_type not in _SUB_TYPES:
        raise InputError(f"sub_type must be one of {', '.join(_SUB_TYPES)}")
    account = account_of(world, request)
    world.subscribe(account, sub_type, days=days, app=app)
    return state.describe_account(world, account)


async def unsubscribe(world: World, request: web.Request, fields: Fields) -> JsonObject:
    """End a subscription."""
    fields.finish()
    account = account_of(world, request)
    world.unsubscribe(account, _subscription(account.subscriptions, request.match_info["subscription_id"]))
    return state.describe_account(world, account)


def _subscription(items: list[Subscription], subscription_id: str) -> Subscription:
    for item in items:
        if item.id == subscription_id:
            return item
    raise UnknownError("there is no such subscription")


async def add_mischief(world: World, _request: web.Request, fields: Fields) -> JsonObject:
    """Let something go wrong with webhooks."""
    return state.describe_prank(mischief.add_from(world.deliveries.pranks, fields))


async def clear_mischief(world: World, _request: web.Request, fields: Fields) -> JsonObject:
    """Remove all mischief; what is held stays held."""
    fields.finish()
    world.deliveries.pranks.clear()
    return {}


async def remove_mischief(world: World, request: web.Request, fields: Fields) -> JsonObject:
    """Remove one piece of mischief."""
    fields.finish()
    world.deliveries.pranks.remove(number_of(request, "prank_id"))
    return {}


async def release(world: World, _request: web.Request, fields: Fields) -> JsonObject:
    """Send what is held."""
    reverse = fields.flag("reverse", default=True)
    fields.finish()
    return {"released": await world.deliveries.release(reverse=reverse)}


async def replay(world: World, _request: web.Request, fields: Fields) -> JsonObject:
    """Send the dead letters again."""
    fields.finish()
    return {"replayed": await world.deliveries.replay()}


async def put_switches(world: World, _request: web.Request, fields: Fields) -> JsonObject:
    """Change switches; all of it or nothing."""
    chosen = {key: _switch(fields, key, value) for key, value in asdict(world.switches).items() if key in fields}
    fields.finish()
    for key, value in chosen.items():
        setattr(world.switches, key, value)
    return state.describe_switches(world.switches)


def _switch(fields: Fields, key: str, now: object) -> bool | int | str:
    if isinstance(now, bool):
        return fields.flag(key)
    if key in NUMBERS:
        return _one_of(NUMBERS[key], fields.integer(key), key)
    if isinstance(now, int):
        low, high = BOUNDS[key]
        return fields.integer(key, low=low, high=high)
    if key not in CHOICES:
        return _printable(fields.text(key, ""), key)
    choices = tuple(CHOICES[key])
    text = fields.text(key)
    if text not in choices:
        raise InputError(f"{key} must be one of {', '.join(choices)}")
    return choices[choices.index(text)]


def _one_of(numbers: tuple[int, ...], number: int, key: str) -> int:
    if number not in numbers:
        raise InputError(f"{key} must be one of {', '.join(map(str, numbers))}")
    return number


def _printable(text: str, key: str) -> str:
    # It becomes a header.
    if not text.isascii() or not text.isprintable():
        raise InputError(f"{key} must be plain text")
    return text


async def end_live(world: World, request: web.Request, fields: Fields) -> JsonObject:
    """End the live views of a device, as Ring does."""
    _, device = world.find_device(request.match_info["device_id"])
    how = fields.text("how", str(world.switches.whep_end))
    fields.finish()
    if how not in tuple(LiveEnd):
        raise InputError(f"how must be one of {', '.join(LiveEnd)}")
    return {"ended": world.live.end(device, how)}


async def set_live_caps(world: World, _request: web.Request, fields: Fields) -> JsonObject:
    """Let live views last shorter or longer than Ring does; nothing given: as long as with Ring."""
    caps = {power: fields.number(power, low=0.1, high=3600) for power in CAP_SECONDS if power in fields}
    fields.finish()
    world.live.cap_seconds = caps or None
    return world.live.describe()


ROUTES: tuple[tuple[str, str, ControlHandler], ...] = (
    ("POST", "/control/devices/{device_id}/happen", happen),
    ("POST", "/control/playground/simulate", simulate),
    ("POST", "/control/accounts/{account_id}/subscriptions", subscribe),
    ("DELETE", "/control/accounts/{account_id}/subscriptions/{subscription_id}", unsubscribe),
    ("POST", "/control/mischief", add_mischief),
    ("DELETE", "/control/mischief", clear_mischief),
    ("DELETE", "/control/mischief/{prank_id}", remove_mischief),
    ("POST", "/control/deliveries/release", release),
    ("POST", "/control/deliveries/replay", replay),
    ("POST", "/control/switches", put_switches),
    ("POST", "/control/live", set_live_caps),
    ("POST", "/control/devices/{device_id}/live/end", end_live),
)
