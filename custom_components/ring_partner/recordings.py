"""What a camera has recorded: its history, read once and then only continued."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Final

from yarl import URL

from homeassistant.util import dt as dt_util

from .api import MAX_CLIP, HistoryEvent, HistoryPage, RingClient, RingRateLimitError, RingUnavailableError
from .coordinator import RingCoordinator
from .events import SAME_WITHIN, Kind
from .history_index import KEPT_FOR, HistoryIndex
from .identifiers import CameraId, ClipId, Shelf
from .labels import Label, Labels

# Of a recording that does not say when it ended.
_USUAL_LENGTH: Final = timedelta(seconds=30)
_SHORTEST: Final = timedelta(seconds=1)

# The history's words, and what they are here; a live view is nothing that happened at the camera.
_KINDS: Final[dict[str, Kind | None]] = {"motion": Kind.MOTION, "ding": Kind.RING, "on_demand": None}
# What Ring is asked for to fill a shelf. It has been seen to ignore every filter.
_FILTERS: Final[dict[Shelf, str]] = {
    Shelf.RINGS: "ding",
    Shelf.MOTION: "motion",
    Shelf.PEOPLE: "motion.human",
    Shelf.VEHICLES: "motion.vehicle",
    Shelf.ANIMALS: "motion.animal",
    Shelf.LIVE_VIEWS: "on_demand",
}
_moment_of = attrgetter("at")
_SUB_TYPES: Final = tuple(filter_ for filter_ in _FILTERS.values() if "." in filter_)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One event that can be watched."""

    camera: CameraId
    at: datetime
    duration: timedelta
    kind: Kind | None
    """None of a live view."""
    sub_type: str | None = None
    event_id: str | None = None

    @property
    def clip(self) -> ClipId:
        """The clip that shows it."""
        return ClipId(self.camera, self.at, self.duration)


