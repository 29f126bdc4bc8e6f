"""An event loop that waits for nothing: when all there is to do waits for time to pass, time passes.

Everything that talks to each other has to live in this one loop, on loopback sockets: then nothing that is on its way
can be overtaken. Its clock is the true one; the wall clock that Home Assistant looks at may be set back and forth.

What one Home Assistant set going can be killed: no callback of it runs any more, no cleanup reaches the disk, and its
sockets are reset, as the kernel would do. Threads end what they are at, as if the kill had come that much later.
"""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from datetime import datetime, timedelta
import os
import selectors
from typing import Any, override
from unittest.mock import patch

from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory, StepTickTimeFactory, TickingDateTimeFactory

NOBODY = 0
LIFE: ContextVar[int] = ContextVar("LIFE", default=NOBODY)
# What each callback costs: nothing that can be seen happens twice in the same millisecond.
CALLBACK_S = 0.001


type Clockwork = FrozenDateTimeFactory | StepTickTimeFactory | TickingDateTimeFactory


class _Selector(selectors.DefaultSelector):
    """Lets time pass instead of waiting."""

    loop: SimulatedLoop

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if (events := super().select(0)) or timeout == 0:
            return events
        if self.loop.working or timeout is None:
            # A thread is at work; it wakes the loop when it is done.
            return super().select(None)
        # The kernel may be about to deliver.
        os.sched_yield()
        if not (events := super().select(0)):
            self.loop.pass_time(timeout)
        return events


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Runs on simulated time."""

    def __init__(self, wall: Clockwork) -> None:
        """Take over the wall clock, which is right to begin with."""
        self.working = 0
        """Threads that are at work for somebody."""
        self.wall = wall
        """What everybody else takes for the time."""
        self._start = wall.time_to_freeze
        self._skew = timedelta()
        self._now = 0.0
        self._dead: set[int] = set()
        self._nobody = copy_context()
        self._idle = asyncio.Event()
        self._idle.set()
        self._watched = _Selector()
        self._watched.loop = self
        super().__init__(self._watched)

    @override
    def time(self) -> float:
        return self._now

    @property
    def true_time(self) -> float:
        """Seconds of the epoch, whatever the wall clock shows."""
        return (self._start - datetime(1970, 1, 1)).total_seconds() + self._now  # noqa: DTZ001 - as freezegun has it

    @property
    def skew(self) -> float:
        """How many seconds the wall clock is ahead."""
        return self._skew.total_seconds()

    @skew.setter
    def skew(self, seconds: float) -> None:
        self._skew = timedelta(seconds=seconds)
        self.pass_time(0)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, at once."""
        self._now += seconds
        self.wall.time_to_freeze = self._start + self._skew + timedelta(seconds=self._now)

    def is_dead(self, life: int) -> bool:
        """Whether somebody has been killed."""
        return life in self._dead

    @override
    def run_in_executor[*Ts, T](
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        if self.is_dead(LIFE.get()):
            return self.create_future()
        future: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        self.working += 1
        self._idle.clear()
        future.add_done_callback(self._worked, context=self._nobody)
        return future

    def _worked(self, _future: asyncio.Future[Any]) -> None:
        self.working -= 1
        if not self.working:
            self._idle.set()

    async def kill(self, life: int) -> None:
        """End what was begun in this life, without a word to it."""
        self._dead.add(life)
        for key in list(self._watched.get_map().values()):
            for handle in key.data:
                if handle is not None and handle.get_context().get(LIFE, NOBODY) == life:
                    _reset(handle)
        for handle in vars(self)["_scheduled"]:
            if handle.get_context().get(LIFE, NOBODY) == life:
                handle.cancel()
        for task in asyncio.all_tasks():
            if task.get_context().get(LIFE, NOBODY) == life:
                _bury(task)
        await self._idle.wait()


def _reset(handle: Any) -> None:  # noqa: ANN401 - private to asyncio
    """Close the socket that a handle reads or writes."""
    owner = getattr(handle._callback, "__self__", None)  # noqa: SLF001
    if isinstance(owner, asyncio.Transport):
        owner.abort()
    for argument in handle._args or ():  # noqa: SLF001
        if isinstance(argument, asyncio.Server):
            argument.close()


def _bury(task: asyncio.Task[Any]) -> None:
    """Free what a task holds; what it does at its end starts nothing any more, nor does it complain."""
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001
    with suppress(BaseException):
        task.get_context().run(task.get_coro().close)  # type: ignore[union-attr]


@contextmanager
def simulated(start: str) -> Iterator[SimulatedLoop]:
    """Provide a loop on simulated time, and the wall clock that everybody sees."""
    with freeze_time(start, real_asyncio=True) as wall:
        loop = SimulatedLoop(wall)
        run: Callable[[asyncio.Handle], None] = asyncio.Handle._run  # noqa: SLF001

        def run_the_living(handle: asyncio.Handle) -> None:
            loop.pass_time(CALLBACK_S)
            if not loop.is_dead(handle.get_context().get(LIFE, NOBODY)):
                run(handle)

        with patch.object(asyncio.Handle, "_run", run_the_living):
            try:
                yield loop
            finally:
                loop.close()
