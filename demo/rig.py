"""Both programs together, from start to stop."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
import fcntl
import os
from pathlib import Path
import shutil
import signal
from typing import Self, TextIO

import aiohttp

from .clients import Document, HomeAssistantClient, RingCloudClient, until
from .cloud import load
from .linking import find_entry, link, loaded_entry, move_addresses, receive_visitors, register_app, set_polling
from .processes import DemoError, Program, free_port
from .seed import prepare
from .stun import StunServer

HOME_PORT = 8123
CLOUD_PORT = 8181
_START_SECONDS = 60
_CLOUD_STATE = "ring_cloud.state"


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports one would like; another one is taken when it is in use."""

    home: int = HOME_PORT
    cloud: int = CLOUD_PORT


class Rig:
    """A Ring cloud and a Home Assistant: `async with Rig(folder) as rig`."""

    cloud: RingCloudClient
    home: HomeAssistantClient
    session: aiohttp.ClientSession
    _lock_file: TextIO

    def __init__(
        self, folder: Path, ports: Ports | None = None, *, fresh: bool = False, stun_delay: float = 0.0
    ) -> None:
        """Keep everything in `folder`; an earlier start's is continued, unless one wants a fresh start.

        `stun_delay` is how far away the STUN server is, in seconds there and back.
        """
        self.folder = folder
        self.programs: list[Program] = []
        self._ports = ports or Ports()
        self._fresh = fresh
        self._stun_delay = stun_delay
        self._stack = AsyncExitStack()

    @property
    def config(self) -> Path:
        """Home Assistant's folder."""
        return self.folder / "homeassistant"

    async def __aenter__(self) -> Self:
        """Start both, and wait until they answer."""
        try:
            self._lock()
            self._forget()
            self.session = await self._stack.enter_async_context(aiohttp.ClientSession())
            await self._start_cloud()
            await self._start_home()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop both, Home Assistant first: it may still have something to tell Ring."""
        await self._stack.aclose()

    async def wait(self) -> None:
        """Wait until one of the programs ends by itself; raise what is known of it."""
        waits = [asyncio.ensure_future(program.wait()) for program in self.programs]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in waits:
                waiting.cancel()
        for program in self.programs:
            program.check()

    async def link(self, *, visitors: bool = False) -> Document:
        """Link the account if it is not linked yet, perhaps with somebody at the door; return its entry, loaded."""
        if await find_entry(self.home) is None:
            await register_app(self.cloud, self.home)
            await link(self.session, self.cloud, self.home)
            await set_polling(self.home, (await loaded_entry(self.home))["entry_id"])
            if visitors:
                await receive_visitors(self.cloud, self.home)
        else:
            await move_addresses(self.cloud, self.home)
        return await loaded_entry(self.home)

    def skip_a_minute(self) -> None:
        """Let a minute pass for Home Assistant, and for nobody else."""
        self.programs[-1].send(signal.SIGUSR1)

    def _lock(self) -> None:
        """Be the only one in the folder. The programs inherit the lock, should they outlive this process."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock_file = self._stack.enter_context((self.folder / "running").open("a+"))
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock_file.seek(0)
            pids = " ".join(self._lock_file.read().split())
            raise DemoError(f"The demo is already running in {self.folder} (process ids {pids}).") from None
        self._lock_file.truncate(0)
        self._note(os.getpid())

    def _note(self, pid: int) -> None:
        self._lock_file.write(f"{pid}\n")
        self._lock_file.flush()

    def _forget(self) -> None:
        """Wipe what cannot be continued: without the cloud's half of a link, Home Assistant's half is worth nothing."""
        state = self.folder / _CLOUD_STATE
        if self._fresh or load(state) is None:
            shutil.rmtree(self.config, ignore_errors=True)
            state.unlink(missing_ok=True)

    async def _start_cloud(self) -> None:
        port = free_port(self._ports.cloud)
        arguments = ("--port", str(port), "--state", str(self.folder / _CLOUD_STATE))
        await self._start("The Ring cloud", "ring_cloud.log", "demo.cloud", *arguments)
        self.cloud = RingCloudClient(self.session, f"http://127.0.0.1:{port}")

        async def answers() -> bool:
            self.programs[-1].check()
            try:
                return bool(await self.cloud.state())
            except aiohttp.ClientError:
                return False

        await until(answers, _START_SECONDS, "the Ring cloud answers")

    async def _start_home(self) -> None:
        port = free_port(self._ports.home)
        prepare(self.config, port)
        self.home = HomeAssistantClient(self.session, f"http://127.0.0.1:{port}")
        environment = {"RING_PARTNER_CLOUD": self.cloud.url, "RING_DEMO_URL": self.home.url}
        environment["RING_DEMO_STUN"] = await self._stack.enter_async_context(StunServer(self._stun_delay))
        arguments = ("--skip-pip", "--config", str(self.config))
        await self._start("Home Assistant", "home_assistant.log", "demo.home", *arguments, **environment)

        async def runs() -> bool:
            self.programs[-1].check()
            return await self.home.is_running()

        await until(runs, _START_SECONDS, "Home Assistant has started", every=0.25)

    async def _start(self, name: str, log: str, *arguments: str, **environment: str) -> None:
        path = self.folder / log
        if path.exists():
            path.replace(path.with_suffix(".last.log"))
        program = await Program.start(
            name, path, *arguments, environment=environment, keep_open=self._lock_file.fileno()
        )
        self._note(program.pid)
        self.programs.append(program)
        self._stack.push_async_callback(program.stop)
