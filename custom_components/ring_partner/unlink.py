"""Ending a link at Ring that Home Assistant no longer needs (Ring: revoke tokens when users disconnect)."""

import asyncio
from contextlib import suppress
import logging
import time
from typing import TYPE_CHECKING, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.config_entry_oauth2_flow import async_get_implementations

from .api import (
    OAuthClient,
    RingAuthError,
    RingClient,
    RingError,
    RingHosts,
    RingRequestError,
    StaticAuth,
    Token,
)
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
    """End the link of a token that no entry holds, as far as Ring lets us; log what the user has to do otherwise."""
    try:
        async with asyncio.timeout(UNLINK_SECONDS):
            await async_end_link(hass, token, implementation, account_id)
    except (RingAuthError, RingRequestError) as err:
        # Ring refuses to change a link that was never confirmed, which is not completed anyway.
        _LOGGER.debug("A link that Home Assistant does not keep has ended already, or never began: %s", err)
    except (RingError, TimeoutError) as err:
        _LOGGER.warning(
            "Could not end a link at Ring that Home Assistant does not keep; remove the app in the Ring app: %s",
            str(err) or "timeout",
        )


async def async_end_link(
    hass: HomeAssistant, token: Token, implementation: RingOAuth2Implementation | None, account_id: str | None
) -> None:
    """End a link as far as Ring lets us. Raises RingError.

    A link belongs to an account and a private app: it stays if an entry has the same.
    """
    if implementation is None and token.expires_in(time.time()) <= 0:
        token, implementation = await _async_refresh(hass, token)
    auth, limiter = StaticAuth(token.access_token), None
    if implementation is not None:
        auth = _LastAuth(token, implementation.client)
        limiter = implementation.rate_limits.account(account_id or "")
    client = RingClient(async_get_clientsession(hass), auth, RingHosts.from_environment(), limiter=limiter)
    if account_id is None:
        account_id = (await client.async_get_user()).id
    if await _async_is_kept(hass, account_id, implementation):
        return
    try:
        await client.async_unlink()
    except RingAuthError:
        raise
    except RingError as err:
        # Ring lets only some apps end a link; the others can say that nobody listens any more.
        _LOGGER.debug("Ring does not delete the link: %s", err)
        await client.async_set_link_status("awaiting")


async def _async_refresh(hass: HomeAssistant, token: Token) -> tuple[Token, RingOAuth2Implementation]:
    """Refresh with whichever credentials the token belongs to."""
    if token.refresh_token is None:
        raise RingAuthError("The access token has expired")
    for candidate in (await async_get_implementations(hass, DOMAIN)).values():
        if TYPE_CHECKING:
            assert isinstance(candidate, RingOAuth2Implementation)
        with suppress(RingAuthError):
            return await candidate.client.refresh(token.refresh_token), candidate
    raise UnknownCredentialsError("the credentials of its private app are not known")


class _LastAuth(StaticAuth):
    """A token that is used for the last time: refreshed where needed, and not kept."""

    def __init__(self, token: Token, oauth: OAuthClient) -> None:
        """Start from the newest token."""
        super().__init__(token.access_token)
        self._token = token
        self._oauth = oauth

    @override
    async def async_get_access_token(self) -> str:
        """Return a token that has not expired."""
        if self._token.refresh_token is not None and self._token.expires_in(time.time()) <= 0:
            return await self.async_renew(self._token.access_token)
        return self._token.access_token

    @override
    async def async_renew(self, rejected: str) -> str:
        """Refresh the token."""
        if self._token.refresh_token is None:
            return await super().async_renew(rejected)
        self._token = await self._oauth.refresh(self._token.refresh_token)
        return self._token.access_token


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
