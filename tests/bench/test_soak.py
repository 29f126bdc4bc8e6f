"""Days of trouble, as `scripts/soak` lets them pass: nothing happens that must not."""

from collections import Counter
from dataclasses import fields, replace
from pathlib import Path
import re
import subprocess
import sys

import pytest

from bench.soak_house import Usage
from bench.soak_report import LONG_ENOUGH, MAY_GROW, Day, Outcome, document

ROOT = Path(__file__).parents[2]
QUIET = Usage(megabytes=300.0, tasks=0, timers=9, listeners=42, sessions=2, descriptors=17, files=18, kilobytes=420.0)
RESOURCES = [item.name for item in fields(Usage)]


def lived(days: int, grows: str = "", by: float = 0.0) -> Outcome:
    """What so many days leave, each of which adds something to what is held."""
    usages = [replace(QUIET, **({grows: getattr(QUIET, grows) + by * day} if grows else {})) for day in range(days)]
    return Outcome([Day(number, Counter(kill=1), usage, set(), 1.0) for number, usage in enumerate(usages, 1)])


def test_two_days_of_trouble_pass_without_what_must_not_happen(tmp_path: Path) -> None:
    table = tmp_path / "soak.md"
    command = [sys.executable, "-m", "bench.soak", "--days", "2", "--seed", "3", "--output", str(table)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=550, check=False)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    found = re.search(r"(\d+)  rings and motions, (\d+) of them announced; (\d+) had to be", run.stdout)
    assert found is not None
    happened, announced, owed = map(int, found.groups())
    assert happened >= announced >= owed > 20
    assert re.search(r"\d+  repeated webhooks", run.stdout)
    written = table.read_text(encoding="utf-8")
    assert "`scripts/soak --days 2 --seed 3`" in written
    assert "Nothing happened that must not." in written
    assert re.search(rf"\| rings and motions, of them announced +\| {happened}, {announced} +\|", written)


def test_every_resource_has_a_limit() -> None:
    assert [*MAY_GROW] == RESOURCES


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_resource_that_grows_from_day_to_day_fails_the_soak(resource: str) -> None:
    """By a fifth of what it may in ten days, or by one: what thirty days would hide, they show."""
    outcome = lived(30, resource, max(MAY_GROW[resource] / 5, 1))
    assert outcome.leaks == [resource]
    assert outcome.failures["resources that grow from day to day"] == 1
    assert "**It failed.**" in document(outcome, 1)


def test_an_evening_that_differs_is_no_growth() -> None:
    outcome = lived(30)
    for day in outcome.days[::4]:
        day.usage = replace(day.usage, sessions=5, megabytes=400.0, listeners=50)
    assert outcome.leaks == []
    assert not any(outcome.failures.values())


def test_the_table_says_what_was_run_and_whether_that_is_enough() -> None:
    written = document(lived(LONG_ENOUGH), 7)
    assert f"# {LONG_ENOUGH} days of trouble" in written
    assert "too few" not in written
    assert "too few" in document(lived(LONG_ENOUGH - 1), 7)


def test_the_published_table_is_of_days_without_what_must_not_happen() -> None:
    written = (ROOT / "bench" / "soak.md").read_text(encoding="utf-8")
    assert re.search(r"Written by `scripts/soak --days \d+ --seed \d+` on \d{4}-\d\d-\d\d: Home Assistant", written)
    assert "Nothing happened that must not." in written
