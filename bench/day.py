"""A day with 500 events in the media browser: how long it takes to open, and what is asked of Ring for it.

Home Assistant runs in a process of its own; the local Ring cloud in this one.
"""

import argparse
import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
import logging
import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path
import shutil
from statistics import median
import time

from custom_components.ring_partner.const import DOMAIN
from homeassistant.components.media_source import async_browse_media
from homeassistant.setup import async_setup_component
from ring_cloud import RingCloud
from ring_cloud.model import Device

from . import slim
from .home import ENTRY_ID, Home, scratch

EVENTS = 500
HISTORY = "/v1/history/devices/*/events"


async def _serve(folder: Path, cloud_url: str, pipe: Connection) -> None:
    """Be Home Assistant, and open the folders that are named."""
    hass = await slim.async_home_assistant(folder, cloud_url)
    await async_setup_component(hass, "media_source", {})
    await hass.async_start()
    await hass.async_block_till_done(wait_background_tasks=True)
    pipe.send("started")
    names: asyncio.Queue[str] = asyncio.Queue()
    hass.loop.add_reader(pipe.fileno(), lambda: names.put_nowait(pipe.recv()))
    while True:
        name = await names.get()
        began = time.perf_counter()
        folder_in_browser = await async_browse_media(hass, f"media-source://{DOMAIN}/{name}")
        pipe.send((time.perf_counter() - began, len(folder_in_browser.children or ())))


def _run(folder: Path, cloud_url: str, pipe: Connection) -> None:
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(_serve(folder, cloud_url, pipe))


def _fill(cloud: RingCloud, door: Device, days: int) -> list[str]:
    """Let much have happened on each of some days; return their folders."""
    today = datetime.now(UTC).replace(hour=0, minute=30, second=0, microsecond=0)
    mornings = [today - timedelta(days=number) for number in range(1, days + 1)]
    for morning in mornings:
        for number in range(EVENTS):
            cloud.remember(door, "motion_detected", at=(morning + number * timedelta(minutes=2)).timestamp())
    return [f"{ENTRY_ID}/{door.id}/day/{morning:%Y-%m-%d}" for morning in mornings]


async def measure(days: int) -> None:
    """Open each day twice, and print."""
    folder = scratch("day")
    async with RingCloud() as cloud:
        home = Home(folder, cloud, cloud.add_account("Jane", "Doe", "jane.doe@example.com", ["doorbell"]))
        home.link()
        cloud.backdate_consent(home.account, home.app, (days + 2) * 86_400)
        places = _fill(cloud, home.account.devices[0], days)
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(
            target=_run, args=(folder, cloud.url, theirs), daemon=True
        )
        process.start()
        try:
            await asyncio.to_thread(ours.recv)
            for what in ("first", "again"):
                taken, requests = [], []
                for place in places:
                    # A person takes a moment, too, and Ring counts requests by the second.
                    await asyncio.sleep(2)
                    before = cloud.count("GET", HISTORY)
                    ours.send(place)
                    seconds, children = await asyncio.to_thread(ours.recv)
                    if children != EVENTS:
                        raise ValueError(f"{children} of {EVENTS} events are listed")
                    taken.append(seconds)
                    requests.append(cloud.count("GET", HISTORY) - before)
                print(
                    f"a day with {EVENTS} events, opened {what}: median {median(taken) * 1000:.0f} ms of {days} days, "
                    f"at most {max(taken) * 1000:.0f} ms; requests at Ring {min(requests)} to {max(requests)}"
                )
        finally:
            process.kill()
            process.join()
    shutil.rmtree(folder)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.day", description=__doc__.partition("\n")[0])
    parser.add_argument("--days", type=int, default=5)
    asyncio.run(measure(parser.parse_args(arguments).days))


if __name__ == "__main__":
    main()
