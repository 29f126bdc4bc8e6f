"""Visits of the reachability test page: the Account Link URL, opened by the user before Ring opens it."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from ipaddress import ip_address

from aiohttp.web import Request

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.network import is_cloud_connection
from homeassistant.util import dt as dt_util
from homeassistant.util.network import is_local

from .link_pages import PageTexts, async_page_texts

# A dialog shows the last one or two.
MAX_VISITS = 8
# A host name has at most 253 characters; the Host header is the visitor's.
MAX_HOST = 255


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit of the test page."""

    at: datetime
    """When, in UTC."""
    address: str | None
    """The visitor's IP address as Home Assistant's HTTP server knows it; None where the request names none."""
    host: str | None
    """The host the page was opened at; None through a cloudhook, whose host Home Assistant is not told."""
    is_secure: bool
    """Whether the page was opened over HTTPS, as far as Home Assistant or its proxy knows."""
    is_cloud: bool
    """Whether the request came through Home Assistant Cloud."""
    is_local: bool
    """Whether the visitor is in the home's own network, so that the visit proves nothing about the internet."""


def visit_of(hass: HomeAssistant, request: Request) -> Visit:
    """Return how a request reached Home Assistant.

    `request.remote` is the peer, or what a trusted proxy says the peer is: Home Assistant's own middleware has
    resolved X-Forwarded-For by then.
    """
    # Through a cloudhook comes a stand-in for a request, without host and scheme.
    is_real = isinstance(request, Request)
    is_cloud = not is_real or is_cloud_connection(hass)
    return Visit(
        at=dt_util.utcnow(),
        address=request.remote,
        host=request.host[:MAX_HOST] if is_real else None,
        is_secure=is_cloud or request.scheme == "https",
        is_cloud=is_cloud,
        is_local=not is_cloud and _is_local(request.remote),
    )


def _is_local(address: str | None) -> bool:
    try:
        return is_local(ip_address(address or ""))
    except ValueError:
        # A socket file of this machine.
        return True


class VisitLog:
    """The last visits of one private app's test page, and the dialogs that show them."""

    def __init__(self) -> None:
        """Start with none."""
        self._visits: deque[Visit] = deque(maxlen=MAX_VISITS)
        self._updates: list[Callable[[], None]] = []

    def since(self, moment: datetime) -> tuple[Visit, ...]:
        """Return the visits since a dialog began to ask for them, oldest first."""
        return tuple(visit for visit in self._visits if visit.at >= moment)

    @callback
    def add(self, visit: Visit) -> None:
        """Remember a visit, and update the dialogs that are shown."""
        self._visits.append(visit)
        for update in list(self._updates):
            update()

    @callback
    def listen(self, update: Callable[[], None]) -> CALLBACK_TYPE:
        """Call `update` after each visit, until the returned function is called."""
        self._updates.append(update)
        return partial(self._updates.remove, update)


async def async_describe_visits(hass: HomeAssistant, visits: Iterable[Visit]) -> str:
    """Return the latest visit in words for a dialog, as Markdown; an empty text where there is none.

    A visit from the internet counts for more than a later one from the home's own network.
    """
    ordered = sorted(visits, key=lambda visit: (visit.is_local, -visit.at.timestamp()))
    if not ordered:
        return ""
    return _describe(await async_page_texts(hass), ordered[0])


def _describe(texts: PageTexts, visit: Visit) -> str:
    way = "cloudhook" if visit.host is None else "cloud" if visit.is_cloud else "https" if visit.is_secure else "http"
    text = texts[f"visit_{way}"].format(
        time=f"{dt_util.as_local(visit.at):%H:%M:%S}", address=_as_code(visit.address), host=_as_code(visit.host)
    )
    return f"{text} {texts['visit_local']}" if visit.is_local else text


def _as_code(text: str | None) -> str:
    """Return a visitor's text so that Markdown shows it and does nothing else with it."""
    return f"`{''.join(char for char in text or '?' if char.isalnum() or char in '.:-_[]%?')}`"
