"""The integration beside core `ring`, in one run: prints a table and writes it to bench/results.md."""

import argparse
import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
import json
import logging
import os
import platform
import shutil
from statistics import median
import subprocess
import sys
import time

from . import clips, live, side_by_side_counts as counts, side_by_side_times as timing
from .home import ROOT, scratch
from .side_by_side_child import Side
from .side_by_side_notes import NOTES, reasons
from .table import Row, alone, at_most, compared, exceeds, markdown

RESULTS = ROOT / "bench" / "results.md"
DEVICES = (1, 6, 20, 100)
PUSHED_BASE, POLLED_BASE = 4, 60
MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to measure."""

    devices: Sequence[int]
    repeats: int
    imports: int
    webhook_seconds: float
    live_views: int


FULL = Effort(DEVICES, repeats=3, imports=7, webhook_seconds=8, live_views=1000)
QUICK = Effort((1, 6), repeats=1, imports=1, webhook_seconds=3, live_views=20)


class Progress:
    """Says what is being done, and when."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, text: str) -> None:
        """Say it."""
        print(f"[{time.monotonic() - self._began:3.0f}s] {text}", file=sys.stderr, flush=True)


def _count(many: int, what: str) -> str:
    return f"{many} {what}{'' if many == 1 else 's'}"


def idle_rows(devices: Sequence[int], say: Callable[[str], None]) -> Iterator[Row]:
    """Count what an idle hour costs, and what a start and a poll do."""
    for many in devices:
        say(f"an idle hour of {_count(many, 'device')}")
        core = counts.run(counts.core(many), counts.idle)
        polled = counts.run(counts.ours(many), counts.idle)
        pushed = counts.run(counts.ours(many, pushed=True), counts.idle)
        some = f"{_count(many, 'device')}, {_count(polled.cameras, 'camera')}"
        for ours, text, limit in (
            (pushed, "pushes proven", PUSHED_BASE + polled.cameras),
            (polled, "no public URL", POLLED_BASE * (1 + polled.cameras)),
        ):
            values = core.requests_an_hour, ours.requests_an_hour
            yield at_most(f"idle requests an hour, {text}: {some}", values, limit)
        yield at_most(
            f"requests before the first entities: {_count(many, 'device')}",
            (core.before_first_entity, polled.before_first_entity),
            2,
        )
        if many == timing.FEW:
            entities = f"{core.entities} and {polled.entities} entities"
            yield at_most(
                f"state writes of an unchanged poll: {many} devices, {entities}",
                (core.writes_of_a_poll, polled.writes_of_a_poll),
                0,
            )


def fault_rows(say: Callable[[str], None]) -> Iterator[Row]:
    """See what goes wrong when something does."""
    say("faults")
    both = counts.core(timing.FEW), counts.ours(timing.FEW)
    core, ours = (counts.run(start, counts.refreshes) for start in both)
    yield at_most("refreshes for 100 parallel calls with an expired token", (core, ours), 1)
    broken, kept = (counts.run(start, counts.collateral) for start in both)
    yield Row(
        what="entities that one failing device makes unavailable, other devices' among them",
        core=f"{broken.lost} of {broken.entities}, {broken.lost_elsewhere}",
        ours=f"{kept.lost} of {kept.entities}, {kept.lost_elsewhere}",
        goal="other devices' 0",
        met=kept.lost_elsewhere == 0,
    )
    early, late = (counts.run(start, counts.after_retry_after) for start in both)
    yield Row(
        what="next request after `Retry-After: 300`",
        core=f"{early:.0f} s",
        ours=f"{late:.0f} s",
        goal="≥ 300 s",
        met=late >= 300,
    )
    start = counts.ours(timing.FEW, pushed=True)
    twice, once = (counts.run(house, counts.rings) for house in (both[0], start))
    yield at_most("rings that fire when somebody rings and then moves", (twice, once), 1)


def import_rows(runs: int, say: Callable[[str], None]) -> Iterator[Row]:
    """Import both, each in a process that has nothing else."""
    say("imports")
    folder = scratch("import")
    (folder / "custom_components").mkdir()
    (folder / "custom_components" / Side.OURS).symlink_to(ROOT / "custom_components" / Side.OURS)
    seen: dict[Side, list[dict[str, float]]] = {side: [] for side in Side}
    # Home Assistant keeps compiled modules: the first run of each only makes them.
    for _ in range(runs + 1):
        for side in Side:
            command = [sys.executable, "-m", "bench.side_by_side_import", str(folder), side]
            run = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            seen[side].append(json.loads(run.stdout))
    shutil.rmtree(folder)
    for key, limit, text, unit in (
        ("milliseconds", 60, "import, Home Assistant loaded", " ms"),
        ("modules", 40, "modules imported, Home Assistant loaded", ""),
    ):
        core, ours = (median(one[key] for one in seen[side][1:]) for side in Side)
        yield at_most(text, (core, ours), limit, unit=unit)


