"""Stills: fetched once, when something has happened, and kept."""

from dataclasses import dataclass
from datetime import datetime

from homeassistant.core import HomeAssistant, callback

from .api import Picture, RingMedia
from .cache import DiskCache
from .events import RingEvent
from .identifiers import CameraId
from .models import RingConfigEntry


def picture_signal(entry_id: str, camera: CameraId) -> str:
    """Return the dispatcher signal for a new last picture of a camera."""
    return f"ring_partner_{entry_id}_{camera}_picture"


@dataclass(frozen=True, slots=True, kw_only=True)
class LastPicture:
    """The still of the last event, and what it was."""

    picture: Picture
    event: RingEvent

    @property
    def at(self) -> datetime:
        """When it happened."""
        return self.event.at


class Pictures:
    """The stills of one account."""

    def __init__(self, hass: HomeAssistant, entry: RingConfigEntry, media: RingMedia, cache: DiskCache) -> None:
        """`cache` holds thumbnails and what was asked for."""
        self._hass = hass
        self._entry = entry
        self._media = media
        self._cache = cache

    async def async_start(self) -> None:
        """Bring back the last pictures, and from now on fetch one for each event."""

    @callback
    def last(self, camera: CameraId) -> LastPicture | None:
        """Return the last picture of a camera, if there is one."""
        return None

    async def async_get(self, camera: CameraId, at: datetime, *, thumbnail: bool = False) -> Picture:
        """Return the picture of a moment, from the cache or from Ring. Raises RingError."""
        raise NotImplementedError

    @callback
    def is_encrypted(self, camera: CameraId) -> bool:
        """Whether the camera's newest picture could not be read."""
        return False
