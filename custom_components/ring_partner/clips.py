"""Clips: received from Ring once, for any number of viewers at once, and kept for a while."""

from homeassistant.core import HomeAssistant

from .api import RingMedia
from .cache import DiskCache
from .models import RingConfigEntry


class Clips:
    """The recordings of one account as files that can be read while they are being received."""

    def __init__(self, hass: HomeAssistant, entry: RingConfigEntry, media: RingMedia, cache: DiskCache) -> None:
        """Prepare; nothing is requested before somebody watches."""
        self._hass = hass
        self._entry = entry
        self._media = media
        self._cache = cache

    async def async_close(self) -> None:
        """End what is being received: the account is being unloaded."""
