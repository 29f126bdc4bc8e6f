"""What can go wrong: one base, and one class for each way a caller reacts.

Texts name a status and a reason, never a token, a URL with its query, or a body; the original error is the `__cause__`.
"""


class RingError(Exception):
    """Base of everything this package raises.

    `status` is Ring's HTTP status when there was an answer; `request_id` is Ring's `x-request-id`, to quote to support.
    """

    def __init__(self, message: str, *, status: int | None = None, request_id: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id


class RingAuthError(RingError):
    """The link is lost: the user has to link again."""


class RingClientCredentialsError(RingAuthError):
    """Ring does not know this client id and secret: the credentials have to be corrected."""


class RingUnavailableError(RingError):
    """No usable answer: an outage, an edge's HTML page, garbage, a timeout. Try later.

    `retry_after` is the number of seconds Ring asks to wait, when it says so.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, status=status, request_id=request_id)
        self.retry_after = retry_after


class RingRateLimitError(RingUnavailableError):
    """Too many requests; `retry_after` is always set."""


class RingForbiddenError(RingError):
    """Not allowed, and only this: the link is fine.

    `out_of_scope` is true when the app lacks the permission group that the request needs.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        out_of_scope: bool = False,
    ) -> None:
        super().__init__(message, status=status, request_id=request_id)
        self.out_of_scope = out_of_scope


class RingNotFoundError(RingError):
    """Ring does not know this device, link or route (any more)."""


class RingRequestError(RingError):
    """Our request is wrong, and repeating it would not help.

    `code` and `detail` are Ring's own words; `detail` may echo what was sent, so it belongs in no log.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        code: str | None = None,
        detail: str | None = None,
    ) -> None:
        super().__init__(message, status=status, request_id=request_id)
        self.code = code
        self.detail = detail


class RingMediaError(RingError):
    """There is no picture or clip to be had; `code` is Ring's word for it."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message, status=status, request_id=request_id)
        self.code = code


class RingMediaNotFoundError(RingMediaError):
    """Nothing was recorded at that time; of something that has just happened it may only not be stored yet."""


class RingMediaNotReadyError(RingMediaError):
    """It was recorded and is not ready yet: ask again within seconds."""


class RingMediaUnreadableError(RingMediaError):
    """It cannot be read: damaged, or encrypted so that only the user's phone can."""


class RingMediaTooEarlyError(RingMediaError):
    """It is from before the user allowed this app to see it."""
