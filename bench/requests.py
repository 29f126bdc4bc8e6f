"""How much the integration asks of Ring and of Home Assistant's state machine, hour by simulated hour."""

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
import logging

from freezegun import freeze_time

from custom_components.ring_partner.const import DOMAIN
from custom_components.ring_partner.kinds import is_camera
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

from .home import ENTRY_ID
from .rig import START, Clockwork, Rig, running

DEVICES = (1, 6, 20, 100)
CALLS = 100
MINUTE_S = 60
HOUR_S = 3600
# Thirty cameras take turns every two seconds.
STEP_S = 1
DEVICES_ROUTE = "/v1/devices"
TOKEN_ROUTE = "/oauth/token"


@dataclass(slots=True, kw_only=True)
class Row:
    """What so many devices cost."""

    devices: int
    cameras: int
    entities: int
    before_first_entity: int
    to_settle: int
    polls_an_hour: float
    histories_an_hour: float
    requests_an_hour: float
    refreshes_an_hour: float
    writes_of_an_unchanged_poll: float


async def cost(devices: int, hours: int, clock: Clockwork, *, pushed: bool) -> Row:
    """Start with so many devices, and be idle for so many hours."""
    async with running(devices, clock, can_be_pushed=pushed) as rig:
        to_settle = len(rig.cloud.requests)
        if pushed:
            await rig.prove_pushes()
        # The first round of histories catches up; after a push the devices are confirmed once.
        for _ in range(0, 5 * MINUTE_S, STEP_S):
            await rig.pass_time(STEP_S)
        writes, polls = await _writes(rig)
        rig.cloud.requests.clear()
        for _ in range(0, hours * HOUR_S, STEP_S):
            await rig.pass_time(STEP_S)
        cloud = rig.cloud
        return Row(
            devices=devices,
            cameras=len({device.id for device in rig.data.coordinator.data.devices.values() if is_camera(device)}),
            entities=len(entities(rig.hass)),
            before_first_entity=rig.before_first_entity or 0,
            to_settle=to_settle,
            polls_an_hour=cloud.count("GET", DEVICES_ROUTE) / hours,
            histories_an_hour=cloud.count("GET", "/v1/history/*") / hours,
            requests_an_hour=len(cloud.requests) / hours,
            refreshes_an_hour=cloud.count("POST", TOKEN_ROUTE) / hours,
            writes_of_an_unchanged_poll=writes / polls,
        )


async def _writes(rig: Rig) -> tuple[int, int]:
    """Return how many states were written, changed or not, by how many polls, within half an hour.

    A camera gets a new access token from Home Assistant every five minutes: that is no poll.
    """
    polls, writes = 0, 0
    for _ in range(0, HOUR_S // 2, STEP_S):
        before, asked = _written(rig.hass), rig.cloud.count("GET", DEVICES_ROUTE)
        await rig.pass_time(STEP_S)
        if new := rig.cloud.count("GET", DEVICES_ROUTE) - asked:
            polls += new
            writes += sum(before[entity] != written for entity, written in _written(rig.hass).items())
    return writes, polls


def _written(hass: HomeAssistant) -> dict[str, datetime]:
    return {state.entity_id: state.last_reported for state in hass.states.async_all()}


def entities(hass: HomeAssistant) -> list[str]:
    """Return the ids of the account's enabled entities."""
    found = er.async_entries_for_config_entry(er.async_get(hass), ENTRY_ID)
    return [entry.entity_id for entry in found if entry.disabled_by is None]


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


def show(row: Row) -> None:
    """Print a line of the table."""
    print(
        f"{row.devices:>7}{row.cameras:>9}{row.entities:>10}{row.before_first_entity:>17}{row.to_settle:>11}"
        f"{row.polls_an_hour:>9.2f}{row.histories_an_hour:>9.2f}{row.refreshes_an_hour:>11.2f}"
        f"{row.requests_an_hour:>8.2f}{row.writes_of_an_unchanged_poll:>11.2f}",
        flush=True,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.requests", description=__doc__)
    parser.add_argument("--hours", type=int, default=8, help="simulated, idle")
    hours = parser.parse_args(arguments).hours
    logging.disable(logging.WARNING)
    for pushed, text in ((True, "pushes proven"), (False, "no public URL")):
        print(f"\n{DOMAIN}, {text}, {hours} simulated idle hours")
        print("devices  cameras  entities   requests before  until all    an hour:                             writes")
        print("                              first entity     is read      polls  history  refreshes    all  of a poll")
        for devices in DEVICES:
            with freeze_time(START) as clock:
                show(asyncio.run(cost(devices, hours, clock, pushed=pushed)))
    for text, rejected in (("with an expired token", False), ("all rejected with 401", True)):
        with freeze_time(START) as clock:
            refreshes, succeeded = asyncio.run(parallel(clock, rejected=rejected))
        print(f"{CALLS} parallel calls {text}: {refreshes} refresh, {succeeded} succeed")


if __name__ == "__main__":
    main()
