"""The house that is soaked: a Home Assistant that is stopped, killed and looked at, and what it uses meanwhile."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime
import gc
from pathlib import Path
import random
import resource
from typing import Any, override

import aiohttp
from aiohttp import web_app

from custom_components.ring_partner.const import DOMAIN
from homeassistant.auth.const import GROUP_ID_ADMIN
from homeassistant.auth.models import RefreshToken
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import STATE_UNKNOWN
from homeassistant.core import Event, EventStateChangedData, callback
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.setup import async_setup_component

from .home import ENTRY_ID, Home
from .offers import CANDIDATES, OFFER
from .rig import Rig
from .soak_clock import LIFE, NOBODY, SimulatedLoop

VIEWER = "Viewer"
OPENS_WITHIN_S = 15
# More than Ring shows at once.
LONGEST_VIEW_S = 75


@dataclass(frozen=True, slots=True)
class Usage:
    """What the process, and this Home Assistant in it, hold at a quiet moment."""

    megabytes: float
    tasks: int
    timers: int
    listeners: int
    sessions: int
    descriptors: int
    files: int
    kilobytes: float
    """In the configuration folder."""


@dataclass(frozen=True, slots=True)
class Firing:
    """What an event entity announced."""

    device_id: str
    event_id: str
    event_time: str

    @property
    def key(self) -> str:
        """Which event it was: a push says so in its id, whatever the clock here showed; the history by its time."""
        if self.event_id.startswith(self.device_id):
            return f"{self.device_id} {self.event_id.rpartition('_')[2]}"
        return f"{self.device_id} {round(datetime.fromisoformat(self.event_time).timestamp() * 1000)}"


class House(Rig):
    """One Home Assistant after the other; each has its own life, and can lose it."""

    def __init__(self, home: Home, loop: SimulatedLoop) -> None:
        """Start down."""
        super().__init__(home, loop.wall)
        self.loop = loop
        self.life = NOBODY
        self.is_up = False
        self.started_at = 0.0
        """What the wall clock showed then."""
        self.firings: list[Firing] = []
        self._seen: set[tuple[str, str]] = set()
        self.listener = self._heard
        self._context = copy_context()

    @override
    async def start(self) -> None:
        self.life += 1
        # A process that ends takes along what it has cached: here that would keep each Home Assistant in memory.
        web_app._cached_build_middleware.cache_clear()  # noqa: SLF001
        self._context = copy_context()
        self._context.run(LIFE.set, self.life)
        self.started_at = self.wall
        await self._live(super().start())
        await self._live(async_setup_component(self.hass, "websocket_api", {}))
        self.is_up = True

    @override
    async def stop(self) -> None:
        self.is_up = False
        await self._live(super().stop())
        # Home Assistant leaves timers behind, which a process that ends takes along.
        await self._end()

    async def kill(self) -> None:
        """Take its life."""
        self.is_up = False
        await self._end()

    async def _end(self) -> None:
        await self.loop.kill(self.life)
        self.hass.import_executor.shutdown(wait=False)

    async def reload(self) -> None:
        """Reload the account."""
        await self._live(self.hass.config_entries.async_reload(ENTRY_ID))

    async def _live[T](self, what: Coroutine[Any, Any, T]) -> T:
        """Let this Home Assistant do something."""
        return await self.loop.create_task(what, context=self._context)

    async def log_in(self) -> RefreshToken:
        """Return a login of the one viewer there is."""
        auth = self.hass.auth
        user = next((user for user in await auth.async_get_users() if user.name == VIEWER), None)
        if user is None:
            user = await self._live(auth.async_create_user(VIEWER, group_ids=[GROUP_ID_ADMIN]))
        return await self._live(auth.async_create_refresh_token(user, "http://127.0.0.1/"))

    def log_out(self, login: RefreshToken) -> None:
        """End a login."""
        self._context.run(self.hass.auth.async_remove_refresh_token, login)

    @property
    def wall(self) -> float:
        """What Home Assistant takes for the time, in seconds of the epoch."""
        return self.loop.true_time + self.loop.skew

    @property
    def is_listening(self) -> bool:
        """Whether Home Assistant is up and the account loaded."""
        if not self.is_up:
            return False
        return self.hass.config_entries.async_get_known_entry(ENTRY_ID).state is ConfigEntryState.LOADED

    def knows(self, device_id: str) -> bool:
        """Whether the account is loaded and has the device."""
        return self.is_listening and device_id in self.data.coordinator.data.devices

    @callback
    def _heard(self, changed: Event[EventStateChangedData]) -> None:
        """Note what an event entity announces; showing the last one again, as after a restart, is none."""
        state = changed.data["new_state"]
        if state is None or state.domain != "event" or "event_id" not in state.attributes:
            return
        if state.state == STATE_UNKNOWN:
            # Back after a restart before which it was unavailable: Home Assistant knows what it was, and not when.
            return
        if (state.entity_id, state.state) in self._seen:
            return
        self._seen.add((state.entity_id, state.state))
        entry = er.async_get(self.hass).async_get(state.entity_id)
        # Without the account before it, and without the key.
        device_id = "" if entry is None else entry.unique_id.partition("~")[2].rpartition("_")[0]
        self.firings.append(Firing(device_id, str(state.attributes["event_id"]), state.attributes["event_time"]))

    def shown(self, key: str, identifier: str) -> str:
        """Return what a sensor shows."""
        entity_id = er.async_get(self.hass).async_get_entity_id("sensor", DOMAIN, f"{identifier}_{key}")
        state = None if entity_id is None else self.hass.states.get(entity_id)
        return STATE_UNKNOWN if state is None else state.state

    def issues(self) -> set[str]:
        """Return the repairs that are shown."""
        found = ir.async_get(self.hass).issues
        return {str(issue.translation_key) for issue in found.values() if issue.domain == DOMAIN and issue.active}

    def asks_to_link_again(self) -> bool:
        """Whether the link is lost, as far as the user is told."""
        flows = self.hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        return any(flow["context"].get("source") == SOURCE_REAUTH for flow in flows)

    def usage(self) -> Usage:
        """Look at what is held."""
        gc.collect()
        folder = [path.stat().st_size for path in self.home.folder.rglob("*") if path.is_file()]
        statm = Path("/proc/self/statm").read_text(encoding="ascii")
        timers = [handle for handle in vars(self.loop)["_scheduled"] if not handle.cancelled()]
        return Usage(
            megabytes=int(statm.split()[1]) * resource.getpagesize() / 2**20,
            tasks=sum(task.get_context().get(LIFE, NOBODY) == self.life for task in asyncio.all_tasks()),
            timers=sum(handle.get_context().get(LIFE, NOBODY) == self.life for handle in timers),
            listeners=sum(self.hass.bus.async_listeners().values()),
            sessions=sum(type(item) is aiohttp.ClientSession and not item.closed for item in gc.get_objects()),
            descriptors=sum(1 for _ in Path("/proc/self/fd").iterdir()),
            files=len(folder),
            kilobytes=sum(folder) / 1024,
        )


class Viewer:
    """A browser that shows a camera."""

    def __init__(self, house: House, dice: random.Random) -> None:
        """Choose what to watch, for how long, and whether to say goodbye."""
        self._house = house
        self._seconds = dice.uniform(0, LONGEST_VIEW_S)
        self._choice = dice.random()
        self._says_goodbye = dice.random() < 1 / 2

    async def watch(self) -> str:
        """Watch; return what was heard last."""
        house = self._house
        login = await house.log_in()
        token = house.hass.auth.async_create_access_token(login)
        async with aiohttp.ClientSession() as session:
            try:
                url = f"http://127.0.0.1:{house.home.port}/api/websocket"
                socket = await session.ws_connect(url, heartbeat=None)
                await socket.receive_json()
                await socket.send_json({"type": "auth", "access_token": token})
                await socket.receive_json()
                return await self._look(socket)
            except (aiohttp.ClientError, ConnectionError, TypeError) as err:
                # Home Assistant is stopped, or killed.
                return f"cut short: {type(err).__name__}"
            finally:
                if house.is_up:
                    house.log_out(login)

    async def _look(self, socket: aiohttp.ClientWebSocketResponse) -> str:
        camera = self._camera()
        offer = {"id": 1, "type": "camera/webrtc/offer", "entity_id": camera, "offer": OFFER}
        await socket.send_json(offer)
        seen, number = "nothing", 1
        with suppress(TimeoutError):
            async with asyncio.timeout(OPENS_WITHIN_S) as until:
                while True:
                    message = await socket.receive_json()
                    event = message.get("event") or {}
                    if event.get("type") == "session":
                        for candidate in CANDIDATES:
                            number += 1
                            told = {"type": "camera/webrtc/candidate", "entity_id": camera, "candidate": candidate}
                            await socket.send_json({"id": number, "session_id": event["session_id"], **told})
                    elif event:
                        seen = str(event["type"])
                        until.reschedule(asyncio.get_running_loop().time() + self._seconds)
        if not self._says_goodbye:
            _reset(socket)
        return seen

    def _camera(self) -> str:
        entries = er.async_entries_for_config_entry(er.async_get(self._house.hass), ENTRY_ID)
        cameras = sorted(entry.entity_id for entry in entries if entry.domain == "camera")
        return cameras[int(self._choice * len(cameras))]


def _reset(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Leave what a killed tab leaves."""
    connection = socket._response.connection  # noqa: SLF001
    if connection is not None and connection.transport is not None:
        connection.transport.abort()
