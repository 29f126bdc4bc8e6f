"""The action that saves a clip: what stands in the file, where it may stand, and that no half of it is left."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
import resource
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.ring_partner.const import DOMAIN
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util import dt as dt_util
from ring_cloud import Account, App, Permission, RingCloud
from ring_cloud.media_time import read_times
from ring_cloud.model import Device

from .polls import async_pass_time, async_set_up, entities_of

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
VIDEO = "/v1/devices/*/media/video/download"
FRONT_DOOR = "event.front_door_doorbell"
HOUR = timedelta(hours=1)
LENGTH = timedelta(seconds=3)


@pytest.fixture(autouse=True)
def _now(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(NOW)


@pytest.fixture
def bell(account: Account) -> Device:
    return account.device("Front Door")


@pytest.fixture
async def seen(
    freezer: FrozenDateTimeFactory,
    hass: HomeAssistant,
    entry: ConfigEntry,
    cloud: RingCloud,
    account: Account,
    app: App,
) -> ConfigEntry:
    """Jane's account, set up; she has used the app for a day."""
    cloud.backdate_consent(account, app, 86_400)
    await async_set_up(hass, entry)
    return entry


@pytest.fixture
def folder(hass: HomeAssistant, tmp_path: Path) -> Path:
    """Where Home Assistant may write."""
    folder = tmp_path / "allowed"
    folder.mkdir()
    hass.config.allowlist_external_dirs = {str(folder)}
    return folder


def ring_at(cloud: RingCloud, device: Device, at: datetime, length: timedelta = LENGTH) -> None:
    """Let somebody have rung, and the camera have recorded it."""
    cloud.remember(device, "button_press", at=at.timestamp(), duration=length.total_seconds())


async def async_download(hass: HomeAssistant, filename: Path, **data: Any) -> dict[str, Any]:
    """Call the action; return what it answers."""
    data = {"entity_id": FRONT_DOOR, "filename": str(filename)} | data
    answer = await hass.services.async_call(DOMAIN, "download_clip", data, blocking=True, return_response=True)
    assert isinstance(answer, dict)
    return answer


def shown(clip: Path) -> tuple[datetime, datetime]:
    """The times burnt into the first and the last frame."""
    times = [datetime.fromtimestamp(at / 1000, UTC) for at in read_times(clip.read_bytes())]
    return times[0], times[-1]


async def test_the_file_shows_the_asked_time(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, bell: Device, folder: Path
) -> None:
    at = NOW - HOUR
    ring_at(cloud, bell, at)
    answer = await async_download(hass, folder / "ring.mp4", start=at.isoformat(), duration={"seconds": 2})

    first, last = shown(folder / "ring.mp4")
    assert first == at
    assert at + timedelta(seconds=1.5) < last <= at + timedelta(seconds=2)
    assert answer == {
        "path": str(folder / "ring.mp4"),
        "bytes": (folder / "ring.mp4").stat().st_size,
        "start": dt_util.as_local(at).isoformat(),
        "duration": 2.0,
    }
    assert [file.name for file in folder.iterdir()] == ["ring.mp4"]


async def test_a_time_without_an_offset_is_that_of_the_users_zone(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, bell: Device, folder: Path
) -> None:
    await hass.config.async_set_time_zone("Europe/Berlin")
    ring_at(cloud, bell, NOW - HOUR)
    answer = await async_download(hass, folder / "ring.mp4", start="2026-01-15 12:00:00", duration="00:00:01")

    assert shown(folder / "ring.mp4")[0] == NOW - HOUR
    assert answer["start"] == "2026-01-15T12:00:00+01:00"


async def test_without_a_duration_as_much_as_there_is_of_thirty_seconds(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, bell: Device, folder: Path
) -> None:
    ring_at(cloud, bell, NOW - HOUR)
    answer = await async_download(hass, folder / "ring.mp4", start=(NOW - HOUR).isoformat())

    first, last = shown(folder / "ring.mp4")
    assert first == NOW - HOUR
    assert LENGTH <= last - first < timedelta(seconds=30)
    assert answer["duration"] == 30


