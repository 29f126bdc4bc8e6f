"""The URLs that Ring calls at this Home Assistant."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from enum import StrEnum
import hashlib
import hmac
import re
from types import MappingProxyType
from typing import Final

from aiohttp.web import Request, RequestPayloadError
from yarl import URL

from homeassistant.components import webhook
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.network import NoURLAvailableError, get_url
from homeassistant.util.network import is_ip_address, normalize_url

from .api import RingHosts
from .link_pages import INTEGRATION_PATH, MY_INTEGRATION_URL

# `homeassistant.components.cloud.const.DISPATCHER_REMOTE_UPDATE`; importing that would import all of the cloud.
SIGNAL_REMOTE_UI: Final = "cloud_remote_update"

# Names that mean something else in each network.
PRIVATE_DOMAINS: Final = (
    ".local",
    ".localhost",
    ".lan",
    ".home",
    ".internal",
    ".localdomain",
    ".home.arpa",
    ".invalid",
)

# A name of the DNS, an international one in its ASCII form, or an IP address.
_HOST: Final = re.compile(r"[a-z0-9.:-]+", re.IGNORECASE)


class Endpoint(StrEnum):
    """What Ring calls, by the name Ring's developer portal gives it."""

    TOKEN_EXCHANGE = "token_exchange"
    ACCOUNT_LINK = "account_link"
    EVENTS = "webhook"


# What the fields of Ring's developer console are called, which is in English only.
PORTAL_FIELDS: Final = {
    "token_exchange_url": "Token Exchange URL",
    "account_link_url": "Account Link URL",
    "webhook_url": "Webhook URL",
    "homepage_url": "App Homepage URL (or Default Redirect URL)",
}
HOMEPAGE: Final = "homepage_url"


def url_name(endpoint: Endpoint) -> str:
    """Return the name of an endpoint's URL in `PORTAL_FIELDS`."""
    return f"{endpoint}_url"


def endpoint_id(signing_key: str, endpoint: Endpoint) -> str:
    """Return the webhook id of an endpoint of one Ring app.

    Derived from the key that only Ring and the user know: the same for all accounts of the app and after any restart,
    and not to be guessed.
    """
    digest = hmac.new(signing_key.encode(), f"ring_partner/{endpoint}".encode(), hashlib.sha256).hexdigest()
    # 128 bits are as good as 256 here, and an address of this length can still be read and compared.
    return digest[:32]


async def async_urls(
    hass: HomeAssistant,
    signing_key: str,
    known: Mapping[str, str] = MappingProxyType({}),
    endpoints: Iterable[Endpoint] = Endpoint,
) -> dict[str, str]:
    """Return the URLs for Ring's developer console by the names of `PORTAL_FIELDS`; what cannot be reached is absent.

    Ring demands HTTPS. A local Ring cloud runs on this machine and calls plain HTTP. `known` are the URLs in use: one
    that still works is kept.
    """
    bases = _bases(hass)
    urls = {}
    for endpoint in endpoints:
        name = url_name(endpoint)
        url = await _async_url(hass, bases, signing_key, endpoint, known.get(name))
        if url is not None:
            urls[name] = url
    if (account_link_url := urls.get(url_name(Endpoint.ACCOUNT_LINK))) is not None:
        urls[HOMEPAGE] = _homepage_url(account_link_url, bases)
    return urls


async def _async_url(
    hass: HomeAssistant, bases: list[str], signing_key: str, endpoint: Endpoint, known: str | None
) -> str | None:
    """Return the URL of one endpoint.

    Ring posts to two of them: there a cloudhook comes first, because Home Assistant Cloud is sure to be reachable. A
    browser opens the Account Link URL with GET, and whether the relay of a cloudhook passes one on is not known: there
    Home Assistant's own URL comes first.
    """
    webhook_id = endpoint_id(signing_key, endpoint)
    path = webhook.async_generate_path(webhook_id)
    direct = [base + path for base in bases]
    if known in direct:
        return known
    is_cloudhook = known is not None and not known.endswith(path)
    if direct and endpoint is Endpoint.ACCOUNT_LINK and not is_cloudhook:
        return direct[0]
    # While Home Assistant Cloud is out of reach, its URLs are still the same.
    hook = await _async_cloudhook_url(hass, webhook_id, known if is_cloudhook else None)
    return hook or (direct[0] if direct else None)


