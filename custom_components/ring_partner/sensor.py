"""Sensors: what a device measures, how it is set up, and how the link is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import (
    PERCENTAGE,
    EntityCategory,
    UnitOfDensity,
    UnitOfRatio,
    UnitOfTemperature,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType

from .api import Component, Device, Feature, Subscription, VideoCapability
from .coordinator import RingCoordinator
from .devices import account_identifier
from .entity import (
    AccountEntity,
    ComponentEntity,
    DeviceEntity,
    RingDeviceDescription,
    async_add_as_devices_appear,
)
from .models import Account, RingConfigEntry

# Everything comes from the coordinator.
PARALLEL_UPDATES = 0

type SensorValue = StateType | datetime

LINK_STATUSES = ("awaiting", "completed")
PLANS = ("paid", "trial")


@dataclass(frozen=True, kw_only=True)
class RingSensorDescription(RingDeviceDescription, SensorEntityDescription):
    """A sensor that devices with a feature have."""

    value_fn: Callable[[Device], SensorValue]
    unit_fn: Callable[[Device], str | None] | None = None
    """The unit, where it is Ring that chooses it."""


@dataclass(frozen=True, kw_only=True)
class ComponentSensorDescription(SensorEntityDescription):
    """A sensor of each camera of a device that has several."""

    value_fn: Callable[[Component], SensorValue]


@dataclass(frozen=True, kw_only=True)
class AccountSensorDescription(SensorEntityDescription):
    """A sensor of the account."""

    value_fn: Callable[[Account], SensorValue]


def _resolution(video: VideoCapability | None) -> str | None:
    return None if video is None or video.max_resolution is None else f"{video.max_resolution}p"


def _codec(video: VideoCapability | None) -> str | None:
    return None if video is None else ", ".join(video.codecs) or None


def _measured(
    feature: Feature, value_fn: Callable[[Device], SensorValue], device_class: SensorDeviceClass, unit: str
) -> RingSensorDescription:
    """What a device measures now; the device class gives the name."""
    return RingSensorDescription(
        key=feature,
        feature=feature,
        value_fn=value_fn,
        device_class=device_class,
        native_unit_of_measurement=unit,
        state_class=SensorStateClass.MEASUREMENT,
    )


def _setup(
    key: str, feature: Feature, value_fn: Callable[[Device], SensorValue], *, enabled: bool = False
) -> RingSensorDescription:
    """How a device is made or set up."""
    return RingSensorDescription(
        key=key,
        translation_key=key,
        feature=feature,
        value_fn=value_fn,
        while_offline=True,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=enabled,
    )


def _plan(subscription: Subscription | None) -> str:
    if subscription is None or subscription.status == "inactive":
        return "none"
    return subscription.sub_type if subscription.sub_type in PLANS else "other"


def _count(zones: tuple[object, ...] | None) -> int | None:
    return None if zones is None else len(zones)


SENSORS: tuple[RingSensorDescription, ...] = (
    RingSensorDescription(
        key="last_reported",
        translation_key="last_reported",
        value_fn=lambda device: device.status.reported_at,
        while_offline=True,
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    RingSensorDescription(
        key=Feature.BATTERY,
        feature=Feature.BATTERY,
        value_fn=lambda device: device.status.battery,
        # The last charge of a device that fell silent says why it did.
        while_offline=True,
        device_class=SensorDeviceClass.BATTERY,
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    RingSensorDescription(
        key=Feature.SIGNAL_STRENGTH,
        translation_key=Feature.SIGNAL_STRENGTH,
        feature=Feature.SIGNAL_STRENGTH,
        value_fn=lambda device: device.status.signal_strength,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    RingSensorDescription(
        key=Feature.TEMPERATURE,
        feature=Feature.TEMPERATURE,
        value_fn=lambda device: None if (measured := device.status.temperature) is None else measured.value,
        unit_fn=lambda device: None if (measured := device.status.temperature) is None else measured.unit,
        device_class=SensorDeviceClass.TEMPERATURE,
        native_unit_of_measurement=UnitOfTemperature.CELSIUS,
        state_class=SensorStateClass.MEASUREMENT,
    ),
    _measured(
        Feature.HUMIDITY, lambda device: device.status.humidity, SensorDeviceClass.HUMIDITY, PERCENTAGE
    ),
    _measured(
        Feature.PM25,
        lambda device: device.status.pm25,
        SensorDeviceClass.PM25,
        UnitOfDensity.MICROGRAMS_PER_CUBIC_METER,
    ),
    _measured(
        Feature.CO_CONCENTRATION,
        lambda device: device.status.co_concentration,
        SensorDeviceClass.CO,
        UnitOfRatio.PARTS_PER_MILLION,
    ),
    _setup("resolution", Feature.VIDEO, lambda device: _resolution(device.capabilities.video), enabled=True),
    _setup("codec", Feature.VIDEO, lambda device: _codec(device.capabilities.video)),
    _setup("volume", Feature.VOLUME, lambda device: device.configurations.volume, enabled=True),
    _setup("motion_zones", Feature.MOTION_ZONES, lambda device: _count(device.configurations.motion_zones)),
    _setup("privacy_zones", Feature.PRIVACY_ZONES, lambda device: _count(device.configurations.privacy_zones)),
    _setup("country", Feature.VIDEO, lambda device: None if device.location is None else device.location.country),
    _setup("state", Feature.VIDEO, lambda device: None if device.location is None else device.location.state),
)

COMPONENT_SENSORS: tuple[ComponentSensorDescription, ...] = (
    ComponentSensorDescription(
        key="resolution",
        translation_key="resolution",
        value_fn=lambda component: _resolution(component.video),
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    ComponentSensorDescription(
        key="codec",
        translation_key="codec",
        value_fn=lambda component: _codec(component.video),
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
)

ACCOUNT_SENSORS: tuple[AccountSensorDescription, ...] = (
    AccountSensorDescription(
        key="token_expires",
        translation_key="token_expires",
        value_fn=lambda account: account.token_expires_at,
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    AccountSensorDescription(
        key="link_status",
        translation_key="link_status",
        value_fn=lambda account: account.link_status if account.link_status in LINK_STATUSES else None,
        device_class=SensorDeviceClass.ENUM,
        options=[*LINK_STATUSES],
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    AccountSensorDescription(
        key="subscription",
        translation_key="subscription",
        value_fn=lambda account: _plan(account.subscription),
        device_class=SensorDeviceClass.ENUM,
        options=[*PLANS, "other", "none"],
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    AccountSensorDescription(
        key="subscription_ends",
        translation_key="subscription_ends",
        value_fn=lambda account: None if account.subscription is None else account.subscription.expires_at,
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    AccountSensorDescription(
        key="scope",
        translation_key="scope",
        value_fn=lambda account: " ".join(sorted(account.scopes)) or None,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    AccountSensorDescription(
        key="requests_left",
        translation_key="requests_left",
        value_fn=lambda account: account.requests_left,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: RingConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Set up the sensors of the account and of every device."""
    coordinator = entry.runtime_data.coordinator
    account_id = account_identifier(entry)
    async_add_entities(AccountSensor(coordinator, account_id, row, row.value_fn) for row in ACCOUNT_SENSORS)

    def build(device: Device) -> Iterator[Entity]:
        for row in SENSORS:
            if row.feature is None or row.feature in device.features:
                yield RingSensor(coordinator, device, row)
        for component in device.capabilities.components:
            for part in COMPONENT_SENSORS:
                yield ComponentSensor(coordinator, device, component, part, part.value_fn)

    async_add_as_devices_appear(entry, async_add_entities, build)


class _ShowsValue(SensorEntity):
    """A sensor whose state is the value last read."""

    _value: SensorValue

    @property
    @override
    def native_value(self) -> SensorValue:
        """The value last read."""
        return self._value


class AccountSensor(AccountEntity[SensorValue], _ShowsValue):
    """A row of the account's table."""


class ComponentSensor(ComponentEntity[SensorValue], _ShowsValue):
    """A row of the components' table for one camera."""


class RingSensor(DeviceEntity[SensorValue], _ShowsValue):
    """A row of the devices' table for one device."""

    def __init__(self, coordinator: RingCoordinator, device: Device, row: RingSensorDescription) -> None:
        """Take the unit from Ring where it names one."""
        super().__init__(coordinator, device, row, row.value_fn)
        if row.unit_fn is not None and (unit := row.unit_fn(device)) is not None:
            self._attr_native_unit_of_measurement = unit