class Recordings:
    """The histories of one account."""

    def __init__(self, client: RingClient, coordinator: RingCoordinator, labels: Labels) -> None:
        """Prepare; nothing is requested before somebody looks."""
        self._client = client
        self._coordinator = coordinator
        self._labels = labels
        self._indexes: dict[tuple[str, str], HistoryIndex] = {}
        # Whether Ring filters the history of a device, as far as that is known.
        self._filters: dict[str, bool] = {}

    async def async_between(self, camera: CameraId, start: datetime, end: datetime) -> list[Recording]:
        """Return what was recorded in a span, newest first; sub-types as far as they are known. Raises RingError.

        Rows do not name the lens: a device with several tells the same of each.
        """
        now = dt_util.utcnow()
        start, end = max(start, now - KEPT_FOR), min(end, now + timedelta(days=1))
        if start >= end:
            return []
        index = self._index(camera.device_id, ",".join(_KINDS))
        await index.async_reach(start, end)
        return self._read(camera, index.between(start, end))

    async def async_on(self, shelf: Shelf, camera: CameraId, start: datetime, end: datetime) -> list[Recording]:
        """Return the recordings of a span that belong on a shelf, newest first. Raises RingError."""
        wanted = _FILTERS[shelf]
        start = max(start, dt_util.utcnow() - KEPT_FOR)
        if start >= end:
            return []
        if await self._async_is_filtered(camera.device_id, wanted):
            index = self._index(camera.device_id, wanted)
            await index.async_reach(start, end)
            if not _is_mixed(index, wanted):
                return self._read(camera, index.between(start, end))
            self._filters[camera.device_id] = False
        if "." in wanted and (start := max(start, self._pushed_since(camera.device_id, wanted) or end)) >= end:
            return []
        found = await self.async_between(camera, start, end)
        return [recording for recording in found if _belongs(recording, wanted)]

    def tells_apart(self, device_id: str) -> bool:
        """Whether anything tells the device's motions apart: a filter that works, or what was pushed."""
        return self._filters.get(device_id, False) or any(
            f"motion.{sub_type}" in _SUB_TYPES for _, sub_type in self._labels.of(device_id)
        )

    def begin(self, device_id: str) -> datetime | None:
        """Return when the history of a device begins, or None if nobody has looked that far."""
        index = self._indexes.get((device_id, ",".join(_KINDS)))
        return index.oldest if index is not None and index.is_whole else None

    async def _async_is_filtered(self, device_id: str, wanted: str) -> bool:
        """Find out with one page each whether Ring filters, if that is not known.

        A list of people that contains what a list of vehicles does was not filtered.
        """
        if (known := self._filters.get(device_id)) is not None:
            return known
        index = self._index(device_id, wanted)
        await index.async_peek()
        is_filtered = not _is_mixed(index, wanted)
        if is_filtered and index.rows and "." in wanted:
            other = self._index(device_id, next(item for item in _SUB_TYPES if item != wanted))
            await other.async_peek()
            is_filtered = not any(row.id in other for row in index.rows)
            self._filters[device_id] = is_filtered
        elif not is_filtered:
            self._filters[device_id] = False
        if not is_filtered:
            for sub_type in _FILTERS.values():
                self._indexes.pop((device_id, sub_type), None)
        return is_filtered

    def _index(self, device_id: str, event_types: str) -> HistoryIndex:
        devices = self._coordinator.data.devices
        self._indexes = {key: index for key, index in self._indexes.items() if key[0] in devices}
        fetch = partial(self._async_fetch, device_id, event_types.split(","))
        return self._indexes.setdefault((device_id, event_types), HistoryIndex(fetch))

    async def _async_fetch(self, device_id: str, event_types: Sequence[str], at: URL | None) -> HistoryPage:
        if (wait := self._coordinator.seconds_to_wait) > 0:
            raise RingRateLimitError("Ring asks to wait", retry_after=wait)
        try:
            return await self._client.async_get_history_page(device_id, event_types, at)
        except RingUnavailableError as err:
            self._coordinator.heed(err)
            raise

    def _read(self, camera: CameraId, rows: Iterable[HistoryEvent]) -> list[Recording]:
        """Return the rows that are recordings, with what is known of them from elsewhere."""
        pushed = self._labels.of(camera.device_id)
        found = [recording for row in rows if (recording := _recording(camera, row)) is not None]
        return [self._with_sub_type(item, pushed) if item.kind is Kind.MOTION else item for item in found]

    def _with_sub_type(self, recording: Recording, pushed: Sequence[Label]) -> Recording:
        if recording.sub_type is not None:
            return recording
        if self._filters.get(recording.camera.device_id):
            for wanted in _SUB_TYPES:
                index = self._indexes.get((recording.camera.device_id, wanted))
                if index is not None and recording.event_id in index:
                    return replace(recording, sub_type=wanted.partition(".")[2])
        return replace(recording, sub_type=_nearest(pushed, recording.at))

    def _pushed_since(self, device_id: str, wanted: str) -> datetime | None:
        """Return from when on a sub-type has been pushed."""
        of_this = (at for at, sub_type in self._labels.of(device_id) if f"motion.{sub_type}" == wanted)
        return None if (first := next(of_this, None)) is None else first - SAME_WITHIN


def _recording(camera: CameraId, row: HistoryEvent) -> Recording | None:
    event_type, _, sub_type = row.type.partition(".")
    if event_type not in _KINDS:
        return None
    duration = _USUAL_LENGTH if row.end is None else min(max(row.end - row.start, _SHORTEST), MAX_CLIP)
    return Recording(
        camera=camera,
        at=row.start,
        duration=duration,
        kind=_KINDS[event_type],
        sub_type=sub_type or None,
        event_id=row.id,
    )


def _nearest(pushed: Sequence[Label], at: datetime) -> str | None:
    """Return the sub-type of the push that told of a motion."""
    place = bisect_left(pushed, at, key=_moment_of)
    near = min(pushed[max(place - 1, 0) : place + 1], key=lambda label: abs(label.at - at), default=None)
    return near.sub_type if near is not None and abs(near.at - at) <= SAME_WITHIN else None


def _belongs(recording: Recording, wanted: str) -> bool:
    kind = next(event_type for event_type, kind in _KINDS.items() if kind is recording.kind)
    return wanted in (kind, f"{kind}.{recording.sub_type}")


def _is_mixed(index: HistoryIndex, wanted: str) -> bool:
    """Whether a list has what was not asked for."""
    return any(row.type.partition(".")[0] != wanted.partition(".")[0] for row in index.rows)
