"""What an outage costs: of the webhooks for an hour and a day, and with a restart of Home Assistant in it.

Ring cannot reach Home Assistant; its history can still be read. Ring repeats each webhook for 73 minutes, as it does.
"""

import argparse
import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
import logging
from statistics import median
import time

from freezegun import freeze_time

from custom_components.ring_partner.const import DOMAIN
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event as Changed, EventStateChangedData, callback
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from ring_cloud import Event

from .home import free_port
from .rig import START, Clockwork, Rig, running

MINUTE_S = 60
HOUR_S = 3600
STEP_S = 5
# The last repetition of the last webhook, and a little more.
AFTERWARDS_S = 75 * MINUTE_S
STALE_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """What happens."""

    name: str
    seconds: int
    event_every: int
    times: int = 1
    """How often it happens, each time at another moment of the hour in which all histories are read once."""
    restart_at: int | None = None
    """When Home Assistant stops, in seconds of the outage."""
    restart_takes: int = 0


OUTAGES = (
    Outage(name="an hour", seconds=HOUR_S, event_every=5 * MINUTE_S, times=12),
    Outage(name="a day", seconds=24 * HOUR_S, event_every=30 * MINUTE_S, times=3),
    Outage(
        name="an hour, and a restart in it",
        seconds=HOUR_S,
        event_every=5 * MINUTE_S,
        times=6,
        restart_at=18 * MINUTE_S,
        restart_takes=8 * MINUTE_S,
    ),
    Outage(
        name="a restart as the outage",
        seconds=4 * MINUTE_S,
        event_every=MINUTE_S,
        restart_at=0,
        restart_takes=4 * MINUTE_S,
    ),
)


@dataclass(slots=True)
class Seen:
    """What the user saw; times in seconds."""

    events: dict[datetime, int] = field(default_factory=dict)
    """What happened in the outage, and how often it was announced."""
    delays: list[float] = field(default_factory=list)
    """From happening until it was announced."""
    strange: int = 0
    """Announcements of what did not happen in the outage."""
    noticed_after: float | None = None
    """From the first event that did not arrive until polling took over."""
    events_before_noticed: int = 0
    pushed_again_after: float | None = None
    """From the end of the outage until pushes were relied on again; zero if they were all the time."""
    issues: set[str] = field(default_factory=set)
    """Repairs that were shown at some time."""
    issues_at_end: set[str] = field(default_factory=set)
    last_ring_is_right: bool = False

    @property
    def missed(self) -> int:
        """Events that were never announced."""
        return sum(count == 0 for count in self.events.values())

    @property
    def twice(self) -> int:
        """Events that were announced more than once."""
        return sum(count > 1 for count in self.events.values())

    @property
    def stale(self) -> int:
        """Announcements of what was no news any more."""
        return sum(delay > STALE_S for delay in self.delays)


