"""Diagnostics that cannot leak: each field is named, and shows a number, a flag, a time, or a word that is known here.

Of any other text only its type is shown, of what is listed with an id only how many there are.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
import re
from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

from .api import Device, DeviceCapabilities, DeviceConfigurations, DeviceStatus, VideoCapability
from .const import CONF_LINK_METHOD, CONF_SIGNING_KEY, CONF_WEBHOOK_URL, DOMAIN, OPTION_DOORBELLS, LinkMethod
from .coordinator import LINK_LOST
from .devices import account_identifier, device_identifier
from .models import RingConfigEntry, RingRuntimeData
from .repairs import open_repairs
from .webhook import receiver_of

# What Ring calls its products with.
_PRODUCT_WORDS: Final = re.compile(
    r"air|alarm|base|battery|break|bridge|bulb|cam|camera|car|chime|climate|co|contact|detector|doorbell|elite|flood"
    r"|floodlight|freeze|glass|humidity|indoor|keypad|light|listener|monitor|motion|multi|outdoor|panic|peephole|plus"
    r"|pro|quality|sensor|siren|smart|smoke|solar|spotlight|station|stick|temperature|up|video|wall|wired|[0-9]",
    re.IGNORECASE,
)
_METHODS: Final = frozenset(LinkMethod)
# Ring's words for its values, as far as they are documented or have been seen.
_LINK: Final = frozenset({"awaiting", "completed", LINK_LOST})
_SCOPES: Final = frozenset({"ava", "ava.v1", "ava.v1:read"})
_SIGNAL: Final = frozenset({"excellent", "good", "fair", "poor", "weak", "none"})
_REPORTING: Final = frozenset({"active", "inactive"})
_UNITS: Final = frozenset({"°C", "°F"})
_CODECS: Final = frozenset({"AVC", "HEVC"})
_RATIOS: Final = frozenset({"16:9", "4:3", "3:2", "1:1", "3:4", "9:16"})
_ACTIONS: Final = frozenset({"chime.play"})
_SETTINGS: Final = frozenset(
    {
        "auto_zoom_track",
        "color_night_vision",
        "enabled",
        "hdr",
        "ir_led_night_vision",
        "motion_zones",
        "privacy_zones",
        "snapshot",
    }
)
_UNKNOWN: Final = "<str>"
_REQUEST_ID: Final = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")

type Plain = bool | int | float | str | Sequence[Plain] | Mapping[str, Plain] | None


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: RingConfigEntry) -> dict[str, Any]:
    """Describe the link and its devices without names, ids or places."""
    described = _describe_account(hass, entry)
    if (data := _loaded(entry)) is not None:
        described["devices"] = [_describe(device) for device in data.coordinator.data.devices.values()]
    return described


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: RingConfigEntry, device: dr.AnyDeviceEntry
) -> dict[str, Any]:
    """Describe the account, one device, or one camera of it; nothing is known of what Ring no longer lists."""
    known: dict[str, dict[str, Plain]] = {account_identifier(entry): _describe_account(hass, entry)}
    data = _loaded(entry)
    for found in () if data is None else data.coordinator.data.devices.values():
        known[device_identifier(entry, found.id)] = _describe(found)
        for part in found.capabilities.components:
            known[device_identifier(entry, found.id, part.component_id)] = {"video": _video(part.video)}
    ours = (value for domain, value in device.identifiers if domain == DOMAIN)
    return next((known[value] for value in ours if value in known), {"listed": False})


def _loaded(entry: RingConfigEntry) -> RingRuntimeData | None:
    """Return the working parts of an account, if it is loaded."""
    return entry.runtime_data if entry.state is ConfigEntryState.LOADED else None


def _describe_account(hass: HomeAssistant, entry: RingConfigEntry) -> dict[str, Plain]:
    """Describe what is stored, and of a loaded account how it is doing."""
    data = _loaded(entry)
    described: dict[str, Plain] = {
        "state": entry.state.value,
        "reason": entry.error_reason_translation_key,
        "link": {
            "method": _word(entry.data[CONF_LINK_METHOD], _METHODS),
            "has_signing_key": CONF_SIGNING_KEY in entry.data,
        },
        # Where the home can be reached is private; that it can is what matters.
        "delivery": {"has_webhook_url": CONF_WEBHOOK_URL in entry.data},
        "repairs": [*open_repairs(hass, entry)],
        "doorbells_chosen": len(entry.options.get(OPTION_DOORBELLS, ())),
    }
    if data is None:
        return described
    return described | {
        "link": _describe_link(entry, data),
        "polling": _describe_polling(data),
        "delivery": _describe_delivery(hass, entry, data),
    }


def _describe_link(entry: RingConfigEntry, data: RingRuntimeData) -> dict[str, Plain]:
    account = data.coordinator.data.account
    return {
        "method": _word(entry.data[CONF_LINK_METHOD], _METHODS),
        "status": _word(account.link_status, _LINK),
        "has_signing_key": CONF_SIGNING_KEY in entry.data,
        "scopes": _words(account.scopes, _SCOPES),
        "token_expires_at": account.token_expires_at.isoformat(),
        "refreshes": data.session.refreshes,
        "subscriptions": None if account.subscriptions is None else len(account.subscriptions),
        "last_request_id": _request_id(data.client.last_request_id),
    }


def _describe_polling(data: RingRuntimeData) -> dict[str, Plain]:
    coordinator = data.coordinator
    error, interval = coordinator.last_exception, coordinator.update_interval
    name: str | None = getattr(error, "translation_key", None)
    return {
        "interval_seconds": None if interval is None else interval.total_seconds(),
        "last_update_success": coordinator.last_update_success,
        "last_error": name if name is not None or error is None else type(error).__name__,
        "last_error_status": getattr(getattr(error, "__cause__", None), "status", None),
        "requests_left": coordinator.data.account.requests_left,
    }


def _describe_delivery(hass: HomeAssistant, entry: RingConfigEntry, data: RingRuntimeData) -> dict[str, Plain]:
    delivery = data.coordinator.data.account.delivery
    key = entry.data.get(CONF_SIGNING_KEY)
    return {
        "mode": delivery.mode.value,
        "has_webhook_url": CONF_WEBHOOK_URL in entry.data,
        "accepted": delivery.accepted,
        "refused": delivery.refused,
        "duplicates": delivery.duplicates,
        # Signed, and for none of the accounts here.
        "strangers": None if key is None else receiver_of(hass, key).strangers,
        "last_event_at": _time(delivery.last_event_at),
    }


def _describe(device: Device) -> dict[str, Plain]:
    return {
        "model": device.model and _model(device.model),
        "features": sorted(feature.value for feature in device.features),
        "unknown_keys": len(device.unknown_keys),
        "status": _status(device.status),
        "capabilities": _capabilities(device.capabilities),
        "configurations": _configurations(device.configurations),
    }


def _status(status: DeviceStatus) -> dict[str, Plain]:
    measured = status.temperature
    temperature = None if measured is None else {"value": measured.value, "unit": _word(measured.unit, _UNITS)}
    return {
        "online": status.online,
        "reported_at": _time(status.reported_at),
        "contact_open": status.contact_open,
        "tampered": status.tampered,
        "flooded": status.flooded,
        "frozen": status.frozen,
        "smoke": status.smoke,
        "co": status.co,
        "glass_broken": status.glass_broken,
        "battery": status.battery,
        "signal_strength": _word(status.signal_strength, _SIGNAL),
        "temperature": temperature,
        "humidity": status.humidity,
        "pm25": status.pm25,
        "co_concentration": status.co_concentration,
        "reporting_state": _word(status.reporting_state, _REPORTING),
    }


def _video(video: VideoCapability | None) -> dict[str, Plain] | None:
    if video is None:
        return None
    return {
        "codecs": _words(video.codecs, _CODECS),
        "ratio": _word(video.ratio, _RATIOS),
        "max_resolution": video.max_resolution,
        "supported_resolutions": [*video.supported_resolutions],
    }


def _capabilities(capabilities: DeviceCapabilities) -> dict[str, Plain]:
    return {
        "video": _video(capabilities.video),
        "motion_detection": _words(capabilities.motion_detection, _SETTINGS),
        "image_enhancements": _words(capabilities.image_enhancements, _SETTINGS),
        "chime_slots": capabilities.chime_slots,
        "supported_actions": _words(capabilities.supported_actions, _ACTIONS),
        "components": len(capabilities.components),
    }


def _configurations(configurations: DeviceConfigurations) -> dict[str, Plain]:
    motion_zones, privacy_zones = configurations.motion_zones, configurations.privacy_zones
    return {
        "motion_detection": configurations.motion_detection,
        "motion_zones": None if motion_zones is None else len(motion_zones),
        "privacy_zones": None if privacy_zones is None else len(privacy_zones),
        "color_night_vision": configurations.color_night_vision,
        "hdr": configurations.hdr,
        "ir_led_night_vision": configurations.ir_led_night_vision,
        "auto_zoom_track": configurations.auto_zoom_track,
        "volume": configurations.volume,
        "chime_slots": len(configurations.chime_slots),
        "e2e_encryption": configurations.e2e_encryption,
    }


def _model(hint: str) -> str:
    """Return the words that name a product: the hint is out of an address, where anything may stand."""
    return " ".join(word if _PRODUCT_WORDS.fullmatch(word) else "…" for word in hint.split())


def _word(text: str | None, known: frozenset[str]) -> str | None:
    return text if text is None or text in known else _UNKNOWN


def _words(texts: Iterable[str], known: frozenset[str]) -> list[str]:
    return sorted(text if text in known else _UNKNOWN for text in texts)


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _request_id(text: str | None) -> str | None:
    """Return Ring's id of the last request, to quote to its support, as far as it looks like one."""
    return text if text is None or _REQUEST_ID.fullmatch(text) else _UNKNOWN
