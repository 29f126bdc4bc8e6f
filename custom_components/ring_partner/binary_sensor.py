"""Binary sensors: what a device detects, and what is switched on in the Ring app."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .api import Device, Feature
from .entity import DeviceEntity, RingDeviceDescription, async_add_as_devices_appear, has
from .models import RingConfigEntry

# Everything comes from the coordinator.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class RingBinarySensorDescription(RingDeviceDescription, BinarySensorEntityDescription):
    """A binary sensor of a device."""

    value_fn: Callable[[Device], bool | None]


def _detector(
    feature: Feature,
    value_fn: Callable[[Device], bool | None],
    device_class: BinarySensorDeviceClass | None = None,
    category: EntityCategory | None = None,
) -> RingBinarySensorDescription:
    """What a device senses now."""
    return RingBinarySensorDescription(
        key=feature,
        translation_key=feature,
        supported_fn=has(feature),
        value_fn=value_fn,
        device_class=device_class,
        entity_category=category,
    )


def _setting(
    feature: Feature, value_fn: Callable[[Device], bool | None], *, enabled: bool = False
) -> RingBinarySensorDescription:
    """What the user chose in the Ring app; a partner cannot change it."""
    return RingBinarySensorDescription(
        key=feature,
        translation_key=feature,
        supported_fn=has(feature),
        value_fn=value_fn,
        while_offline=True,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=enabled,
    )


BINARY_SENSORS: tuple[RingBinarySensorDescription, ...] = (
    RingBinarySensorDescription(
        key="connectivity",
        value_fn=lambda device: device.status.online,
        while_offline=True,
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    _detector(Feature.CONTACT, lambda device: device.status.contact_open, BinarySensorDeviceClass.OPENING),
    _detector(Feature.FLOOD, lambda device: device.status.flooded, BinarySensorDeviceClass.MOISTURE),
    _detector(Feature.FREEZE, lambda device: device.status.frozen, BinarySensorDeviceClass.COLD),
    _detector(Feature.SMOKE, lambda device: device.status.smoke, BinarySensorDeviceClass.SMOKE),
    _detector(Feature.CO, lambda device: device.status.co, BinarySensorDeviceClass.CO),
    _detector(Feature.GLASS_BREAK, lambda device: device.status.glass_broken),
    _detector(
        Feature.TAMPER,
        lambda device: device.status.tampered,
        BinarySensorDeviceClass.TAMPER,
        EntityCategory.DIAGNOSTIC,
    ),
    _setting(Feature.MOTION_DETECTION, lambda device: device.configurations.motion_detection, enabled=True),
    _setting(Feature.E2E_ENCRYPTION, lambda device: device.configurations.e2e_encryption, enabled=True),
    _setting(Feature.NIGHT_VISION, lambda device: device.configurations.color_night_vision),
    _setting(Feature.HDR, lambda device: device.configurations.hdr),
    _setting(Feature.IR_LED, lambda device: device.configurations.ir_led_night_vision),
    _setting(Feature.AUTO_ZOOM, lambda device: device.configurations.auto_zoom_track),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: RingConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Set up the binary sensors of every device."""
    coordinator = entry.runtime_data.coordinator

    def build(device: Device) -> Iterator[RingBinarySensor]:
        for row in BINARY_SENSORS:
            if row.supported_fn(device):
                yield RingBinarySensor(coordinator, device, row, row.value_fn)

    async_add_as_devices_appear(entry, async_add_entities, build)


class RingBinarySensor(DeviceEntity[bool], BinarySensorEntity):
    """One row of the table for one device."""

    @property
    @override
    def is_on(self) -> bool | None:
        """The value last read."""
        return self._value
