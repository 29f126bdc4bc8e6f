"""Ring cannot reach Home Assistant for a day, or while it restarts: a real one, stopped and started on its disk."""

import asyncio
import logging

from freezegun import freeze_time
import pytest
import pytest_socket

from bench.outages import MINUTE_S, STALE_S, Outage, Seen, live_through
from bench.rig import START

HOUR_S = 60 * MINUTE_S


@pytest.fixture(autouse=True)
def disable_http_server() -> None:
    """Replace what Home Assistant's harness has by this name: here the server is the point."""


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Home Assistant's harness forbids sockets; a day has a long log; the bench's environment is taken back."""
    caplog.set_level(logging.WARNING)
    pytest_socket.enable_socket()
    pytest_socket.socket_allow_hosts(["127.0.0.1", "localhost", "::1"], allow_unix_socket=True)
    monkeypatch.setenv("RING_PARTNER_CLOUD", "")


def lived_through(outage: Outage) -> Seen:
    """Return what a user saw of it."""
    with freeze_time(START) as clock:
        return asyncio.run(live_through(outage, clock))


def test_a_day_without_webhooks_costs_the_first_hour_at_most() -> None:
    seen = lived_through(Outage(name="a day", seconds=24 * HOUR_S, event_every=HOUR_S))
    assert len(seen.events) == 48
    assert seen.noticed_after is not None
    assert seen.noticed_after <= HOUR_S + 10 * MINUTE_S
    assert seen.missed <= seen.events_before_noticed
    assert (seen.twice, seen.stale, seen.strange) == (0, 0, 0)
    assert max(seen.delays) < STALE_S
    assert seen.issues == {"webhooks_missing"}
    assert seen.issues_at_end == set()
    assert seen.pushed_again_after is not None
    assert seen.last_ring_is_right


def test_a_restart_in_an_outage_hides_it_for_another_hour_at_most_and_announces_nothing_old() -> None:
    outage = Outage(
        name="a restart", seconds=2 * HOUR_S, event_every=10 * MINUTE_S, restart_at=18 * MINUTE_S, restart_takes=480
    )
    seen = lived_through(outage)
    assert seen.noticed_after is not None
    assert seen.noticed_after <= 90 * MINUTE_S
    assert (seen.twice, seen.stale, seen.strange) == (0, 0, 0)
    assert seen.delays
    assert seen.issues == {"webhooks_missing"}
    assert seen.issues_at_end == set()
    assert seen.last_ring_is_right


def test_what_happened_while_home_assistant_was_down_is_shown_and_not_announced() -> None:
    outage = Outage(name="a restart", seconds=240, event_every=60, restart_at=0, restart_takes=240)
    seen = lived_through(outage)
    assert (seen.missed, seen.strange) == (8, 0)
    assert seen.last_ring_is_right
    assert seen.issues == set()
    assert seen.pushed_again_after == 0
