"""Authorization codes, access tokens, refresh tokens and their rotation."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
import hashlib
import hmac
import json

from .clock import Clock
from .ids import base64url, secret_text
from .model import Account, App, Device, Flow
from .switches import RefreshLifetime, Switches
from .values import JsonObject

SCOPE = "ava.v1:read"
ACCESS_LIFETIME = 14400.0
REFRESH_LIFETIME = 30 * 86400.0
PLAYGROUND_LIFETIME = 1800.0
# So long after its end a code or a token is still known for what it was; then it is as unknown as any other text.
REMEMBERED = 86400.0
SECRETS_KEPT = 50_000
_FORGET_EVERY = 3600.0
CODE_LIFETIMES = {Flow.ONE_WAY: 60.0, Flow.PARTNER: 600.0}


class OAuthError(Exception):
    """A refusal of the token endpoint (RFC 6749, section 5.2)."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.status = status


class Rotation(StrEnum):
    """When an old refresh token dies: on use, or once its successor is first used."""

    STRICT = "strict"
    GRACE = "grace"


@dataclass(slots=True, eq=False)
class Grant:
    """What an account allowed an app; all tokens that descend from one code belong to one grant."""

    account: Account
    app: App | None
    flow: Flow
    began: float
    revoked: bool = False
    refreshes: int = 0
    playground_devices: tuple[Device, ...] = ()

    @property
    def client_id(self) -> str:
        """Return whose requests these are, for rate limiting."""
        return self.app.client_id if self.app else "playground"


@dataclass(slots=True, eq=False)
class _Code:
    account: Account
    app: App
    flow: Flow
    expires_at: float
    challenge: str | None = field(repr=False)
    spent: bool = False
    grant: Grant | None = None


@dataclass(slots=True, eq=False)
class _RefreshToken:
    grant: Grant
    expires_at: float
    parent: _RefreshToken | None = None
    spent: bool = False


@dataclass(slots=True, eq=False)
class _AccessToken:
    grant: Grant
    expires_at: float
    parent: _RefreshToken | None = None


