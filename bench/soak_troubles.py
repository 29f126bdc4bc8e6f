"""What a month brings: rings and motion, and all that goes wrong meanwhile."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
import math
import random

from ring_cloud import Device, Event, Mischief, RingCloud

from .home import Home, free_port
from .soak_house import House, Viewer
from .soak_storm import Storm

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400
# By then a ring was announced, or never will be.
SETTLED_S = 150
# An event older than this is no news, also for a Home Assistant whose clock is ahead.
TOLERATED_AHEAD_S = 90
TOKEN_ROUTE = "/oauth/token"
BELLS = frozenset({"doorbell", "plain_camera"})
EYES = BELLS | {"camera", "multi_camera"}
NEWCOMERS = ("doorbell", "camera", "contact", "flood_freeze", "chime", "multi_camera")


@dataclass(slots=True, eq=False)
class Ring:
    """Something that happened at a door, and what it has to lead to."""

    event: Event
    key: str
    is_owed: bool = False
    """Whether it was pushed to a Home Assistant that was up and has stayed so: it has to be announced, once."""
    why_not: str = ""


class Troubles:
    """Everything that can happen, one method each; they run beside each other."""

    def __init__(self, house: House) -> None:
        """Begin with a house that is up."""
        self._house = house
        self._home: Home = house.home
        self._cloud: RingCloud = house.cloud
        self._power = asyncio.Lock()
        self._unreachable = 0
        self._dropping = 0
        self._is_odd = False
        self.counts: Counter[str] = Counter()
        self.rings: list[Ring] = []
        self.forged_taken = 0
        self.gap_kills = 0

    # What happens at the doors

    def _device(self, dice: random.Random, families: frozenset[str]) -> Device | None:
        found = [
            device
            for device in self._home.account.devices
            if device.family.key in families
            and device.online
            and not device.e2ee
            and device.values.get("motion_detection") is not False
        ]
        return dice.choice(found) if found else None

    async def ring(self, dice: random.Random) -> None:
        """Somebody rings, sometimes twice."""
        if (device := self._device(dice, BELLS)) is None:
            return
        waits = [self._happen(device, "button_press", None)]
        if dice.random() < 1 / 5:
            await asyncio.sleep(dice.uniform(1, 10))
            if device.online and device in self._home.account.devices and not device.e2ee:
                waits.append(self._happen(device, "button_press", None))
        await asyncio.gather(*waits)

    async def motion(self, dice: random.Random) -> None:
        """Something moves."""
        if (device := self._device(dice, EYES)) is not None:
            await self._happen(device, "motion_detected", dice.choice(("human", "vehicle", "other_motion", "motion")))

    def _happen(self, device: Device, event_type: str, sub_type: str | None) -> asyncio.Task[None]:
        event = self._cloud.happen(device, event_type, sub_type=sub_type)
        ring = Ring(event, f"{device.id} {event.timestamp_ms}")
        self.rings.append(ring)
        ring.why_not = self._excuse(device)
        return asyncio.create_task(self._settle(ring, self._house.life, self._house.loop.skew))

    def _excuse(self, device: Device) -> str:
        house = self._house
        if not house.knows(device.id):
            return "Home Assistant was down or starting, or did not know the device"
        if self._unreachable or self._dropping:
            return "Ring's webhooks did not arrive"
        if house.loop.skew > TOLERATED_AHEAD_S:
            return "the clock was ahead"
        if house.wall < house.started_at:
            return "the clock was set back to before the start"
        return ""

    async def _settle(self, ring: Ring, life: int, skew: float) -> None:
        await asyncio.sleep(SETTLED_S)
        house = self._house
        if not ring.why_not and (house.life != life or not house.is_listening):
            ring.why_not = "Home Assistant went down, or was reloaded for long"
        if not ring.why_not and (self._unreachable or house.loop.skew != skew):
            ring.why_not = "the clock or the way in changed"
        ring.is_owed = not ring.why_not

    # Outages

    async def cloud_down(self, dice: random.Random) -> None:
        """Nothing of Ring answers as it should."""
        await self._outage(dice, "*", dice.uniform(2 * MINUTE_S, 3 * HOUR_S))

    async def tokens_down(self, dice: random.Random) -> None:
        """Only the token endpoint is out of order."""
        await self._outage(dice, TOKEN_ROUTE, dice.uniform(2 * MINUTE_S, 3 * HOUR_S))

    async def api_slow(self, dice: random.Random) -> None:
        """All but the tokens is slow."""
        fault = self._cloud.faults.add("/v1/*", delay=dice.uniform(1, 40), count=None)
        await asyncio.sleep(dice.uniform(MINUTE_S, HOUR_S))
        self._remove(fault.id)

    async def one_device_down(self, dice: random.Random) -> None:
        """Ring answers for one device with errors."""
        device = dice.choice(self._home.account.devices)
        routes = (f"/v1/devices/{device.id}/*", f"/v1/history/devices/{device.id}/*")
        await asyncio.gather(*(self._outage(dice, route, dice.uniform(MINUTE_S, HOUR_S)) for route in routes))

    async def _outage(self, dice: random.Random, route: str, seconds: float) -> None:
        faults = self._cloud.faults
        page = "<html><body>Sorry</body></html>"
        fault = dice.choice(
            (
                lambda: faults.add(route, status=503, count=None),
                lambda: faults.add(route, status=500, body="", count=None),
                lambda: faults.add(route, status=502, body=page, count=None),
                lambda: faults.add(route, status=403, body=page, count=None),
                lambda: faults.add(route, cut="before", count=None),
                lambda: faults.add(route, garbage="html", count=None),
                lambda: faults.add(route, garbage="text", count=None),
            )
        )()
        await asyncio.sleep(seconds)
        self._remove(fault.id)

    async def too_many_requests(self, dice: random.Random) -> None:
        """Ring asks to wait."""
        headers = {"Retry-After": str(dice.choice((1, 30, 60, 300, 900)))}
        route = dice.choice(("*", "/v1/*", "/v1/history/*", TOKEN_ROUTE))
        fault = self._cloud.faults.add(route, status=429, headers=headers, count=dice.randint(1, 5))
        await asyncio.sleep(2 * HOUR_S)
        self._remove(fault.id)

    def _remove(self, fault_id: int) -> None:
        self._cloud.faults.remove(fault_id)

    # Webhooks

    async def no_way_in(self, dice: random.Random) -> None:
        """Ring cannot reach Home Assistant for a while; in the end it is asked for what it gave up."""
        self._unreachable += 1
        self._cloud.add_app(self._home.app.client_id, webhook_url=f"http://127.0.0.1:{free_port()}/nobody")
        await asyncio.sleep(dice.uniform(5 * MINUTE_S, 3 * HOUR_S))
        self._unreachable -= 1
        if not self._unreachable:
            self._cloud.add_app(self._home.app.client_id, webhook_url=self._home.webhook_url)
        if dice.random() < 1 / 2:
            await self._cloud.deliveries.replay()

    async def lost_pushes(self, _dice: random.Random) -> None:
        """For almost a day nothing is pushed, as if the app was told nothing."""
        self._dropping += 1
        prank = self._cloud.deliveries.mischief(Mischief.DROP, count=None)
        await asyncio.sleep(20 * HOUR_S)
        self._cloud.deliveries.pranks.remove(prank.id)
        self._dropping -= 1

    async def odd_pushes(self, dice: random.Random) -> None:
        """For a while webhooks come twice, late, or in another order."""
        if self._is_odd:
            # Together they would be later than an event may be.
            return
        self._is_odd = True
        kind = dice.choice((Mischief.DUPLICATE, Mischief.DELAY, Mischief.HOLD))
        prank = self._cloud.deliveries.mischief(kind, count=None, copies=dice.randint(2, 5), seconds=45)
        until = self._house.loop.time() + dice.uniform(10 * MINUTE_S, 2 * HOUR_S)
        while self._house.loop.time() < until:
            await asyncio.sleep(40)
            await self._cloud.deliveries.release()
        self._cloud.deliveries.pranks.remove(prank.id)
        await self._cloud.deliveries.release()
        self._is_odd = False

    async def storm(self, dice: random.Random) -> None:
        """Somebody repeats what Ring sent, and makes up more."""
        was_listening = self._house.is_listening
        life = self._house.life
        storm = Storm(self._home, dice)
        await storm.rage()
        if was_listening and life == self._house.life and self._house.is_listening:
            self.forged_taken += sum(count for status, count in storm.forged.items() if 200 <= status < 300)
            self.counts["forged webhooks"] += storm.forged.total()
            self.counts["repeated webhooks"] += storm.genuine.total()

    # Home Assistant

    async def restart(self, dice: random.Random) -> None:
        """Home Assistant is restarted, which may take a while."""
        async with self._power:
            await self._house.stop()
            await asyncio.sleep(math.exp(dice.uniform(math.log(5), math.log(HOUR_S))))
            await self._house.start()

    async def reload(self, _dice: random.Random) -> None:
        """The account is reloaded."""
        async with self._power:
            await self._house.reload()

    async def kill(self, dice: random.Random) -> None:
        """The power fails at any moment."""
        async with self._power:
            await self._house.kill()
            await self._recover(dice)

    async def kill_while_starting(self, dice: random.Random) -> None:
        """The power fails, and once more while Home Assistant starts."""
        async with self._power:
            await self._house.kill()
            start = asyncio.create_task(self._house.start())
            await asyncio.sleep(dice.uniform(0, 2))
            await self._house.kill()
            start.cancel()
            await self._recover(dice)

    async def kill_in_refresh(self, dice: random.Random) -> None:
        """The power fails when Ring has just given out a new token."""
        fault = self._cloud.faults.add(TOKEN_ROUTE, method="POST", delay=math.inf)
        self._cloud.grants.expire_access(self._home.account, self._home.app)
        reached, newest = False, self._newest
        with suppress(TimeoutError):
            async with asyncio.timeout(HOUR_S):
                await fault.reached()
                reached = True
        self._remove(fault.id)
        async with self._power:
            if reached:
                await self._until(newest, is_written=dice.random() < 3 / 4, more=dice.randint(0, 8))
            await self._house.kill()
            await self._recover(dice)

    async def _until(self, before: bytes, *, is_written: bool, more: int) -> None:
        """Wait until Ring has given out a new token, or until that is written down; and a little longer."""
        until = self._house.loop.time() + MINUTE_S
        while self._newest == before or (is_written and not self._is_written()):
            if self._house.loop.time() > until:
                break
            await asyncio.sleep(0)
        for _ in range(more):
            await asyncio.sleep(0)

    @property
    def _newest(self) -> bytes:
        return next(reversed(self._cloud.grants._refresh)).encode()  # noqa: SLF001

    def _is_written(self) -> bool:
        return self._home.journal.exists() and self._newest in self._home.journal.read_bytes()

    async def _recover(self, dice: random.Random) -> None:
        """Start again; where only Ring has the new token, nobody can, except by linking again."""
        if not self._is_written() and self._newest not in self._home.entries.read_bytes():
            self.gap_kills += 1
            self._home.link(can_be_pushed=True)
        await asyncio.sleep(dice.uniform(1, 10 * MINUTE_S))
        await self._house.start()

    async def link_again(self) -> None:
        """Do what the user is asked to."""
        async with self._power:
            await self._house.stop()
            self._home.link(can_be_pushed=True)
            await self._house.start()

    async def clock_jump(self, dice: random.Random) -> None:
        """The wall clock is set wrong, and after a while right again."""
        off = math.exp(dice.uniform(math.log(2), math.log(6 * HOUR_S))) * dice.choice((-1, 1))
        self._house.loop.skew += off
        await asyncio.sleep(dice.uniform(5 * MINUTE_S, 3 * HOUR_S))
        self._house.loop.skew -= off

    # Devices

    async def device_comes(self, dice: random.Random) -> None:
        """A new device; after some hours it goes again."""
        device = self._cloud.add_device(self._home.account, dice.choice(NEWCOMERS))
        await asyncio.sleep(dice.uniform(MINUTE_S, 15 * HOUR_S))
        self._cloud.remove_device(device)

    async def device_offline(self, dice: random.Random) -> None:
        """A device loses its connection for a while."""
        device = dice.choice(self._home.account.devices)
        device.set(online=False)
        await asyncio.sleep(dice.uniform(MINUTE_S, 3 * HOUR_S))
        device.set(online=True)

    async def encryption(self, dice: random.Random) -> None:
        """A camera leaves without a word, and comes back."""
        candidates = [item for item in self._home.account.devices if item.family.can_encrypt and not item.e2ee]
        if not candidates:
            return
        device = dice.choice(candidates)
        device.set(e2ee=True)
        await asyncio.sleep(dice.uniform(MINUTE_S, 5 * HOUR_S))
        device.set(e2ee=False)

    async def live_view(self, dice: random.Random) -> None:
        """Somebody watches."""
        viewer = Viewer(self._house, dice)
        if self._house.is_listening:
            self.counts[f"live view: {await viewer.watch()}"] += 1


type Trouble = Callable[[Troubles, random.Random], Awaitable[None]]

HAPPENINGS: Mapping[Trouble, float] = {Troubles.ring: 12, Troubles.motion: 16}
"""How often a day, on average."""
TROUBLES: Mapping[Trouble, tuple[float, int]] = {
    Troubles.cloud_down: (0.8, 3),
    Troubles.tokens_down: (0.6, 3),
    Troubles.api_slow: (0.4, 1),
    Troubles.one_device_down: (0.6, 1),
    Troubles.too_many_requests: (1.2, 2),
    Troubles.no_way_in: (0.4, 5),
    Troubles.lost_pushes: (0.1, 20),
    Troubles.odd_pushes: (1, 3),
    Troubles.storm: (1.5, 1),
    Troubles.restart: (0.6, 2),
    Troubles.reload: (0.4, 1),
    Troubles.kill: (0.3, 1),
    Troubles.kill_while_starting: (0.1, 1),
    Troubles.kill_in_refresh: (0.3, 2),
    Troubles.clock_jump: (0.5, 3),
    Troubles.device_comes: (0.4, 16),
    Troubles.device_offline: (0.6, 3),
    Troubles.encryption: (0.3, 5),
    Troubles.live_view: (1.5, 1),
}
"""The same, and how many hours it takes at the longest: each day ends in peace."""
