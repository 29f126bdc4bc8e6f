"""`python -m ring_cloud`, and the clock."""

import json
from pathlib import Path
import signal
import subprocess
import sys
import time
import urllib.request

from freezegun import freeze_time
import pytest

from ring_cloud import Clock, InputError
from ring_cloud.__main__ import main

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_command_says_where_it_listens_and_stops_when_told(stop):
    command = [sys.executable, "-m", "ring_cloud", "--port", "0", "--devices", "3", "--accounts", "2"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().removeprefix("Ring cloud: ").strip()
        with urllib.request.urlopen(f"{url}/control/state") as answer:
            accounts = json.load(answer)["accounts"]
        process.send_signal(stop)
        assert process.wait(10) == 0
    assert [len(account["devices"]) for account in accounts] == [3, 3]


@pytest.mark.parametrize(
    "arguments", [["--host", "192.0.2.1"], ["--host", "example.com"], ["--port", "65536"], ["--devices", "-1"]]
)
def test_the_command_refuses_what_makes_no_sense(arguments, capsys):
    with pytest.raises(SystemExit):
        main(arguments)

    assert "error: argument" in capsys.readouterr().err


def test_a_frozen_clock_moves_only_when_told():
    clock = Clock(start=1000)
    assert clock.time() == clock.time() == 1000

    clock.advance(60.5)
    assert clock.time() == 1060.5


def test_the_real_clock_is_not_stopped_by_a_test_that_freezes_time():
    clock = Clock()
    with freeze_time("2001-01-01"):
        assert clock.time() > 1_700_000_000
        assert Clock(source=time.time).time() == 978307200


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), 1e10])
def test_a_clock_never_runs_backwards(seconds):
    with pytest.raises(InputError, match="forward"):
        Clock().advance(seconds)
