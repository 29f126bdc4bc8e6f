"""A Home Assistant in a process of its own, and what is seen of webhooks and of the event loop from inside it."""

from array import array
import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
import cProfile
from dataclasses import dataclass
import gc
import logging
import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path
import resource
import time
from unittest.mock import patch

from aiohttp.web import Request, Response

from custom_components.ring_partner.webhook import WebhookReceiver
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback

from . import slim
from .home import Home

NUMBER = "X-Number"
PROBE_S = 0.001
BLOCKED_S = 0.010


@dataclass(slots=True)
class Slice:
    """How long one callback kept the event loop."""

    wall: float = 0.0
    cpu: float = 0.0
    """Less than `wall` when the machine gave the time to somebody else."""
    what: str = ""


class Record:
    """What was seen in Home Assistant's process; made in full beforehand, so that it does not grow by itself."""

    def __init__(self, shots: int, seconds: float) -> None:
        self.called = array("d", bytes(8 * shots))
        self.answered = array("d", bytes(8 * shots))
        self.changed = array("d", bytes(8 * shots))
        self.firings = array("I", bytes(4 * shots))
        self.lags = array("d", bytes(8 * int((seconds + 20) / PROBE_S)))
        self.probes = 0
        self.longest = Slice()
        self.busiest = Slice()
        self.blocked: Counter[str] = Counter()
        self.collecting = 0.0


class Observer:
    """Watches the receiver, the state machine and the event loop of one Home Assistant."""

    def __init__(self, pipe: Connection) -> None:
        """Take orders from the sender: shots, seconds and whether to profile begin a record, None asks for it."""
        self._pipe = pipe
        self._record: Record | None = None
        self._collected = 0.0
        self._profile: cProfile.Profile | None = None

    def timed(
        self, handle: Callable[[WebhookReceiver, HomeAssistant, str, Request], Awaitable[Response]]
    ) -> Callable[[WebhookReceiver, HomeAssistant, str, Request], Awaitable[Response]]:
        """Return the handler of webhooks, timed."""

        async def timed_handle(
            receiver: WebhookReceiver, hass: HomeAssistant, webhook_id: str, request: Request
        ) -> Response:
            called = time.perf_counter()
            response = await handle(receiver, hass, webhook_id, request)
            if (record := self._record) is not None and (number := request.headers.get(NUMBER)) is not None:
                record.called[int(number)] = called
                record.answered[int(number)] = time.perf_counter()
            return response

        return timed_handle

    @callback
    def state_changed(self, event: Event[EventStateChangedData]) -> None:
        """Note the first time, and each time, that an event shows."""
        state = event.data["new_state"]
        if self._record is None or state is None or not state.entity_id.startswith("event."):
            return
        number = int(state.attributes["event_id"].rpartition("-")[2])
        self._record.changed[number] = self._record.changed[number] or time.perf_counter()
        self._record.firings[number] += 1

    def run_timed(self, run: Callable[[asyncio.Handle], None]) -> Callable[[asyncio.Handle], None]:
        """Return how the event loop runs a callback, timed."""

        def timed_run(handle: asyncio.Handle) -> None:
            record, wall, cpu = self._record, time.perf_counter(), time.thread_time()
            run(handle)
            wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
            if record is None:
                return
            if wall > record.longest.wall:
                record.longest = Slice(wall, cpu, _name(handle))
            if cpu > record.busiest.cpu:
                record.busiest = Slice(wall, cpu, _name(handle))
            if wall > BLOCKED_S:
                record.blocked[_name(handle)] += 1

        return timed_run

    def collected(self, phase: str, _info: dict[str, int]) -> None:
        """Time the garbage collector."""
        if phase == "start":
            self._collected = time.perf_counter()
        elif self._record is not None:
            self._record.collecting = max(self._record.collecting, time.perf_counter() - self._collected)

    def command(self) -> None:
        """Do what the sender says."""
        order: tuple[int, float, bool] | None = self._pipe.recv()
        if order is None:
            record, self._record = self._record, None
            if self._profile is not None:
                self._profile.disable()
                self._profile.print_stats("tottime")
            self._pipe.send(record)
            return
        shots, seconds, profiled = order
        gc.collect()
        self._record = Record(shots, seconds)
        self._pipe.send(None)
        self._probe(asyncio.get_running_loop().time())
        if profiled:
            self._profile = cProfile.Profile()
            self._profile.enable()

    def _probe(self, due: float) -> None:
        if (record := self._record) is None:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        if record.probes < len(record.lags):
            record.lags[record.probes] = now - due
            record.probes += 1
        loop.call_at(now + PROBE_S, self._probe, now + PROBE_S)


def _name(handle: asyncio.Handle) -> str:
    """Return whose callback this is."""
    run = getattr(handle, "_callback", None)
    owner = getattr(run, "__self__", None)
    if isinstance(owner, asyncio.Task):
        return str(getattr(owner.get_coro(), "__qualname__", owner))
    return str(getattr(run, "__qualname__", run))


async def _observe(folder: Path, cloud_url: str, pipe: Connection) -> None:
    observer = Observer(pipe)
    gc.callbacks.append(observer.collected)
    with (
        patch.object(WebhookReceiver, "_handle", observer.timed(WebhookReceiver._handle)),  # noqa: SLF001
        patch.object(asyncio.Handle, "_run", observer.run_timed(asyncio.Handle._run)),  # noqa: SLF001
    ):
        hass = await slim.async_home_assistant(folder, cloud_url, observer.state_changed)
        # The HTTP server listens from here on.
        await hass.async_start()
        asyncio.get_running_loop().add_reader(pipe.fileno(), observer.command)
        pipe.send(None)
        await asyncio.Event().wait()


def observe(folder: Path, cloud_url: str, pipe: Connection) -> None:
    """Run Home Assistant until killed."""
    logging.basicConfig(filename=folder / "home-assistant.log", level=logging.WARNING)
    asyncio.run(_observe(folder, cloud_url, pipe))


class HomeAssistantProcess:
    """The process that is watched."""

    def __init__(self, home: Home) -> None:
        """Start it."""
        self._pipe, pipe = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=observe, args=(home.folder, home.cloud.url, pipe), daemon=True)
        self._process.start()

    async def ready(self) -> None:
        """Wait until it listens."""
        await asyncio.to_thread(self._pipe.recv)

    async def begin(self, shots: int, seconds: float, *, profiled: bool) -> None:
        """Begin a record."""
        self._pipe.send((shots, seconds, profiled))
        await asyncio.to_thread(self._pipe.recv)

    async def end(self) -> Record:
        """Return the record."""
        self._pipe.send(None)
        record = await asyncio.to_thread(self._pipe.recv)
        if not isinstance(record, Record):
            raise TypeError("no record was begun")
        return record

    def megabytes(self) -> float:
        """Return the memory that it holds (RSS)."""
        statm = Path(f"/proc/{self._process.pid}/statm").read_text(encoding="ascii")
        return int(statm.split()[1]) * resource.getpagesize() / 2**20

    def kill(self) -> None:
        """End it."""
        self._process.kill()
        self._process.join()
