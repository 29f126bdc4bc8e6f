"""A device's documents where Ring was seen to write them in more than one way."""

from collections.abc import Mapping

from .families import NO_CAPABILITIES, Permission
from .model import Device
from .switches import AbsentCapabilities, ChimeSlots, EncryptedDevices, Switches
from .values import Json, JsonObject

# The members of a capability block, which are all null where the device lacks the capability.
_MEMBERS: Mapping[str, tuple[str, ...]] = {
    "video": ("configurations", "codecs", "ratio", "max_resolution", "supported_resolutions"),
    "audio": ("customizable_slots", "supported_actions"),
    "motion_detection": ("configurations",),
    "image_enhancements": ("configurations",),
    "battery_status": ("supported",),
}
_SENSOR_MEMBERS = ("configurations",)
_EMPTY_SLOT: JsonObject = {"audio_ref": None, "audio_url": None, "audio_name": None}


def is_hidden(device: Device, switches: Switches) -> bool:
    """Say whether no partner sees the device: it is encrypted end to end, and such devices are not listed."""
    return device.e2ee and EncryptedDevices(switches.e2ee_devices) is EncryptedDevices.HIDDEN


def attributes_of(device: Device, kind: str, switches: Switches) -> JsonObject:
    """Return the attributes of the device's status, capabilities or configurations, as the switches say."""
    return rewritten(device, kind, device.document(kind), switches)


def rewritten(device: Device, kind: str, attributes: JsonObject, switches: Switches) -> JsonObject:
    """Return attributes of the device in the form that the switches choose."""
    if kind == "capabilities":
        return _capabilities(device, attributes, AbsentCapabilities(switches.absent_capabilities))
    if kind == "configurations":
        return _configurations(device, attributes, ChimeSlots(switches.chime_slots))
    return attributes


def _capabilities(device: Device, attributes: JsonObject, absent: AbsentCapabilities) -> JsonObject:
    if absent is AbsentCapabilities.MISSING:
        return {name: block for name, block in attributes.items() if not _is_absent(name, block)}
    # Of a camera's missing capabilities live answers said null; of chimes and sensors there are none.
    is_camera = device.family.permission is Permission.CAMERAS
    if absent is AbsentCapabilities.NULL or (is_camera and absent is AbsentCapabilities.BLOCKS):
        return attributes
    return {name: _block_of_nulls(name) if _is_absent(name, block) else block for name, block in attributes.items()}


def _is_absent(name: str, block: Json) -> bool:
    return block is None or block == NO_CAPABILITIES.get(name, {})


def _block_of_nulls(name: str) -> JsonObject:
    return dict.fromkeys(_MEMBERS.get(name, _SENSOR_MEMBERS))


def _configurations(device: Device, attributes: JsonObject, slots: ChimeSlots) -> JsonObject:
    audio = attributes.get("audio")
    shown: dict[str, Json] = dict(attributes)
    if isinstance(audio, Mapping) and slots is ChimeSlots.EMPTY:
        shown["audio"] = {**audio, "customizable_slots": _emptied(audio.get("customizable_slots"))}
    if device.e2ee:
        shown["e2e_encryption"] = {"enabled": True}
    return shown


def _emptied(slots: Json) -> Json:
    """Return the slots of a chime without the sounds that are only there once the developer has provisioned them."""
    if not isinstance(slots, list):
        return slots
    return [{**slot, **_EMPTY_SLOT} for slot in slots if isinstance(slot, Mapping)]
