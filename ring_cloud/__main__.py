"""Run a Ring cloud: `python -m ring_cloud --port 8080 --devices 12`."""

import argparse
import asyncio
from collections.abc import Callable, Sequence
import signal

from .families import FAMILIES
from .server import RingCloud
from .values import is_loopback
from .world import MAX_DEVICES

_PEOPLE = (("John", "Doe"), ("Ada", "Example"), ("Grace", "Sample"), ("Alan", "Specimen"))

# Nothing of Ring's is there the moment that something happens.
_LAGS = {"recording_ready_after": 4, "webhook_lag": 2, "history_lag": 3}
# A chime without sounds would show nothing to a person.
_SHOWN = {"chime_slots": "filled"}


def _loopback(text: str) -> str:
    """Accept this machine only: whoever reaches the control interface owns the cloud."""
    if not is_loopback(text):
        raise argparse.ArgumentTypeError("must be a loopback address")
    return text


def _number(low: int, high: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"must be from {low} to {high}")
        return int(text)

    return number


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ring_cloud", description="A Ring cloud on this machine.")
    parser.add_argument("--host", type=_loopback, default="127.0.0.1")
    parser.add_argument("--port", type=_number(0, 65535), default=8080, help="0 takes a free one")
    parser.add_argument("--devices", type=_number(0, MAX_DEVICES), default=len(FAMILIES), help="devices per account")
    parser.add_argument("--accounts", type=_number(0, 50), default=1)
    return parser.parse_args(arguments)


async def _run(host: str, port: int, devices: int, accounts: int) -> None:
    cloud = RingCloud()
    for switch, value in (_LAGS | _SHOWN).items():
        setattr(cloud.switches, switch, value)
    for index in range(accounts):
        first, last = _PEOPLE[index % len(_PEOPLE)]
        number = str(index + 1) if index >= len(_PEOPLE) else ""
        # Ring speaks of the United States only; people elsewhere have linked accounts all the same.
        country, state = ("US", "CA") if index % 2 == 0 else ("DE", None)
        name, email = f"{last} {number}".strip(), f"{first}{last}{number}@example.com".lower()
        cloud.add_account(first, name, email, devices, country=country, state=state)
    stop = asyncio.Event()
    for stopping in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(stopping, stop.set)
    await cloud.start(host, port)
    try:
        print(f"Ring cloud: {cloud.url}", flush=True)
        await stop.wait()
    finally:
        await cloud.stop()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until told to stop."""
    given = _arguments(arguments)
    try:
        asyncio.run(_run(given.host, given.port, given.devices, given.accounts))
    except OSError as error:
        raise SystemExit(f"Cannot listen on {given.host}:{given.port}: {error.strerror}") from error


if __name__ == "__main__":
    main()
