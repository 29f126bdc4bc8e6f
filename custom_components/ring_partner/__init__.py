"""The Ring Partner integration: a Ring account over Ring's official Partner API."""

import logging
import time
from typing import TYPE_CHECKING

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_TOKEN, Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryNotReady
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.config_entry_oauth2_flow import (
    ImplementationUnavailableError,
    async_get_config_entry_implementation,
)

from .api import RingClient, RingError, RingForbiddenError, RingHosts, StaticAuth, Token
from .application_credentials import RingOAuth2Implementation
from .const import CONF_IMPLEMENTATION, CONF_SIGNING_KEY, DOMAIN
from .coordinator import RingCoordinator
from .devices import identifiers
from .linking import async_acquire_listener
from .models import RingConfigEntry, RingRuntimeData
from .session import RingSession, journal_store

_LOGGER = logging.getLogger(__name__)

PLATFORMS = (Platform.BINARY_SENSOR, Platform.SENSOR)


async def async_setup_entry(hass: HomeAssistant, entry: RingConfigEntry) -> bool:
    """Set up one linked account."""
    implementation = await _async_implementation(hass, entry)
    session = RingSession(hass, entry, None if implementation is None else implementation.client)
    await session.async_start()
    client = RingClient(async_get_clientsession(hass), session, RingHosts.from_environment())
    coordinator = RingCoordinator(hass, entry, client, session)
    if implementation is not None and (key := entry.data.get(CONF_SIGNING_KEY)):
        # While an account of this Ring app is linked, its owner may enable the app for another one, or again.
        _, release = await async_acquire_listener(hass, implementation, key)
        entry.async_on_unload(release)
    await coordinator.async_config_entry_first_refresh()
    entry.runtime_data = RingRuntimeData(client, session, coordinator)
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: RingConfigEntry) -> bool:
    """Unload an account."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Unlink at Ring as far as Ring lets us, and leave nothing behind."""
    try:
        await _async_unlink(hass, entry)
    except (RingError, ConfigEntryAuthFailed, ConfigEntryNotReady) as err:
        _LOGGER.warning("Could not unlink the account at Ring; remove the app in the Ring app: %s", err)
    finally:
        await journal_store(hass, entry.entry_id).async_remove()


async def async_remove_config_entry_device(
    hass: HomeAssistant, entry: RingConfigEntry, device: dr.DeviceEntry
) -> bool:
    """Let the user remove what Ring no longer lists."""
    present = identifiers(entry, entry.runtime_data.coordinator.data.devices)
    return device.identifiers.isdisjoint(present)


async def _async_unlink(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """End the link: one-way apps may not delete it, but can say that nobody listens any more."""
    implementation = await _async_implementation(hass, entry)
    if implementation is None:
        return
    token = Token.from_dict(entry.data[CONF_TOKEN])
    if token.refresh_token is not None and token.expires_in(time.time()) <= 0:
        token = await implementation.client.refresh(token.refresh_token)
    client = RingClient(async_get_clientsession(hass), StaticAuth(token.access_token), RingHosts.from_environment())
    try:
        await client.async_unlink()
    except RingForbiddenError:
        await client.async_set_link_status("awaiting")


async def _async_implementation(hass: HomeAssistant, entry: ConfigEntry) -> RingOAuth2Implementation | None:
    """Return the credentials the account was linked with; a Playground token has none."""
    if CONF_IMPLEMENTATION not in entry.data:
        return None
    try:
        implementation = await async_get_config_entry_implementation(hass, entry)
    except ImplementationUnavailableError as err:
        raise ConfigEntryNotReady(translation_domain=DOMAIN, translation_key="credentials_unavailable") from err
    except ValueError as err:
        raise ConfigEntryAuthFailed(translation_domain=DOMAIN, translation_key="credentials_missing") from err
    if TYPE_CHECKING:
        assert isinstance(implementation, RingOAuth2Implementation)
    return implementation
