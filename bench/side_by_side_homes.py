"""The same house twice: six devices in turn, once as core `ring` sees it and once as this integration does."""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import cycle, islice
import shutil
import time
from typing import override
from unittest.mock import patch

from ring_doorbell import Ring
from ring_doorbell.const import DEVICES_ENDPOINT

from custom_components.ring_partner.api import transport
from custom_components.ring_partner.kinds import is_camera
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from ring_cloud import Clock, RingCloud

from . import core_ring_home
from .core_ring import CoreCloud, PushService, led_to
from .home import ENTRY_ID, Home, scratch
from .requests import entities
from .rig import Clockwork, Rig

# Two doorbells, three cameras and a chime, as in `core_ring.KINDS`.
FAMILIES = ("doorbell", "camera", "camera", "doorbell", "camera", "chime")
CALLS = 100
TOKEN_LIVES_S = 4 * 3600
RETRY_AFTER_S = 300
_LEAST_STEP_S = 0.001


def families(devices: int) -> list[str]:
    """Return the families of so many devices."""
    return list(islice(cycle(FAMILIES), devices))


class House(ABC):
    """A running Home Assistant, its cloud, and the clock of both."""

    def __init__(self, clock: Clockwork) -> None:
        """Stand in a time that only moves when it is told to."""
        self._clock = clock
        self.before_first_entity = 0
        self.heard: list[str] = []
        """The entity of each state change, in order."""

    @property
    @abstractmethod
    def hass(self) -> HomeAssistant:
        """Home Assistant."""

    @abstractmethod
    def moments(self) -> list[float]:
        """When each request reached the cloud."""

    @abstractmethod
    async def poll(self) -> None:
        """Poll now, as the integration does from time to time."""

    @abstractmethod
    def refreshes(self) -> int:
        """Count the refreshes of the token."""

    @abstractmethod
    async def call_in_parallel(self) -> None:
        """Ask for the list of devices many times at once."""

    @abstractmethod
    def fail_one_device(self) -> str:
        """Let all that concerns one device fail from now on; return the name of the device."""

    @abstractmethod
    def limit_next_request(self) -> None:
        """Answer the next request with 429 and a time to wait."""

    @abstractmethod
    def happen(self, what: str) -> None:
        """Let somebody ring, or move, at the front door."""

    @property
    def doorbell_entity(self) -> str:
        """The entity of rings at the front door."""
        front, _ = self._front_door()
        found = er.async_entries_for_device(er.async_get(self.hass), front.id)
        # "Ding" is core's name of it, and the one of the library.
        names = ("-ding", "doorbell", "ring")
        events = [entry for entry in found if entry.domain == "event"]
        return next(entry.entity_id for name in names for entry in events if entry.unique_id.endswith(name))

    def _front_door(self) -> tuple[dr.AnyDeviceEntry, str]:
        name = self.front_door
        devices = dr.async_entries_for_config_entry(dr.async_get(self.hass), ENTRY_ID)
        return next((device, name) for device in devices if device.name == name)

    @property
    @abstractmethod
    def front_door(self) -> str:
        """The name of the first doorbell."""

    async def settle(self) -> None:
        """Let everything arrive that is on its way."""
        await self.hass.async_block_till_done(wait_background_tasks=True)

    async def pass_time(self, seconds: float) -> None:
        """Let time pass from one timer to the next, and what is due happen."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (now := loop.time()) < end:
            timers: list[asyncio.TimerHandle] = getattr(loop, "_scheduled")  # noqa: B009
            due = min((timer.when() for timer in timers if not timer.cancelled()), default=end)
            self._clock.tick(max(min(due, end) - now, _LEAST_STEP_S))
            await asyncio.sleep(0)
            await self.settle()

    async def until(self, happened: Callable[[], bool], seconds: float) -> None:
        """Let time pass until something has happened, second by second."""
        for _ in range(int(seconds)):
            if happened():
                return
            await self.pass_time(1)

    def tick(self, seconds: float) -> None:
        """Let time pass without anything happening."""
        self._clock.tick(seconds)

    def written(self) -> dict[str, datetime]:
        """Return when each state was last written, changed or not."""
        return {state.entity_id: state.last_reported for state in self.hass.states.async_all()}

    def entities(self) -> list[str]:
        """Return the ids of the account's enabled entities."""
        return entities(self.hass)

    def available(self) -> set[str]:
        """Return the entities that show something."""
        states = ((entity, self.hass.states.get(entity)) for entity in self.entities())
        return {entity for entity, state in states if state is not None and state.state != STATE_UNAVAILABLE}

    def device_of(self, entity_id: str) -> str | None:
        """Return the name of an entity's device."""
        entry = er.async_get(self.hass).async_get(entity_id)
        device = (
            None if entry is None or entry.device_id is None else dr.async_get(self.hass).async_get(entry.device_id)
        )
        return None if device is None else device.name

    @callback
    def hear(self, event: Event[EventStateChangedData]) -> None:
        """Note a change."""
        if not self.heard:
            self.before_first_entity = len(self.moments())
        self.heard.append(event.data["entity_id"])


