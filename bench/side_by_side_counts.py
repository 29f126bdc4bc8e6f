"""What can be counted: hours that pass in an instant, beside core `ring`."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from freezegun import freeze_time

from .rig import START, Clockwork
from .side_by_side_homes import TOKEN_LIVES_S, House, OurHouse, core_house, our_house

MINUTE_S = 60
HOUR_S = 3600
# The first round of histories, and what follows a push.
SETTLED_S = 5 * MINUTE_S
POLLS = 5
_A_MOMENT_S = 0.01

type Start = Callable[[Clockwork], AbstractAsyncContextManager[House]]


@dataclass(frozen=True, slots=True)
class Idle:
    """What a house costs in which nothing happens."""

    cameras: int
    entities: int
    before_first_entity: int
    requests_an_hour: float
    writes_of_a_poll: float


async def idle(house: House) -> Idle:
    """Wait until all has settled, then count for an hour."""
    before = house.before_first_entity
    await house.pass_time(SETTLED_S)
    writes = await _writes(house)
    # An hour that does not begin with a poll ends with none, too.
    await house.pass_time(MINUTE_S / 2)
    asked = len(house.moments())
    await house.pass_time(HOUR_S)
    return Idle(
        cameras=house.cameras if isinstance(house, OurHouse) else 0,
        entities=len(house.entities()),
        before_first_entity=before,
        requests_an_hour=len(house.moments()) - asked,
        writes_of_a_poll=writes,
    )


async def _writes(house: House) -> float:
    """Return how many states a poll writes, changed or not."""
    writes = 0
    for _ in range(POLLS):
        # Home Assistant itself writes cameras every five minutes: only what the poll does is counted.
        await house.pass_time(MINUTE_S)
        before = house.written()
        house.tick(_A_MOMENT_S)
        await house.poll()
        await house.settle()
        writes += sum(before.get(entity) != written for entity, written in house.written().items())
    return writes / POLLS


async def refreshes(house: House) -> int:
    """Make a hundred calls at once with an expired token; return how often it was refreshed."""
    before = house.refreshes()
    house.tick(TOKEN_LIVES_S + 1)
    await house.call_in_parallel()
    return house.refreshes() - before


@dataclass(frozen=True, slots=True)
class Damage:
    """What one failing device does."""

    entities: int
    lost: int
    lost_elsewhere: int


async def collateral(house: House) -> Damage:
    """Let everything about one device fail; return what is unavailable then."""
    await house.pass_time(2 * MINUTE_S)
    before = house.available()
    failing = house.fail_one_device()
    await house.pass_time(3 * MINUTE_S)
    lost = before - house.available()
    return Damage(len(before), len(lost), sum(house.device_of(entity) != failing for entity in lost))


async def after_retry_after(house: House) -> float:
    """Return how many seconds after a 429 the next request comes."""
    await house.pass_time(2 * MINUTE_S)
    house.limit_next_request()
    asked = len(house.moments())
    await house.until(lambda: len(house.moments()) > asked + 1, 20 * MINUTE_S)
    refused, following = house.moments()[asked : asked + 2]
    return following - refused


async def rings(house: House) -> int:
    """Let somebody ring and then move; return how often Home Assistant says that somebody rang."""
    await house.pass_time(MINUTE_S)
    doorbell = house.doorbell_entity
    before = house.heard.count(doorbell)
    for what in ("ding", "motion"):
        house.happen(what)
        await house.pass_time(30)
    return house.heard.count(doorbell) - before


def core(devices: int) -> Start:
    """Return how to start core `ring`."""
    return lambda clock: core_house(devices, clock)


def ours(devices: int, *, pushed: bool = False) -> Start:
    """Return how to start this integration."""
    return lambda clock: our_house(devices, clock, pushed=pushed)


def run[Seen](start: Start, look: Callable[[House], Awaitable[Seen]]) -> Seen:
    """Start a house in a frozen time, and look at it."""

    async def visit(clock: Clockwork) -> Seen:
        async with start(clock) as house:
            return await look(house)

    with freeze_time(START) as clock:
        return asyncio.run(visit(clock))
