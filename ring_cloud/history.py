"""What happened at cameras, as the history tells it: newest first, in pages."""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from itertools import islice

from yarl import URL

from .clock import Clock, iso_time
from .events import LIVE_VIEW, MOTION, PRESS, Event
from .families import Permission
from .ids import resource_id
from .model import Device
from .refusals import ApiError
from .switches import NextLink, PlanlessHistory, Switches
from .values import InputError, Json, JsonObject

_KEPT = 10_000
# Cursors from this year on stand for empty pages, one for each day.
_EMPTY_PAGES_MS = 4_102_444_800_000
_DAY_MS = 86_400_000
# How a webhook's type is called here, and how long such a recording is. Sensors have no history.
_TYPES: Mapping[str, tuple[str, int]] = {
    MOTION: ("motion", 20_000),
    PRESS: ("ding", 30_000),
    LIVE_VIEW: (LIVE_VIEW, 30_000),
}


@dataclass(slots=True, kw_only=True, eq=False)
class Row:
    """One event of the history; the sub-type can be asked for but is not told."""

    device_id: str
    event_type: str
    start_ms: int
    end_ms: int
    """Of a live view that is still open: when it ends at the latest."""
    sub_type: str | None = None
    happened_ms: int = 0
    """When what the row tells of happened, where that was after its start."""
    recorded: bool = True
    reviewed_by: set[str] = field(default_factory=set)
    """The client ids of the apps that have seen what was recorded."""
    id: str = field(default_factory=lambda: resource_id("history.event"))

    def is_one_of(self, filters: frozenset[str]) -> bool:
        """Say whether any of `ding`, `motion` or `motion.human` means this one."""
        return bool(filters & {self.event_type, f"{self.event_type}.{self.sub_type}"})


@dataclass(frozen=True, slots=True)
class Query:
    """What a request for a page says; `since_ms` is when the user consented.

    Without a `client_id` what any app has reviewed counts as reviewed.
    """

    path: str
    event_types: str | None
    key: str | None
    since_ms: int = 0
    client_id: str | None = None

    @property
    def filters(self) -> frozenset[str]:
        """Return the types asked for."""
        return frozenset(word.strip() for word in (self.event_types or "").split(",") if word.strip())


