"""What a webhook's body says: all of Ring's samples, both versions of its envelope, and any damage."""

from dataclasses import fields
from datetime import UTC, datetime
import json

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.ring_partner.api import WebhookEvent, parse_webhook

from .damage import ANYTHING, damaged, places
from .documents import Json, JsonObject
from .test_webhook import BODY

ACCOUNT = "ava1.ring.account.XXXYYY"
META: JsonObject = {
    "version": "1.1",
    "time": "2026-02-13T13:39:57.200155525Z",
    "request_id": "2ad45ade-1818-4154-813b-afdd8bcd8085",
    "account_id": ACCOUNT,
}
MOTION: JsonObject = {
    "id": "door_human_1770989995231",
    "type": "motion_detected",
    "subType": "human",
    "attributes": {"source": "door", "source_type": "devices", "timestamp": 1770989995231},
    "relationships": {"devices": {"links": {"self": "/v1/devices/door"}}},
}
INTEGRATION: JsonObject = {
    "id": "event-1",
    "type": "app_integration_removed",
    "attributes": {"source": ACCOUNT, "source_type": "users", "timestamp": 1699457230000},
}
SUBSCRIPTION: JsonObject = {
    "id": "event-2",
    "type": "subscription_activated",
    "attributes": {
        "source": "subscriptions",
        "source_id": "subscription-1",
        "sub_type": "paid",
        "plan_id": "plan-1",
        "expires_at": "2026-08-06T00:00:00Z",
    },
    "relationships": {
        "devices": {"data": [{"type": "device", "id": "door"}]},
        "subscriptions": {"links": {"self": "/v1/accounts/me/subscriptions"}},
    },
}
READ = WebhookEvent(
    type="motion_detected",
    request_id="2ad45ade-1818-4154-813b-afdd8bcd8085",
    account_id=ACCOUNT,
    sent_at=datetime(2026, 2, 13, 13, 39, 57, 200155, UTC),
    event_id="door_human_1770989995231",
    sub_type="human",
    source="door",
    source_type="devices",
    at=datetime(2026, 2, 13, 13, 39, 55, 231000, UTC),
)


def webhook(data: JsonObject, **meta: Json) -> bytes:
    return json.dumps({"meta": META | meta, "data": data}).encode()


def motion(**attributes: Json) -> WebhookEvent:
    """What is read of a motion with other attributes."""
    event = parse_webhook(webhook(MOTION | {"attributes": MOTION["attributes"] | attributes}))
    assert event is not None
    return event


# --- Ring's samples --------------------------------------------------------------------------------------------------


def test_a_press_is_read() -> None:
    assert parse_webhook(BODY) == WebhookEvent(
        type="button_press",
        request_id="c83081fc-2f1b-4cb7-8b18-b18a318b8bab",
        account_id=ACCOUNT,
        sent_at=datetime(2026, 2, 14, 0, 2, 53, 27052, UTC),
        event_id="DEV_button_press_1771027372393",
        source="DEV",
        source_type="devices",
        at=datetime(2026, 2, 14, 0, 2, 52, 393000, UTC),
    )


def test_a_motion_has_its_sub_type_in_either_place() -> None:
    assert parse_webhook(webhook(MOTION)) == READ
    attributes = MOTION["attributes"] | {"sub_type": "human"}
    elsewhere = {name: value for name, value in MOTION.items() if name != "subType"} | {"attributes": attributes}
    assert parse_webhook(webhook(elsewhere)) == READ
    assert parse_webhook(webhook(elsewhere | {"subType": None})) == READ
    assert parse_webhook(webhook(elsewhere | {"subType": ""})) == READ
    assert parse_webhook(webhook(MOTION | {"attributes": attributes})) == READ


def test_the_older_envelope_names_no_account() -> None:
    meta = {name: value for name, value in META.items() if name != "account_id"} | {"version": "1.0"}
    event = parse_webhook(json.dumps({"meta": meta, "data": MOTION}).encode())
    assert event is not None
    assert (event.account_id, event.source, event.sub_type) == (None, "door", "human")


