"""JSON shapes, errors in words, and strict reading of what a person or a program sends to the control interface."""

from collections.abc import Mapping, Sequence
import ipaddress
import json
import math
from typing import TypeIs

from yarl import URL

type Json = bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None
type JsonObject = Mapping[str, Json]
type Value = bool | int | float | str

_LOCALHOST = "localhost"
_MAX_TEXT = 2000


class CloudError(Exception):
    """What was asked cannot be done; the text is for a person."""

    status = 400


class InputError(CloudError):
    """The input makes no sense."""


class UnknownError(CloudError):
    """There is no such thing."""

    status = 404


class ConflictError(CloudError):
    """It makes sense, but not now."""

    status = 409


def is_loopback(host: str) -> bool:
    """Say whether this names the machine itself, whatever a name server may say."""
    try:
        return host == _LOCALHOST or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_text(value: object) -> TypeIs[str]:
    """Say whether this is a text of bearable length that can be encoded (JSON can smuggle lone surrogates in)."""
    return isinstance(value, str) and len(value) <= _MAX_TEXT and value.encode(errors="ignore").decode() == value


def parse_object(body: bytes) -> dict[str, object]:
    """Read a JSON object; an empty body is an empty one."""
    if not body.strip():
        return {}
    try:
        data: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError("the body is not valid JSON") from error
    if not isinstance(data, dict):
        raise InputError("the body must be a JSON object")
    return data


def check_url(key: str, text: str) -> str:
    """Return `text` if the developer portal would take it: absolute and https (plain http for loopback only)."""
    try:
        url = URL(text)
        host = url.host or ""
    except ValueError as error:
        raise InputError(f"{key} is not a URL") from error
    if not host or url.scheme not in ("https", "http") or (url.scheme == "http" and not is_loopback(host)):
        raise InputError(f"{key} must be an https URL (plain http only for this machine)")
    return text


class Fields:
    """A JSON object read field by field; what nobody asked for is refused by `finish`."""

    def __init__(self, data: Mapping[str, object]) -> None:
        self._rest = dict(data)

    def __contains__(self, key: str) -> bool:
        return key in self._rest

    def text(self, key: str, default: str | None = None) -> str:
        """Return a non-empty text."""
        value = self._rest.pop(key, default)
        if not is_text(value) or (not value.strip() and value != default):
            raise InputError(f"{key} must be a text of at most {_MAX_TEXT} characters")
        return value

    def url(self, key: str, default: str = "") -> str:
        """Return a URL; empty clears it."""
        value = self._rest.pop(key, default)
        if not is_text(value):
            raise InputError(f"{key} must be a URL")
        return check_url(key, value) if value else ""

    def number(self, key: str, default: float | None = None, *, low: float = 0, high: float = 1e9) -> float:
        """Return a finite number within bounds."""
        value = self._rest.pop(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise InputError(f"{key} must be a number from {low:g} to {high:g}")
        return value

    def integer(self, key: str, default: int | None = None, *, low: int = 0, high: int = 1000) -> int:
        """Return a whole number within bounds."""
        value = self.number(key, default, low=low, high=high)
        if not math.isclose(value, int(value)):
            raise InputError(f"{key} must be a whole number")
        return int(value)

    def flag(self, key: str, default: bool = False) -> bool:
        """Return true or false."""
        value = self._rest.pop(key, default)
        if not isinstance(value, bool):
            raise InputError(f"{key} must be true or false")
        return value

    def is_true(self, key: str) -> bool:
        """Say whether the field is just true; then it is read."""
        if self._rest.get(key) is True:
            del self._rest[key]
            return True
        return False

    def texts(self, key: str, default: Sequence[str] = ()) -> tuple[str, ...]:
        """Return a list of texts."""
        value = self._rest.pop(key, default)
        if not isinstance(value, list | tuple) or not all(is_text(item) for item in value):
            raise InputError(f"{key} must be a list of texts")
        return tuple(str(item) for item in value)

    def all(self) -> dict[str, object]:
        """Return everything that is left."""
        rest, self._rest = self._rest, {}
        return rest

    def raw(self, key: str) -> object:
        """Return the field as it came."""
        return self._rest.pop(key, None)

    def finish(self) -> None:
        """Refuse fields that nobody asked for: a typo must not pass silently."""
        if self._rest:
            raise InputError(f"unknown field: {', '.join(sorted(self._rest))[:200]}")
