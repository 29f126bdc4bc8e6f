"""Files that the user asked for: whole, or not at all."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
import os
from pathlib import Path
import secrets
from typing import BinaryIO, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_point_in_utc_time
from homeassistant.util import dt as dt_util

from .api import RingMedia, RingMediaNotFoundError, RingMediaNotReadyError
from .const import DOMAIN
from .errors import ask_only_if_welcome
from .identifiers import ClipId
from .models import RingConfigEntry

# What has just happened is not stored at once; this long after its end, Ring has it or never will.
PATIENCE: Final = timedelta(minutes=2)
RETRY_AFTER: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedClip:
    """What a file shows, which may be less than was asked for."""

    size: int
    """Bytes."""
    at: datetime
    duration: timedelta


async def async_save_clip(hass: HomeAssistant, entry: RingConfigEntry, clip: ClipId, path: Path) -> SavedClip:
    """Write a clip; one that is not over is waited for. Raises RingError and HomeAssistantError."""
    end = clip.at + clip.duration
    await _async_wait_until(hass, end)
    while True:
        try:
            return await _async_receive(hass, entry, clip, path)
        except RingMediaNotReadyError, RingMediaNotFoundError:
            if dt_util.utcnow() + RETRY_AFTER > end + PATIENCE:
                raise
        await _async_wait_until(hass, dt_util.utcnow() + RETRY_AFTER)


@asynccontextmanager
async def new_file(hass: HomeAssistant, path: Path) -> AsyncIterator[BinaryIO]:
    """Open a file that takes its name, from an older one if need be, once all of it is written.

    Raises HomeAssistantError.
    """
    partial = path.with_name(f".{secrets.token_hex(4)}{path.suffix}")
    try:
        file = await hass.async_add_executor_job(partial.open, "xb")
        try:
            yield file
            await hass.async_add_executor_job(_finish, file, partial, path)
        finally:
            await hass.async_add_executor_job(_discard, file, partial)
    except OSError as err:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="cannot_write",
            translation_placeholders={"path": str(path), "error": err.strerror or type(err).__name__},
        ) from err


async def _async_receive(hass: HomeAssistant, entry: RingConfigEntry, clip: ClipId, path: Path) -> SavedClip:
    ask_only_if_welcome(entry.runtime_data.coordinator)
    media, camera = RingMedia(entry.runtime_data.client), clip.camera
    async with (
        media.async_open_clip(camera.device_id, clip.at, clip.duration, component_id=camera.component_id) as opened,
        new_file(hass, path) as file,
    ):
        size = 0
        async for chunk in opened.chunks():
            size += await hass.async_add_executor_job(file.write, chunk)
        return SavedClip(size=size, at=opened.at or clip.at, duration=opened.duration or clip.duration)


async def _async_wait_until(hass: HomeAssistant, at: datetime) -> None:
    if at <= dt_util.utcnow():
        return
    due = hass.loop.create_future()

    @callback
    def wake(_now: datetime) -> None:
        if not due.done():
            due.set_result(None)

    cancel = async_track_point_in_utc_time(hass, wake, at)
    try:
        await due
    finally:
        cancel()


def _finish(file: BinaryIO, partial: Path, path: Path) -> None:
    file.flush()
    os.fsync(file.fileno())
    file.close()
    partial.replace(path)


def _discard(file: BinaryIO, partial: Path) -> None:
    # What could not be written before cannot be written on closing either.
    with suppress(OSError):
        file.close()
    partial.unlink(missing_ok=True)
