"""The addresses that Ring calls at this Home Assistant."""

from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
import hashlib
import hmac

from aiohttp.web import Request, RequestPayloadError
from yarl import URL

from homeassistant.components import webhook
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
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
    and not to be guessed.
    """
    digest = hmac.new(signing_key.encode(), f"ring_partner/{endpoint}".encode(), hashlib.sha256).hexdigest()
    # 128 bits are as good as 256 here, and an address of this length can still be read and compared.
    return digest[:32]


async def async_public_url(hass: HomeAssistant, webhook_id: str, known: str | None = None) -> str | None:
    """Return the address of a webhook as Ring has to call it, or None where there is none.

    Ring demands HTTPS. A local Ring cloud runs on this machine and calls plain HTTP. `known` is the address that was
    returned before: while Home Assistant Cloud is out of reach, its address is still the same.
    """
    if (url := await _async_cloudhook_url(hass, webhook_id, known)) is not None:
        return url
    base = _external_url(hass)
    return None if base is None else base + webhook.async_generate_path(webhook_id)


def _external_url(hass: HomeAssistant) -> str | None:
    local = RingHosts.from_environment().is_local
    try:
        return get_url(hass, allow_cloud=False, allow_internal=local, prefer_external=True, require_ssl=not local)
    except NoURLAvailableError:
        return None


async def async_has_public_url(hass: HomeAssistant) -> bool:
    """Return whether Ring can be given a URL, without making one."""
    if "cloud" in hass.config.components:
        from homeassistant.components import cloud  # noqa: PLC0415

        if cloud.async_active_subscription(hass):
            return True
    return _external_url(hass) is not None


async def _async_cloudhook_url(hass: HomeAssistant, webhook_id: str, known: str | None) -> str | None:
    if "cloud" not in hass.config.components:
        return None
    # Where Home Assistant Cloud is not in use its packages are not worth the time to import.
    from hass_nabucasa import CloudError  # noqa: PLC0415

    from homeassistant.components import cloud  # noqa: PLC0415

    if not cloud.async_active_subscription(hass):
        return None
    try:
        return await cloud.async_get_or_create_cloudhook(hass, webhook_id)
    except cloud.CloudNotAvailable, CloudError, TimeoutError, ValueError:
        # Not connected, or its own cloud does not make one now.
        is_own = known is None or known.endswith(webhook.async_generate_path(webhook_id))
        return None if is_own else known


async def async_delete_cloudhooks(hass: HomeAssistant, signing_key: str) -> None:
    """Give back the addresses that Home Assistant Cloud lent for a Ring app."""
    if "cloud" not in hass.config.components:
        return
    from hass_nabucasa import CloudError  # noqa: PLC0415

    from homeassistant.components import cloud  # noqa: PLC0415

    for endpoint in Endpoint:
        # There may be none, and the cloud may be out of reach: its page lists what is left.
        with suppress(cloud.CloudNotAvailable, CloudError, TimeoutError, ValueError):
            await cloud.async_delete_cloudhook(hass, endpoint_id(signing_key, endpoint))


@callback
def async_listen_cloud(hass: HomeAssistant, changed: Callable[[object], None]) -> CALLBACK_TYPE:
    """Call `changed` when Home Assistant Cloud connects or leaves; return how to stop that."""
    if "cloud" not in hass.config.components:
        return lambda: None
    from homeassistant.components import cloud  # noqa: PLC0415

    return cloud.async_listen_connection_change(hass, changed)


def homepage_url(public_url: str) -> str:
    """Return the page Ring opens after linking: this integration in Home Assistant.

    A cloudhook answers for one webhook only, so there the way leads through the user's own My Home Assistant.
    """
    path = "/config/integrations/integration/ring_partner"
    url = URL(public_url)
    if url.path.startswith("/api/webhook/"):
        return str(url.with_path(path))
    return "https://my.home-assistant.io/redirect/integration/?domain=ring_partner"


async def async_read_body(request: Request, limit: int) -> bytes | None:
    """Return a body of at most `limit` bytes; None, without reading on, for one that is longer or cannot be read."""
    body = b""
    # Once: what stands in for a request that came through Home Assistant Cloud starts over at each `content`.
    stream = request.content
    try:
        while len(body) <= limit and (chunk := await stream.read(limit + 1 - len(body))):
            body += chunk
    except RequestPayloadError:
        # Said to be compressed, and is not.
        return None
    return body if len(body) <= limit else None
