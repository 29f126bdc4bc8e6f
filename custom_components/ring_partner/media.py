"""Stills: fetched once, when something has happened, and kept."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from itertools import count, islice
import logging
from typing import Final

from homeassistant.core import CALLBACK_TYPE, Event, HassJob, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .activity import ActivityLog
from .api import (
    Picture,
    PictureFormat,
    RingClient,
    RingError,
    RingForbiddenError,
    RingMedia,
    RingMediaError,
    RingMediaNotFoundError,
    RingMediaNotReadyError,
    RingMediaTooEarlyError,
    RingMediaUnreadableError,
    RingUnavailableError,
)
from .cache import DiskCache
from .const import PermissionGroup
from .coordinator import RingCoordinator
from .devices import removed_cameras
from .events import PERSON, SAME_WITHIN, STALE_AFTER, Activity, Kind, RingEvent, Source, events_from_history
from .flights import Flight, Turns
from .history import EVENT_TYPES
from .identifiers import CameraId
from .kinds import cameras_of
from .models import RingConfigEntry
from .picture_file import LastPicture, packed, unpacked
from .stills import RETRIES, StillQueue

_LOGGER = logging.getLogger(__name__)

THUMBNAIL: Final = PictureFormat(width=320, height=180)
# Somebody opens a day with hundreds of events.
AT_ONCE: Final = 4
# Whoever looks at a page waits so long for a Ring that asks to slow down.
PATIENCE_SECONDS: Final = 5.0
# By then the history has told of the last day.
LOOK_BACK_AFTER_SECONDS: Final = 75.0
# What was not stored so long after the event never will be; it is asked for again an hour later all the same.
_SETTLED_AFTER: Final = timedelta(minutes=10)
_MISSING_FOR: Final = timedelta(hours=1)
_MISSING_KEPT: Final = 2000
_FINAL: Final = (
    RingMediaNotFoundError,
    RingMediaNotReadyError,
    RingMediaUnreadableError,
    RingMediaTooEarlyError,
)
# What Ring answers for want of a key: for a moment after an event, or because only the user's phone has it.
_NO_KEY: Final = 422
# How many rows of the history are tried for a first picture: not every event has one.
_LOOK_BACK_ROWS: Final = 5


def picture_signal(entry_id: str, camera: CameraId) -> str:
    """Return the dispatcher signal for a new last picture of a camera."""
    return f"ring_partner_{entry_id}_{camera}_picture"


class Pictures:
    """The stills of one account."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: RingConfigEntry,
        coordinator: RingCoordinator,
        media: RingMedia,
        cache: DiskCache,
        *,
        client: RingClient,
        activity: ActivityLog,
    ) -> None:
        """`cache` holds thumbnails and what was asked for."""
        self._hass = hass
        self._entry = entry
        self._coordinator = coordinator
        self._media = media
        self._client = client
        self._log = activity
        self._cache = cache
        # In a folder of their own: thumbnails and clips must not push them out.
        self._kept = DiskCache(hass, cache.folder / "last")
        self._last: dict[CameraId, LastPicture] = {}
        self._encrypted: set[CameraId] = set()
        # How often Ring has lacked the key of the newest event's picture.
        self._no_key: dict[CameraId, tuple[datetime, int]] = {}
        self._queues: dict[CameraId, StillQueue] = {}
        self._listening: dict[str, CALLBACK_TYPE] = {}
        self._activity: dict[str, Activity] = {}
        self._heard: dict[str, datetime] = {}
        self._turns = Turns(AT_ONCE)
        self._requests = count()
        self._flights: dict[str, Flight] = {}
        self._missing: dict[str, tuple[type[RingMediaError], datetime]] = {}
        self._is_closed = False

    async def async_start(self) -> None:
        """Bring back the last pictures, and from now on fetch one for each event."""
        coordinator = self._coordinator
        await self._kept.async_open()
        self._activity = dict(coordinator.data.activity)
        devices = coordinator.data.devices.values()
        await asyncio.gather(*(self._async_restore(camera) for device in devices for camera in cameras_of(device)))
        self._follow()
        self._take_up()
        look_back = HassJob(self._look_back, "ring_partner first pictures", cancel_on_shutdown=True)
        for stop in (
            coordinator.async_add_listener(self._follow),
            self._hass.bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, self._device_changed),
            async_call_later(self._hass, LOOK_BACK_AFTER_SECONDS, look_back),
            self._close,
        ):
            self._entry.async_on_unload(stop)

    @callback
    def last(self, camera: CameraId) -> LastPicture | None:
        """Return the last picture of a camera, if there is one."""
        return self._last.get(camera)

    @callback
    def is_encrypted(self, camera: CameraId) -> bool:
        """Return whether the newest picture was encrypted, so that only the user's phone can read it."""
        return camera in self._encrypted

    async def async_get(self, camera: CameraId, at: datetime, *, thumbnail: bool = False) -> Picture:
        """Return the picture of a moment, from the cache or from Ring. Raises RingError."""
        last = self._last.get(camera)
        if last is not None and last.at == at and not thumbnail:
            return last.picture
        if self._is_closed:
            raise RingUnavailableError("The account is being unloaded")
        key = f"{camera}/{round(at.timestamp() * 1000)}/{'thumbnail' if thumbnail else 'picture'}"
        if (flight := self._flights.get(key)) is None:
            flight = self._flights[key] = Flight()
            flight.task = self._entry.async_create_background_task(
                self._hass,
                self._async_get(flight, key, camera, at, THUMBNAIL if thumbnail else None),
                "ring_partner picture",
            )
            flight.task.add_done_callback(partial(self._landed, key, flight))
        flight.waiters += 1
        flight.asked = next(self._requests)
        try:
            # Whoever gives up does not take it away from the others.
            await asyncio.wait((flight.task,))
        finally:
            flight.waiters -= 1
            if not flight.waiters and not flight.has_begun:
                self._forget(key, flight)
                flight.task.cancel()
        if flight.task.cancelled():
            raise RingUnavailableError("The account is being unloaded")
        return flight.task.result()

    def _landed(self, key: str, flight: Flight, task: asyncio.Task[Picture]) -> None:
        self._forget(key, flight)
        if not task.cancelled():
            # Everybody who waited for it may have gone.
            task.exception()

    def _forget(self, key: str, flight: Flight) -> None:
        # Somebody may have asked anew since it was given up.
        if self._flights.get(key) is flight:
            del self._flights[key]

    async def _async_get(
        self, flight: Flight, key: str, camera: CameraId, at: datetime, picture_format: PictureFormat | None
    ) -> Picture:
        if (data := await self._cache.async_read(key)) is not None and (stored := unpacked(data)) is not None:
            return stored[0]
        now = dt_util.utcnow()
        if (known := self._missing.get(key)) is not None and now < known[1]:
            raise known[0]("There was no picture of this moment")
        try:
            picture = await self._async_request(flight, camera, at, picture_format)
        except _FINAL as err:
            if now - at > _SETTLED_AFTER:
                self._missing[key] = type(err), now + _MISSING_FOR
                if len(self._missing) > _MISSING_KEPT:
                    del self._missing[next(iter(self._missing))]
            raise
        await self._cache.async_write(key, packed(picture))
        return picture

    async def _async_request(
        self, flight: Flight, camera: CameraId, at: datetime, picture_format: PictureFormat | None
    ) -> Picture:
        """Ask Ring, a few at once; what Ring asks too much of waits for its turn."""

        async def ask() -> Picture:
            flight.has_begun = True
            return await self._async_ask(camera, at, picture_format)

        async with self._turns.async_taken(flight):
            return await self._coordinator.async_ask(ask)

    async def _async_ask(self, camera: CameraId, at: datetime, picture_format: PictureFormat | None = None) -> Picture:
        return await self._media.async_get_picture(
            camera.device_id, at, picture_format, component_id=camera.component_id
        )

    # What happens

    @callback
    def _follow(self) -> None:
        """Look at what has changed: devices that are new, and events that nobody announces."""
        data = self._coordinator.data
        for device_id, device in data.devices.items():
            if device_id not in self._listening and cameras_of(device):
                self._listen(device_id)
            activity = data.activity.get(device_id)
            if activity is not None and activity != self._activity.get(device_id):
                self._activity[device_id] = activity
                event = _newest(device_id, activity)
                heard = self._heard.get(device_id)
                if event is not None and (heard is None or heard + SAME_WITHIN < event.at):
                    self._happened(event)

    def _take_up(self) -> None:
        """Fetch what the account was reloaded in the middle of: an event of just now, whose picture is not here."""
        now = dt_util.utcnow()
        for device_id, activity in self._activity.items():
            event = _newest(device_id, activity)
            # Which lens it was is not known any more, unless one has the picture.
            if (
                event is not None
                and now - event.at <= STALE_AFTER
                and all(self._is_news(camera, event) for camera in self._cameras(device_id))
            ):
                self._happened(event)

    def _listen(self, device_id: str) -> None:
        self._listening[device_id] = self._log.listen(device_id, self._announced)
        for camera in self._cameras(device_id):
            if camera not in self._last:
                self._entry.async_create_background_task(
                    self._hass, self._async_restore(camera), "ring_partner last picture"
                )

    def _cameras(self, device_id: str) -> tuple[CameraId, ...]:
        device = self._coordinator.data.devices.get(device_id)
        return () if device is None else cameras_of(device)

    @callback
    def _announced(self, event: RingEvent) -> None:
        """What is announced names the lens; that something has changed, a moment later, does not."""
        self._heard[event.device_id] = event.at
        self._happened(event)

    def _happened(self, event: RingEvent) -> None:
        """Fetch the picture of an event, of every lens where none is named."""
        cameras = self._cameras(event.device_id)
        named = tuple(camera for camera in cameras if camera.component_id in event.component_ids)
        for camera in named or cameras:
            if self._is_news(camera, event):
                self._queue(camera).want(event)

    def _is_news(self, camera: CameraId, event: RingEvent) -> bool:
        if (last := self._last.get(camera)) is None:
            return True
        # The history may date what was pushed a little later.
        is_confirmation = event.source is Source.HISTORY and last.event.source is Source.PUSH
        return last.at + (SAME_WITHIN if is_confirmation else timedelta(0)) < event.at

    def _queue(self, camera: CameraId) -> StillQueue:
        if camera not in self._queues:
            self._queues[camera] = StillQueue(
                self._hass,
                self._coordinator,
                partial(self._async_fetch, camera),
                partial(self._client.limiter.seconds_to_wait, camera.device_id),
            )
        return self._queues[camera]

    async def _async_fetch(self, camera: CameraId, event: RingEvent) -> bool:
        """Fetch and show the picture of an event; return whether to try again."""
        if not self._is_news(camera, event):
            return False
        try:
            picture = await self._async_ask(camera, event.at)
        except RingMediaUnreadableError as err:
            _LOGGER.debug("No picture of the last event: %s", err)
            # What only the user's phone can read comes as if it were a picture; for what is damaged Ring has a word.
            if err.status is None:
                self._note_encryption(camera)
        except RingError as err:
            _LOGGER.debug("No picture of the last event: %s", err)
            if self._says_encrypted(camera.device_id):
                self._note_encryption(camera)
                return False
            if isinstance(err, RingMediaNotReadyError) and err.status == _NO_KEY:
                self._note_no_key(camera, event)
            if isinstance(err, RingMediaNotFoundError):
                return dt_util.utcnow() - event.at <= STALE_AFTER
            return isinstance(err, RingMediaNotReadyError | RingUnavailableError)
        else:
            await self._async_keep(camera, LastPicture(picture=picture, event=event))
        return False

    def _says_encrypted(self, device_id: str) -> bool:
        """Whether the device itself says so: then nothing is worth asking for twice."""
        device = self._coordinator.data.devices.get(device_id)
        return device is not None and device.configurations.e2e_encryption is True

    def _note_no_key(self, camera: CameraId, event: RingEvent) -> None:
        """Once is usual right after an event; each time it is asked for is another matter."""
        at, times = self._no_key.get(camera, (event.at, 0))
        times = times + 1 if at == event.at else 1
        self._no_key[camera] = event.at, times
        if times > RETRIES:
            self._note_encryption(camera)

    def _note_encryption(self, camera: CameraId) -> None:
        self._encrypted.add(camera)
        self._tell(camera)

    async def _async_keep(self, camera: CameraId, last: LastPicture) -> None:
        # The device may have been removed meanwhile.
        if camera in self._cameras(camera.device_id) and self._is_news(camera, last.event):
            self._last[camera] = last
            self._encrypted.discard(camera)
            self._tell(camera)
            await self._kept.async_write(str(camera), packed(last.picture, last.event))

    def _tell(self, camera: CameraId) -> None:
        async_dispatcher_send(self._hass, picture_signal(self._entry.entry_id, camera))

    async def _async_restore(self, camera: CameraId) -> None:
        data = await self._kept.async_read(str(camera))
        if data is not None and (stored := unpacked(data)) is not None:
            picture, event = stored
            if event is not None and self._is_news(camera, event):
                self._last[camera] = LastPicture(picture=picture, event=event)
                self._tell(camera)

    @callback
    def _look_back(self, _now: datetime) -> None:
        # In a task that ends with the account, which may be reloaded while Ring is asked.
        self._entry.async_create_background_task(self._hass, self._async_look_back(), "ring_partner first pictures")

    async def _async_look_back(self) -> None:
        """Find a first picture for cameras that have none: of what is known, or of the newest row of the history."""
        data = self._coordinator.data
        for device_id in [device_id for device_id in data.devices if self._lacks_picture(device_id)]:
            if (event := _newest(device_id, data.activity.get(device_id, Activity()))) is not None:
                self._happened(event)
            elif not self._entry.pref_disable_polling:
                await self._async_try(await self._async_newest_rows(device_id))

    async def _async_try(self, events: Iterable[RingEvent]) -> None:
        """Fetch the first picture there is."""
        for event in events:
            for camera in self._cameras(event.device_id):
                if camera not in self._last and not self._client.limiter.seconds_to_wait(event.device_id):
                    await self._async_fetch(camera, event)

    def _lacks_picture(self, device_id: str) -> bool:
        cameras = self._cameras(device_id)
        has_none = bool(cameras) and all(camera not in self._last for camera in cameras)
        return has_none and not self._says_encrypted(device_id)

    async def _async_newest_rows(self, device_id: str) -> list[RingEvent]:
        coordinator = self._coordinator
        is_refused = PermissionGroup.CAMERAS in coordinator.refused_history
        if is_refused or coordinator.seconds_to_wait > 0 or not coordinator.last_update_success:
            return []
        try:
            rows = await self._client.async_get_history(device_id, EVENT_TYPES, max_pages=1)
        except RingError as err:
            _LOGGER.debug("Could not look for a first picture: %s", err)
            if isinstance(err, RingForbiddenError) and err.out_of_scope:
                coordinator.refused_history.add(PermissionGroup.CAMERAS)
            return []
        return list(islice(events_from_history(device_id, rows, dt_util.utcnow()), _LOOK_BACK_ROWS))

    # The end

    @callback
    def _device_changed(self, event: Event[dr.EventDeviceRegistryUpdatedData]) -> None:
        """Delete the pictures of a camera that is removed."""
        gone = removed_cameras(self._entry, event)
        known = {
            camera
            for camera in (*self._last, *self._queues)
            if not gone.isdisjoint((camera, CameraId(camera.device_id)))
        }
        # Of one that has been hidden since the start, only the file is there.
        for camera in known | gone:
            self._last.pop(camera, None)
            self._encrypted.discard(camera)
            self._no_key.pop(camera, None)
            if (queue := self._queues.pop(camera, None)) is not None:
                queue.close()
            self._entry.async_create_background_task(
                self._hass, self._kept.async_delete(str(camera)), "ring_partner removed camera"
            )
        for device_id in {camera.device_id for camera in gone if camera.component_id is None} & self._listening.keys():
            self._listening.pop(device_id)()
            self._activity.pop(device_id, None)

    @callback
    def _close(self) -> None:
        self._is_closed = True
        stops: list[Callable[[], None]] = [*self._listening.values(), *(queue.close for queue in self._queues.values())]
        for stop in stops:
            stop()


def _newest(device_id: str, activity: Activity) -> RingEvent | None:
    """Return what happened last, as far as is known."""
    if (at := activity.last) is None:
        return None
    kind = Kind.RING if at == activity.ring else Kind.MOTION
    sub_type = PERSON if kind is Kind.MOTION and at == activity.person else None
    return RingEvent(device_id=device_id, kind=kind, at=at, source=Source.HISTORY, sub_type=sub_type)
