"""The history of a device: which rows are told, and how far its pages are followed."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
import json

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.ring_partner.api import (
    HistoryEvent,
    RingAuthError,
    RingClient,
    RingError,
    RingForbiddenError,
    RingNotFoundError,
    RingRateLimitError,
    RingRequestError,
    RingUnavailableError,
)

from .conftest import ScriptedRing, answer
from .damage import ANYTHING, damaged, places
from .documents import Json, JsonObject
from .test_malformed import VARIANTS

PATH = "/v1/history/devices/door/events"
ASKED = f"{PATH}?event_types=motion,ding"
START = datetime(2026, 9, 15, 12, tzinfo=UTC)
UNREADABLE: list[Json] = [None, True, "", " ", "soon", [], {}, 0, "0", -1, 10**30, 1789473600]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def row(row_id: str, seconds: float, event_type: Json = "motion", **attributes: Json) -> JsonObject:
    """A row as recorded, that began so many seconds after START."""
    times: JsonObject = {"start": ms(at(seconds)), "end": ms(at(seconds + 30))}
    return {
        "type": "history-events",
        "id": row_id,
        "attributes": {"event_type": event_type, "is_third_party_reviewed": True} | times | attributes,
        "relationships": {
            "source": {"data": {"type": "devices", "id": "door"}},
            "cv_detections": {"data": []},
        },
        "meta": {"riid": None},
    }


def page(*rows: Json, following: str | None = None) -> bytes:
    """One page; Ring's last one has no links at all."""
    return answer(body={"data": list(rows)} | ({} if following is None else {"links": {"next": following}}))


def link(cursor: str) -> str:
    """A link as Ring was seen to write it: encoded, and without the filter."""
    return f"{PATH}?page%5Bkey%5D={cursor}"


def ids(events: tuple[HistoryEvent, ...]) -> list[str]:
    return [event.id for event in events]


# --- Rows ------------------------------------------------------------------------------------------------------------