class Watch:
    """Lets an outage happen, and looks on as a user does."""

    def __init__(self, rig: Rig, outage: Outage) -> None:
        """Begin with an account to which Ring pushes."""
        self._rig = rig
        self._outage = outage
        self.seen = Seen()
        self._firings: set[tuple[str, str]] = set()
        self._passed = 0
        self._last_ring: datetime | None = None

    async def run(self) -> Seen:
        """Live through the outage, and what comes after it."""
        rig, outage, seen = self._rig, self._outage, self.seen
        portal = rig.home.app.client_id
        rig.cloud.add_app(portal, webhook_url=f"http://127.0.0.1:{free_port()}/nobody")
        is_up, fell_back = True, False
        while self._passed < outage.seconds:
            if self._passed == outage.restart_at:
                await rig.stop()
                is_up = False
            if not is_up and self._passed >= (outage.restart_at or 0) + outage.restart_takes:
                await rig.start()
                is_up = True
            self._happen()
            await self._step(is_up=is_up)
            if is_up and not fell_back and self._mode() != "pushed":
                fell_back = True
                self._notice()
        rig.cloud.add_app(portal, webhook_url=rig.home.webhook_url)
        if not is_up:
            await rig.start()
        self._passed = 0
        while self._passed < AFTERWARDS_S:
            await self._step(is_up=True)
            if seen.pushed_again_after is None and self._mode() == "pushed":
                seen.pushed_again_after = self._passed if fell_back else 0
        seen.issues_at_end = self._issues()
        seen.last_ring_is_right = self._shown(
            "last_ring", f"{rig.home.account.id}~{rig.device('doorbell').id}"
        ) == _shown(self._last_ring)
        return seen

    async def _step(self, *, is_up: bool) -> None:
        if is_up:
            await self._rig.pass_time(STEP_S)
            self.seen.issues |= self._issues()
        else:
            await self._rig.pass_time_alone(STEP_S)
        self._passed += STEP_S

    def _happen(self) -> None:
        """Every so often somebody rings, and a little later something moves elsewhere."""
        moment = self._passed % self._outage.event_every
        if moment == self._outage.event_every // 2:
            self._last_ring = _moment(self._rig.cloud.happen(self._rig.device("doorbell"), "button_press"))
            self.seen.events[self._last_ring] = 0
        elif moment == self._outage.event_every // 2 + STEP_S:
            motion = self._rig.cloud.happen(self._rig.device("camera"), "motion_detected", sub_type="human")
            self.seen.events[_moment(motion)] = 0

    def _notice(self) -> None:
        first = min(self.seen.events)
        self.seen.noticed_after = time.time() - first.timestamp()
        self.seen.events_before_noticed = len(self.seen.events)

    @callback
    def heard(self, changed: Changed[EventStateChangedData]) -> None:
        """Note what an event entity announces; showing the last one again, as after a restart, is none."""
        state = changed.data["new_state"]
        if state is None or state.domain != "event" or state.state in (STATE_UNAVAILABLE, STATE_UNKNOWN):
            return
        if (state.entity_id, state.state) in self._firings:
            return
        self._firings.add((state.entity_id, state.state))
        at = datetime.fromisoformat(state.attributes["event_time"])
        if at in self.seen.events:
            self.seen.events[at] += 1
            self.seen.delays.append(time.time() - at.timestamp())
        else:
            self.seen.strange += 1

    def _mode(self) -> str:
        return self._shown("delivery", self._rig.home.account.id)

    def _shown(self, key: str, identifier: str) -> str:
        hass = self._rig.hass
        entity_id = er.async_get(hass).async_get_entity_id("sensor", DOMAIN, f"{identifier}_{key}")
        state = None if entity_id is None else hass.states.get(entity_id)
        return STATE_UNKNOWN if state is None else state.state

    def _issues(self) -> set[str]:
        found = ir.async_get(self._rig.hass).issues
        return {str(issue.translation_key) for issue in found.values() if issue.domain == DOMAIN and issue.active}


def _moment(event: Event) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=event.timestamp_ms)


def _shown(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(timespec="seconds")


async def live_through(outage: Outage, clock: Clockwork, after: float = 10 * MINUTE_S) -> Seen:
    """Let one outage happen, some time after pushes were proven."""
    async with running(6, clock, can_be_pushed=True) as rig:
        watch = Watch(rig, outage)
        rig.listener = watch.heard
        await rig.prove_pushes()
        watch.seen.strange = 0
        for _ in range(0, round(after), STEP_S):
            await rig.pass_time(STEP_S)
        return await watch.run()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print what was seen."""
    parser = argparse.ArgumentParser(prog="python -m bench.outages", description=__doc__.partition("\n")[0])
    parser.parse_args(arguments)
    logging.disable(logging.WARNING)
    for outage in OUTAGES:
        seen: list[Seen] = []
        for number in range(outage.times):
            with freeze_time(START) as clock:
                seen.append(asyncio.run(live_through(outage, clock, 10 * MINUTE_S + number * HOUR_S / outage.times)))
        show(outage, seen)


def show(outage: Outage, seen: Sequence[Seen]) -> None:
    """Print what was seen of one kind of outage."""
    print(f"\n{outage.name}, {outage.times} times, {len(seen[0].events)} events in each")
    _row("noticed after, in minutes", [one.noticed_after and one.noticed_after / MINUTE_S for one in seen])
    _row("events never announced", [one.missed for one in seen])
    _row("announced late, at most, in seconds", [max(one.delays, default=None) for one in seen])
    _row("announced twice, stale, or invented", [one.twice + one.stale + one.strange for one in seen])
    _row(
        "pushed again, in minutes after its end",
        [one.pushed_again_after and one.pushed_again_after / MINUTE_S for one in seen],
    )
    print(f"  repairs in it: {_names(one.issues for one in seen)}, ", end="")
    print(f"after it: {_names(one.issues_at_end for one in seen)}; ", end="")
    print(f'"last ring" right in the end: {sum(one.last_ring_is_right for one in seen)} of {len(seen)}', flush=True)


def _names(shown: Iterable[set[str]]) -> str:
    return ", ".join(sorted(set().union(*shown))) or "none"


def _row(label: str, values: Sequence[float | None]) -> None:
    known = sorted(value for value in values if value is not None)
    text = f"{known[0]:.1f} to {known[-1]:.1f}, median {median(known):.1f}" if known else "-"
    print(f"  {label:<40}{text}" + (f" ({len(values) - len(known)} times not)" if len(known) < len(values) else ""))


if __name__ == "__main__":
    main()
