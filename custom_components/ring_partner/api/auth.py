"""Tokens: what they are, where they come from, and what the client asks of whoever keeps them."""

from abc import ABC, abstractmethod
import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
import re
import time
from typing import Final, Self, override

from aiohttp import ClientSession, ClientTimeout

from .errors import RingAuthError, RingClientCredentialsError, RingError, RingRequestError, RingUnavailableError
from .hosts import RingHosts
from .rate_limit import RateLimiter
from .transport import PRODUCT, Answer, Request, Transport, asked_to_wait, is_header_safe
from .values import Json, as_number, as_object, as_text, as_whole, parse_json

ACCESS_TOKEN_S: Final = 14_400
PLAYGROUND_TOKEN_S: Final = 1_800
PLAYGROUND_SCOPE: Final = "ava.v1:read"
_LONGEST_TOKEN_S: Final = 366 * 86_400
_MAX_BYTES: Final = 65_536
_MADE_UP_CODE: Final = "home-assistant-checks-the-client-only"
# An answer may hold the only copy of a new refresh token: it is waited for as long as a proxy would.
TOKEN_TIMEOUT: Final = ClientTimeout(total=300, connect=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A pair of tokens; `expires_at` is in epoch seconds, `lifetime` in seconds. Its repr shows neither token."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_at: float
    scope: str = ""
    token_type: str = "Bearer"
    lifetime: int = ACCESS_TOKEN_S

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes, which Ring separates by spaces."""
        return frozenset(self.scope.split())

    def expires_in(self, now: float) -> float:
        """Return the seconds left at `now` (epoch seconds); negative once expired."""
        return self.expires_at - now

    @classmethod
    def from_response(cls, data: Json, now: float) -> Self:
        """Read the token endpoint's answer, received at `now` (epoch seconds).

        Raises RingUnavailableError without a usable access token.
        """
        answer = as_object(data)
        access_token = _token_text(answer.get("access_token"))
        if access_token is None:
            raise RingUnavailableError("Ring's token endpoint answered without a token")
        lifetime = _lifetime(answer.get("expires_in"))
        return cls(
            access_token=access_token,
            refresh_token=_token_text(answer.get("refresh_token")),
            expires_at=now + lifetime,
            scope=as_text(answer.get("scope")) or "",
            token_type=as_text(answer.get("token_type")) or "Bearer",
            lifetime=lifetime,
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Json]) -> Self:
        """Read what `as_dict` wrote. Raises RingAuthError when it holds no access token."""
        access_token = _token_text(data.get("access_token"))
        if access_token is None:
            raise RingAuthError("The stored token is unusable")
        return cls(
            access_token=access_token,
            refresh_token=_token_text(data.get("refresh_token")),
            # A time that cannot be read counts as past: the next use refreshes.
            expires_at=as_number(data.get("expires_at")) or 0.0,
            scope=as_text(data.get("scope")) or "",
            token_type=as_text(data.get("token_type")) or "Bearer",
            lifetime=_lifetime(data.get("expires_in")),
        )

    def as_dict(self) -> dict[str, str | int | float | None]:
        """Return the OAuth shape that Home Assistant stores. It holds the secrets."""
        return {
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "expires_in": self.lifetime,
            "expires_at": self.expires_at,
            "scope": self.scope,
            "token_type": self.token_type,
        }

    @classmethod
    def playground(cls, access_token: str, now: float) -> Self:
        """Make a token of what the Developers Playground shows: no refresh token, its end in a claim, or 30 minutes.

        Raises RingAuthError when the text cannot be a token.
        """
        text = _token_text(access_token)
        if text is None:
            raise RingAuthError("This is not an access token")
        claims = as_object(_claims(text))
        expires_at = as_number(claims.get("exp"), low=1, high=now + _LONGEST_TOKEN_S)
        return cls(
            access_token=text,
            expires_at=now + PLAYGROUND_TOKEN_S if expires_at is None else expires_at,
            scope=PLAYGROUND_SCOPE,
            lifetime=PLAYGROUND_TOKEN_S,
        )


class AbstractAuth(ABC):
    """Whoever keeps the tokens of one account; the client asks it before every request."""

    @abstractmethod
    async def async_get_access_token(self) -> str:
        """Return an access token that should be valid. Raises RingError when there is none to be had."""

    @abstractmethod
    async def async_renew(self, rejected: str) -> str:
        """Return another access token, because Ring answered 401 for `rejected`.

        Many requests can be rejected at once: when `rejected` has been replaced meanwhile, return what replaced it.
        Raises RingAuthError when the link is lost.
        """


class StaticAuth(AbstractAuth):
    """One access token and no way to renew it: for the calls made while linking."""

    def __init__(self, access_token: str) -> None:
        self._access_token = access_token

    @override
    async def async_get_access_token(self) -> str:
        return self._access_token

    @override
    async def async_renew(self, rejected: str) -> str:
        raise RingAuthError("Ring does not accept this access token")


class OAuthClient:
    """Ring's token endpoint, for one Ring app (Ring's "Authentication" page).

    Nothing is ever sent twice: a code works once, and a refresh token may have been replaced although no answer came.
    """

    def __init__(
        self,
        session: ClientSession,
        hosts: RingHosts,
        client_id: str,
        client_secret: str,
        *,
        limiter: RateLimiter | None = None,
        product: str = PRODUCT,
        timeout: ClientTimeout = TOKEN_TIMEOUT,
    ) -> None:
        self.limiter = limiter or RateLimiter()
        self._transport = Transport(session, product, timeout)
        self._url = hosts.token_url
        self._credentials = {"client_id": client_id, "client_secret": client_secret}

    async def exchange_code(self, code: str, code_verifier: str | None = None) -> Token:
        """Return the tokens for an authorization code; `code_verifier` belongs to partner-initiated linking (PKCE).

        Raises RingAuthError for a code that is used, expired or foreign (60 s from the Ring app, 10 min otherwise),
        RingClientCredentialsError, RingRequestError, or RingUnavailableError.
        """
        grant = {"grant_type": "authorization_code", "code": code}
        return await self._request(grant if code_verifier is None else grant | {"code_verifier": code_verifier})

    async def refresh(self, refresh_token: str) -> Token:
        """Return a new pair of tokens; the refresh token given may be dead from now on.

        Raises RingAuthError when it was dead before, RingClientCredentialsError, RingRequestError, or
        RingUnavailableError (an outage, during which it may still have been replaced).
        """
        token = await self._request({"grant_type": "refresh_token", "refresh_token": refresh_token})
        # RFC 6749 section 6: an answer without a refresh token leaves the old one in force.
        return token if token.refresh_token is not None else replace(token, refresh_token=refresh_token)

    async def refuses_client(self) -> bool:
        """Return whether Ring refuses the client id and secret, by one request with a made-up code.

        Only OAuth's `invalid_client` (RFC 6749 section 5.2) is a refusal: Ring titles any 401 "Invalid Client", and has
        published no error table. Raises RingUnavailableError when there is no answer.
        """
        answer = await self._send({"grant_type": "authorization_code", "code": _MADE_UP_CODE})
        return as_object(answer.parsed()).get("error") == "invalid_client"

    async def _request(self, grant: Mapping[str, str]) -> Token:
        answer = await self._send(grant)
        if _is_outage(answer):
            raise answer.unusable("no token")
        body = answer.parsed()
        if (code := _error_code(body)) is not None:
            raise _refusal(answer, code)
        if answer.status != 200:
            raise answer.unusable("no token, and no error of OAuth")
        return Token.from_response(body, time.time())

    async def _send(self, grant: Mapping[str, str]) -> Answer:
        """Return the answer, unless Ring asks to wait."""
        request = Request(
            method="POST",
            url=self._url,
            label="Ring's token endpoint",
            form={**grant, **self._credentials},
            max_bytes=_MAX_BYTES,
        )
        self.limiter.check(request.label)
        answer = await self._transport.send(request)
        if _is_outage(answer) and (wait := asked_to_wait(answer.status, answer.headers)) is not None:
            self.limiter.extend(wait)
        return answer


# RFC 6749 section 5.2, by what the user has to do.
_LOST: Final[Mapping[str, type[RingError]]] = {
    "invalid_grant": RingAuthError,
    # Of RFC 6750, where a server speaks of the refresh token in those words.
    "invalid_token": RingAuthError,
    "invalid_client": RingClientCredentialsError,
    "unauthorized_client": RingClientCredentialsError,
}


def _is_outage(answer: Answer) -> bool:
    """Whether the request did not get through, or came too often, whatever else the answer says."""
    return answer.status in (408, 429) or answer.status >= 500


def _refusal(answer: Answer, code: str) -> RingError:
    """Return what OAuth's own error code means, whatever the status it came with."""
    message = f"Ring's token endpoint refused: {code if code in _LOST else 'error'}"
    if (error := _LOST.get(code)) is not None:
        return error(message, status=answer.status, request_id=answer.request_id)
    return RingRequestError(message, status=answer.status, request_id=answer.request_id, code=code)


def _error_code(body: Json) -> str | None:
    """Return OAuth's error code. Ring's other APIs have `errors`, whose titles say "Invalid Client" of any 401."""
    answer = as_object(body)
    code = as_text(answer.get("error"))
    return None if code is None or "access_token" in answer else code.lower()


def _token_text(value: Json) -> str | None:
    text = value.strip() if isinstance(value, str) else ""
    return text if is_header_safe(text) else None


def _lifetime(value: Json) -> int:
    """Return the seconds a token lives; Ring's four hours when it does not say so."""
    number: Json = int(value) if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value) else value
    return as_whole(number, 1, _LONGEST_TOKEN_S) or ACCESS_TOKEN_S


def _claims(jwt: str) -> Json:
    """Return what a JWT says of itself, unverified; None when it is no JWT."""
    _, _, rest = jwt.partition(".")
    payload = rest.partition(".")[0]
    try:
        return parse_json(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        return None
