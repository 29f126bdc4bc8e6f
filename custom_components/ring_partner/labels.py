"""What Ring said it was that moved: only its pushes tell, and what they told is not in its history."""

from bisect import insort
from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, NamedTuple

from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .devices import removed_cameras
from .events import Kind, RingEvent, Source
from .history_index import KEPT_FOR
from .models import RingConfigEntry
from .storage import TolerantStore, as_items, as_mapping, as_time

# Of each device; about 60 KB.
MAX_LABELS: Final = 2000
# It is all written at once, and nothing depends on the last minute of it.
SAVE_DELAY_SECONDS: Final = 60

_moment_of = attrgetter("at")


class Label(NamedTuple):
    """A motion that was pushed; without a sub-type it was anything."""

    at: datetime
    sub_type: str | None
    component_ids: tuple[str, ...] = ()
    """The lenses that saw it, of a device with several."""


def labels_store(hass: HomeAssistant, entry_id: str) -> TolerantStore:
    """Return where the labels of an account are kept."""
    return TolerantStore(hass, f"{DOMAIN}.{entry_id}.labels")


class Labels:
    """The motions that were pushed to one account, by device and oldest first."""

    def __init__(self, hass: HomeAssistant, entry: RingConfigEntry) -> None:
        """Begin empty; `async_load` brings back what was known before."""
        self._hass = hass
        self._entry = entry
        self._store = labels_store(hass, entry.entry_id)
        self._labels: dict[str, list[Label]] = {}
        self._is_save_due = False
        self._is_closed = False
        entry.async_on_unload(hass.bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, self._device_changed))

    async def async_load(self) -> None:
        """Remember what was pushed before a restart or reload."""
        if stored := await self._store.async_load():
            # Not in the event loop: there are thousands.
            self._labels = await self._hass.async_add_executor_job(_restored, stored)

    async def async_close(self) -> None:
        """Write for the last time: what came later would bring back what is removed with the entry."""
        self._is_closed = True
        await self._store.async_save(await self._hass.async_add_executor_job(self._as_dict))

    def of(self, device_id: str) -> Sequence[Label]:
        """Return what was pushed of a device, oldest first."""
        return self._labels.get(device_id, ())

    @callback
    def note(self, event: RingEvent) -> None:
        """Remember a motion that was pushed."""
        if event.kind is not Kind.MOTION or event.source is not Source.PUSH:
            return
        labels = self._labels.setdefault(event.device_id, [])
        label = Label(event.at, event.sub_type, event.component_ids)
        # Ring replays by hand what is days old, and that may have been before a restart.
        if label not in labels:
            insort(labels, label, key=_moment_of)
            del labels[:-MAX_LABELS]
            self._save_soon()

    @callback
    def _device_changed(self, event: Event[dr.EventDeviceRegistryUpdatedData]) -> None:
        """Forget a device that is removed."""
        for camera in removed_cameras(self._entry, event):
            if camera.component_id is None and self._labels.pop(camera.device_id, None) is not None:
                self._save_soon()

    def _save_soon(self) -> None:
        if not self._is_save_due and not self._is_closed:
            self._is_save_due = True
            self._store.async_delay_save(self._as_dict, SAVE_DELAY_SECONDS)

    def _as_dict(self) -> dict[str, Any]:
        """Return what is written, without what is too old; called from another thread, hence the copies."""
        self._is_save_due = False
        since = dt_util.utcnow() - KEPT_FOR
        kept = {
            device_id: [_stored(label) for label in list(labels) if label.at >= since]
            for device_id, labels in list(self._labels.items())
        }
        return {device_id: labels for device_id, labels in kept.items() if labels}


def _stored(label: Label) -> tuple[float | str | None, ...]:
    return (label.at.timestamp(), label.sub_type, *label.component_ids)


def _restored(stored: object) -> dict[str, list[Label]]:
    """Read what was kept; what another release wrote otherwise is left out."""
    labels = {device_id: _labels(as_items(items)) for device_id, items in as_mapping(stored).items()}
    return {device_id: found for device_id, found in labels.items() if found}


def _labels(items: Iterable[object]) -> list[Label]:
    labels: list[Label] = []
    for item in items:
        match item:
            case [timestamp, str() | None as sub_type, *lenses] if (at := as_time(timestamp)) is not None:
                labels.append(Label(at, sub_type, tuple(lens for lens in lenses if isinstance(lens, str))))
            case _:
                pass
    return sorted(labels, key=_moment_of)
