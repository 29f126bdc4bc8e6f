"""Actions: clips and pictures as files, what has happened, and sounds on a chime."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
import re
from typing import Any, Final

import voluptuous as vol

from homeassistant.components.http.auth import async_sign_path
from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import (
    config_validation as cv,
    device_registry as dr,
    entity_registry as er,
    service as service_helper,
)
from homeassistant.helpers.typing import VolDictType
from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonObjectType

from .api import MAX_CLIP, Picture
from .chimes import Sound, async_play, sounds_of
from .const import DOMAIN
from .devices import device_identifier
from .downloads import async_save_clip, new_file
from .errors import ring_errors
from .events import Kind
from .identifiers import CameraId, ClipId, EventId, Shelf
from .kinds import cameras_of
from .models import RingConfigEntry, RingRuntimeData
from .recordings import Recording
from .snapshots import async_last_picture, async_picture_of
from .views import PictureView

ATTR_DURATION: Final = "duration"
ATTR_END: Final = "end"
ATTR_EVENT_ID: Final = "event_id"
ATTR_FILENAME: Final = "filename"
ATTR_LIMIT: Final = "limit"
ATTR_SOUND: Final = "sound"
ATTR_START: Final = "start"
ATTR_TIME: Final = "time"
ATTR_TYPES: Final = "types"
# How far back an event is looked for: first where it most likely is.
_SEARCHED: Final = (timedelta(days=1), timedelta(days=30))

LIVE_VIEW: Final = "live_view"
EVENT_TYPES: Final = (*Kind, "human", "vehicle", "animal", "package", "other_motion", LIVE_VIEW)
# How long the address of a picture is good for.
SEEN_FOR: Final = timedelta(hours=1)
SHELVES: Final = {"human": Shelf.PEOPLE, "vehicle": Shelf.VEHICLES, "animal": Shelf.ANIMALS}
DEFAULT_LENGTH: Final = timedelta(seconds=30)
DEFAULT_SPAN: Final = timedelta(days=1)
SHORTEST_CLIP: Final = timedelta(seconds=1)
MOST_EVENTS: Final = 1000
CLIP_SUFFIXES: Final = (".mp4",)
PICTURE_SUFFIXES: Final = (".jpg", ".jpeg")
# At either end of the calendar there is no day before or after, and no time of another zone.
_YEARS: Final = range(1970, 2100)
# The end of a text in C, and halves of characters.
_IN_NO_FILE_NAME: Final = re.compile(r"[\x00\ud800-\udfff]")


def _bounded[T](validator: Callable[[object], T], beyond: T) -> Callable[[object], T]:
    """Return a validator for which what Python cannot count is `beyond`: Home Assistant's raise OverflowError."""

    def validate(value: object) -> T:
        try:
            return validator(value)
        except OverflowError:
            return beyond

    return validate


_CAMERA: Final[VolDictType] = {vol.Required(ATTR_ENTITY_ID): cv.entity_id}
DOWNLOAD_CLIP: Final = vol.Schema(
    vol.All(
        {
            **_CAMERA,
            vol.Required(ATTR_FILENAME): cv.string,
            vol.Exclusive(ATTR_START, "moment"): cv.datetime,
            vol.Exclusive(ATTR_EVENT_ID, "moment"): cv.string,
            vol.Optional(ATTR_DURATION): _bounded(cv.positive_time_period, timedelta.max),
        },
        cv.has_at_least_one_key(ATTR_START, ATTR_EVENT_ID),
    )
)
GET_EVENTS: Final = vol.Schema(
    {
        **_CAMERA,
        vol.Optional(ATTR_START): cv.datetime,
        vol.Optional(ATTR_END): cv.datetime,
        vol.Optional(ATTR_TYPES, default=list): vol.All(cv.ensure_list, [vol.In(EVENT_TYPES)]),
        vol.Optional(ATTR_LIMIT, default=100): vol.All(
            _bounded(vol.Coerce(int), MOST_EVENTS + 1), vol.Range(min=1, max=MOST_EVENTS)
        ),
    }
)
GET_SNAPSHOT: Final = vol.Schema(
    {
        **_CAMERA,
        vol.Optional(ATTR_TIME): cv.datetime,
        vol.Optional(ATTR_FILENAME): cv.string,
    }
)
PLAY_CHIME_SOUND: Final = vol.Schema({vol.Required(ATTR_DEVICE_ID): cv.string, vol.Required(ATTR_SOUND): cv.string})


@dataclass(frozen=True, slots=True)
class _Target:
    """The camera that an action is for, and its account as it was then: it may be unloaded while Ring is asked."""

    entry: RingConfigEntry
    runtime: RingRuntimeData
    camera: CameraId


type Handler = Callable[[ServiceCall], Coroutine[Any, Any, ServiceResponse]]


def _refusal(key: str, **placeholders: str) -> ServiceValidationError:
    return ServiceValidationError(translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders)


