"""A storm at the webhook: what Ring sent once comes again, in any order, and among it what Ring never signed."""

import asyncio
from collections import Counter
from itertools import islice
import json
import random

import aiohttp

from ring_cloud import Delivery, DeliveryState, RingCloud, sign

from .home import SIGNING_KEY, Home

AT_ONCE = 8
SHOTS = (10, 60)
NO_ANSWER = 0
# How many of Ring's own webhooks may come again.
REMEMBERED = 200


class Storm:
    """One storm, made of what was delivered before."""

    def __init__(self, home: Home, dice: random.Random) -> None:
        """Prepare it when it breaks, not before."""
        self._home = home
        self._dice = dice
        self.genuine: Counter[int] = Counter()
        """How what Ring had signed was answered."""
        self.forged: Counter[int] = Counter()

    async def rage(self) -> None:
        """Send it all."""
        known = _delivered(self._home.cloud)
        if not known:
            return
        shots = [self._shot(self._dice.choice(known)) for _ in range(self._dice.randint(*SHOTS))]
        slots = asyncio.Semaphore(AT_ONCE)

        async def shoot(body: bytes, signature: str | None, counter: Counter[int]) -> None:
            headers = {"Content-Type": "application/json"} | ({} if signature is None else {"X-Signature": signature})
            async with slots:
                try:
                    async with session.post(self._home.webhook_url, data=body, headers=headers) as response:
                        counter[response.status] += 1
                except aiohttp.ClientError, ConnectionError:
                    counter[NO_ANSWER] += 1

        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
            for body, signature, counter in shots:
                group.create_task(shoot(body, signature, counter))

    def _shot(self, delivery: Delivery) -> tuple[bytes, str | None, Counter[int]]:
        if self._dice.random() < 1 / 2:
            return delivery.body, delivery.signature, self.genuine
        body = self._as_new(delivery.body)
        right = sign(SIGNING_KEY, body)
        forgeries: tuple[tuple[bytes, str | None], ...] = (
            (body, delivery.signature),
            (body, sign("another-fake-key", body)),
            (body, None),
            (body, right.removeprefix("sha256=")),
            (body, "sha256="),
            (body[:-1], right),
            (b"", delivery.signature),
        )
        return *self._dice.choice(forgeries), self.forged

    def _as_new(self, body: bytes) -> bytes:
        """Return it as if it happened now: if it were believed, it would be announced."""
        document = json.loads(body)
        document["meta"]["request_id"] = f"forged-{self._dice.random()}"
        if "timestamp" in document["data"]["attributes"]:
            document["data"]["attributes"]["timestamp"] = int(self._home.cloud.clock.time() * 1000)
        document["data"]["id"] = f"forged-{self._dice.random()}"
        return json.dumps(document).encode()


def _delivered(cloud: RingCloud) -> list[Delivery]:
    known = (item for item in reversed(cloud.deliveries) if item.state is DeliveryState.DELIVERED)
    return list(islice(known, REMEMBERED))
