"""What the tests have to cover, in a small project of its own: lines of the integration hide behind nothing."""

from pathlib import Path
import subprocess
import sys

import pytest

from .conftest import REQUIRED

ROOT = Path(__file__).parents[1]
SETTINGS = """\
[tool.coverage.run]
branch = true
source = ["custom_components", "ring_cloud"]
[tool.coverage.report]
fail_under = {together}
"""
# One line of the integration, in front of which somebody turned back.
INTEGRATION = "def answer(question):\n    if question:\n        return 42\n    return None\n"
CLOUD = "ANSWERS = [\n    42,\n]\n" + "".join(f"A{number} = {number}\n" for number in range(400))
TEST = """\
from custom_components.partner import answer
import ring_cloud.cloud
def test_it():
    assert answer("?") == 42
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {
        "pyproject.toml": SETTINGS.format(together=98),
        "custom_components/partner.py": INTEGRATION,
        "ring_cloud/cloud.py": CLOUD,
        "tests/conftest.py": (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"),
        "tests/test_it.py": TEST,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def run(project: Path, *arguments: str) -> tuple[int, str]:
    """Test it; return the exit code and what was said."""
    command = [sys.executable, "-m", "pytest", "-p", "pytest_cov.plugin", "-p", "xdist.plugin", *arguments]
    # Home Assistant's plugins take their time.
    environment = {"PYTHONPATH": str(project), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["one process", "two processes"])
def test_a_line_of_the_integration_that_nobody_runs_fails_the_tests(project: Path, processes: tuple[str, ...]) -> None:
    code, said = run(project, "--cov", "--cov-report=term", *processes)
    assert code == 1
    assert "Required test coverage of 98.0% reached" in said
    assert f"of custom_components/* is covered, and not {REQUIRED} %" in said
    assert "1 failed, 1 passed" in said.splitlines()[-1]


def test_an_integration_that_is_covered_passes(project: Path) -> None:
    test = project / "tests" / "test_it.py"
    test.write_text(f"{TEST}    assert answer('') is None\n", encoding="utf-8")
    code, said = run(project, "--cov", "--cov-report=term")
    assert code == 0
    assert "1 passed" in said.splitlines()[-1]


def test_without_coverage_nothing_is_asked_for(project: Path) -> None:
    code, said = run(project)
    assert code == 0
    assert "1 passed" in said.splitlines()[-1]