async def _async_download_clip(call: ServiceCall) -> ServiceResponse:
    """Save what a camera has recorded."""
    target = _camera(call)
    wanted: timedelta | None = call.data.get(ATTR_DURATION)
    if wanted is not None and not SHORTEST_CLIP <= wanted <= MAX_CLIP:
        raise _refusal("clip_length")
    start = _past(call, ATTR_START)
    path = await _async_path(call, CLIP_SUFFIXES)
    with ring_errors(target.runtime.coordinator):
        at, length = (start, DEFAULT_LENGTH) if start is not None else await _async_moment(call, target)
        clip = ClipId(target.camera, at, wanted or length)
        size = await async_save_clip(call.hass, target.runtime.clips, clip, path)
    return {
        "path": str(path),
        "bytes": size,
        "start": dt_util.as_local(at).isoformat(),
        "duration": clip.duration.total_seconds(),
    }


async def _async_get_events(call: ServiceCall) -> ServiceResponse:
    """Return what has happened at a camera, newest first."""
    target = _camera(call)
    end = _time(call, ATTR_END) or dt_util.utcnow()
    start = _past(call, ATTR_START) or end - DEFAULT_SPAN
    if start >= end:
        raise _refusal("no_span")
    wanted = frozenset(call.data[ATTR_TYPES] or EVENT_TYPES)
    camera, recordings = target.camera, target.runtime.recordings
    with ring_errors(target.runtime.coordinator):
        found = await recordings.async_between(camera, start, end)
        # Ring's history does not tell motions apart, unless it is asked for just one kind.
        shelves = [shelf for event_type, shelf in SHELVES.items() if event_type in call.data[ATTR_TYPES]]
        told_apart = [item for shelf in shelves for item in await recordings.async_on(shelf, camera, start, end)]
    known = {item.event_id: item for item in told_apart}
    events = [known.get(item.event_id, item) for item in found]
    events = [item for item in events if {_type_of(item), item.sub_type} & wanted]
    return {"events": [_as_dict(target.entry, item) for item in events[: call.data[ATTR_LIMIT]]]}


async def _async_get_snapshot(call: ServiceCall) -> ServiceResponse:
    """Return the picture of a moment, or of the last event: where it can be seen, and on request as a file."""
    target = _camera(call)
    at = _past(call, ATTR_TIME)
    path = await _async_path(call, PICTURE_SUFFIXES) if ATTR_FILENAME in call.data else None
    with ring_errors(target.runtime.coordinator):
        found = await _async_picture(call.hass, target, at)
    if found is None:
        raise _refusal("nothing_recorded")
    picture, at = found
    answer: JsonObjectType = {
        "time": dt_util.as_local(picture.at or at).isoformat(),
        "content_type": picture.content_type,
        "image": _signed(call.hass, target, at),
    }
    if path is not None:
        async with new_file(call.hass, path) as file:
            size = await call.hass.async_add_executor_job(file.write, picture.body)
        answer |= {"path": str(path), "bytes": size}
    return answer


async def _async_picture(hass: HomeAssistant, target: _Target, at: datetime | None) -> tuple[Picture, datetime] | None:
    if at is None:
        return await async_last_picture(hass, target.runtime, target.camera)
    return await async_picture_of(hass, target.runtime.pictures, target.camera, at), at


def _signed(hass: HomeAssistant, target: _Target, at: datetime) -> str:
    """Return a path that shows the picture to whoever has it, as in a notification."""
    at_ms = round(at.timestamp() * 1000)
    path = PictureView.url.format(entry_id=target.entry.entry_id, camera=target.camera, at_ms=at_ms)
    return async_sign_path(hass, path, SEEN_FOR, use_content_user=True)


async def _async_play_chime_sound(call: ServiceCall) -> ServiceResponse:
    """Play a sound on a chime, once."""
    device = dr.async_get(call.hass).async_get(call.data[ATTR_DEVICE_ID])
    if device is None:
        raise _refusal("not_a_chime")
    entry = _loaded_entry(call.hass, device.config_entry_id)
    runtime = entry.runtime_data
    devices = runtime.coordinator.data.devices
    identified = ((item, (DOMAIN, device_identifier(entry, item.id))) for item in devices.values())
    chime = next((item for item, identifier in identified if identifier in device.identifiers), None)
    sounds = {} if chime is None else sounds_of(chime)
    if chime is None or not sounds:
        raise _refusal("not_a_chime")
    await async_play(runtime.coordinator, runtime.client, chime.id, _sound(sounds, call.data[ATTR_SOUND]))
    return None


def _sound(sounds: dict[str, Sound], wanted: str) -> Sound:
    """Return a sound by its name, as its button is called, or by its number."""
    names = {sound.name or str(number): sound for number, sound in enumerate(sounds.values(), start=1)}
    numbers = {str(number): sound for number, sound in enumerate(sounds.values(), start=1)}
    folded = {name.casefold(): sound for name, sound in (numbers | names).items()}
    if (sound := folded.get(wanted.strip().casefold())) is None:
        raise _refusal("unknown_sound", sound=wanted, sounds=", ".join(names))
    if not sound.is_enabled:
        raise _refusal("sound_disabled", sound=wanted)
    return sound


