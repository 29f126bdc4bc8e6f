"""Diagnostics that cannot leak: they name what they show, and hold counts, flags and vocabulary only."""

from dataclasses import asdict
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

from .api import Device
from .const import CONF_LINK_METHOD, CONF_SIGNING_KEY, DOMAIN
from .models import RingConfigEntry


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: RingConfigEntry) -> dict[str, Any]:
    """Describe the link and its devices without names, ids or places."""
    data = entry.runtime_data
    account = data.coordinator.data.account
    devices = data.coordinator.data.devices
    return {
        "link": {
            "method": entry.data[CONF_LINK_METHOD],
            "status": account.link_status,
            "has_signing_key": CONF_SIGNING_KEY in entry.data,
            "scopes": sorted(account.scopes),
            "token_expires_at": account.token_expires_at.isoformat(),
            "refreshes": data.session.refreshes,
            "last_request_id": data.client.last_request_id,
        },
        "polling": {
            "interval_seconds": data.coordinator.update_interval and data.coordinator.update_interval.total_seconds(),
            "last_update_success": data.coordinator.last_update_success,
            "last_error": type(data.coordinator.last_exception).__name__ if data.coordinator.last_exception else None,
            "requests_left": account.requests_left,
        },
        "options": dict(entry.options) | {"doorbells": len(entry.options.get("doorbells", ()))},
        "devices": [_describe(device) for device in devices.values()],
    }


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: RingConfigEntry, device: dr.DeviceEntry
) -> dict[str, Any]:
    """Describe one device; the account and components of a device have only their entry's diagnostics."""
    devices = entry.runtime_data.coordinator.data.devices
    ours = (value for domain, value in device.identifiers if domain == DOMAIN)
    return next((_describe(devices[value]) for value in ours if value in devices), {})


def _describe(device: Device) -> dict[str, Any]:
    status = asdict(device.status)
    status["reported_at"] = device.status.reported_at.isoformat() if device.status.reported_at else None
    configurations = device.configurations
    return {
        "model": device.model,
        "features": sorted(device.features),
        "unknown_keys": sorted(device.unknown_keys),
        "status": status,
        "capabilities": {
            "video": asdict(device.capabilities.video) if device.capabilities.video else None,
            "motion_detection": sorted(device.capabilities.motion_detection),
            "image_enhancements": sorted(device.capabilities.image_enhancements),
            "chime_slots": device.capabilities.chime_slots,
            "supported_actions": sorted(device.capabilities.supported_actions),
            "components": len(device.capabilities.components),
        },
        "configurations": {
            "motion_detection": configurations.motion_detection,
            "motion_zones": len(configurations.motion_zones or ()),
            "privacy_zones": len(configurations.privacy_zones or ()),
            "volume": configurations.volume,
            "e2e_encryption": configurations.e2e_encryption,
        },
    }
