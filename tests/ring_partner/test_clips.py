"""Clips: received once, readable while they arrive, and whole in spite of Ring, the disk and the viewers."""

import asyncio
from datetime import timedelta
import errno
from http import HTTPStatus
import math
import os
from pathlib import Path
import shutil
import threading

from aiohttp import web
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.ring_partner import clips as clips_module
from custom_components.ring_partner.api import RingMediaUnreadableError, RingUnavailableError
from custom_components.ring_partner.cache import CacheFile
from custom_components.ring_partner.clips import UNWATCHED_SECONDS
from custom_components.ring_partner.reception import _OVERLAP
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from ring_cloud.media_time import read_times

from .clip_home import AT, NOW, ClipHome, _at_once, house, name_of
from .polls import async_pass_time

__all__ = ["_at_once", "house"]

FIRST = 4096


async def async_settle(house: ClipHome) -> None:
    """Let what is done beside the event loop come to its end."""
    await house.hass.async_block_till_done(wait_background_tasks=True)


async def async_until(condition) -> None:
    while not condition():
        await asyncio.sleep(0)


class TestSharing:
    async def test_many_viewers_and_one_download(self, house: ClipHome) -> None:
        held = house.cloud.media.transfers.hold_after(FIRST)
        viewers = [asyncio.create_task(house.get()) for _ in range(10)]
        await held.reached()
        late = asyncio.create_task(house.get(Range="bytes=100-"))
        held.release()
        bodies = {got.body for got in await asyncio.gather(*viewers)}
        assert len(bodies) == 1
        assert (await late).body == bodies.pop()[100:]
        assert house.downloads == 1

    async def test_a_second_look_asks_nobody(self, house: ClipHome) -> None:
        first = await house.whole()
        await async_settle(house)
        assert house.kept() == {name_of(house.clip())}
        assert await house.whole() == first
        assert house.downloads == 1

    async def test_clips_of_other_times_and_lengths_are_others(self, house: ClipHome) -> None:
        later = AT + timedelta(seconds=1)
        assert (await house.get()).start == AT
        assert (await house.get(house.url(later, timedelta(seconds=1)))).start == later
        assert house.downloads == 2

    async def test_only_so_many_are_received_at_once(self, house: ClipHome, monkeypatch: pytest.MonkeyPatch) -> None:
        house.clips._slots = asyncio.Semaphore(1)
        held = house.cloud.media.transfers.hold_after(FIRST)
        first = asyncio.create_task(house.get())
        await held.reached()
        second = asyncio.create_task(house.get(house.url(AT, timedelta(seconds=1))))
        # Another request makes the round to Ring and back, and the second clip has not been asked for.
        await house.entry.runtime_data.coordinator.async_refresh()
        assert house.downloads == 1
        held.release()
        assert [got.status for got in await asyncio.gather(first, second)] == [200, 200]
        assert house.downloads == 2

    async def test_what_is_waited_for_is_in_nobody_s_way(self, house: ClipHome) -> None:
        house.clips._slots = asyncio.Semaphore(1)
        house.cloud.switches.recording_ready_after = 20
        now = NOW - timedelta(seconds=1)
        house.record(now)
        waiting = asyncio.create_task(house.get(house.url(now)))
        await async_until(lambda: house.downloads > 1)
        assert (await house.get()).start == AT
        assert not waiting.done()
        house.freezer.tick(30)
        assert (await waiting).start == now


