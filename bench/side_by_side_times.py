"""What has to be timed, beside core `ring`: each Home Assistant in a new process, its cloud in this one."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path
import shutil
from statistics import quantiles

from ring_cloud import RingCloud

from . import core_ring_home, webhooks
from .core_ring import CoreCloud
from .home import Home, scratch
from .side_by_side_child import Birth, Cost, Order, Side, live
from .side_by_side_homes import families

FEW, SOME, MANY, VERY_MANY = 6, 20, 100, 1000
WARM_UP = 2
POLLS = 6
FEW_POLLS = 2
PUSHES = 100
FAR_MORE_THAN_ASKED = 1_000_000


class Child:
    """A Home Assistant in a process of its own, and what can be done to its devices."""

    def __init__(self, pipe: Connection, birth: Birth, change: Callable[[], None]) -> None:
        """Take what `child` has started."""
        self._pipe = pipe
        self.birth = birth
        self.change = change
        """Let every device change."""

    async def polls(self, times: int, *, histories: bool = False) -> list[Cost]:
        """Poll so many times."""
        costs = await self._ask(Order(what="poll", times=times, histories=histories))
        return costs if isinstance(costs, list) else []

    async def pushes(self, times: int) -> list[float]:
        """Deliver so many events; return the milliseconds until each shows."""
        latencies = await self._ask(Order(what="push", times=times))
        return latencies if isinstance(latencies, list) else []

    async def memory(self) -> int:
        """Return the bytes that Python holds."""
        held = await self._ask(Order(what="memory"))
        return held if isinstance(held, int) else 0

    async def _ask(self, order: Order) -> object:
        self._pipe.send(order)
        answer: object = await asyncio.to_thread(self._pipe.recv)
        return answer


@asynccontextmanager
async def child(side: Side, devices: int, *, traced: bool = False) -> AsyncIterator[Child]:
    """Start a Home Assistant with so many devices."""
    async with _clouds[side](devices) as (folder, url, change):
        pipe, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=live, args=(side, folder, url, theirs), kwargs={"traced": traced}, daemon=True)
        process.start()
        theirs.close()
        try:
            birth = await asyncio.to_thread(pipe.recv)
            yield Child(pipe, birth, change)
            pipe.send(None)
            await asyncio.to_thread(process.join)
        finally:
            process.kill()
            process.join()


type Cloud = tuple[Path, str, Callable[[], None]]


@asynccontextmanager
async def _core_cloud(devices: int) -> AsyncIterator[Cloud]:
    folder, cloud = scratch("core"), CoreCloud(devices)

    def change() -> None:
        cloud.battery -= 1

    async with cloud.running():
        core_ring_home.link(folder, cloud, polling=False)
        yield folder, cloud.url, change
    shutil.rmtree(folder)


@asynccontextmanager
async def _our_cloud(devices: int) -> AsyncIterator[Cloud]:
    folder = scratch("ours")
    async with RingCloud() as cloud:
        cloud.limits.per_second = FAR_MORE_THAN_ASKED
        home = Home(folder, cloud, cloud.add_account(devices=families(devices)))
        home.link(polling=False)

        def change() -> None:
            for device in home.account.devices:
                device.set(online=not device.online)

        yield folder, cloud.url, change
    shutil.rmtree(folder)


_clouds = {Side.CORE: _core_cloud, Side.OURS: _our_cloud}


@dataclass(slots=True)
class Times:
    """All that was measured of one side, in milliseconds; a list has a value for each run."""

    set_up: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    set_up_longest: list[float] = field(default_factory=list)
    polled: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    """By devices; the histories are read in it."""
    listed: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    """By devices; without the histories, as while webhooks arrive."""
    longest: list[float] = field(default_factory=list)
    """Of the polls of a hundred devices, changed and unchanged, in each start."""
    held: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    entities: dict[int, int] = field(default_factory=dict)
    registered: dict[int, int] = field(default_factory=dict)
    latencies: list[list[float]] = field(default_factory=list)


async def live_once(side: Side, devices: int, polls: int, times: Times) -> None:
    """Start once, and poll."""
    async with child(side, devices) as one:
        birth = one.birth
        times.set_up[devices].append(birth.set_up.cpu)
        times.entities[devices], times.registered[devices] = birth.entities, birth.registered
        if devices == MANY:
            times.set_up_longest.append(birth.set_up.longest)
        if not polls:
            return
        await one.polls(WARM_UP)
        costs = await one.polls(polls)
        times.listed[devices] += [cost.cpu for cost in costs]
        if devices == MANY:
            one.change()
            costs += await one.polls(1)
            times.longest.append(max(cost.longest for cost in costs))
        with_histories = await one.polls(max(polls // 2, 1), histories=True)
        times.polled[devices] += [cost.cpu for cost in with_histories]
        if side is Side.CORE and devices == FEW:
            times.latencies.append(await one.pushes(PUSHES))


async def weigh(side: Side, devices: int, times: Times) -> None:
    """Start once with Python's memory traced."""
    async with child(side, devices, traced=True) as one:
        await one.polls(WARM_UP)
        times.held[devices].append(await one.memory())
        times.entities[devices] = one.birth.entities


async def webhook_latencies(seconds: float) -> list[float]:
    """Push 50 signed webhooks a second; return the milliseconds from the handler's call until the event shows."""
    part = webhooks.Part("pace", 50, seconds, flood=False)
    async with webhooks.running(FEW) as sender:
        await sender.send([webhooks.Shot.GOOD] * 50, 50, 0)
        shots = part.shots()
        await sender.process.begin(len(shots), part.seconds, profiled=False)
        sent = await sender.send(shots, part.per_second, 0)
        record = await sender.process.end()
        return webhooks.Result(part, sent, record).milliseconds(record.called, record.changed)


def percentile(values: Sequence[float], percent: int) -> float:
    """Return a percentile."""
    return quantiles(values, n=100)[percent - 1]


async def measure(say: Callable[[str], None], *, repeats: int, webhook_seconds: float) -> dict[Side, Times]:
    """Measure both sides in turn, so that a busy moment of the machine hits both."""
    times = {side: Times() for side in Side}
    for number in range(repeats):
        for devices in (FEW, MANY):
            say(f"starting both with {devices} devices, {number + 1} of {repeats}")
            for side in Side:
                await live_once(side, devices, POLLS, times[side])
        say("signed webhooks, 50 a second")
        times[Side.OURS].latencies.append(await webhook_latencies(webhook_seconds))
    say(f"starting both with {VERY_MANY} devices")
    for side in Side:
        await live_once(side, VERY_MANY, FEW_POLLS, times[side])
    for number in range(repeats):
        say(f"weighing both, {number + 1} of {repeats}")
        for side in Side:
            for devices in (SOME, MANY):
                await weigh(side, devices, times[side])
    return times
