"""What Ring said is dealt with once, however often, late, or out of order it says it. Pure: no Home Assistant."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
import json

from hypothesis import HealthCheck, settings
import pytest

from bench.histories import Histories
from custom_components.ring_partner.api import HistoryEvent, WebhookEvent
from custom_components.ring_partner.events import (
    DECIDES_FOR,
    EVENTS_KEPT,
    REQUESTS_KEPT,
    ROW_EARLIER,
    SAME_WITHIN,
    STALE_AFTER,
    Activity,
    Kind,
    Ledger,
    RingEvent,
    Source,
    StatusName,
    Verdict,
    event_from_webhook,
    events_from_history,
    status_from_webhook,
)

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
NOW = START + timedelta(hours=1)


def push(at: datetime = NOW, kind: Kind = Kind.RING, sub_type: str | None = None, event_id: str = "") -> RingEvent:
    """Ring pushes an event at the front door."""
    event_id = event_id or f"push {kind} {sub_type} {at}"
    return RingEvent(device_id="door", kind=kind, at=at, source=Source.PUSH, sub_type=sub_type, event_id=event_id)


def row(at: datetime = NOW, kind: Kind = Kind.RING) -> RingEvent:
    """Ring's history tells of an event at the front door."""
    return RingEvent(device_id="door", kind=kind, at=at, source=Source.HISTORY, event_id=f"row {kind} {at}")


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(START)


def restarted(ledger: Ledger, started: datetime) -> Ledger:
    """What is left of it on disk."""
    return Ledger.from_dict(json.loads(json.dumps(ledger.as_dict(NOW))), started)


