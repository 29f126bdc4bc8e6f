"""What was asked of the cloud, for tests to count and for the page to show."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

CONNECTION_CUT = 0
_KEPT = 50_000


@dataclass(frozen=True, slots=True)
class Request:
    """One answered request; a status of 0 means that the connection was cut. The query is kept for `/v1` only."""

    time: float
    method: str
    path: str
    query: str
    status: int
    milliseconds: float
    user_agent: str


class Journal:
    """The newest requests to Ring's routes, oldest first."""

    def __init__(self) -> None:
        self._requests: deque[Request] = deque(maxlen=_KEPT)

    def __iter__(self) -> Iterator[Request]:
        return iter(self._requests)

    def __len__(self) -> int:
        return len(self._requests)

    def __getitem__(self, index: int) -> Request:
        return self._requests[index]

    def add(self, request: Request) -> None:
        """Remember a request."""
        self._requests.append(request)

    def clear(self) -> None:
        """Forget everything so far."""
        self._requests.clear()

    def count(self, method: str = "*", path: str = "*", status: int | None = None) -> int:
        """Count the requests that match; `method` and `path` are patterns such as `/v1/devices*`."""
        return sum(
            fnmatchcase(request.method, method) and fnmatchcase(request.path, path) and status in (None, request.status)
            for request in self._requests
        )
