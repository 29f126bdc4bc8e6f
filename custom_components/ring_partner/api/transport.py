"""One HTTP exchange with Ring: bounded in time and size, never redirected, any failure a RingUnavailableError."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
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
# Not just any "<": an encrypted picture may begin with that.
_HTML: Final = re.compile(rb"\s*<(?:!doctype|html|head|body|\?xml)", re.IGNORECASE)
# A long clip takes its time; only silence is a failure.
STREAM_TIMEOUT: Final = ClientTimeout(total=None, connect=10, sock_read=30)
BACKOFF_S: Final = 1.0
DEFAULT_RETRY_AFTER_S: Final = 60.0
LONGEST_WAIT_S: Final = 86_400.0
_CHUNK_BYTES: Final = 65_536

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
    sdp: str | None = field(default=None, repr=False)
    accept: str = "application/json"
    first_byte: int = 0
    """From where on a file is wanted; the answer may hold all of it, all the same."""
    repeatable: bool = False
    device_id: str = ""
    """The device it is about, if it is about one: "busy" then concerns that device only."""
    is_limited: bool = True
    """Whether it is held back while Ring asks to wait."""
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
        return _request_id(self.headers)

    @property
    def is_html(self) -> bool:
        """Whether something in front of Ring answered, instead of Ring."""
        return self.headers.get("content-type", "").startswith("text/html") or bool(_HTML.match(self.body))

    def parsed(self) -> Json:
        """Return the body as JSON, or None when it is not JSON: Ring answers some errors with an empty body."""
        try:
            return parse_json(self.body)
        except ValueError:
            return None

    def unusable(self, why: str) -> RingUnavailableError:
        """Return the error for an answer that is no answer, or that asks to wait."""
        message = f"{self.label}: {why} (status {self.status})"
        wait = asked_to_wait(self.status, self.headers)
        if self.status == HTTPStatus.TOO_MANY_REQUESTS and wait is not None:
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
        self._product = product
        self._timeout = timeout
        self._sleep = sleep

    async def send(self, request: Request, access_token: str | None = None) -> Answer:
        """Return the answer, whatever its status. Raises RingUnavailableError when there is none."""
        if not request.repeatable:
            return await self._send_once(request, access_token)
        try:
            answer = await self._send_once(request, access_token)
        except _CutConnectionError:
            pass
        else:
            # A server that says when to come back is not asked again before.
            if answer.status < 500 or "retry-after" in answer.headers:
                return answer
        await self._sleep(BACKOFF_S)
        return await self._send_once(request, access_token)

    async def _send_once(self, request: Request, access_token: str | None) -> Answer:
        async with self.open(request, access_token, self._timeout) as opened:
            return await opened.read(request.max_bytes)

    @asynccontextmanager
    async def open(
        self, request: Request, access_token: str | None = None, limits: ClientTimeout = STREAM_TIMEOUT
    ) -> AsyncIterator[Opened]:
        """Open an answer, whatever its status, to be read piece by piece; nothing is repeated.

        Raises RingUnavailableError when there is none.
        """
        headers = {"User-Agent": self._product, "Accept": request.accept}
        if access_token is not None:
            headers["Authorization"] = _bearer(access_token)
        if request.sdp is not None:
            headers["Content-Type"] = "application/sdp"
        if request.first_byte:
            headers["Range"] = f"bytes={request.first_byte}-"
        if self._session.closed:
            raise RingUnavailableError(f"{request.label}: the session is closed")
        with _failures(request.label):
            response = await self._session.request(
                request.method,
                request.url,
                headers=headers,
                data=request.form if request.sdp is None else request.sdp.encode(),
                json=request.json,
                timeout=limits,
                allow_redirects=False,
                middlewares=(_sent_once,),
            )
        async with response:
            yield Opened(request.label, response)


class Opened:
    """An answer of which only the head has been read."""

    def __init__(self, label: str, response: ClientResponse) -> None:
        self._label = label
        self._content = response.content
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers

    @property
    def request_id(self) -> str | None:
        """Ring's `x-request-id`, if it looks like one."""
        return _request_id(self.headers)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives. Raises RingUnavailableError when it breaks off."""
        while True:
            with _failures(self._label):
                chunk = await self._content.read(_CHUNK_BYTES)
            if not chunk:
                return
            yield chunk

    async def read(self, max_bytes: int) -> Answer:
        """Return the whole. Raises RingUnavailableError when it breaks off, or is longer than `max_bytes`."""
        body = bytearray()
        async for chunk in self.chunks():
            body += chunk
            if len(body) > max_bytes:
                raise RingUnavailableError(f"{self._label}: the answer is too long", status=self.status)
        return Answer(label=self._label, status=self.status, headers=self.headers, body=bytes(body))


@contextmanager
def _failures(label: str) -> Iterator[None]:
    """Turn what aiohttp raises into errors that show no URL and no header."""
    failure: RingUnavailableError
    try:
        yield
        return
    except TimeoutError as err:
        failure = RingUnavailableError(f"{label}: Ring took too long")
        failure.__cause__ = TimeoutError(type(err).__name__)
    except (ClientError, OSError) as err:
        failure = _CutConnectionError(f"{label}: the connection to Ring failed ({type(err).__name__})")
        failure.__cause__ = err if isinstance(err, ClientConnectorError) else ConnectionError(type(err).__name__)
    # Raised out here, mostly with a new cause: aiohttp's errors may show the URL, or the headers and so the token.
    raise failure


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


def _request_id(headers: Mapping[str, str]) -> str | None:
    given = headers.get("x-request-id", "")
    return given if re.fullmatch(r"[\w.:=-]{1,128}", given, re.ASCII) else None


def asked_to_wait(status: int, headers: Mapping[str, str]) -> float | None:
    """Return how many seconds Ring asks to wait, at most a day; after 429 it is a minute where Ring does not say."""
    wait = _retry_after(headers.get("retry-after", "").strip(), headers.get("date", ""))
    if wait is None:
        return DEFAULT_RETRY_AFTER_S if status == HTTPStatus.TOO_MANY_REQUESTS else None
    return min(max(wait, 0.0), LONGEST_WAIT_S)


def _retry_after(text: str, date: str) -> float | None:
    """Read a number of seconds, or an HTTP date, which counts from the date of the answer: our clock may be wrong."""
    if re.fullmatch(r"[0-9]+", text):
        return float(text)
    if (until := _moment(text)) is None:
        return None
    sent = _moment(date)
    return until - (time.time() if sent is None else sent)


def _moment(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        # "-0000" is UTC without saying so.
        return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).timestamp()
    except ValueError, TypeError, IndexError, OverflowError:
        return None
