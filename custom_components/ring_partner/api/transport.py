"""One HTTP exchange with Ring: bounded in time and size, never redirected, any failure a RingUnavailableError."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
import re
import time
from typing import Final

from aiohttp import (
    ClientConnectionError,
    ClientConnectorError,
    ClientError,
    ClientHandlerType,
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ServerDisconnectedError,
)
from yarl import URL

from .errors import RingAuthError, RingRateLimitError, RingUnavailableError
from .values import Json, JsonObject, parse_json

# As in manifest.json, which no code without Home Assistant can ask.
VERSION: Final = "0.1.0"
PRODUCT: Final = f"RingPartnerHomeAssistant/{VERSION}"
TIMEOUT: Final = ClientTimeout(total=30, connect=10)
BACKOFF_S: Final = 1.0
DEFAULT_RETRY_AFTER_S: Final = 60.0
LONGEST_WAIT_S: Final = 86_400.0

type Sleep = Callable[[float], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to send; `repeatable` requests are sent once more after a server error or a cut connection."""

    method: str
    url: URL
    label: str
    """What it is called in errors and logs: no ids, no query."""
    form: Mapping[str, str] | None = field(default=None, repr=False)
    json: JsonObject | None = field(default=None, repr=False)
    repeatable: bool = False
    max_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, read to its end."""

    label: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def request_id(self) -> str | None:
        """Ring's `x-request-id`, if it looks like one."""
        given = self.headers.get("x-request-id", "")
        return given if re.fullmatch(r"[\w.:=-]{1,128}", given, re.ASCII) else None

    @property
    def is_html(self) -> bool:
        """Whether something in front of Ring answered, instead of Ring."""
        return self.headers.get("content-type", "").startswith("text/html") or bool(re.match(rb"\s*<", self.body))

    def retry_after(self, now: float) -> float | None:
        """Return how many seconds from `now` (epoch seconds) Ring asks to wait: a number or an HTTP date."""
        wait = _retry_after(self.headers.get("retry-after", "").strip(), now)
        return None if wait is None else min(max(wait, 0.0), LONGEST_WAIT_S)

    def parsed(self) -> Json:
        """Return the body as JSON, or None when it is not JSON: Ring answers some errors with an empty body."""
        try:
            return parse_json(self.body)
        except ValueError:
            return None

    def unusable(self, why: str) -> RingUnavailableError:
        """Return the error for an answer that is no answer, or that asks to wait."""
        message = f"{self.label}: {why} (status {self.status})"
        wait = self.retry_after(time.time())
        if self.status == HTTPStatus.TOO_MANY_REQUESTS:
            wait = DEFAULT_RETRY_AFTER_S if wait is None else wait
            return RingRateLimitError(message, status=self.status, request_id=self.request_id, retry_after=wait)
        return RingUnavailableError(message, status=self.status, request_id=self.request_id, retry_after=wait)


class _CutConnectionError(RingUnavailableError):
    """The request may not have arrived."""


class Transport:
    """Sends requests over a session that others share."""

    def __init__(
        self, session: ClientSession, product: str, timeout: ClientTimeout, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._session = session
        # The edge before oauth.ring.com refuses the defaults of HTTP libraries.
        self._headers = {"User-Agent": product, "Accept": "application/json"}
        self._timeout = timeout
        self._sleep = sleep

    async def send(self, request: Request, access_token: str | None = None) -> Answer:
        """Return the answer, whatever its status. Raises RingUnavailableError when there is none."""
        headers = self._headers if access_token is None else self._headers | {"Authorization": _bearer(access_token)}
        if not request.repeatable:
            return await self._send_once(request, headers)
        try:
            answer = await self._send_once(request, headers)
        except _CutConnectionError:
            pass
        else:
            # A server that says when to come back is not asked again before.
            if answer.status < 500 or "retry-after" in answer.headers:
                return answer
        await self._sleep(BACKOFF_S)
        return await self._send_once(request, headers)

    async def _send_once(self, request: Request, headers: Mapping[str, str]) -> Answer:
        failure: RingUnavailableError
        try:
            return await self._exchange(request, headers)
        except TimeoutError as err:
            failure = RingUnavailableError(f"{request.label}: Ring took too long")
            failure.__cause__ = TimeoutError(type(err).__name__)
        except (ClientError, OSError) as err:
            failure = _CutConnectionError(f"{request.label}: the connection to Ring failed ({type(err).__name__})")
            failure.__cause__ = err if isinstance(err, ClientConnectorError) else ConnectionError(type(err).__name__)
        # Raised out here, mostly with a new cause: aiohttp's errors may show the URL, or the headers and so the token.
        raise failure

    async def _exchange(self, request: Request, headers: Mapping[str, str]) -> Answer:
        if self._session.closed:
            raise RingUnavailableError(f"{request.label}: the session is closed")
        async with self._session.request(
            request.method,
            request.url,
            headers=headers,
            data=request.form,
            json=request.json,
            timeout=self._timeout,
            allow_redirects=False,
            middlewares=(_sent_once,),
        ) as response:
            body = bytearray()
            async for chunk in response.content.iter_chunked(65_536):
                body += chunk
                if len(body) > request.max_bytes:
                    raise RingUnavailableError(f"{request.label}: the answer is too long", status=response.status)
            return Answer(label=request.label, status=response.status, headers=response.headers, body=bytes(body))


async def _sent_once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Keep aiohttp from repeating GET and DELETE by itself: it does so for just these two errors."""
    try:
        return await handler(request)
    except ClientConnectorError:
        raise
    except (ClientOSError, ServerDisconnectedError) as err:
        raise ClientConnectionError(type(err).__name__) from err


def is_header_safe(token: str) -> bool:
    """Return whether a token can travel in a header."""
    return bool(re.fullmatch(r"[!-~]+", token))


def _bearer(access_token: str) -> str:
    if not is_header_safe(access_token):
        raise RingAuthError("This is not an access token")
    return f"Bearer {access_token}"


def _retry_after(text: str, now: float) -> float | None:
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
        # "-0000" is UTC without saying so.
        return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).timestamp() - now
    except ValueError, TypeError, IndexError, OverflowError:
        return None
