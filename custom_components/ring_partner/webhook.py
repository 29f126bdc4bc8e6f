"""The addresses that Ring calls at this Home Assistant."""

from enum import StrEnum
import hashlib
import hmac

from yarl import URL

from homeassistant.components import webhook
from homeassistant.core import HomeAssistant
from homeassistant.helpers.network import NoURLAvailableError, get_url

from .api import RingHosts


class Endpoint(StrEnum):
    """What Ring calls, by the name Ring's developer portal gives it."""

    TOKEN_EXCHANGE = "token_exchange"
    ACCOUNT_LINK = "account_link"
    EVENTS = "webhook"


def endpoint_id(signing_key: str, endpoint: Endpoint) -> str:
    """Return the webhook id of an endpoint of one Ring app.

    Derived from the key that only Ring and the user know: the same for all accounts of the app and after any restart,
    not to be guessed, and stored nowhere.
    """
    return hmac.new(signing_key.encode(), f"ring_partner/{endpoint}".encode(), hashlib.sha256).hexdigest()


async def async_public_url(hass: HomeAssistant, webhook_id: str) -> str | None:
    """Return the address of a webhook as Ring has to call it, or None where there is none.

    Ring demands HTTPS. A local Ring cloud runs on this machine and calls plain HTTP.
    """
    if (url := await _async_cloudhook_url(hass, webhook_id)) is not None:
        return url
    local = RingHosts.from_environment().is_local
    try:
        base = get_url(hass, allow_cloud=False, allow_internal=local, prefer_external=True, require_ssl=not local)
    except NoURLAvailableError:
        return None
    return base + webhook.async_generate_path(webhook_id)


async def _async_cloudhook_url(hass: HomeAssistant, webhook_id: str) -> str | None:
    if "cloud" not in hass.config.components:
        return None
    # Where Home Assistant Cloud is not in use its packages are not worth the time to import.
    from homeassistant.components import cloud  # noqa: PLC0415

    if not cloud.async_active_subscription(hass):
        return None
    try:
        return await cloud.async_get_or_create_cloudhook(hass, webhook_id)
    except cloud.CloudNotAvailable:
        return None


def homepage_url(public_url: str) -> str:
    """Return the page Ring opens after linking: this integration in Home Assistant.

    A cloudhook answers for one webhook only, so there the way leads through the user's own My Home Assistant.
    """
    path = "/config/integrations/integration/ring_partner"
    url = URL(public_url)
    if url.path.startswith("/api/webhook/"):
        return str(url.with_path(path))
    return "https://my.home-assistant.io/redirect/integration/?domain=ring_partner"
