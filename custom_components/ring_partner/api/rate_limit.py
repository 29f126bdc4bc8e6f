"""The rate limit: what Ring asked with Retry-After, kept for everything that could be sent meanwhile."""

import asyncio
from collections.abc import Callable
from typing import Final

from .errors import RingRateLimitError, RingUnavailableError

_WHOLE: Final = ""


class RateLimiter:
    """How long one account has to wait: as part of its private app, for itself, or for one of its devices.

    Times are those of the event loop, which do not jump with the clock of the computer.
    """

    def __init__(self, app: RateLimiter | None = None) -> None:
        """Allow everything; `app` is the limiter of the private app, which all of its accounts share."""
        self._app = app
        self._until: dict[str, float] = {}
        self._listeners: list[Callable[[], None]] = []

    def seconds_to_wait(self, device_id: str = _WHOLE) -> float:
        """Return the seconds until a request may be sent; 0 if it may be sent now."""
        until = max(self._until.get(_WHOLE, 0.0), self._until.get(device_id, 0.0))
        own = max(until - asyncio.get_running_loop().time(), 0.0)
        return own if self._app is None else max(own, self._app.seconds_to_wait())

    def check(self, label: str, device_id: str = _WHOLE) -> None:
        """Raise RingRateLimitError while the account has to wait, RingUnavailableError while the device has to."""
        message = f"{label}: not sent, because Ring asked to wait"
        if (wait := self.seconds_to_wait()) > 0:
            raise RingRateLimitError(message, retry_after=wait)
        if (wait := self.seconds_to_wait(device_id)) > 0:
            raise RingUnavailableError(message, status=503, retry_after=wait)

    def extend(self, seconds: float, device_id: str = _WHOLE) -> None:
        """Wait so long from now on; of several requests to wait the longest counts."""
        now = asyncio.get_running_loop().time()
        self._until = {key: until for key, until in self._until.items() if until > now}
        self._until[device_id] = max(self._until.get(device_id, 0.0), now + seconds)
        for listener in list(self._listeners):
            listener()

    def extend_app(self, seconds: float) -> None:
        """Let all accounts of the private app wait: too many requests are the app's, whoever sent them."""
        (self._app or self).extend(seconds)

    def add_listener(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` when this account or its app has to wait; return what ends that."""
        limiters = [self] if self._app is None else [self, self._app]
        for limiter in limiters:
            limiter._listeners.append(listener)  # noqa: SLF001

        def remove() -> None:
            for limiter in limiters:
                limiter._listeners.remove(listener)  # noqa: SLF001

        return remove


class AppRateLimits:
    """The limiters of one private app: of its accounts, and of the token endpoint.

    Ring allows an app so many requests a second over all endpoints, so a token request waits for the app, too. What the
    token endpoint asks concerns only itself: it is another host, and the access tokens are valid meanwhile.
    """

    def __init__(self) -> None:
        """Allow everything."""
        self._app = RateLimiter()
        self._accounts: dict[str, RateLimiter] = {}
        self.tokens = RateLimiter(self._app)

    def account(self, account_id: str = "") -> RateLimiter:
        """Return the limiter of an account, or that of the requests made before the account is known."""
        return self._accounts.setdefault(account_id, RateLimiter(self._app))