def time_rows(measured: dict[Side, timing.Times]) -> Iterator[Row]:
    """Show what was timed."""
    core, ours = (measured[side] for side in Side)
    few, some, many, very_many = timing.FEW, timing.SOME, timing.MANY, timing.VERY_MANY
    for devices in (few, many):
        values = core.set_up[devices], ours.set_up[devices]
        entities = f"{core.registered[devices]} and {ours.registered[devices]} entities are registered"
        yield compared(f"set-up, modules loaded: {devices} devices, {entities}", values, unit=" ms")
    for devices in (many, very_many):
        values = core.polled[devices], ours.listed[devices]
        yield compared(f"a poll: {devices} devices", values, unit=" ms")
        values = core.polled[devices], ours.polled[devices]
        yield compared(f"a poll, and the histories of all cameras: {devices} devices", values, unit=" ms")
    grown = [median(one.polled[very_many]) / median(one.polled[many]) for one in (core, ours)]
    grown.append(median(ours.listed[very_many]) / median(ours.listed[many]))
    yield Row(
        what=f"how that grows from {many} to {very_many} devices",
        core=f"x {grown[0]:.1f}",
        ours=f"x {grown[2]:.1f}, with histories x {grown[1]:.1f}",
        is_worse=exceeds(grown[0], min(grown[1:])),
    )
    longest = median(core.longest), median(ours.longest)
    yield at_most(f"longest event-loop slice of a poll: {many} devices", longest, 10, unit=" ms")
    starting = median(core.set_up_longest), median(ours.set_up_longest)
    yield at_most(f"longest event-loop slice of set-up: {many} devices", starting, 10, unit=" ms")
    for percent, limit in ((50, 1), (99, 5)):
        both = [median(timing.percentile(run, percent) for run in one.latencies) for one in (core, ours)]
        yield at_most(f"push → state, in process, p{percent} at 50 a second", (both[0], both[1]), limit, unit=" ms")
    held = [(median(one.held[many]) - median(one.held[some])) / 1024 for one in (core, ours)]
    more = [one.entities[many] - one.entities[some] for one in (core, ours)]
    yield compared("memory of a device", ([held[0] / (many - some)], [held[1] / (many - some)]), unit=" KiB")
    yield compared("memory of an entity", ([held[0] / more[0]], [held[1] / more[1]]), unit=" KiB")


def live_row(cycles: int, say: Callable[[str], None]) -> Row:
    """Count the live views that Ring is left with."""
    say(f"{_count(cycles, 'live view')} opened and ended somehow")
    left = asyncio.run(live.run(cycles, seed=1))
    return alone(f"live sessions left open after {cycles:,} open/close/kill cycles".replace(",", " "), left.open, 0)


def clip_rows(say: Callable[[str], None]) -> Iterator[Row]:
    """Watch a long clip while Ring sends it."""
    say("a clip of a quarter of an hour")
    playing, held = asyncio.run(clips.watch())
    yield Row(
        what="clip through the proxy, 15 minutes: first byte, and last",
        core="–",
        ours=f"{playing.first:.2f} s, {playing.last:.1f} s",
        goal="first before the last has arrived",
        met=playing.first < playing.last / 2,
    )
    each = max(held.kept, held.arriving) / MEBIBYTE
    yield alone(f"memory of a viewer, {clips.STALLED} at once", each, 1, unit=" MiB")


def is_busy() -> bool:
    """Return whether the machine has other things to do, which makes times longer than they are."""
    return os.getloadavg()[0] > (os.cpu_count() or 1) / 2


def document(rows: Sequence[Row], effort: Effort, *, busy: bool) -> str:
    """Return the file."""
    day = datetime.now(UTC).date().isoformat()
    goals = [row.met for row in rows if row.met is not None]
    warning = "" if effort is FULL else "\nThis was a quick run: too short to quote.\n"
    warning += (
        "\nThe machine had other things to do, so that all times are longer than they should be.\n" if busy else ""
    )
    return f"""# Beside core `ring`

Written by `scripts/bench` on {day}: Home Assistant {version("homeassistant")}, ring-doorbell \
{version("ring-doorbell")}, Python {platform.python_version()}. {sum(goals)} of {len(goals)} goals are met.
{warning}
{markdown(rows)}

{NOTES.format(repeats=effort.repeats, imports=effort.imports, viewers=clips.STALLED)}
{reasons(rows)}"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few devices, no repetitions; not to be quoted")
    parser.add_argument("--output", default=str(RESULTS), help="where to write the table")
    options = parser.parse_args(arguments)
    effort = QUICK if options.quick else FULL
    logging.disable(logging.ERROR)
    say, busy = Progress(), is_busy()
    rows = [*idle_rows(effort.devices, say), *fault_rows(say), *import_rows(effort.imports, say)]
    measured = asyncio.run(timing.measure(say, repeats=effort.repeats, webhook_seconds=effort.webhook_seconds))
    rows += [*time_rows(measured), live_row(effort.live_views, say), *clip_rows(say)]
    text = document(rows, effort, busy=busy)
    print(markdown(rows))
    with open(options.output, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(text)


if __name__ == "__main__":
    main()
