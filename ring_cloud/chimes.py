"""Sounds of partner apps on chimes: the only thing a partner can make a device do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
import json

from .device_documents import attributes_of
from .model import Device
from .refusals import ApiError
from .switches import Switches
from .values import JsonObject

# What is wrong with such a request is a 400 under the title of a 422.
_TITLE = "Validation Error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A sound that was heard."""

    device: Device
    audio_ref: str
    time: float


def playable(body: bytes, device: Device, switches: Switches) -> str:
    """Return the sound that a request asks for, if the device can play it now."""
    audio_ref = _read(body)
    if audio_ref not in _sounds(device, switches):
        raise ApiError(HTTPStatus.BAD_REQUEST, "The device cannot play this audio", _TITLE)
    if not device.online:
        raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "Device is currently offline")
    return audio_ref


def answer(audio_ref: str) -> JsonObject:
    """Return what Ring is said to answer."""
    return {"data": {"id": audio_ref, "attributes": {"status": "accepted"}}}


def _read(body: bytes) -> str:
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, "The body is not valid JSON", _TITLE) from error
    match document:
        case {"data": {"type": "audio", "attributes": {"audio_ref": str(audio_ref)}}}:
            return audio_ref
        case _:
            raise ApiError(HTTPStatus.BAD_REQUEST, "data.attributes.audio_ref is missing", _TITLE)


def _sounds(device: Device, switches: Switches) -> set[object]:
    slots = _slots(device, switches)
    return {slot["audio_ref"] for slot in slots if slot.get("audio_ref") and not slot.get("disabled")}


def _slots(device: Device, switches: Switches) -> Sequence[Mapping[str, object]]:
    """Return the slots of a chime; other devices have none, and say so with null."""
    match attributes_of(device, "configurations", switches):
        case {"audio": {"customizable_slots": list(slots)}}:
            return slots
        case _:
            return ()
