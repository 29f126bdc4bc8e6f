"""What the tests of clips and their addresses have in common: a camera that has recorded, and a browser that looks."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
import hashlib
from typing import Any

import aiohttp
from freezegun.api import FrozenDateTimeFactory
from multidict import CIMultiDictProxy
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.ring_partner import reception
from custom_components.ring_partner.clips import Clips
from custom_components.ring_partner.identifiers import CameraId, ClipId
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from ring_cloud import Account, App, RingCloud
from ring_cloud.media_time import read_times
from ring_cloud.model import Device

from .polls import async_set_up

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
AT = NOW - timedelta(hours=1)
LENGTH = timedelta(seconds=3)
POST = "/v1/devices/*/media/video/download"


@dataclass(frozen=True)
class Got:
    """An answer, read to its end; `broken` says that the end did not come."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes = field(repr=False)
    broken: bool = False

    @property
    def start(self) -> datetime:
        """The time burnt into the first frame."""
        return datetime.fromtimestamp(read_times(self.body)[0] / 1000, UTC)


@dataclass
class ClipHome:
    """A linked account with a doorbell that has recorded something an hour ago."""

    hass: HomeAssistant
    entry: ConfigEntry
    cloud: RingCloud
    bell: Device
    browser: Any
    freezer: FrozenDateTimeFactory

    def __post_init__(self) -> None:
        """Remember what an account that is unloaded no longer tells."""
        self.clips: Clips = self.entry.runtime_data.clips
        self.cache = self.clips.cache

    @property
    def downloads(self) -> int:
        """How often Ring was asked for a clip."""
        return self.cloud.count("POST", POST)

    def clip(self, at: datetime = AT, duration: timedelta = LENGTH) -> ClipId:
        return ClipId(CameraId(self.bell.id), at, duration)

    def url(self, at: datetime = AT, duration: timedelta = LENGTH) -> str:
        return f"/api/ring_partner/clip/{self.entry.entry_id}/{self.clip(at, duration)}"

    def record(self, at: datetime, length: timedelta = LENGTH) -> None:
        self.cloud.remember(self.bell, "button_press", at=at.timestamp(), duration=length.total_seconds())

    async def get(self, url: str | None = None, method: str = "GET", **headers: str) -> Got:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.browser.request(method, url or self.url(), headers=named) as answer:
            try:
                return Got(answer.status, answer.headers, await answer.read())
            except aiohttp.ClientError:
                return Got(answer.status, answer.headers, b"", broken=True)

    async def whole(self) -> bytes:
        """The clip as Ring has it."""
        got = await self.get()
        assert got.status == 200
        return got.body

    def kept(self) -> set[str]:
        """The files in the cache, by name."""
        folder = self.cache.folder
        return {path.name for path in folder.iterdir() if path.is_file()} if folder.is_dir() else set()


@pytest.fixture(autouse=True)
def _at_once(freezer: FrozenDateTimeFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's time stands still, and so nothing is waited for."""
    freezer.move_to(NOW)
    monkeypatch.setattr(reception, "_NOT_READY_S", (0,))
    monkeypatch.setattr(reception, "_NOT_READY_LATER_S", 0)
    monkeypatch.setattr(reception, "_FAILED_S", (0, 0, 0, 0))


@pytest.fixture
async def house(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, entry: ConfigEntry, cloud: RingCloud, account: Account,
    app: App, hass_client: ClientSessionGenerator,
) -> ClipHome:  # fmt: skip
    """Jane's account, set up; somebody rang an hour ago."""
    cloud.backdate_consent(account, app, 86_400)
    await async_set_up(hass, entry)
    house = ClipHome(hass, entry, cloud, account.device("Front Door"), await hass_client(), freezer)
    house.record(AT)
    return house


def name_of(clip: ClipId) -> str:
    """The name of a kept clip on the disk."""
    return hashlib.sha256(f"clip {clip}".encode()).hexdigest()
