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
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
import logging
import random
import shutil
from statistics import median
import sys
import time
from typing import override
from unittest.mock import patch

from homeassistant.util import dt as dt_util
from ring_cloud import Clock, RingCloud

from .home import Home, scratch
from .soak_clock import SimulatedLoop, simulated
from .soak_house import House, Usage
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


@dataclass(slots=True)
class Day:
    """What a day brought and left."""

    number: int
    troubles: Counter[str]
    usage: Usage
    issues: set[str]
    real_seconds: float


@dataclass(slots=True)
class Outcome:
    """What must not happen, counted, and how often it could have."""

    days: list[Day] = field(default_factory=list)
    troubles: Counter[str] = field(default_factory=Counter)
    relinks: int = 0
    gap_kills: int = 0
    refreshes: int = 0
    requests: int = 0
    happened: int = 0
    owed: int = 0
    announced: int = 0
    missed: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    not_owed: Counter[str] = field(default_factory=Counter)
    last_ring_checked: int = 0
    last_ring_wrong: list[str] = field(default_factory=list)
    forged_taken: int = 0
    live_open: int = 0
    live_opened: int = 0
    not_loaded: int = 0
    """Evenings at which the account was not loaded."""
    log: list[str] = field(default_factory=list)
    """What was logged as an error."""

    def grown(self, what: str) -> float:
        """Return by how much the last third of the days exceeds the second."""
        values = [float(getattr(day.usage, what)) for day in self.days]
        third = len(values) // 3
        return median(values[-third:]) - median(values[third:-third]) if third else 0.0

    @property
    def failures(self) -> dict[str, int]:
        """What must be nothing."""
        return {
            "asked to link again": self.relinks,
            "announced more than once": len(self.twice),
            "never announced, though pushed to a Home Assistant that was up": len(self.missed),
            "announced without having happened": len(self.invented),
            '"last ring" wrong at the end of a day': len(self.last_ring_wrong),
            "forged webhooks answered with success": self.forged_taken,
            "live views left open at Ring at the end of a day": self.live_open,
            "days that end without the account loaded": self.not_loaded,
            "errors in the log": len(self.log),
        }


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
            if (shown := self._house.shown("last_ring", device.id)) != truth:
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


def show_day(day: Day) -> None:
    """Print a line."""
    values = "".join(f"{getattr(day.usage, item.name):>12.0f}" for item in fields(Usage))
    troubles = ", ".join(f"{name} {count}" for name, count in day.troubles.items())
    print(f"{day.number:>3}{values}{day.real_seconds:>8.1f}  {troubles}; repairs: {', '.join(day.issues)}", flush=True)


def show(outcome: Outcome) -> None:
    """Print what must not happen, and how often it could have."""
    print(f"\n{len(outcome.days)} days:")
    for name, count in sorted(outcome.troubles.items()):
        print(f"{count:>8}  {name}")
    print(f"{outcome.requests:>8}  requests to Ring, {outcome.refreshes} of them for a new token")
    print(f"{outcome.happened:>8}  rings and motions, {outcome.announced} of them announced; {outcome.owed} had to be")
    for reason, count in outcome.not_owed.most_common():
        print(f"{count:>8}    had not to be: {reason}")
    print(f"{outcome.gap_kills:>8}  kills while the only valid token was on its way from Ring; linked again")
    print(f"{outcome.live_opened:>8}  live views at Ring")
    print(f'{outcome.last_ring_checked:>8}  looks at "last ring"')
    print("grown from the second third of the days to the last:")
    for item in fields(Usage):
        print(f"{outcome.grown(item.name):>+8.1f}  {item.name}")
    print("must not happen:")
    for name, count in outcome.failures.items():
        print(f"{count:>8}  {name}")
    for story in (*outcome.missed, *outcome.twice, *outcome.invented, *outcome.last_ring_wrong, *outcome.log):
        print(f"          {story}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print; exit 1 if anything happened that must not."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.CRITICAL)
    logging.getLogger("homeassistant").setLevel(logging.ERROR)
    print("day" + "".join(f"{item.name:>12}" for item in fields(Usage)) + " seconds  troubles", flush=True)
    with simulated(START) as loop:
        outcome = loop.run_until_complete(soak(loop, given.days, given.seed, is_told=True))
    show(outcome)
    sys.exit(1 if any(outcome.failures.values()) else 0)


if __name__ == "__main__":
    main()
