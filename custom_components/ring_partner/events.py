"""What Ring said, and what becomes of it. Pure: no Home Assistant, no I/O, and the time comes in.

Ring delivers at least once, in any order, up to days late; a press of the bell has to be announced once, and only while
somebody still stands at the door.
"""

from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from heapq import heappop, heappush
from operator import attrgetter
from typing import Any, Final, Literal, Self

from .api import Device, DeviceStatus, Feature, HistoryEvent, Measurement, WebhookEvent
from .storage import as_items, as_mapping, as_time, as_times

# Older than this, an event is news of the past.
STALE_AFTER: Final = timedelta(minutes=2)
# A recording begins up to 30 s before the event that it is of, and the history is dated by it: a row and a webhook are
# of one event when the row begins at most so long before the webhook's time,
ROW_EARLIER: Final = timedelta(seconds=35)
# or so long after it; nor may the recording have ended earlier than this before it.
SAME_WITHIN: Final = timedelta(seconds=15)
# What is older can neither be news nor decide what is.
DECIDES_FOR: Final = STALE_AFTER + 2 * (ROW_EARLIER + SAME_WITHIN)
# Ring repeats a delivery for 73 minutes and replays by hand for 72 hours; the old ones are stale anyway.
REQUESTS_KEPT: Final = 4096
# Of each kind at each device, from each source.
EVENTS_KEPT: Final = 256
PERSON: Final = "human"
PERSON_FIELD: Final = "person"
ACTIVITIES: Final = ("motion", "ring", PERSON_FIELD)


type StatusName = Literal[
    "online",
    "contact_open",
    "tampered",
    "flooded",
    "frozen",
    "smoke",
    "co",
    "glass_broken",
    "temperature",
    "humidity",
    "pm25",
    "co_concentration",
]
# What a device has that reports such a value, whatever Ring says of its capabilities.
_FEATURES: Final[Mapping[StatusName, Feature]] = {
    "contact_open": Feature.CONTACT,
    "tampered": Feature.TAMPER,
    "flooded": Feature.FLOOD,
    "frozen": Feature.FREEZE,
    "smoke": Feature.SMOKE,
    "co": Feature.CO,
    "glass_broken": Feature.GLASS_BREAK,
    "temperature": Feature.TEMPERATURE,
    "humidity": Feature.HUMIDITY,
    "pm25": Feature.PM25,
    "co_concentration": Feature.CO_CONCENTRATION,
}
_READINGS: Final[tuple[Literal["temperature", "humidity", "pm25", "co_concentration"], ...]] = (
    "temperature",
    "humidity",
    "pm25",
    "co_concentration",
)


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
    ends_at: datetime | None = None
    """When the recording ended, or had come to when its row was read; only the history tells."""

    @property
    def told_at(self) -> datetime:
        """When it was as Ring says, which is the same each time it says so."""
        return self.ahead_until or self.at


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """One value of a device's status that a webhook told ahead of the next poll."""

    device_id: str
    name: StatusName
    value: bool | float | Measurement
    at: datetime

    def applied_to(self, status: DeviceStatus) -> DeviceStatus:
        """Return a status with this one value changed; a temperature without a unit has that of the one before."""
        value = self.value
        if isinstance(value, Measurement) and value.unit is None and status.temperature is not None:
            value = replace(value, unit=status.temperature.unit)
        changed: dict[str, Any] = {self.name: value}
        return replace(status, **changed)

    def shown_on(self, device: Device) -> Device:
        """Return a device with this one value changed; a device that reports something has the feature for it."""
        feature = _FEATURES.get(self.name)
        features = device.features if feature is None else device.features | {feature}
        return replace(device, status=self.applied_to(device.status), features=features)

    def is_reported_by(self, device: Device) -> bool:
        """Return whether the device's own status says anything of this value."""
        return getattr(device.status, self.name) is not None


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


