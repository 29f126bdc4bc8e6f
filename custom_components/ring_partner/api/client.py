"""The Ring Partner API: one path for every request, one place that knows what a status means."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from itertools import batched
import logging
import re
from typing import Final, Literal
from urllib.parse import quote, unquote

from aiohttp import ClientSession, ClientTimeout
from yarl import URL

from .auth import AbstractAuth
from .decode import app_integration_from, device_from, subscription_from, user_from
from .errors import RingError, RingForbiddenError, RingNotFoundError, RingRequestError, RingUnavailableError
from .events import HistoryEvent, HistoryPage, HistoryRows
from .hosts import RING, RingHosts
from .jsonapi import MAX_PAGES, Document, Page, joined, next_url, one
from .models import AppIntegration, Device, Subscription, User
from .rate_limit import RateLimiter
from .transport import PRODUCT, TIMEOUT, Answer, Opened, Request, Sleep, Transport, asked_to_wait
from .values import JsonObject, as_list, as_object, as_text

MAX_BYTES: Final = 8 * 1024 * 1024
_INCLUDE: Final = {"include": "status,capabilities,configurations,location"}
_REJECTED: Final = frozenset({401})
# The request timed out on its way, or came too often.
_LATER: Final = frozenset({408, 429})
_ABOUT_DEVICE: Final = re.compile(r"v1/(?:history/)?devices/([^/]+)")
# So many are read before the event loop gets a turn: about a millisecond and a half.
_DEVICES_AT_ONCE: Final = 20

_LOGGER: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Requests a second that Ring allows the app, and how many are left; None where Ring does not say."""

    limit: int | None
    remaining: int | None


