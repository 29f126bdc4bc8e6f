"""The folder of clips and pictures: bounded, private, and no hindrance when the disk is."""

from datetime import timedelta
import errno
import os
from pathlib import Path
import shutil
import subprocess
import sys

from freezegun.api import FrozenDateTimeFactory
from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.ring_partner.cache import DiskCache
from homeassistant.core import HomeAssistant


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "entry"


@pytest.fixture
def cache(hass: HomeAssistant, folder: Path) -> DiskCache:
    return DiskCache(hass, folder, max_bytes=1000, max_age=timedelta(days=1))


async def test_what_was_written_is_read(cache: DiskCache) -> None:
    await cache.async_open()
    assert await cache.async_read("a") is None
    await cache.async_write("a", b"one")
    await cache.async_write("a", b"three")
    assert await cache.async_read("a") == b"three"
    assert cache.used == 5
    await cache.async_delete("a")
    await cache.async_delete("a")
    assert await cache.async_read("a") is None
    assert cache.used == 0


async def test_it_survives_a_restart(hass: HomeAssistant, cache: DiskCache, folder: Path) -> None:
    await cache.async_write("a", b"one")
    again = DiskCache(hass, folder)
    await again.async_open()
    assert await again.async_read("a") == b"one"
    assert again.used == 3


async def test_nobody_else_may_look_into_it(cache: DiskCache, folder: Path) -> None:
    await cache.async_write("a", b"one")
    [file] = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)


async def test_what_was_used_longest_ago_goes_first(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, cache: DiskCache, folder: Path
) -> None:
    for name in "abc":
        freezer.tick(1)
        await cache.async_write(name, bytes(300))
    freezer.tick(1)
    await cache.async_read("a")
    again = DiskCache(hass, folder, max_bytes=1000)
    await again.async_open()
    for each in (cache, again):
        await each.async_write("d", bytes(300))
        assert each.used == 900
    assert [await again.async_read(name) is None for name in "abcd"] == [False, True, False, False]


async def test_what_is_too_old_is_not_shown(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, cache: DiskCache, folder: Path
) -> None:
    await cache.async_write("a", b"one")
    await cache.async_write("b", b"two")
    freezer.tick(timedelta(hours=23))
    assert await cache.async_read("a") == b"one", "using it makes it no younger"
    freezer.tick(timedelta(hours=2))
    assert await cache.async_read("a") is None
    await DiskCache(hass, folder, max_age=timedelta(days=1)).async_open()
    assert list(folder.iterdir()) == []


async def test_what_has_become_too_old_goes_when_something_new_comes(
    freezer: FrozenDateTimeFactory, cache: DiskCache, folder: Path
) -> None:
    await cache.async_write("a", b"one")
    freezer.tick(timedelta(hours=25))
    await cache.async_write("b", b"two")
    assert len(list(folder.iterdir())) == 1
    assert cache.used == 3


async def test_what_is_larger_than_the_cache_is_not_kept_and_drives_nothing_out(cache: DiskCache) -> None:
    await cache.async_write("a", b"one")
    await cache.async_write("b", bytes(1001))
    assert await cache.async_read("b") is None
    assert await cache.async_read("a") == b"one"


async def test_a_smaller_limit_takes_effect_on_opening(hass: HomeAssistant, cache: DiskCache, folder: Path) -> None:
    for name in "abc":
        await cache.async_write(name, bytes(300))
    again = DiskCache(hass, folder, max_bytes=400)
    await again.async_open()
    assert again.used == 300


async def test_a_file_that_was_cut_short_is_not_shown(hass: HomeAssistant, cache: DiskCache, folder: Path) -> None:
    await cache.async_write("a", b"one")
    [file] = folder.iterdir()
    os.truncate(file, 1)
    assert await cache.async_read("a") is None
    assert list(folder.iterdir()) == []


async def test_files_of_others_stay(hass: HomeAssistant, cache: DiskCache, folder: Path) -> None:
    (folder / "last").mkdir(parents=True)
    (folder / "note.txt").write_text("mine")
    (folder / ("0" * 64)).symlink_to(folder / "note.txt")
    await cache.async_open()
    assert cache.used == 0
    assert (folder / "note.txt").read_text() == "mine"
    assert (folder / "last").is_dir()


async def test_it_is_deleted_with_everything(cache: DiskCache, folder: Path) -> None:
    await cache.async_write("a", b"one")
    await cache.async_remove()
    await cache.async_remove()
    assert not folder.exists()
    assert await cache.async_read("a") is None


KILLED = """
import os, sys
from pathlib import Path
from custom_components.ring_partner.cache import DiskCache
partial = DiskCache(None, Path(sys.argv[1])).partial("a")
partial.begin()
partial.append(b"half of it")
os.kill(os.getpid(), 9)
"""


async def test_a_kill_in_the_middle_leaves_nothing(hass: HomeAssistant, cache: DiskCache, folder: Path) -> None:
    killed = await hass.async_add_executor_job(
        lambda: subprocess.run([sys.executable, "-c", KILLED, folder], check=False)
    )
    assert killed.returncode == -9
    assert [path.suffix for path in folder.iterdir()] == [".part"]
    await cache.async_open()
    assert list(folder.iterdir()) == []
    assert await cache.async_read("a") is None