def _loaded_entry(hass: HomeAssistant, entry_id: str | None) -> RingConfigEntry:
    """Return an account that is set up."""
    entry: RingConfigEntry = service_helper.async_get_config_entry(hass, DOMAIN, entry_id or "")
    return entry


def _camera(call: ServiceCall) -> _Target:
    """Return the camera of an entity: not only the camera's own, also what announces its events."""
    entity = er.async_get(call.hass).async_get(call.data[ATTR_ENTITY_ID])
    device = None if entity is None else dr.async_get(call.hass).async_get(entity.device_id or "")
    if entity is None or entity.platform != DOMAIN or device is None:
        raise _refusal("not_a_camera", entity_id=call.data[ATTR_ENTITY_ID])
    entry = _loaded_entry(call.hass, entity.config_entry_id)
    # Entities of a device with several cameras stand for all of them, which is one too many.
    found = [
        camera
        for item in entry.runtime_data.coordinator.data.devices.values()
        for camera in cameras_of(item)
        if not device.identifiers.isdisjoint(
            (DOMAIN, device_identifier(entry, camera.device_id, component_id))
            for component_id in (None, camera.component_id)
        )
    ]
    if len(found) != 1:
        raise _refusal("several_cameras" if found else "not_a_camera", entity_id=entity.entity_id)
    return _Target(entry, entry.runtime_data, found[0])


def _time(call: ServiceCall, name: str) -> datetime | None:
    """Return a time that the call names; without an offset it is that of the user's zone."""
    at: datetime | None = call.data.get(name)
    if at is not None and at.year not in _YEARS:
        raise _refusal("no_such_time")
    return None if at is None else dt_util.as_utc(at)


def _past(call: ServiceCall, name: str) -> datetime | None:
    """Return a time that the call names, if it has been."""
    at = _time(call, name)
    if at is not None and at > dt_util.utcnow():
        raise _refusal("time_to_come")
    return at


async def _async_path(call: ServiceCall, suffixes: tuple[str, ...]) -> Path:
    """Return where to write to, if the user has allowed that."""
    filename: str = call.data[ATTR_FILENAME]
    if _IN_NO_FILE_NAME.search(filename):
        raise _refusal("not_a_file_name")
    if not Path(filename).is_absolute() or Path(filename).suffix.lower() not in suffixes:
        raise _refusal("not_a_path", suffix=suffixes[0])
    if not await call.hass.async_add_executor_job(call.hass.config.is_allowed_path, filename):
        raise _refusal("path_not_allowed", path=filename)
    return Path(filename)


async def _async_moment(call: ServiceCall, target: _Target) -> tuple[datetime, timedelta]:
    """Return when the wanted event began, and how long its recording is."""
    event_id, now = call.data[ATTR_EVENT_ID], dt_util.utcnow()
    if (announced := _announced(call, target, event_id)) is not None:
        return announced, DEFAULT_LENGTH
    recordings = target.runtime.recordings
    for span in _SEARCHED:
        for item in await recordings.async_between(target.camera, now - span, now):
            if item.event_id == event_id:
                return item.at, item.duration
    raise _refusal("unknown_event")


def _announced(call: ServiceCall, target: _Target, event_id: str) -> datetime | None:
    """Return when an event was that an event entity of the account shows: in Ring's history it has another id."""
    registry = er.async_get(call.hass)
    for state in call.hass.states.async_all("event"):
        entity = registry.async_get(state.entity_id)
        is_ours = entity is not None and entity.config_entry_id == target.entry.entry_id
        if is_ours and state.attributes.get("event_id") == event_id:
            return dt_util.parse_datetime(str(state.attributes.get("event_time")))
    return None


def _type_of(item: Recording) -> str:
    return LIVE_VIEW if item.kind is None else item.kind


def _as_dict(entry: RingConfigEntry, item: Recording) -> JsonObjectType:
    return {
        "event_id": item.event_id,
        "type": _type_of(item),
        "sub_type": item.sub_type,
        "start": dt_util.as_local(item.at).isoformat(),
        "end": dt_util.as_local(item.at + item.duration).isoformat(),
        "duration": item.duration.total_seconds(),
        "media_content_id": f"media-source://{DOMAIN}/{EventId(entry.entry_id, item.clip)}",
    }


_ACTIONS: Final[tuple[tuple[str, Handler, vol.Schema, SupportsResponse], ...]] = (
    ("download_clip", _async_download_clip, DOWNLOAD_CLIP, SupportsResponse.OPTIONAL),
    ("get_events", _async_get_events, GET_EVENTS, SupportsResponse.ONLY),
    ("get_snapshot", _async_get_snapshot, GET_SNAPSHOT, SupportsResponse.OPTIONAL),
    ("play_chime_sound", _async_play_chime_sound, PLAY_CHIME_SOUND, SupportsResponse.NONE),
)


@callback
def async_register_actions(hass: HomeAssistant) -> None:
    """Register the actions, once for all accounts."""
    for name, handler, schema, response in _ACTIONS:
        hass.services.async_register(DOMAIN, name, handler, schema=schema, supports_response=response)
