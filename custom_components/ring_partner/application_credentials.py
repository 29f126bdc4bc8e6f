"""Ring as an OAuth2 provider: the client id and secret of a Ring app, and the sign-in that starts with them."""

from typing import Any, override

from homeassistant.components.application_credentials import ClientCredential
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.config_entry_oauth2_flow import (
    AbstractOAuth2Implementation,
    LocalOAuth2ImplementationWithPkce,
)

from .api import OAuthClient, RingHosts
from .const import DEVELOPER_PORTAL_URL
from .rate_limit import app_rate_limits


class RingOAuth2Implementation(LocalOAuth2ImplementationWithPkce):
    """The credentials of one Ring app, and its partner-initiated sign-in (PKCE S256).

    Home Assistant's own token requests are not used: Ring takes no redirect URI in the exchange, and a refresh must be
    written down before its token is used (session.py).
    """

    def __init__(self, hass: HomeAssistant, domain: str, credential: ClientCredential) -> None:
        """Take the hosts from the environment: a local Ring cloud replaces all of them."""
        hosts = RingHosts.from_environment()
        super().__init__(
            hass,
            domain,
            credential.client_id,
            str(hosts.authorize_url),
            str(hosts.token_url),
            credential.client_secret,
        )
        self.rate_limits = app_rate_limits(hass, credential.client_id)
        self.client = OAuthClient(
            async_get_clientsession(hass),
            hosts,
            credential.client_id,
            credential.client_secret,
            limiter=self.rate_limits.tokens,
        )
        self._name = credential.name or credential.client_id

    @property
    @override
    def name(self) -> str:
        """The name the user gave these credentials; it tells several Ring apps apart."""
        return self._name

    @property
    @override
    def extra_authorize_data(self) -> dict[str, Any]:
        """Ask for the one scope Ring knows."""
        return {"scope": "ava.v1:read"} | super().extra_authorize_data


async def async_get_auth_implementation(
    hass: HomeAssistant, auth_domain: str, credential: ClientCredential
) -> AbstractOAuth2Implementation:
    """Return the implementation for one Ring app."""
    return RingOAuth2Implementation(hass, auth_domain, credential)


async def async_get_description_placeholders(hass: HomeAssistant) -> dict[str, str]:
    """Say in the credentials dialog where to find them."""
    return {"portal_url": DEVELOPER_PORTAL_URL}
