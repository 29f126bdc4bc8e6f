"""Event entities: somebody rings, something moves."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import override

from homeassistant.components.event import (
    DoorbellEventType,
    EventDeviceClass,
    EventEntity,
    EventEntityDescription,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .activity import ActivityLog
from .api import Device
from .const import OPTION_DOORBELLS
from .coordinator import RingCoordinator
from .entity import DeviceEntity, async_add_as_devices_appear
from .events import Kind, RingEvent
from .kinds import is_camera, is_doorbell
from .models import RingConfigEntry

# Nothing is polled here.
PARALLEL_UPDATES = 0

UNNAMED_MOTION = "motion"


@dataclass(frozen=True, kw_only=True)
class RingEventDescription(EventEntityDescription):
    """An event entity of the devices where its kind of event can happen."""

    kind: Kind
    type_fn: Callable[[RingEvent], str]
    """The event type; Ring's sub-types are an open vocabulary."""


DOORBELL = RingEventDescription(
    key="doorbell",
    translation_key="doorbell",
    device_class=EventDeviceClass.DOORBELL,
    event_types=[DoorbellEventType.RING],
    kind=Kind.RING,
    type_fn=lambda _: DoorbellEventType.RING,
)
MOTION = RingEventDescription(
    key="motion",
    translation_key="motion",
    device_class=EventDeviceClass.MOTION,
    event_types=[UNNAMED_MOTION, "human", "vehicle", "animal", "package", "other_motion"],
    kind=Kind.MOTION,
    type_fn=lambda event: event.sub_type or UNNAMED_MOTION,
)


async def async_setup_entry(
    hass: HomeAssistant, entry: RingConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Set up the event entities of cameras and doorbells, also of those that turn out to be doorbells."""
    coordinator, activity = entry.runtime_data.coordinator, entry.runtime_data.activity

    def build(device: Device) -> Iterator[RingEventEntity]:
        if is_doorbell(device, entry.options.get(OPTION_DOORBELLS, ())):
            yield RingEventEntity(coordinator, activity, device, DOORBELL)
        if is_camera(device):
            yield RingEventEntity(coordinator, activity, device, MOTION)

    await async_add_as_devices_appear(entry, async_add_entities, build)


class RingEventEntity(DeviceEntity[bool], EventEntity):
    """Fires what happens at one device, and remembers the last of it."""

    _unrecorded_attributes = frozenset({"component_ids", "event_id"})
    entity_description: RingEventDescription

    def __init__(
        self, coordinator: RingCoordinator, activity: ActivityLog, device: Device, description: RingEventDescription
    ) -> None:
        """Listen for one kind of event."""
        super().__init__(coordinator, device, description, lambda _: True)
        self._activity = activity
        self._last: RingEvent | None = None
        self._attr_event_types = list(description.event_types or ())

    @override
    def _subject(self) -> Device | None:
        return self.coordinator.listening_device(self._device_id)

    @override
    async def async_added_to_hass(self) -> None:
        """Listen; a device that became a doorbell by being rung has its first ring still to announce."""
        await super().async_added_to_hass()
        self.async_on_remove(self._activity.listen(self._device_id, self._fire))
        if (first := self._activity.take_unannounced(self._device_id, self.entity_description.kind)) is not None:
            self._fire(first)

    @callback
    def _fire(self, event: RingEvent) -> None:
        # The first ring of a new doorbell is waiting, and is also told to an entity that was quick enough.
        if event.kind is not self.entity_description.kind or event is self._last:
            return
        event_type = self.entity_description.type_fn(event)
        if event_type not in self.event_types:
            self._attr_event_types = [*self.event_types, event_type]
        self._trigger_event(
            event_type,
            {
                "event_time": event.at.isoformat(),
                "sub_type": event.sub_type,
                "component_ids": list(event.component_ids),
                "event_id": event.event_id,
            },
        )
        self.async_write_ha_state()
        self._last = event
        self._activity.take_unannounced(self._device_id, event.kind)
