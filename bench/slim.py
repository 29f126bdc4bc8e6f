"""Home Assistant's core with this integration and nothing else: real code, real disk, real sockets."""

import asyncio
from collections.abc import Callable
import logging
import os
from pathlib import Path

from custom_components import ring_partner
from custom_components.ring_partner import binary_sensor as _, config_flow, sensor as __
from custom_components.ring_partner.const import DOMAIN
from homeassistant import loader
from homeassistant.auth import auth_manager_from_config
from homeassistant.bootstrap import async_load_base_functionality
from homeassistant.components import application_credentials, binary_sensor, http, sensor, webhook
from homeassistant.config_entries import ConfigEntries
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import CoreState, Event, EventStateChangedData, HomeAssistant
from homeassistant.setup import async_setup_component

# Imported so that a process that is forked from this one has them already.
PRELOADED = (application_credentials, binary_sensor, http, sensor, webhook, ring_partner, config_flow, _, __)


type Listener = Callable[[Event[EventStateChangedData]], None]


async def async_home_assistant(
    folder: Path, cloud_url: str, listener: Listener | None = None, *, external_url: str | None = None
) -> HomeAssistant:
    """Start a Home Assistant that has nothing but its registries, its config entries, and this integration."""
    os.environ["RING_PARTNER_CLOUD"] = cloud_url
    hass = HomeAssistant(str(folder))
    hass.config.skip_pip = True
    hass.config.external_url = external_url
    loader.async_setup(hass)
    hass.config_entries = ConfigEntries(hass, {})
    await async_load_base_functionality(hass)
    hass.auth = await auth_manager_from_config(hass, [], [])
    hass.set_state(CoreState.running)
    if listener is not None:
        hass.bus.async_listen(EVENT_STATE_CHANGED, listener)
    await async_setup_component(hass, DOMAIN, {})
    return hass


async def _serve(folder: Path, cloud_url: str) -> None:
    await async_home_assistant(folder, cloud_url)
    await asyncio.Event().wait()


def serve(folder: Path, cloud_url: str) -> None:
    """Run until killed."""
    logging.basicConfig(filename=folder / "home-assistant.log", level=logging.WARNING)
    asyncio.run(_serve(folder, cloud_url))
