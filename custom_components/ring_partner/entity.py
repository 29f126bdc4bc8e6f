"""What all entities share: where they belong, and a state that is written only when it shows a change."""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import override

from homeassistant.core import callback
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .api import Component, Device, Feature
from .const import DOMAIN
from .coordinator import RingCoordinator
from .devices import component_id
from .models import Account, RingConfigEntry


@dataclass(frozen=True, kw_only=True)
class RingDeviceDescription(EntityDescription):
    """A row of a table: a value that devices with a feature have."""

    feature: Feature | None = None
    """None: every device has it."""
    while_offline: bool = False
    """Whether the value still means something when the device is offline, as a setting does and a contact does not."""


class RingEntity(CoordinatorEntity[RingCoordinator]):
    """Shows one value of the account, of a device, or of a part of one."""

    _attr_has_entity_name = True

    def __init__(self, coordinator: RingCoordinator, identifier: str, description: EntityDescription) -> None:
        """Belong to the registered device with this identifier."""
        super().__init__(coordinator)
        self.entity_description = description
        self._attr_unique_id = f"{identifier}_{description.key}"
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, identifier)})
        self._read()

    @abstractmethod
    def _read(self) -> bool:
        """Take over the newest value; return whether anything that shows has changed."""

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write only what changed: a device that merely reported again writes nothing."""
        if self._read():
            self.async_write_ha_state()


class ValueEntity[SubjectT, ValueT](RingEntity):
    """Shows what a function makes of its subject."""

    _attr_available = False
    _value: ValueT | None = None

    def __init__(
        self,
        coordinator: RingCoordinator,
        identifier: str,
        description: EntityDescription,
        value_fn: Callable[[SubjectT], ValueT | None],
    ) -> None:
        """Show `value_fn` of the subject."""
        self._value_fn = value_fn
        super().__init__(coordinator, identifier, description)

    @property
    @override
    def available(self) -> bool:
        """Whether the value is known to be current."""
        return self._attr_available

    @abstractmethod
    def _subject(self) -> SubjectT | None:
        """Return what is shown, or None while that cannot be said."""

    @override
    def _read(self) -> bool:
        subject = self._subject()
        shown = (subject is not None, self._value if subject is None else self._value_fn(subject))
        if shown == (self._attr_available, self._value):
            return False
        self._attr_available, self._value = shown
        return True


class AccountEntity[ValueT](ValueEntity[Account, ValueT]):
    """A value of the link; it stays known while Ring cannot be reached."""

    @override
    def _subject(self) -> Account:
        return self.coordinator.data.account


class DeviceEntity[ValueT](ValueEntity[Device, ValueT]):
    """A value of a device."""

    def __init__(
        self,
        coordinator: RingCoordinator,
        device: Device,
        description: RingDeviceDescription,
        value_fn: Callable[[Device], ValueT | None],
    ) -> None:
        """Follow the device by its id."""
        self._device_id = device.id
        self._while_offline = description.while_offline
        super().__init__(coordinator, device.id, description, value_fn)

    @override
    def _subject(self) -> Device | None:
        device = self.coordinator.data.devices.get(self._device_id)
        if not self.coordinator.last_update_success or device is None:
            return None
        return None if device.status.online is False and not self._while_offline else device


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
        super().__init__(coordinator, component_id(device.id, component.component_id), description, value_fn)

    @override
    def _subject(self) -> Component | None:
        device = self.coordinator.data.devices.get(self._device_id)
        if not self.coordinator.last_update_success or device is None:
            return None
        components = device.capabilities.components
        return next((item for item in components if item.component_id == self._component_id), None)


@callback
def async_add_as_devices_appear(
    entry: RingConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    build: Callable[[Device], Iterable[Entity]],
) -> None:
    """Add the entities of every device, now and whenever a device appears or turns out to have more features."""
    coordinator = entry.runtime_data.coordinator
    seen: dict[str, object] = {}
    added: set[str | None] = set()

    @callback
    def add_new() -> None:
        devices = coordinator.data.devices
        for gone in seen.keys() - devices.keys():
            # Should it come back after it was removed from the registry, its entities are needed again.
            del seen[gone]
            added.difference_update({unique_id for unique_id in added if unique_id and unique_id.startswith(gone)})
        new: list[Entity] = []
        for device in devices.values():
            shape = (device.features, device.capabilities.components)
            if seen.get(device.id) != shape:
                seen[device.id] = shape
                new += [entity for entity in build(device) if entity.unique_id not in added]
        added.update(entity.unique_id for entity in new)
        async_add_entities(new)

    entry.async_on_unload(coordinator.async_add_listener(add_new))
    add_new()
