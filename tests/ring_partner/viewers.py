"""People who watch a camera in Home Assistant's frontend, and what they are shown."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
import time
from typing import Any
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.typing import MockHAClientWebSocket, WebSocketGenerator

from custom_components.ring_partner import live
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from ring_cloud import Account, RingCloud
from ring_cloud.model import Device
from tests.ring_cloud.whep_client import browser_offer

from .polls import entity_ids

SESSIONS = "/v1/devices/*/media/streaming/whep/sessions*"
# What another task does takes a moment of real time, on a busy machine a long one.
PATIENCE = 120
HOST = "candidate:1 1 udp 2122260223 127.0.0.1 50000 typ host generation 0 ufrag fake"
REFLEXIVE = "candidate:2 1 udp 1686052607 198.51.100.7 50001 typ srflx raddr 0.0.0.0 rport 0 generation 0 ufrag fake"
HIDDEN = "candidate:3 1 udp 2122260223 00000000-0000-4000-8000-000000000000.local 50002 typ host generation 0"


def camera_of(hass: HomeAssistant, entry: ConfigEntry, device: Device, component: str | None = None) -> str:
    """Return the entity id of a camera."""
    return entity_ids(hass, entry, device)["camera" if component is None else f"{component}_camera"]


@dataclass
class Viewer:
    """A browser with a camera open."""

    socket: MockHAClientWebSocket
    entity_id: str
    session_id: str = ""
    subscription: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)

    async def offer(self, sdp: str | None = None) -> None:
        """Open the camera: the offer goes out at once, candidates follow."""
        offer = browser_offer(candidates=()) if sdp is None else sdp
        request = {"type": "camera/webrtc/offer", "entity_id": self.entity_id, "offer": offer}
        await self.socket.send_json_auto_id(request)
        answer = await self.socket.receive_json()
        assert answer["success"], answer
        self.subscription = answer["id"]
        first = await self.next()
        assert first["type"] == "session", first
        self.session_id = first["session_id"]

    async def trickle(self, *lines: str, mids: tuple[str, ...] = ("0", "1")) -> None:
        """Tell where this browser can be reached, each for every stream, as browsers do."""
        for line in lines:
            for index, mid in enumerate(mids):
                candidate = {"candidate": line, "sdpMid": mid, "sdpMLineIndex": index}
                await self.socket.send_json_auto_id(
                    {
                        "type": "camera/webrtc/candidate",
                        "entity_id": self.entity_id,
                        "session_id": self.session_id,
                        "candidate": candidate,
                    }
                )

    async def next(self) -> dict[str, Any]:
        """Return what the viewer is told next: of the session, an answer, or an error."""
        async with asyncio.timeout(PATIENCE):
            while True:
                message = await self.socket.receive_json()
                if (message["type"] == "event" and message["id"] == self.subscription) or not self.subscription:
                    return message["event"]

    async def watch(self) -> dict[str, Any]:
        """Open the camera with a browser that the internet can reach; return the answer or the error."""
        # A busy machine may take longer to name a candidate than a viewer would wait for it.
        with patch.object(live, "LONGEST_HOLD_SECONDS", PATIENCE):
            await self.offer()
            await self.trickle(REFLEXIVE)
            return await self.next()

    async def leave(self) -> None:
        """Close the camera."""
        await self.socket.send_json_auto_id({"type": "unsubscribe_events", "subscription": self.subscription})

    async def vanish(self) -> None:
        """Kill the tab."""
        await self.socket.close()


@pytest.fixture
async def camera(cloud: RingCloud, account: Account) -> Device:
    """A camera on mains; behind the answers of the cloud there is nobody, which is quick."""
    cloud.switches.whep_media = "none"
    return account.device("Front Door")


@pytest.fixture
async def viewer(
    hass: HomeAssistant, camera: Device, linked: ConfigEntry, hass_ws_client: WebSocketGenerator
) -> AsyncIterator[Viewer]:
    """Somebody in front of the camera's dialog."""
    socket = await hass_ws_client(hass)
    yield Viewer(socket, camera_of(hass, linked, camera))
    await socket.close()


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for what another task is about to do, also where the test's time stands still."""
    end = time.clock_gettime(time.CLOCK_MONOTONIC) + PATIENCE
    while not is_so():
        assert time.clock_gettime(time.CLOCK_MONOTONIC) < end, "it does not happen"
        time.sleep(0.001)
        await asyncio.sleep(0)
