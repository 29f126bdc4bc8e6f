"""What all entities share: where they belong, and a state that is written only when it shows a change."""

from abc import abstractmethod
import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING, override

from homeassistant.core import callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import ChildDeviceInfo, DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback, async_get_current_platform
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .api import Component, Device, Feature
from .const import DOMAIN, OPTION_DOORBELLS
from .coordinator import RingCoordinator
from .devices import account_identifier, device_identifier
from .events import Activity
from .identifiers import CameraId
from .kinds import is_doorbell
from .models import Account, RingConfigEntry

NOTHING_YET = Activity()
# Set up without giving the event loop a turn: a few milliseconds.
DEVICES_AT_ONCE = 4


@dataclass(frozen=True, kw_only=True)
class RingDeviceDescription(EntityDescription):
    """A row of a table: a value that some devices have."""

    supported_fn: Callable[[Device], bool] = lambda _: True
    """Which devices have it; it may look at features, capabilities and location."""
    while_offline: bool = False
    """Whether the value still means something when the device is offline, as a setting does and a contact does not."""


def has(feature: Feature) -> Callable[[Device], bool]:
    """Return a `supported_fn` for devices with a feature."""
    return lambda device: feature in device.features


class ValueEntity[SubjectT, ValueT](CoordinatorEntity[RingCoordinator]):
    """Shows what a function makes of its subject: the account, a device, or a part of one."""

    _attr_has_entity_name = True
    _attr_available = False
    _value: ValueT | None = None

    def __init__(
        self,
        coordinator: RingCoordinator,
        identifier: str,
        description: EntityDescription,
        value_fn: Callable[[SubjectT], ValueT | None],
        device_id: str | None = None,
    ) -> None:
        """Belong to the registered device with this identifier; `device_id` says whose changes matter."""
        super().__init__(coordinator, device_id)
        self.entity_description = description
        self._value_fn = value_fn
        self._attr_unique_id = f"{identifier}_{description.key}"
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, identifier)})
        self._read()

    @property
    @override
    def available(self) -> bool:
        """Whether the value is known to be current."""
        return self._attr_available

    @abstractmethod
    def _subject(self) -> SubjectT | None:
        """Return what is shown, or None while that cannot be said."""

    def _read(self) -> bool:
        """Take over the newest value; return whether anything that shows has changed."""
        subject = self._subject()
        shown = (subject is not None, self._value if subject is None else self._value_fn(subject))
        if shown == (self._attr_available, self._value):
            return False
        self._attr_available, self._value = shown
        return True

    @override
    async def async_added_to_hass(self) -> None:
        """Catch up with what came between making the entity and adding it."""
        await super().async_added_to_hass()
        self._read()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write only what changed: a device that merely reported again writes nothing."""
        if self._read():
            self.async_write_ha_state()


class AccountEntity[ValueT](ValueEntity[Account, ValueT]):
    """A value of the link; it stays known while Ring cannot be reached."""

    def __init__(
        self,
        coordinator: RingCoordinator,
        description: EntityDescription,
        value_fn: Callable[[Account], ValueT | None],
    ) -> None:
        """Belong to the account."""
        super().__init__(coordinator, account_identifier(coordinator.config_entry), description, value_fn)

    @override
    def _subject(self) -> Account:
        return self.coordinator.data.account


class DeviceEntity[ValueT](ValueEntity[Device, ValueT]):
    """A value of a device."""

    def __init__(
        self,
        coordinator: RingCoordinator,
        device: Device,
        description: EntityDescription,
        value_fn: Callable[[Device], ValueT | None],
        *,
        while_offline: bool = False,
    ) -> None:
        """Follow the device by its id."""
        self._device_id = device.id
        self._while_offline = while_offline
        identifier = device_identifier(coordinator.config_entry, device.id)
        super().__init__(coordinator, identifier, description, value_fn, device.id)

    @override
    def _subject(self) -> Device | None:
        device = self.coordinator.current_device(self._device_id)
        return None if device is None or (device.status.online is False and not self._while_offline) else device


class ActivityEntity[ValueT](ValueEntity[Activity, ValueT]):
    """A value of what has happened at a device; it stays known while Ring cannot be reached."""

    def __init__(
        self,
        coordinator: RingCoordinator,
        device: Device,
        description: EntityDescription,
        value_fn: Callable[[Activity], ValueT | None],
    ) -> None:
        """Follow the device by its id."""
        self._device_id = device.id
        identifier = device_identifier(coordinator.config_entry, device.id)
        super().__init__(coordinator, identifier, description, value_fn, device.id)

    @override
    def _subject(self) -> Activity | None:
        data = self.coordinator.data
        return data.activity.get(self._device_id, NOTHING_YET) if self._device_id in data.devices else None


class ComponentEntity[ValueT](ValueEntity[Component, ValueT]):
    """A value of one camera of a device that has several."""

    def __init__(
        self,
        coordinator: RingCoordinator,
        device: Device,
        component: Component,
        description: EntityDescription,
        value_fn: Callable[[Component], ValueT | None],
    ) -> None:
        """Follow the component by its id within the device."""
        self._device_id = device.id
        self._component_id = component.component_id
        identifier = device_identifier(coordinator.config_entry, device.id, component.component_id)
        super().__init__(coordinator, identifier, description, value_fn, device.id)
        self._attr_device_info = _component_info(coordinator, device.id, identifier)

    @override
    def _subject(self) -> Component | None:
        device = self.coordinator.current_device(self._device_id)
        components = () if device is None else device.capabilities.components
        return next((item for item in components if item.component_id == self._component_id), None)


class CameraEntity[ValueT](DeviceEntity[ValueT]):
    """A value of a camera, which may be one of several of its device."""

    def __init__(
        self,
        coordinator: RingCoordinator,
        device: Device,
        camera: CameraId,
        description: EntityDescription,
        value_fn: Callable[[Device], ValueT | None],
    ) -> None:
        """Belong to the device, or to the component."""
        super().__init__(coordinator, device, description, value_fn)
        self.camera = camera
        if camera.component_id is not None:
            identifier = device_identifier(coordinator.config_entry, camera.device_id, camera.component_id)
            self._attr_unique_id = f"{identifier}_{description.key}"
            self._attr_device_info = _component_info(coordinator, device.id, identifier)


def _component_info(coordinator: RingCoordinator, device_id: str, identifier: str) -> ChildDeviceInfo:
    """Return where the entities of a component belong: to a part of its device."""
    entry = coordinator.config_entry
    parent = dr.async_get(coordinator.hass).async_get_device_by_identifier(
        (DOMAIN, device_identifier(entry, device_id)), entry.entry_id
    )
    if TYPE_CHECKING:
        # Registered by the poll that found the device.
        assert parent is not None
    return ChildDeviceInfo(identifiers={(DOMAIN, identifier)}, parent_device_id=parent.id)


async def async_add_as_devices_appear(
    entry: RingConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    build: Callable[[Device], Iterable[Entity]],
) -> None:
    """Add the entities of every device, now and whenever a device appears or turns out to have more to show."""
    coordinator = entry.runtime_data.coordinator
    platform = async_get_current_platform()
    seen: dict[str, object] = {}
    alive: set[str | None] = set()

    @callback
    def add(devices: Collection[Device]) -> None:
        shapes = {device.id: _shape(coordinator, device) for device in devices}
        if not (changed := [device for device in devices if seen.get(device.id) != shapes[device.id]]):
            return
        seen.update(shapes)
        # One that has been renamed was removed and added again by Home Assistant.
        known = alive | {entity.unique_id for entity in platform.entities.values()}
        new = [entity for device in changed for entity in build(device) if entity.unique_id not in known]
        for entity in new:
            alive.add(entity.unique_id)
            # Entities of a device that only hides stay; those of one that was removed are needed again if it returns.
            entity.async_on_remove(partial(alive.discard, entity.unique_id))
        if new:
            async_add_entities(new)

    @callback
    def add_new() -> None:
        devices = coordinator.data.devices
        add(devices.values())
        for gone in seen.keys() - devices.keys():
            del seen[gone]

    for some in batched(coordinator.data.devices.values(), DEVICES_AT_ONCE, strict=False):
        add(some)
        # Home Assistant registers entities without a pause, and of a hundred devices there are thousands.
        await asyncio.sleep(0)
    entry.async_on_unload(coordinator.async_add_listener(add_new))
    add_new()


def _shape(coordinator: RingCoordinator, device: Device) -> tuple[object, ...]:
    """Return what decides which entities a device has."""
    return (
        device.features,
        device.capabilities,
        device.location,
        device.configurations.chime_slots,
        is_doorbell(device, coordinator.config_entry.options.get(OPTION_DOORBELLS, ())),
        coordinator.data.activity.get(device.id, NOTHING_YET).sees_people,
    )
