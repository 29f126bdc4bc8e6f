"""Identifiers of the media browser: what is printed can be read again, and nothing else can."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
import re
from urllib.parse import unquote

from hypothesis import given, strategies as st
import pytest
from yarl import URL

from custom_components.ring_partner.identifiers import (
    CameraId,
    ClipId,
    EventId,
    FolderId,
    Shelf,
    parse_day,
    parse_media_id,
)
from homeassistant.components.media_source.const import URI_SCHEME_REGEX

NAMES = st.text(min_size=1, max_size=40).filter(lambda text: text.encode("utf-8", "replace").decode() == text)
# Whatever Ring's JSON may hold, with a liking for what looks as if it were escaped.
IDS = st.text(st.characters() | st.sampled_from("_5FA2C3%/~"), min_size=1, max_size=40)
CAMERAS = st.builds(CameraId, IDS, st.none() | IDS)
DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))
MOMENTS = st.integers(0, 4_000_000_000_000).map(
    lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)
LENGTHS = st.integers(0, 999_999_999).map(lambda ms: timedelta(milliseconds=ms))
EVENTS = st.builds(EventId, NAMES, st.builds(ClipId, CAMERAS, MOMENTS, LENGTHS))
FOLDERS = (
    st.builds(FolderId, NAMES)
    | st.builds(FolderId, NAMES, CAMERAS)
    | st.builds(FolderId, NAMES, CAMERAS, st.sampled_from(Shelf), DAYS)
    | st.builds(FolderId, NAMES, CAMERAS, st.sampled_from([s for s in Shelf if s not in ("day", "earlier")]))
)
DOOR = CameraId("door")


@given(EVENTS | FOLDERS)
def test_what_is_printed_is_read_again(identifier: EventId | FolderId) -> None:
    assert parse_media_id(str(identifier)) == identifier


@given(CAMERAS)
def test_a_camera_reads_the_same_before_and_after_an_address_is_decoded(camera: CameraId) -> None:
    text = str(camera)
    assert CameraId.parse(text) == camera
    assert re.fullmatch(r"[A-Za-z0-9._-]+(~[A-Za-z0-9._-]+)?", text)
    path = f"/clip/a{text}/1-1"
    url = URL(f"http://127.0.0.1{path}")
    assert url.raw_path == url.path == path == unquote(path)


@given(st.text("abcABC-.", min_size=1), st.text("xyz_-.", min_size=1))
def test_ids_of_plain_characters_stay_as_they_are(device_id: str, component_id: str) -> None:
    assert str(CameraId(device_id, component_id)) == f"{device_id}~{component_id}"


@pytest.mark.parametrize(
    ("device_id", "text"),
    [
        ("a b/c", "a_20b_2Fc"),
        ("50%", "50_25"),
        ("a~b", "a_7Eb"),
        ("h\xe9", "h_C3_A9"),
        ("x_2F", "x_5F2F"),
        ("x_1", "x_1"),
    ],
)
def test_what_is_not_plain_is_escaped(device_id: str, text: str) -> None:
    assert str(CameraId(device_id)) == text
    assert CameraId.parse(text) == CameraId(device_id)


@given(EVENTS | FOLDERS)
def test_home_assistant_takes_every_identifier(identifier: EventId | FolderId) -> None:
    match = URI_SCHEME_REGEX.match(f"media-source://ring_partner/{identifier}")
    assert match is not None
    assert match["identifier"] == str(identifier)


@given(st.text() | st.lists(st.text(st.sampled_from("ab1-~%/0:._AF")) | st.sampled_from(Shelf)).map("/".join))
def test_any_other_text_is_refused_or_names_what_it_prints(text: str) -> None:
    try:
        found = parse_media_id(text)
    except ValueError:
        return
    assert parse_media_id(str(found)) == found


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        ("entry", FolderId("entry")),
        ("entry/door", FolderId("entry", DOOR)),
        ("entry/garage~2", FolderId("entry", CameraId("garage", "2"))),
        ("entry/door/day/2026-11-20", FolderId("entry", DOOR, Shelf.DAY, date(2026, 11, 20))),
        ("entry/door/people", FolderId("entry", DOOR, Shelf.PEOPLE)),
        ("entry/door/people/2026-11-20", FolderId("entry", DOOR, Shelf.PEOPLE, date(2026, 11, 20))),
        (
            "entry/door/1763662831250-32000",
            EventId("entry", ClipId(DOOR, datetime(2025, 11, 20, 18, 20, 31, 250_000, UTC), timedelta(seconds=32))),
        ),
    ],
)
def test_identifiers_stay_as_people_have_saved_them(text: str, identifier: EventId | FolderId) -> None:
    assert parse_media_id(text) == identifier
    assert str(identifier) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "entry/",
        "entry//day",
        "entry/a~b~c",
        "entry/a_FF",
        "entry/door/day",
        "entry/door/earlier",
        "entry/door/day/2026-13-01",
        "entry/door/day/2026-1-1",
        "entry/door/day/1999-12-31",
        "entry/door/day/9999-12-31",
        "entry/door/day/2026-11-20/more",
        "entry/door/cats",
        "entry/door/12",
        "entry/door/12-",
        "entry/door/9999999999999999-1",
        "entry/door/999999999999999-1",
        "entry/door/1-1/2026-11-20",
        "entry/door/١-١",
    ],
)
def test_what_names_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_media_id(text)


@given(st.text())
def test_a_day_is_a_day_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert parse_day(text).isoformat() == text