def test_a_removed_integration_is_of_the_account_and_of_no_device() -> None:
    assert parse_webhook(webhook(INTEGRATION, time="2026-07-06T11:11:00Z")) == WebhookEvent(
        type="app_integration_removed",
        request_id=META["request_id"],
        account_id=ACCOUNT,
        sent_at=datetime(2026, 7, 6, 11, 11, tzinfo=UTC),
        event_id="event-1",
        source=ACCOUNT,
        source_type="users",
        at=datetime(2023, 11, 8, 15, 27, 10, tzinfo=UTC),
    )


@pytest.mark.parametrize("event_type", ["subscription_activated", "subscription_deactivated"])
def test_a_subscription_does_not_say_when_but_when_it_was_sent(event_type: str) -> None:
    event = parse_webhook(webhook(SUBSCRIPTION | {"type": event_type}, time="2026-07-06T11:11:00Z"))
    assert event == WebhookEvent(
        type=event_type,
        request_id=META["request_id"],
        account_id=ACCOUNT,
        sent_at=datetime(2026, 7, 6, 11, 11, tzinfo=UTC),
        event_id="event-2",
        sub_type="paid",
        source="subscriptions",
    )
    assert event.attributes["expires_at"] == "2026-08-06T00:00:00Z"


def test_a_type_nobody_has_heard_of_is_an_event_with_all_it_carries() -> None:
    event = parse_webhook(webhook(MOTION | {"type": "radon_exceeded", "attributes": {"becquerel": 300}}))
    assert event is not None
    assert (event.type, event.attributes) == ("radon_exceeded", {"becquerel": 300})


@pytest.mark.parametrize("data", [MOTION, INTEGRATION])
def test_its_repr_shows_no_account_and_no_attributes(data: JsonObject) -> None:
    assert ACCOUNT not in repr(parse_webhook(webhook(data)))
    assert "attributes" not in repr(parse_webhook(webhook(data)))


# --- Times and components --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("timestamp", "milliseconds"),
    [
        (1770989995231, 1770989995231),
        ("1770989995231", 1770989995231),
        (1770989995231.4, 1770989995231),
        (1770989995000.0, 1770989995000),
        ("2026-02-13T13:39:55.231Z", 1770989995231),
        ("2026-02-13T14:39:55.231+01:00", 1770989995231),
        (32503680000000, 32503680000000),
    ],
)
def test_a_time_in_milliseconds_may_be_text(timestamp: Json, milliseconds: int) -> None:
    moment = motion(timestamp=timestamp).at
    assert moment is not None
    assert moment.tzinfo is UTC
    assert round(moment.timestamp() * 1000) == milliseconds


