"""Generated histories of what Ring delivers and of what becomes of Home Assistant: nothing fires twice or late.

Ring is played as it is known to behave: each event at a device is pushed and stands in the history, whose rows come a
little later and are dated up to half a minute earlier; pushes are repeated, overtake each other, get lost, are replayed
later. Devices are taken away from the app and shared with it again.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import json
from typing import ClassVar, Final, override

from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from custom_components.ring_partner.activity import LONGEST_GAP, READ_AGAIN, SAVE_DELAY_SECONDS
from custom_components.ring_partner.events import (
    ROW_EARLIER,
    SAME_WITHIN,
    STALE_AFTER,
    Activity,
    Kind,
    Ledger,
    RingEvent,
    Source,
    Verdict,
)

DEVICES: Final = ("front", "garage")
SUB_TYPES: Final = ("motion", "human", "vehicle")
# How much earlier, or later, the history may date an event, and how late its row comes.
EARLIER_MS: Final = 30_000
LATER_MS: Final = 7_000
ROW_LATE_S: Final = 300
# What happens so close together may be taken for one another: the row of one fits the webhook of the other.
INDISTINCT: Final = max(
    SAME_WITHIN + timedelta(milliseconds=EARLIER_MS), ROW_EARLIER + timedelta(milliseconds=LATER_MS)
)
# Home Assistant takes so long to start.
STARTS_IN_S: Final = 10
BURST: Final = 300
SECOND: Final = timedelta(seconds=1)
STARTED: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that really happened, and how Ring tells of it."""

    number: int
    device_id: str
    kind: Kind
    at: datetime
    sub_type: str | None
    row_at: datetime
    row_from: datetime
    """When the row can first be read."""

    @property
    def push(self) -> RingEvent:
        """The webhook."""
        return RingEvent(
            device_id=self.device_id,
            kind=self.kind,
            at=self.at,
            source=Source.PUSH,
            sub_type=self.sub_type,
            event_id=f"push {self.number}",
        )

    @property
    def row(self) -> RingEvent:
        """The row of the history."""
        return RingEvent(
            device_id=self.device_id,
            kind=self.kind,
            at=self.row_at,
            source=Source.HISTORY,
            event_id=f"row {self.number}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """A device was shared with the app, or taken away from it, and Ring tells of it."""

    device_id: str
    is_shared: bool
    at: datetime


class Histories(RuleBasedStateMachine):
    """One account: the events at its devices, the webhooks on their way, and what Home Assistant makes of them."""

    counts: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        """Link the account; nothing has happened yet."""
        super().__init__()
        self.now = STARTED
        self.happenings: list[Happening] = []
        self.on_their_way: list[Happening] = []
        self.sent: list[Happening] = []
        self.dead: list[Happening] = []
        self.is_out = False
        self._share_all()
        self.lives = 0
        self.in_time: dict[int, int] = {}
        """In which life of Home Assistant an event's webhook was first worked on, where it was news then."""
        self.happened_in: dict[int, int] = {}
        self.fired: Counter[int] = Counter()
        self.heard: set[int] = set()
        self.owed: set[int] = set()
        """What Home Assistant heard of while it was news."""
        self.heard_of: set[int] = set()
        """What was pushed at least once."""
        self.ledger = Ledger(self.now)
        self.activity: dict[str, Activity] = {}
        self.read_until: dict[str, datetime] = dict.fromkeys(DEVICES, self.now)
        self.disk = self._stored()
        self.counts["histories"] += 1

    def _share_all(self) -> None:
        """Begin with every device shared and listed."""
        self.shared = set(DEVICES)
        self.sharings: list[Sharing] = []
        """What Ring has yet to tell of."""
        self.last_told: dict[str, Sharing] = {}
        """Of what was told in time, the latest by Ring's own time."""
        self.listed = set(DEVICES)
        """What Home Assistant takes to be shared."""
        self.known_since = dict.fromkeys(DEVICES, STARTED - LONGEST_GAP)
        """From when on Home Assistant knows of events."""

    # What happens in the world

    @rule(
        device_id=st.sampled_from(DEVICES),
        kind=st.sampled_from(Kind),
        sub_type=st.sampled_from(SUB_TYPES),
        skew_ms=st.one_of(st.just(0), st.just(-EARLIER_MS), st.integers(-EARLIER_MS, LATER_MS)),
        row_late_s=st.integers(0, ROW_LATE_S),
    )
    def happen(self, device_id: str, kind: Kind, sub_type: str, skew_ms: int, row_late_s: int) -> None:
        """Something happens at a device; in an outage its webhook is lost. What is not shared is not told."""
        self._pass(timedelta(milliseconds=1))
        if device_id not in self.shared:
            return
        happening = Happening(
            number=len(self.happenings),
            device_id=device_id,
            kind=kind,
            at=self.now,
            sub_type=sub_type if kind is Kind.MOTION else None,
            row_at=self.now + timedelta(milliseconds=skew_ms),
            row_from=self.now + row_late_s * SECOND,
        )
        self.happenings.append(happening)
        self.happened_in[happening.number] = self.lives
        (self.dead if self.is_out else self.on_their_way).append(happening)
        self.counts["events"] += 1

    @rule(device_id=st.sampled_from(DEVICES))
    def press_twice(self, device_id: str) -> None:
        """Somebody presses the bell again after a few seconds."""
        for seconds in (0, 12):
            self._pass(seconds * SECOND)
            self.happen(device_id, Kind.RING, "motion", -12_000 - seconds * 1000, 0)

    @rule(device_id=st.sampled_from(DEVICES))
    def toggle_sharing(self, device_id: str) -> None:
        """The user takes a device away from the app, or shares it again."""
        self._pass(timedelta(milliseconds=1))
        self.shared ^= {device_id}
        is_shared = device_id in self.shared
        self.sharings.append(Sharing(device_id=device_id, is_shared=is_shared, at=self.now))
        self.counts["sharings" if is_shared else "removals"] += 1

    @rule(seconds=st.one_of(st.integers(0, 10), st.integers(10, 300), st.integers(3600, 3 * 86400)))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self._pass(seconds * SECOND)

    @rule()
    def toggle_outage(self) -> None:
        """Home Assistant can no longer be reached, or can be again."""
        self.is_out = not self.is_out
        self.counts["outages"] += self.is_out

    # What Ring does

    @precondition(lambda self: self.on_their_way and not self.is_out)
    @rule(data=st.data(), repeats=st.booleans())
    def deliver(self, data: st.DataObject, repeats: bool) -> None:
        """Deliver any webhook, in any order; unless the answer arrives, Ring will send it again."""
        index = data.draw(st.integers(0, len(self.on_their_way) - 1))
        happening = self.on_their_way[index] if repeats else self.on_their_way.pop(index)
        self.sent.append(happening)
        self._receive(happening, f"request {happening.number}")

    @precondition(lambda self: self.sharings and not self.is_out)
    @rule(data=st.data(), repeats=st.booleans())
    def tell_of_sharing(self, data: st.DataObject, repeats: bool) -> None:
        """Tell of any device that was shared or taken away, in any order."""
        index = data.draw(st.integers(0, len(self.sharings) - 1))
        told = self.sharings[index] if repeats else self.sharings.pop(index)
        if self.now - told.at > STALE_AFTER:
            # Home Assistant asks Ring instead.
            self._list(told.device_id, told.device_id in self.shared)
            return
        is_latest = self.ledger.is_latest(told.device_id, told.at)
        last = self.last_told.get(told.device_id)
        _require(last is None or is_latest == (told.at >= last.at), f"{told} counts although {last} is later")
        if is_latest:
            self.last_told[told.device_id] = told
            self._list(told.device_id, told.is_shared)
        else:
            self.counts["late news of sharing"] += 1

    def _list(self, device_id: str, is_listed: bool) -> None:
        if not is_listed and device_id in self.listed:
            self.ledger.forget((device_id,), self.now)
            self.activity.pop(device_id, None)
            self.read_until.pop(device_id, None)
            self.known_since[device_id] = self.now
        (self.listed.add if is_listed else self.listed.discard)(device_id)

    @precondition(lambda self: self.on_their_way)
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        """Give a webhook up."""
        self.dead.append(self.on_their_way.pop(data.draw(st.integers(0, len(self.on_their_way) - 1))))
        self.counts["drops"] += 1

    @precondition(lambda self: self.sent and not self.is_out)
    @rule(data=st.data(), renamed=st.booleans())
    def replay(self, data: st.DataObject, renamed: bool) -> None:
        """Deliver something again, maybe under another id of the request."""
        happening = data.draw(st.sampled_from(self.sent[-50:]))
        self.counts["replays"] += 1
        self._receive(happening, f"request {happening.number}{' again' if renamed else ''}")

    @rule()
    def replay_dead_letters(self) -> None:
        """Send everything that was given up."""
        self.on_their_way += self.dead
        self.dead.clear()

    # Seldom, because it takes as long as a hundred other histories.
    @precondition(lambda self: len(self.happenings) == 7 and not self.is_out)
    @rule(device_id=st.sampled_from(DEVICES))
    def burst(self, device_id: str) -> None:
        """More happens within a minute than is remembered of a device."""
        for _ in range(BURST):
            self._pass(200 * timedelta(milliseconds=1))
            self.happen(device_id, Kind.MOTION, "motion", 0, 0)
            if device_id not in self.shared:
                return
            happening = self.on_their_way.pop()
            self.sent.append(happening)
            self._receive(happening, f"request {happening.number}")

    # What Home Assistant does

    @rule(device_id=st.sampled_from(DEVICES))
    def read_history(self, device_id: str) -> None:
        """Read what is new, oldest first."""
        self.counts["history reads"] += 1
        if device_id not in self.shared or device_id not in self.listed:
            return
        until = self.read_until.get(device_id)
        since = self.now - LONGEST_GAP if until is None else until - READ_AGAIN
        if until is None:
            self.known_since[device_id] = since
        found = [
            item
            for item in self.happenings
            if item.device_id == device_id and item.row_from <= self.now and item.row_at >= since
        ]
        for happening in sorted(found, key=lambda item: item.row_at):
            self._handle(happening, happening.row)
        self.read_until[device_id] = self.now

    @rule()
    def reload(self) -> None:
        """The same Home Assistant loads the account again."""
        self.counts["reloads"] += 1
        self.disk = self._stored()
        self._load(self.ledger.started)

    @rule(crashes=st.booleans(), seconds=st.integers(STARTS_IN_S, 7200))
    def restart(self, crashes: bool, seconds: int) -> None:
        """Another Home Assistant begins; a crash loses what was not written yet."""
        self.counts["crashes" if crashes else "restarts"] += 1
        if not crashes:
            self.disk = self._stored()
        self.lives += 1
        self.now += seconds * SECOND
        self._load(self.now)
        # The first poll knows.
        for device_id in DEVICES:
            self._list(device_id, device_id in self.shared)
        self.last_told.clear()

    @override
    def teardown(self) -> None:
        """In the end everything is known, and what was heard of in time has been announced."""
        self._pass(ROW_LATE_S * SECOND + SECOND)
        self.shared = set(DEVICES)
        for device_id in DEVICES:
            self._list(device_id, is_listed=True)
            self.read_history(device_id)
        for device_id in DEVICES:
            for kind in Kind:
                self._check_last(device_id, kind)
        for happening in self.happenings:
            if happening.number in self.owed and self._is_alone(happening):
                _require(self.fired[happening.number] == 1, f"{happening} was not announced")
                self.counts["announced as they should be"] += 1
        for group in self._groups():
            if self._is_heard_in_time(group):
                announced = sum(self.fired[item.number] for item in group)
                _require(announced == len(group), f"of {group} only {announced} were announced")
                self.counts["of several within seconds all announced"] += len(group) > 1

    # How it is done

    def _pass(self, time: timedelta) -> None:
        if time >= SAVE_DELAY_SECONDS * SECOND:
            self.disk = self._stored()
        self.now += time

    def _receive(self, happening: Happening, request_id: str) -> None:
        self.counts["deliveries"] += 1
        if self.ledger.is_repeated(request_id):
            self.counts["known by their id"] += 1
        else:
            if happening.number not in self.heard_of and self._is_news(happening.push):
                self.in_time[happening.number] = self.lives
            self.heard_of.add(happening.number)
            self._handle(happening, happening.push)
            self.ledger.note_request(request_id)

    def _is_news(self, event: RingEvent) -> bool:
        return event.at >= self.ledger.started and self.now - event.at <= STALE_AFTER

    def _handle(self, happening: Happening, event: RingEvent) -> None:
        is_news = self._is_news(event)
        self._owe(happening)
        verdict = self.ledger.judge(event, self.now)
        self.counts[verdict] += 1
        self.activity[event.device_id] = self.activity.get(event.device_id, Activity()).after(event)
        if verdict is Verdict.FIRE:
            self.fired[happening.number] += 1
            _require(is_news, f"{event} is stale")
            if self.fired[happening.number] > 1:
                self._require_another(happening)

    def _require_another(self, happening: Happening) -> None:
        """Announced twice, it has to stand for another that was not: within seconds the two cannot be told apart.

        The row of a second press may be read before that of the first; the push of the first then confirms it.
        """
        group = next(items for items in self._groups() if happening in items)
        self.counts["announced in place of another"] += 1
        announced = sum(self.fired[item.number] for item in group)
        _require(announced <= len(group), f"{happening} was announced twice")

    def _groups(self) -> list[list[Happening]]:
        """Return what happened so close together that it may be taken for one another."""
        groups: list[list[Happening]] = []
        for device_id in DEVICES:
            for kind in Kind:
                same = [item for item in self.happenings if (item.device_id, item.kind) == (device_id, kind)]
                for before, item in zip([None, *same], same, strict=False):
                    if before is None or item.at - before.at > INDISTINCT:
                        groups.append([])
                    groups[-1].append(item)
        return groups

    def _is_heard_in_time(self, group: Sequence[Happening]) -> bool:
        """Return whether all of it was pushed while it was news, in one life of Home Assistant."""
        lives = {self.in_time.get(item.number, -1) for item in group} | {
            self.happened_in[item.number] for item in group
        }
        return -1 not in lives and len(lives) == 1 and len(group) < BURST

    def _owe(self, happening: Happening) -> None:
        """Heard of first while it was news by both of its times, it has to be announced."""
        earliest = min(happening.at, happening.row_at)
        if (
            happening.number not in self.heard
            and earliest >= self.ledger.started
            and self.now - earliest <= STALE_AFTER
        ):
            self.owed.add(happening.number)
        self.heard.add(happening.number)

    def _check_last(self, device_id: str, kind: Kind) -> None:
        """The newest is known; which of the two times Ring gives it may count."""
        times = [item for item in self.happenings if (item.device_id, item.kind) == (device_id, kind)]
        last: datetime | None = getattr(self.activity.get(device_id, Activity()), kind)
        rows = [item.row_at for item in times if item.row_at >= self.known_since[device_id]]
        latest = [*(item.row_at for item in times), *(item.at for item in times)]
        # Of a device that was taken away, what is older is not known any more.
        is_right = not rows if last is None else max(rows, default=last) <= last <= max(latest)
        _require(is_right, f"the last {kind} at {device_id} is said to be {last}")

    def _is_alone(self, happening: Happening) -> bool:
        """Whether the history cannot take another event for it, and it is not lost among too many of its kind."""
        if happening.kind is Kind.MOTION and len(self.happenings) > BURST:
            return False
        return not any(
            (other.device_id, other.kind) == (happening.device_id, happening.kind)
            and abs(other.at - happening.at) <= INDISTINCT
            for other in self.happenings
            if other is not happening
        )

    def _stored(self) -> str:
        return json.dumps(
            {
                "ledger": self.ledger.as_dict(self.now),
                "activity": {device_id: activity.as_dict() for device_id, activity in self.activity.items()},
                "read_until": {device_id: at.timestamp() for device_id, at in self.read_until.items()},
            }
        )

    def _load(self, started: datetime) -> None:
        stored = json.loads(self.disk)
        self.ledger = Ledger.from_dict(stored["ledger"], started)
        self.activity = {device_id: Activity.from_dict(item) for device_id, item in stored["activity"].items()}
        self.read_until = {device_id: datetime.fromtimestamp(at, UTC) for device_id, at in stored["read_until"].items()}


def _require(condition: bool, text: str) -> None:
    if not condition:
        raise AssertionError(text)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, and print what was in the histories."""
    parser = argparse.ArgumentParser(prog="python -m bench.histories", description=__doc__)
    parser.add_argument("--histories", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=40, help="at most, in each")
    options = parser.parse_args(arguments)
    Histories.counts.clear()
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=options.histories,
            stateful_step_count=options.steps,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    for name, count in Histories.counts.items():
        print(f"{count:>10,}  {name}")
    histories = Histories.counts["histories"]
    print(f"{histories:,} histories: 0 twice, 0 lost, 0 late (any would have stopped the run)")


if __name__ == "__main__":
    main()
