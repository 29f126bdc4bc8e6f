"""The programs of the demo: started on free ports, stopped by their ids."""

import asyncio
from collections.abc import Mapping
import os
from pathlib import Path
import signal
import socket
import sys

from .seed import ROOT

_STOP_SECONDS = 20


class DemoError(Exception):
    """The demo cannot go on; the text says why, and what to do."""


def free_port(wanted: int) -> int:
    """Return the wanted port, or any free one when somebody else has it."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            # As the servers will do: a connection of the last start that lingers is no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DemoError("No port is free on 127.0.0.1.")


class Program:
    """A Python module that runs until it is stopped."""

    def __init__(self, name: str, log: Path, process: asyncio.subprocess.Process) -> None:
        """Hold a started process; use `start`."""
        self.name = name
        self.log = log
        self._process = process

    @classmethod
    async def start(
        cls, name: str, log: Path, *arguments: str, environment: Mapping[str, str], keep_open: int
    ) -> Program:
        """Start `python -m` with these arguments; all it prints goes to the log. It inherits the file `keep_open`."""
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, **environment},
                # Ctrl-C goes to the demo, which then stops its programs in order.
                start_new_session=True,
                pass_fds=(keep_open,),
            )
        return cls(name, log, process)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def check(self) -> None:
        """Raise if it has ended by itself."""
        if (status := self._process.returncode) is not None:
            last = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
            raise DemoError(f"{self.name} ended with status {status}. The end of {self.log}:\n{last}")

    async def wait(self) -> None:
        """Wait until it ends."""
        await self._process.wait()

    async def stop(self) -> None:
        """Ask it to stop; insist when it does not."""
        if self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
