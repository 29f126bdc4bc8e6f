"""What the tests of recordings have in common: a past, and the media browser as the frontend asks for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.typing import MockHAClientWebSocket, WebSocketGenerator

from custom_components.ring_partner.recordings import Recordings
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from ring_cloud import Account, App, RingCloud
from ring_cloud.model import Device

from .polls import async_set_up
from .pushes import HISTORY

NOW = datetime(2026, 11, 20, 20, tzinfo=UTC)
ROOT = "media-source://ring_partner"


@dataclass
class Recorded:
    """A home whose cameras have recorded for weeks."""

    hass: HomeAssistant
    cloud: RingCloud
    entry: ConfigEntry
    door: Device
    websocket: MockHAClientWebSocket

    @property
    def recordings(self) -> Recordings:
        return self.entry.runtime_data.recordings

    @property
    def asked(self) -> int:
        """How many pages of history Ring was asked for."""
        return self.cloud.count("GET", HISTORY)

    def remember(
        self,
        event_type: str,
        at: datetime,
        sub_type: str | None = None,
        duration: float = 32,
        device: Device | None = None,
    ) -> None:
        """Let something have happened."""
        self.cloud.remember(device or self.door, event_type, sub_type=sub_type, at=at.timestamp(), duration=duration)

    def motions(self, count: int, start: datetime, every: timedelta = timedelta(minutes=1)) -> None:
        """Let there have been motion again and again."""
        for number in range(count):
            self.remember("motion_detected", start + number * every)

    async def send(self, command: str, **message: Any) -> dict[str, Any]:
        await self.websocket.send_json_auto_id({"type": f"media_source/{command}", **message})
        return await self.websocket.receive_json()

    async def open(self, *path: str) -> dict[str, Any]:
        """Open a folder as the frontend does, going down by titles."""
        found = (await self.send("browse_media", media_content_id=ROOT))["result"]
        for title in path:
            (child,) = [child for child in found["children"] if child["title"] == title]
            answer = await self.send("browse_media", media_content_id=child["media_content_id"])
            assert answer["success"], answer
            found = answer["result"]
        return found

    async def browse(self, identifier: str) -> dict[str, Any]:
        return await self.send("browse_media", media_content_id=f"{ROOT}/{identifier}")

    async def search(self, text: str, identifier: str | None = None, **more: Any) -> list[str]:
        """Return the titles of what a search finds."""
        place = ROOT if identifier is None else f"{ROOT}/{identifier}"
        answer = await self.send("search_media", media_content_id=place, search_query=text, **more)
        assert answer["success"], answer
        return titles(answer["result"]["result"])


def titles(children: Sequence[dict[str, Any]] | dict[str, Any]) -> list[str]:
    """Return the titles in a folder."""
    return [child["title"] for child in (children["children"] if isinstance(children, dict) else children)]


@pytest.fixture
def now() -> datetime:
    """When a test begins."""
    return NOW


@pytest.fixture
def known_time(freezer: FrozenDateTimeFactory, now: datetime) -> None:
    """Let it be a known day, before anything else begins."""
    freezer.move_to(now)


@pytest.fixture
async def recorded(
    known_time: None, hass: HomeAssistant, cloud: RingCloud, account: Account, app: App,
    entry: ConfigEntry, hass_ws_client: WebSocketGenerator,
) -> Recorded:  # fmt: skip
    """Jane's account, whose history begins three weeks ago."""
    await hass.config.async_set_time_zone("UTC")
    assert await async_setup_component(hass, "media_source", {})
    hass.config_entries.async_update_entry(entry, pref_disable_polling=True)
    cloud.backdate_consent(account, app, 21 * 86_400)
    await async_set_up(hass, entry)
    return Recorded(hass, cloud, entry, account.device("Front Door"), await hass_ws_client(hass))
