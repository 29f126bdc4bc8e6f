"""What happened at cameras, as the history tells it: newest first, in pages."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from itertools import islice

from yarl import URL

from .clock import iso_time
from .events import LIVE_VIEW, MOTION, PRESS, Event
from .families import Permission
from .ids import resource_id
from .model import Device
from .refusals import ApiError
from .switches import NextLink, Switches
from .values import InputError, Json, JsonObject

_KEPT = 10_000
# How a webhook's type is called here, and how long such a recording is. Sensors have no history.
_TYPES: Mapping[str, tuple[str, int]] = {
    MOTION: ("motion", 20_000),
    PRESS: ("ding", 30_000),
    LIVE_VIEW: (LIVE_VIEW, 30_000),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One event of the history; the sub-type can be asked for but is not told."""

    device_id: str
    event_type: str
    start_ms: int
    end_ms: int
    sub_type: str | None = None
    id: str = field(default_factory=lambda: resource_id("history.event"))

    def is_one_of(self, filters: frozenset[str]) -> bool:
        """Say whether any of `ding`, `motion` or `motion.human` means this one."""
        return bool(filters & {self.event_type, f"{self.event_type}.{self.sub_type}"})


@dataclass(frozen=True, slots=True)
class Query:
    """What a request for a page says; `since_ms` is when the user consented."""

    path: str
    event_types: str | None
    key: str | None
    since_ms: int = 0

    @property
    def filters(self) -> frozenset[str]:
        """Return the types asked for."""
        return frozenset(word.strip() for word in (self.event_types or "").split(",") if word.strip())


class History:
    """The events of every camera."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        self._rows: dict[str, deque[Row]] = {}

    def record(self, event: Event) -> None:
        """Keep the event, if it is one of a camera that the history knows."""
        device = event.device
        if device is None or event.type not in _TYPES or device.family.permission is not Permission.CAMERAS:
            return
        event_type, length_ms = _TYPES[event.type]
        row = Row(
            device_id=device.id,
            event_type=event_type,
            start_ms=event.timestamp_ms,
            end_ms=event.timestamp_ms + length_ms,
            sub_type=event.sub_type,
        )
        self._rows.setdefault(device.id, deque(maxlen=_KEPT)).append(row)

    def everything(self) -> Mapping[str, tuple[Row, ...]]:
        """Return the rows of every camera, oldest first, for `put_back`."""
        return {device_id: tuple(rows) for device_id, rows in self._rows.items()}

    def put_back(self, everything: Mapping[str, tuple[Row, ...]]) -> None:
        """Take over what another run of the cloud has kept."""
        self._rows = {device_id: deque(rows, maxlen=_KEPT) for device_id, rows in everything.items()}

    @staticmethod
    def check(device: Device, event_type: str) -> None:
        """Raise InputError for what the history does not know."""
        if event_type not in _TYPES or device.family.permission is not Permission.CAMERAS:
            raise InputError(f"the history has {', '.join(_TYPES)} of cameras")

    def remember(self, device: Device, event_type: str, sub_type: str | None, at: float, duration: float | None) -> Row:
        """Put something of the past in its place: `motion_detected`, `button_press` or `on_demand` of a camera."""
        kind, length_ms = _TYPES[event_type]
        rows = self._rows.setdefault(device.id, deque(maxlen=_KEPT))
        start_ms = int(at * 1000)
        while (place := bisect_right(rows, start_ms, key=_start_ms)) and rows[place - 1].start_ms == start_ms:
            # Pages of the history are told apart by times.
            start_ms += 1
        row = Row(
            device_id=device.id,
            event_type=kind,
            start_ms=start_ms,
            end_ms=start_ms + (length_ms if duration is None else int(duration * 1000)),
            sub_type=sub_type or ("motion" if event_type == MOTION else None),
        )
        if len(rows) == _KEPT:
            rows.popleft()
            place = max(0, place - 1)
        rows.insert(place, row)
        return row

    def rows(self, device_id: str) -> list[Row]:
        """Return the events of a device, newest first."""
        return list(reversed(self._rows.get(device_id, ())))

    def page(self, device_id: str, query: Query) -> JsonObject:
        """Return the page that a request asks for."""
        matching = self._matching(device_id, query)
        page = list(islice(matching, self._switches.history_page_size))
        answer: dict[str, Json] = {"data": [self._describe(row) for row in page]}
        key = self._next_key(query, page, more=next(matching, None) is not None)
        if key is not None:
            answer["links"] = {"next": self._next_link(query, key)}
        return answer

    @property
    def _next(self) -> NextLink:
        return NextLink(self._switches.history_next)

    def _matching(self, device_id: str, query: Query) -> Iterator[Row]:
        before_ms = _milliseconds(query.key) if query.key is not None else None
        filters = query.filters if self._switches.history_filters else frozenset()
        for row in self.rows(device_id):
            in_time = row.start_ms >= query.since_ms and (before_ms is None or row.start_ms < before_ms)
            if in_time and (not filters or row.is_one_of(filters)):
                yield row

    def _next_key(self, query: Query, page: list[Row], *, more: bool) -> str | None:
        """Return the cursor of the next page: the time of the last row of this one. None ends the history."""
        if self._switches.history_repeats_cursor and query.key is not None:
            return query.key
        if page and (more or self._next is NextLink.TRAILING):
            return iso_time(page[-1].start_ms / 1000, milliseconds=True)
        # An empty page that says there is more leads a client in a circle; an empty history never does.
        return query.key if self._next is NextLink.TRAILING else None

    def _next_link(self, query: Query, key: str) -> str:
        parameters = {"page[key]": key}
        if query.event_types is not None and self._next is not NextLink.DROPS:
            parameters["event_types"] = query.event_types
        return str(URL.build(path=query.path).with_query(parameters))

    def _describe(self, row: Row) -> JsonObject:
        start, end = row.start_ms, row.end_ms
        as_text = self._switches.history_times_as_text
        return {
            "type": "history-events",
            "id": row.id,
            "attributes": {
                "event_type": row.event_type,
                "is_third_party_reviewed": row.event_type == LIVE_VIEW,
                "start": str(start) if as_text else start,
                "end": str(end) if as_text else end,
            },
            "relationships": {
                "source": {"data": {"type": "devices", "id": row.device_id}},
                "cv_detections": {"data": []},
            },
            "meta": {"riid": None},
        }


def _start_ms(row: Row) -> int:
    return row.start_ms


def _milliseconds(key: str) -> int:
    try:
        return round(datetime.fromisoformat(key).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, "page[key] is invalid") from error
