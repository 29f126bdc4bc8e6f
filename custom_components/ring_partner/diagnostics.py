"""Diagnostics that cannot leak: they name what they show, and hold counts, flags, numbers and vocabulary only."""

from dataclasses import asdict
from datetime import datetime
import re
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

from .api import Device
from .const import CONF_LINK_METHOD, CONF_SIGNING_KEY, CONF_WEBHOOK_URL, DOMAIN, OPTION_DOORBELLS
from .devices import account_identifier, device_identifier
from .models import RingConfigEntry
from .repairs import open_repairs
from .webhook import receiver_of

# What Ring calls its products with.
_PRODUCT_WORDS: Final = re.compile(
    r"air|alarm|base|battery|break|bridge|bulb|cam|camera|car|chime|climate|co|contact|detector|doorbell|elite|flood"
    r"|floodlight|freeze|glass|humidity|indoor|keypad|light|listener|monitor|motion|multi|outdoor|panic|peephole|plus"
    r"|pro|quality|sensor|siren|smart|smoke|solar|spotlight|station|stick|temperature|up|video|wall|wired|[0-9]{1,4}",
    re.IGNORECASE,
)
# What Ring calls its values with.
_KEY: Final = re.compile(r"(?=.{1,32}\Z)[a-z]{2,}[0-9]{0,2}(_[a-z]{2,}[0-9]{0,2})*")

type Plain = bool | int | float | str | list[Plain] | dict[str, Plain] | None


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: RingConfigEntry) -> dict[str, Any]:
    """Describe the link and its devices without names, ids or places."""
    devices = entry.runtime_data.coordinator.data.devices
    return _describe_account(hass, entry) | {"devices": [_describe(device) for device in devices.values()]}


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: RingConfigEntry, device: dr.AnyDeviceEntry
) -> dict[str, Any]:
    """Describe the account, one device, or one camera of it; nothing is known of what Ring no longer lists."""
    known: dict[str, dict[str, Any]] = {account_identifier(entry): _describe_account(hass, entry)}
    for found in entry.runtime_data.coordinator.data.devices.values():
        known[device_identifier(entry, found.id)] = _describe(found)
        for part in found.capabilities.components:
            identifier = device_identifier(entry, found.id, part.component_id)
            known[identifier] = {"video": _plain(part.video and asdict(part.video))}
    ours = (value for domain, value in device.identifiers if domain == DOMAIN)
    return next((known[value] for value in ours if value in known), {"listed": False})


def _describe_account(hass: HomeAssistant, entry: RingConfigEntry) -> dict[str, Any]:
    data = entry.runtime_data
    coordinator = data.coordinator
    account = coordinator.data.account
    error = coordinator.last_exception
    key = entry.data.get(CONF_SIGNING_KEY)
    return {
        "link": {
            "method": entry.data[CONF_LINK_METHOD],
            "status": _plain(account.link_status),
            "has_signing_key": CONF_SIGNING_KEY in entry.data,
            "scopes": _plain(account.scopes),
            "token_expires_at": account.token_expires_at.isoformat(),
            "refreshes": data.session.refreshes,
            "subscriptions": None if account.subscriptions is None else len(account.subscriptions),
            "last_request_id": data.client.last_request_id,
        },
        "polling": {
            "interval_seconds": coordinator.update_interval and coordinator.update_interval.total_seconds(),
            "last_update_success": coordinator.last_update_success,
            "last_error": getattr(error, "translation_key", None) or (error and type(error).__name__),
            "last_error_status": getattr(getattr(error, "__cause__", None), "status", None),
            "requests_left": account.requests_left,
        },
        "delivery": {
            "mode": account.delivery.mode,
            # Where the home can be reached is nobody's business; that it can is what matters.
            "has_webhook_url": CONF_WEBHOOK_URL in entry.data,
            "accepted": account.delivery.accepted,
            "refused": account.delivery.refused,
            "duplicates": account.delivery.duplicates,
            # Signed, and for none of the accounts here.
            "strangers": None if key is None else receiver_of(hass, key).strangers,
            "last_event_at": _plain(account.delivery.last_event_at),
        },
        "repairs": open_repairs(hass, entry),
        "doorbells_chosen": len(entry.options.get(OPTION_DOORBELLS, ())),
    }


def _describe(device: Device) -> dict[str, Any]:
    return {
        "model": device.model and _model(device.model),
        "features": _plain(device.features),
        "unknown_keys": sorted(map(_key, device.unknown_keys)),
        "status": _plain(asdict(device.status)),
        "capabilities": _plain(asdict(device.capabilities)),
        "configurations": _plain(asdict(device.configurations)),
    }


def _model(hint: str) -> str:
    """Return the words that name a product: the hint is out of an address, where anything may stand."""
    return " ".join(word if _PRODUCT_WORDS.fullmatch(word) else "…" for word in hint.split())


def _key(name: str) -> str:
    """Return the name of a value, where it reads like one and not like an id or somebody's words."""
    block, _, key = name.partition(".")
    return f"{block}.{key if _KEY.fullmatch(key) else '…'}"


def _plain(value: object) -> Plain:
    """Return numbers, flags, times and technical words; zones, sounds and cameras, which have ids, are counted."""
    match value:
        case None | bool() | int() | float():
            return value
        case datetime():
            return value.isoformat()
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case frozenset():
            return sorted((_plain(item) for item in value), key=str)
        case tuple():
            named = not value or any(isinstance(item, dict) for item in value)
            return len(value) if named else [_plain(item) for item in value]
        case _:
            text = str(value)
            # Longer text could be an id or somebody's words: all that is said of it is that it is there.
            return text if re.fullmatch(r"[\w.:°]{1,24}", text, re.ASCII) else "…"
