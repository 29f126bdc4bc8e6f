"""The cloud as one document, for the page and for checks. It holds no secret, token, code or nonce."""

from dataclasses import asdict
from itertools import islice

from .chimes import Played
from .controls import CONTROLS
from .deliveries import Delivery
from .events import actions
from .families import FAMILIES, Permission
from .faults import Fault
from .journal import Request
from .mischief import Prank
from .model import Account, App, Device, Link, LinkStatus, Subscription
from .switches import Switches
from .values import Json, JsonObject
from .world import World

SHOWN_REQUESTS = 200
SHOWN_DELIVERIES = 200
SHOWN_PLAYED = 200


def describe(world: World) -> JsonObject:
    """Return everything that may be shown."""
    newest = islice(reversed(world.requests), SHOWN_REQUESTS)
    return {
        "time": world.clock.time(),
        "url": world.url,
        "families": [
            {"key": family.key, "label": family.label, "kind": family.permission} for family in FAMILIES.values()
        ],
        "permissions": list(Permission),
        "apps": [describe_app(world, app) for app in world.apps.values()],
        "accounts": [describe_account(world, account) for account in world.accounts.values()],
        "faults": [describe_fault(fault) for fault in world.faults],
        "requests": [_request(request) for request in newest],
        "deliveries": [_delivery(item) for item in islice(reversed(world.deliveries), SHOWN_DELIVERIES)],
        "letters": {"held": len(world.deliveries.held), "dead": len(world.deliveries.dead_letters)},
        "mischief": [describe_prank(prank) for prank in world.deliveries.pranks],
        "played": [_played(item) for item in islice(reversed(world.played), SHOWN_PLAYED)],
        "switches": describe_switches(world.switches),
    }


def describe_app(world: World, app: App) -> JsonObject:
    """Return what the developer portal shows of an app after the one time it showed the secrets."""
    return {
        "client_id": app.client_id,
        "name": app.name,
        "token_exchange_url": app.token_exchange_url,
        "account_link_url": app.account_link_url,
        "webhook_url": app.webhook_url,
        "homepage_url": app.homepage_url,
        "redirect_uris": app.redirect_uris,
        "unlink_allowed": app.unlink_allowed,
        "partner_allowlisted": app.partner_allowlisted,
        "permissions": sorted(app.permissions),
        "has_client_secret": bool(app.client_secret),
        "has_signing_key": bool(app.signing_key),
        "webhook_disabled": world.deliveries.is_disabled(app),
    }


def describe_account(world: World, account: Account) -> JsonObject:
    """Return an account with its devices and, for every app, its link."""
    return {
        "id": account.id,
        "first_name": account.first_name,
        "last_name": account.last_name,
        "email": account.email,
        "devices": [describe_device(device) for device in account.devices],
        "links": [_link(world, account, app, world.links.get(account, app)) for app in world.apps.values()],
        "subscriptions": [_subscription(item, world.clock.time()) for item in account.subscriptions],
    }


def describe_device(device: Device) -> JsonObject:
    """Return a device with the controls a person can move."""
    return {
        "id": device.id,
        "name": device.name,
        "family": device.family.key,
        "family_label": device.family.label,
        "kind": device.family.permission,
        "image_url": device.family.image_url,
        "online": device.online,
        "e2ee": device.e2ee,
        "e2ee_supported": device.family.can_encrypt,
        "reported_at": device.reported_at,
        "controls": [CONTROLS[key].describe(value) for key, value in device.values.items()],
        "actions": [action.describe() for action in actions(device.family)],
    }


def _link(world: World, account: Account, app: App, link: Link | None) -> JsonObject:
    return {
        "client_id": app.client_id,
        "status": link.status if link else LinkStatus.NONE,
        "device_ids": sorted(link.device_ids) if link else [],
        "account_identifier": link.account_identifier if link else None,
        "access_token_expires_at": world.grants.access_expires_at(account, app),
        "refreshes": world.grants.refreshes(account, app),
    }


def _subscription(item: Subscription, now: float) -> JsonObject:
    return {
        "id": item.id,
        "sub_type": item.sub_type,
        "status": item.status(now),
        "client_id": item.client_id,
        "expires_at": item.expires_at,
    }


def describe_fault(fault: Fault) -> JsonObject:
    """Return a fault and how often it struck."""
    return {
        "id": fault.id,
        "route": fault.route,
        "method": fault.method,
        "nth": fault.nth,
        "count": fault.count,
        "kind": fault.kind,
        "hits": fault.hits,
    }


def _request(request: Request) -> dict[str, Json]:
    return {
        "time": request.time,
        "method": request.method,
        "path": request.path,
        "status": request.status,
        "milliseconds": request.milliseconds,
    }


def _delivery(delivery: Delivery) -> JsonObject:
    event = delivery.event
    return {
        "id": delivery.id,
        "time": delivery.created,
        "type": event.type,
        "sub_type": event.sub_type,
        "device": event.device.name if event.device else None,
        "client_id": delivery.app.client_id,
        "state": delivery.state,
        "status": delivery.status,
        "attempt": delivery.tries,
        "milliseconds": delivery.attempts[-1].milliseconds if delivery.attempts else None,
        "next_retry": delivery.next_retry,
        "mischief": sorted(delivery.mischief),
    }


def _played(played: Played) -> JsonObject:
    return {
        "time": played.time,
        "device_id": played.device.id,
        "device": played.device.name,
        "audio_ref": played.audio_ref,
    }


def describe_prank(prank: Prank) -> JsonObject:
    """Return a piece of mischief and how often it struck."""
    return asdict(prank)


def describe_switches(switches: Switches) -> JsonObject:
    """Return how the cloud behaves where Ring may behave otherwise."""
    return asdict(switches)