async def test_a_history_is_read_newest_first(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(page(row("b", 10, "ding"), row("c", 20.5), row("a", 0)))
    assert await client.async_get_history("door") == (
        HistoryEvent(id="c", type="motion", start=at(20.5), end=at(50.5)),
        HistoryEvent(id="b", type="ding", start=at(10), end=at(40)),
        HistoryEvent(id="a", type="motion", start=at(0), end=at(30)),
    )
    assert [seen.target for seen in ring.seen] == [ASKED]


async def test_a_camera_where_nothing_happened_has_an_empty_history(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(page())
    assert await client.async_get_history("door") == ()
    assert len(ring.seen) == 1


async def test_times_may_be_text_and_the_end_may_be_missing(ring: ScriptedRing, client: RingClient) -> None:
    texts = {"start": str(ms(at(0))), "end": str(ms(at(5)))}
    ring.says(page(row("b", 1, end=None), row("a", 0, **texts)))
    assert await client.async_get_history("door") == (
        HistoryEvent(id="b", type="motion", start=at(1)),
        HistoryEvent(id="a", type="motion", start=at(0), end=at(5)),
    )


@pytest.mark.parametrize("unreadable", UNREADABLE, ids=repr)
async def test_a_row_that_cannot_be_read_is_left_out(ring: ScriptedRing, client: RingClient, unreadable: Json) -> None:
    ring.says(
        page(
            row("whole", 1),
            row("no start", 2, start=unreadable),
            row("no type", 3, unreadable),
            row("no id", 4) | {"id": unreadable if not isinstance(unreadable, str) else " "},
            row("no attributes", 5) | {"attributes": unreadable},
            unreadable,
            row("also whole", 0),
        )
    )
    assert ids(await client.async_get_history("door", since=at(-10))) == ["whole", "also whole"]


async def test_what_ring_did_not_filter_is_filtered_here(ring: ScriptedRing, client: RingClient) -> None:
    everything = page(row("m", 3), row("live", 2, "on_demand"), row("d", 1, "ding"), row("new", 0, "package_seen"))
    ring.says(everything)
    assert ids(await client.async_get_history("door")) == ["m", "d"]
    assert ids(await client.async_get_history("door", ["ding"])) == ["d"]
    assert ids(await client.async_get_history("door", ("on_demand",))) == ["live"]


async def test_a_sub_type_filters_only_at_ring(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(page(row("person", 2), row("press", 1, "ding"), row("named", 0, "motion.human")))
    assert ids(await client.async_get_history("door", ["motion.human"])) == ["person", "named"]
    assert ring.seen[0].target == f"{PATH}?event_types=motion.human"


# --- Pages -----------------------------------------------------------------------------------------------------------


async def test_pages_are_followed_with_the_filter_that_the_links_lost(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(
        page(row("c", 2), following=link("2026-09-15T12%3A00%3A02%2B00%3A00")),
        page(row("b", 1), following="?page[key]=2026-09-15T12:00:01Z&event_types=motion%2Cding"),
        page(row("a", 0)),
    )
    assert ids(await client.async_get_history("door")) == ["c", "b", "a"]
    assert [seen.target for seen in ring.seen] == [
        ASKED,
        f"{PATH}?page%5Bkey%5D=2026-09-15T12:00:02%2B00:00&event_types=motion,ding",
        f"{PATH}?page%5Bkey%5D=2026-09-15T12:00:01Z&event_types=motion,ding",
    ]


async def test_an_event_on_two_pages_happened_once(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(page(row("c", 2), row("b", 1), following=link("1")), page(row("b", 1), row("b", 1), row("a", 0)))
    assert ids(await client.async_get_history("door")) == ["c", "b", "a"]


async def test_one_empty_page_is_gone_over_and_two_are_the_end(ring: ScriptedRing, client: RingClient) -> None:
    empty = [page(following=link(f"empty-{n}")) for n in range(3)]
    ring.says(empty[0], page(row("b", 1), following=link("1")), empty[1], page(row("a", 0)))
    assert ids(await client.async_get_history("door")) == ["b", "a"]
    ring.says(page(row("b", 1), following=link("1")), *empty[1:], page(row("a", 0)))
    assert ids(await client.async_get_history("door")) == ["b"]
    assert len(ring.seen) == 3


@pytest.mark.parametrize("following", [link("1"), f"{link('1')}#again", f"{PATH}?page[key]=1", "?page[key]=1"])
async def test_a_cursor_that_repeats_is_the_end(ring: ScriptedRing, client: RingClient, following: str) -> None:
    ring.says(page(row("b", 1), following=link("1")), page(row("a", 0), following=following))
    assert ids(await client.async_get_history("door")) == ["b", "a"]
    assert len(ring.seen) == 2


async def test_a_page_that_links_to_itself_is_the_end(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(page(row("a", 0), following=PATH))
    assert ids(await client.async_get_history("door")) == ["a"]
    assert len(ring.seen) == 1


@pytest.mark.parametrize(("options", "pages"), [({}, 10), ({"max_pages": 3}, 3), ({"max_pages": 1}, 1)])
async def test_a_history_without_end_is_read_only_so_far(
    ring: ScriptedRing, client: RingClient, options: dict[str, int], pages: int
) -> None:
    ring.says(*(page(row(f"{n}", -n), following=link(f"{n}")) for n in range(15)))
    assert ids(await client.async_get_history("door", **options)) == [f"{n}" for n in range(pages)]
    assert len(ring.seen) == pages


async def test_only_pages_that_may_hold_something_new_are_asked_for(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(
        page(row("d", 3), row("c", 2), following=link("2")),
        page(row("b", 1), row("a", 0), following=link("0")),
    )
    assert ids(await client.async_get_history("door", since=at(1))) == ["d", "c", "b"]
    assert len(ring.seen) == 2


async def test_what_began_at_that_very_moment_may_be_on_the_next_page(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(page(row("b", 1), following=link("1")), page(row("a", 1), row("before", 0.999), following=link("0")))
    assert set(ids(await client.async_get_history("door", since=at(1)))) == {"a", "b"}
    assert len(ring.seen) == 2


async def test_rows_not_asked_for_also_tell_how_far_back_a_page_goes(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(page(row("live", 0, "on_demand"), following=link("0")))
    assert await client.async_get_history("door", since=at(1)) == ()
    assert len(ring.seen) == 1


async def test_a_time_in_another_zone_is_the_same_time(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(page(row("b", 1), row("a", 0)))
    since = datetime.fromisoformat("2026-09-15T14:00:01+02:00")
    assert ids(await client.async_get_history("door", since=since)) == ["b"]


# --- What goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (answer(400), RingRequestError),
        (answer(401), RingAuthError),
        (answer(403), RingForbiddenError),
        (answer(404), RingNotFoundError),
        (answer(429, retry_after="300"), RingRateLimitError),
        (answer(500), RingUnavailableError),
        (answer(200), RingUnavailableError),
        (answer(200, b"<html>"), RingUnavailableError),
        (answer(200, {"data": None}), RingUnavailableError),
        (answer(200, {"errors": []}), RingUnavailableError),
    ],
)
@pytest.mark.parametrize("before", [[], [page(row("b", 1), following=link("1"))]], ids=["first", "second"])
async def test_half_a_history_is_an_error(
    ring: ScriptedRing, client: RingClient, before: list[bytes], said: bytes, error: type[RingError]
) -> None:
    ring.says(*before, said)
    with pytest.raises(RingError) as raised:
        await client.async_get_history("door")
    assert type(raised.value) is error
    assert "door" not in str(raised.value)


async def test_a_missing_permission_is_known_as_such(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(answer(403, {"errors": [{"title": "Out of Scope Access"}]}))
    with pytest.raises(RingForbiddenError) as raised:
        await client.async_get_history("door")
    assert raised.value.out_of_scope


@pytest.mark.parametrize("following", ["https://ring.example/v1/history", "//ring.example/v1/", "/oauth/token"])
async def test_the_token_follows_no_link_to_another_place(
    ring: ScriptedRing, client: RingClient, following: str
) -> None:
    ring.says(page(row("b", 1), following=following))
    assert [event.id for event in await client.async_get_history("door")] == ["b"]
    assert (await client.async_get_history_page("door", ("motion",))).next is None
    assert len(ring.seen) == 2


async def test_an_id_is_one_segment_of_the_path(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(page())
    await client.async_get_history("../a/b?c#d%2F")
    assert ring.seen[0].target == "/v1/history/devices/..%2Fa%2Fb%3Fc%23d%252F/events?event_types=motion,ding"
    for not_an_id in ("", ".", ".."):
        with pytest.raises(RingNotFoundError):
            await client.async_get_history(not_an_id)
    assert len(ring.seen) == 1


WHOLE = row("damaged", 1)


@settings(VARIANTS, max_examples=250)
@given(place=st.sampled_from(places(WHOLE)), replacement=ANYTHING, drop=st.booleans(), number=st.integers(0, 2))
async def test_a_damaged_row_costs_no_other(
    ring: ScriptedRing, client: RingClient, place: tuple[str | int, ...], replacement: Json, drop: bool, number: int
) -> None:
    rows: list[Json] = [row("newer", 2), row("older", 0)]
    rows.insert(number, damaged(WHOLE, place, replacement, drop=drop))
    ring.says(answer(body=json.dumps({"data": rows}).encode()))
    found = {event.id: event for event in await client.async_get_history("door")}
    assert (found["newer"].start, found["older"].start) == (at(2), at(0))
    needed = {(), ("id",), ("attributes",), ("attributes", "event_type"), ("attributes", "start")}
    assert place in needed or "damaged" in found


@settings(VARIANTS, max_examples=100)
@given(
    links=ANYTHING.map(lambda value: {"links": value}) | ANYTHING.map(lambda value: {"links": {"next": value}}),
    since=st.none() | st.integers(-5, 5).map(at),
)
async def test_whatever_the_links_are_the_history_is_read_or_refused(
    ring: ScriptedRing, client: RingClient, links: JsonObject, since: datetime | None
) -> None:
    ring.says(answer(body=json.dumps({"data": [row("a", 0)], **links}).encode()))
    with suppress(RingUnavailableError):
        assert len(await client.async_get_history("door", since=since)) == (since is None or since <= START)
    assert len(ring.seen) <= 10