class TestFiring:
    def test_what_happens_now_fires_once(self, ledger: Ledger) -> None:
        assert [ledger.judge(push(), NOW) for _ in range(3)] == [Verdict.FIRE, Verdict.KNOWN, Verdict.KNOWN]

    @pytest.mark.parametrize(
        ("age", "verdict"),
        [(STALE_AFTER, Verdict.FIRE), (STALE_AFTER + SECOND, Verdict.RECORD), (timedelta(days=3), Verdict.RECORD)],
    )
    def test_old_news_is_not_announced(self, ledger: Ledger, age: timedelta, verdict: Verdict) -> None:
        ledger.started = START - timedelta(days=9)
        assert ledger.judge(push(NOW - age), NOW) is verdict

    def test_what_happened_before_the_start_is_not_announced(self, ledger: Ledger) -> None:
        assert ledger.judge(push(START - SECOND), START + SECOND) is Verdict.RECORD
        assert ledger.judge(push(START), START + SECOND) is Verdict.FIRE

    @pytest.mark.parametrize("first", [push(), row()], ids=["push first", "history first"])
    @pytest.mark.parametrize("off", [-ROW_EARLIER, -30 * SECOND, -SECOND, timedelta(), SAME_WITHIN])
    def test_the_other_source_confirms_and_announces_nothing(
        self, ledger: Ledger, first: RingEvent, off: timedelta
    ) -> None:
        second = row(NOW + off) if first.source is Source.PUSH else push(NOW - off)
        now = NOW + ROW_EARLIER
        assert ledger.judge(first, now) is Verdict.FIRE
        assert ledger.judge(second, now) is Verdict.RECORD
        assert ledger.judge(second, now) is Verdict.KNOWN
        assert ledger.was_pushed(first if first.source is Source.HISTORY else second)

    def test_two_presses_within_seconds_are_two(self, ledger: Ledger) -> None:
        events = [push(), row(), push(NOW + 3 * SECOND), row(NOW + 3 * SECOND)]
        fired = [event.at for event in events if ledger.judge(event, NOW + 3 * SECOND) is Verdict.FIRE]
        assert fired == [NOW, NOW + 3 * SECOND]

    @pytest.mark.parametrize("skews", [(0, 0), (20, 20), (30, 0), (0, 30), (30, 20)])
    @pytest.mark.parametrize("order", list(permutations(range(4))))
    def test_two_presses_within_30_s_fire_twice_whatever_the_order_and_the_dates_of_their_rows(
        self, ledger: Ledger, order: tuple[int, ...], skews: tuple[int, int]
    ) -> None:
        for apart in (1, 10, 29):
            ledger = Ledger(START)
            second = NOW + apart * SECOND
            rows = [replace(row(NOW - skews[0] * SECOND), event_id="row 1"),
                    replace(row(second - skews[1] * SECOND), event_id="row 2")]  # fmt: skip
            events = [push(), push(second), *rows]
            verdicts = [ledger.judge(events[index], second + SECOND) for index in (*order, *order)]
            assert verdicts[:4].count(Verdict.FIRE) == 2
            assert verdicts[4:] == [Verdict.KNOWN] * 4
            assert all(ledger.was_pushed(item) for item in rows)

    def test_press_after_a_recording_has_ended_is_another(self, ledger: Ledger) -> None:
        recorded = replace(row(), ends_at=NOW + 8 * SECOND)
        assert ledger.judge(recorded, NOW + 30 * SECOND) is Verdict.FIRE
        assert restarted(ledger, START).judge(push(NOW + 25 * SECOND), NOW + 30 * SECOND) is Verdict.FIRE
        assert ledger.judge(push(NOW + 20 * SECOND), NOW + 30 * SECOND) is Verdict.RECORD

    def test_rows_without_a_push_of_their_own_were_not_pushed(self, ledger: Ledger) -> None:
        events = [push(), *(row(NOW + seconds * SECOND) for seconds in (0, 4, 8))]
        fired = [event for event in events if ledger.judge(event, NOW + 9 * SECOND) is Verdict.FIRE]
        assert len(fired) == 3
        assert sum(ledger.was_pushed(event) for event in events[1:]) == 1

    def test_a_row_of_the_history_confirms_one_push_only(self, ledger: Ledger) -> None:
        events = [row(), push(), push(NOW + 3 * SECOND), row(NOW + 3 * SECOND), push(NOW + 6 * SECOND)]
        fired = [event for event in events if ledger.judge(event, NOW + 6 * SECOND) is Verdict.FIRE]
        assert [(event.source, event.at) for event in fired] == [
            (Source.HISTORY, NOW),
            (Source.PUSH, NOW + 3 * SECOND),
            (Source.PUSH, NOW + 6 * SECOND),
        ]

    @pytest.mark.parametrize("order", list(permutations(range(3))))
    def test_rows_confirm_as_many_pushes_whatever_the_order(self, ledger: Ledger, order: tuple[int, ...]) -> None:
        rows = [row(NOW + seconds * SECOND) for seconds in (7, 17, 27)]
        pushes = [push(NOW + seconds * SECOND) for seconds in (0, 10, 20)]
        assert {ledger.judge(event, NOW + 27 * SECOND) for event in rows} == {Verdict.FIRE}
        assert {ledger.judge(pushes[index], NOW + 27 * SECOND) for index in order} == {Verdict.RECORD}
        assert restarted(ledger, START).judge(pushes[0], NOW + 27 * SECOND) is Verdict.KNOWN

    @pytest.mark.parametrize(
        ("sub_type", "age", "verdict"),
        [
            ("human", SECOND, Verdict.DETAIL),
            (None, SECOND, Verdict.RECORD),
            ("human", STALE_AFTER + SECOND, Verdict.RECORD),
        ],
    )
    def test_a_push_says_what_moved_where_the_history_was_quicker(
        self, ledger: Ledger, sub_type: str | None, age: timedelta, verdict: Verdict
    ) -> None:
        assert ledger.judge(row(kind=Kind.MOTION), NOW) is Verdict.FIRE
        assert ledger.judge(push(kind=Kind.MOTION, sub_type=sub_type), NOW + age) is verdict

    def test_a_motion_of_another_sub_type_is_another(self, ledger: Ledger) -> None:
        motions = [push(kind=Kind.MOTION, sub_type=sub_type) for sub_type in ("motion", "human", "human")]
        assert [ledger.judge(event, NOW) for event in motions] == [Verdict.FIRE, Verdict.FIRE, Verdict.KNOWN]

    def test_a_motion_after_a_ring_is_not_a_ring(self, ledger: Ledger) -> None:
        assert ledger.judge(push(), NOW) is Verdict.FIRE
        assert ledger.judge(push(kind=Kind.MOTION), NOW) is Verdict.FIRE
        assert ledger.judge(push(), NOW) is Verdict.KNOWN

    def test_a_restart_forgets_nothing(self, ledger: Ledger) -> None:
        for event in (push(), row(NOW - timedelta(minutes=1))):
            assert ledger.judge(event, NOW) is Verdict.FIRE
            assert restarted(ledger, START).judge(event, NOW) is Verdict.KNOWN
        ledger.note_request("one")
        assert restarted(ledger, START).is_repeated("one")

    def test_file_holds_nothing_that_is_too_old_to_decide_anything(self, ledger: Ledger) -> None:
        at = NOW - DECIDES_FOR
        for age in range(-2, 3):
            ledger.judge(push(at + age * SECOND), NOW)
        ledger.judge(push(at - SECOND, Kind.MOTION), NOW)
        assert ledger.is_latest("door", at - SECOND)
        assert ledger.as_dict(NOW)["lifecycle"] == {}
        ((_, kind, kept, _),) = ledger.as_dict(NOW)["events"]
        assert (kind, [moment for moment, *_ in kept]) == (
            Kind.RING,
            [(at + age * SECOND).timestamp() for age in range(3)],
        )

    def test_what_could_not_be_announced_is_news_when_it_comes_again(self, ledger: Ledger) -> None:
        assert ledger.judge(push(), NOW) is Verdict.FIRE
        ledger.retract(push())
        assert ledger.judge(push(), NOW) is Verdict.FIRE
        ledger.retract(row())

    def test_a_device_that_is_gone_is_forgotten(self, ledger: Ledger) -> None:
        """Shared again within minutes, its history is read once more: that is no news."""
        assert ledger.judge(push(), NOW) is Verdict.FIRE
        ledger.forget(("door", "unknown"), NOW)
        assert ledger.judge(row(), NOW) is Verdict.RECORD
        later = NOW + DECIDES_FOR + SECOND
        ledger.forget(("door", "unknown"), later)
        assert not ledger.was_pushed(row())


