"""The Ring cloud of the demo: that of `ring_cloud`, with two people in it, and remembered from one start to the next.

Home Assistant keeps its tokens over a restart; a cloud that forgot them would make every second start a new link.
"""

import argparse
import asyncio
from functools import cache
import hashlib
import os
from pathlib import Path
import pickle
import signal

import ring_cloud
from ring_cloud import RingCloud, pictures

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
    """Add John, whom the demo links, and Ada in Germany, whom a newcomer may link by hand."""
    cloud.add_account("John", "Doe", "johndoe@example.com")
    ada = cloud.add_account("Ada", "Example", "ada@example.com", devices=0, country="DE", state=None)
    for family, name in _HOLIDAY_HOME:
        cloud.add_device(ada, family, name)


def load(path: Path) -> RingCloud | None:
    """Return the cloud of the last start; None if there was none, or if other code than this wrote it."""
    written = path.read_bytes() if path.exists() else b""
    if not written.startswith(_code()):
        return None
    # A file of our own, in a folder that only we write to.
    history, kept = pickle.loads(written.removeprefix(_code()))  # noqa: S301
    cloud = RingCloud(kept["clock"])
    cloud.history.put_back(history)
    for name, value in kept.items():
        setattr(cloud, name, value)
    return cloud


def save(cloud: RingCloud, path: Path) -> None:
    """Write the cloud down, all or nothing."""
    fresh = path.with_suffix(".new")
    kept = cloud.history.everything(), {name: getattr(cloud, name) for name in _KEPT}
    fresh.write_bytes(_code() + pickle.dumps(kept))
    fresh.chmod(0o600)
    fresh.replace(path)


@cache
def _code() -> bytes:
    """Tell this version of the cloud from others: its objects fit no other code."""
    sources = sorted(Path(ring_cloud.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).digest()


async def _run(port: int, path: Path) -> None:
    cloud = load(path)
    if cloud is None:
        cloud = RingCloud()
        people(cloud)
    # A chime without sounds would show nothing to a person.
    cloud.switches.chime_slots = "filled"
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
    # The time along the top edge of a picture is for programs to read; a person takes it for a broken picture.
    vars(pictures)["draw_time"] = lambda _image, _at_ms: None
    asyncio.run(_run(given.port, given.state))


if __name__ == "__main__":
    main()
