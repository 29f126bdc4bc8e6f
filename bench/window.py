"""How long a new pair of tokens exists in memory only: from Ring's answer, read to its end, until it is on disk.

Killing the process in that time loses the pair; cutting the power loses it until the disk has confirmed. Beside it, the
same record through Home Assistant's Store.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
import logging
import os
import shutil
from statistics import quantiles
import time
from unittest.mock import patch

from custom_components.ring_partner.api import OAuthClient, Token
from custom_components.ring_partner.models import RingRuntimeData
from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from ring_cloud import RingCloud

from . import slim
from .home import ENTRY_ID, Home, scratch


@dataclass(slots=True)
class Moments:
    """When something happened, in seconds, once for each refresh."""

    answered: list[float] = field(default_factory=list)
    written: list[float] = field(default_factory=list)
    """In the kernel's hands: a kill does no more harm."""
    durable: list[float] = field(default_factory=list)

    def spans(self) -> tuple[list[float], list[float]]:
        """Return the milliseconds from the answer until a kill, and until a power cut, is harmless."""
        pairs = zip(self.answered, self.written, self.durable, strict=True)
        rows = [(1000 * (written - answered), 1000 * (durable - answered)) for answered, written, durable in pairs]
        return [row[0] for row in rows], [row[1] for row in rows]


async def journal(hass: HomeAssistant, count: int) -> Moments:
    """Refresh so many times."""
    moments = Moments()
    refresh, fdatasync = OAuthClient.refresh, os.fdatasync

    async def timed_refresh(client: OAuthClient, refresh_token: str) -> Token:
        token = await refresh(client, refresh_token)
        moments.answered.append(time.perf_counter())
        return token

    def timed_fdatasync(descriptor: int) -> None:
        began = time.perf_counter()
        fdatasync(descriptor)
        # The first write of a refresh proves that there is room, before Ring is asked.
        if len(moments.answered) > len(moments.durable):
            moments.written.append(began)
            moments.durable.append(time.perf_counter())

    data = hass.config_entries.async_get_known_entry(ENTRY_ID).runtime_data
    if not isinstance(data, RingRuntimeData):
        raise TypeError("the account is not loaded")
    with patch.object(OAuthClient, "refresh", timed_refresh), patch("os.fdatasync", timed_fdatasync):
        for _ in range(count):
            await data.session.async_renew(await data.session.async_get_access_token())
    return moments


async def store(hass: HomeAssistant, count: int) -> Moments:
    """Save a record of the same size so many times, as safely as the Store can."""
    moments = Moments()
    rename = os.rename

    def timed_rename(source: str, target: str) -> None:
        rename(source, target)
        if target == saved.path:
            moments.written.append(time.perf_counter())

    saved: Store[dict[str, str]] = Store(hass, 1, "bench", private=True, atomic_writes=True)
    with patch("os.rename", timed_rename):
        for _ in range(count):
            moments.answered.append(time.perf_counter())
            await saved.async_save({"token": "x" * 400})
            moments.durable.append(time.perf_counter())
    return moments


async def measure(count: int) -> dict[str, Moments]:
    """Measure both on the same disk."""
    measured: dict[str, Moments] = {}
    ways: dict[str, Callable[[HomeAssistant, int], Awaitable[Moments]]] = {"journal": journal, "Store": store}
    folder = scratch("window")
    async with RingCloud() as cloud:
        cloud.limits.per_second = 1_000_000
        Home(folder, cloud, cloud.add_account(devices=1)).link(polling=False)
        hass = await slim.async_home_assistant(folder, cloud.url)
        await hass.async_block_till_done(wait_background_tasks=True)
        for name, way in ways.items():
            measured[name] = await way(hass, count)
        await hass.async_stop(force=True)
    shutil.rmtree(folder)
    return measured


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.window", description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=500)
    count = parser.parse_args(arguments).count
    logging.disable(logging.WARNING)
    print(f"milliseconds from the answer until the pair survives, {count} times")
    print(f"{'':<12}{'a kill':>24}{'a power cut':>30}")
    print(f"{'':<12}" + f"{'p50':>10}{'p99':>10}{'max':>10}" * 2)
    for name, moments in asyncio.run(measure(count)).items():
        cells = [(*(quantiles(span, n=100)[index] for index in (49, 98)), max(span)) for span in moments.spans()]
        print(f"{name:<12}" + "".join(f"{value:>10.2f}" for cell in cells for value in cell))


if __name__ == "__main__":
    main()
