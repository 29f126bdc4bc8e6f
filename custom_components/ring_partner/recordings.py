"""What a camera has recorded: its history, read once and then only continued."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from homeassistant.core import HomeAssistant

from .api import RingClient
from .events import Kind
from .identifiers import CameraId, ClipId
from .models import RingConfigEntry


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

    def __init__(self, hass: HomeAssistant, entry: RingConfigEntry, client: RingClient) -> None:
        """Prepare; nothing is requested before somebody looks."""
        self._hass = hass
        self._entry = entry
        self._client = client

    async def async_between(self, camera: CameraId, start: datetime, end: datetime) -> list[Recording]:
        """Return what was recorded in a span, newest first. Raises RingError."""
        raise NotImplementedError
