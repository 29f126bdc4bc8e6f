"""What a device is, as far as one can tell: Ring names neither kind nor model."""

from collections.abc import Collection

from .api import Device, Feature
from .const import PermissionGroup
from .identifiers import CameraId

# The first feature a device has names it, when Ring's picture of it does not.
_NAMES: tuple[tuple[Feature, str], ...] = (
    (Feature.VIDEO, "Camera"),
    (Feature.CHIME, "Chime"),
    (Feature.FLOOD, "Flood and freeze sensor"),
    (Feature.FREEZE, "Flood and freeze sensor"),
    (Feature.CONTACT, "Contact sensor"),
    (Feature.SMOKE, "Smoke and CO listener"),
    (Feature.CO, "Smoke and CO listener"),
    (Feature.GLASS_BREAK, "Glass break sensor"),
    (Feature.PM25, "Air quality monitor"),
    (Feature.CO_CONCENTRATION, "Air quality monitor"),
    (Feature.TEMPERATURE, "Temperature and humidity sensor"),
    (Feature.HUMIDITY, "Temperature and humidity sensor"),
)


def model_name(device: Device, doorbells: Collection[str]) -> str | None:
    """Return Ring's hint, else what the user said it is, else what its features make of it."""
    if device.model is not None:
        return device.model
    if device.id in doorbells:
        return "Doorbell"
    return next((name for feature, name in _NAMES if feature in device.features), None)


def permission_group(device: Device) -> PermissionGroup:
    """Return which of the Ring app's permissions the device needs."""
    if is_camera(device):
        return PermissionGroup.CAMERAS
    return PermissionGroup.CHIMES if Feature.CHIME in device.features else PermissionGroup.SENSORS


def is_camera(device: Device) -> bool:
    """Whether the device records video."""
    return Feature.VIDEO in device.features


def cameras_of(device: Device) -> tuple[CameraId, ...]:
    """Return the cameras of a device: none, one, or one for each of its components."""
    if not is_camera(device):
        return ()
    components = tuple(CameraId(device.id, part.component_id) for part in device.capabilities.components)
    return components or (CameraId(device.id),)


def is_doorbell(device: Device, doorbells: Collection[str]) -> bool:
    """Whether somebody can ring at the device."""
    return device.id in doorbells or (is_camera(device) and "doorbell" in (device.model or "").lower())


def is_unidentified_camera(device: Device) -> bool:
    """Whether only the user can say that this camera is a doorbell."""
    return is_camera(device) and device.model is None


def is_battery_powered(device: Device) -> bool:
    """Whether the device is known to run on a battery; Ring reports the charge of few cameras."""
    return device.status.battery is not None or "batter" in (device.model or "").lower()