class TestBounds:
    def test_deliveries_are_forgotten_oldest_first(self, ledger: Ledger) -> None:
        for number in range(REQUESTS_KEPT + 1):
            assert not ledger.is_repeated(str(number))
            ledger.note_request(str(number))
        assert ledger.is_repeated("1")
        assert not ledger.is_repeated("0")

    def test_a_delivery_without_an_id_is_never_a_repetition(self, ledger: Ledger) -> None:
        ledger.note_request(None)
        assert not ledger.is_repeated(None)

    def test_after_a_storm_nobody_is_accused_of_what_is_forgotten(self, ledger: Ledger) -> None:
        for number in range(EVENTS_KEPT + 10):
            ledger.judge(push(NOW + number * SECOND), NOW + number * SECOND)
        assert [len(entries) for _, _, entries, _ in ledger.as_dict(NOW)["events"]] == [EVENTS_KEPT]
        assert ledger.was_pushed(row(NOW - timedelta(minutes=5)))
        assert not ledger.was_pushed(row(NOW + timedelta(hours=1)))

    def test_a_storm_of_motion_does_not_silence_the_bell(self, ledger: Ledger) -> None:
        for number in range(2 * EVENTS_KEPT):
            ledger.judge(push(NOW + number * SECOND / 10, Kind.MOTION), NOW + number * SECOND / 10)
        assert ledger.judge(push(), NOW + 60 * SECOND) is Verdict.FIRE
        assert ledger.judge(push(NOW, Kind.MOTION), NOW + 60 * SECOND) is Verdict.RECORD


