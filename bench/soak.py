"""Soak an account in a month of trouble, on simulated time, and count what must never happen.

    python -m bench.soak --days 30 --seed 1

Real: Home Assistant's core with this integration, its disk, its sockets, the local Ring cloud with strict rotation of
tokens every four hours. Simulated: time, which passes at once where nothing happens. Two runs with one seed bring the
same troubles at the same moments; only what threads do in milliseconds may come in another order.
"""

import argparse
import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import UTC, datetime
import logging
from pathlib import Path
import random
import shutil
import sys
import time
from typing import override
from unittest.mock import patch

from homeassistant.util import dt as dt_util
from ring_cloud import Clock, RingCloud
from ring_cloud.media_files import Files

from .home import Home, scratch
from .soak_clock import SimulatedLoop, simulated
from .soak_house import House, Usage
from .soak_report import Day, Outcome, document, show, show_day
from .soak_troubles import BELLS, DAY_S, HAPPENINGS, HOUR_S, TROUBLES, Ring, Trouble, Troubles

START = "2026-11-23 00:00:00"
DEVICES = (
    "doorbell",
    "doorbell",
    "plain_camera",
    "camera",
    "multi_camera",
    "chime",
    "contact",
    "flood_freeze",
    "smoke_co_listener",
)
# From then on until midnight all is well.
EVENING = 21 * HOUR_S
LAST_RING_BEFORE = 23 * HOUR_S
CHECK_AT = DAY_S - 300


