"""The table beside core `ring`: what it counts, without its timings, and how it judges."""

from collections.abc import Iterator
import logging
from pathlib import Path

import pytest
import pytest_socket

from bench import side_by_side_counts as counts
from bench.side_by_side_notes import UNKNOWN, reason, reasons
from bench.table import Row, alone, at_most, compared, markdown, number

DEVICES = 2
RESULTS = Path(__file__).parents[2] / "bench" / "results.md"

# The library that core `ring` uses, as released.
pytestmark = pytest.mark.filterwarnings(
    "ignore:BasicAuth is deprecated:DeprecationWarning", "ignore:The 'auth' parameter:DeprecationWarning"
)


@pytest.fixture(autouse=True)
def disable_http_server() -> None:
    """Replace what Home Assistant's harness has by this name: here the server is the point."""


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Home Assistant's harness forbids sockets; the bench's environment is taken back; nobody has ffmpeg."""
    caplog.set_level(logging.CRITICAL)
    pytest_socket.enable_socket()
    pytest_socket.socket_allow_hosts(["127.0.0.1", "localhost", "::1"], allow_unix_socket=True)
    monkeypatch.setenv("RING_PARTNER_CLOUD", "")
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


def test_core_asks_for_each_device_and_this_integration_once_for_all() -> None:
    core = counts.run(counts.core(DEVICES), counts.idle)
    ours = counts.run(counts.ours(DEVICES), counts.idle)
    pushed = counts.run(counts.ours(DEVICES, pushed=True), counts.idle)
    assert core.requests_an_hour == 60 * (1 + 2 * DEVICES)
    assert ours.requests_an_hour == 60 * (1 + ours.cameras)
    # One of the cameras is a doorbell: its history is read every ten minutes, those of others every hour.
    assert pushed.requests_an_hour == 4 + pushed.cameras + 5
    assert core.writes_of_a_poll > core.entities / 2
    assert ours.writes_of_a_poll == 0


def test_a_hundred_calls_with_an_expired_token_are_a_hundred_refreshes_of_core_and_one_of_ours() -> None:
    assert counts.run(counts.core(DEVICES), counts.refreshes) == 100
    assert counts.run(counts.ours(DEVICES), counts.refreshes) == 1


def test_a_failing_device_takes_others_of_core_with_it_and_none_of_ours() -> None:
    assert counts.run(counts.core(DEVICES), counts.collateral).lost_elsewhere > 0
    assert counts.run(counts.ours(DEVICES), counts.collateral).lost_elsewhere == 0


def test_ours_waits_as_long_as_ring_asks() -> None:
    assert counts.run(counts.core(DEVICES), counts.after_retry_after) == pytest.approx(60, abs=1)
    assert counts.run(counts.ours(DEVICES), counts.after_retry_after) >= 300


def test_motion_after_a_ring_rings_again_in_core_only() -> None:
    assert counts.run(counts.core(DEVICES), counts.rings) == 2
    assert counts.run(counts.ours(DEVICES, pushed=True), counts.rings) == 1


def test_a_row_says_whether_its_goal_is_met() -> None:
    assert at_most("a", (5, 2), 2).met is True
    assert at_most("a", (5, 2.1), 2).met is False
    assert at_most("a", (5, 1), 0).cells == ("a", "5", "1", "0", "missed")


def test_a_row_without_a_goal_shows_the_ratio_of_the_medians() -> None:
    row = compared("a", ([10, 20, 900], [5, 5, 1]), unit=" ms")
    assert row.cells == ("a", "20 ms", "5 ms (1/4.0)", "", "")
    assert compared("a", ([2], [3])).ours == "3 (1.5 x)"


def test_the_table_is_aligned_markdown() -> None:
    rows = [Row(what="requests", core="1", ours="2"), at_most("a", (5, 2), 2, unit=" s")]
    lines = markdown(rows).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert [cell.strip() for cell in lines[3].split("|")[1:-1]] == ["a", "5 s", "2 s", "≤ 2 s", "ok"]


def test_what_core_has_no_counterpart_to_is_judged_by_its_goal() -> None:
    assert alone("a", 0, 0).cells == ("a", "–", "0", "0", "ok")
    assert alone("a", 1.5, 1, unit=" MiB").cells == ("a", "–", "1.50 MiB", "≤ 1 MiB", "missed")


def test_what_is_missed_or_worse_than_cores_needs_a_reason() -> None:
    rows = [at_most("a", (5, 6), 9), at_most("b", (9, 6), 5), compared("c", ([2], [3])), at_most("d", (5, 5.1), 9)]
    assert [row.what for row in rows if row.needs_reason] == ["a", "b", "c"]
    assert reasons(rows) == f"- a; b; c: {UNKNOWN}\n"
    assert reasons([at_most("modules imported", (1, 2), 9)]).startswith("- modules imported: all of them are")


def is_worse(cells: list[str]) -> bool:
    """Whether a written row shows something worse than core's; of two figures, the first is core's."""
    figures = [float(cell.split()[0 if cell[0].isdigit() else 1].strip(",")) for cell in cells[1:3] if "–" not in cell]
    return cells[4] == "missed" or " x)" in cells[2] or (cells[1].startswith("x ") and figures[1] > figures[0])


def test_every_row_that_is_published_and_worse_than_cores_has_a_reason() -> None:
    lines = [line for line in RESULTS.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]
    worse = [Row(what=cells[0], core=cells[1], ours=cells[2]) for cells in rows if is_worse(cells)]
    assert worse
    assert [row.what for row in worse if reason(row) == UNKNOWN] == []


@pytest.mark.parametrize(
    ("value", "text"), [(2400, "2 400"), (0.046, "0.05"), (7.25, "7.25"), (38.64, "38.6"), (386.4, "386"), (3.0, "3")]
)
def test_numbers_have_as_many_digits_as_mean_something(value: float, text: str) -> None:
    assert number(value) == text