class Grants:
    """The codes and tokens of the cloud: those that are alive, and for a while those that were."""

    def __init__(self, clock: Clock, switches: Switches) -> None:
        self.switches = switches
        self.rotation: Rotation | str = Rotation.STRICT
        self.reuse_revokes = True
        self.access_lifetime = ACCESS_LIFETIME
        self.refresh_lifetime = REFRESH_LIFETIME
        self._clock = clock
        self._lifetimes: dict[tuple[Account, App], float] = {}
        self._codes: dict[str, _Code] = {}
        self._access: dict[str, _AccessToken] = {}
        self._refresh: dict[str, _RefreshToken] = {}
        self._made: deque[str] = deque(maxlen=SECRETS_KEPT)
        self._forget_at = 0.0

    def secrets(self) -> frozenset[str]:
        """Return every code and token made, up to a bearable number, for tests that search logs for them."""
        return frozenset((*self._codes, *self._access, *self._refresh, *self._made))

    def _new_secret(self) -> str:
        self._forget()
        secret = secret_text()
        self._made.append(secret)
        return secret

    def _forget(self) -> None:
        """Drop what ended long ago: presenting it again is answered like presenting what never was."""
        now = self._clock.time()
        if now < self._forget_at:
            return
        self._forget_at = now + _FORGET_EVERY
        oldest = now - REMEMBERED
        self._codes = {text: code for text, code in self._codes.items() if code.expires_at > oldest}
        self._access = {text: token for text, token in self._access.items() if token.expires_at > oldest}
        self._refresh = {text: token for text, token in self._refresh.items() if token.expires_at > oldest}

    # Codes

    def new_code(self, account: Account, app: App, flow: Flow, challenge: str | None = None) -> str:
        """Return a single-use authorization code."""
        code = self._new_secret()
        expires_at = self._clock.time() + CODE_LIFETIMES[flow]
        self._codes[code] = _Code(account, app, flow, expires_at, challenge)
        return code

    def exchange(self, app: App, code: str, verifier: str | None) -> JsonObject:
        """Turn a code into tokens, once."""
        known = self._codes.get(code)
        if known is None or known.app is not app:
            raise OAuthError("invalid_grant", "authorization code is invalid")
        if known.spent:
            # RFC 6749, 4.1.2: somebody else may hold what the code was exchanged for.
            if known.grant:
                known.grant.revoked = True
            raise OAuthError("invalid_grant", "authorization code was already used")
        if self._clock.time() >= known.expires_at:
            raise OAuthError("invalid_grant", "authorization code has expired")
        self._check_verifier(known, verifier)
        known.spent = True
        known.grant = Grant(known.account, app, known.flow, self._clock.time())
        return self._token_response(known.grant, None)

    @staticmethod
    def _check_verifier(code: _Code, verifier: str | None) -> None:
        if (code.challenge is None) != (verifier is None):
            raise OAuthError("invalid_request", "code_verifier is required if, and only if, there was a challenge")
        if code.challenge is None or verifier is None:
            return
        digest = base64url(hashlib.sha256(verifier.encode(errors="surrogatepass")).digest())
        if not hmac.compare_digest(digest, code.challenge):
            code.spent = True
            raise OAuthError("invalid_grant", "code_verifier does not match")

    # Tokens

    def new_grant(self, account: Account, app: App, flow: Flow) -> JsonObject:
        """Return the token response of a grant made without a code."""
        return self._token_response(Grant(account, app, flow, self._clock.time()), None)

    def refresh(self, app: App, token: str) -> JsonObject:
        """Rotate: answer a new pair; what the old refresh token is worth from now on depends on `rotation`."""
        known = self._refresh.get(token)
        if known is None or known.grant.app is not app or known.grant.revoked:
            raise OAuthError("invalid_grant", "refresh token is invalid")
        if known.spent:
            known.grant.revoked = self.reuse_revokes
            raise OAuthError("invalid_grant", "refresh token was already used")
        if self._clock.time() >= self._end(known):
            raise OAuthError("invalid_grant", "refresh token has expired")
        self._confirm_receipt(known)
        known.spent = Rotation(self.rotation) is Rotation.STRICT
        known.grant.refreshes += 1
        if self.switches.refresh_ends_access:
            self._end_access(token for token in self._access.values() if token.grant is known.grant)
        return self._token_response(known.grant, known)

    def _end(self, token: _RefreshToken) -> float:
        absolute = RefreshLifetime(self.switches.refresh_lifetime) is RefreshLifetime.ABSOLUTE
        return min(token.expires_at, token.grant.began + self.refresh_lifetime) if absolute else token.expires_at

    @staticmethod
    def _confirm_receipt(used: _AccessToken | _RefreshToken) -> None:
        """The first use of a pair proves that it arrived: its predecessor is of no more use to its owner."""
        if used.parent:
            used.parent.spent = True
            # Nor to anybody else: without this each token would hold on to all that were before it.
            used.parent = None

    def _token_response(self, grant: Grant, parent: _RefreshToken | None) -> JsonObject:
        now = self._clock.time()
        lifetime = self.access_lifetime
        if grant.app:
            lifetime = self._lifetimes.get((grant.account, grant.app), lifetime)
        access_token, refresh_token = self._new_secret(), self._new_secret()
        self._access[access_token] = _AccessToken(grant, now + lifetime, parent)
        self._refresh[refresh_token] = _RefreshToken(grant, now + self.refresh_lifetime, parent)
        return {
            "access_token": access_token,
            "refresh_token": refresh_token,
            "scope": SCOPE,
            "expires_in": int(lifetime),
            "token_type": "Bearer",
        }

    def playground_token(self, account: Account, device: Device) -> str:
        """Return a token as the developers' playground gives out: half an hour, no refresh, one device."""
        now = self._clock.time()
        claims = {
            "iss": "RingOauthService-local:us-east-1:playground",
            "iat": int(now),
            "exp": int(now + PLAYGROUND_LIFETIME),
            "scopes": [SCOPE],
            "jti": secret_text(),
        }
        parts = ({"alg": "RS256", "typ": "JWT"}, claims)
        token = ".".join((*(base64url(json.dumps(part).encode()) for part in parts), secret_text()))
        self._made.append(token)
        grant = Grant(account, None, Flow.PLAYGROUND, now, playground_devices=(device,))
        self._access[token] = _AccessToken(grant, now + PLAYGROUND_LIFETIME)
        return token

    def authenticate(self, token: str) -> Grant | None:
        """Return the grant of a live access token."""
        known = self._access.get(token)
        if known is None or known.grant.revoked or self._clock.time() >= known.expires_at:
            return None
        self._confirm_receipt(known)
        return known.grant

    # What the user and the weather do

    def set_lifetime(self, account: Account, app: App, seconds: float) -> None:
        """Give access tokens minted from now on another lifetime."""
        self._lifetimes[account, app] = seconds

    def expire_access(self, account: Account, app: App) -> None:
        """Let the access tokens expire now; refresh tokens live on."""
        self._end_access(self._access_tokens(account, app))

    def _end_access(self, tokens: Iterable[_AccessToken]) -> None:
        now = self._clock.time()
        for token in tokens:
            token.expires_at = min(token.expires_at, now)

    def revoke_refresh(self, account: Account, app: App) -> None:
        """Kill the refresh tokens; access tokens live out their time."""
        for token in self._refresh.values():
            if token.grant.account is account and token.grant.app is app:
                token.expires_at = min(token.expires_at, self._clock.time())

    def revoke(self, account: Account, app: App) -> None:
        """Kill every code and token of this account and app."""
        for code in self._codes.values():
            if code.account is account and code.app is app:
                code.expires_at = min(code.expires_at, self._clock.time())
        for token in self._refresh.values():
            if token.grant.account is account and token.grant.app is app:
                token.grant.revoked = True

    def access_expires_at(self, account: Account, app: App) -> float | None:
        """Return when the newest live access token ends."""
        return max((token.expires_at for token in self._access_tokens(account, app)), default=None)

    def refreshes(self, account: Account, app: App) -> int:
        """Return how often tokens of the live grants were refreshed."""
        grants = {token.grant for token in self._access.values()} | {token.grant for token in self._refresh.values()}
        return sum(
            grant.refreshes for grant in grants if grant.account is account and grant.app is app and not grant.revoked
        )

    def _access_tokens(self, account: Account, app: App) -> Iterator[_AccessToken]:
        for token in self._access.values():
            if token.grant.account is account and token.grant.app is app and not token.grant.revoked:
                yield token