def events_from_history(device_id: str, rows: Iterable[HistoryEvent], received: datetime) -> Iterator[RingEvent]:
    """Return what rows of the history tell; a live view (`on_demand`) is not something that happened there."""
    for row in rows:
        if (kind := _KINDS.get(row.type)) is not None:
            yield RingEvent(
                device_id=device_id,
                kind=kind,
                at=min(row.start, received),
                source=Source.HISTORY,
                event_id=row.id,
                ahead_until=row.start if row.start > received else None,
                # Without a length nothing is known of the end.
                ends_at=row.end if row.end is not None and row.end > row.start else None,
            )


def status_from_webhook(webhook: WebhookEvent, received: datetime) -> StatusChange | None:
    """Return the value that a webhook tells ahead of the next poll."""
    if webhook.source is None or (change := _STATUS.get(webhook.type)) is None:
        return None
    name, value = change
    return StatusChange(device_id=webhook.source, name=name, value=value, at=_moment(webhook, received))


def readings_from_webhook(webhook: WebhookEvent, received: datetime) -> Iterator[StatusChange]:
    """Return what a sensor measured when it passed a threshold, where Ring tells that."""
    if webhook.source is None or webhook.source_type in _NOT_DEVICES:
        return
    for name in _READINGS:
        if (value := getattr(webhook, name)) is not None:
            yield StatusChange(device_id=webhook.source, name=name, value=value, at=_moment(webhook, received))


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
    def from_dict(cls, data: object) -> Self:
        """Read what `as_dict` wrote."""
        times = as_times(data)
        return cls(**{name: times[name] for name in ACTIVITIES if name in times})


def _later(before: datetime | None, at: datetime) -> datetime:
    return at if before is None else max(before, at)