class History:
    """The events of every camera."""

    def __init__(self, switches: Switches) -> None:
        self.switches = switches
        self.now: Callable[[], float] = Clock().time
        """The cloud's time, once somebody writes who knows it."""
        self._rows: dict[str, deque[Row]] = {}
        self._unrecorded: dict[str, int | None] = {}

    def leave_unrecorded(self, device: Device, count: int | None = 1) -> None:
        """Let the device record nothing of its next `count` events, which are told all the same; None: of any."""
        self._unrecorded[device.id] = count

    def _is_recorded(self, device_id: str) -> bool:
        left = self._unrecorded.get(device_id, 0)
        if left:
            self._unrecorded[device_id] = left - 1
        return left == 0

    def record(self, event: Event) -> Row | None:
        """Keep the event, if it is one of a camera that the history knows; without a plan it knows none."""
        device = event.device
        if device is None or event.type not in _TYPES or device.family.permission is not Permission.CAMERAS:
            return None
        if not self.switches.ring_plan:
            return None
        event_type, length_ms = _TYPES[event.type]
        early_ms = 0 if event.type == LIVE_VIEW else self.switches.history_early_ms
        row = Row(
            device_id=device.id,
            event_type=event_type,
            start_ms=event.timestamp_ms - early_ms,
            end_ms=event.timestamp_ms + length_ms,
            sub_type=event.sub_type,
            happened_ms=event.timestamp_ms,
            recorded=self._is_recorded(device.id),
        )
        self._insert(row)
        return row

    def _insert(self, row: Row) -> None:
        """Put a row in its place by time, a millisecond later where another begins then."""
        rows = self._rows.setdefault(row.device_id, deque(maxlen=_KEPT))
        while (place := bisect_right(rows, row.start_ms, key=_start_ms)) and rows[place - 1].start_ms == row.start_ms:
            # Pages of the history are told apart by times.
            row.start_ms += 1
            row.end_ms += 1
        if len(rows) == _KEPT:
            rows.popleft()
            place = max(0, place - 1)
        rows.insert(place, row)

    def live_view(self, device_id: str, since_ms: int) -> Row | None:
        """Return the newest row of a device, if it is a live view that has begun since then."""
        rows = self._rows.get(device_id)
        row = rows[-1] if rows else None
        return row if row and row.event_type == LIVE_VIEW and row.start_ms >= since_ms else None

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
        start_ms = int(at * 1000)
        row = Row(
            device_id=device.id,
            event_type=kind,
            start_ms=start_ms,
            end_ms=start_ms + (length_ms if duration is None else int(duration * 1000)),
            sub_type=sub_type or ("motion" if event_type == MOTION else None),
            recorded=self._is_recorded(device.id),
        )
        self._insert(row)
        return row

    def rows(self, device_id: str) -> list[Row]:
        """Return the events of a device, newest first."""
        return list(reversed(self._rows.get(device_id, ())))

    def page(self, device_id: str, query: Query) -> JsonObject:
        """Return the page that a request asks for."""
        if (remaining := self._empty_pages(query)) is not None:
            following = iso_time((_EMPTY_PAGES_MS + remaining * _DAY_MS) / 1000)
            return {"data": [], "links": {"next": self._next_link(query, following)}}
        matching = self._matching(device_id, query) if self._may_be_seen() else iter(())
        page = list(islice(matching, self.switches.history_page_size))
        answer: dict[str, Json] = {"data": [self._describe(row, query) for row in page]}
        key = self._next_key(query, page, more=next(matching, None) is not None)
        if key is not None:
            answer["links"] = {"next": self._next_link(query, key)}
        return answer

    def _empty_pages(self, query: Query) -> int | None:
        """Return how many empty pages follow this one, which is empty, too; None for a page of rows."""
        if query.key is None:
            return self.switches.history_empty_pages - 1 if self.switches.history_empty_pages else None
        remaining = (_milliseconds(query.key) - _EMPTY_PAGES_MS) // _DAY_MS
        return remaining - 1 if remaining > 0 else None

    @property
    def _next(self) -> NextLink:
        return NextLink(self.switches.history_next)

    @property
    def _now_ms(self) -> int:
        return int(self.now() * 1000)

    def _may_be_seen(self) -> bool:
        """Say whether somebody pays for the history; where nobody does, it may also be refused."""
        if not self.switches.ring_plan and PlanlessHistory(self.switches.planless_history) is PlanlessHistory.FORBIDDEN:
            raise ApiError(HTTPStatus.FORBIDDEN, "The account has no plan that includes the event history")
        return self.switches.ring_plan

    def _matching(self, device_id: str, query: Query) -> Iterator[Row]:
        before_ms = _milliseconds(query.key) if query.key is not None else None
        shown_ms = self._now_ms - self.switches.history_lag * 1000
        filters = query.filters if self.switches.history_filters else frozenset()
        for row in self.rows(device_id):
            in_time = row.start_ms >= query.since_ms and (before_ms is None or row.start_ms < before_ms)
            is_shown = not self.switches.history_lag or max(row.start_ms, row.happened_ms) <= shown_ms
            if in_time and is_shown and (not filters or row.is_one_of(filters)):
                yield row

    def _next_key(self, query: Query, page: list[Row], *, more: bool) -> str | None:
        """Return the cursor of the next page: the time of the last row of this one. None ends the history."""
        if self._next is NextLink.NEVER:
            return None
        if self.switches.history_repeats_cursor and query.key is not None:
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

    def _describe(self, row: Row, query: Query) -> JsonObject:
        # What goes on has gone on until now; nobody knows for how much longer.
        start, end = row.start_ms, max(row.start_ms, min(row.end_ms, self._now_ms))
        as_text = self.switches.history_times_as_text
        return {
            "type": "history-events",
            "id": row.id,
            "attributes": {
                "event_type": row.event_type,
                "is_third_party_reviewed": bool(
                    row.reviewed_by if query.client_id is None else query.client_id in row.reviewed_by
                ),
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
