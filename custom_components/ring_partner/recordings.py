"""What a camera has recorded: its history, read once and then only continued."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence, Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Final

from yarl import URL

from homeassistant.util import dt as dt_util

from .api import MAX_CLIP, HistoryEvent, HistoryPage, RingClient
from .coordinator import RingCoordinator
from .events import ROW_EARLIER, SAME_WITHIN, Kind
from .history_index import KEPT_FOR, HistoryIndex
from .identifiers import CameraId, ClipId, Shelf
from .kinds import cameras_of
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

        Rows do not name the lens: of a device with several, each lists what was not pushed for others only.
        """
        now = dt_util.utcnow()
        start, end = max(start, now - KEPT_FOR), min(end, now + timedelta(days=1))
        if start >= end:
            return []
        index = self._index(camera.device_id, ",".join(_KINDS))
        await index.async_reach(start, end)
        return self._read(camera, index.between(start, end))

    async def async_newest(self, camera: CameraId, since: datetime) -> Recording | None:
        """Return what was recorded last, if it is on the newest page or not older than that. Raises RingError."""
        index = self._index(camera.device_id, ",".join(_KINDS))
        await index.async_peek()
        found = self._read(camera, sorted(index.rows, key=attrgetter("start"), reverse=True))
        if not found:
            # Of a device with several lenses, others may have seen all of it.
            found = await self.async_between(camera, since, dt_util.utcnow())
        return next(iter(found), None)

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
            f"motion.{label.sub_type}" in _SUB_TYPES for label in self._labels.of(device_id)
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
        return await self._coordinator.async_ask(
            partial(self._client.async_get_history_page, device_id, event_types, at)
        )

    def _read(self, camera: CameraId, rows: Iterable[HistoryEvent]) -> list[Recording]:
        """Return the rows that are recordings, with what is known of them from elsewhere."""
        found = [recording for row in rows if (recording := _recording(camera, row)) is not None]
        motions = sorted(item.at for item in found if item.kind is Kind.MOTION)
        device = self._coordinator.data.devices.get(camera.device_id)
        lenses = {other.component_id for other in cameras_of(device)} if device is not None else set()
        return [seen for item in found if (seen := self._as_seen(item, motions, lenses)) is not None]

    def _as_seen(
        self, recording: Recording, motions: Sequence[datetime], lenses: AbstractSet[str | None]
    ) -> Recording | None:
        """Return a recording with what was pushed of it, or None if only other lenses saw it."""
        if recording.kind is not Kind.MOTION:
            return recording
        lens = recording.camera.component_id
        pushed = _pushed_of(recording.at, motions, self._labels.of(recording.camera.device_id))
        named = {component_id for label in pushed for component_id in label.component_ids} & lenses
        if named and lens not in named:
            return None
        of_this = (item for item in pushed if lens in item.component_ids or lenses.isdisjoint(item.component_ids))
        nearest = next(of_this, None)
        return self._with_sub_type(recording, None if nearest is None else nearest.sub_type)

    def _with_sub_type(self, recording: Recording, pushed: str | None) -> Recording:
        if recording.sub_type is not None:
            return recording
        if self._filters.get(recording.camera.device_id):
            for wanted in _SUB_TYPES:
                index = self._indexes.get((recording.camera.device_id, wanted))
                if index is not None and recording.event_id in index:
                    return replace(recording, sub_type=wanted.partition(".")[2])
        return replace(recording, sub_type=pushed)

    def _pushed_since(self, device_id: str, wanted: str) -> datetime | None:
        """Return from when on a sub-type has been pushed."""
        of_this = (label.at for label in self._labels.of(device_id) if f"motion.{label.sub_type}" == wanted)
        return None if (first := next(of_this, None)) is None else first - ROW_EARLIER


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


def _pushed_of(at: datetime, motions: Sequence[datetime], labels: Sequence[Label]) -> list[Label]:
    """Return the pushes that told of a motion, the nearest first; each lens may have had one of its own.

    What is nearer to another motion told of that one, unless there is nothing else.
    """
    first = bisect_left(labels, at - SAME_WITHIN, key=_moment_of)
    after = bisect_right(labels, at + ROW_EARLIER, key=_moment_of)
    near = sorted(labels[first:after], key=lambda label: abs(label.at - at))
    return [label for label in near if _nearest(motions, label.at) == at] or near[:1]


def _nearest(moments: Sequence[datetime], at: datetime) -> datetime:
    place = bisect_left(moments, at)
    return min(moments[max(place - 1, 0) : place + 1], key=lambda moment: abs(moment - at))


def _belongs(recording: Recording, wanted: str) -> bool:
    kind = next(event_type for event_type, kind in _KINDS.items() if kind is recording.kind)
    return wanted in (kind, f"{kind}.{recording.sub_type}")


def _is_mixed(index: HistoryIndex, wanted: str) -> bool:
    """Whether a list has what was not asked for."""
    return any(row.type.partition(".")[0] != wanted.partition(".")[0] for row in index.rows)
