"""What was asked of the media origin: above all, whether anybody sent it a token."""

from dataclasses import dataclass

from .journal import Journal, Request


@dataclass(frozen=True, slots=True)
class MediaRequest(Request):
    """A request to the media origin; of its query the security token is left out."""

    bearer: bool
    range: str | None


class MediaJournal(Journal):
    """The newest requests to the media origin, oldest first."""

    @property
    def with_bearer(self) -> int:
        """Return how many carried an Authorization header."""
        return sum(isinstance(request, MediaRequest) and request.bearer for request in self)