async def test_one_lens_of_several(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, account: Account, folder: Path
) -> None:
    device = next(device for device in account.devices if "components" in device.family.capabilities)
    ring_at(cloud, device, NOW - HOUR)
    lenses = [entity_id for entity_id in entities_of(hass, seen, device) if entity_id.startswith("camera.")]
    assert len(lenses) == 2
    for lens in lenses:
        await async_download(
            hass, folder / f"{lens}.mp4", entity_id=lens, start=(NOW - HOUR).isoformat(), duration="00:00:01"
        )
        assert shown(folder / f"{lens}.mp4")[0] == NOW - HOUR

    assert cloud.count("POST", VIDEO, 303) == 2


async def test_an_older_file_is_replaced_by_a_whole_one(
    hass: HomeAssistant,
    seen: ConfigEntry,
    cloud: RingCloud,
    bell: Device,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A connection that breaks would be taken up again a second later, and time stands still.
    monkeypatch.setattr("custom_components.ring_partner.reception._FAILED_S", ())
    (folder / "ring.mp4").write_text("older")
    with pytest.raises(HomeAssistantError, match="Nothing was recorded at that time"):
        await async_download(hass, folder / "ring.mp4", start=(NOW - HOUR).isoformat())
    assert (folder / "ring.mp4").read_text() == "older"

    ring_at(cloud, bell, NOW - HOUR)
    cloud.media.transfers.cut_after(3000)
    with pytest.raises(HomeAssistantError, match="Ring cannot be reached"):
        await async_download(hass, folder / "ring.mp4", start=(NOW - HOUR).isoformat(), duration="00:00:02")
    assert [file.read_text() for file in folder.iterdir()] == ["older"]

    await async_download(hass, folder / "ring.mp4", start=(NOW - HOUR).isoformat(), duration="00:00:02")
    assert shown(folder / "ring.mp4")[0] == NOW - HOUR
    assert len([*folder.iterdir()]) == 1


async def test_a_full_disk_leaves_nothing_behind(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, bell: Device, folder: Path
) -> None:
    ring_at(cloud, bell, NOW - HOUR)
    clip = {"start": (NOW - HOUR).isoformat(), "duration": "00:00:01"}
    # The Ring cloud makes the file only once, while there still is room for it.
    await async_download(hass, folder / "before.mp4", **clip)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(HomeAssistantError, match=r"ring\.mp4 cannot be written: File too large"):
            await async_download(hass, folder / "ring.mp4", **clip)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert [file.name for file in folder.iterdir()] == ["before.mp4"]


async def test_a_call_that_is_broken_off_leaves_nothing_behind(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, bell: Device, folder: Path
) -> None:
    ring_at(cloud, bell, NOW - HOUR)
    held = cloud.media.transfers.hold_after(3000)
    call = hass.async_create_task(
        async_download(hass, folder / "ring.mp4", start=(NOW - HOUR).isoformat(), duration="00:00:01")
    )
    await held.reached()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert [*folder.iterdir()] == []


@pytest.mark.parametrize("name", ["../ring.mp4", "link.mp4", "linked/ring.mp4"])
async def test_nothing_is_written_outside_of_the_allowed_folders(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, bell: Device, folder: Path, name: str
) -> None:
    ring_at(cloud, bell, NOW - HOUR)
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "ring.mp4").write_text("theirs")
    (folder / "linked").symlink_to(outside)
    (folder / "link.mp4").symlink_to(outside / "ring.mp4")
    with pytest.raises(ServiceValidationError, match=r"Home Assistant may not write to .*allowlist_external_dirs"):
        await async_download(hass, folder / name, start=(NOW - HOUR).isoformat())

    assert [file.read_text() for file in outside.iterdir()] == ["theirs"]
    assert cloud.count("POST", VIDEO) == 0, "Ring is not asked for what cannot be kept"


@pytest.mark.parametrize("name", ["missing/ring.mp4", "folder.mp4"])
async def test_no_folder_is_made_or_replaced(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, bell: Device, folder: Path, name: str
) -> None:
    ring_at(cloud, bell, NOW - HOUR)
    (folder / "folder.mp4").mkdir()
    with pytest.raises(HomeAssistantError, match=rf"{name} cannot be written: (No such file|Is a) "):
        await async_download(hass, folder / name, start=(NOW - HOUR).isoformat(), duration="00:00:01")

    assert [file.name for file in folder.iterdir()] == ["folder.mp4"]