type _Stored = tuple[float | str | None, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    told_at: datetime
    sub_type: str | None
    event_id: str | None
    ends_at: datetime | None = None

    @classmethod
    def of(cls, event: RingEvent) -> Self:
        """Return what is kept of an event."""
        return cls(event.told_at, event.sub_type, event.event_id, event.ends_at)

    @property
    def fits_until(self) -> datetime:
        """Return the latest time of a push that this row of the history can be of."""
        latest = self.told_at + ROW_EARLIER
        return latest if self.ends_at is None else min(latest, self.ends_at + SAME_WITHIN)

    def fits(self, push: _Entry) -> bool:
        """Return whether this row of the history can be of what was pushed."""
        return self.told_at - SAME_WITHIN <= push.told_at <= self.fits_until


_moment_of = attrgetter("told_at")


def _paired(pushes: Iterable[_Entry], rows: Sequence[_Entry]) -> list[_Entry]:
    """Return the rows of the history that can each be of a push of its own, as many as possible; all are in order."""
    paired: list[_Entry] = []
    fitting: list[tuple[datetime, int]] = []
    index = 0
    for push in pushes:
        while index < len(rows) and rows[index].told_at - SAME_WITHIN <= push.told_at:
            heappush(fitting, (rows[index].fits_until, index))
            index += 1
        while fitting and fitting[0][0] < push.told_at:
            heappop(fitting)
        if fitting:
            paired.append(rows[heappop(fitting)[1]])
    return paired


@dataclass(slots=True)
class _Told:
    """The events of one kind at one device: what was pushed and what the history has, both in order.

    A row of the history may be dated half a minute before its webhook, and a bell may be pressed twice meanwhile. So
    how near two times are decides nothing. Of so many pushes and rows, as many as possible are of the same events; what
    has no counterpart then is an event of its own.
    """

    pushes: list[_Entry] = field(default_factory=list)
    rows: list[_Entry] = field(default_factory=list)
    lost: dict[Source, datetime] = field(default_factory=dict)
    """Up to when what a source told has been dropped, because there was too much of it."""

    def of(self, source: Source) -> list[_Entry]:
        """Return what one source has told."""
        return self.pushes if source is Source.PUSH else self.rows

    def is_known(self, event: RingEvent) -> bool:
        """Return whether the same source has told of the same event.

        Rows of the history go by their ids. Two pushes are the same also when all they say is: a bell may be pressed
        twice within seconds.
        """
        entries = self.of(event.source)
        if event.event_id is not None and any(entry.event_id == event.event_id for entry in entries):
            return True
        if event.source is Source.HISTORY:
            return False
        return any(entry.sub_type == event.sub_type for entry in _between(entries, event.told_at, event.told_at))

    def is_confirmed(self, event: RingEvent) -> bool:
        """Return whether the other source has told of the event: one more of them has a counterpart with it."""
        entry = _Entry.of(event)
        if event.source is Source.PUSH:
            near = _between(self.rows, event.told_at - ROW_EARLIER, event.told_at + SAME_WITHIN)
            if not any(row.fits(entry) for row in near):
                return False
            with_it = _paired(_inserted(self.pushes, entry), self.rows)
        else:
            near = _between(self.pushes, event.told_at - SAME_WITHIN, event.told_at + ROW_EARLIER)
            if not any(entry.fits(push) for push in near):
                return False
            with_it = _paired(self.pushes, _inserted(self.rows, entry))
        return len(with_it) > len(_paired(self.pushes, self.rows))

    def add(self, event: RingEvent) -> None:
        """Remember an event; where there are many, the oldest are dropped, with their counterparts."""
        entries = self.of(event.source)
        insort(entries, _Entry.of(event), key=_moment_of)
        if len(entries) > EVENTS_KEPT:
            until = entries[0].told_at
            for source in Source:
                if dropped := bisect_right(self.of(source), until, key=_moment_of):
                    self.lost[source] = self.of(source)[dropped - 1].told_at
                    del self.of(source)[:dropped]

    def may_be_forgotten(self, event: RingEvent) -> bool:
        """Return whether it, or its counterpart, may have been dropped."""
        if event.source is Source.PUSH:
            return self._is_lost(Source.PUSH, event.told_at) or self._is_lost(
                Source.HISTORY, event.told_at - ROW_EARLIER
            )
        return self._is_lost(Source.HISTORY, event.told_at) or self._is_lost(Source.PUSH, event.told_at - SAME_WITHIN)

    def _is_lost(self, source: Source, told_at: datetime) -> bool:
        return source in self.lost and told_at <= self.lost[source]

    def was_pushed(self, event: RingEvent) -> bool:
        """Return whether what a row of the history tells was pushed, or may have been."""
        entry = _Entry.of(event)
        rows = self.rows if entry in self.rows else _inserted(self.rows, entry)
        return self._is_lost(Source.PUSH, event.told_at - SAME_WITHIN) or entry in _paired(self.pushes, rows)

    def forget(self, since: datetime) -> None:
        """Forget what is older."""
        for entries in (self.pushes, self.rows):
            del entries[: bisect_left(entries, since, key=_moment_of)]

    def stored(self, since: datetime) -> list[_Stored]:
        """Return what could be taken for news once more, or decides what is."""
        return [
            (
                entry.told_at.timestamp(),
                source,
                entry.sub_type,
                entry.event_id,
                None if entry.ends_at is None else entry.ends_at.timestamp(),
            )
            for source in Source
            # It goes on to change in the event loop.
            for entry in list(self.of(source))
            if entry.told_at >= since
        ]

    def stored_lost(self) -> dict[str, float]:
        """Return up to when what was told has been dropped."""
        return {source: at.timestamp() for source, at in list(self.lost.items())}


def _between(entries: Sequence[_Entry], first: datetime, last: datetime) -> Sequence[_Entry]:
    return entries[bisect_left(entries, first, key=_moment_of) : bisect_right(entries, last, key=_moment_of)]


def _inserted(entries: Sequence[_Entry], entry: _Entry) -> list[_Entry]:
    inserted = [*entries]
    insort(inserted, entry, key=_moment_of)
    return inserted


@dataclass(slots=True)
class Ledger:
    """What has been dealt with, for one account; bounded, and able to survive a restart.

    `started` is when this Home Assistant began to listen: whatever happened before may have been announced by the
    one before it, and is not announced again.
    """

    started: datetime
    _requests: OrderedDict[str, None] = field(default_factory=OrderedDict)
    _told: dict[tuple[str, Kind], _Told] = field(default_factory=dict)
    _lifecycle: dict[str, datetime] = field(default_factory=dict)
    """When a device was last added or removed, as Ring says."""

    def is_repeated(self, request_id: str | None) -> bool:
        """Return whether a delivery has been worked on before."""
        return request_id in self._requests

    def note_request(self, request_id: str | None) -> None:
        """Remember a delivery that has been worked on; one that could not be is repeated by Ring."""
        if request_id is not None:
            self._requests[request_id] = None
            if len(self._requests) > REQUESTS_KEPT:
                self._requests.popitem(last=False)

    def judge(self, event: RingEvent, now: datetime) -> Verdict:
        """Say what to do with an event, and remember that it has been done."""
        told = self._told.setdefault((event.device_id, event.kind), _Told())
        if told.is_known(event):
            return Verdict.KNOWN
        is_confirmed = told.is_confirmed(event)
        is_kept = not told.may_be_forgotten(event)
        is_news = event.at >= self.started and now - event.at <= STALE_AFTER and is_kept
        # A row that is neither announced nor pushed must not silence the push that is still to come: that may be of a
        # time half a minute later, and news.
        if is_kept and (is_news or is_confirmed or event.source is Source.PUSH):
            told.add(event)
        if is_news and not is_confirmed:
            return Verdict.FIRE
        return Verdict.DETAIL if is_news and event.sub_type is not None else Verdict.RECORD

    def retract(self, event: RingEvent) -> None:
        """Forget an event that could not be announced: whoever told of it will do so again."""
        entries = self._told.get((event.device_id, event.kind), _Told()).of(event.source)
        if (entry := _Entry.of(event)) in entries:
            entries.remove(entry)

    def was_pushed(self, event: RingEvent) -> bool:
        """Return whether Ring pushed what its history tells, or may have."""
        return self._told.get((event.device_id, event.kind), _Told()).was_pushed(event)

    def is_latest(self, device_id: str, at: datetime) -> bool:
        """Return whether nothing later is known of a device that was added or removed, and remember it."""
        if (known := self._lifecycle.get(device_id)) is not None and known > at:
            return False
        self._lifecycle[device_id] = at
        return True

    def forget(self, device_ids: Iterable[str], now: datetime) -> None:
        """Drop what is old of devices that are gone: they may be back in a moment, with the same history."""
        for device_id in device_ids:
            for kind in Kind:
                if (told := self._told.get((device_id, kind))) is not None:
                    told.forget(now - DECIDES_FOR)

    def as_dict(self, now: datetime) -> dict[str, Any]:
        """Return what a restart or a reload needs: what is too old to decide anything is left out.

        May be called from another thread, hence the copies; what happens meanwhile is for the next time.
        """
        since = now - DECIDES_FOR
        events = [(*key, told.stored(since), told.stored_lost()) for key, told in list(self._told.items())]
        lifecycle = list(self._lifecycle.items())
        return {
            "requests": list(self._requests),
            "events": [item for item in events if item[2]],
            "lifecycle": {device_id: at.timestamp() for device_id, at in lifecycle if at >= since},
        }

    @classmethod
    def from_dict(cls, data: object, started: datetime) -> Self:
        """Read what `as_dict` wrote; what another release wrote otherwise is left out."""
        ledger = cls(started)
        document = as_mapping(data)
        for request_id in as_items(document.get("requests")):
            if isinstance(request_id, str):
                ledger.note_request(request_id)
        for item in as_items(document.get("events")):
            match item:
                case [str(device_id), ("motion" | "ring") as kind, [*entries], *more]:
                    ledger._told[device_id, Kind(kind)] = _restored(entries, as_times(more[0]) if more else {})
                case _:
                    pass
        ledger._lifecycle = as_times(document.get("lifecycle"))
        return ledger


def _restored(entries: Iterable[object], lost: Mapping[str, datetime]) -> _Told:
    """Read what `_Told.stored` and `stored_lost` wrote."""
    told = _Told(lost={source: lost[source] for source in Source if source in lost})
    for item in entries:
        match item:
            case [at, ("push" | "history") as source, str() | None as sub_type, str() | None as event_id, *more]:
                if (told_at := as_time(at)) is not None:
                    entry = _Entry(told_at, sub_type, event_id, as_time(more[0]) if more else None)
                    insort(told.of(Source(source)), entry, key=_moment_of)
            case _:
                pass
    return told
