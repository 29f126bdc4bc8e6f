"""What Ring said, and what becomes of it. Pure: no Home Assistant, no I/O, and the time comes in.

Ring delivers at least once, in any order, up to days late; a press of the bell has to be announced once, and only while
somebody still stands at the door.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final, Literal, Self

from .api import DeviceStatus, HistoryEvent, WebhookEvent

# Older than this, an event is news of the past.
STALE_AFTER: Final = timedelta(minutes=2)
# A row of the history and a webhook tell of the same event when they are this close.
SAME_WITHIN: Final = timedelta(seconds=15)
# Ring repeats a delivery for 73 minutes and replays by hand for 72 hours; the old ones are stale anyway.
REQUESTS_KEPT: Final = 4096
# Of each kind at each device.
EVENTS_KEPT: Final = 256
PERSON: Final = "human"
PERSON_FIELD: Final = "person"
ACTIVITIES: Final = ("motion", "ring", PERSON_FIELD)


type StatusName = Literal["online", "contact_open", "tampered", "flooded", "frozen", "smoke", "co", "glass_broken"]


class Kind(StrEnum):
    """What can happen at a device."""

    MOTION = "motion"
    RING = "ring"


class Source(StrEnum):
    """How we know."""

    PUSH = "push"
    HISTORY = "history"


class Verdict(StrEnum):
    """What to do with an event."""

    FIRE = "fire"
    """It is happening now."""
    RECORD = "record"
    """It happened, or both sources have told of it by now: update "last …", announce nothing."""
    DETAIL = "detail"
    """It was announced as the history told it; the push says what it was that moved."""
    KNOWN = "known"
    """The same source has told of it before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RingEvent:
    """Something that happened at a device."""

    device_id: str
    kind: Kind
    at: datetime
    source: Source
    sub_type: str | None = None
    event_id: str | None = None
    component_ids: tuple[str, ...] = ()
    sent_at: datetime | None = None
    """When Ring pushed it first."""
    ahead_until: datetime | None = None
    """What Ring says of when it was, where our own clock has yet to come to that; `at` is when it arrived."""

    @property
    def told_at(self) -> datetime:
        """When it was as Ring says, which is the same each time it says so."""
        return self.ahead_until or self.at


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """One value of a device's status that a webhook told ahead of the next poll."""

    device_id: str
    name: StatusName
    value: bool
    at: datetime

    def applied_to(self, status: DeviceStatus) -> DeviceStatus:
        """Return a status with this one value changed."""
        changed: dict[str, Any] = {self.name: self.value}
        return replace(status, **changed)


_NOT_DEVICES: Final = frozenset({"users", "subscriptions"})
_KINDS: Final[Mapping[str, Kind]] = {
    "motion_detected": Kind.MOTION,
    "button_press": Kind.RING,
    # The history's own words.
    "motion": Kind.MOTION,
    "ding": Kind.RING,
}

# Webhook type -> field of DeviceStatus, and its value.
_STATUS: Final[Mapping[str, tuple[StatusName, bool]]] = {
    "device_online": ("online", True),
    "device_offline": ("online", False),
    "contact_sensor_faulted": ("contact_open", True),
    "contact_sensor_cleared": ("contact_open", False),
    "tamper_detected": ("tampered", True),
    "tamper_cleared": ("tampered", False),
    "flood_detected": ("flooded", True),
    "flood_cleared": ("flooded", False),
    "freeze_detected": ("frozen", True),
    "freeze_cleared": ("frozen", False),
    "smoke_detected": ("smoke", True),
    "smoke_cleared": ("smoke", False),
    "co_detected": ("co", True),
    "co_exceeded": ("co", True),
    "co_cleared": ("co", False),
    "glass_break_detected": ("glass_broken", True),
    "glass_break_cleared": ("glass_broken", False),
}


def event_from_webhook(webhook: WebhookEvent, received: datetime) -> RingEvent | None:
    """Return what happened at a device, if the webhook tells of that."""
    kind = _KINDS.get(webhook.type)
    if kind is None or webhook.source is None or webhook.source_type in _NOT_DEVICES:
        return None
    return RingEvent(
        device_id=webhook.source,
        kind=kind,
        at=_moment(webhook, received),
        source=Source.PUSH,
        sub_type=webhook.sub_type,
        event_id=webhook.event_id,
        component_ids=webhook.component_ids,
        sent_at=webhook.sent_at,
        ahead_until=webhook.at if webhook.at is not None and webhook.at > received else None,
    )