class CoreHouse(House):
    """Home Assistant with core `ring`."""

    def __init__(self, cloud: CoreCloud, clock: Clockwork) -> None:
        """Take the cloud; `house` starts Home Assistant."""
        super().__init__(clock)
        self.cloud = cloud
        self.core: HomeAssistant | None = None
        self._events = 0

    @property
    @override
    def hass(self) -> HomeAssistant:
        if self.core is None:
            raise RuntimeError("not started")
        return self.core

    @property
    def ring(self) -> Ring:
        """The library, as the integration uses it."""
        api: Ring = self.hass.config_entries.async_get_known_entry(ENTRY_ID).runtime_data.api
        return api

    @override
    def moments(self) -> list[float]:
        return [asked.at for asked in self.cloud.requests]

    @override
    async def poll(self) -> None:
        await self.hass.config_entries.async_get_known_entry(ENTRY_ID).runtime_data.devices_coordinator.async_refresh()

    @override
    def refreshes(self) -> int:
        return self.cloud.count("token")

    @override
    async def call_in_parallel(self) -> None:
        calls = (self.ring.async_query(DEVICES_ENDPOINT) for _ in range(CALLS))
        await asyncio.gather(*calls, return_exceptions=True)

    @override
    def fail_one_device(self) -> str:
        self.cloud.failing.add(2)
        return "Device 2"

    @override
    def limit_next_request(self) -> None:
        self.cloud.retry_after = RETRY_AFTER_S

    @property
    @override
    def front_door(self) -> str:
        return f"Device {self.cloud.doorbell}"

    @override
    def happen(self, what: str) -> None:
        listener = self.hass.config_entries.async_get_known_entry(
            ENTRY_ID
        ).runtime_data.listen_coordinator.event_listener
        receiver = getattr(listener, "_receiver")  # noqa: B009
        if not isinstance(receiver, PushService):
            raise TypeError("the library listens elsewhere")
        self._events += 1
        receiver.deliver(self.cloud.doorbell, self._events, what, time.time())


class OurHouse(House):
    """Home Assistant with this integration."""

    def __init__(self, rig: Rig, clock: Clockwork) -> None:
        """Take what is started by `house`."""
        super().__init__(clock)
        self.rig = rig

    @property
    @override
    def hass(self) -> HomeAssistant:
        return self.rig.hass

    @property
    def cameras(self) -> int:
        """How many of the devices record."""
        return sum(is_camera(device) for device in self.rig.data.coordinator.data.devices.values())

    @override
    def moments(self) -> list[float]:
        return [request.time for request in self.rig.cloud.requests]

    @override
    async def poll(self) -> None:
        await self.rig.data.coordinator.async_refresh()

    @override
    def refreshes(self) -> int:
        return self.rig.cloud.count("POST", "/oauth/token")

    @override
    async def call_in_parallel(self) -> None:
        calls = (self.rig.data.client.async_get_devices() for _ in range(CALLS))
        await asyncio.gather(*calls, return_exceptions=True)

    @override
    def fail_one_device(self) -> str:
        device = self.rig.home.account.devices[1]
        # Whatever names it fails, and what the list says of it is nonsense.
        self.rig.cloud.faults.add(f"*{device.id}*", status=503, count=None)
        nonsense = {"online": "perhaps", "battery": [], "capabilities": 7}
        setattr(device, "document", lambda _kind: nonsense)  # noqa: B010
        return device.name

    @override
    def limit_next_request(self) -> None:
        self.rig.cloud.faults.add("*", status=429, headers={"Retry-After": str(RETRY_AFTER_S)})

    @property
    @override
    def front_door(self) -> str:
        return self.rig.device("doorbell").name

    @override
    def happen(self, what: str) -> None:
        names = {"ding": "button_press", "motion": "motion_detected"}
        self.rig.cloud.happen(self.rig.device("doorbell"), names[what])

    @override
    async def settle(self) -> None:
        await self.rig.settle()


def _frozen() -> object:
    return datetime.now(UTC)


@asynccontextmanager
async def core_house(devices: int, clock: Clockwork) -> AsyncIterator[CoreHouse]:
    """Start core `ring` with so many devices."""
    folder, cloud = scratch("core"), CoreCloud(devices)
    # Home Assistant takes hold of the real clock before it can be stopped.
    with patch.object(dt_util, "utcnow", _frozen):
        async with cloud.running():
            with led_to(cloud.url):
                core_ring_home.link(folder, cloud)
                house = CoreHouse(cloud, clock)
                cloud.requests.clear()
                house.core = await core_ring_home.async_empty_home(folder, house.hear)
                await async_setup_component(house.core, core_ring_home.DOMAIN, {})
                await house.core.async_start()
                await house.settle()
                try:
                    yield house
                finally:
                    await house.core.async_stop(force=True)
    # Home Assistant may still be writing what it wanted to write later.
    shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def our_house(devices: int, clock: Clockwork, *, pushed: bool = False) -> AsyncIterator[OurHouse]:
    """Start this integration with so many devices, and with webhooks that are known to arrive, or without."""
    folder = scratch("ours")
    async with RingCloud(clock=Clock(source=time.time)) as cloud:
        home = Home(folder, cloud, cloud.add_account(devices=families(devices)))
        home.link(can_be_pushed=pushed)
        house = OurHouse(Rig(home, clock), clock)
        house.rig.listener = house.hear
        # Time does not pass within a request either, hence no pause before it is repeated.
        with patch.object(dt_util, "utcnow", _frozen), patch.object(transport, "BACKOFF_S", 0):
            await house.rig.start()
            if pushed:
                await house.rig.prove_pushes()
            try:
                yield house
            finally:
                await house.rig.stop()
    shutil.rmtree(folder)
