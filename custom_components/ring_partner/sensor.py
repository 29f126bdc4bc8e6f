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
from homeassistant.util.unit_conversion import TemperatureConverter

from .api import Component, Device, Feature, Location, Measurement, VideoCapability
from .const import OPTION_DOORBELLS
from .coordinator import LINK_LOST
from .entity import (
    AccountEntity,
    ActivityEntity,
    ComponentEntity,
    DeviceEntity,
    RingDeviceDescription,
    async_add_as_devices_appear,
    has,
)
from .events import Activity
from .kinds import is_camera, is_doorbell
from .models import Account, DeliveryMode, RingConfigEntry

# Everything comes from the coordinator.
PARALLEL_UPDATES = 0

type SensorValue = StateType | datetime

LINK_STATUSES = ("awaiting", "completed", LINK_LOST)
PLANS = ("paid", "trial")


@dataclass(frozen=True, kw_only=True)
class RingSensorDescription[SubjectT](RingDeviceDescription, SensorEntityDescription):
    """A sensor of the account, of a device or a part of one, or of what has happened there."""

    value_fn: Callable[[SubjectT], SensorValue]


def _resolution(video: VideoCapability | None) -> str | None:
    return None if video is None or video.max_resolution is None else f"{video.max_resolution}p"


def _codec(video: VideoCapability | None) -> str | None:
    return None if video is None else ", ".join(video.codecs) or None


def _celsius(measured: Measurement | None) -> float | None:
    """Return a temperature in °C: the unit of an entity must not change with what Ring happens to send."""
    if measured is None or measured.unit is None:
        return None if measured is None else measured.value
    if measured.unit not in TemperatureConverter.VALID_UNITS:
        return None
    return TemperatureConverter.convert(measured.value, measured.unit, UnitOfTemperature.CELSIUS)


def _measured(
    feature: Feature, value_fn: Callable[[Device], SensorValue], device_class: SensorDeviceClass, unit: str
) -> RingSensorDescription[Device]:
    """What a device measures now; the device class gives the name."""
    return RingSensorDescription(
        key=feature,
        supported_fn=has(feature),
        value_fn=value_fn,
        device_class=device_class,
        native_unit_of_measurement=unit,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
    )


def _setup(
    key: str,
    value_fn: Callable[[Device], SensorValue],
    supported_fn: Callable[[Device], bool] | None = None,
    *,
    enabled: bool = False,
) -> RingSensorDescription[Device]:
    """How a device is made or set up: it exists where it has a value, if nothing else decides that."""
    return RingSensorDescription(
        key=key,
        translation_key=key,
        supported_fn=supported_fn or (lambda device: value_fn(device) is not None),
        value_fn=value_fn,
        while_offline=True,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=enabled,
    )


def _plan(account: Account) -> str | None:
    if account.subscriptions is None:
        return None
    subscription = account.subscription
    if subscription is None or subscription.status == "inactive":
        return "none"
    return subscription.sub_type if subscription.sub_type in PLANS else "other"


def _place(device: Device) -> Location:
    """Return where a camera is; nobody asks it of a sensor."""
    return (device.location if is_camera(device) else None) or Location()


def _count(zones: tuple[object, ...] | None) -> int | None:
    return None if zones is None else len(zones)


SENSORS: tuple[RingSensorDescription[Device], ...] = (
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
        supported_fn=has(Feature.BATTERY),
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
        supported_fn=has(Feature.SIGNAL_STRENGTH),
        value_fn=lambda device: device.status.signal_strength,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    RingSensorDescription(
        key=Feature.TEMPERATURE,
        supported_fn=has(Feature.TEMPERATURE),
        value_fn=lambda device: _celsius(device.status.temperature),
        device_class=SensorDeviceClass.TEMPERATURE,
        native_unit_of_measurement=UnitOfTemperature.CELSIUS,
        suggested_display_precision=1,
        state_class=SensorStateClass.MEASUREMENT,
    ),
    _measured(Feature.HUMIDITY, lambda device: device.status.humidity, SensorDeviceClass.HUMIDITY, PERCENTAGE),
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
    _setup("resolution", lambda device: _resolution(device.capabilities.video), enabled=True),
    _setup("codec", lambda device: _codec(device.capabilities.video)),
    _setup("volume", lambda device: device.configurations.volume, has(Feature.VOLUME), enabled=True),
    _setup("motion_zones", lambda device: _count(device.configurations.motion_zones), has(Feature.MOTION_ZONES)),
    _setup("privacy_zones", lambda device: _count(device.configurations.privacy_zones), has(Feature.PRIVACY_ZONES)),
    _setup("country", lambda device: _place(device).country),
    _setup("state", lambda device: _place(device).state),
)

