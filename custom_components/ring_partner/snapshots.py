"""The picture of a moment, or of what happened last, for an action: it may wait for what is not stored yet."""

from datetime import datetime, timedelta
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from .api import Picture, RingMediaError, RingMediaNotFoundError, RingMediaNotReadyError
from .downloads import async_wait_until
from .events import STALE_AFTER
from .identifiers import CameraId
from .media import Pictures
from .models import RingRuntimeData
from .recordings import Recordings

# Right after an event Ring has no picture of it yet; mostly it has within seconds.
_RETRIES: Final = 4
_RETRY_AFTER: Final = timedelta(seconds=2)
# How far back the newest recording is looked for.
_SEARCHED: Final = timedelta(days=30)


async def async_picture_of(hass: HomeAssistant, pictures: Pictures, camera: CameraId, at: datetime) -> Picture:
    """Return the picture of a moment, patiently if that was just now. Raises RingError."""
    for _ in range(_RETRIES):
        try:
            return await pictures.async_get(camera, at)
        except RingMediaNotReadyError, RingMediaNotFoundError:
            if dt_util.utcnow() - at > STALE_AFTER:
                raise
        await async_wait_until(hass, dt_util.utcnow() + _RETRY_AFTER)
    return await pictures.async_get(camera, at)


async def async_last_picture(
    hass: HomeAssistant, runtime: RingRuntimeData, camera: CameraId
) -> tuple[Picture, datetime] | None:
    """Return the picture of the last event and when that was, or None of a camera without any. Raises RingError."""
    last = runtime.pictures.last(camera)
    activity = runtime.coordinator.data.activity.get(camera.device_id)
    newest = None if activity is None else activity.last
    if last is not None and (newest is None or newest <= last.at):
        return last.picture, last.at
    if newest is None and (newest := await _async_newest(runtime.recordings, camera)) is None:
        return None
    try:
        return await async_picture_of(hass, runtime.pictures, camera, newest), newest
    except RingMediaError:
        # Not everything that happens is recorded, and not by every lens.
        if last is None:
            raise
        return last.picture, last.at


async def _async_newest(recordings: Recordings, camera: CameraId) -> datetime | None:
    newest = await recordings.async_newest(camera, dt_util.utcnow() - _SEARCHED)
    return None if newest is None else newest.at
