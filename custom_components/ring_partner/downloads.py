"""Files that the user asked for: whole, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import datetime
import os
from pathlib import Path
import secrets
from typing import BinaryIO

from homeassistant.core import HassJob, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_point_in_utc_time
from homeassistant.util import dt as dt_util

from .clips import Clips
from .const import DOMAIN
from .identifiers import ClipId


async def async_save_clip(hass: HomeAssistant, clips: Clips, clip: ClipId, path: Path) -> int:
    """Write a clip, and return its size in bytes; one that is not over is waited for.

    Raises RingError and HomeAssistantError.
    """
    await async_wait_until(hass, clip.at + clip.duration)
    async with (
        clips.async_open(clip) as received,
        new_file(hass, path) as file,
        aclosing(received.chunks()) as chunks,
    ):
        size = 0
        async for chunk in chunks:
            size += await hass.async_add_executor_job(file.write, chunk)
        return size


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


async def async_wait_until(hass: HomeAssistant, at: datetime) -> None:
    """Wait as Home Assistant's clock goes."""
    if at <= dt_util.utcnow():
        return
    due = asyncio.Event()
    wake = HassJob(callback(lambda _now: due.set()), "ring_partner media", cancel_on_shutdown=True)
    cancel = async_track_point_in_utc_time(hass, wake, at)
    try:
        await due.wait()
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
