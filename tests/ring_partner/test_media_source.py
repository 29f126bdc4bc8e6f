"""Recordings in the media browser, through the commands that the frontend sends."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.ring_partner.events import Kind, RingEvent, Source
from homeassistant.components import media_source
from homeassistant.components.media_player import BrowseError, SearchMediaQuery

from .polls import async_pass_time
from .pushes import HISTORY, SECOND
from .recorded import ROOT, Recorded, known_time, now, recorded, titles
from .viewers import until

__all__ = ["known_time", "now", "recorded"]

TODAY = datetime(2026, 11, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FOLDERS = [
    "Today",
    "Yesterday",
    "Wednesday",
    "Tuesday",
    "Monday",
    "Sunday",
    "Saturday",
    "Earlier",
    "Rings",
    "Motion",
    "People",
    "Vehicles",
    "Animals",
    "Live views",
]


class TestBrowse:
    """From the account down to a recording."""

    async def test_an_account_shows_its_cameras_and_a_camera_its_days_without_asking_ring(self, recorded) -> None:
        root = await recorded.open()
        assert titles(root) == ["Jane Doe"]
        account = await recorded.open("Jane Doe")
        assert titles(account) == ["Driveway", "Front Door", "Garage · Camera 1", "Garage · Camera 2", "Garden"]
        camera = await recorded.open("Jane Doe", "Front Door")
        assert titles(camera) == FOLDERS
        assert all(child["can_expand"] and not child["can_play"] for child in camera["children"])
        assert all(folder["can_search"] for folder in (root, account, camera))
        assert recorded.asked == 0

    async def test_a_camera_without_a_bell_has_no_shelf_of_rings(self, recorded) -> None:
        assert "Rings" not in titles(await recorded.open("Jane Doe", "Driveway"))

    async def test_a_day_shows_what_happened_newest_first(self, recorded) -> None:
        recorded.remember("button_press", TODAY + 8 * HOUR, duration=75)
        recorded.remember("motion_detected", TODAY + 9 * HOUR, "human")
        recorded.remember("on_demand", TODAY + 10 * HOUR)
        recorded.remember("motion_detected", TODAY - HOUR)
        day = await recorded.open("Jane Doe", "Front Door", FOLDERS[0])
        assert titles(day) == ["09:00 · Motion · 32 s", "08:00 · Ring · 1 min 15 s"]
        assert day["title"] == "Front Door · Today"
        assert day["children_media_class"] == "video"
        motion = day["children"][0]
        assert (motion["can_play"], motion["can_expand"], motion["media_class"]) == (True, False, "video")
        start_ms = round((TODAY + 9 * HOUR).timestamp() * 1000)
        account = recorded.entry.entry_id
        assert motion["media_content_id"] == f"{ROOT}/{account}/{recorded.door.id}/{start_ms}-32000"
        assert motion["thumbnail"] == f"/api/ring_partner/thumbnail/{account}/{recorded.door.id}/{start_ms}"

    async def test_a_recording_resolves_to_a_signed_path_that_asks_ring_for_nothing(self, recorded) -> None:
        recorded.remember("button_press", TODAY + 8 * HOUR)
        day = await recorded.open("Jane Doe", "Front Door", FOLDERS[0])
        before = len(recorded.cloud.requests)
        answer = await recorded.send("resolve_media", media_content_id=day["children"][0]["media_content_id"])
        start_ms = round((TODAY + 8 * HOUR).timestamp() * 1000)
        path = f"/api/ring_partner/clip/{recorded.entry.entry_id}/{recorded.door.id}/{start_ms}-32000?authSig="
        assert answer["result"]["url"].startswith(path)
        assert answer["result"]["mime_type"] == "video/mp4"
        assert len(recorded.cloud.requests) == before

    async def test_a_recording_plays_and_its_thumbnail_shows(self, recorded, hass_client, hass_client_no_auth) -> None:
        recorded.remember("button_press", TODAY + 8 * HOUR, duration=2)
        (event,) = (await recorded.open("Jane Doe", "Front Door", FOLDERS[0]))["children"]
        answer = await recorded.send("resolve_media", media_content_id=event["media_content_id"])
        clip = await (await hass_client_no_auth()).get(answer["result"]["url"])
        assert (clip.status, clip.content_type) == (200, "video/mp4")
        assert (await clip.read())[4:8] == b"ftyp"
        picture = await (await hass_client()).get(event["thumbnail"])
        assert (picture.status, picture.content_type) == (200, "image/jpeg")

    async def test_both_lenses_of_a_camera_show_what_happened_there(self, recorded, account) -> None:
        garage = account.device("Garage")
        recorded.remember("motion_detected", TODAY + HOUR, device=garage)
        for lens in ("1", "2"):
            day = await recorded.open("Jane Doe", f"Garage · Camera {lens}", FOLDERS[0])
            assert titles(day) == ["01:00 · Motion · 32 s"]
            assert f"{garage.id}~" in day["children"][0]["media_content_id"]
        assert recorded.asked == 1

    async def test_live_views_are_on_a_shelf_of_their_own_and_no_motion(self, recorded) -> None:
        recorded.remember("on_demand", TODAY + HOUR)
        assert titles(await recorded.open("Jane Doe", "Front Door", FOLDERS[0])) == []
        assert titles(await recorded.open("Jane Doe", "Front Door", "Motion")) == []
        live = await recorded.open("Jane Doe", "Front Door", "Live views")
        assert titles(live) == ["11-20 01:00 · Live view"]

    async def test_earlier_days_end_where_the_history_is_known_to_begin(self, recorded) -> None:
        recorded.remember("motion_detected", TODAY - 9 * DAY)
        week = await recorded.open("Jane Doe", "Front Door", "Earlier")
        assert titles(week)[0] == "2026-11-13"
        assert len(titles(week)) == 8
        assert titles(await recorded.open("Jane Doe", "Front Door", "Earlier", "2026-11-10")) == []
        week = await recorded.open("Jane Doe", "Front Door", "Earlier")
        assert titles(week) == ["2026-11-13", "2026-11-12", "2026-11-11"]

    async def test_a_shelf_goes_on_with_the_week_before(self, recorded) -> None:
        recorded.remember("button_press", TODAY - 8 * DAY)
        assert titles(await recorded.open("Jane Doe", "Front Door", "Rings")) == ["Earlier"]
        week = await recorded.open("Jane Doe", "Front Door", "Rings", "Earlier")
        assert titles(week)[0] == "11-12 00:00 · Ring"

    async def test_what_ring_has_forgotten_is_an_empty_shelf_that_asks_for_nothing(self, recorded) -> None:
        answer = await recorded.browse(f"{recorded.entry.entry_id}/{recorded.door.id}/rings/2026-01-01")
        assert titles(answer["result"]) == []
        assert recorded.asked == 0

    async def test_the_picture_of_a_camera_is_that_of_its_last_event(self, recorded) -> None:
        assert (await recorded.open("Jane Doe"))["children"][1]["thumbnail"] is None

    async def test_the_picture_of_a_lens_is_that_of_the_last_event_it_saw(self, freezer, recorded, account) -> None:
        garage = account.device("Garage")
        moments = {}
        for lens in ("1", "2"):
            freezer.tick(5)
            at = moments[lens] = datetime.now(UTC) - timedelta(seconds=1)
            recorded.remember("motion_detected", at, device=garage)
            recorded.entry.runtime_data.activity.handle(
                RingEvent(device_id=garage.id, kind=Kind.MOTION, at=at, source=Source.PUSH, component_ids=(lens,))
            )
            await recorded.hass.async_block_till_done(wait_background_tasks=True)
        account_folder = await recorded.open("Jane Doe")
        pictures = {child["title"]: child["thumbnail"] for child in account_folder["children"]}
        for lens, at in moments.items():
            picture = pictures[f"Garage · Camera {lens}"]
            assert picture is not None
            assert picture.endswith(f"/{round(at.timestamp() * 1000)}")


class TestDays:
    """Days are those of Home Assistant's time zone."""

    @pytest.mark.parametrize(
        ("zone", "now", "hours"),
        [
            ("Europe/Berlin", datetime(2026, 10, 27, 12, tzinfo=UTC), 25),
            ("Europe/Berlin", datetime(2026, 3, 31, 12, tzinfo=UTC), 23),
            ("Asia/Tokyo", datetime(2026, 11, 20, 12, tzinfo=UTC), 24),
            ("America/St_Johns", datetime(2026, 11, 20, 12, tzinfo=UTC), 24),
            # Its day began at one o'clock.
            ("Africa/Cairo", datetime(2026, 4, 26, 12, tzinfo=UTC), 23),
        ],
    )
    async def test_a_day_has_its_own_length(self, hass, recorded, zone, now, hours) -> None:
        await hass.config.async_set_time_zone(zone)
        noon = now - 2 * DAY
        for offset in range(-40, 41):
            recorded.remember("motion_detected", noon + offset * HOUR + timedelta(minutes=29, seconds=59))
        answer = await recorded.browse(f"{recorded.entry.entry_id}/{recorded.door.id}/day/{noon.date().isoformat()}")
        assert len(answer["result"]["children"]) == hours

    async def test_times_are_those_of_the_home(self, hass, recorded) -> None:
        await hass.config.async_set_time_zone("Asia/Tokyo")
        recorded.remember("motion_detected", TODAY + 18 * HOUR)
        day = await recorded.open("Jane Doe", "Front Door", "Today")
        assert titles(day) == ["03:00 · Motion · 32 s"]


