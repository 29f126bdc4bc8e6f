"""A Home Assistant in a process of its own that measures itself: what it takes to set up and to poll.

The cloud is in the process that started this one, so that its work is not counted.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
import gc
import logging
from multiprocessing.connection import Connection
import os
from pathlib import Path
import time
import tracemalloc
from unittest.mock import patch

from custom_components.ring_partner.history import EVENT_TYPES
from custom_components.ring_partner.kinds import is_camera
from homeassistant import loader
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component

from .core_ring import led_to
from .core_ring_home import async_empty_home
from .home import ENTRY_ID
from .side_by_side_import import PLATFORMS, SHARED

DOORBELL = 1


class Side(StrEnum):
    """Whose Home Assistant it is, by its domain."""

    CORE = "ring"
    OURS = "ring_partner"


@dataclass(slots=True)
class Cost:
    """What something took, in milliseconds of this process's CPU, and its longest stay in the event loop."""

    cpu: float = 0.0
    longest: float = 0.0
    what: str = ""


@dataclass(slots=True, kw_only=True)
class Birth:
    """What it took to be there."""

    set_up: Cost
    entities: int
    registered: int
    """With those that are off until somebody wants them."""


@dataclass(slots=True, kw_only=True)
class Order:
    """What to do next, and how often."""

    what: str
    times: int = 1
    histories: bool = False


@dataclass(slots=True)
class Meter:
    """Watches the event loop."""

    longest: float = 0.0
    what: str = ""
    changed_at: list[float] = field(default_factory=list)
    """When the state of an event changed."""

    def run_timed(self, run: Callable[[asyncio.Handle], None]) -> Callable[[asyncio.Handle], None]:
        """Return how the event loop runs a callback, timed: CPU, not what the machine gives to others."""

        def timed_run(handle: asyncio.Handle) -> None:
            began = time.thread_time()
            run(handle)
            if (took := time.thread_time() - began) > self.longest:
                self.longest, self.what = took, _name(handle)

        return timed_run

    @asynccontextmanager
    async def measured(self) -> AsyncIterator[Cost]:
        """Measure what is done meanwhile."""
        cost = Cost()
        gc.collect()
        # The callback that this is in would be the longest.
        await asyncio.sleep(0)
        self.longest, began = 0.0, time.process_time()
        yield cost
        cost.cpu = 1000 * (time.process_time() - began)
        cost.longest, cost.what = 1000 * self.longest, self.what

    @callback
    def state_changed(self, event: Event[EventStateChangedData]) -> None:
        """Note when an event shows."""
        if event.data["entity_id"].startswith("event."):
            self.changed_at.append(time.perf_counter())


def _name(handle: asyncio.Handle) -> str:
    """Return whose callback this is."""
    run = getattr(handle, "_callback", None)
    owner = getattr(run, "__self__", None)
    if isinstance(owner, asyncio.Task):
        return str(getattr(owner.get_coro(), "__qualname__", owner))
    return str(getattr(run, "__qualname__", run))


async def _be_born(side: Side, folder: Path, meter: Meter) -> tuple[HomeAssistant, Birth]:
    """Import all there is to import, set up, and wait until nothing more happens by itself."""
    hass = await async_empty_home(folder, meter.state_changed)
    for domain in SHARED:
        integration = await loader.async_get_integration(hass, domain)
        await integration.async_get_component()
    integration = await loader.async_get_integration(hass, side)
    await integration.async_get_component()
    await integration.async_get_platforms(PLATFORMS[side])
    for domain in ("application_credentials", "ffmpeg", "webhook", "repairs", "media_source"):
        await async_setup_component(hass, domain, {})
    async with meter.measured() as set_up:
        await async_setup_component(hass, side, {})
        await hass.async_block_till_done(wait_background_tasks=True)
    entities = sum(hass.states.async_entity_ids_count(domain) for domain in PLATFORMS[side])
    return hass, Birth(set_up=set_up, entities=entities, registered=len(er.async_get(hass).entities))


async def _poll(side: Side, entry: ConfigEntry, *, histories: bool) -> None:
    data = entry.runtime_data
    if side is Side.CORE:
        # This reads the histories in any case.
        await data.devices_coordinator.async_refresh()
        return
    await data.coordinator.async_refresh()
    if histories:
        since = datetime.now(UTC) - timedelta(minutes=1)
        for device in data.coordinator.data.devices.values():
            if is_camera(device):
                await data.client.async_get_history(device.id, EVENT_TYPES, since=since, max_pages=1)


async def _push(entry: ConfigEntry, meter: Meter, times: int) -> list[float]:
    """Let the push service deliver so many motions to core; return the milliseconds until each shows."""
    listener = entry.runtime_data.listen_coordinator.event_listener
    receiver = getattr(listener, "_receiver")  # noqa: B009
    latencies = []
    for number in range(times):
        # The pace of the other side's webhooks.
        await asyncio.sleep(0.02)
        meter.changed_at.clear()
        began = time.perf_counter()
        receiver.deliver(DOORBELL, number + 1, "motion", time.time())
        latencies.append(1000 * (meter.changed_at[0] - began))
    return latencies


async def _obey(side: Side, folder: Path, pipe: Connection, meter: Meter) -> None:
    hass, birth = await _be_born(side, folder, meter)
    entry = hass.config_entries.async_get_known_entry(ENTRY_ID)
    pipe.send(birth)
    loop = asyncio.get_running_loop()
    while (order := await loop.run_in_executor(None, pipe.recv)) is not None:
        if order.what == "memory":
            gc.collect()
            pipe.send(tracemalloc.get_traced_memory()[0])
        elif order.what == "push":
            pipe.send(await _push(entry, meter, order.times))
        else:
            costs = []
            for _ in range(order.times):
                async with meter.measured() as cost:
                    await _poll(side, entry, histories=order.histories)
                    await hass.async_block_till_done(wait_background_tasks=True)
                costs.append(cost)
            pipe.send(costs)
    await hass.async_stop(force=True)


def live(side: Side, folder: Path, url: str, pipe: Connection, *, traced: bool) -> None:
    """Start Home Assistant, and do what is asked until there is nothing more to do."""
    logging.disable(logging.ERROR)
    os.environ["RING_PARTNER_CLOUD"] = url
    meter = Meter()
    if traced:
        tracemalloc.start()
    timed = patch.object(asyncio.Handle, "_run", meter.run_timed(asyncio.Handle._run))  # noqa: SLF001
    with led_to(url) if side is Side.CORE else nullcontext(), timed:
        asyncio.run(_obey(side, folder, pipe, meter))
