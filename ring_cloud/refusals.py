"""How Ring's API says no."""

from collections.abc import Mapping
from http import HTTPStatus

from .values import JsonObject

TITLES: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "Bad Request",
    HTTPStatus.UNAUTHORIZED: "Invalid Client",
    HTTPStatus.FORBIDDEN: "Out of Scope Access",
    HTTPStatus.NOT_FOUND: "Not Found",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Validation Error",
    HTTPStatus.TOO_MANY_REQUESTS: "Rate Limit Exceeded",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Internal Server Error",
    HTTPStatus.SERVICE_UNAVAILABLE: "Service Unavailable",
}


class ApiError(Exception):
    """A refusal in Ring's JSON:API form."""

    def __init__(self, status: HTTPStatus, detail: str, title: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title or TITLES[status]
        self.detail = detail


def error_document(status: int, title: str, detail: str) -> JsonObject:
    """Return Ring's form of an error."""
    return {"errors": [{"status": str(status), "title": title, "detail": detail}]}