class TestRefusals:
    """What cannot be shown is refused in words."""

    @pytest.mark.parametrize(
        ("identifier", "words"),
        [
            ("{entry}/{door}/cats", "There is no such recording"),
            ("{entry}/{door}/day/2026-02-30", "There is no such recording"),
            ("{entry}/{door}/1-1", "There is no such recording"),
            ("nobody", "This Ring account is no longer set up"),
            ("{entry}/gone", "This camera is not in the Ring account Jane Doe at the moment"),
            ("{entry}/{door}~7/people", "This camera is not in the Ring account Jane Doe at the moment"),
        ],
    )
    async def test_what_names_nothing_to_open_is_refused(self, recorded, identifier, words) -> None:
        answer = await recorded.browse(identifier.format(entry=recorded.entry.entry_id, door=recorded.door.id))
        assert answer["error"] == {"code": "browse_media_failed", "message": words}

    @pytest.mark.parametrize(
        ("identifier", "words"),
        [
            ("{entry}/{door}", "There is no such recording"),
            ("{entry}/{door}/1-0", "There is no such recording"),
            ("{entry}/{door}/1-900001", "There is no such recording"),
            ("{entry}/{door}/x", "There is no such recording"),
            ("nobody/{door}/1-1", "This Ring account is no longer set up"),
            ("{entry}/gone/1-1", "This camera is not in the Ring account Jane Doe at the moment"),
        ],
    )
    async def test_what_names_nothing_to_watch_is_refused(self, recorded, identifier, words) -> None:
        identifier = identifier.format(entry=recorded.entry.entry_id, door=recorded.door.id)
        answer = await recorded.send("resolve_media", media_content_id=f"{ROOT}/{identifier}")
        assert answer["error"] == {"code": "resolve_media_failed", "message": words}

    async def test_an_account_that_is_not_loaded_says_so(self, hass, recorded) -> None:
        await hass.config_entries.async_unload(recorded.entry.entry_id)
        assert titles(await recorded.open()) == ["Jane Doe"]
        answer = await recorded.browse(recorded.entry.entry_id)
        assert answer["error"]["message"] == "The Ring account Jane Doe is not loaded"
        assert await recorded.search("front person") == []

    async def test_a_ring_that_wants_a_moment_gets_it(self, hass, freezer, recorded) -> None:
        recorded.remember("motion_detected", TODAY + HOUR)
        recorded.cloud.faults.add(HISTORY, status=429, headers={"Retry-After": "2"})
        place = f"{recorded.entry.entry_id}/{recorded.door.id}/day/2026-11-20"
        opening = asyncio.create_task(recorded.browse(place))
        await until(lambda: recorded.entry.runtime_data.coordinator.seconds_to_wait > 0)
        await async_pass_time(hass, freezer, 3 * SECOND)
        assert titles((await opening)["result"]) == ["01:00 · Motion · 32 s"]

    @pytest.mark.parametrize(
        ("fault", "words"),
        [
            ({"status": 500}, "Ring cannot be reached"),
            ({"garbage": "html"}, "Ring cannot be reached"),
            ({"cut": "before"}, "Ring cannot be reached"),
            ({"status": 429, "headers": {"Retry-After": "60"}}, "Ring asks to wait 60 s"),
            ({"status": 403}, "permission group"),
            ({"status": 404}, "Ring does not know this device any more"),
        ],
    )
    async def test_an_outage_is_told_with_its_reason_and_forgotten_after_it(
        self, freezer, recorded, fault, words
    ) -> None:
        recorded.remember("motion_detected", TODAY + HOUR)
        recorded.cloud.faults.add(HISTORY, count=None, **fault)
        place = f"{recorded.entry.entry_id}/{recorded.door.id}/day/2026-11-20"
        assert words in (await recorded.browse(place))["error"]["message"]
        answer = await recorded.send("search_media", media_content_id=ROOT, search_query="front motion")
        assert answer["error"]["code"] == "search_media_failed"
        recorded.cloud.faults.clear()
        freezer.tick(61)
        assert titles((await recorded.browse(place))["result"]) == ["01:00 · Motion · 32 s"]

    async def test_ring_is_not_asked_while_it_wants_to_be_left_alone(self, recorded) -> None:
        recorded.entry.runtime_data.client.limiter.extend(30)
        answer = await recorded.browse(f"{recorded.entry.entry_id}/{recorded.door.id}/day/2026-11-20")
        assert answer["error"]["message"] == "Ring asks to wait 30 s"
        assert recorded.asked == 0

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
    @given(text=st.text(), words=st.text())
    async def test_no_text_brings_anything_but_a_refusal(self, recorded: Recorded, text: str, words: str) -> None:
        for identifier in (
            text,
            f"{recorded.entry.entry_id}/{text}",
            f"{recorded.entry.entry_id}/{recorded.door.id}/{text}",
        ):
            uri = f"{ROOT}/{identifier}"
            for ask in (
                lambda uri=uri: media_source.async_browse_media(recorded.hass, uri),
                lambda uri=uri: media_source.async_search_media(
                    recorded.hass, uri, SearchMediaQuery(search_query=words)
                ),
                lambda uri=uri: media_source.async_resolve_media(recorded.hass, uri, None),
            ):
                with suppress(BrowseError, media_source.Unresolvable):
                    await ask()