class TestReading:
    def test_a_device_whose_clock_is_ahead_rings_once(self, ledger: Ledger) -> None:
        webhook = WebhookEvent(
            type="button_press", event_id="one", source="door", source_type="devices", at=NOW + timedelta(minutes=9)
        )
        heard = [NOW, NOW + 5 * SECOND]
        events = [event_from_webhook(webhook, received) for received in heard]
        verdicts = [ledger.judge(event, now) for event, now in zip(events, heard, strict=True) if event is not None]
        assert verdicts == [Verdict.FIRE, Verdict.KNOWN]

    @pytest.mark.parametrize("row_type", ["on_demand", "something_new"])
    def test_only_what_happened_at_the_device_is_an_event(self, row_type: str) -> None:
        assert not [*events_from_history("door", [HistoryEvent(id="1", type=row_type, start=NOW)], NOW)]

    @pytest.mark.parametrize(
        "webhook",
        [
            WebhookEvent(type="device_added", source="door", source_type="devices"),
            WebhookEvent(type="button_press", source_type="devices"),
            WebhookEvent(type="button_press", source="jane", source_type="users"),
        ],
    )
    def test_other_webhooks_are_no_events(self, webhook: WebhookEvent) -> None:
        assert event_from_webhook(webhook, NOW) is None
        assert status_from_webhook(webhook, NOW) is None

    @pytest.mark.parametrize(
        ("event_type", "name", "value"),
        [("contact_sensor_faulted", "contact_open", True), ("flood_cleared", "flooded", False)],
    )
    def test_a_status_is_told_with_its_time(self, event_type: str, name: StatusName, value: bool) -> None:
        webhook = WebhookEvent(type=event_type, source="sensor", source_type="devices", sent_at=NOW - SECOND)
        change = status_from_webhook(webhook, NOW)
        assert change is not None
        assert (change.name, change.value, change.at) == (name, value, NOW - SECOND)


class TestActivity:
    def test_the_newest_counts_whatever_comes_last(self) -> None:
        activity = Activity().after(push(NOW)).after(push(NOW - SECOND)).after(row(NOW + SECOND, Kind.MOTION))
        assert (activity.ring, activity.motion, activity.last) == (NOW, NOW + SECOND, NOW + SECOND)

    def test_a_person_is_remembered_over_restarts(self) -> None:
        activity = Activity().after(push(kind=Kind.MOTION, sub_type="human")).after(push(kind=Kind.MOTION))
        assert activity.sees_people
        assert Activity.from_dict(json.loads(json.dumps(activity.as_dict()))) == activity
        assert Activity().last is None


class TestGeneratedHistories(Histories.TestCase):
    """Whatever Ring and Home Assistant do to each other."""

    settings = settings(
        max_examples=60,
        stateful_step_count=40,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


def test_what_our_clock_has_yet_to_come_to_is_known_after_a_restart() -> None:
    """A clock that is behind dates each delivery of one ring to when it arrived: only its id tells that it is known."""
    ahead = NOW + timedelta(minutes=10)
    first = RingEvent(
        device_id="fake", kind=Kind.RING, at=NOW, source=Source.PUSH, event_id="fake-1", ahead_until=ahead
    )
    ledger = Ledger(NOW - timedelta(hours=1))
    assert ledger.judge(first, NOW) is Verdict.FIRE
    later = NOW + timedelta(minutes=5)
    ledger = Ledger.from_dict(json.loads(json.dumps(ledger.as_dict(later))), started=later)
    assert ledger.judge(replace(first, at=later), later) is Verdict.KNOWN
    assert not ledger.as_dict(ahead + timedelta(hours=1))["events"]


def test_a_slow_clock_takes_what_both_sources_tell_for_one_ring() -> None:
    """Its history dates a ring to what is yet to come here, its push to when it arrived."""
    ahead = NOW + timedelta(minutes=10)
    ledger = Ledger(NOW - timedelta(hours=1))
    assert ledger.judge(row(ahead), NOW) is Verdict.FIRE
    assert ledger.judge(replace(push(NOW), ahead_until=ahead), NOW) is Verdict.RECORD
