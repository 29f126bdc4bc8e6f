"""The control interface: what the page and the demo use to act as the user, the developer and the weather."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import hdrs, web

from . import faults, state
from .controls import CONTROLS
from .families import Permission
from .gateway import WORLD, Handler, check_sender
from .model import Account, App
from .sender import is_success
from .values import CloudError, ConflictError, Fields, InputError, JsonObject, UnknownError, parse_object
from .world import AppSettings, World

type ControlHandler = Callable[[World, web.Request, Fields], Awaitable[JsonObject]]


def controlled(handler: ControlHandler) -> Handler:
    """Wrap a handler: JSON in, JSON out, refusals in words."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            check_sender(request)
            fields = Fields(parse_object(await request.read()))
            answer = await handler(request.app[WORLD], request, fields)
        except web.HTTPRequestEntityTooLarge:
            return web.json_response({"error": "the body is too large"}, status=HTTPStatus.BAD_REQUEST)
        except CloudError as error:
            return web.json_response({"error": str(error)}, status=error.status)
        return web.json_response(answer, headers={hdrs.CACHE_CONTROL: "no-store"})

    return handle


def account_of(world: World, request: web.Request) -> Account:
    """Return the account in the path."""
    return world.account(request.match_info["account_id"])


def number_of(request: web.Request, name: str) -> int:
    """Return the number in the path; 0 for what is none, and no id is 0."""
    number = request.match_info[name]
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 10 else 0


def _app(world: World, fields: Fields) -> App:
    return world.app(fields.text("client_id"))


async def get_state(world: World, _request: web.Request, fields: Fields) -> JsonObject:
    """Answer everything as one document."""
    fields.finish()
    return {**state.describe(world), **world.live.describe(), "media_url": world.media_url}


async def put_app(world: World, _request: web.Request, fields: Fields) -> JsonObject:
    """Register or change an app."""
    client_id = fields.text("client_id")
    known = world.apps.get(client_id) or App(client_id=client_id, name=client_id)
    settings: AppSettings = {
        "name": fields.text("name", known.name),
        "client_secret": fields.text("client_secret", known.client_secret),
        "signing_key": fields.text("signing_key", known.signing_key),
        "token_exchange_url": fields.url("token_exchange_url", known.token_exchange_url),
        "account_link_url": fields.url("account_link_url", known.account_link_url),
        "homepage_url": fields.url("homepage_url", known.homepage_url),
        "redirect_uris": fields.texts("redirect_uris", known.redirect_uris),
        "unlink_allowed": fields.flag("unlink_allowed", known.unlink_allowed),
        "partner_allowlisted": fields.flag("partner_allowlisted", known.partner_allowlisted),
        "permissions": fields.texts("permissions", tuple(known.permissions)),
    }
    if "webhook_url" in fields:
        settings["webhook_url"] = fields.url("webhook_url")
    fields.finish()
    return state.describe_app(world, world.add_app(client_id, **settings))


async def add_account(world: World, _request: web.Request, fields: Fields) -> JsonObject:
    """Add an account."""
    first_name, last_name = fields.text("first_name", "John"), fields.text("last_name", "Doe")
    email, devices = fields.text("email", "johndoe@example.com"), fields.integer("devices", 12)
    plan = fields.flag("plan", default=False)
    country = fields.text("country", "US")
    region = fields.text("state", "CA" if country == "US" else "") or None
    fields.finish()
    account = world.add_account(first_name, last_name, email, devices, plan=plan, country=country, state=region)
    return state.describe_account(world, account)


async def enable(world: World, request: web.Request, fields: Fields) -> JsonObject:
    """Enable an app for an account, as in the Ring app."""
    account, app = account_of(world, request), _app(world, fields)
    device_ids = fields.texts("device_ids") if "device_ids" in fields else None
    fields.finish()
    status = await world.enable_app(account, app, device_ids)
    if not is_success(status):
        raise ConflictError(f"the Token Exchange URL answered {status}")
    return {"delivered": True, "status": status}


async def confirm(world: World, request: web.Request, fields: Fields) -> JsonObject:
    """Confirm a link, as in the Ring app."""
    account, app = account_of(world, request), _app(world, fields)
    fields.finish()
    return {"location": world.confirm(account, app)}


async def share(world: World, request: web.Request, fields: Fields) -> JsonObject:
    """Pick more devices for an app, as in the Ring app."""
    account, app, device_ids = account_of(world, request), _app(world, fields), fields.texts("device_ids")
    fields.finish()
    world.share(account, app, device_ids)
    return state.describe_account(world, account)


async def unshare(world: World, request: web.Request, fields: Fields) -> JsonObject:
    """Un-pick devices, as in the Ring app."""
    account, app, device_ids = account_of(world, request), _app(world, fields), fields.texts("device_ids")
    fields.finish()
    world.unshare(account, app, device_ids)
    return state.describe_account(world, account)