def events_from_history(device_id: str, rows: Iterable[HistoryEvent]) -> Iterator[RingEvent]:
    """Return what rows of the history tell; a live view (`on_demand`) is not something that happened there."""
    for row in rows:
        if (kind := _KINDS.get(row.type)) is not None:
            yield RingEvent(device_id=device_id, kind=kind, at=row.start, source=Source.HISTORY, event_id=row.id)


def status_from_webhook(webhook: WebhookEvent, received: datetime) -> StatusChange | None:
    """Return the value that a webhook tells ahead of the next poll."""
    if webhook.source is None or (change := _STATUS.get(webhook.type)) is None:
        return None
    name, value = change
    return StatusChange(device_id=webhook.source, name=name, value=value, at=_moment(webhook, received))


def _moment(webhook: WebhookEvent, received: datetime) -> datetime:
    """Return when it happened; a device whose clock is ahead must not make later events look old."""
    return min(webhook.at or webhook.sent_at or received, received)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """When something last happened at a device."""

    motion: datetime | None = None
    ring: datetime | None = None
    person: datetime | None = None
    """The last motion that Ring said was a person."""

    @property
    def sees_people(self) -> bool:
        """Whether Ring has ever said so of this device."""
        return self.person is not None

    @property
    def last(self) -> datetime | None:
        """The newest of all."""
        return max((at for at in (self.motion, self.ring) if at is not None), default=None)

    def after(self, event: RingEvent) -> Activity:
        """Return the activity with one more event, whose turn may be long past."""
        kinds = [event.kind, PERSON_FIELD] if event.sub_type == PERSON else [event.kind]
        return replace(self, **{name: _later(getattr(self, name), event.at) for name in kinds})

    def as_dict(self) -> dict[str, float]:
        """Return what a restart needs."""
        return {name: at.timestamp() for name in ACTIVITIES if (at := getattr(self, name)) is not None}

    @classmethod
    def from_dict(cls, data: Mapping[str, float]) -> Self:
        """Read what `as_dict` wrote."""
        return cls(**{name: datetime.fromtimestamp(data[name], UTC) for name in ACTIVITIES if name in data})


def _later(before: datetime | None, at: datetime) -> datetime:
    return at if before is None else max(before, at)


