"""What the days of a soak brought and left: what is printed of it, what is written down, and what makes it fail."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from importlib.metadata import version
import platform
from statistics import median
import time

from .soak_house import Usage

# With fewer days the thirds that are compared are too short.
LONG_ENOUGH = 9
# By how much each may exceed itself from the second third of the days to the last: what differs from one evening to the
# next, and not what is added day by day.
MAY_GROW = {
    "megabytes": 30.0,
    "tasks": 2.0,
    "timers": 3.0,
    "listeners": 3.0,
    "sessions": 1.0,
    "descriptors": 3.0,
    "files": 6.0,
    "kilobytes": 200.0,
}


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
        """Return by how much the last third of the days exceeds the second; nothing before there are three."""
        values = [float(getattr(day.usage, what)) for day in self.days]
        third = len(values) // 3
        return median(values[-third:]) - median(values[third:-third]) if third else 0.0

    @property
    def leaks(self) -> list[str]:
        """What grew more than it may."""
        return [what for what, limit in MAY_GROW.items() if self.grown(what) > limit]

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
            "resources that grow from day to day": len(self.leaks),
        }


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
        limit = MAY_GROW[item.name]
        print(f"{outcome.grown(item.name):>+8.1f}  {item.name} (at most {limit:+.1f})")
    print("must not happen:")
    for name, count in outcome.failures.items():
        print(f"{count:>8}  {name}")
    for story in (
        *outcome.missed,
        *outcome.twice,
        *outcome.invented,
        *outcome.last_ring_wrong,
        *outcome.log,
        *outcome.leaks,
    ):
        print(f"          {story}")


def document(outcome: Outcome, seed: int) -> str:
    """Return the file."""
    days = len(outcome.days)
    troubles = sum((day.troubles for day in outcome.days), Counter[str]())
    rows = [
        ("troubles", _times(troubles)),
        ("forged and repeated webhooks; what viewers were shown", _times(outcome.troubles - troubles)),
        ("requests to Ring, of them for a new token", f"{outcome.requests}, {outcome.refreshes}"),
        ("rings and motions, of them announced", f"{outcome.happened}, {outcome.announced}"),
        ("that had to be announced", f"{outcome.owed}"),
        ("that had not to be", _times(outcome.not_owed)),
        ("kills while the only valid token was on its way from Ring; linked again", f"{outcome.gap_kills}"),
        ("live views at Ring", f"{outcome.live_opened}"),
        ('looks at "last ring"', f"{outcome.last_ring_checked}"),
    ]
    passed = "Nothing happened that must not." if not any(outcome.failures.values()) else "**It failed.**"
    short = "" if days >= LONG_ENOUGH else f"\nLess than {LONG_ENOUGH} days are too few to see what grows.\n"
    return f"""# {days} days of trouble

Written by `scripts/soak --days {days} --seed {seed}` on {real_date()}: Home Assistant {version("homeassistant")}, \
Python {platform.python_version()}. {passed}
{short}
{_table(("what happened", "how often"), rows)}

{_table(("must not happen", "how often"), [(name, str(count)) for name, count in outcome.failures.items()])}

What is held at a quiet moment of the evening, by the process and by the Home Assistant in it; "grown" compares the
last third of the days with the second:

{_table(("held", "first day", "last day", "grown", "may grow"), [_held(outcome, item.name) for item in fields(Usage)])}
"""


def _held(outcome: Outcome, what: str) -> tuple[str, ...]:
    first, last = (getattr(outcome.days[day].usage, what) for day in (0, -1))
    return what, f"{first:.0f}", f"{last:.0f}", f"{outcome.grown(what):+.1f}", f"{MAY_GROW[what]:+.1f}"


def _times(counts: Counter[str]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.most_common()) or "none"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def real_date() -> str:
    """Return today's date, also where time is simulated."""
    return datetime.fromtimestamp(time.clock_gettime(time.CLOCK_REALTIME), UTC).date().isoformat()
