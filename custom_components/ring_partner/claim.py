"""An account that Ring has given tokens for, and which no entry holds yet."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
import time
from typing import Any, Self

from homeassistant.const import CONF_TOKEN

from .api import FRESH_S, RingError, Token, User, is_fresh

# Shorter than any access token lives, so that an unclaimed one never needs a refresh.
UNCLAIMED_SECONDS = 3600


@dataclass(slots=True, eq=False)
class Claim:
    """An account whose owner enabled the app, and which no entry holds yet.

    It can be linked once the owner's browser has brought a nonce. It stays with the listener until a submit uses it.
    """

    user: User
    token: Token = field(repr=False)
    received: float
    nonce: str = field(default="", repr=False)
    time_ms: str = field(default="", repr=False)
    is_confirmed: bool = False
    """Whether Ring has taken the nonce: what is left to do may be repeated at any time."""
    maybe_confirmed: bool = False
    """Whether Ring may have taken the nonce: its answer got lost."""
    arrived: float = 0.0
    """When the browser came, in epoch seconds."""
    is_expected: bool = False
    """Whether a dialog waited for this account when the browser came."""
    dialogs: set[str] = field(default_factory=set)
    """The flows that show it."""
    ended: str | None = None
    """Why it can no longer be used: the reason that a dialog ends with."""

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Read what `as_dict` wrote. Raises one of many errors where it is odd."""
        user = {item.name: stored["user"].get(item.name) for item in fields(User)}
        if not all(isinstance(value, str | None) for value in user.values()) or user["id"] is None:
            raise TypeError("This is no account")
        return cls(
            User(**user),
            Token.from_dict(stored[CONF_TOKEN]),
            float(stored["received"]),
            nonce=str(stored.get("nonce", "")),
            time_ms=str(stored.get("time", "")),
            is_confirmed=stored.get("confirmed") is True,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return what a restart must not lose. It holds the secrets."""
        return {
            "user": asdict(self.user),
            CONF_TOKEN: self.token.as_dict(),
            "received": self.received,
            "nonce": self.nonce,
            "time": self.time_ms,
            "confirmed": self.is_confirmed,
        }

    @property
    def is_ready(self) -> bool:
        """Whether it can be linked now: Ring accepts the nonce, or has accepted it."""
        fresh = self.nonce != "" and is_fresh(self.time_ms, time.time())
        return self.ended is None and time.time() < self.ends_at and (self.is_confirmed or fresh)

    @property
    def ends_at(self) -> float:
        """When its token is given up, in epoch seconds."""
        return max(self.received + UNCLAIMED_SECONDS, self.arrived + FRESH_S)


class NonceMismatchError(RingError):
    """A browser came with a nonce that fits no account: the signing key is another app's, or the code never came."""