async def test_what_is_still_being_recorded_is_waited_for(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, bell: Device, folder: Path
) -> None:
    cloud.happen(bell, "button_press")
    call = hass.async_create_task(
        async_download(hass, folder / "ring.mp4", start=dt_util.utcnow().isoformat(), duration="00:00:03")
    )
    await asyncio.sleep(0)
    assert cloud.count("POST", VIDEO) == 0

    await async_pass_time(hass, freezer, timedelta(seconds=4))
    assert (await call)["duration"] == 3
    assert cloud.count("POST", VIDEO) == 1


async def test_an_old_recording_that_is_not_there_is_not_asked_for_again(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, folder: Path
) -> None:
    with pytest.raises(HomeAssistantError, match="Nothing was recorded at that time"):
        await async_download(hass, folder / "ring.mp4", start=(NOW - HOUR).isoformat())

    assert cloud.count("POST", VIDEO) == 1


async def test_before_the_consent(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, bell: Device, folder: Path
) -> None:
    ring_at(cloud, bell, NOW - 48 * HOUR)
    with pytest.raises(ServiceValidationError, match="nothing from before you allowed the app"):
        await async_download(hass, folder / "ring.mp4", start=(NOW - 48 * HOUR).isoformat())


async def test_an_encrypted_camera(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, bell: Device, folder: Path
) -> None:
    ring_at(cloud, bell, NOW - HOUR)
    cloud.media.take(bell)
    with pytest.raises(HomeAssistantError, match="the camera encrypts it"):
        await async_download(hass, folder / "ring.mp4", start=(NOW - HOUR).isoformat(), duration="00:00:01")

    assert [*folder.iterdir()] == []


async def test_a_permission_that_is_missing(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, bell: Device, app: App, folder: Path
) -> None:
    ring_at(cloud, bell, NOW - HOUR)
    app.permissions = frozenset(Permission) - {Permission.CAMERAS}
    with pytest.raises(HomeAssistantError, match="may lack the permission group Cameras and Doorbells"):
        await async_download(hass, folder / "ring.mp4", start=(NOW - HOUR).isoformat())


async def test_a_link_that_is_lost(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, account: Account, app: App, folder: Path
) -> None:
    cloud.grants.revoke(account, app)
    with pytest.raises(HomeAssistantError, match="Ring no longer accepts this link"):
        await async_download(hass, folder / "ring.mp4", start=(NOW - HOUR).isoformat())


async def test_ring_is_left_alone_as_long_as_it_asks_for(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, bell: Device, folder: Path
) -> None:
    ring_at(cloud, bell, NOW - HOUR)
    cloud.faults.add(VIDEO, status=429, headers={"Retry-After": "40"})
    clip = {"start": (NOW - HOUR).isoformat(), "duration": "00:00:01"}
    for _ in range(2):
        with pytest.raises(HomeAssistantError, match="Ring asks to wait 40 s"):
            await async_download(hass, folder / "ring.mp4", **clip)
    assert cloud.count("POST", VIDEO) == 1

    freezer.tick(41)
    assert (await async_download(hass, folder / "ring.mp4", **clip))["duration"] == 1


async def test_without_a_response_it_saves_all_the_same(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, bell: Device, folder: Path
) -> None:
    ring_at(cloud, bell, NOW - HOUR)
    data = {"entity_id": FRONT_DOOR, "filename": str(folder / "ring.MP4"), "start": NOW - HOUR, "duration": 1}
    await hass.services.async_call(DOMAIN, "download_clip", data, blocking=True)

    assert shown(folder / "ring.MP4")[0] == NOW - HOUR


async def test_the_future_is_refused(hass: HomeAssistant, seen: ConfigEntry, folder: Path) -> None:
    with pytest.raises(ServiceValidationError, match="This time is yet to come"):
        await async_download(hass, folder / "ring.mp4", start=(NOW + HOUR).isoformat())


async def test_an_account_that_is_unloaded_while_a_clip_is_waited_for(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, bell: Device, folder: Path
) -> None:
    freezer.tick(1)
    ring_at(cloud, bell, NOW)
    clip = {"start": NOW.isoformat(), "duration": "00:00:10"}
    saving = asyncio.create_task(async_download(hass, folder / "ring.mp4", **clip))
    await asyncio.sleep(0)
    await hass.config_entries.async_unload(seen.entry_id)
    await async_pass_time(hass, freezer, timedelta(seconds=15))
    with pytest.raises(HomeAssistantError, match="The Ring account Jane Doe is not loaded"):
        await saving
    assert [*folder.iterdir()] == []