LAST_RING: RingSensorDescription[Activity] = RingSensorDescription(
    key="last_ring",
    translation_key="last_ring",
    value_fn=lambda activity: activity.ring,
    device_class=SensorDeviceClass.TIMESTAMP,
)

ACTIVITY_SENSORS: tuple[RingSensorDescription[Activity], ...] = (
    RingSensorDescription(
        key="last_motion",
        translation_key="last_motion",
        value_fn=lambda activity: activity.motion,
        device_class=SensorDeviceClass.TIMESTAMP,
    ),
    RingSensorDescription(
        key="last_activity",
        translation_key="last_activity",
        value_fn=lambda activity: activity.last,
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_registry_enabled_default=False,
    ),
)

COMPONENT_SENSORS: tuple[RingSensorDescription[Component], ...] = (
    RingSensorDescription(
        key="resolution",
        translation_key="resolution",
        value_fn=lambda component: _resolution(component.video),
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    RingSensorDescription(
        key="codec",
        translation_key="codec",
        value_fn=lambda component: _codec(component.video),
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
)


def _counter(key: str, value_fn: Callable[[Account], int]) -> RingSensorDescription[Account]:
    """A number of webhooks since the account was set up."""
    return RingSensorDescription(
        key=key,
        translation_key=key,
        value_fn=value_fn,
        state_class=SensorStateClass.TOTAL_INCREASING,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    )


ACCOUNT_SENSORS: tuple[RingSensorDescription[Account], ...] = (
    RingSensorDescription(
        key="token_expires",
        translation_key="token_expires",
        value_fn=lambda account: account.token_expires_at,
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    RingSensorDescription(
        key="link_status",
        translation_key="link_status",
        value_fn=lambda account: account.link_status if account.link_status in LINK_STATUSES else None,
        device_class=SensorDeviceClass.ENUM,
        options=[*LINK_STATUSES],
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    RingSensorDescription(
        key="subscription",
        translation_key="subscription",
        value_fn=_plan,
        device_class=SensorDeviceClass.ENUM,
        options=[*PLANS, "other", "none"],
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    RingSensorDescription(
        key="subscription_ends",
        translation_key="subscription_ends",
        value_fn=lambda account: None if account.subscription is None else account.subscription.expires_at,
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    RingSensorDescription(
        key="scope",
        translation_key="scope",
        value_fn=lambda account: " ".join(sorted(account.scopes)) or None,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    RingSensorDescription(
        key="delivery",
        translation_key="delivery",
        value_fn=lambda account: account.delivery.mode,
        device_class=SensorDeviceClass.ENUM,
        options=[*DeliveryMode],
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    RingSensorDescription(
        key="last_event",
        translation_key="last_event",
        value_fn=lambda account: account.delivery.last_event_at,
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    _counter("deliveries_accepted", lambda account: account.delivery.accepted),
    _counter("deliveries_refused", lambda account: account.delivery.refused),
    _counter("deliveries_duplicate", lambda account: account.delivery.duplicates),
    RingSensorDescription(
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
    async_add_entities(AccountSensor(coordinator, row, row.value_fn) for row in ACCOUNT_SENSORS)

    def build(device: Device) -> Iterator[Entity]:
        for row in SENSORS:
            if row.supported_fn(device):
                yield RingSensor(coordinator, device, row, row.value_fn, while_offline=row.while_offline)
        if is_camera(device):
            for happening in ACTIVITY_SENSORS:
                yield ActivitySensor(coordinator, device, happening, happening.value_fn)
        if is_doorbell(device, entry.options.get(OPTION_DOORBELLS, ())):
            yield ActivitySensor(coordinator, device, LAST_RING, LAST_RING.value_fn)
        for component in device.capabilities.components:
            for part in COMPONENT_SENSORS:
                yield ComponentSensor(coordinator, device, component, part, part.value_fn)

    await async_add_as_devices_appear(entry, async_add_entities, build)


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


class ActivitySensor(ActivityEntity[SensorValue], _ShowsValue):
    """A row of the table of what has happened at a device."""


class ComponentSensor(ComponentEntity[SensorValue], _ShowsValue):
    """A row of the components' table for one camera."""


class RingSensor(DeviceEntity[SensorValue], _ShowsValue):
    """A row of the devices' table for one device."""