class TestDisk:
    async def test_one_that_is_full_keeps_nothing_and_says_nothing(
        self, cache: DiskCache, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        await cache.async_write("a", b"one")

        def full(*_: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("custom_components.ring_partner.cache.os.pwrite", full)
        await cache.async_write("b", b"two")
        assert await cache.async_read("b") is None
        assert cache.used == 0
        assert list(folder.iterdir()) == []
        assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]

    async def test_room_is_left_for_home_assistant(
        self, cache: DiskCache, monkeypatch: pytest.MonkeyPatch, folder: Path
    ) -> None:
        await cache.async_write("a", b"one")
        fill_disk(monkeypatch, 5000)
        await cache.async_write("b", b"two")
        assert list(folder.iterdir()) == []

    async def test_what_has_no_limit_stays_on_a_full_disk(
        self, hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, folder: Path
    ) -> None:
        """The last pictures are small, and dropping them would help nobody."""
        kept = DiskCache(hass, folder)
        await kept.async_open()
        await kept.async_write("a", b"one")
        fill_disk(monkeypatch, 5000)
        await kept.async_write("b", b"two")
        assert await kept.async_read("a") == b"one"
        assert await kept.async_read("b") is None

    async def test_what_grows_without_telling_how_large_leaves_room_too(
        self, cache: DiskCache, monkeypatch: pytest.MonkeyPatch, folder: Path
    ) -> None:
        growing = cache.partial("a")
        growing.begin()
        growing.append(b"one")
        fill_disk(monkeypatch, 5000)
        with pytest.raises(OSError, match="nearly full"):
            growing.append(b"two")
        growing.discard()
        growing.close()
        assert list(folder.iterdir()) == []

    async def test_one_that_cannot_be_read_has_nothing(
        self, cache: DiskCache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        await cache.async_write("a", b"one")

        def broken(*_: object) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

        with monkeypatch.context() as disk:
            disk.setattr("custom_components.ring_partner.cache.os.pread", broken)
            assert await cache.async_read("a") is None
        assert await cache.async_read("a") == b"one"
        assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]

    async def test_a_folder_that_is_none(self, hass: HomeAssistant, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        cache = DiskCache(hass, tmp_path / "file" / "cache")
        await cache.async_open()
        await cache.async_write("a", b"one")
        assert await cache.async_read("a") is None
        await cache.async_delete("a")
        await cache.async_remove()


class TestPartial:
    async def test_it_counts_and_makes_room_while_it_grows(self, cache: DiskCache) -> None:
        await cache.async_write("a", bytes(600))
        partial = cache.partial("b")
        partial.begin()
        partial.append(bytes(300))
        assert cache.used == 900
        partial.append(bytes(300))
        assert cache.used == 600, "the older one had to go"
        with pytest.raises(OSError, match="may not grow"):
            partial.append(bytes(600))
        partial.discard()
        partial.close()
        assert cache.used == 0

    async def test_what_turns_out_to_be_larger_than_the_cache_drives_nothing_out(self, cache: DiskCache) -> None:
        await cache.async_write("a", bytes(600))
        partial = cache.partial("b")
        partial.begin()
        partial.append(bytes(300))
        with pytest.raises(OSError, match="may not grow"):
            partial.append(bytes(800))
        partial.discard()
        partial.close()
        assert cache.used == 600

    async def test_what_was_discarded_is_neither_continued_nor_kept(self, cache: DiskCache, folder: Path) -> None:
        early, late = cache.partial("a"), cache.partial("a")
        early.discard()
        late.begin()
        late.append(b"one")
        late.discard()
        for step in (early.begin, late.keep, lambda: late.append(b"two")):
            with pytest.raises(OSError, match="discarded"):
                step()
        assert late.file is not None
        assert late.file.read(0, 10) == b"one", "who reads it reads on"
        late.close()
        assert late.file.read(0, 10) == b""
        assert list(folder.iterdir()) == []

    async def test_what_is_kept_can_be_read_while_it_is_deleted(self, cache: DiskCache) -> None:
        await cache.async_write("a", b"one")
        file = cache.open("a")
        assert file is not None
        await cache.async_delete("a")
        assert file.read(0, 10) == b"one"
        file.close()

    async def test_what_is_closed_gets_at_no_file_that_was_opened_after_it(self, cache: DiskCache) -> None:
        """The number of an open file goes to the next one."""
        early, late = cache.partial("a"), cache.partial("b")
        early.begin()
        early.append(b"one")
        early.close()
        late.begin()
        late.append(b"two")
        early.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            early.append(b"three")
        assert late.file is not None
        assert late.file.read(0, 10) == b"two"
        late.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.text(max_size=300) | st.sampled_from(["../../up", "/etc/passwd", "a\x00b"]), max_size=12))
def test_no_name_leads_out_of_the_folder_and_no_file_beyond_the_limit(
    hass: HomeAssistant, cache: DiskCache, folder: Path, names: list[str]
) -> None:
    before = {path for path in folder.parents[1].rglob("*") if folder not in path.parents}
    for number, name in enumerate(names):
        cache._write(name, bytes([number]) * 200)
        assert cache._read(name) == bytes([number]) * 200
        on_disk = sum(path.stat().st_size for path in folder.iterdir())
        assert on_disk == cache.used <= 1000
    after = {path for path in folder.parents[1].rglob("*") if folder not in path.parents}
    assert after - before <= {folder, folder.parent}


def fill_disk(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    """Let so many bytes be free."""
    usage = shutil._ntuple_diskusage(10**9, 10**9 - free, free)
    monkeypatch.setattr("custom_components.ring_partner.cache.shutil.disk_usage", lambda _: usage)
