"""The parsing edge: bytes to JSON, and JSON to a value of the wanted type or None. Nothing here raises for odd data."""

from datetime import UTC, datetime, timedelta
import json
import math
import re
from typing import Final

type Json = bool | int | float | str | list[Json] | dict[str, Json] | None
type JsonObject = dict[str, Json]

_MAX_DIGITS: Final = 18
_MAX_TEXT: Final = 2048
_LARGEST: Final = 1e15
_SWITCH: Final = {"on": True, "off": False}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# From 1971 to 3000. A time in seconds or microseconds lies outside and is no time at all, rather than a wrong one.
_FIRST_MS: Final = 31_536_000_000
_LAST_MS: Final = 32_503_680_000_000


def parse_json(body: bytes) -> Json:
    """Return the JSON in `body`; numbers no double can hold are null. Raises ValueError when it is not JSON."""
    try:
        # One undecodable byte in a device's name must not cost the account.
        parsed: Json = json.loads(
            body.decode("utf-8", "replace"),
            parse_int=_parse_int,
            parse_float=_parse_float,
            parse_constant=lambda _: None,
        )
    except RecursionError as err:
        raise ValueError("nested too deeply") from err
    return parsed


def _parse_int(digits: str) -> int | None:
    return int(digits) if len(digits) <= _MAX_DIGITS else None


def _parse_float(digits: str) -> float | None:
    value = float(digits)
    return value if math.isfinite(value) else None


def as_object(value: Json) -> JsonObject:
    """Return a JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Json) -> list[Json]:
    """Return a JSON array, or an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: Json) -> str | None:
    """Return text with something in it, of sane length, that can be written as UTF-8."""
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value.strip() or None


def as_id(value: Json) -> str | None:
    """Return an opaque id exactly as it is, if there is anything to it."""
    return value if isinstance(value, str) and as_text(value) is not None else None


def as_component_id(value: Json) -> str | None:
    """Return the id of a device's component, which Ring writes as text or as a number."""
    number = as_whole(value, 0, 10**9)
    return as_text(value) if number is None else str(number)


def as_texts(value: Json) -> tuple[str, ...]:
    """Return the texts of a JSON array, without whatever else is in it."""
    return tuple(text for item in as_list(value) if (text := as_text(item)) is not None)


def as_flag(value: Json) -> bool | None:
    """Return a JSON boolean; "true" and 1 are not booleans."""
    return value if isinstance(value, bool) else None


def as_switch(value: Json) -> bool | None:
    """Return one of Ring's "on" and "off", or a JSON boolean."""
    return _SWITCH.get(value) if isinstance(value, str) else as_flag(value)


def as_number(value: Json, low: float = -_LARGEST, high: float = _LARGEST) -> float | None:
    """Return a number from `low` to `high`; true is not a number, NaN lies nowhere."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if low <= value <= high else None


def as_whole(value: Json, low: int, high: int) -> int | None:
    """Return a whole number from `low` to `high`, rounded when Ring sends a fraction."""
    number = as_number(value, low, high)
    return None if number is None else round(number)


def as_moment(value: Json) -> datetime | None:
    """Return an ISO 8601 time in UTC; Ring writes 1970 for "never"."""
    text = as_text(value)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except ValueError, OverflowError:
        return None
    return moment if moment.year > 1970 else None


def as_moment_ms(value: Json) -> datetime | None:
    """Return a time in epoch milliseconds, in UTC: a number in Ring's answers, text in its samples; or ISO 8601."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,15}", value):
        return as_moment(value)
    milliseconds = as_whole(int(value) if isinstance(value, str) else value, _FIRST_MS, _LAST_MS)
    return None if milliseconds is None else _EPOCH + timedelta(milliseconds=milliseconds)
