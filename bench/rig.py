"""A Home Assistant core with a linked account, on the disk and on real sockets, whose time is ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
import shutil
import time
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory, StepTickTimeFactory, TickingDateTimeFactory
from yarl import URL

from custom_components.ring_partner.models import RingRuntimeData
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.util import dt as dt_util
from ring_cloud import Clock, Device, RingCloud

from . import slim
from .home import ENTRY_ID, Home, scratch

# Home Assistant polls up to half a second after the full second: so late in it, no step is wasted on that.
START = "2026-11-23 12:00:00.990"

type Clockwork = FrozenDateTimeFactory | StepTickTimeFactory | TickingDateTimeFactory


class Rig:
    """One Home Assistant after the other, on the same configuration."""

    def __init__(self, home: Home, clock: Clockwork) -> None:
        self.home = home
        self.cloud = home.cloud
        self.hass: HomeAssistant
        self.listener: slim.Listener | None = None
        """Hears of all states, of each Home Assistant."""
        self.before_first_entity: int | None = None
        """How many requests Ring had got when the first entity showed."""
        self._clock = clock
        self._external_url: str | None = None

    async def start(self) -> None:
        """Start, and wait until nothing more happens by itself."""
        self.hass = await slim.async_home_assistant(
            self.home.folder, self.cloud.url, self._hear, external_url=self._external_url
        )
        # From here on there is an HTTP server.
        await self.hass.async_start()
        await self.settle()

    @callback
    def _hear(self, event: Event[EventStateChangedData]) -> None:
        if self.before_first_entity is None:
            self.before_first_entity = len(self.cloud.requests)
        if self.listener is not None:
            self.listener(event)

    async def stop(self) -> None:
        """Stop as Home Assistant does: what was to be written later is written."""
        await self.hass.async_stop(force=True)

    @property
    def data(self) -> RingRuntimeData:
        """The parts of the loaded account."""
        data = self.hass.config_entries.async_get_known_entry(ENTRY_ID).runtime_data
        if not isinstance(data, RingRuntimeData):
            raise TypeError("the account is not loaded")
        return data

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, and what is due by then happen."""
        self._clock.tick(seconds)
        await asyncio.sleep(0)
        await self.settle()

    async def pass_time_alone(self, seconds: float) -> None:
        """Let time pass for Ring, while Home Assistant is down."""
        self._clock.tick(seconds)
        await asyncio.sleep(0)
        await self.cloud.deliveries.settle()

    async def settle(self) -> None:
        """Let everything arrive that is on its way."""
        await self.cloud.deliveries.settle()
        await self.hass.async_block_till_done(wait_background_tasks=True)

    def device(self, family: str) -> Device:
        """Return the first device of a family."""
        return next(device for device in self.home.account.devices if device.family.key == family)

    async def prove_pushes(self) -> None:
        """Put the webhook's address into Ring's portal, and let something happen."""
        self.cloud.add_app(self.home.app.client_id, webhook_url=self.home.webhook_url)
        # Only a URL that is set counts as one that Ring can reach; the account is reloaded with it.
        self._external_url = url = str(URL(self.home.webhook_url).origin())
        await self.hass.config.async_update(external_url=url)
        await self.settle()
        await self.pass_time(1)
        self.cloud.happen(self.device("doorbell"), "motion_detected")
        await self.settle()


@asynccontextmanager
async def running(devices: int, clock: Clockwork, *, can_be_pushed: bool = False) -> AsyncIterator[Rig]:
    """Start a Home Assistant, linked with an account of so many devices."""
    folder = scratch("rig")
    # Home Assistant takes hold of the real clock before it can be stopped.
    frozen = patch.object(dt_util, "utcnow", lambda: datetime.now(UTC))
    async with RingCloud(clock=Clock(source=time.time)) as cloud:
        home = Home(folder, cloud, cloud.add_account(devices=devices))
        home.link(can_be_pushed=can_be_pushed)
        rig = Rig(home, clock)
        with frozen:
            await rig.start()
            try:
                yield rig
            finally:
                await rig.stop()
    shutil.rmtree(folder)