class _Errors(logging.Handler):
    """Keeps what is logged as an error."""

    def __init__(self, kept: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._kept = kept

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Keep it, but for what a killed Home Assistant could not close."""
        if not record.getMessage().startswith("Unclosed"):
            trace = "" if record.exc_info is None else f": {record.exc_info[1]!r}"
            self._kept.append(f"{record.name}: {record.getMessage()}{trace}")


class Soak:
    """One run."""

    def __init__(self, house: House, seed: int) -> None:
        """Begin with a house that is up."""
        self._house = house
        self._loop = house.loop
        self._seed = seed
        self._troubles = Troubles(house)
        self._running: set[asyncio.Task[None]] = set()
        self.outcome = Outcome()

    async def day(self, number: int) -> Day:
        """Live through one day."""
        began, real = self._loop.time(), time.clock_gettime(time.CLOCK_MONOTONIC)
        plan = list(planned(self._seed, number))
        for at, trouble, dice in plan:
            await self._sleep_until(began + at)
            task = asyncio.create_task(_as_coroutine(trouble, self._troubles, dice))
            self._running.add(task)
            task.add_done_callback(self._ended)
        await self._sleep_until(began + CHECK_AT)
        seconds = time.clock_gettime(time.CLOCK_MONOTONIC) - real
        day = Day(
            number,
            Counter(trouble.__name__ for _, trouble, _ in plan if trouble in TROUBLES),
            self._house.usage(),
            self._house.issues(),
            seconds,
        )
        await self._check(day)
        await self._sleep_until(began + DAY_S)
        return day

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.outcome.log.append(f"a trouble failed: {error!r}")

    async def _sleep_until(self, at: float) -> None:
        await asyncio.sleep(max(at - self._loop.time(), 0))

    async def _check(self, day: Day) -> None:
        house, outcome, cloud = self._house, self.outcome, self._house.cloud
        outcome.days.append(day)
        outcome.troubles.update(day.troubles)
        outcome.live_open += len(cloud.live.open_sessions)
        outcome.refreshes += cloud.count("POST", "/oauth/token", 200)
        outcome.requests += len(cloud.requests)
        cloud.requests.clear()
        if house.is_listening:
            self._check_last_rings(day)
        else:
            outcome.not_loaded += 1
        if house.asks_to_link_again():
            outcome.relinks += 1
            await self._troubles.link_again()

    def _check_last_rings(self, day: Day) -> None:
        """Of each bell, the newest ring has to be the last."""
        for device in self._house.home.account.devices:
            times = [
                ring.event.timestamp_ms
                for ring in self._troubles.rings
                if ring.event.device is device and ring.event.type == "button_press"
            ]
            if not times or device.family.key not in BELLS or device.e2ee:
                continue
            self.outcome.last_ring_checked += 1
            truth = datetime.fromtimestamp(max(times) // 1000, UTC).isoformat()
            if (shown := self._house.shown("last_ring", f"{self._house.home.account.id}~{device.id}")) != truth:
                self.outcome.last_ring_wrong.append(f"day {day.number}, {device.name}: {shown} instead of {truth}")

    def finish(self) -> Outcome:
        """Add up what was announced."""
        outcome, troubles = self.outcome, self._troubles
        known = {ring.key: ring for ring in troubles.rings}
        fired = Counter(firing.key for firing in self._house.firings)
        outcome.happened = len(known)
        outcome.announced = fired.total()
        outcome.owed = sum(ring.is_owed for ring in known.values())
        outcome.missed = [_story(ring) for ring in known.values() if ring.is_owed and not fired[ring.key]]
        outcome.twice = [_story(ring) for ring in known.values() if fired[ring.key] > 1]
        outcome.invented = [key for key in fired if key not in known]
        outcome.not_owed = Counter(ring.why_not for ring in known.values() if not ring.is_owed)
        outcome.forged_taken = troubles.forged_taken
        outcome.gap_kills = troubles.gap_kills
        outcome.live_opened = self._house.cloud.live.opened
        outcome.troubles.update(troubles.counts)
        return outcome


async def _as_coroutine(trouble: Trouble, troubles: Troubles, dice: random.Random) -> None:
    await trouble(troubles, dice)


def _story(ring: Ring) -> str:
    at = datetime.fromtimestamp(ring.event.timestamp_ms / 1000, UTC)
    return f"{ring.event.type} at {ring.event.device and ring.event.device.name}, {at.isoformat(' ', 'milliseconds')}"


def planned(seed: int, day: int) -> Iterator[tuple[float, Trouble, random.Random]]:
    """Return what a day will bring, in order; the same for each run with this seed."""
    dice = random.Random(f"{seed}/{day}")
    plan: list[tuple[float, Trouble]] = []
    for happening, average in HAPPENINGS.items():
        plan.extend((dice.uniform(0, LAST_RING_BEFORE), happening) for _ in range(_times(dice, average)))
    for trouble, (average, hours) in TROUBLES.items():
        latest = EVENING - hours * HOUR_S
        plan.extend((dice.uniform(0, latest), trouble) for _ in range(_times(dice, average)))
    for number, (at, trouble) in enumerate(sorted(plan, key=lambda item: item[0])):
        yield at, trouble, random.Random(f"{seed}/{day}/{number}")


def _times(dice: random.Random, average: float) -> int:
    return int(average) + (dice.random() < average % 1)


async def soak(loop: SimulatedLoop, days: int, seed: int, *, is_told: bool = False) -> Outcome:
    """Live through so many days."""
    folder = scratch("soak")
    frozen = patch.object(dt_util, "utcnow", lambda: datetime.now(UTC))
    async with RingCloud(clock=Clock(source=lambda: loop.true_time)) as cloud:
        cloud.switches.whep_media = "none"
        # What the cloud keeps would look as if the house did.
        cloud.media.files = Files(kept_bytes=1_000_000)
        home = Home(folder, cloud, cloud.add_account(devices=DEVICES))
        home.link(can_be_pushed=True)
        house = House(home, loop)
        run = Soak(house, seed)
        errors = _Errors(run.outcome.log)
        logging.getLogger().addHandler(errors)
        with frozen:
            await house.start()
            cloud.add_app(home.app.client_id, webhook_url=home.webhook_url)
            for number in range(1, days + 1):
                day = await run.day(number)
                if is_told:
                    show_day(day)
            await house.stop()
        logging.getLogger().removeHandler(errors)
    shutil.rmtree(folder)
    return run.finish()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print; exit 1 if anything happened that must not."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, help="where to write the table as well")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.CRITICAL)
    logging.getLogger("homeassistant").setLevel(logging.ERROR)
    print("day" + "".join(f"{item.name:>12}" for item in fields(Usage)) + " seconds  troubles", flush=True)
    with simulated(START) as loop:
        outcome = loop.run_until_complete(soak(loop, given.days, given.seed, is_told=True))
    show(outcome)
    if given.output is not None:
        given.output.write_text(document(outcome, given.seed), encoding="utf-8")
    sys.exit(1 if any(outcome.failures.values()) else 0)


if __name__ == "__main__":
    main()
