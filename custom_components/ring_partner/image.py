"""Images: what a camera saw when something happened last."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, override

from homeassistant.components.image import ImageEntity, ImageEntityDescription
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .api import Device
from .entity import CameraEntity, async_add_as_devices_appear
from .identifiers import CameraId
from .kinds import cameras_of
from .media import picture_signal
from .models import RingConfigEntry, RingRuntimeData
from .picture_file import LastPicture

# Nothing is polled here.
PARALLEL_UPDATES = 0


LAST_EVENT = ImageEntityDescription(key="last_event", translation_key="last_event")


async def async_setup_entry(
    hass: HomeAssistant, entry: RingConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Set up an image for each camera that a device has."""
    runtime = entry.runtime_data

    def build(device: Device) -> Iterator[LastEventImage]:
        for camera in cameras_of(device):
            yield LastEventImage(hass, runtime, device, camera)

    await async_add_as_devices_appear(entry, async_add_entities, build)


class LastEventImage(CameraEntity[LastPicture], ImageEntity):
    """The picture of the last event; its state is when that was, and it stays while Ring cannot be reached."""

    _unrecorded_attributes = frozenset({"event_time"})

    def __init__(self, hass: HomeAssistant, runtime: RingRuntimeData, device: Device, camera: CameraId) -> None:
        """Follow one camera."""
        ImageEntity.__init__(self, hass)
        pictures = runtime.pictures
        self._pictures = pictures
        super().__init__(runtime.coordinator, device, camera, LAST_EVENT, lambda _device: pictures.last(camera))

    @override
    def _subject(self) -> Device | None:
        return self.coordinator.data.devices.get(self._device_id)

    @override
    async def async_added_to_hass(self) -> None:
        """Listen for pictures."""
        await super().async_added_to_hass()
        signal = picture_signal(self.coordinator.config_entry.entry_id, self.camera)
        self.async_on_remove(async_dispatcher_connect(self.hass, signal, self._show))

    @callback
    def _show(self) -> None:
        self._read()
        self.async_write_ha_state()

    @property
    @override
    def image_last_updated(self) -> datetime | None:
        """When it happened."""
        return None if self._value is None else self._value.at

    @property
    @override
    def entity_picture(self) -> str | None:
        """Where browsers find it; without a picture, they would be answered with an error."""
        return None if self._value is None else super().entity_picture

    @property
    @override
    def content_type(self) -> str:
        """JPEG, unless Ring says otherwise."""
        return self._attr_content_type if self._value is None else self._value.picture.content_type

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any]:
        """What it was."""
        encrypted = {"encrypted": self._pictures.is_encrypted(self.camera)}
        if self._value is None:
            return encrypted
        event = self._value.event
        return encrypted | {
            "event_type": event.kind,
            "sub_type": event.sub_type,
            "event_time": event.at.isoformat(),
        }

    @override
    async def async_image(self) -> bytes | None:
        """Return what is in memory."""
        return None if self._value is None else self._value.picture.body
