"""The Ring cloud of the demo: that of `ring_cloud`, with two people in it, and remembered from one start to the next.

Home Assistant keeps its tokens over a restart; a cloud that forgot them would make every second start a new link.
"""

import argparse
import asyncio
import os
from pathlib import Path
import pickle
import signal

from ring_cloud import RingCloud
from ring_cloud.state import describe

# What Ring itself would remember; requests, faults and connections are not part of it.
_KEPT = ("clock", "grants", "links", "apps", "accounts")
_SAVE_EVERY_SECONDS = 1.0

_HOLIDAY_HOME = (
    ("doorbell", "Cottage Door"),
    ("camera", "Cottage Garden"),
    ("contact", "Cottage Window"),
    ("temperature_humidity", "Cottage Kitchen"),
)


def people(cloud: RingCloud) -> None:
    """Add John, whom the demo links, and Ada, whom a newcomer may link by hand."""
    cloud.add_account("John", "Doe", "johndoe@example.com")
    ada = cloud.add_account("Ada", "Example", "ada@example.com", devices=0)
    for family, name in _HOLIDAY_HOME:
        cloud.add_device(ada, family, name)


def load(path: Path) -> RingCloud | None:
    """Return the cloud of the last start; None if there was none, or another version of the project wrote it."""
    try:
        # A file of our own, in a folder that only we write to.
        kept = pickle.loads(path.read_bytes())  # noqa: S301
        cloud = RingCloud()
        for name in _KEPT:
            setattr(cloud, name, kept[name])
        # What a newer version added to the classes is missing in old objects: let that show here, not in a request.
        describe(cloud)
    except Exception:  # noqa: BLE001 - whatever it is that cannot be read, it is of no more use
        return None
    return cloud


def save(cloud: RingCloud, path: Path) -> None:
    """Write the cloud down, all or nothing."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(pickle.dumps({name: getattr(cloud, name) for name in _KEPT}))
    fresh.chmod(0o600)
    fresh.replace(path)


async def _run(port: int, path: Path) -> None:
    cloud = load(path)
    if cloud is None:
        cloud = RingCloud()
        people(cloud)
    stop = asyncio.Event()
    for stopping in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(stopping, stop.set)
    await cloud.start("127.0.0.1", port)
    try:
        while not stop.is_set():
            save(cloud, path)
            try:
                await asyncio.wait_for(stop.wait(), _SAVE_EVERY_SECONDS)
            except TimeoutError:
                continue
    finally:
        await cloud.stop()
        save(cloud, path)


def main() -> None:
    """Run until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m demo.cloud")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True)
    given = parser.parse_args()
    os.umask(0o077)
    asyncio.run(_run(given.port, given.state))


if __name__ == "__main__":
    main()
