"""How much the integration asks of Ring and of Home Assistant's state machine, hour by simulated hour."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
import logging
import shutil
import time

from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory, StepTickTimeFactory, TickingDateTimeFactory

from custom_components.ring_partner.const import DOMAIN
from custom_components.ring_partner.models import RingRuntimeData
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from ring_cloud import Clock, RingCloud

from . import slim
from .home import ENTRY_ID, Home, scratch

type Clockwork = FrozenDateTimeFactory | StepTickTimeFactory | TickingDateTimeFactory

DEVICES = (1, 6, 20, 100)
CALLS = 100
HOUR_S = 3600
STEP_S = 5
TOKEN_ROUTE = "/oauth/token"
# Home Assistant polls up to half a second after the full second: so late in it, no step is wasted on that.
START = "2026-11-23 12:00:00.990"


@dataclass(slots=True, kw_only=True)
class Row:
    """What so many devices cost."""

    devices: int
    entities: int
    before_first_entity: int
    to_settle: int
    requests_an_hour: float
    refreshes_an_hour: float
    writes_of_an_unchanged_poll: float


class Rig:
    """A Home Assistant core with a linked account, whose time is ours."""

    def __init__(self, hass: HomeAssistant, home: Home, before_first_entity: int, clock: Clockwork) -> None:
        self.hass = hass
        self.home = home
        self.cloud = home.cloud
        self.before_first_entity = before_first_entity
        self._clock = clock

    @property
    def data(self) -> RingRuntimeData:
        """The parts of the loaded account."""
        entry = self.hass.config_entries.async_get_known_entry(ENTRY_ID)
        data = entry.runtime_data
        if not isinstance(data, RingRuntimeData):
            raise TypeError("the account is not loaded")
        return data

    def entities(self) -> list[str]:
        """Return the ids of the account's enabled entities."""
        found = er.async_entries_for_config_entry(er.async_get(self.hass), ENTRY_ID)
        return [entry.entity_id for entry in found if entry.disabled_by is None]

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, and what is due by then happen."""
        self._clock.tick(seconds)
        await asyncio.sleep(0)
        await self.hass.async_block_till_done(wait_background_tasks=True)

    def writes(self) -> dict[str, datetime]:
        """Return when each state was last written, changed or not."""
        return {state.entity_id: state.last_reported for state in self.hass.states.async_all()}


@asynccontextmanager
async def running(devices: int, clock: Clockwork) -> AsyncIterator[Rig]:
    """Start with so many devices, and wait until nothing more happens by itself."""
    folder = scratch("requests")
    async with RingCloud(clock=Clock(source=time.time)) as cloud:
        home = Home(folder, cloud, cloud.add_account(devices=devices))
        home.link()
        seen: list[int] = []

        @callback
        def count(event: Event[EventStateChangedData]) -> None:
            if event.data["old_state"] is None:
                seen.append(len(cloud.requests))

        hass = await slim.async_home_assistant(folder, cloud.url, count)
        await hass.async_block_till_done(wait_background_tasks=True)
        try:
            yield Rig(hass, home, seen[0], clock)
        finally:
            await hass.async_stop(force=True)
    shutil.rmtree(folder)


async def cost(devices: int, hours: int, clock: Clockwork) -> Row:
    """Start with so many devices, and be idle for so many hours."""
    async with running(devices, clock) as rig:
        to_settle = len(rig.cloud.requests)
        await rig.pass_time(60)
        polls, writes = 0, 0
        for _ in range(30):
            before, asked = rig.writes(), rig.cloud.count("GET", "/v1/devices")
            await rig.pass_time(60)
            polls += rig.cloud.count("GET", "/v1/devices") - asked
            writes += sum(before[entity] != written for entity, written in rig.writes().items())
        rig.cloud.requests.clear()
        for _ in range(0, hours * HOUR_S, STEP_S):
            await rig.pass_time(STEP_S)
        return Row(
            devices=devices,
            entities=len(rig.entities()),
            before_first_entity=rig.before_first_entity,
            to_settle=to_settle,
            requests_an_hour=len(rig.cloud.requests) / hours,
            refreshes_an_hour=rig.cloud.count("POST", TOKEN_ROUTE) / hours,
            writes_of_an_unchanged_poll=writes / polls,
        )


async def parallel(clock: Clockwork, *, rejected: bool) -> tuple[int, int]:
    """Make a hundred calls at once with an expired, or a rejected, token; return refreshes and successes."""
    async with running(6, clock) as rig:
        # A hundred calls and their repetitions are more than Ring allows in a second; that is another matter.
        rig.cloud.limits.per_second = 10 * CALLS
        if rejected:
            rig.cloud.grants.expire_access(rig.home.account, rig.home.app)
        else:
            clock.tick(4 * HOUR_S + 1)
        calls = (rig.data.client.async_get_devices() for _ in range(CALLS))
        results = await asyncio.gather(*calls, return_exceptions=True)
        return rig.cloud.count("POST", TOKEN_ROUTE), sum(isinstance(result, dict) for result in results)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.requests", description=__doc__)
    parser.add_argument("--hours", type=int, default=8, help="simulated, idle")
    hours = parser.parse_args(arguments).hours
    logging.disable(logging.WARNING)
    print(f"{DOMAIN}, no pushes, {hours} simulated idle hours")
    print("devices  entities  requests before   requests until   requests   refreshes   state writes of")
    print("                   first entity      all is read      an hour    an hour     an unchanged poll")
    for devices in DEVICES:
        with freeze_time(START) as clock:
            row = asyncio.run(cost(devices, hours, clock))
        print(
            f"{row.devices:>7}{row.entities:>10}{row.before_first_entity:>17}{row.to_settle:>17}"
            f"{row.requests_an_hour:>11.1f}{row.refreshes_an_hour:>12.2f}{row.writes_of_an_unchanged_poll:>20.2f}",
            flush=True,
        )
    for text, rejected in (("with an expired token", False), ("all rejected with 401", True)):
        with freeze_time(START) as clock:
            refreshes, succeeded = asyncio.run(parallel(clock, rejected=rejected))
        print(f"{CALLS} parallel calls {text}: {refreshes} refresh, {succeeded} succeed")


if __name__ == "__main__":
    main()
