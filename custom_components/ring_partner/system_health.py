"""System health: can Ring be reached, and how are the links."""

from typing import Any

from homeassistant.components.system_health import SystemHealthRegistration, async_check_can_reach_url
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback

from .api import RingHosts
from .const import DOMAIN
from .models import RingConfigEntry


@callback
def async_register(hass: HomeAssistant, register: SystemHealthRegistration) -> None:
    """Register the information."""
    register.async_register_info(_async_info)


async def _async_info(hass: HomeAssistant) -> dict[str, Any]:
    hosts = RingHosts.from_environment()
    entries: list[RingConfigEntry] = hass.config_entries.async_entries(DOMAIN)
    loaded = [entry for entry in entries if entry.state is ConfigEntryState.LOADED]
    return {
        "api_reachable": async_check_can_reach_url(hass, str(hosts.api)),
        "oauth_reachable": async_check_can_reach_url(hass, str(hosts.oauth)),
        "accounts": f"{len(loaded)}/{len(entries)}",
        "devices": sum(len(entry.runtime_data.coordinator.data.devices) for entry in loaded),
        "local_cloud": hosts.is_local,
    }
