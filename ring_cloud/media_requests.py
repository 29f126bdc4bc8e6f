"""What a partner asks for, read as strictly as Ring does, and how the media API says no."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
import json
from typing import Literal

from .model import Device
from .pictures import Size
from .values import JsonObject

_DAY_MS = 86_400_000
_OLDEST_MS = 180 * _DAY_MS
# Smaller ones are seconds sent for milliseconds: times of 1970, long before any consent.
_FIRST_MS = 10**12
_MAX_CLIP_MS = 900_000
_MAX_WIDTH, _MAX_HEIGHT = 1920, 1080
_MAX_FRAME_RATE = 25

_STATUS: Mapping[str, HTTPStatus] = {
    "INVALID_PAYLOAD": HTTPStatus.BAD_REQUEST,
    "REQUEST_FORBIDDEN": HTTPStatus.FORBIDDEN,
    "TIME_RANGE_NOT_AUTHORIZED": HTTPStatus.FORBIDDEN,
    "DEVICE_NOT_FOUND": HTTPStatus.NOT_FOUND,
    "MEDIA_NOT_FOUND": HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    "CORRUPT_RECORDING": HTTPStatus.UNPROCESSABLE_ENTITY,
    "GRECO_NO_VALID_KEY": HTTPStatus.UNPROCESSABLE_ENTITY,
    "RECORDING_NOT_READY": HTTPStatus.TOO_EARLY,
}


class MediaError(Exception):
    """A refusal in the form of the media API; `pointer` names the field that is wrong, `silent` leaves the body out."""

    def __init__(self, code: str, detail: str, pointer: str | None = None, *, silent: bool = False) -> None:
        super().__init__(detail)
        self.code = code
        self.status = _STATUS[code]
        self.detail = detail
        self.pointer = pointer
        self.silent = silent

    def document(self, request_id: str, time: str) -> JsonObject:
        """Return Ring's form of such an error."""
        source = {} if self.pointer is None else {"source": {"pointer": self.pointer}}
        error = {"id": request_id, "status": str(self.status.value), "code": self.code, "detail": self.detail}
        return {"errors": [{**error, **source, "meta": {"timestamp": time}}]}


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRequest:
    """A stored picture: the one nearest to `start_ms`, or with an end the newest of the range."""

    start_ms: int
    end_ms: int | None = None
    format: Literal["jpeg", "png"] = "jpeg"
    size: Size = (1280, 720)
    component_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRequest:
    """A stored recording of a range."""

    start_ms: int
    length_ms: int
    codec: Literal["avc", "hevc"] = "avc"
    frame_rate: int = 5
    size: Size = (640, 360)
    audio: bool = False
    component_id: str | None = None


@dataclass(slots=True)
class _Block:
    """An object of the body; `path` is how errors name it. Unknown fields are ignored, as far as is known."""

    fields: Mapping[str, object]
    path: str = field(default="", kw_only=True)

    def refuse(self, key: str, expectation: str) -> MediaError:
        pointer = f"{self.path}{key}"
        return MediaError("INVALID_PAYLOAD", f"{pointer} {expectation}", pointer)

    def whole(self, key: str, default: int | None, low: int, high: int) -> int:
        value = self.fields.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.refuse(key, f"must be a whole number from {low} to {high}")
        return value

    def block(self, key: str) -> _Block:
        value = self.fields.get(key, {})
        if not isinstance(value, dict):
            raise self.refuse(key, "must be an object")
        return _Block(value, path=f"{self.path}{key}.")

    def size(self, default: Size) -> Size:
        if "resolution" not in self.fields:
            return default
        resolution = self.block("resolution")
        return resolution.whole("width", None, 1, _MAX_WIDTH), resolution.whole("height", None, 1, _MAX_HEIGHT)


def read_picture_request(body: bytes, device: Device, now_ms: int) -> PictureRequest:
    """Read the body of an image download."""
    asked = _read(body, "timestamp", "start_timestamp")
    oldest_ms = now_ms - _OLDEST_MS
    match asked.fields.get("type"):
        case "at_timestamp":
            start_ms, end_ms = asked.whole("timestamp", None, oldest_ms, now_ms), None
        case "latest_in_range":
            start_ms = asked.whole("start_timestamp", None, oldest_ms, now_ms)
            latest_ms = min(now_ms, start_ms + _DAY_MS)
            end_ms = asked.whole("end_timestamp", now_ms, start_ms, latest_ms)
        case _:
            raise asked.refuse("type", "must be at_timestamp or latest_in_range")
    options = asked.block("image_options")
    image_format = options.fields.get("format", "jpeg")
    if image_format not in ("jpeg", "png"):
        raise options.refuse("format", "must be jpeg or png")
    return PictureRequest(
        start_ms=start_ms,
        end_ms=end_ms,
        format="png" if image_format == "png" else "jpeg",
        size=options.size((1280, 720)),
        component_id=_component(asked, device),
    )


def read_clip_request(body: bytes, device: Device, now_ms: int) -> ClipRequest:
    """Read the body of a video download."""
    asked = _read(body, "timestamp")
    start_ms, length_ms = asked.whole("timestamp", None, 0, now_ms), asked.whole("duration", None, 1, _MAX_CLIP_MS)
    video, audio = asked.block("video_options"), asked.block("audio_options")
    codec, with_audio = video.fields.get("codec", "avc"), audio.fields.get("audio_enabled", False)
    if codec not in ("avc", "hevc"):
        raise video.refuse("codec", "must be avc or hevc")
    if not isinstance(with_audio, bool):
        raise audio.refuse("audio_enabled", "must be true or false")
    return ClipRequest(
        start_ms=start_ms,
        length_ms=length_ms,
        codec="hevc" if codec == "hevc" else "avc",
        frame_rate=video.whole("frame_rate", 5, 1, _MAX_FRAME_RATE),
        size=video.size((640, 360)),
        audio=with_audio,
        component_id=_component(asked, device),
    )


def _read(body: bytes, *timestamps: str) -> _Block:
    """Read the body; what has no times cannot even be authorised, which Ring says with a 403."""
    if not body.strip():
        raise MediaError("REQUEST_FORBIDDEN", "Cannot authorize: empty request body")
    try:
        fields: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MediaError("INVALID_PAYLOAD", "The body is not valid JSON") from error
    if not isinstance(fields, dict):
        raise MediaError("INVALID_PAYLOAD", "The body must be an object")
    if not any(fields.get(key) is not None for key in timestamps):
        raise MediaError("REQUEST_FORBIDDEN", "Cannot authorize: missing required timestamp fields")
    if any(_is_seconds(fields.get(key)) for key in timestamps):
        raise MediaError("TIME_RANGE_NOT_AUTHORIZED", "The time range begins before the user's consent")
    return _Block(fields)


def _is_seconds(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < _FIRST_MS


def _component(asked: _Block, device: Device) -> str | None:
    """Return the lens: exactly one of a camera that has several; of any other only "0" may be named."""
    given = asked.fields.get("components")
    several = "components" in device.family.capabilities
    if given is None and not several:
        return None
    match given:
        case [{"component_id": str(component_id)}] if several and device.component("capabilities", component_id):
            return component_id
        case [{"component_id": "0"}] if not several:
            return None
    raise asked.refuse("components", "must name exactly one lens of a camera that has several")
