"""The history of a camera: asked for once, continued on demand, and told apart as far as Ring lets one."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from custom_components.ring_partner import history_index
from custom_components.ring_partner.api import RingRequestError, RingUnavailableError
from custom_components.ring_partner.events import Kind, RingEvent, Source
from custom_components.ring_partner.history_index import TooFarBackError
from custom_components.ring_partner.identifiers import CameraId, Shelf
from ring_cloud.model import Device

from .pushes import HISTORY
from .recorded import NOW, Recorded, known_time, now, recorded, titles

__all__ = ["known_time", "now", "recorded"]

TODAY = datetime(2026, 11, 20, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def camera(device: Device) -> CameraId:
    return CameraId(device.id)


async def times(recorded: Recorded, start: datetime, end: datetime) -> list[datetime]:
    """Return when the recordings of a span began."""
    return [item.at for item in await recorded.recordings.async_between(camera(recorded.door), start, end)]


async def people(recorded: Recorded, shelf: Shelf = Shelf.PEOPLE) -> list[datetime]:
    """Return when the recordings on a shelf began, of the last week."""
    found = await recorded.recordings.async_on(shelf, camera(recorded.door), NOW - 7 * DAY, NOW + HOUR)
    return [item.at for item in found]


class TestIndex:
    """What has been read is not asked for again."""

    async def test_a_span_is_exact_and_newest_first(self, recorded) -> None:
        for at in (TODAY - SECOND, TODAY, TODAY + HOUR, TODAY + DAY - timedelta(milliseconds=1), TODAY + DAY):
            recorded.remember("motion_detected", at - DAY)
        assert await times(recorded, TODAY - DAY, TODAY) == [
            TODAY - timedelta(milliseconds=1),
            TODAY - 23 * HOUR,
            TODAY - DAY,
        ]

    async def test_a_second_look_asks_only_for_what_is_new(self, freezer, recorded) -> None:
        recorded.motions(60, TODAY + HOUR)
        assert len(await times(recorded, TODAY, TODAY + DAY)) == 60
        assert recorded.asked == 3
        assert len(await times(recorded, TODAY, TODAY + DAY)) == 60
        assert recorded.asked == 3
        freezer.tick(16)
        recorded.remember("button_press", NOW)
        assert (await times(recorded, TODAY, TODAY + DAY))[0] == NOW
        assert recorded.asked == 4

    async def test_a_day_that_is_over_is_not_asked_for_again(self, freezer, recorded) -> None:
        recorded.motions(10, TODAY - HOUR)
        assert len(await times(recorded, TODAY - DAY, TODAY)) == 10
        freezer.tick(86_400)
        assert len(await times(recorded, TODAY - DAY, TODAY)) == 10
        assert recorded.asked == 1

    async def test_an_older_day_goes_on_where_the_last_look_ended(self, recorded) -> None:
        recorded.motions(50, TODAY + HOUR)
        recorded.motions(50, TODAY - DAY + HOUR)
        recorded.motions(50, TODAY - 2 * DAY + HOUR)
        assert len(await times(recorded, TODAY, TODAY + DAY)) == 50
        asked = recorded.asked
        assert asked == 3
        assert len(await times(recorded, TODAY - 2 * DAY, TODAY - DAY)) == 50
        assert recorded.asked == 6

    async def test_what_comes_late_is_found(self, freezer, recorded) -> None:
        recorded.motions(3, TODAY + 19 * HOUR)
        assert len(await times(recorded, TODAY, TODAY + DAY)) == 3
        rows = recorded.cloud.history._rows[recorded.door.id]
        late = rows.pop()
        freezer.tick(60)
        recorded.remember("motion_detected", NOW)
        assert len(await times(recorded, TODAY, TODAY + DAY)) == 3
        rows.append(late)
        freezer.tick(60)
        assert len(await times(recorded, TODAY, TODAY + DAY)) == 4

    async def test_what_the_user_deleted_is_gone(self, freezer, recorded) -> None:
        recorded.motions(40, TODAY + HOUR)
        assert len(await times(recorded, TODAY, TODAY + DAY)) == 40
        del recorded.cloud.history._rows[recorded.door.id][-2]
        freezer.tick(16)
        assert len(await times(recorded, TODAY, TODAY + DAY)) == 39

    async def test_callers_at_the_same_time_share_what_is_asked(self, recorded) -> None:
        recorded.motions(60, TODAY + HOUR)
        found = await asyncio.gather(*(times(recorded, TODAY, TODAY + DAY) for _ in range(10)))
        assert [len(item) for item in found] == [60] * 10
        assert recorded.asked == 3

    async def test_a_long_absence_is_caught_up_without_a_gap(self, freezer, recorded) -> None:
        recorded.motions(30, TODAY + HOUR)
        await times(recorded, TODAY, TODAY + DAY)
        freezer.tick(86_400)
        recorded.motions(100, TODAY + DAY + HOUR)
        assert len(await times(recorded, TODAY + HOUR, TODAY + 2 * DAY)) == 130

    async def test_after_too_long_an_absence_the_index_begins_anew(self, freezer, recorded, monkeypatch) -> None:
        monkeypatch.setattr(history_index, "_MAX_NEW_PAGES", 2)
        recorded.motions(30, TODAY + HOUR)
        await times(recorded, TODAY, TODAY + DAY)
        freezer.tick(86_400)
        recorded.motions(100, TODAY + DAY + HOUR)
        assert len(await times(recorded, TODAY + HOUR, TODAY + 2 * DAY)) == 130

    async def test_an_outage_in_between_loses_nothing(self, freezer, recorded) -> None:
        recorded.motions(100, TODAY + HOUR)
        recorded.cloud.faults.add(HISTORY, status=500, nth=3, count=10)
        with pytest.raises(RingUnavailableError):
            await times(recorded, TODAY, TODAY + DAY)
        recorded.cloud.faults.clear()
        assert len(await times(recorded, TODAY, TODAY + DAY)) == 100

    async def test_a_cursor_that_ring_no_longer_takes_is_read_again_from_the_top(self, freezer, recorded) -> None:
        recorded.motions(100, TODAY + HOUR)
        await times(recorded, TODAY + 2 * HOUR + 30 * MINUTE, TODAY + DAY)
        recorded.cloud.faults.add(HISTORY, status=400, count=1)
        assert len(await times(recorded, TODAY, TODAY + DAY)) == 100
        recorded.cloud.faults.add(HISTORY, status=400, count=None)
        freezer.tick(20)
        with pytest.raises(RingRequestError):
            await times(recorded, TODAY, TODAY + DAY)

    async def test_too_much_is_said_and_not_kept(self, recorded, monkeypatch) -> None:
        monkeypatch.setattr(history_index, "MAX_ROWS", 50)
        recorded.motions(100, TODAY + HOUR)
        with pytest.raises(TooFarBackError):
            await times(recorded, TODAY, TODAY + DAY)
        assert recorded.asked == 2
        day = f"{recorded.entry.entry_id}/{recorded.door.id}/day/2026-11-20"
        assert (await recorded.browse(day))["error"]["message"].startswith("Too much has happened since then")
        assert len(await times(recorded, TODAY + 2 * HOUR, TODAY + DAY)) == 40

    async def test_pages_that_hold_next_to_nothing_are_not_followed_for_ever(self, recorded, monkeypatch) -> None:
        monkeypatch.setattr(history_index, "MAX_PAGES", 5)
        recorded.cloud.switches.history_page_size = 1
        recorded.motions(20, TODAY + HOUR)
        with pytest.raises(TooFarBackError):
            await times(recorded, TODAY, TODAY + DAY)
        assert recorded.asked == 6

    async def test_the_future_and_what_ring_has_forgotten_are_empty_without_asking(self, recorded) -> None:
        assert await times(recorded, NOW + 2 * DAY, NOW + 3 * DAY) == []
        assert await times(recorded, NOW - 200 * DAY, NOW - 181 * DAY) == []
        assert recorded.asked == 0


class TestQuirks:
    """Ring's history has its ways."""

    @pytest.mark.parametrize("following", ["keeps", "drops", "trailing"])
    @pytest.mark.parametrize("filters", [False, True])
    @pytest.mark.parametrize("count", [0, 25, 26, 80])
    async def test_every_recording_is_found_once(self, freezer, recorded, following, filters, count) -> None:
        recorded.cloud.switches.history_next = following
        recorded.cloud.switches.history_filters = filters
        recorded.motions(count, TODAY + HOUR)
        for _ in range(2):
            found = await times(recorded, TODAY, TODAY + DAY)
            assert found == [TODAY + HOUR + number * MINUTE for number in reversed(range(count))]
            freezer.tick(20)
        assert recorded.asked <= count // 25 + 5

    async def test_a_cursor_that_repeats_ends_the_history(self, recorded) -> None:
        recorded.cloud.switches.history_repeats_cursor = True
        recorded.motions(80, TODAY + HOUR)
        assert len(await times(recorded, TODAY, TODAY + DAY)) == 50
        assert recorded.asked == 2

    async def test_times_may_be_texts(self, recorded) -> None:
        recorded.cloud.switches.history_times_as_text = True
        recorded.remember("motion_detected", TODAY + HOUR)
        assert await times(recorded, TODAY, TODAY + DAY) == [TODAY + HOUR]

    async def test_what_is_neither_a_ring_nor_a_motion_nor_a_live_view_is_passed_over(self, recorded) -> None:
        for number, event_type in enumerate(("motion", "unheard_of", "")):
            at = TODAY + number * HOUR
            recorded.cloud.remember(recorded.door, "motion_detected", at=at.timestamp()).event_type = event_type
        assert await times(recorded, TODAY, TODAY + DAY) == [TODAY]

    async def test_a_row_that_says_what_moved_is_believed(self, recorded) -> None:
        """Ring's rows have not been seen to, but its filters are written like that."""
        at = TODAY + HOUR
        recorded.cloud.remember(recorded.door, "motion_detected", at=at.timestamp()).event_type = "motion.vehicle"
        recorded.entry.runtime_data.activity.handle(pushed(recorded.door, at, "human"))
        day = await recorded.open("Jane Doe", "Front Door", "Today")
        assert titles(day) == ["01:00 · Vehicle · 20 s"]

    async def test_a_recording_has_a_length_that_can_be_watched(self, recorded) -> None:
        for number, duration in enumerate((0.2, 32, 2000)):
            recorded.remember("motion_detected", TODAY + number * HOUR, duration=duration)
        found = await recorded.recordings.async_between(camera(recorded.door), TODAY, NOW)
        assert [item.duration for item in found] == [timedelta(minutes=15), timedelta(seconds=32), SECOND]


