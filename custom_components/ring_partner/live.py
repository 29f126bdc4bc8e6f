"""Live views: a browser's offer on one side, a WHEP session at Ring on the other, which wakes a camera until it ends.

Ring takes an offer only whole, and ends every session after a while without telling anybody: the viewer would look at
a frozen picture. So offers are held until they are complete, and a session is ended here before Ring ends it.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
import logging
from math import ceil
from typing import TYPE_CHECKING, Final

from homeassistant.components.camera import WebRTCAnswer, WebRTCError, WebRTCSendMessage
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .api import (
    Device,
    IceServer,
    LiveSession,
    RingAuthError,
    RingError,
    RingForbiddenError,
    RingRateLimitError,
    RingRequestError,
    RingUnavailableError,
    Whep,
)
from .const import DOMAIN
from .coordinator import RingCoordinator
from .errors import as_home_assistant_error
from .events import Activity
from .identifiers import CameraId
from .kinds import is_battery_powered
from .media import Pictures
from .models import RingConfigEntry
from .sdp import Candidate, SessionDescription, UnusableSdpError, answer_to

_LOGGER = logging.getLogger(__name__)

# Candidates come one by one and nobody says which is the last: a pause is taken for the end.
QUIET_SECONDS: Final = 0.35
LONGEST_HOLD_SECONDS: Final = 1.0
# Ring's limits, less what a message to the viewer takes.
BATTERY_SECONDS: Final = 30
MAINS_SECONDS: Final = 60
SOONER_SECONDS: Final = 1
# Ring says of few cameras that they have a battery. What else may end one view early does not end two in a row.
EARLY_ENDS: Final = 2
# An encrypted picture says something of its own time: encryption can be paused.
ENCRYPTED_FOR: Final = timedelta(minutes=15)
# What Ring names comes with passwords that do not last.
ICE_SERVERS_SECONDS: Final = 300
# A session that cannot be ended at once is tried again, less and less often, until Ring's own limit has ended it.
END_AGAIN_SECONDS: Final = 1.0
# So long the next viewer waits for the end of the session before, and an unload or a stop of Home Assistant for all;
# that is longer than Ring may take to open one.
TAKE_OVER_SECONDS: Final = 2.0
CLOSE_SECONDS: Final = 10.0
# While all of Home Assistant waits, it is tried more often.
HURRY_SECONDS: Final = 0.25

# Of the frontend, which shows it to nobody; before the sentence it puts "Failed to start WebRTC stream:".
_CODE: Final = "webrtc_offer_failed"
# What an error means for a live view, where it means more than elsewhere.
_REASONS: Final[tuple[tuple[type[RingError], int | None, str], ...]] = (
    (RingUnavailableError, HTTPStatus.SERVICE_UNAVAILABLE, "live_offline"),
    (RingRateLimitError, None, "live_too_often"),
    (RingUnavailableError, None, "live_no_answer"),
    (RingForbiddenError, None, "live_forbidden"),
    (RingRequestError, None, "live_refused"),
)


def live_signal(entry_id: str, camera: CameraId) -> str:
    """Return the dispatcher signal for somebody beginning or ceasing to watch a camera."""
    return f"{DOMAIN}_{entry_id}_{camera}_live"


@dataclass(slots=True, eq=False)
class _View:
    """One viewer's live view, from the offer to the end."""

    camera: CameraId
    session_id: str
    offer: SessionDescription
    offer_text: str = field(repr=False)
    send: WebRTCSendMessage
    candidates: list[Candidate] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    is_open: bool = False
    """Whether the viewer has Ring's answer."""
    is_closed: bool = False
    """Whether there is a viewer no more."""
    session: LiveSession | None = None
    asked_at: float = 0
    """When Ring was asked, by the event loop: its own limit runs from a little later."""
    cancel_deadline: CALLBACK_TYPE | None = None

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing more to wait for."""
        return any(item.is_last for item in self.candidates) or self.offer.has_reflexive(self.candidates)

    @property
    def can_be_reached(self) -> bool:
        """Whether there is any candidate that is of use."""
        return any(item.is_usable for item in self.candidates) or self.offer.has_candidates

    def fail(self, error: WebRTCError) -> None:
        """Say why there is nothing to see, unless the viewer has gone or knows already."""
        if not self.is_closed:
            self.send(error)


class LiveViews:
    """The live views of one account: one viewer to a camera, because a second one may get no picture from Ring."""

    def __init__(
        self, hass: HomeAssistant, entry: RingConfigEntry, coordinator: RingCoordinator, pictures: Pictures, whep: Whep
    ) -> None:
        """Prepare; nothing is requested before somebody watches."""
        self._hass = hass
        self._entry = entry
        # Ends that Ring has not heard of yet outlive the unloaded account.
        self._coordinator = coordinator
        self._pictures = pictures
        self._whep = whep
        self._views: dict[str, _View] = {}
        self._opening: dict[asyncio.Task[object], CameraId] = {}
        self._ending: dict[asyncio.Task[object], CameraId] = {}
        self._early_ends: Counter[str] = Counter()
        self._is_closing = False
        self._hurry = asyncio.Event()
        self._ice_servers: dict[CameraId, tuple[float, tuple[IceServer, ...]]] = {}
        stop = HassJob(self.async_close, "ring_partner live views")
        entry.async_on_unload(hass.async_add_shutdown_job(stop))

    def is_watched(self, camera: CameraId) -> bool:
        """Whether somebody sees the camera now."""
        return any(view.camera == camera and view.is_open for view in self._views.values())

    def ice_servers(self, camera: CameraId) -> tuple[IceServer, ...]:
        """Return what Ring named in the camera's last view, if that was a moment ago; it may name none."""
        until, servers = self._ice_servers.get(camera, (0, ()))
        return servers if self._hass.loop.time() < until else ()

    async def async_open(self, camera: CameraId, offer: str, session_id: str, send: WebRTCSendMessage) -> None:
        """Show a camera to a viewer, who is told by `send` when that fails or ends."""
        device = self._coordinator.current_device(camera.device_id)
        if device is None or self._is_closing:
            send(_error("live_unavailable"))
            return
        if (refusal := self._refusal(camera, device)) is not None:
            send(refusal)
            return
        try:
            view = _View(camera, session_id, SessionDescription.parse(offer), offer, send)
        except UnusableSdpError:
            send(_error("live_bad_offer"))
            return
        self._dismiss(camera, "live_taken_over")
        self._views[session_id] = view
        task = asyncio.current_task()
        if TYPE_CHECKING:
            assert task is not None
        self._opening[task] = camera
        try:
            await self._async_hold(view)
            if not view.is_closed:
                await self._async_wait_for_others(camera)
            if not view.is_closed:
                await self._async_start(view, device)
        finally:
            del self._opening[task]
            if not view.is_open:
                # The viewer has gone meanwhile, or has nothing to see.
                self._views.pop(session_id, None)
                self._end(view)

    @callback
    def add_candidate(self, session_id: str, candidate: Candidate) -> None:
        """Take in a candidate; one that comes too late is of no use to Ring."""
        if (view := self._views.get(session_id)) is not None:
            view.candidates.append(candidate)
            view.changed.set()

    @callback
    def close(self, session_id: str) -> None:
        """The viewer has gone."""
        if (view := self._views.pop(session_id, None)) is not None:
            self._end(view)

    @callback
    def review(self, camera: CameraId) -> None:
        """End the views of a camera that has gone offline, or altogether: they would show a frozen picture."""
        device = self._coordinator.data.devices.get(camera.device_id)
        if (reason := "live_gone" if device is None else _obstacle(device)) is not None:
            self._dismiss(camera, reason)

    @callback
    def forget(self, camera: CameraId) -> None:
        """End the views of a camera that Home Assistant has no more, or not while the account is unloaded."""
        self._ice_servers.pop(camera, None)
        is_unloading = self._entry.state is ConfigEntryState.UNLOAD_IN_PROGRESS
        self._dismiss(camera, "live_unavailable" if is_unloading else "live_gone")

    async def async_close(self) -> None:
        """End all views, and wait until Ring knows, or for ten seconds."""
        self._is_closing = True
        self._hurry.set()
        for view in list(self._views.values()):
            view.send(_error("live_unavailable"))
            self.close(view.session_id)
        # Those that are just being opened end themselves as soon as Ring has answered.
        await _async_finish(self._opening, CLOSE_SECONDS)
        await _async_finish(self._ending, CLOSE_SECONDS)
        self._hurry.clear()

    def _refusal(self, camera: CameraId, device: Device) -> WebRTCError | None:
        """Return why Ring is not asked: the camera would be black, or is not there, or Ring wants to be left alone."""
        if (obstacle := _obstacle(device)) is not None:
            return _error(obstacle)
        return _error("live_encrypted") if self._is_encrypted(camera) else self._pause()

    def _is_encrypted(self, camera: CameraId) -> bool:
        """Whether the picture of an event of just now was."""
        last = self._coordinator.data.activity.get(camera.device_id, Activity()).last
        is_recent = last is not None and dt_util.utcnow() - last < ENCRYPTED_FOR
        return is_recent and self._pictures.is_encrypted(camera)

    def _pause(self) -> WebRTCError | None:
        """Return how long Ring has asked to be left alone, if it has."""
        wait = self._coordinator.seconds_to_wait
        return _error("wait", seconds=str(ceil(wait))) if wait > 0 else None

    def _dismiss(self, camera: CameraId, reason: str) -> None:
        """End the views of whoever watches a camera, or is about to."""
        for view in [view for view in self._views.values() if view.camera == camera]:
            view.send(_error(reason))
            self.close(view.session_id)

    async def _async_wait_for_others(self, camera: CameraId) -> None:
        """Wait until Ring knows that the camera's earlier views have ended: those being opened, then all.

        One that is being opened cannot be ended before Ring has answered, which it does in time or never.
        """
        for tasks, seconds in ((self._opening, None), (self._ending, TAKE_OVER_SECONDS)):
            await _async_finish([task for task, watched in tasks.items() if watched == camera], seconds)

    async def _async_hold(self, view: _View) -> None:
        """Wait until the offer is complete: until candidates pause, and not for long."""
        deadline = self._hass.loop.time() + LONGEST_HOLD_SECONDS
        while not view.is_closed and not view.is_complete:
            left = deadline - self._hass.loop.time()
            view.changed.clear()
            try:
                async with asyncio.timeout(min(left, QUIET_SECONDS) if view.can_be_reached else left):
                    await view.changed.wait()
            except TimeoutError:
                return

    async def _async_start(self, view: _View, device: Device) -> None:
        """Pass the offer on, and Ring's answer back."""
        if (pause := self._pause()) is not None:
            view.send(pause)
            return
        offer = view.offer.with_candidates(view.candidates)
        view.asked_at = self._hass.loop.time()
        try:
            view.session = await self._whep.async_start(view.camera.device_id, offer, view.camera.component_id)
            answer = answer_to(view.offer_text, view.session.answer)
        except RingError as err:
            _LOGGER.debug("No live view: %s", err)
            flaw = _flaw(view, err)
            view.fail(WebRTCError(_CODE, _reason(err)) if flaw is None else _error(flaw))
            return
        except UnusableSdpError as err:
            _LOGGER.debug("No live view: %s", err)
            view.fail(_error("live_bad_answer"))
            return
        self._ice_servers[view.camera] = self._hass.loop.time() + ICE_SERVERS_SECONDS, view.session.ice_servers
        if not view.is_closed:
            view.is_open = True
            view.send(WebRTCAnswer(answer))
            self._set_deadline(view, device)
            self._show(view.camera)

    def _set_deadline(self, view: _View, device: Device) -> None:
        """End the session just before Ring would, so that the viewer is told why."""
        has_battery = is_battery_powered(device) or self._early_ends[device.id] >= EARLY_ENDS
        seconds = BATTERY_SECONDS if has_battery else MAINS_SECONDS

        @callback
        def end(_now: datetime) -> None:
            view.cancel_deadline = None
            view.send(_error("live_ended", seconds=str(seconds)))
            self._views.pop(view.session_id, None)
            self._end(view, at_limit=True)

        job = HassJob(end, "ring_partner live view", cancel_on_shutdown=True)
        left = view.asked_at + seconds - SOONER_SECONDS - self._hass.loop.time()
        view.cancel_deadline = async_call_later(self._hass, max(left, 0), job)

    @callback
    def _end(self, view: _View, *, at_limit: bool = False) -> None:
        """End a view whatever state it is in; one that waits for Ring's answer is ended by that."""
        view.is_closed = True
        view.changed.set()
        if view.cancel_deadline is not None:
            view.cancel_deadline()
        if view.session is None:
            return
        session, view.session = view.session, None
        task: asyncio.Task[object] = self._hass.async_create_background_task(
            self._async_delete(view, session, at_limit=at_limit), "ring_partner end of live view"
        )
        self._ending[task] = view.camera
        task.add_done_callback(self._ending.pop)
        self._show(view.camera)

    async def _async_delete(self, view: _View, session: LiveSession, *, at_limit: bool) -> None:
        """End a session at Ring: it would keep the camera awake."""
        now = self._hass.loop.time
        give_up_at = now() + MAINS_SECONDS
        pause = END_AGAIN_SECONDS
        is_first = True
        while now() < give_up_at:
            wait = 0.0
            try:
                was_open = await self._whep.async_end(session)
            except RingAuthError:
                return
            except RingError as err:
                _LOGGER.debug("A live view cannot be ended yet: %s", err)
                wait = (err.retry_after or 0.0) if isinstance(err, RingUnavailableError) else 0.0
            else:
                # Of a request whose answer got lost the next one would say that Ring had ended the session.
                if at_limit and is_first:
                    self._learn(view, was_open=was_open)
                return
            is_first = False
            if wait > give_up_at - now():
                # By then Ring has ended it.
                return
            await asyncio.sleep(wait)
            await self._async_pause(pause)
            if not self._hurry.is_set():
                pause *= 2

    def _learn(self, view: _View, *, was_open: bool) -> None:
        """Count how often in a row Ring had ended a camera's session before the limit of those without a battery."""
        device_id = view.camera.device_id
        if self._early_ends[device_id] >= EARLY_ENDS:
            return
        if was_open:
            del self._early_ends[device_id]
        elif self._hass.loop.time() < view.asked_at + MAINS_SECONDS:
            self._early_ends[device_id] += 1

    async def _async_pause(self, seconds: float) -> None:
        """Wait before the next try, and not for long while the account is being closed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
                await asyncio.sleep(HURRY_SECONDS)

    def _show(self, camera: CameraId) -> None:
        async_dispatcher_send(self._hass, live_signal(self._entry.entry_id, camera))


def _obstacle(device: Device) -> str | None:
    """Return why a device shows nothing, as far as it says so itself."""
    if device.configurations.e2e_encryption:
        return "live_encrypted"
    return "live_offline" if device.status.online is False else None


def _flaw(view: _View, err: RingError) -> str | None:
    """Return what an offer lacks that Ring refuses, as far as can be seen."""
    if not isinstance(err, RingRequestError):
        return None
    if not view.can_be_reached:
        return "live_no_address"
    lacks_h264 = err.status == HTTPStatus.INTERNAL_SERVER_ERROR and not view.offer.has_h264
    return "live_no_h264" if lacks_h264 else None


async def _async_finish(tasks: Iterable[asyncio.Task[object]], seconds: float | None) -> None:
    """Wait for tasks, and not for long; those that take longer go on."""
    if waiting := [task for task in tasks if task is not asyncio.current_task()]:
        await asyncio.wait(waiting, timeout=seconds)


def _error(key: str, **placeholders: str) -> WebRTCError:
    return WebRTCError(_CODE, str(_sentence(key, **placeholders)))


def _sentence(key: str, **placeholders: str) -> HomeAssistantError:
    return HomeAssistantError(translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders)


def _reason(err: RingError) -> str:
    """Say why Ring opens no live view."""
    key = next((key for kind, status, key in _REASONS if isinstance(err, kind) and status in (None, err.status)), None)
    wait = ceil(err.retry_after or 0) if isinstance(err, RingUnavailableError) else 0
    if key is None or (wait > 0 and not isinstance(err, RingRateLimitError)):
        return str(as_home_assistant_error(err))
    return str(_sentence(key, seconds=str(wait)))
