"""What the tests of webhooks have in common: an account that Ring pushes to, and what its event entities fired."""

from dataclasses import dataclass, field
import json
from typing import Any

import aiohttp
from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.ring_partner.endpoints import Endpoint, endpoint_id
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event, HomeAssistant, State, callback
from ring_cloud import Account, App, RingCloud
from ring_cloud.deliveries import Delivery, sign
from ring_cloud.model import Device

from .conftest import SIGNING_KEY
from .polls import async_set_up, keys_of

RING = ("doorbell", "ring")


def webhook_url(address: str, signing_key: str = SIGNING_KEY) -> str:
    """Return where Ring pushes the events of an app to."""
    return f"{address}/api/webhook/{endpoint_id(signing_key, Endpoint.EVENTS)}"


@dataclass
class Home:
    """Home Assistant and the Ring cloud, with events under way between them."""

    hass: HomeAssistant
    freezer: FrozenDateTimeFactory
    cloud: RingCloud
    browser: aiohttp.ClientSession
    url: str
    states: dict[tuple[str, str, str], State] = field(default_factory=dict)

    async def arrive(self, after: float = 0.05) -> None:
        """Let time pass and everything arrive that Ring sends by then."""
        self.freezer.tick(after)
        await self.cloud.deliveries.settle()
        await self.hass.async_block_till_done()

    async def happen(self, device: Device, event_type: str, **what: Any) -> Delivery:
        """Let something happen and arrive; return the last webhook of it."""
        self.cloud.happen(device, event_type, **what)
        await self.arrive()
        return self.cloud.deliveries[-1]

    async def post(self, body: bytes, signature: str | None = None, url: str | None = None) -> int:
        """Post a body to the webhook as Ring does; return the HTTP status."""
        headers = {"X-Signature": sign(SIGNING_KEY, body) if signature is None else signature}
        async with self.browser.post(url or self.url, data=body, headers=headers) as answer:
            status = answer.status
        await self.hass.async_block_till_done()
        return status

    async def deliver_again(self, delivery: Delivery) -> int:
        """Send the very same bytes once more, a little later."""
        self.freezer.tick(1)
        return await self.post(delivery.body)

    async def tell(self, account: Account, **data: Any) -> int:
        """Send what the Ring cloud has no words for."""
        meta = {"version": "1.1", "request_id": json.dumps(data), "account_id": account.id}
        return await self.post(json.dumps({"meta": meta, "data": data}).encode())

    def fired(self, entry: ConfigEntry, device: Device) -> list[tuple[str, str]]:
        """Return the event entities of a device that fired, by their keys, with the event types, in order."""
        keys = {entity_id: key for key, entity_id in self._event_entities(entry, device).items()}
        states = (state for state in self.states.values() if state.entity_id in keys)
        return [(keys[state.entity_id], state.attributes["event_type"]) for state in states]

    def event(self, entry: ConfigEntry, device: Device, key: str) -> State:
        """Return what an event entity shows."""
        state = self.hass.states.get(self._event_entities(entry, device)[key])
        assert isinstance(state, State)
        return state

    def _event_entities(self, entry: ConfigEntry, device: Device) -> dict[str, str]:
        """Return them by their keys, which other entities may have, too."""
        return {key: item.entity_id for key, item in keys_of(self.hass, entry, device) if item.domain == "event"}

    def watch(self) -> None:
        """Collect what event entities fire; showing a known event again, as after a reload, is none."""

        @callback
        def changed(event: Event) -> None:
            state: State | None = event.data["new_state"]
            if state is None or state.domain != "event" or state.state in (STATE_UNAVAILABLE, STATE_UNKNOWN):
                return
            self.states.setdefault((state.entity_id, state.state, str(state.attributes.get("event_time"))), state)

        self.hass.bus.async_listen(EVENT_STATE_CHANGED, changed)


@pytest.fixture
async def home(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, cloud: RingCloud, credentials: App, address: str,
    browser: aiohttp.ClientSession,
) -> Home:  # fmt: skip
    """A home whose webhook stands in the developer portal."""
    home = Home(hass, freezer, cloud, browser, webhook_url(address))
    cloud.add_app(credentials.client_id, webhook_url=home.url)
    home.watch()
    return home


@pytest.fixture
async def pushed(home: Home, entry: ConfigEntry) -> ConfigEntry:
    """Jane's account, set up a while ago."""
    await async_set_up(home.hass, entry)
    home.freezer.tick(3)
    return entry