def _bases(hass: HomeAssistant) -> list[str]:
    """Return the URLs that serve all of Home Assistant: the external URL, and the remote UI of Home Assistant Cloud."""
    bases = [] if (own := _own_url(hass)) is None else [own]
    if _has_cloud(hass):
        with suppress(NoURLAvailableError):
            bases.append(get_url(hass, require_cloud=True))
    return bases


def _own_url(hass: HomeAssistant) -> str | None:
    if RingHosts.from_environment().is_local:
        # On this machine any URL will do, if it was set and not only guessed.
        url = hass.config.external_url or hass.config.internal_url
        return None if url is None else normalize_url(url)
    try:
        return get_url(hass, allow_cloud=False, allow_internal=False, require_ssl=True)
    except NoURLAvailableError:
        return None


@callback
def has_public_url(hass: HomeAssistant) -> bool:
    """Whether Ring can reach this Home Assistant, as far as its settings tell."""
    return bool(_bases(hass)) or _has_cloud(hass)


def _has_cloud(hass: HomeAssistant) -> bool:
    """Whether Home Assistant Cloud is in use."""
    if "cloud" not in hass.config.components:
        return False
    # Where it is not, its packages are not worth the time to import.
    from homeassistant.components import cloud  # noqa: PLC0415

    return cloud.async_active_subscription(hass)


async def _async_cloudhook_url(hass: HomeAssistant, webhook_id: str, known: str | None) -> str | None:
    if not _has_cloud(hass):
        return None
    from hass_nabucasa import CloudError  # noqa: PLC0415

    from homeassistant.components import cloud  # noqa: PLC0415

    try:
        return await cloud.async_get_or_create_cloudhook(hass, webhook_id)
    except cloud.CloudNotAvailable, CloudError, TimeoutError, ValueError:
        # Not connected, or its own cloud does not make one now.
        return known


def temporary_urls(signing_key: str, base: str) -> dict[str, str]:
    """Return the URLs of a temporary host, such as a tunnel that forwards webhooks only."""
    urls = {
        url_name(endpoint): base + webhook.async_generate_path(endpoint_id(signing_key, endpoint))
        for endpoint in Endpoint
    }
    return urls | {HOMEPAGE: MY_INTEGRATION_URL}


def parse_public_url(hass: HomeAssistant, text: str) -> str | None:
    """Return the origin of a temporary public URL, or None where none is given and none is needed any more.

    Raises ValueError with the key of an error text.
    """
    if not (text := text.strip()):
        if has_public_url(hass):
            return None
        raise ValueError("no_public_url")
    try:
        url = URL(text if "://" in text else f"https://{text}")
        origin = url.origin()
        if _HOST.fullmatch(url.raw_host or "") is None:
            raise ValueError(text)
    except ValueError as err:
        raise ValueError("public_url_invalid") from err
    local = RingHosts.from_environment().is_local
    if url.scheme != "https" and not (local and url.scheme == "http"):
        raise ValueError("public_url_https")
    if str(url).rstrip("/") != str(origin):
        raise ValueError("public_url_path")
    if not local and not _is_public_host(url.host or ""):
        raise ValueError("public_url_private")
    return str(origin)


def _is_public_host(host: str) -> bool:
    """Whether a host may be one that the internet knows by a name, which a certificate needs."""
    name = host.rstrip(".").lower()
    return "." in name and not is_ip_address(name) and not name.endswith(PRIVATE_DOMAINS)


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
def async_listen_cloud(hass: HomeAssistant, signing_key: str, changed: Callable[[object], None]) -> CALLBACK_TYPE:
    """Call `changed` when Home Assistant Cloud, its remote UI, or a cloudhook of a private app changes.

    Return how to stop that.
    """
    if "cloud" not in hass.config.components:
        return lambda: None
    from homeassistant.components import cloud  # noqa: PLC0415

    stops = [
        cloud.async_listen_connection_change(hass, changed),
        async_dispatcher_connect(hass, SIGNAL_REMOTE_UI, changed),
        *(
            cloud.async_listen_cloudhook_change(hass, endpoint_id(signing_key, endpoint), changed)
            for endpoint in Endpoint
        ),
    ]

    @callback
    def stop() -> None:
        for each in stops:
            each()

    return stop


def _homepage_url(account_link_url: str, bases: list[str]) -> str:
    """Return the page that Ring opens after linking: this integration in Home Assistant.

    A cloudhook serves one webhook only, so there the way leads through the user's own My Home Assistant.
    """
    origin = str(URL(account_link_url).origin())
    return origin + INTEGRATION_PATH if origin in bases else MY_INTEGRATION_URL


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
