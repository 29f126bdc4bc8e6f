"""A table of two sides and a goal, for a terminal and for a file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

HEADER = ("what", "core `ring`", "here", "goal", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing that was measured on both sides."""

    what: str
    core: str
    ours: str
    goal: str = ""
    met: bool | None = None
    """None where no goal was set."""
    is_worse: bool = False
    """More than core's, by more than two runs differ."""

    @property
    def needs_reason(self) -> bool:
        """Whether somebody who reads it will ask why."""
        return self.is_worse or self.met is False

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """What stands in the columns."""
        return self.what, self.core, self.ours, self.goal, {True: "ok", False: "missed", None: ""}[self.met]


def number(value: float) -> str:
    """Write a number with as many digits as mean something."""
    if value == int(value):
        return f"{int(value):,}".replace(",", " ")
    return f"{value:.2f}" if value < 10 else f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def times(core: float, ours: float) -> str:
    """Write how many times as much core needs, or we."""
    if not core or not ours:
        return ""
    return f"1/{core / ours:.1f}" if core >= ours else f"{ours / core:.1f} x"


def exceeds(core: float, ours: float) -> bool:
    """Return whether ours is more, and not by chance."""
    return ours > 1.05 * core


def alone(what: str, value: float, limit: float, *, unit: str = "") -> Row:
    """Return a row of what core has no counterpart to."""
    goal = f"≤ {number(limit)}{unit}" if limit else "0"
    return Row(what=what, core="–", ours=f"{number(value)}{unit}", goal=goal, met=value <= limit)


def at_most(what: str, values: tuple[float, float], limit: float, *, unit: str = "") -> Row:
    """Return a row whose goal is not to exceed a limit."""
    core, ours = values
    return Row(
        what=what,
        core=f"{number(core)}{unit}",
        ours=f"{number(ours)}{unit}",
        goal=f"≤ {number(limit)}{unit}" if limit else "0",
        met=ours <= limit,
        is_worse=exceeds(core, ours),
    )


def compared(what: str, values: tuple[Sequence[float], Sequence[float]], *, unit: str = "") -> Row:
    """Return a row of medians without a goal but to be the smaller one, with the ratio."""
    core, ours = (median(side) for side in values)
    ratio = times(core, ours)
    said = f"{number(ours)}{unit} ({ratio})"
    return Row(what=what, core=f"{number(core)}{unit}", ours=said, is_worse=exceeds(core, ours))


def markdown(rows: Iterable[Row]) -> str:
    """Return the table as Markdown, in columns for a terminal, too."""
    lines: list[tuple[str, ...]] = [HEADER, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |" for line in lines
    )
