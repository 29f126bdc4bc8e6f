"""Binary sensors: what a device detects, and what is switched on in the Ring app."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.const import EntityCategory
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .activity import ActivityLog
from .api import Device, Feature
from .const import DEFAULT_MOTION_HOLD_SECONDS, OPTION_MOTION_HOLD
from .coordinator import RingCoordinator
from .entity import NOTHING_YET, DeviceEntity, RingDeviceDescription, async_add_as_devices_appear, has
from .events import PERSON, Activity, Kind, RingEvent
from .kinds import is_camera
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


@dataclass(frozen=True, kw_only=True)
class HeldDescription(BinarySensorEntityDescription):
    """A binary sensor that events switch on."""

    matches_fn: Callable[[RingEvent], bool]
    last_fn: Callable[[Activity], datetime | None]


MOTION = HeldDescription(
    key="motion",
    device_class=BinarySensorDeviceClass.MOTION,
    matches_fn=lambda event: event.kind is Kind.MOTION,
    last_fn=lambda activity: activity.motion,
)
OCCUPANCY = HeldDescription(
    key="person",
    translation_key="person",
    device_class=BinarySensorDeviceClass.OCCUPANCY,
    matches_fn=lambda event: event.kind is Kind.MOTION and event.sub_type == PERSON,
    last_fn=lambda activity: activity.person,
)


async def async_setup_entry(
    hass: HomeAssistant, entry: RingConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Set up the binary sensors of every device."""
    coordinator, activity = entry.runtime_data.coordinator, entry.runtime_data.activity
    hold: float = entry.options.get(OPTION_MOTION_HOLD, DEFAULT_MOTION_HOLD_SECONDS)

    def build(device: Device) -> Iterator[BinarySensorEntity]:
        for row in BINARY_SENSORS:
            if row.supported_fn(device):
                yield RingBinarySensor(coordinator, device, row, row.value_fn, while_offline=row.while_offline)
        if is_camera(device):
            yield HeldBinarySensor(coordinator, activity, device, MOTION, hold)
            if coordinator.data.activity.get(device.id, NOTHING_YET).sees_people:
                yield HeldBinarySensor(coordinator, activity, device, OCCUPANCY, hold)

    await async_add_as_devices_appear(entry, async_add_entities, build)


class RingBinarySensor(DeviceEntity[bool], BinarySensorEntity):
    """One row of the table for one device."""

    @property
    @override
    def is_on(self) -> bool | None:
        """The value last read."""
        return self._value


class HeldBinarySensor(DeviceEntity[bool], BinarySensorEntity):
    """On while something moves: Ring says when it begins and not when it ends, so it is held for a while."""

    def __init__(
        self,
        coordinator: RingCoordinator,
        activity: ActivityLog,
        device: Device,
        description: HeldDescription,
        hold_seconds: float,
    ) -> None:
        """Hold for so many seconds from the last event on."""
        super().__init__(coordinator, device, description, lambda _: True)
        self._activity = activity
        self._matches = description.matches_fn
        self._last_fn = description.last_fn
        self._hold_seconds = hold_seconds
        self._attr_is_on = False
        self._held_until = 0.0
        self._cancel_timer: CALLBACK_TYPE | None = None

    @override
    def _subject(self) -> Device | None:
        device = self.coordinator.listening_device(self._device_id)
        return None if device is None or device.status.online is False else device

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to what happens at the device."""
        await super().async_added_to_hass()
        self.async_on_remove(self._activity.listen(self._device_id, self._on_event, to_details=True))
        self.async_on_remove(self._stop_timer)
        # One that is renamed is added again, maybe in the middle of a hold.
        self._attr_is_on = False
        left = self._held_until - self.hass.loop.time()
        # The event may be what this entity was made for, or may have come just before a reload.
        began = self._last_fn(self.coordinator.data.activity.get(self._device_id, NOTHING_YET))
        if began is not None:
            left = max(left, self._hold_seconds - (dt_util.utcnow() - began).total_seconds())
        self._hold(min(left, self._hold_seconds))

    @callback
    def _on_event(self, event: RingEvent) -> None:
        if self._matches(event):
            self._hold(self._hold_seconds)
            self.async_write_ha_state()

    def _hold(self, seconds: float) -> None:
        if seconds > 0:
            self._stop_timer()
            self._held_until = self.hass.loop.time() + seconds
            self._cancel_timer = async_call_later(self.hass, seconds, self._release)
            self._attr_is_on = True

    @callback
    def _release(self, _now: datetime) -> None:
        self._cancel_timer = None
        self._attr_is_on = False
        self.async_write_ha_state()

    @callback
    def _stop_timer(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None
