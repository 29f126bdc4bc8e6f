"""A clip of 15 minutes, watched while Ring is still sending it: how soon, how often, and at what cost.

Home Assistant runs in a process of its own; the viewers, and the local Ring cloud, in this one.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import logging
import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path
import shutil
import time
from typing import override

import aiohttp

from custom_components.ring_partner.identifiers import CameraId, ClipId
from homeassistant.components.http.auth import async_sign_path
from ring_cloud import RingCloud
from ring_cloud.media_files import Files, Stored
from ring_cloud.media_time import read_times

from . import slim
from .home import ENTRY_ID, Home, scratch

LENGTH = timedelta(minutes=15)
# About a megabit a second, as cameras record; the local Ring cloud draws much less.
SIZE = 120_000_000
# Bytes a second.
RATE = 15_000_000
VIEWERS = 10
STALLED = 40
DOWNLOAD = "/v1/devices/*/media/video/download"


@dataclass(frozen=True, slots=True, kw_only=True)
class Playing:
    """How soon a clip plays."""

    first: float
    """Seconds until its first byte is here."""
    last: float
    kept: float
    """Seconds until the first byte of one that Home Assistant has kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is in memory for each of many viewers, in bytes."""

    kept: float
    """Of a clip that Home Assistant has kept."""
    arriving: float


class LargeFiles(Files):
    """Files as large as those of a camera: what players skip is added at their end."""

    @override
    async def read(self, stored: Stored) -> bytes:
        data = await super().read(stored)
        added = max(SIZE - len(data), 8)
        return data + added.to_bytes(4) + b"free" + bytes(added - 8)


class Bench:
    """One recording, at Ring, and a Home Assistant to watch it in."""

    def __init__(
        self, home: Home, clip: ClipId, process: multiprocessing.process.BaseProcess, pipe: Connection
    ) -> None:
        self.home = home
        self.clip = clip
        self.cloud = home.cloud
        self._process = process
        self._pipe = pipe
        self._session = aiohttp.ClientSession(auto_decompress=False)
        self.url = ""
        self.whole = b""

    async def tell(self, command: str) -> str:
        """Let Home Assistant's process do something."""
        self._pipe.send(command)
        return str(await asyncio.to_thread(self._pipe.recv))

    async def begin(self, bytes_per_second: int) -> None:
        """Forget the clip, and let Ring send as fast as this from now on (0: as it can)."""
        await self.tell("forget")
        self.cloud.requests.clear()
        self.cloud.switches.media_bytes_per_second = bytes_per_second

    @asynccontextmanager
    async def get(self, first: int | None = None, buffer: int = 65_536) -> AsyncIterator[aiohttp.ClientResponse]:
        """Watch, from a byte on."""
        headers = {} if first is None else {"Range": f"bytes={first}-"}
        async with self._session.get(self.url, headers=headers, read_bufsize=buffer) as answer:
            answer.raise_for_status()
            yield answer

    async def prepare(self) -> None:
        """Let the local Ring cloud draw the recording, which takes a while and is not what is measured."""
        self.url = self.home.webhook_url.partition("/api/")[0] + await self.tell(
            f"sign /api/ring_partner/clip/{ENTRY_ID}/{self.clip}"
        )
        async with self.get() as answer:
            self.whole = await answer.read()

    def describe(self) -> None:
        """Print what is watched."""
        times = read_times(self.whole)
        asked = round(self.clip.at.timestamp() * 1000)
        print(f"the clip: {len(self.whole) / 1e6:.1f} MB, {len(times)} pictures")
        print(
            f"first burnt-in time less the asked one: {times[0] - asked} ms; last: {(times[-1] - asked) / 1000:.0f} s"
        )

    def memory(self) -> int:
        """Return how many bytes Home Assistant has in memory."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024

    async def close(self) -> None:
        """End the viewers, and Home Assistant."""
        await self._session.close()
        self._process.kill()
        self._process.join()


async def first_byte(bench: Bench, rate: int) -> Playing:
    """Measure how soon it begins to play."""
    await bench.begin(rate)
    began = time.perf_counter()
    async with bench.get() as answer:
        body = await answer.content.read(1)
        first = time.perf_counter() - began
        await _check(answer, bench.whole, body)
    last = time.perf_counter() - began
    began = time.perf_counter()
    async with bench.get() as answer:
        await answer.content.read(1)
        return Playing(first=first, last=last, kept=time.perf_counter() - began)


async def seek(bench: Bench, rate: int) -> None:
    """Jump to the middle while most is still to come."""
    await bench.begin(rate)
    middle = len(bench.whole) // 2
    began = time.perf_counter()
    async with bench.get(0) as playing:
        await playing.content.readexactly(len(bench.whole) // 10)
        asked = time.perf_counter()
        async with bench.get(middle) as answer:
            status = time.perf_counter() - asked
            body = await answer.content.read(1)
            first = time.perf_counter() - asked
            await _check(answer, bench.whole[middle:], body)
        whole = time.perf_counter() - began
    print(
        f"middle sought with a tenth received: {answer.status} after {status * 1000:.0f} ms, first byte after "
        f"{first:.1f} s, {asked - began + first:.1f} s after the beginning of {whole:.1f} s"
    )
    print(f"requests at Ring: {bench.cloud.count('POST', DOWNLOAD)}")


async def many(bench: Bench, rate: int) -> None:
    """Let ten watch at once, from different places."""
    await bench.begin(rate)

    async def watch(first: int) -> float:
        began = time.perf_counter()
        async with bench.get(first) as answer:
            await _check(answer, bench.whole[first:])
        return time.perf_counter() - began

    places = [number * len(bench.whole) // VIEWERS // 2 for number in range(VIEWERS)]
    taken = await asyncio.gather(*map(watch, places))
    requests = bench.cloud.count("POST", DOWNLOAD)
    print(f"{VIEWERS} viewers at once: all done after {max(taken):.1f} s; requests at Ring: {requests}")


async def memory(bench: Bench) -> Held:
    """Let viewers begin and then read nothing more: all that is held for them is then in memory.

    The first stay while the second come, lest these take what those have left.
    """
    each = []
    async with AsyncExitStack() as stack:
        for kept in (True, False):
            await bench.begin(0 if kept else len(bench.whole) // 60)
            playing = await stack.enter_async_context(bench.get())
            if kept:
                await _check(playing, bench.whole)
            before = bench.memory()
            for _ in range(STALLED):
                viewer = await stack.enter_async_context(bench.get(buffer=1024))
                await viewer.content.read(1)
            await asyncio.sleep(1)
            each.append((bench.memory() - before) / STALLED)
    return Held(kept=each[0], arriving=each[1])


async def cut(bench: Bench, rate: int) -> None:
    """Break the connection to Ring half-way."""
    await bench.begin(rate)
    bench.cloud.media.transfers.cut_after(len(bench.whole) // 2)
    began = time.perf_counter()
    async with bench.get() as answer:
        await _check(answer, bench.whole)
    taken = time.perf_counter() - began
    print(
        f"connection cut half-way: whole after {taken:.1f} s; requests at Ring: {bench.cloud.count('POST', DOWNLOAD)}"
    )


async def _check(answer: aiohttp.ClientResponse, expected: bytes, begin: bytes = b"") -> None:
    """Read an answer to its end, and insist on every byte."""
    at = len(begin)
    async for chunk in answer.content.iter_any():
        if chunk != expected[at : at + len(chunk)]:
            raise ValueError("these are other bytes")
        at += len(chunk)
    if at != len(expected) or begin != expected[: len(begin)]:
        raise ValueError(f"{at} bytes are not the {len(expected)} expected")


async def _serve(folder: Path, cloud_url: str, clip: ClipId, pipe: Connection) -> None:
    """Be Home Assistant, and do what it is told."""
    hass = await slim.async_home_assistant(folder, cloud_url)
    await hass.async_start()
    commands: asyncio.Queue[str] = asyncio.Queue()
    hass.loop.add_reader(pipe.fileno(), lambda: commands.put_nowait(pipe.recv()))
    entry = hass.config_entries.async_get_known_entry(ENTRY_ID)
    while True:
        command, _, text = (await commands.get()).partition(" ")
        if command == "sign":
            pipe.send(async_sign_path(hass, text, timedelta(hours=1)))
        else:
            await entry.runtime_data.clips.cache.async_delete(f"clip {clip}")
            pipe.send("done")


def _run(folder: Path, cloud_url: str, clip: ClipId, pipe: Connection) -> None:
    asyncio.run(_serve(folder, cloud_url, clip, pipe))


@asynccontextmanager
async def running() -> AsyncIterator[Bench]:
    """Start a Home Assistant with one doorbell, in front of which something lasted a quarter of an hour."""
    folder = scratch("clips")
    async with RingCloud() as cloud:
        cloud.media.files = LargeFiles()
        home = Home(folder, cloud, cloud.add_account("Jane", "Doe", "jane.doe@example.com", ["doorbell"]))
        home.link()
        cloud.backdate_consent(home.account, home.app, 86_400)
        bell = home.account.devices[0]
        at = datetime.fromtimestamp(int(time.time()) - 7200, UTC)
        cloud.remember(bell, "button_press", at=at.timestamp(), duration=LENGTH.total_seconds())
        clip = ClipId(CameraId(bell.id), at, LENGTH)
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(
            target=_run, args=(folder, cloud.url, clip, theirs), daemon=True
        )
        process.start()
        bench = Bench(home, clip, process, ours)
        try:
            yield bench
        finally:
            await bench.close()
    shutil.rmtree(folder)


async def measure(rate: int) -> None:
    """Run everything once."""
    async with running() as bench:
        await bench.prepare()
        bench.describe()
        print(f"Ring sends {rate / 1e6:.1f} MB/s")
        playing = await first_byte(bench, rate)
        print(f"first byte after {playing.first * 1000:.0f} ms, last after {playing.last:.1f} s")
        print(f"once it is kept: first byte after {playing.kept * 1000:.0f} ms")
        await seek(bench, rate)
        await many(bench, rate)
        await cut(bench, rate)
        held = await memory(bench)
        for what, each in (("kept", held.kept), ("arriving", held.arriving)):
            print(f"memory for each of {STALLED} stalled viewers of a clip that is {what}: {each / 1024:.0f} KiB")


async def watch() -> tuple[Playing, Held]:
    """Measure what `scripts/bench` shows."""
    async with running() as bench:
        await bench.prepare()
        return await first_byte(bench, RATE), await memory(bench)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.clips", description=__doc__.partition("\n")[0])
    parser.add_argument("--rate", type=float, default=RATE / 1_000_000, help="megabytes a second that Ring sends")
    options = parser.parse_args(arguments)
    # A viewer that leaves is an error to the local Ring cloud's server.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    asyncio.run(measure(int(options.rate * 1_000_000)))


if __name__ == "__main__":
    main()