class TestSearch:
    """Words are kinds, days and names of cameras."""

    @pytest.fixture(autouse=True)
    def _past(self, recorded, account) -> None:
        recorded.remember("button_press", TODAY + 8 * HOUR)
        recorded.remember("motion_detected", TODAY - 2 * HOUR)
        recorded.remember("button_press", TODAY - 4 * DAY)
        recorded.remember("motion_detected", TODAY + 7 * HOUR, device=account.device("Driveway"))
        recorded.remember("on_demand", TODAY + 6 * HOUR)

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("front", ["Front Door"]),
            ("DOOR front", ["Front Door"]),
            ("garage", ["Garage · Camera 1", "Garage · Camera 2"]),
            ("nobody", []),
            ("  ", []),
            (
                "ring",
                ["11-20 08:00 · Ring · Front Door", "11-16 00:00 · Ring · Front Door"],
            ),
            ("ring monday", ["11-16 00:00 · Ring · Front Door"]),
            ("yesterday", ["11-19 22:00 · Motion · Front Door"]),
            ("2026-11-19 front", ["11-19 22:00 · Motion · Front Door"]),
            ("ring 2026-11-19", []),
            ("driveway motion", ["11-20 07:00 · Motion · Driveway"]),
            (
                "motion today front door",
                [],
            ),
            (
                "Today",
                ["11-20 08:00 · Ring · Front Door", "11-20 07:00 · Motion · Driveway"],
            ),
            ("live", ["11-20 06:00 · Live view · Front Door"]),
            ("live views", ["11-20 06:00 · Live view · Front Door"]),
            ("front live view today", ["11-20 06:00 · Live view · Front Door"]),
            ("views", []),
            ("2026-02-30", []),
        ],
    )
    async def test_everywhere(self, recorded, text, found) -> None:
        assert await recorded.search(text) == found

    async def test_below_a_camera_only_that_is_looked_through(self, recorded, account) -> None:
        driveway = f"{recorded.entry.entry_id}/{account.device('Driveway').id}"
        assert await recorded.search("today", driveway) == ["11-20 07:00 · Motion · Driveway"]
        assert await recorded.search("ring", driveway) == []

    async def test_only_the_classes_that_are_wanted_are_found(self, recorded) -> None:
        assert await recorded.search("ring", media_filter_classes=["directory"]) == []
        assert await recorded.search("front", media_filter_classes=["video"]) == []
        assert len(await recorded.search("ring", media_filter_classes=["video"])) == 2

    async def test_a_recording_is_nothing_to_look_through(self, recorded) -> None:
        place = f"{ROOT}/{recorded.entry.entry_id}/{recorded.door.id}/1-1000"
        answer = await recorded.send("search_media", media_content_id=place, search_query="ring")
        assert answer["error"] == {"code": "search_media_failed", "message": "There is no such recording"}

    async def test_a_camera_that_cannot_be_read_hides_nothing_of_the_others(self, recorded) -> None:
        recorded.cloud.faults.add(f"/v1/history/devices/{recorded.door.id}/*", status=500, count=None)
        assert await recorded.search("today") == ["11-20 07:00 · Motion · Driveway"]


async def test_opening_a_day_with_500_events_costs_20_requests_once(recorded) -> None:
    recorded.motions(500, TODAY + HOUR)
    place = f"{recorded.entry.entry_id}/{recorded.door.id}/day/2026-11-20"
    answer = await recorded.browse(place)
    assert len(answer["result"]["children"]) == 500
    assert recorded.asked == 20
    assert len((await recorded.browse(place))["result"]["children"]) == 500
    assert recorded.asked == 20
