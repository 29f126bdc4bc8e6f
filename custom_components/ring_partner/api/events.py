"""What Ring tells of what happened: a webhook's body, or the rows of a device's history."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from operator import attrgetter
from typing import Final, Self

from yarl import URL

from .decode import measurement
from .jsonapi import Page, Resource
from .models import Measurement
from .values import (
    Json,
    JsonObject,
    as_component_id,
    as_id,
    as_list,
    as_moment,
    as_moment_ms,
    as_number,
    as_object,
    as_text,
    parse_json,
)

# A page may be empty and still link to the next one; so many in a row are taken for the end.
_EMPTY_PAGES: Final = 2
# Other names of a sub-type.
_SUB_TYPES: Final[Mapping[str, str]] = {"package_delivery": "package"}
# What the webhook of a threshold may carry, and in which range it is a reading.
_READINGS: Final[Mapping[str, tuple[float, float]]] = {
    "humidity": (0, 100),
    "pm25": (0, 1e6),
    "co": (0, 1e6),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """One webhook (Ring's "Notifications" page). Ids are opaque; times are UTC; its repr shows no account."""

    type: str
    """Such as `button_press`; an open vocabulary."""
    request_id: str | None = None
    """The same for every delivery of one event, and not always of one event only: Ring cuts it at 64 characters."""
    account_id: str | None = field(default=None, repr=False)
    """None in envelopes of version 1.0."""
    sent_at: datetime | None = None
    event_id: str | None = None
    sub_type: str | None = None
    """Of a motion, such as `human`, an open vocabulary; of a subscription, `paid` or `trial`.

    Ring has put it in two places, and calls a package both `package` and `package_delivery`.
    """
    source: str | None = field(default=None, repr=False)
    """The id of the device or of the account, by `source_type`; of a subscription the word `subscriptions`."""
    source_type: str | None = None
    """`devices` or `users`; None of a subscription."""
    at: datetime | None = None
    """When it happened, as the device says; None of a subscription."""
    component_ids: tuple[str, ...] = ()
    """The lenses of a device with several that saw it, as `Component.component_id`."""
    temperature: Measurement | None = None
    """What a sensor measured when it passed a threshold, where Ring tells; so are the three below."""
    humidity: float | None = None
    pm25: float | None = None
    co_concentration: float | None = None
    attributes: JsonObject = field(default_factory=dict, compare=False, repr=False)
    """As received, for what a type carries beyond the common."""

    @property
    def delivery_id(self) -> str | None:
        """Return what all deliveries of one event have in common, and those of others have not."""
        if self.request_id is None:
            return None
        content = repr((self.event_id, self.type, self.source, self.at))
        return f"{self.request_id} {sha256(content.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEvent:
    """A row of a device's history; times are UTC."""

    id: str
    type: str
    """`motion`, `ding`, or `on_demand` for a live view."""
    start: datetime
    end: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """Rows of a device's history as one answer tells them, and where older ones are; None at the end."""

    rows: tuple[HistoryEvent, ...]
    next: URL | None

    @classmethod
    def of(cls, page: Page, following: URL | None) -> Self:
        """Read a page; rows that cannot be read are left out."""
        return cls(rows=_rows_of(page), next=following)


class HistoryRows:
    """The rows of a device's history, from as many pages as are needed to know all since a time."""

    def __init__(self, since: datetime | None) -> None:
        self._since = since
        self._rows: dict[str, HistoryEvent] = {}
        self._empty_pages = 0

    def add(self, page: Page) -> bool:
        """Read a page; return whether no other is needed."""
        rows = _rows_of(page)
        self._rows |= {row.id: row for row in rows}
        self._empty_pages = 0 if page.data else self._empty_pages + 1
        # Rows of every type count here: Ring has been seen to ignore the filter.
        return self._empty_pages == _EMPTY_PAGES or any(self._is_before(row) for row in rows)

    def of(self, event_types: Collection[str]) -> tuple[HistoryEvent, ...]:
        """Return the rows of these types, newest first."""
        wanted = {_without_sub_type(event_type) for event_type in event_types}
        rows = (row for row in self._rows.values() if _without_sub_type(row.type) in wanted)
        in_time = (row for row in rows if not self._is_before(row))
        return tuple(sorted(in_time, key=attrgetter("start"), reverse=True))

    def _is_before(self, row: HistoryEvent) -> bool:
        return self._since is not None and row.start < self._since


def parse_webhook(body: bytes) -> WebhookEvent | None:
    """Return the event in a webhook's body, or None when there is none in it. Never raises."""
    try:
        document = as_object(parse_json(body))
    except ValueError:
        return None
    meta, data = as_object(document.get("meta")), as_object(document.get("data"))
    attributes = as_object(data.get("attributes"))
    event_type = as_text(data.get("type"))
    if event_type is None:
        return None
    component_ids = (as_component_id(item) for item in as_list(attributes.get("component_ids")))
    sub_type = as_text(data.get("subType")) or as_text(attributes.get("sub_type"))
    readings = {name: _reading(attributes.get(name), *limits) for name, limits in _READINGS.items()}
    return WebhookEvent(
        type=event_type,
        request_id=as_id(meta.get("request_id")),
        account_id=as_id(meta.get("account_id")),
        sent_at=as_moment(meta.get("time")),
        event_id=as_id(data.get("id")),
        sub_type=None if sub_type is None else _SUB_TYPES.get(sub_type, sub_type),
        source=as_id(attributes.get("source")),
        source_type=as_text(attributes.get("source_type")),
        at=as_moment_ms(attributes.get("timestamp")),
        component_ids=tuple(component_id for component_id in component_ids if component_id is not None),
        temperature=measurement(attributes.get("temperature")),
        humidity=readings["humidity"],
        pm25=readings["pm25"],
        co_concentration=readings["co"],
        attributes=attributes,
    )


def _reading(value: Json, low: float, high: float) -> float | None:
    """Return a reading, which Ring may write as a number or as a block around one."""
    return as_number(value.get("value") if isinstance(value, dict) else value, low, high)


def history_event_from(entry: Json) -> HistoryEvent | None:
    """Read one row; None without an id, a type, or a time it began."""
    resource = Resource.parse(entry)
    if resource is None:
        return None
    event_type = as_text(resource.attributes.get("event_type"))
    start = as_moment_ms(resource.attributes.get("start"))
    if event_type is None or start is None:
        return None
    return HistoryEvent(id=resource.id, type=event_type, start=start, end=as_moment_ms(resource.attributes.get("end")))


def _rows_of(page: Page) -> tuple[HistoryEvent, ...]:
    return tuple(row for entry in page.data if (row := history_event_from(entry)) is not None)


def _without_sub_type(event_type: str) -> str:
    return event_type.partition(".")[0]