async def disable(world: World, request: web.Request, fields: Fields) -> JsonObject:
    """Remove an app from an account, as in the Ring app."""
    account, app = account_of(world, request), _app(world, fields)
    fields.finish()
    await world.disable_app(account, app)
    return state.describe_account(world, account)


async def add_device(world: World, request: web.Request, fields: Fields) -> JsonObject:
    """Add a device to an account: a new one, or one that another account has."""
    account = account_of(world, request)
    if "device_id" in fields:
        _, device = world.find_device(fields.text("device_id"))
        fields.finish()
        world.share_device(device, account)
        return state.describe_device(device)
    family = fields.text("family")
    name = fields.text("name") if "name" in fields else None
    fields.finish()
    return state.describe_device(world.add_device(account, family, name))


async def playground(world: World, request: web.Request, fields: Fields) -> JsonObject:
    """Mint a playground token."""
    fields.finish()
    return {"access_token": world.playground_token(account_of(world, request)), "expires_in": 1800}


async def tokens(world: World, request: web.Request, fields: Fields) -> JsonObject:
    """Let tokens expire or die, or live shorter from now on."""
    account, app = account_of(world, request), _app(world, fields)
    action = fields.text("action")
    grants = world.grants
    actions = {"expire": grants.expire_access, "revoke": grants.revoke, "revoke_refresh": grants.revoke_refresh}
    if action == "lifetime":
        seconds = fields.number("seconds", low=1, high=30 * 86400)
        fields.finish()
        grants.set_lifetime(account, app, seconds)
    elif action in actions:
        fields.finish()
        actions[action](account, app)
    else:
        raise InputError(f"action must be one of {', '.join(actions)}, lifetime")
    return state.describe_account(world, account)


async def change_device(world: World, request: web.Request, fields: Fields) -> JsonObject:
    """Change a device."""
    _, device = world.find_device(request.match_info["device_id"])
    changes = fields.all()
    if "battery" in changes and device.family.permission is Permission.CAMERAS and "battery" not in device.values:
        # Of a camera nothing says so from the start: it gets its battery here.
        battery = CONTROLS["battery"].parse(changes.pop("battery"))
        device.set(**changes)
        world.live.put_on_battery(device, float(battery))
    else:
        device.set(**changes)
    return state.describe_device(device)


async def remove_device(world: World, request: web.Request, fields: Fields) -> JsonObject:
    """Remove a device."""
    fields.finish()
    _, device = world.find_device(request.match_info["device_id"])
    world.remove_device(device)
    return {}


async def add_fault(world: World, _request: web.Request, fields: Fields) -> JsonObject:
    """Add a fault."""
    return state.describe_fault(faults.add_from(world.faults, fields))


async def clear_faults(world: World, _request: web.Request, fields: Fields) -> JsonObject:
    """Remove all faults."""
    fields.finish()
    world.faults.clear()
    return {}


async def remove_fault(world: World, request: web.Request, fields: Fields) -> JsonObject:
    """Remove one fault."""
    fields.finish()
    world.faults.remove(number_of(request, "fault_id"))
    return {}


async def advance_clock(world: World, _request: web.Request, fields: Fields) -> JsonObject:
    """Move the clock."""
    seconds = fields.number("advance")
    fields.finish()
    world.clock.advance(seconds)
    world.deliveries.wake()
    return {"time": world.clock.time()}


async def no_such_control(_world: World, request: web.Request, _fields: Fields) -> JsonObject:
    """Answer what is not there."""
    raise UnknownError(f"there is no {request.method} here")


ROUTES: tuple[tuple[str, str, ControlHandler], ...] = (
    ("GET", "/control/state", get_state),
    ("POST", "/control/apps", put_app),
    ("POST", "/control/accounts", add_account),
    ("POST", "/control/accounts/{account_id}/enable", enable),
    ("POST", "/control/accounts/{account_id}/confirm", confirm),
    ("POST", "/control/accounts/{account_id}/share", share),
    ("POST", "/control/accounts/{account_id}/unshare", unshare),
    ("POST", "/control/accounts/{account_id}/disable", disable),
    ("POST", "/control/accounts/{account_id}/devices", add_device),
    ("POST", "/control/accounts/{account_id}/playground", playground),
    ("POST", "/control/accounts/{account_id}/tokens", tokens),
    ("POST", "/control/devices/{device_id}", change_device),
    ("DELETE", "/control/devices/{device_id}", remove_device),
    ("POST", "/control/faults", add_fault),
    ("DELETE", "/control/faults", clear_faults),
    ("DELETE", "/control/faults/{fault_id}", remove_fault),
    ("POST", "/control/clock", advance_clock),
)