type _Stored = tuple[float | str | None, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    at: datetime
    source: Source
    sub_type: str | None
    event_id: str | None
    ahead_until: datetime | None = None

    @property
    def told_at(self) -> datetime:
        return self.ahead_until or self.at

    @classmethod
    def of(cls, event: RingEvent) -> Self:
        """Return what is kept of an event."""
        return cls(event.at, event.source, event.sub_type, event.event_id, event.ahead_until)

    def stored(self) -> _Stored:
        """Return what a restart needs."""
        ahead = () if self.ahead_until is None else (self.ahead_until.timestamp(),)
        return (self.at.timestamp(), self.source, self.sub_type, self.event_id, *ahead)

    def repeats(self, event: RingEvent) -> bool:
        """Whether the same source tells of the same event again.

        Two pushes are the same only when all they say is: a bell may be pressed twice within seconds.
        """
        if self.source is not event.source:
            return False
        if self.event_id is not None and self.event_id == event.event_id:
            return True
        return (self.told_at, self.sub_type) == (event.told_at, event.sub_type)

    def confirms(self, event: RingEvent) -> bool:
        """Whether the other source has told of it; the history knows no sub-types, and may date it otherwise."""
        return self.source is not event.source and abs(self.told_at - event.told_at) <= SAME_WITHIN


_moment_of = attrgetter("at")


def _stored(entries: Iterable[_Entry], since: datetime) -> list[_Stored]:
    """Return what could be taken for news once more: until our clock is past it, a repetition seems to be of now."""
    return [item.stored() for item in entries if item.told_at >= since]


def _is_confirmed(entries: Sequence[_Entry], event: RingEvent) -> bool:
    """Whether the other source has told of this very event.

    A row of the history tells of one event: where there are more pushes than rows, one of them is another press.
    """
    if not any(entry.confirms(event) for entry in entries):
        return False
    if event.source is Source.HISTORY:
        return True
    rows = sorted(entry.told_at for entry in entries if entry.source is Source.HISTORY)
    pushes = [entry.told_at for entry in entries if entry.source is Source.PUSH]
    return _pairs(sorted([*pushes, event.told_at]), rows) > _pairs(sorted(pushes), rows)


def _pairs(pushes: Sequence[datetime], rows: Sequence[datetime]) -> int:
    """Return how many of these times, both in order, can be of the same events."""
    pairs = push = row = 0
    while push < len(pushes) and row < len(rows):
        if abs(pushes[push] - rows[row]) <= SAME_WITHIN:
            pairs, push, row = pairs + 1, push + 1, row + 1
        elif pushes[push] < rows[row]:
            push += 1
        else:
            row += 1
    return pairs


def _may_be_forgotten(entries: Sequence[_Entry], event: RingEvent) -> bool:
    """Whether it happened before all that is kept of its kind, where a lot of that happens."""
    return len(entries) == EVENTS_KEPT and event.at <= min(map(_moment_of, entries))


@dataclass(slots=True)
class Ledger:
    """What has been dealt with, for one account; bounded, and able to survive a restart.

    `started` is when this Home Assistant began to listen: whatever happened before may have been announced by the
    one before it, and is not announced again.
    """

    started: datetime
    _requests: OrderedDict[str, None] = field(default_factory=OrderedDict)
    _events: dict[tuple[str, Kind], list[_Entry]] = field(default_factory=dict)

    def is_repeated(self, request_id: str | None) -> bool:
        """Remember a delivery; return whether it has come before."""
        if request_id is None:
            return False
        if request_id in self._requests:
            return True
        self._requests[request_id] = None
        if len(self._requests) > REQUESTS_KEPT:
            self._requests.popitem(last=False)
        return False

    def forget_request(self, request_id: str | None) -> None:
        """Forget a delivery that could not be worked on: Ring will repeat it."""
        self._requests.pop(request_id or "", None)

    def judge(self, event: RingEvent, now: datetime) -> Verdict:
        """Say what to do with an event, and remember that it has been done."""
        entries = self._events.setdefault((event.device_id, event.kind), [])
        if any(entry.repeats(event) for entry in entries):
            return Verdict.KNOWN
        is_confirmed = _is_confirmed(entries, event)
        # A push that the history was quicker to tell of still proves delivery. A row of the history that only confirms
        # a push is not kept: being vague about the time, it would hide a second press of the bell.
        is_news = event.at >= self.started and now - event.at <= STALE_AFTER and not _may_be_forgotten(entries, event)
        if event.source is Source.PUSH or not is_confirmed:
            entries.append(_Entry.of(event))
            if len(entries) > EVENTS_KEPT:
                entries.remove(min(entries, key=_moment_of))
        if is_news and not is_confirmed:
            return Verdict.FIRE
        return Verdict.DETAIL if is_news and event.sub_type is not None else Verdict.RECORD

    def retract(self, event: RingEvent) -> None:
        """Forget an event that could not be announced: whoever told of it will do so again."""
        entries = self._events.get((event.device_id, event.kind), [])
        if (entry := _Entry.of(event)) in entries:
            entries.remove(entry)

    def was_pushed(self, event: RingEvent) -> bool:
        """Return whether Ring pushed what its history tells, or may have."""
        entries = self._events.get((event.device_id, event.kind), [])
        was_pushed = any(entry.source is Source.PUSH and entry.confirms(event) for entry in entries)
        return was_pushed or _may_be_forgotten(entries, event)

    def forget(self, device_ids: Iterable[str]) -> None:
        """Drop devices that are gone."""
        for device_id in device_ids:
            for kind in Kind:
                self._events.pop((device_id, kind), None)

    def as_dict(self, now: datetime) -> dict[str, Any]:
        """Return what a restart or a reload needs: what is too old to be taken for news is left out.

        May be called from another thread, hence the copies; what happens meanwhile is for the next time.
        """
        since = now - STALE_AFTER - SAME_WITHIN
        events = [(*key, _stored(list(entries), since)) for key, entries in list(self._events.items())]
        return {"requests": list(self._requests), "events": [item for item in events if item[-1]]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], started: datetime) -> Self:
        """Read what `as_dict` wrote."""
        ledger = cls(started)
        ledger._requests.update(dict.fromkeys(data["requests"]))
        for device_id, kind, entries in data["events"]:
            ledger._events[device_id, Kind(kind)] = [
                _Entry(_from(at), Source(source), sub_type, event_id, *map(_from, ahead))
                for at, source, sub_type, event_id, *ahead in entries
            ]
        return ledger


def _from(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