class TestSubTypes:
    """Rows do not say what moved: filters do, where Ring heeds them, and pushes."""

    @pytest.fixture(autouse=True)
    def _past(self, recorded) -> None:
        for number, sub_type in enumerate(("human", "vehicle", "human", "animal", "motion")):
            recorded.remember("motion_detected", TODAY + number * HOUR, sub_type)
        recorded.remember("button_press", TODAY + 5 * HOUR)

    async def test_filters_that_ring_heeds_tell_people_apart(self, recorded) -> None:
        recorded.cloud.switches.history_filters = True
        assert await people(recorded) == [TODAY + 2 * HOUR, TODAY]
        assert recorded.asked == 2
        assert await people(recorded, Shelf.VEHICLES) == [TODAY + HOUR]
        assert await people(recorded, Shelf.ANIMALS) == [TODAY + 3 * HOUR]
        assert recorded.asked == 3
        day = await recorded.open("Jane Doe", "Front Door", "Today")
        assert titles(day) == [
            "05:00 · Ring · 32 s",
            "04:00 · Motion · 32 s",
            "03:00 · Animal · 32 s",
            "02:00 · Person · 32 s",
            "01:00 · Vehicle · 32 s",
            "00:00 · Person · 32 s",
        ]

    async def test_filters_that_ring_ignores_label_nothing(self, recorded) -> None:
        assert await people(recorded) == []
        assert recorded.asked == 1
        day = await recorded.open("Jane Doe", "Front Door", "Today")
        assert {title.split(" · ")[1] for title in titles(day)} == {"Ring", "Motion"}

    async def test_filters_that_ring_ignores_label_nothing_even_where_there_is_only_motion(self, recorded) -> None:
        rows = recorded.cloud.history._rows[recorded.door.id]
        del rows[-1]
        assert await people(recorded) == []
        assert recorded.asked == 2
        assert await people(recorded, Shelf.VEHICLES) == []
        assert recorded.asked == 2

    async def test_a_shelf_that_nothing_can_fill_says_why(self, recorded) -> None:
        answer = await recorded.browse(f"{recorded.entry.entry_id}/{recorded.door.id}/people")
        assert answer["error"]["message"].startswith("Ring does not say what moved")

    async def test_rings_and_live_views_are_found_with_and_without_filters(self, recorded) -> None:
        recorded.remember("on_demand", TODAY + 6 * HOUR)
        assert await people(recorded, Shelf.RINGS) == [TODAY + 5 * HOUR]
        assert await people(recorded, Shelf.LIVE_VIEWS) == [TODAY + 6 * HOUR]
        assert await people(recorded, Shelf.MOTION) == [TODAY + n * HOUR for n in (4, 3, 2, 1, 0)]
        assert recorded.asked == 2

    async def test_a_filter_spares_what_it_leaves_out(self, recorded) -> None:
        recorded.cloud.switches.history_filters = True
        recorded.motions(400, TODAY + 6 * HOUR)
        assert await people(recorded, Shelf.RINGS) == [TODAY + 5 * HOUR]
        assert recorded.asked == 1

    async def test_a_ring_that_stops_to_heed_filters_is_noticed(self, freezer, recorded) -> None:
        recorded.cloud.switches.history_filters = True
        assert len(await people(recorded)) == 2
        recorded.cloud.switches.history_filters = False
        freezer.tick(20)
        assert await people(recorded) == []

    async def test_what_was_pushed_long_ago_is_told_apart_after_a_restart(self, freezer, recorded) -> None:
        """Of what has been announced no more than minutes are kept."""
        recorded.entry.runtime_data.activity.handle(pushed(recorded.door, TODAY + 2 * SECOND, "human"))
        freezer.tick(HOUR)
        assert await recorded.hass.config_entries.async_reload(recorded.entry.entry_id)
        assert await people(recorded) == [TODAY]

    async def test_what_was_pushed_is_told_apart(self, recorded) -> None:
        activity = recorded.entry.runtime_data.activity
        for at, sub_type in ((TODAY + 2 * SECOND, "human"), (TODAY + HOUR, "vehicle"), (TODAY + 9 * HOUR, "human")):
            activity.handle(pushed(recorded.door, at, sub_type))
        assert await people(recorded) == [TODAY]
        assert await people(recorded, Shelf.VEHICLES) == [TODAY + HOUR]
        assert await people(recorded, Shelf.ANIMALS) == []
        day = await recorded.open("Jane Doe", "Front Door", "Today")
        assert titles(day)[-2:] == ["01:00 · Vehicle · 32 s", "00:00 · Person · 32 s"]


