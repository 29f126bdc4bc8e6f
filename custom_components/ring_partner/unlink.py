"""Ending a link at Ring whose tokens Home Assistant does not keep (Ring: revoke tokens when users disconnect)."""

import asyncio
from contextlib import suppress
import logging
import time

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.config_entry_oauth2_flow import async_get_implementations

from .api import RingAuthError, RingClient, RingError, RingHosts, RingRequestError, StaticAuth, Token
from .application_credentials import RingOAuth2Implementation
from .const import CONF_IMPLEMENTATION, DOMAIN

_LOGGER = logging.getLogger(__name__)

# Nothing waits for it, but it must not be open for ever.
UNLINK_SECONDS = 60


class UnknownCredentialsError(RingError):
    """The access token has expired, and the credentials of its private app are not known."""


async def async_find_implementation(hass: HomeAssistant, implementation_id: object) -> RingOAuth2Implementation | None:
    """Return the credentials with this id, if Home Assistant still has them."""
    if not isinstance(implementation_id, str):
        return None
    found = (await async_get_implementations(hass, DOMAIN)).get(implementation_id)
    return found if isinstance(found, RingOAuth2Implementation) else None


async def async_unlink(
    hass: HomeAssistant, token: Token, implementation: RingOAuth2Implementation | None, account_id: str | None = None
) -> None:
    """End the link of a token that no entry holds, as far as Ring lets us; log what the user has to do otherwise.

    A link belongs to an account and a private app: it stays if an entry has the same.
    """
    try:
        async with asyncio.timeout(UNLINK_SECONDS):
            await _async_unlink(hass, token, implementation, account_id)
    except RingAuthError as err:
        _LOGGER.debug("A link that Home Assistant does not keep has ended already: %s", err)
    except (RingError, TimeoutError) as err:
        _LOGGER.warning(
            "Could not end a link at Ring that Home Assistant does not keep; remove the app in the Ring app: %s",
            str(err) or "timeout",
        )


async def _async_unlink(
    hass: HomeAssistant, token: Token, implementation: RingOAuth2Implementation | None, account_id: str | None
) -> None:
    if token.expires_in(time.time()) <= 0:
        token, implementation = await _async_refresh(hass, token, implementation)
    client = RingClient(async_get_clientsession(hass), StaticAuth(token.access_token), RingHosts.from_environment())
    if account_id is None:
        account_id = (await client.async_get_user()).id
    if await _async_is_kept(hass, account_id, implementation):
        return
    try:
        await client.async_unlink()
    except RingError:
        # Ring lets only some apps end a link; the others can say that nobody listens any more. A link that was never
        # confirmed is not completed anyway, and Ring refuses to change it.
        with suppress(RingRequestError):
            await client.async_set_link_status("awaiting")


async def _async_refresh(
    hass: HomeAssistant, token: Token, implementation: RingOAuth2Implementation | None
) -> tuple[Token, RingOAuth2Implementation]:
    """Refresh with the credentials of the token's private app; where that is not known, with all there are."""
    if token.refresh_token is None:
        raise RingAuthError("The access token has expired")
    every = (await async_get_implementations(hass, DOMAIN)).values() if implementation is None else [implementation]
    candidates = [item for item in every if isinstance(item, RingOAuth2Implementation)]
    for candidate in candidates:
        with suppress(RingAuthError):
            return await candidate.client.refresh(token.refresh_token), candidate
    if implementation is not None:
        raise RingAuthError("Ring no longer accepts the refresh token")
    raise UnknownCredentialsError("the credentials of its private app are not known")


async def _async_is_kept(hass: HomeAssistant, account_id: str, implementation: RingOAuth2Implementation | None) -> bool:
    """Return whether an entry has a link of the account with the same private app, or may have."""
    entry = hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, account_id)
    if entry is None or CONF_IMPLEMENTATION not in entry.data:
        return False
    known = await async_implementation_of(hass, entry)
    return known is None or implementation is None or known.client_id == implementation.client_id


async def async_implementation_of(hass: HomeAssistant, entry: ConfigEntry) -> RingOAuth2Implementation | None:
    """Return the credentials of an entry, if Home Assistant still has them."""
    return await async_find_implementation(hass, entry.data.get(CONF_IMPLEMENTATION))