class RingClient:
    """What one linked account can ask of Ring.

    Every method raises RingAuthError when the link is lost, RingForbiddenError when this one thing is not allowed,
    RingNotFoundError, RingRequestError, RingRateLimitError, or RingUnavailableError when there is no usable answer.
    """

    def __init__(
        self,
        session: ClientSession,
        auth: AbstractAuth,
        hosts: RingHosts = RING,
        *,
        limiter: RateLimiter | None = None,
        product: str = PRODUCT,
        timeout: ClientTimeout = TIMEOUT,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`limiter` outlives the client; `product` is the User-Agent; `sleep` waits before a request is repeated."""
        self.limiter = limiter or RateLimiter()
        self._transport = Transport(session, product, timeout, sleep)
        self._auth = auth
        self._api = hosts.api.origin()
        self.hosts = hosts
        self.rate_limit: RateLimit | None = None
        self.last_request_id: str | None = None

    async def async_get_user(self) -> User:
        """Return the account (Ring's "Users API" page)."""
        # Ring documents 403 here for a bad token, where everything else answers 401.
        answer = await self.send(self._read("v1/users/me", "users/me"), rejected=frozenset({401, 403}))
        document = one(answer.parsed())
        if document is None:
            raise answer.unusable("no account in the answer")
        return user_from(document)

    async def async_get_devices(self) -> dict[str, Device]:
        """Return all devices by their ids, in one request (Ring's "Devices API" page).

        A device that cannot be read has unknown values; only one without an id is left out.
        """
        request = self._read("v1/devices", "devices", _INCLUDE)
        document = await self._list(request, "devices")
        devices: dict[str, Device] = {}
        for resources in batched(document.data, _DEVICES_AT_ONCE, strict=False):
            devices |= {resource.id: device_from(resource, document) for resource in resources}
            await asyncio.sleep(0)
        return devices

    async def async_get_device(self, device_id: str) -> Device:
        """Return one device; raises RingNotFoundError once it is removed."""
        answer = await self.send(self._read(f"v1/devices/{segment(device_id)}", "device", _INCLUDE))
        document = one(answer.parsed())
        if document is None:
            raise answer.unusable("no device in the answer")
        return device_from(document.data[0], document)

    async def async_get_history(
        self,
        device_id: str,
        event_types: Collection[str] = ("motion", "ding"),
        *,
        since: datetime | None = None,
        max_pages: int = 10,
    ) -> tuple[HistoryEvent, ...]:
        """Return what happened at a camera, newest first (Ring's "Event history" page); sensors have no history.

        Ring tells nothing from before the user's consent. `since` is aware and inclusive. A sub-type such as
        `motion.human` only filters, and only where Ring does: rows do not name it. Rows that cannot be read are left
        out. After `max_pages` the rest is left out, the oldest events first.
        """
        rows = HistoryRows(since)
        await self._pages(self._history(device_id, event_types), max_pages, is_last=rows.add)
        return rows.of(event_types)

    async def async_get_history_page(
        self, device_id: str, event_types: Collection[str], at: URL | None = None
    ) -> HistoryPage:
        """Return the newest page of a camera's history, or the one that the `next` of another says.

        Rows are of any type: Ring has been seen to ignore the filter. A page may be empty and not be the last one.
        """
        request = self._history(device_id, event_types)
        if at is not None:
            request = replace(request, url=at)
        page = await self._page(request)
        following = None if page.next is None else _following(request, page.next)
        return HistoryPage.of(page, None if following == request.url else following)

    def _history(self, device_id: str, event_types: Collection[str]) -> Request:
        path = f"v1/history/devices/{segment(device_id)}/events"
        return self._read(path, "history", {"event_types": ",".join(event_types)})

    async def async_get_subscriptions(self) -> tuple[Subscription, ...]:
        """Return the account's plans for this app (Ring's "Subscriptions" page).

        An app without plans is answered with RingNotFoundError or RingRequestError (422).
        """
        request = self._read("v1/accounts/me/subscriptions", "subscriptions")
        document = await self._list(request, "subscriptions")
        return tuple(subscription_from(resource) for resource in document.data)

    async def async_confirm_link(self, nonce: str, account_identifier: str | None = None) -> AppIntegration:
        """Claim a one-way link with the nonce the browser brought (Ring's "App integrations" page).

        `account_identifier` is shown to the Ring user: mask it. Raises RingRequestError for a wrong nonce. Not
        repeated by itself, because a nonce works once.
        """
        return await self._app_integration("POST", {"nonce": nonce}, account_identifier, "awaiting", repeatable=False)

    async def async_set_link_status(
        self, status: Literal["completed", "awaiting"], account_identifier: str | None = None
    ) -> AppIntegration:
        """Set the link's status; without "completed" Ring delivers nothing. Setting it again changes nothing."""
        return await self._app_integration("PATCH", {"status": status}, account_identifier, status, repeatable=True)

    async def async_unlink(self) -> None:
        """End the link at Ring; one-way links are not allowed to and raise RingForbiddenError."""
        await self.send(self.request("DELETE", "v1/accounts/me/app-integrations", "app-integrations"))

    async def _app_integration(
        self, method: str, change: JsonObject, account_identifier: str | None, status: str, *, repeatable: bool
    ) -> AppIntegration:
        if account_identifier is not None:
            change["account_identifier"] = account_identifier
        path = "v1/accounts/me/app-integrations"
        answer = await self.send(self.request(method, path, "app-integrations", json=change, repeatable=repeatable))
        body = answer.parsed() if answer.body else {}
        if not isinstance(body, dict):
            raise answer.unusable("no app integration in the answer")
        return app_integration_from(body, status)

    async def async_play_sound(self, device_id: str, audio_ref: str) -> None:
        """Play a sound of this app on a chime, by the `audio_ref` of one of its slots (Ring's "Chimes" page).

        Not repeated by itself: it would be heard twice.
        """
        path = f"v1/devices/{segment(device_id)}/media/audio/playback"
        sound: JsonObject = {"data": {"type": "audio", "attributes": {"audio_ref": audio_ref}}}
        await self.send(self.request("POST", path, "audio playback", json=sound))

    def _read(self, path: str, label: str, query: Mapping[str, str] | None = None) -> Request:
        return self.request("GET", path, label, query=query, repeatable=True)

    def request(
        self,
        method: str,
        path: str,
        label: str,
        *,
        json: JsonObject | None = None,
        sdp: str | None = None,
        query: Mapping[str, str] | None = None,
        repeatable: bool = False,
    ) -> Request:
        """Return a request to Ring's API; `path` is without the leading slash, its ids are quoted by `segment`."""
        device = _ABOUT_DEVICE.match(path)
        return Request(
            method=method,
            url=URL(f"{self._api}/{path}", encoded=True).with_query(query),
            label=f"{method} {label}",
            json=json,
            sdp=sdp,
            accept="application/json" if sdp is None else "application/sdp, application/json",
            repeatable=repeatable,
            device_id="" if device is None else unquote(device[1]),
            max_bytes=MAX_BYTES,
        )

    async def _list(self, request: Request, wanted: str) -> Document:
        """Return the whole of a list; an empty page ends it."""
        return joined(await self._pages(request, MAX_PAGES, is_last=lambda page: not page.data), wanted)

    async def _pages(self, request: Request, most: int, *, is_last: Callable[[Page], bool]) -> list[Page]:
        """Follow a list to its end: the last page wanted, no usable link, a link seen before, or `most` pages."""
        pages: list[Page] = []
        seen = {request.url}
        while len(pages) < most:
            page = await self._page(request)
            pages.append(page)
            if is_last(page) or page.next is None:
                break
            url = _following(request, page.next)
            if url is None or url in seen:
                break
            seen.add(url)
            request = replace(request, url=url)
        return pages

    async def _page(self, request: Request) -> Page:
        answer = await self.send(request)
        page = Page.parse(answer.parsed())
        if page is None:
            # Taking this for an empty list would make every device vanish.
            raise answer.unusable("no list in the answer")
        return page

    async def send(self, request: Request, rejected: frozenset[int] = _REJECTED) -> Answer:
        """Return an answer that was a success; a rejected token is renewed once, and the request sent once more.

        Nothing is sent while Ring asks to wait.
        """
        token = await self._token(request)
        answer = await self._exchange(request, token)
        if answer.status in rejected and not answer.is_html:
            token = await self._auth.async_renew(token)
            answer = await self._exchange(request, token)
            if answer.status in rejected and not answer.is_html:
                raise _refused(request, answer)
        if not 200 <= answer.status < 300 or answer.is_html:
            raise error_of(answer)
        return answer

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[Opened]:
        """Open an answer, whatever its status but 401: with a token, which is renewed once."""
        token = await self._token(request)
        async with self._transport.open(request, token) as opened:
            if opened.status not in _REJECTED:
                self._note(request, opened)
                yield opened
                return
        token = await self._auth.async_renew(token)
        async with self._transport.open(request, token) as opened:
            if opened.status in _REJECTED:
                raise _refused(request, opened)
            self._note(request, opened)
            yield opened

    @asynccontextmanager
    async def open_elsewhere(self, request: Request) -> AsyncIterator[Opened]:
        """Open an answer of a host that must never see the token."""
        async with self._transport.open(request) as opened:
            self._note_wait(request, opened)
            yield opened

    async def _token(self, request: Request) -> str:
        """Return the token to send a request with, if it may be sent: before a token is fetched, and after it."""
        self._check_wait(request)
        token = await self._auth.async_get_access_token()
        self._check_wait(request)
        return token

    def _check_wait(self, request: Request) -> None:
        if request.is_limited:
            self.limiter.check(request.label, request.device_id)

    def _note_wait(self, request: Request, answer: Answer | Opened) -> None:
        """Keep what Ring asks: too many requests are the private app's; "busy" is about what was asked for."""
        if answer.status not in _LATER and answer.status < 500:
            return
        if (wait := asked_to_wait(answer.status, answer.headers)) is None:
            return
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            self.limiter.extend_app(wait)
        else:
            self.limiter.extend(wait, request.device_id)

    async def _exchange(self, request: Request, token: str) -> Answer:
        answer = await self._transport.send(request, token)
        self._note(request, answer)
        return answer

    def _note(self, request: Request, answer: Answer | Opened) -> None:
        self._note_wait(request, answer)
        self.last_request_id = answer.request_id
        headers = answer.headers
        if "x-ratelimit-limit" in headers or "x-ratelimit-remaining" in headers:
            limit, remaining = (_count(headers.get(f"x-ratelimit-{name}", "")) for name in ("limit", "remaining"))
            self.rate_limit = RateLimit(limit, remaining)
        _LOGGER.debug("%s: %s, request id %s", request.label, answer.status, answer.request_id)


def _following(request: Request, link: str) -> URL | None:
    """Return where the next page is; None where the token must not go: the list then ends with the pages there are."""
    url = next_url(request.url, link)
    if url is None:
        _LOGGER.debug("%s: the next page is said to be somewhere else; it is left out", request.label)
    return url


def _refused(request: Request, answer: Answer | Opened) -> RingUnavailableError:
    """Return the error for a token that Ring issued a moment ago: only the token endpoint ends a link."""
    return RingUnavailableError(
        f"{request.label}: Ring refuses even a renewed token", status=answer.status, request_id=answer.request_id
    )


def error_of(answer: Answer) -> RingError:
    """Return what a status means to a caller; a body may be missing, or not be JSON."""
    if answer.is_html or answer.status in _LATER or not 400 <= answer.status < 500:
        return answer.unusable("no usable answer")
    errors = [as_object(error) for error in as_list(as_object(answer.parsed()).get("errors"))]
    titles = [title for error in errors if (title := as_text(error.get("title"))) is not None]
    message = f"{answer.label}: Ring answered {answer.status}{_plain(titles)}"
    status, request_id = answer.status, answer.request_id
    if status == 403:
        out_of_scope = any(title.casefold() == "out of scope access" for title in titles)
        return RingForbiddenError(message, status=status, request_id=request_id, out_of_scope=out_of_scope)
    if status == 404:
        return RingNotFoundError(message, status=status, request_id=request_id)
    first = errors[0] if errors else {}
    return RingRequestError(
        message,
        status=status,
        request_id=request_id,
        code=as_text(first.get("code")) or (titles[0] if titles else None),
        detail=as_text(first.get("detail")),
    )


def segment(device_id: str) -> str:
    """Return an id as one segment of a path, which dots alone would not be. Raises RingNotFoundError for those."""
    if not device_id.strip("."):
        raise RingNotFoundError("This is not the id of a device")
    return quote(device_id, safe="")


def _plain(titles: list[str]) -> str:
    """Return the first title if it is a few plain words, which no token, nonce or id is."""
    return f" ({titles[0]})" if titles and re.fullmatch(r"[A-Za-z]{1,15}( [A-Za-z]{1,15}){1,5}", titles[0]) else ""


def _count(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None
