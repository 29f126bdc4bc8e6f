"""Ring's rate limit: so many requests per second for each client id."""

from .clock import Clock

REQUESTS_PER_SECOND = 100


class Limits:
    """Counts requests per client id and second of the cloud's clock."""

    def __init__(self, clock: Clock) -> None:
        self.per_second = REQUESTS_PER_SECOND
        self._clock = clock
        self._second = 0
        self._taken: dict[str, int] = {}

    def take(self, client_id: str) -> bool:
        """Count a request; False when it is one too many."""
        self._roll()
        self._taken[client_id] = self._taken.get(client_id, 0) + 1
        return self._taken[client_id] <= self.per_second

    def headers(self, client_id: str | None) -> dict[str, str]:
        """Return the headers that tell a client where it stands."""
        self._roll()
        taken = self._taken.get(client_id, 0) if client_id else 0
        remaining = max(0, self.per_second - taken)
        return {"X-RateLimit-Limit": str(self.per_second), "X-RateLimit-Remaining": str(remaining)}

    def _roll(self) -> None:
        second = int(self._clock.time())
        if second != self._second:
            self._second = second
            self._taken.clear()