@given(st.integers(31_536_000_000, 32_503_680_000_000))
def test_no_millisecond_is_lost_or_won(timestamp: int) -> None:
    moment = motion(timestamp=timestamp).at
    assert moment is not None
    assert (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() == timestamp / 1000
    assert moment.microsecond % 1000 == 0


@pytest.mark.parametrize(
    "timestamp",
    [
        *(None, True, [], {}, "", "soon", "٣" * 13, "-1770989995231", " 1770989995231", "1770989995231.5", "9" * 5000),
        *(0, "0", -1, 10**30, float("nan"), float("inf"), "1970-01-01T00:00:00Z"),
        pytest.param(1770989995, id="seconds"),
        pytest.param(1770989995231000, id="microseconds"),
        pytest.param("1770989995231000000", id="nanoseconds"),
    ],
)
def test_what_is_no_time_in_milliseconds_is_unknown(timestamp: Json) -> None:
    assert motion(timestamp=timestamp).at is None


@pytest.mark.parametrize(
    ("time", "read"),
    [
        ("2026-02-13T13:39:57.200155525Z", datetime(2026, 2, 13, 13, 39, 57, 200155, UTC)),
        ("2026-02-13T13:39:57.999999999Z", datetime(2026, 2, 13, 13, 39, 57, 999999, UTC)),
        ("2026-02-13T13:39:57.2Z", datetime(2026, 2, 13, 13, 39, 57, 200000, UTC)),
        ("2026-02-13T13:39:57", datetime(2026, 2, 13, 13, 39, 57, tzinfo=UTC)),
        ("2026-02-13T14:39:57+01:00", datetime(2026, 2, 13, 13, 39, 57, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("yesterday", None),
        (1770989995231, None),
    ],
)
def test_the_time_of_sending_is_read_to_the_microsecond(time: Json, read: datetime | None) -> None:
    event = parse_webhook(webhook(MOTION, time=time))
    assert event is not None
    assert event.sent_at == read


def test_components_are_known_by_the_ids_their_device_gives_them() -> None:
    assert motion(component_ids=[1, "2", 3.0, " left ", None, True, "", -1, {}, []]).component_ids == (
        *("1", "2", "3"),
        "left",
    )
    assert motion(component_ids="1").component_ids == ()


# --- Damage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b" ",
            b"null",
            b"7",
            b'"motion_detected"',
            b"[]",
            b"{}",
            b'{"data": []}',
            b'{"meta": {}}',
            b"{'data': 1}",
        ),
        *(b"\xff\xfe", b"\x00" * 9, b"[" * 100_000, b'{"data":' * 100_000, b"9" * 10_000, webhook(MOTION)[:-1]),
        *(webhook(MOTION | {"type": nothing}) for nothing in (None, "", " ", 7, [], "\ud800", "x" * 5000)),
    ],
    ids=lambda body: repr(body[:30]),
)
def test_what_is_no_event_is_none(body: bytes) -> None:
    assert parse_webhook(body) is None


# Where in the document each member of the event comes from.
PLACES = {
    "type": ("data", "type"),
    "request_id": ("meta", "request_id"),
    "account_id": ("meta", "account_id"),
    "sent_at": ("meta", "time"),
    "event_id": ("data", "id"),
    "sub_type": ("data", "subType"),
    "source": ("data", "attributes", "source"),
    "source_type": ("data", "attributes", "source_type"),
    "at": ("data", "attributes", "timestamp"),
}
DOCUMENT: JsonObject = {"meta": META, "data": MOTION}
ANYWHERE = st.tuples(st.sampled_from(places(DOCUMENT)), ANYTHING, st.booleans())


@settings(max_examples=600, deadline=None)
@given(ANYWHERE)
def test_what_is_damaged_is_unknown_and_all_else_stands(damage: tuple[tuple[str, ...], Json, bool]) -> None:
    place, replacement, drop = damage
    event = parse_webhook(json.dumps(damaged(DOCUMENT, place, replacement, drop=drop)).encode())
    if event is None:
        assert place == PLACES["type"][: len(place)]
        return
    for name, origin in PLACES.items():
        if place != origin[: len(place)]:
            assert getattr(event, name) == getattr(READ, name)
    assert_typed(event)


@settings(max_examples=500, deadline=None)
@given(
    st.binary(max_size=200)
    | ANYTHING.map(lambda value: json.dumps(value).encode())
    | st.tuples(ANYTHING, ANYTHING).map(lambda parts: json.dumps({"meta": parts[0], "data": parts[1]}).encode())
    | st.tuples(st.just(BODY), st.integers(0, len(BODY)), st.binary(max_size=5)).map(
        lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] :]
    )
)
def test_any_body_is_an_event_or_none(body: bytes) -> None:
    event = parse_webhook(body)
    if event is not None:
        assert_typed(event)


def assert_typed(event: WebhookEvent) -> None:
    """What is read has the type it says, can be written, compared and kept in a set, or is unknown."""
    for name in (member.name for member in fields(event)):
        value = getattr(event, name)
        if name in {"sent_at", "at"}:
            assert value is None or (value.tzinfo is UTC and value.year > 1970)
        elif name == "component_ids":
            assert all(component_id.encode() for component_id in value)
        elif name != "attributes":
            assert value is None or value.encode()
    assert isinstance(hash(event), int)