class TestWhileItArrives:
    async def test_the_first_bytes_are_shown_before_the_last_have_come(self, house: ClipHome) -> None:
        held = house.cloud.media.transfers.hold_after(FIRST)
        async with house.browser.get(house.url()) as answer:
            size = int(answer.headers["Content-Length"])
            begin = await answer.content.readexactly(FIRST)
            held.release()
            assert len(begin + await answer.read()) == size

    async def test_the_middle_can_be_sought_before_it_is_there(self, house: ClipHome) -> None:
        held = house.cloud.media.transfers.hold_after(FIRST)
        async with house.browser.get(house.url(), headers={"Range": "bytes=9000-9999"}) as answer:
            assert answer.status == 206
            tag = answer.headers["ETag"]
            held.release()
            middle = await answer.read()
        got = await house.get()
        assert middle == got.body[9000:10_000]
        assert got.headers["ETag"] == tag, "it is the same file before and after it is whole"
        assert house.downloads == 1

    async def test_without_its_length_it_is_shown_from_the_beginning(
        self, house: ClipHome, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = await house.whole()
        await async_settle(house)
        other = AT + timedelta(milliseconds=200)

        hide_length(monkeypatch)
        got = await house.get(house.url(other), Range="bytes=0-")
        assert got.status == 200
        assert "Content-Length" not in got.headers
        assert got.headers["Accept-Ranges"] == "none"
        assert got.start == other
        await async_settle(house)
        assert (await house.get(house.url(other), Range="bytes=5-9")).body == got.body[5:10]
        assert len(whole) > 0


class TestBrokenTransfers:
    async def test_a_cut_connection_is_not_noticed(self, house: ClipHome) -> None:
        house.cloud.media.transfers.cut_after(FIRST, count=2)
        got = await house.get()
        assert got.status == 200
        assert read_times(got.body)[0] == AT.timestamp() * 1000
        assert len(read_times(got.body)) == 15
        assert house.downloads == 3

    async def test_whoever_gets_on_is_not_given_up_however_often_the_line_breaks(self, house: ClipHome) -> None:
        house.cloud.media.transfers.cut_after(FIRST, count=6)
        got = await house.get()
        assert (got.broken, got.start, house.downloads) == (False, AT, 7)

    async def test_every_attempt_has_a_new_address(self, house: ClipHome) -> None:
        house.cloud.media.transfers.cut_after(FIRST)
        await house.get()
        ids = [request.query for request in house.cloud.media_requests]
        assert len(set(ids)) == len(ids) == 2

    async def test_an_address_that_has_expired_is_asked_for_again(self, house: ClipHome) -> None:
        house.cloud.switches.media_link_lifetime = 1
        fault = house.cloud.faults.add("/v1/download", delay=math.inf)
        watching = asyncio.create_task(house.get())
        await fault.reached()
        house.freezer.tick(2)
        fault.release()
        assert (await watching).start == AT
        assert house.downloads == 2

    async def test_only_the_rest_is_received_again(self, house: ClipHome) -> None:
        whole = await house.whole()
        await async_settle(house)
        await house.cache.async_delete(f"clip {house.clip()}")
        house.cloud.media.transfers.cut_after(FIRST, count=2)
        asked = len(house.cloud.media_requests)
        assert await house.whole() == whole
        ranges = [request.range for request in list(house.cloud.media_requests)[asked:]]
        assert ranges == [None, f"bytes={FIRST - _OVERLAP}-", f"bytes={2 * FIRST - 2 * _OVERLAP}-"]

    async def test_who_knows_no_ranges_sends_it_all_again(self, house: ClipHome, monkeypatch) -> None:
        whole = await house.whole()
        await async_settle(house)
        await house.cache.async_delete(f"clip {house.clip()}")
        house.cloud.media.transfers.cut_after(FIRST, count=2)
        monkeypatch.setattr(
            "ring_cloud.media_routes.file_response",
            lambda _request, data, _tag, status: web.Response(body=data, status=status),
        )
        assert await house.whole() == whole
        assert house.downloads == 4

    async def test_it_is_given_up_in_the_end(self, house: ClipHome) -> None:
        house.cloud.media.transfers.cut_after(100, count=20)
        got = await house.get()
        assert got.broken, "a part must not be taken for the whole"
        assert house.downloads == 5
        await async_settle(house)
        assert house.kept() == set()

    @pytest.mark.parametrize("knows_ranges", [True, False])
    @pytest.mark.parametrize("change", ["content", "size"])
    async def test_what_has_changed_meanwhile_is_not_mixed(
        self, house: ClipHome, monkeypatch, change: str, knows_ranges: bool
    ) -> None:
        house.cloud.media.transfers.cut_after(FIRST)
        if not knows_ranges:
            monkeypatch.setattr(
                "ring_cloud.media_routes.file_response",
                lambda _request, data, _tag, status: web.Response(body=data, status=status),
            )
        read = house.cloud.media.files.read

        async def changed(found):
            data = await read(found)
            if len(house.cloud.media_requests) == 1:
                return data
            return data[:-1] if change == "size" else data[:8] + bytes(byte ^ 1 for byte in data[8:])

        monkeypatch.setattr(house.cloud.media.files, "read", changed)
        async with house.clips.async_open(house.clip()) as file:
            with pytest.raises(RingMediaUnreadableError):
                await anext(chunk async for chunk in file.chunks(FIRST + 1))

    async def test_what_is_not_ready_yet_is_waited_for(self, house: ClipHome) -> None:
        at = NOW - timedelta(seconds=10)
        house.record(at)
        house.cloud.media.unreadable(house.bell, 3)
        got = await house.get(house.url(at))
        assert (got.status, got.start) == (200, at)
        assert house.downloads == 4

    async def test_nobody_waits_longer_than_two_minutes(self, house: ClipHome) -> None:
        at = NOW - timedelta(seconds=115)
        waiting = asyncio.create_task(house.get(house.url(at)))
        await async_until(lambda: house.downloads > 2)
        house.freezer.tick(20)
        assert (await waiting).status == HTTPStatus.NOT_FOUND

    async def test_what_is_still_being_recorded_is_not_kept(self, house: ClipHome) -> None:
        """Later there will be more of it."""
        at = NOW - timedelta(seconds=2)
        house.record(at, timedelta(seconds=30))
        url = house.url(at, timedelta(seconds=30))
        short = len(read_times((await house.get(url)).body))
        house.freezer.tick(5)
        assert len(read_times((await house.get(url)).body)) == short, "one who seeks in it does so in the same file"
        await async_pass_time(house.hass, house.freezer, timedelta(seconds=UNWATCHED_SECONDS + 1))
        assert house.kept() == set()
        house.freezer.tick(120)
        got = await house.get(url)
        assert len(read_times(got.body)) > short
        await async_settle(house)
        assert len(house.kept()) == 1


class TestViewersWhoLeave:
    async def test_a_file_that_was_opened_for_one_who_had_gone_is_closed(
        self, house: ClipHome, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await house.whole()
        await async_settle(house)
        is_open, go_on = asyncio.Event(), threading.Event()
        real = house.cache.open

        def slow_open(name: str) -> CacheFile | None:
            opened = real(name)
            house.hass.loop.call_soon_threadsafe(is_open.set)
            go_on.wait()
            return opened

        async def look() -> None:
            async with house.clips.async_open(house.clip()):
                pass

        monkeypatch.setattr(house.cache, "open", slow_open)
        viewer = asyncio.create_task(look())
        await is_open.wait()
        viewer.cancel()
        await asyncio.wait([viewer])
        assert name_of(house.clip()) in open_files()
        go_on.set()
        # Nobody waits for that thread any more, and it lets go of the file only after it has answered.
        await async_until(lambda: name_of(house.clip()) not in open_files())

    async def test_what_nobody_watches_any_more_is_stopped(self, house: ClipHome) -> None:
        held = house.cloud.media.transfers.hold_after(FIRST)
        async with house.browser.get(house.url()) as answer:
            await answer.content.readexactly(FIRST)
        download = house.clips._downloads
        await async_until(lambda: all(each._cancel_timer for each in download.values()))
        await async_pass_time_without_waiting(house, UNWATCHED_SECONDS + 1)
        await async_until(lambda: not download)
        await async_settle(house)
        assert house.kept() == set()
        held.release()

    async def test_who_comes_back_soon_goes_on_with_the_same(self, house: ClipHome) -> None:
        held = house.cloud.media.transfers.hold_after(FIRST)
        async with house.clips.async_open(house.clip()):
            pass
        await async_pass_time_without_waiting(house, UNWATCHED_SECONDS - 5)
        back = asyncio.create_task(house.get())
        await async_pass_time_without_waiting(house, 1)
        held.release()
        assert (await back).start == AT
        assert house.downloads == 1


class TestEnding:
    @pytest.mark.parametrize("how", ["unload", "stop"])
    async def test_nothing_half_written_is_left(self, house: ClipHome, how: str) -> None:
        held = house.cloud.media.transfers.hold_after(FIRST)
        watching = asyncio.create_task(house.get())
        await held.reached()
        await async_until(house.kept)
        if how == "unload":
            assert await house.hass.config_entries.async_unload(house.entry.entry_id)
        else:
            house.hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
        got = await watching
        assert got.broken or got.status == HTTPStatus.SERVICE_UNAVAILABLE
        await async_settle(house)
        assert house.kept() == set()
        with pytest.raises(RingUnavailableError):
            async with house.clips.async_open(house.clip()):
                pass
        held.release()

    async def test_the_cache_goes_with_the_account(self, house: ClipHome) -> None:
        await house.whole()
        folder = house.cache.folder
        await async_settle(house)
        await house.hass.config_entries.async_remove(house.entry.entry_id)
        await async_settle(house)
        assert not folder.exists()


class TestDisk:
    async def test_a_full_disk_does_not_hinder_watching(self, house: ClipHome, monkeypatch: pytest.MonkeyPatch) -> None:
        """What does not fit goes past the disk, to each viewer by itself."""
        whole = await house.whole()
        await async_settle(house)
        other = timedelta(seconds=2)
        expected = len((await house.get(house.url(AT, other))).body)
        await async_settle(house)
        await house.cache.async_delete(f"clip {house.clip(AT, other)}")
        fill_disk(monkeypatch, after=FIRST)
        got = await house.get(house.url(AT, other))
        assert (len(got.body), got.start) == (expected, AT)
        part = await house.get(house.url(AT, other), Range="bytes=6000-6999")
        assert (part.status, part.body) == (206, got.body[6000:7000])
        assert house.cloud.media_requests[-1].range == "bytes=6000-", "all of it was received again"
        await async_settle(house)
        assert house.kept() == set(), "what was kept had to make room"
        assert len(whole) > 0

    async def test_a_folder_that_cannot_be_written_to_neither(self, house: ClipHome) -> None:
        break_folder(house)
        for _ in range(2):
            got = await house.get(Range="bytes=0-")
            assert (got.status, got.start) == (206, AT)

    async def test_what_goes_past_it_is_taken_up_again_where_the_connection_broke_off(self, house: ClipHome) -> None:
        whole = await house.whole()
        await async_settle(house)
        break_folder(house)
        # Each viewer asks twice: for the file that cannot be written, then for itself.
        house.cloud.media.transfers.cut_after(FIRST, count=2)
        assert await house.whole() == whole
        house.cloud.media.transfers.cut_after(FIRST, count=2)
        assert (await house.get(Range="bytes=5000-5999")).body == whole[5000:6000]

    async def test_a_clip_without_its_length_neither(self, house: ClipHome, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = await house.whole()
        await async_settle(house)
        break_folder(house)
        hide_length(monkeypatch)
        got = await house.get()
        assert (got.status, got.body) == (200, whole)

    async def test_a_part_that_goes_past_it_is_not_taken_for_the_whole(
        self, house: ClipHome, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Ring has less to send the second time, and says so to nobody who was told otherwise."""
        break_folder(house)
        read, asked = house.cloud.media.files.read, []

        async def shorter(found):
            asked.append(found)
            return (await read(found))[: None if len(asked) == 1 else -10]

        monkeypatch.setattr(house.cloud.media.files, "read", shorter)
        assert (await house.get()).broken
        assert len(asked) == 2

    async def test_a_disk_that_cannot_be_read_neither(self, house: ClipHome, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = await house.whole()
        await async_settle(house)

        def broken(*_: object) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr("custom_components.ring_partner.cache.os.pread", broken)
        assert await house.whole() == whole
        assert house.downloads == 2

    async def test_a_file_that_vanishes_neither(self, house: ClipHome) -> None:
        whole = await house.whole()
        await async_settle(house)
        (house.cache.folder / name_of(house.clip())).unlink()
        assert await house.whole() == whole
        assert house.downloads == 2

    async def test_a_clip_larger_than_the_cache_is_shown_all_the_same(self, house: ClipHome) -> None:
        house.cache._max_bytes = 5000
        assert (await house.get()).start == AT
        await async_settle(house)
        assert house.kept() == set()


def hide_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Ring not tell how long a clip is."""
    note = clips_module.Reception._note
    monkeypatch.setattr(
        clips_module.Reception, "_note", lambda self, clip, now: (setattr(clip, "size", None), note(self, clip, now))
    )


def break_folder(house: ClipHome) -> None:
    """Let nothing be written where clips are kept."""
    shutil.rmtree(house.cache.folder)
    house.cache.folder.touch()


def open_files() -> set[str]:
    """Return the names of the files that this process has open."""
    return {Path(item).readlink().name for item in Path("/proc/self/fd").iterdir() if Path(item).is_symlink()}


def fill_disk(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Let the disk take only so much of any file, and the last of it in part, as disks do."""
    real = os.pwrite

    def pwrite(fd: int, data: bytes, at: int) -> int:
        if at >= after:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data[: after - at], at)

    monkeypatch.setattr("custom_components.ring_partner.cache.os.pwrite", pwrite)


async def async_pass_time_without_waiting(house: ClipHome, seconds: float) -> None:
    """Let timers ring while a download is held up."""
    house.freezer.tick(seconds)
    async_fire_time_changed(house.hass)
    await asyncio.sleep(0)
