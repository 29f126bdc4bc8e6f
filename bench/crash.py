"""Kill Home Assistant at random moments around token refreshes, and count the links that are lost.

A Ring that kills the old refresh token while it answers leaves a gap that nobody can close: between its commit and the
moment the answer is written down here, the only valid token is on its way. Kills in that gap are counted on their own.
"""

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
import logging
import multiprocessing
import os
from pathlib import Path
import random
import shutil
import subprocess
import sys
import time
from typing import Protocol

from ring_cloud import RingCloud

from . import slim
from .home import ROOT, Home, scratch

TOKEN_ROUTE = "/oauth/token"
DEVICES_ROUTE = "/v1/devices"
# A token is refreshed after half its life.
LIFETIME_S = 2
PATIENCE_S = 60.0


class Process(Protocol):
    """A Home Assistant that can be killed."""

    def kill(self) -> None:
        """Send SIGKILL."""

    def join(self) -> None:
        """Wait until it is gone."""


class Slim:
    """Home Assistant's core with this integration, forked from a process that has imported everything."""

    def __init__(self, home: Home) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([slim.__name__])
        self._process = context.Process(target=slim.serve, args=(home.folder, home.cloud.url))
        self._process.start()

    def kill(self) -> None:
        """Send SIGKILL."""
        self._process.kill()

    def join(self) -> None:
        """Wait until it is gone."""
        self._process.join()


class Full:
    """The whole of Home Assistant, as `hass` starts it."""

    def __init__(self, home: Home) -> None:
        command = [sys.executable, "-m", "homeassistant", "--skip-pip", "-c", str(home.folder)]
        environment = os.environ | {"RING_PARTNER_CLOUD": home.cloud.url}
        with (home.folder / "output.log").open("ab") as log:
            self._process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._process.kill()

    def join(self) -> None:
        """Wait until it is gone."""
        self._process.wait()


@dataclass(slots=True)
class Tally:
    """What the kills led to."""

    kills: int = 0
    refreshes: int = 0
    unsaved: int = 0
    """Kills after Ring had committed a pair that was not written down yet."""
    journal_newer: int = 0
    """Kills after which only the journal held the newest pair, not the config entry."""
    lost_unsaved: int = 0
    lost_saved: int = 0


class Bench:
    """One account, killed again and again."""

    def __init__(self, home: Home, start: type[Slim | Full], chance: random.Random) -> None:
        self._home = home
        self._cloud = home.cloud
        self._start = start
        self._chance = chance
        self._unsaved = False
        self._newest = b""
        self.tally = Tally()

    async def run(self, kills: int) -> Tally:
        """Kill so many times, and start once more to see what became of the last."""
        self._home.link()
        while self.tally.kills < kills:
            await self._one_life(last=False)
        await self._one_life(last=True)
        return self.tally

    async def _one_life(self, *, last: bool) -> None:
        self._cloud.requests.clear()
        process: Process = await asyncio.to_thread(self._start, self._home)
        # Half of the lives that end early never get as far as a request.
        if not last and self._chance.random() < 0.15:
            await asyncio.sleep(self._chance.uniform(0, 1.0))
            await self._kill(process)
            return
        try:
            alive = await self._until_it_works()
        except TimeoutError as err:
            process.kill()
            raise SystemExit(f"Home Assistant does nothing: see the logs in {self._home.folder}") from err
        if not alive:
            self._count_lost()
        elif not last:
            await self._choose_a_moment()
        await self._kill(process, counted=alive and not last)
        if not alive:
            self._home.link()
            self._unsaved = False

    async def _until_it_works(self) -> bool:
        """Return whether the link still works, once that is known."""
        async with asyncio.timeout(PATIENCE_S):
            while not self._cloud.count("POST", TOKEN_ROUTE, 400):
                if self._cloud.count("GET", DEVICES_ROUTE, 200) and self._cloud.count("POST", TOKEN_ROUTE, 200):
                    return True
                await asyncio.sleep(0.002)
        return False

    async def _choose_a_moment(self) -> None:
        """Somewhere between two refreshes, or within milliseconds of one."""
        if self._chance.random() < 0.2:
            await asyncio.sleep(self._chance.uniform(0, LIFETIME_S / 2))
            return
        seen = self._cloud.count("POST", TOKEN_ROUTE)
        while True:
            if self._cloud.count("POST", TOKEN_ROUTE) != seen:
                break
            await asyncio.sleep(0.0005)
        await asyncio.sleep(self._chance.expovariate(1 / 0.005))

    async def _kill(self, process: Process, *, counted: bool = True) -> None:
        process.kill()
        await asyncio.to_thread(process.join)
        # What was sent before the kill still takes effect at Ring.
        await asyncio.sleep(0.05)
        if not counted:
            return
        newest = next(reversed(self._cloud.grants._refresh)).encode()  # noqa: SLF001
        journal, entries = (path.read_bytes() if path.exists() else b"" for path in self._paths)
        self._unsaved = newest not in journal and newest not in entries
        # A life too short to find out that the pair is lost must not count it again.
        self.tally.unsaved += self._unsaved and newest != self._newest
        self._newest = newest
        self.tally.journal_newer += newest in journal and newest not in entries
        self.tally.refreshes += self._cloud.count("POST", TOKEN_ROUTE, 200)
        self.tally.kills += 1

    @property
    def _paths(self) -> tuple[Path, Path]:
        return self._home.journal, self._home.entries

    def _count_lost(self) -> None:
        if self._unsaved:
            self.tally.lost_unsaved += 1
        else:
            self.tally.lost_saved += 1


async def measure(kills: int, rotation: str, start: type[Slim | Full], seed: int) -> Tally:
    """Kill so many times with one kind of rotation."""
    folder = scratch("crash")
    async with RingCloud() as cloud:
        cloud.grants.rotation = rotation
        home = Home(folder, cloud, cloud.add_account(devices=1))
        cloud.grants.set_lifetime(home.account, home.app, LIFETIME_S)
        tally = await Bench(home, start, random.Random(seed)).run(kills)
    shutil.rmtree(folder)
    return tally


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print a table; exit 1 if a link was lost that could have been kept."""
    parser = argparse.ArgumentParser(prog="python -m bench.crash", description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--rotation", choices=("strict", "grace"), default="strict")
    parser.add_argument("--full", action="store_true", help="the whole of Home Assistant instead of its core")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING)
    began = time.monotonic()
    tally = asyncio.run(measure(given.kills, given.rotation, Full if given.full else Slim, given.seed))
    kind = "Home Assistant" if given.full else "core and integration"
    print(f"{kind}, {given.rotation} rotation, seed {given.seed}, {time.monotonic() - began:.0f} s")
    for text, count in (
        ("kills (SIGKILL)", tally.kills),
        ("refreshes in those lives", tally.refreshes),
        ("killed with the newest pair in the journal only", tally.journal_newer),
        ("killed between Ring's commit and our write", tally.unsaved),
        ("  links lost by that, to be had by nobody", tally.lost_unsaved),
        ("links lost otherwise", tally.lost_saved),
    ):
        print(f"  {text:<52}{count:>6}")
    if tally.lost_saved or (given.rotation == "grace" and tally.lost_unsaved):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
