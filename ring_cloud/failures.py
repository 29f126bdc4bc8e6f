"""How Ring says that something failed on its side: of a fault on demand, or because this cloud has one of its own."""

from collections.abc import Mapping
from http import HTTPStatus
import json
import re
import secrets

from aiohttp import hdrs, web

from .clock import iso_time
from .gateway import WORLD
from .refusals import TITLES, error_document

DETAIL = "A fault on demand"
RETRY_AFTER_S = "1"

# The pre-signed URLs lead to the first, the others are where downloads are asked for.
_MEDIA_ROUTE = re.compile(r"/v1/download|/v1/devices/[^/]+/media/(image|video)/download")
_MEDIA_CODES: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "INVALID_PAYLOAD",
    HTTPStatus.UNAUTHORIZED: "UNAUTHORIZED",
    HTTPStatus.FORBIDDEN: "REQUEST_FORBIDDEN",
    HTTPStatus.NOT_FOUND: "DEVICE_NOT_FOUND",
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: "MEDIA_NOT_FOUND",
    HTTPStatus.UNPROCESSABLE_ENTITY: "CORRUPT_RECORDING",
    HTTPStatus.TOO_EARLY: "RECORDING_NOT_READY",
    HTTPStatus.INTERNAL_SERVER_ERROR: "INTERNAL_ERROR",
    HTTPStatus.SERVICE_UNAVAILABLE: "SERVER_BUSY",
}


def failure(
    request: web.Request,
    status: int,
    *,
    body: str | None = None,
    headers: Mapping[str, str] | None = None,
    detail: str = DETAIL,
) -> web.Response:
    """Return an answer with this status, by default in the form of the API that was asked.

    A 429 says when to come again unless `headers` says otherwise; a header with an empty value is left out.
    """
    own: dict[str, str] = {hdrs.RETRY_AFTER: RETRY_AFTER_S} if status == HTTPStatus.TOO_MANY_REQUESTS else {}
    request_id = secrets.token_hex(16)
    if body is None:
        # Ring's 401 has an empty body; every other refusal of the API says something.
        body = "" if status == HTTPStatus.UNAUTHORIZED else json.dumps(_document(request, status, request_id, detail))
        own["x-request-id"] = request_id
    if body:
        own[hdrs.CONTENT_TYPE] = "text/html" if body.lstrip().startswith("<") else "application/json"
    response = web.Response(body=body.encode() if body else None, status=status, headers=own)
    for name, value in (headers or {}).items():
        response.headers.popall(name, None)
        if value:
            response.headers[name] = value
    return response


def _document(request: web.Request, status: int, request_id: str, detail: str) -> Mapping[str, object]:
    if status not in _MEDIA_CODES or not _MEDIA_ROUTE.fullmatch(request.path):
        return error_document(status, TITLES.get(status, "Error"), detail)
    error = {
        "id": request_id,
        "status": str(status),
        "code": _MEDIA_CODES[status],
        "detail": detail,
        "meta": {"timestamp": iso_time(request.app[WORLD].clock.time())},
    }
    return {"errors": [error]}
