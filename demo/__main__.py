"""Run the demo: `python -m demo`, or check it: `python -m demo --check`."""

import argparse
import asyncio
from collections.abc import Coroutine
import signal
import sys
import time

from .check import check
from .linking import SIGNING_KEY
from .processes import DemoError
from .rig import CLOUD_PORT, HOME_PORT, Ports, Rig
from .seed import ROOT

STATE = ROOT / ".cache" / "demo"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description="A Home Assistant with a linked Ring account, all on this machine."
    )
    parser.add_argument("--check", action="store_true", help="start, check everything, stop; nobody has to look on")
    parser.add_argument("--fresh", action="store_true", help="forget the last start: link anew")
    parser.add_argument("--port", type=int, default=HOME_PORT, help="of Home Assistant (default: %(default)s)")
    parser.add_argument("--cloud-port", type=int, default=CLOUD_PORT, help="of the Ring cloud (default: %(default)s)")
    return parser.parse_args()


def _say(text: str, started: float) -> None:
    print(f"[{time.monotonic() - started:3.0f}s] {text}", flush=True)


async def _demo(ports: Ports, *, fresh: bool) -> int:
    started = time.monotonic()
    _say("starting a Ring cloud and Home Assistant", started)
    async with Rig(STATE, ports, fresh=fresh) as rig:
        entry = await rig.link(visitors=True)
        _say(f"{entry['title']} is linked", started)
        print(
            f"""
  Home Assistant   {rig.home.url}   (you are logged in)
  Ring cloud       {rig.cloud.url}   (the Ring app, its devices, the developer portal)
  Signing key      {SIGNING_KEY}   (asked for when you link Ada's account, too)

Open both side by side. Ctrl-C stops the demo; what you did is kept in {STATE.relative_to(ROOT)}.
""",
            flush=True,
        )
        try:
            await rig.wait()
        except asyncio.CancelledError:
            _say("stopping", started)
    return 0


async def _check() -> int:
    return 0 if await check() else 1


async def _stoppable(work: Coroutine[None, None, int]) -> int:
    """Let Ctrl-C and SIGTERM end the work in order: what was started is stopped, too."""
    task = asyncio.ensure_future(work)
    stopped = False

    def stop() -> None:
        # Once: a second signal must not cut the stopping short.
        nonlocal stopped
        if not stopped:
            stopped = True
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        return await task
    except asyncio.CancelledError:
        return 130


def main() -> int:
    """Run; return the exit status."""
    given = _arguments()
    work = _check() if given.check else _demo(Ports(given.port, given.cloud_port), fresh=given.fresh)
    try:
        return asyncio.run(_stoppable(work))
    except DemoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