class TestLenses:
    """Rows do not name the lens of a camera with several: pushes do."""

    @pytest.fixture
    def garage(self, recorded, account) -> Device:
        return account.device("Garage")

    async def day(self, recorded: Recorded, lens: str) -> list[str]:
        """Return what the folder of a lens lists of today."""
        return titles(await recorded.open("Jane Doe", f"Garage · Camera {lens}", "Today"))

    @pytest.fixture
    def seen(self, recorded, garage) -> None:
        """What was seen by the first lens, the second, both, and nobody knows by which."""
        activity = recorded.entry.runtime_data.activity
        for number, (sub_type, lenses) in enumerate(
            (("human", ("1",)), ("vehicle", ("2",)), ("animal", ("1", "2")), ("human", ()))
        ):
            at = TODAY + number * HOUR
            recorded.remember("motion_detected", at, device=garage)
            activity.handle(pushed(garage, at + 2 * SECOND, sub_type, *lenses))
        recorded.remember("motion_detected", TODAY + 4 * HOUR, device=garage)
        recorded.remember("button_press", TODAY + 3 * SECOND, device=garage)

    @pytest.mark.parametrize("is_restarted", [False, True])
    async def test_each_lists_what_it_saw_and_what_nobody_knows_the_lens_of(
        self, recorded, garage, seen, is_restarted
    ) -> None:
        if is_restarted:
            assert await recorded.hass.config_entries.async_reload(recorded.entry.entry_id)
        of_both = ["04:00 · Motion · 32 s", "03:00 · Person · 32 s", "02:00 · Animal · 32 s"]
        ring = "00:00 · Ring · 32 s"
        assert await self.day(recorded, "1") == [*of_both, ring, "00:00 · Person · 32 s"]
        assert await self.day(recorded, "2") == [*of_both, "01:00 · Vehicle · 32 s", ring]

    @pytest.mark.parametrize("filters", [False, True])
    async def test_a_shelf_holds_what_its_lens_saw(self, recorded, garage, seen, filters) -> None:
        recorded.cloud.switches.history_filters = filters
        for row, sub_type in zip(recorded.cloud.history._rows[garage.id], ("human", "vehicle"), strict=False):
            row.sub_type = sub_type
        found = {
            lens: await recorded.recordings.async_on(Shelf.PEOPLE, CameraId(garage.id, lens), NOW - DAY, NOW)
            for lens in ("1", "2")
        }
        assert TODAY in [item.at for item in found["1"]]
        assert TODAY not in [item.at for item in found["2"]]

    async def test_two_motions_in_quick_succession_are_each_of_their_own_lens(self, recorded, garage) -> None:
        for seconds, sub_type, lens in ((0, "human", "1"), (10, "vehicle", "2")):
            at = TODAY + seconds * SECOND
            recorded.remember("motion_detected", at, device=garage)
            recorded.entry.runtime_data.activity.handle(pushed(garage, at + SECOND, sub_type, lens))
        assert await self.day(recorded, "1") == ["00:00 · Person · 32 s"]
        assert await self.day(recorded, "2") == ["00:00 · Vehicle · 32 s"]

    async def test_one_motion_that_was_pushed_for_each_lens_is_listed_for_both(self, recorded, garage) -> None:
        recorded.remember("motion_detected", TODAY, device=garage)
        for seconds, sub_type, lens in ((1, "human", "1"), (5, "vehicle", "2")):
            recorded.entry.runtime_data.activity.handle(pushed(garage, TODAY + seconds * SECOND, sub_type, lens))
        assert await self.day(recorded, "1") == ["00:00 · Person · 32 s"]
        assert await self.day(recorded, "2") == ["00:00 · Vehicle · 32 s"]

    async def test_a_lens_that_the_device_does_not_have_hides_nothing(self, recorded, garage) -> None:
        for device in (garage, recorded.door):
            recorded.remember("motion_detected", TODAY, device=device)
            recorded.entry.runtime_data.activity.handle(pushed(device, TODAY, "human", "7"))
        for path in ("Garage · Camera 1", "Garage · Camera 2", "Front Door"):
            assert titles(await recorded.open("Jane Doe", path, "Today")) == ["00:00 · Person · 32 s"]


def pushed(device: Device, at: datetime, sub_type: str, *lenses: str) -> RingEvent:
    """A motion as Ring pushes it."""
    return RingEvent(
        device_id=device.id, kind=Kind.MOTION, at=at, source=Source.PUSH, sub_type=sub_type, component_ids=lenses
    )
