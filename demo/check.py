"""Check that all of the demo works, with nobody looking on: `scripts/demo --check`."""

from collections.abc import Awaitable
from pathlib import Path
import re
import tempfile
import time

from .checks import Checks, fail
from .families import ENTITIES
from .linking import CLIENT_ID, EMAIL, register_app
from .processes import DemoError
from .rig import Ports, Rig
from .seed import ROOT

# Tokens that would live too short for the usual five minutes are refreshed halfway.
SHORT_LIFE = 20
LONG_LIFE = 14400
# What Home Assistant says of itself when it runs like this, and of every custom integration.
_USUAL = re.compile(r"Skipping pip installation|We found a custom integration|zlib_ng and isal are not available")


class Report:
    """The table, line by line as the checks end."""

    def __init__(self) -> None:
        """Start the clock."""
        self.failed = 0
        self._started = time.monotonic()

    async def line(self, what: str, check: Awaitable[str], started: float | None = None) -> None:
        """Do one check, and say how it went; it may have started earlier."""
        started = started or time.monotonic()
        try:
            self._print("ok", what, started, await check)
        except DemoError as error:
            self.failed += 1
            self._print("FAILED", what, started, str(error))

    def total(self) -> None:
        """Print the last line."""
        self._print("FAILED" if self.failed else "ok", "all of it", self._started, "")

    @staticmethod
    def _print(mark: str, what: str, started: float, seen: str) -> None:
        print(f"{mark:<7} {what:<40} {time.monotonic() - started:5.1f} s  {seen}".rstrip(), flush=True)


async def check() -> bool:
    """Start, check, stop, and start again; whether all went well."""
    report = Report()
    (ROOT / ".cache").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="demo-check-", dir=ROOT / ".cache") as name:
        folder = Path(name)
        try:
            await _first_start(report, folder)
            await _second_start(report, folder)
        except DemoError as error:
            await report.line("start and stop", _raise(error))
        if report.failed:
            _print_logs(folder)
    report.total()
    return not report.failed


async def _first_start(report: Report, folder: Path) -> None:
    started = time.monotonic()
    async with Rig(folder, Ports(0, 0)) as rig:
        await report.line("both programs start", _where(rig), started)
        await report.line("the account is linked in the dialog", _link(rig))
        checks = Checks(rig)
        async with checks.watch():
            await _check_running(report, checks)
    await report.line("no warning or error in the log", _quiet(rig))


async def _check_running(report: Report, checks: Checks) -> None:
    await report.line("the link is complete", checks.linked())
    await report.line("the account has its entities", checks.account())
    for family in ENTITIES:
        await report.line(f"family {family}", checks.family(family))
    await report.line("no family is left out", checks.complete())
    await report.line("the dashboard is whole", checks.dashboard())
    await report.line(
        "a contact opens, a device goes offline",
        checks.change(
            ("contact", "contact", True, "contact", "on"),
            ("temperature_humidity", "online", False, "connectivity", "off"),
            ("temperature_humidity", "online", False, "temperature", "unavailable"),
        ),
    )
    await report.line(
        "it closes, the device is back",
        checks.change(
            ("contact", "contact", False, "contact", "off"),
            ("temperature_humidity", "online", True, "connectivity", "on"),
            ("temperature_humidity", "online", True, "temperature", "21.5"),
        ),
    )
    await report.line("a doorbell is rung", checks.pushed())
    await report.line("who rang is seen", checks.pictured())
    await report.line("the token is refreshed ahead of time", checks.refreshed(SHORT_LIFE, LONG_LIFE))
    await report.line("nothing else became unavailable", checks.uninterrupted("temperature_humidity"))


async def _second_start(report: Report, folder: Path) -> None:
    started = time.monotonic()
    async with Rig(folder, Ports(0, 0)) as rig:
        await report.line("a second start is linked already", _still_linked(rig), started)
        await report.line("a doorbell is rung again", Checks(rig).pushed())
    await report.line("and its log is as clean", _quiet(rig))


async def _where(rig: Rig) -> str:
    return f"{rig.home.url} and {rig.cloud.url}"


async def _link(rig: Rig) -> str:
    await register_app(rig.cloud, rig.home)
    tokens = f"accounts/{(await rig.cloud.account(EMAIL))['id']}/tokens"
    await rig.cloud.post(tokens, client_id=CLIENT_ID, action="lifetime", seconds=SHORT_LIFE)
    return str((await rig.link())["title"])


async def _still_linked(rig: Rig) -> str:
    entry = await rig.link()
    requests = (await rig.cloud.state())["requests"]
    if any(request["method"] == "POST" and request["path"].endswith("app-integrations") for request in requests):
        fail("It was linked again.")
    return str(entry["title"])


async def _quiet(rig: Rig) -> str:
    lines = [line for program in rig.programs for line in program.log.read_text(errors="replace").splitlines()]
    bad = [line for line in lines if re.search(r"WARNING|ERROR|CRITICAL|Traceback", line) and not _USUAL.search(line)]
    if bad:
        fail(" | ".join(bad))
    return f"{len(lines)} lines"


async def _raise(error: DemoError) -> str:
    raise error


def _print_logs(folder: Path) -> None:
    for log in sorted(folder.glob("*.log")):
        print(f"--- the end of {log.name}", *log.read_text(errors="replace").splitlines()[-40:], sep="\n", flush=True)
