"""For all tests: reports that can be sent between processes, and the integration alone has to be covered, too.

The limit in pyproject.toml is for the integration and the local Ring cloud together, so that lines of one which nobody
runs could hide behind the other.
"""

from collections.abc import Generator
from io import StringIO

from coverage import Coverage
import pytest

INTEGRATION = "custom_components/*"
# Percent of its lines and branches.
REQUIRED = 100


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Fail as a test does: with a report among the failures, and a number in pytest's last line."""
    done = yield
    measured = session.config.pluginmanager.getplugin("_cov")
    # Those that xdist starts measure for the one that started them.
    if measured is not None and measured.cov_total is not None and not hasattr(session.config, "workerinput"):
        covered, report = _covered()
        if covered < REQUIRED:
            _fail(session, f"{covered:.2f} % of {INTEGRATION} is covered, and not {REQUIRED} %:\n\n{report}")
    return done


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Home Assistant logs what it is given, and some tests give it what no text can hold."""
    report = yield
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report


def _covered() -> tuple[float, str]:
    """Return how much of the integration was run, and what was not."""
    measured, table = Coverage(), StringIO()
    measured.load()
    return measured.report(include=[INTEGRATION], file=table), table.getvalue()


def _fail(session: pytest.Session, text: str) -> None:
    name = "the coverage of the integration"
    failure = pytest.TestReport(name, ("", None, name), {}, "failed", text, "call")
    session.config.hook.pytest_runtest_logreport(report=failure)
