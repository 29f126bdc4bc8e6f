"""Open and end live views in every way there is, at random moments, and count the sessions that Ring is left with.

    python -m bench.live --cycles 1000

Each viewer is a real WebSocket to a real Home Assistant, and comes with candidates as browsers send them. A view ends
by being closed, by a killed tab, by a reload of the account, or by Home Assistant stopping; before, while and after
Ring answers. Ring itself ends nothing here, and every now and then its answer is late or an error.
"""

import argparse
import asyncio
from collections import Counter
from dataclasses import dataclass
import random
import shutil
import sys
import time
from typing import Any

import aiohttp

from custom_components.ring_partner.const import DOMAIN
from homeassistant.auth.const import GROUP_ID_ADMIN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from ring_cloud import RingCloud

from . import slim
from .home import ENTRY_ID, Home, scratch
from .offers import CANDIDATES, OFFER

SESSIONS = "/v1/devices/*/media/streaming/whep/sessions*"
FOREVER = 1e9
# How a view ends, and how often.
ENDS = {"closed": 40, "tab killed": 40, "account reloaded": 6, "Home Assistant stopped": 3}
VIEWERS = 6
LONGEST_VIEW_S = 0.9
PATIENCE_S = 70.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What so many cycles have left."""

    seen: Counter[str]
    opened: int
    ended: int
    most: int
    """Open at once."""
    open: int
    """In the end."""


class House:
    """A Home Assistant that is started again and again."""

    hass: HomeAssistant

    def __init__(self, home: Home) -> None:
        """Take a linked configuration."""
        self.home = home
        self.token = ""
        self.running = asyncio.Event()
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Start, and log in."""
        self.hass = await slim.async_home_assistant(self.home.folder, self.home.cloud.url)
        await async_setup_component(self.hass, "websocket_api", {})
        await self.hass.async_start()
        await self.hass.async_block_till_done()
        user = await self.hass.auth.async_create_user("Viewer", group_ids=[GROUP_ID_ADMIN])
        refresh = await self.hass.auth.async_create_refresh_token(user, "http://127.0.0.1/")
        self.token = self.hass.auth.async_create_access_token(refresh)
        self.running.set()

    async def restart(self) -> None:
        """Stop as Home Assistant does, and start again."""
        async with self._turn:
            self.running.clear()
            await self.hass.async_stop(force=True)
            await self.start()

    async def reload(self) -> None:
        """Reload the account."""
        async with self._turn:
            await self.hass.config_entries.async_reload(ENTRY_ID)

    def cameras(self) -> list[str]:
        """Return the cameras."""
        entries = er.async_entries_for_config_entry(er.async_get(self.hass), ENTRY_ID)
        return [entry.entity_id for entry in entries if entry.domain == "camera" and entry.platform == DOMAIN]


async def look(session: aiohttp.ClientSession, house: House, camera: str, seconds: float) -> tuple[Any, int, str]:
    """Open a camera, and watch for so long; return the connection, its last request, and what was seen."""
    socket = await session.ws_connect(f"http://127.0.0.1:{house.home.port}/api/websocket", heartbeat=None)
    await socket.receive_json()
    await socket.send_json({"type": "auth", "access_token": house.token})
    await socket.receive_json()
    await socket.send_json({"id": 1, "type": "camera/webrtc/offer", "entity_id": camera, "offer": OFFER})
    seen, number, until = "nothing", 1, time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        try:
            message = await socket.receive_json(timeout=left)
        except TimeoutError:
            break
        event = message.get("event", {})
        if event.get("type") == "session":
            for candidate in CANDIDATES:
                number += 1
                request = {"type": "camera/webrtc/candidate", "entity_id": camera, "candidate": candidate}
                await socket.send_json({"id": number, "session_id": event["session_id"], **request})
        elif event:
            seen = event["type"]
    return socket, number, seen


async def cycle(house: House, seen: Counter[str], dice: random.Random) -> None:
    """Open a camera and end the view somehow."""
    await house.running.wait()
    end = dice.choices(list(ENDS), list(ENDS.values()))[0]
    async with aiohttp.ClientSession() as session:
        try:
            camera, seconds = dice.choice(house.cameras()), dice.random() * LONGEST_VIEW_S
            socket, number, what = await look(session, house, camera, seconds)
        except aiohttp.ClientError, TypeError, ConnectionError, IndexError:
            # Home Assistant is being stopped by another viewer: that is an end, too.
            seen["cut short"] += 1
            return
        seen[f"{end}, {what}"] += 1
        if end == "closed":
            await socket.send_json({"id": number + 1, "type": "unsubscribe_events", "subscription": 1})
        elif end == "account reloaded":
            await house.reload()
        elif end == "Home Assistant stopped":
            await house.restart()
        else:
            # No goodbye: what a killed tab leaves is a connection that is reset.
            socket._response.connection.transport.abort()  # noqa: SLF001


async def weather(cloud: RingCloud, dice: random.Random) -> None:
    """Let one in ten of Ring's answers be late, or an error."""
    while True:
        await asyncio.sleep(0.3)
        cloud.faults.clear()
        cloud.faults.add(SESSIONS, method=dice.choice(["POST", "DELETE"]), delay=dice.random())
        cloud.faults.add(SESSIONS, method="DELETE", status=500)


async def storm(house: House, cycles: int, seen: Counter[str], dice: random.Random) -> int:
    """Do so many cycles, a few viewers at a time; return how many sessions were open at once at most."""
    cloud = house.home.cloud
    left, most = cycles, 0

    async def viewer() -> None:
        nonlocal left, most
        while left > 0:
            left -= 1
            await cycle(house, seen, dice)
            most = max(most, len(cloud.live.open_sessions))

    bad_weather = asyncio.create_task(weather(cloud, dice))
    await asyncio.gather(*(viewer() for _ in range(VIEWERS)))
    bad_weather.cancel()
    cloud.faults.clear()
    return most


async def ended(cloud: RingCloud) -> int:
    """Wait until nothing is open, for as long as ends are tried again; return how many sessions are left."""
    for _ in range(int(PATIENCE_S * 10)):
        if not cloud.live.open_sessions:
            break
        await asyncio.sleep(0.1)
    return len(cloud.live.open_sessions)


async def run(cycles: int, seed: int) -> Left:
    """Do so many cycles; return what is left."""
    dice = random.Random(seed)
    seen: Counter[str] = Counter()
    folder = scratch("live")
    async with RingCloud() as cloud:
        cloud.switches.whep_media = "none"
        cloud.switches.whep_one_session = "many"
        cloud.live.cap_seconds = {"battery": FOREVER, "mains": FOREVER}
        house = House(Home(folder, cloud, cloud.add_account()))
        house.home.link(polling=False)
        await house.start()
        most = await storm(house, cycles, seen, dice)
        still = await ended(cloud)
        await house.hass.async_stop(force=True)
    shutil.rmtree(folder, ignore_errors=True)
    return Left(seen=seen, opened=cloud.live.opened, ended=cloud.live.closed, most=most, open=still)


def main() -> None:
    """Run, print, and fail when a session is left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    given = parser.parse_args()
    left = asyncio.run(run(given.cycles, given.seed))
    for what, number in sorted(left.seen.items()):
        print(f"{number:6}  {what}")
    counts = f"{left.opened} sessions opened, {left.ended} ended, {left.most} at once at most"
    print(f"{given.cycles} cycles (seed {given.seed}): {counts}, {left.open} still open")
    sys.exit(1 if left.open else 0)


if __name__ == "__main__":
    main()
