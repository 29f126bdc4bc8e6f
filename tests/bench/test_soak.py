"""Days of trouble, as `scripts/soak` lets them pass: nothing happens that must not."""

from pathlib import Path
import re
import subprocess
import sys

ROOT = Path(__file__).parents[2]


def test_two_days_of_trouble_pass_without_what_must_not_happen() -> None:
    command = [sys.executable, "-m", "bench.soak", "--days", "2", "--seed", "3"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    found = re.search(r"(\d+)  rings and motions, (\d+) of them announced; (\d+) had to be", run.stdout)
    assert found is not None
    happened, announced, owed = map(int, found.groups())
    assert happened >= announced >= owed > 20
    assert re.search(r"\d+  repeated webhooks", run.stdout)
