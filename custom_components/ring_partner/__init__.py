"""The Ring Partner integration: a Ring account over Ring's official Partner API."""

import asyncio
from functools import partial
import logging
from typing import TYPE_CHECKING

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
    ConfigEntryState,
)
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryNotReady
from homeassistant.helpers import config_validation as cv, device_registry as dr, issue_registry as ir
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.config_entry_oauth2_flow import (
    ImplementationUnavailableError,
    async_get_config_entry_implementation,
)
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.typing import ConfigType

from .activity import ActivityLog, activity_store
from .api import (
    AbstractAuth,
    AppRateLimits,
    RingAuthError,
    RingClient,
    RingError,
    RingHosts,
    RingMedia,
    Whep,
)
from .application_credentials import RingOAuth2Implementation
from .cache import media_cache
from .cleanup import async_clean_up, clean_up_once
from .clips import Clips
from .clock import started
from .const import CONF_IMPLEMENTATION, CONF_SIGNING_KEY, DOMAIN
from .coordinator import RingCoordinator
from .devices import identifiers, missing_store
from .errors import not_loaded
from .journal import TokenJournal
from .labels import labels_store
from .linking import async_acquire_listener, async_remove_listener, close_listener
from .live import LiveViews
from .media import Pictures
from .models import RingConfigEntry, RingRuntimeData
from .push import async_listen
from .rate_limit import LongWaitReport, app_rate_limits
from .recordings import Recordings
from .repairs import AccountIssue, clear, clear_out_of_scope
from .services import async_register_actions
from .session import RingSession, async_newest_record, async_wait_for_refresh, not_saved_issue_id
from .unlink import async_end_link
from .views import async_register_views
from .webhook import expect

_LOGGER = logging.getLogger(__name__)

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)

# Removing an account must not wait long for a Ring that is down.
UNLINK_SECONDS = 15

PLATFORMS = (
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.CAMERA,
    Platform.EVENT,
    Platform.IMAGE,
    Platform.SENSOR,
)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the actions; they exist even when no account is set up, and then say why they cannot work."""
    async_register_actions(hass)
    async_register_views(hass)
    async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, partial(_entry_changed, hass))
    clean_up_once(hass)
    # What happens from now on is news, even where an account takes a while to be set up.
    started(hass)
    for entry in hass.config_entries.async_entries(DOMAIN, include_disabled=False, include_ignore=False):
        expect(hass, entry)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: RingConfigEntry) -> bool:
    """Set up one linked account."""
    expect(hass, entry)
    implementation = await _async_implementation(hass, entry)
    if implementation is not None and (key := entry.data.get(CONF_SIGNING_KEY)):
        # While there is an account of this Ring app, its owner may enable the app for another one, or again, also after
        # the link has been lost.
        _, release = await async_acquire_listener(hass, implementation, key)
        entry.async_on_unload(release)
    try:
        record = await async_newest_record(hass, entry)
    except RingAuthError as err:
        raise ConfigEntryAuthFailed(translation_domain=DOMAIN, translation_key="link_lost") from err
    session = RingSession(hass, entry, None if implementation is None else implementation.client, record)
    session.async_start()
    LongWaitReport(hass, entry, _rate_limits(hass, entry, implementation)).async_start()
    client = _client(hass, entry, implementation, session)
    coordinator = RingCoordinator(hass, entry, client, session)

    @callback
    def show_loss() -> None:
        """Show at once what the next poll would find out, and would log as an error: the user is asked already."""
        if session.is_lost:
            coordinator.last_update_success = False
            coordinator.async_update_listeners()

    session.async_add_listener(show_loss)
    await coordinator.async_config_entry_first_refresh()
    clear(hass, entry, AccountIssue.LINK_REFUSED)
    runtime = entry.runtime_data = await _async_runtime_data(hass, entry, client, session, coordinator)
    await runtime.pictures.async_start()
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    coordinator.async_refresh_account_soon()
    # Only now is there somebody to hear of what happens.
    await async_listen(hass, entry)
    return True


async def _async_runtime_data(
    hass: HomeAssistant, entry: RingConfigEntry, client: RingClient, session: RingSession, coordinator: RingCoordinator
) -> RingRuntimeData:
    """Return the working parts of an account, with what they have kept."""
    activity = ActivityLog(hass, entry, coordinator)
    await activity.async_load()
    media, cache = RingMedia(client), media_cache(hass, entry)
    await cache.async_open()
    pictures = Pictures(hass, entry, coordinator, media, cache, client=client, activity=activity)
    return RingRuntimeData(
        client,
        session,
        coordinator,
        activity,
        pictures=pictures,
        clips=Clips(hass, entry, media, cache),
        recordings=Recordings(client, coordinator, activity.labels),
        live=LiveViews(hass, entry, coordinator, pictures, Whep(client)),
    )


async def async_unload_entry(hass: HomeAssistant, entry: RingConfigEntry) -> bool:
    """Unload an account, and wait for a new token that may be on its way."""
    runtime = entry.runtime_data
    if unloaded := await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        # Ring's cameras are awake as long as somebody watches; ending that takes a token.
        await runtime.live.async_close()
        await runtime.clips.async_close()
        await runtime.session.async_close()
        await runtime.activity.async_close()
    return unloaded


@callback
def _entry_changed(hass: HomeAssistant, change: ConfigEntryChange, entry: ConfigEntry) -> None:
    """End the repairs of an entry that is disabled, which may never have been loaded."""
    if entry.domain == DOMAIN and entry.disabled_by is not None:
        _clear_repairs(hass, entry)


@callback
def _clear_repairs(hass: HomeAssistant, entry: ConfigEntry) -> None:
    clear(hass, entry, *AccountIssue)
    clear_out_of_scope(hass, entry)
    ir.async_delete_issue(hass, DOMAIN, not_saved_issue_id(entry))


async def async_remove_entry(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Unlink at Ring as far as Ring lets us, and leave nothing behind."""
    await async_wait_for_refresh(hass, entry.entry_id)
    try:
        async with asyncio.timeout(UNLINK_SECONDS):
            await _async_unlink(hass, entry)
    except (RingError, ConfigEntryAuthFailed, ConfigEntryNotReady, TimeoutError) as err:
        _LOGGER.warning(
            "Could not unlink the account at Ring; remove the app in the Ring app: %s", str(err) or "timeout"
        )
    finally:
        await TokenJournal(hass, entry.entry_id).async_remove()
        await activity_store(hass, entry.entry_id).async_remove()
        await labels_store(hass, entry.entry_id).async_remove()
        await missing_store(hass, entry.entry_id).async_remove()
        await media_cache(hass, entry).async_remove()
        _clear_repairs(hass, entry)
        await _async_remove_unclaimed(hass, entry)


