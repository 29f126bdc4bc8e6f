"""A folder of files that may be lost: bounded in size and age, and never in the way of what it serves."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
import errno
from hashlib import sha256
import logging
import os
from pathlib import Path
import re
import secrets
import shutil
import threading
import time
from typing import TYPE_CHECKING, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from .const import (
    DEFAULT_CACHE_DAYS,
    DEFAULT_CACHE_MEGABYTES,
    DOMAIN,
    OPTION_CACHE_DAYS,
    OPTION_CACHE_MEGABYTES,
)

# What stays free for Home Assistant itself, whatever the cache may use.
_HEADROOM_BYTES: Final = 100_000_000
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_WHOLE: Final = re.compile(r"[0-9a-f]{64}")
_PARTIAL: Final = re.compile(r"[0-9a-f]{64}\.[0-9a-f]{8}\.part")

_LOGGER: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A whole file: its bytes, and the epoch second in which it was begun."""

    size: int
    begun: int


class CacheFile:
    """An open file, readable from several threads, whatever becomes of its name."""

    def __init__(self, fd: int, *, size: int, begun: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()
        self.size = size
        self.begun = begun
        """Epoch second; with the size it tells two files of the same name apart."""

    def __del__(self) -> None:
        """Let go of it even where whoever had it opened was gone by then: browsers break off at every seek."""
        self.close()

    def read(self, at: int, count: int) -> bytes:
        """Return what stands there; nothing once it is closed. Blocks."""
        # A number that is closed may belong to another file a moment later.
        with self._lock:
            return b"" if self._fd < 0 else os.pread(self._fd, count, at)

    def write(self, data: bytes, at: int) -> None:
        """Write all of it. Blocks; raises OSError."""
        with self._lock:
            # What is closed (-1) takes nothing.
            view = memoryview(data)
            while view:
                # A disk that is nearly full takes a part, without an error.
                written = os.pwrite(self._fd, view, at)
                view, at = view[written:], at + written

    def flush(self) -> None:
        """Wait until it is on the disk. Blocks; raises OSError."""
        with self._lock:
            os.fsync(self._fd)

    def close(self) -> None:
        """Let go of it. Blocks."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1


class Partial:
    """A file that is being written, and can be read meanwhile; it has its name only once it is whole."""

    def __init__(self, cache: DiskCache, name: str) -> None:
        self._cache = cache
        self._name = name
        self._path = cache.folder / f"{_key(name)}.{secrets.token_hex(4)}.part"
        self._lock = threading.Lock()
        self._is_discarded = False
        self.file: CacheFile | None = None

    def begin(self, size: int = 0) -> None:
        """Create it; so many bytes are expected. Blocks; raises OSError where there is no room."""
        with self._lock:
            if self._is_discarded:
                raise OSError(errno.ECANCELED, "The file has been discarded")
            self.file = self._cache.create(self._path, size)

    def append(self, data: bytes) -> None:
        """Add to its end. Blocks; raises OSError where there is no room."""
        at = self._cache.claim(self._path, len(data))
        if TYPE_CHECKING:
            # There is no room for what has not been created.
            assert self.file is not None
        while True:
            try:
                self.file.write(data, at)
                return
            except OSError as err:
                if err.errno not in _FULL or not self._cache.drop_oldest():
                    raise

    def keep(self) -> None:
        """Give it its name, once there is something in it. Blocks; raises OSError."""
        if TYPE_CHECKING:
            assert self.file is not None
        # Without this a power cut could leave the name, and less than the whole behind it.
        self.file.flush()
        self._cache.adopt(self._name, self._path, self.file.begun)

    def discard(self) -> None:
        """Delete it, if it has not been kept; it can still be read. Blocks."""
        with self._lock:
            self._is_discarded = True
            self._cache.release(self._path)

    def close(self) -> None:
        """Let go of it. Blocks."""
        with self._lock:
            if self.file is not None:
                self.file.close()


class DiskCache:
    """Files by name; what was used longest ago goes first.

    Methods that say so block, and are for the executor; they can be called from several threads.
    """

    def __init__(
        self, hass: HomeAssistant, folder: Path, *, max_bytes: int | None = None, max_age: timedelta | None = None
    ) -> None:
        """Keep files in a folder; None sets no limit."""
        self._hass = hass
        self.folder = folder
        self._max_bytes = max_bytes
        self._max_age = max_age
        self._lock = threading.RLock()
        # The one used longest ago comes first.
        self._entries: dict[str, _Entry] = {}
        self._growing: dict[Path, int] = {}
        self._used = 0

    @property
    def used(self) -> int:
        """Bytes, of files that are being written, too."""
        return self._used

    async def async_open(self) -> None:
        """Take stock of what an earlier run has left, and clear away what is half-written or too old."""
        await self._hass.async_add_executor_job(self._take_stock)

    async def async_read(self, name: str) -> bytes | None:
        """Return a file, or None."""
        return await self._hass.async_add_executor_job(self._read, name)

    async def async_write(self, name: str, data: bytes) -> None:
        """Keep a file; a disk that is full keeps nothing, quietly."""
        await self._hass.async_add_executor_job(self._write, name, data)

    async def async_delete(self, name: str) -> None:
        """Drop a file, if it is there."""
        await self._hass.async_add_executor_job(self._drop, _key(name))

    async def async_remove(self) -> None:
        """Delete the folder."""
        await self._hass.async_add_executor_job(self._remove)

    def open(self, name: str) -> CacheFile | None:
        """Open a whole file that is not too old. Blocks."""
        with self._lock:
            key = _key(name)
            if (entry := self._entries.get(key)) is None:
                return None
            path = self.folder / key
            try:
                is_good = path.stat().st_size == entry.size and not self._is_too_old(entry)
                fd = os.open(path, os.O_RDONLY) if is_good else -1
            except OSError:
                fd = -1
            if fd < 0:
                self._drop(key)
                return None
            self._entries[key] = self._entries.pop(key)
        with suppress(OSError):
            # The times on the disk say the same after a restart: when it was used, and when it was begun.
            os.utime(path, (time.time(), entry.begun))
        return CacheFile(fd, size=entry.size, begun=entry.begun)

    def partial(self, name: str) -> Partial:
        """Return a file that is still to be written."""
        return Partial(self, name)

    def create(self, path: Path, size: int) -> CacheFile:
        """Create a partial file. Blocks; raises OSError where there is no room."""
        if self._max_bytes is not None and size > self._max_bytes:
            raise OSError(errno.EFBIG, "The cache may not grow so large")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._leave_room(size)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with self._lock:
            self._growing[path] = 0
        return CacheFile(fd, size=size, begun=int(time.time()))

    def claim(self, path: Path, count: int) -> int:
        """Make room for so many bytes more, and return where they belong. Blocks; raises OSError."""
        with self._lock:
            if (at := self._growing.get(path)) is None:
                raise OSError(errno.ECANCELED, "The file has been discarded")
            self._leave_room(count)
            if self._max_bytes is not None:
                # All the others together would not make room enough.
                is_hopeless = at + count > self._max_bytes
                while self._used + count > self._max_bytes:
                    if is_hopeless or not self.drop_oldest():
                        raise OSError(errno.EFBIG, "The cache may not grow so large")
            self._growing[path] += count
            self._used += count
            return at

    def adopt(self, name: str, path: Path, begun: int) -> None:
        """Give a partial file its name, and drop what has become too old. Blocks; raises OSError."""
        key = _key(name)
        with self._lock:
            if path not in self._growing:
                raise OSError(errno.ECANCELED, "The file has been discarded")
            os.utime(path, (time.time(), begun))
            self._drop(key)
            path.rename(self.folder / key)
            self._entries[key] = _Entry(self._growing.pop(path), begun)
            for other in [other for other, entry in self._entries.items() if self._is_too_old(entry)]:
                self._drop(other)

    def release(self, path: Path) -> None:
        """Forget a partial file, unless it has a name by now. Blocks."""
        with self._lock:
            if (size := self._growing.pop(path, None)) is not None:
                self._used -= size
                _unlink(path)

    def drop_oldest(self) -> bool:
        """Delete what was used longest ago; return whether there was anything. Blocks."""
        with self._lock:
            if (key := next(iter(self._entries), None)) is not None:
                self._drop(key)
            return key is not None

    def _leave_room(self, count: int) -> None:
        """Leave others what they need of the disk, once so many bytes more are on it. Raises OSError."""
        with self._lock:
            while shutil.disk_usage(self.folder).free < _HEADROOM_BYTES + count:
                # What has no limit is small: without it others would have no more.
                if self._max_bytes is None or not self.drop_oldest():
                    raise OSError(errno.ENOSPC, "The disk is nearly full")

    def _take_stock(self) -> None:
        found: list[tuple[float, str, _Entry]] = []
        with self._lock, _quietly("look into"):
            self._entries.clear()
            self._used = sum(self._growing.values())
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            for item in os.scandir(self.folder):
                if _PARTIAL.fullmatch(item.name) and Path(item) not in self._growing:
                    _unlink(Path(item))
                elif _WHOLE.fullmatch(item.name) and item.is_file(follow_symlinks=False):
                    stat = item.stat(follow_symlinks=False)
                    found.append((stat.st_atime, item.name, _Entry(stat.st_size, int(stat.st_mtime))))
            for _, key, entry in sorted(found, key=lambda each: each[0]):
                self._entries[key] = entry
                self._used += entry.size
                if self._is_too_old(entry):
                    self._drop(key)
            while self._max_bytes is not None and self._used > self._max_bytes and self.drop_oldest():
                pass

    def _read(self, name: str) -> bytes | None:
        if (file := self.open(name)) is None:
            return None
        try:
            data = file.read(0, file.size)
        except OSError:
            return None
        finally:
            file.close()
        return data if len(data) == file.size else None

    def _write(self, name: str, data: bytes) -> None:
        with _quietly("write to"):
            partial = self.partial(name)
            try:
                partial.begin(len(data))
                partial.append(data)
                partial.keep()
            finally:
                partial.discard()
                partial.close()

    def _drop(self, key: str) -> None:
        with self._lock:
            if (entry := self._entries.pop(key, None)) is not None:
                self._used -= entry.size
                _unlink(self.folder / key)

    def _remove(self) -> None:
        with self._lock:
            self._entries.clear()
            self._growing.clear()
            self._used = 0
        shutil.rmtree(self.folder, ignore_errors=True)

    def _is_too_old(self, entry: _Entry) -> bool:
        return self._max_age is not None and entry.begun + self._max_age.total_seconds() < time.time()


def media_cache(hass: HomeAssistant, entry: ConfigEntry) -> DiskCache:
    """Return where an account's clips and thumbnails are kept: a folder that backups leave out."""
    megabytes = entry.options.get(OPTION_CACHE_MEGABYTES, DEFAULT_CACHE_MEGABYTES)
    days = entry.options.get(OPTION_CACHE_DAYS, DEFAULT_CACHE_DAYS)
    folder = Path(hass.config.cache_path(DOMAIN, entry.entry_id))
    return DiskCache(hass, folder, max_bytes=megabytes * 1_000_000, max_age=timedelta(days=days))


def _key(name: str) -> str:
    """Return the name on the disk: no name, however odd, leads out of the folder or is too long."""
    return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def _unlink(path: Path) -> None:
    with _quietly("delete from"):
        path.unlink(missing_ok=True)


@contextmanager
def _quietly(verb: str) -> Iterator[None]:
    """Let go wrong what does: without the cache everything still works, only slower."""
    try:
        yield
    except OSError as err:
        _LOGGER.debug("Could not %s the cache: %s", verb, err.strerror or type(err).__name__)