async def _async_remove_unclaimed(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Delete what only this entry was the reason to keep: unclaimed accounts of its private app, and cloudhooks."""
    others = hass.config_entries.async_entries(DOMAIN)
    if key := entry.data.get(CONF_SIGNING_KEY):
        close_listener(hass, key)
        if all(other.data.get(CONF_SIGNING_KEY) != key for other in others):
            await async_remove_listener(hass, key)
    flows = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    is_last = not others and all(flow["context"].get("entry_id") == entry.entry_id for flow in flows)
    hass.async_create_background_task(async_clean_up(hass, is_last=is_last), "ring_partner clean-up")


async def async_remove_config_entry_device(
    hass: HomeAssistant, entry: RingConfigEntry, device: dr.AnyDeviceEntry
) -> bool:
    """Let the user remove what Ring no longer lists, and while the account is not loaded any of its devices."""
    if entry.state is ConfigEntryState.SETUP_IN_PROGRESS:
        # Entities are being added to it.
        raise not_loaded(entry)
    is_loaded = entry.state is ConfigEntryState.LOADED
    present = identifiers(entry, entry.runtime_data.coordinator.data.devices if is_loaded else {})
    return device.identifiers.isdisjoint(present)


async def _async_unlink(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """End the link of an entry; a Playground token has none."""
    if (implementation := await _async_implementation(hass, entry)) is not None:
        token = (await async_newest_record(hass, entry)).token
        await async_end_link(hass, token, implementation, entry.unique_id)


def _client(
    hass: HomeAssistant, entry: ConfigEntry, implementation: RingOAuth2Implementation | None, auth: AbstractAuth
) -> RingClient:
    """Return what an account asks Ring with; what Ring asked it to wait is kept over reloads."""
    limiter = _rate_limits(hass, entry, implementation).account(entry.unique_id or entry.entry_id)
    return RingClient(async_get_clientsession(hass), auth, RingHosts.from_environment(), limiter=limiter)


def _rate_limits(
    hass: HomeAssistant, entry: ConfigEntry, implementation: RingOAuth2Implementation | None
) -> AppRateLimits:
    """Return the limits of the entry's private app; a Playground token stands for itself."""
    return app_rate_limits(hass, entry.entry_id) if implementation is None else implementation.rate_limits


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
