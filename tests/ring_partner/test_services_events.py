"""Actions that look back: what has happened at a camera, and the picture of it."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.ring_partner.const import DOMAIN
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util import dt as dt_util
from homeassistant.util.async_ import get_scheduled_timer_handles
from ring_cloud import Account, App, RingCloud
from ring_cloud.media_time import read_time, read_times
from ring_cloud.model import Device

from .home import Home, home, pushed
from .polls import async_pass_time, async_set_up

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
CAMERA = "camera.front_door"
HOUR = timedelta(hours=1)
IMAGE = "/v1/devices/*/media/image/download"
HISTORY = "/v1/history/devices/*"

__all__ = ["home", "pushed"]


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
    """Jane's account, set up; she has used the app for a week."""
    cloud.backdate_consent(account, app, 7 * 86_400)
    return entry


@pytest.fixture
def folder(hass: HomeAssistant, tmp_path: Path) -> Path:
    """Where Home Assistant may write."""
    folder = tmp_path / "allowed"
    folder.mkdir()
    hass.config.allowlist_external_dirs = {str(folder)}
    return folder


def past(cloud: RingCloud, device: Device, event_type: str, at: datetime, sub_type: str | None = None) -> None:
    """Let something have happened, three seconds long."""
    cloud.remember(device, event_type, at=at.timestamp(), sub_type=sub_type, duration=3)


async def async_act(hass: HomeAssistant, action: str, **data: Any) -> dict[str, Any]:
    """Call an action for the front door; return what it answers."""
    data = {"entity_id": CAMERA} | data
    answer = await hass.services.async_call(DOMAIN, action, data, blocking=True, return_response=True)
    assert isinstance(answer, dict)
    return answer


async def async_let_time_pass(home: Home, call: asyncio.Task[Any]) -> None:
    """Let time pass whenever the action waits for that."""
    while not call.done():
        if any("ring_partner media" in str(timer) for timer in get_scheduled_timer_handles(home.hass.loop)):
            home.freezer.tick(1)
            async_fire_time_changed(home.hass)
        await asyncio.sleep(0)


async def async_types(hass: HomeAssistant, **data: Any) -> list[str]:
    return [event["type"] for event in (await async_act(hass, "get_events", **data))["events"]]


async def test_what_happened_is_listed_newest_first(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, bell: Device
) -> None:
    past(cloud, bell, "motion_detected", NOW - 25 * HOUR)
    past(cloud, bell, "button_press", NOW - 2 * HOUR)
    past(cloud, bell, "on_demand", NOW - HOUR)
    await async_set_up(hass, seen)
    live, ring = (await async_act(hass, "get_events"))["events"]

    row = next(row for row in cloud.history.rows(bell.id) if row.event_type == "ding")
    assert ring == {
        "event_id": row.id,
        "type": "ring",
        "sub_type": None,
        "start": dt_util.as_local(NOW - 2 * HOUR).isoformat(),
        "end": dt_util.as_local(NOW - 2 * HOUR + timedelta(seconds=3)).isoformat(),
        "duration": 3.0,
        "media_content_id": ring["media_content_id"],
    }
    assert ring["media_content_id"].startswith(f"media-source://ring_partner/{seen.entry_id}/")
    assert live["type"] == "live_view"


async def test_a_span_of_time(hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, bell: Device) -> None:
    for hours, event_type in ((1, "button_press"), (30, "motion_detected"), (60, "button_press")):
        past(cloud, bell, event_type, NOW - hours * HOUR)
    await async_set_up(hass, seen)

    assert await async_types(hass, start=(NOW - 48 * HOUR).isoformat()) == ["ring", "motion"]
    assert await async_types(hass, end=(NOW - 24 * HOUR).isoformat()) == ["motion"]
    assert await async_types(
        hass, start=(NOW - 72 * HOUR).isoformat(), end=(NOW - 48 * HOUR).isoformat()
    ) == ["ring"]  # fmt: skip
    with pytest.raises(ServiceValidationError, match="The start must be before the end"):
        await async_types(hass, start=NOW - HOUR, end=NOW - 2 * HOUR)


async def test_only_some_types_and_only_so_many(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, bell: Device
) -> None:
    for minutes, event_type in enumerate(("button_press", "motion_detected", "on_demand", "motion_detected"), 10):
        past(cloud, bell, event_type, NOW - timedelta(minutes=minutes))
    await async_set_up(hass, seen)

    assert await async_types(hass) == ["ring", "motion", "live_view", "motion"]
    assert await async_types(hass, types=["ring", "live_view"]) == ["ring", "live_view"]
    assert await async_types(hass, types="motion", limit=1) == ["motion"]
    assert await async_types(hass, types=["package"]) == []


async def test_people_are_told_apart(hass: HomeAssistant, pushed: ConfigEntry, home: Home, bell: Device) -> None:
    for sub_type in ("human", "vehicle"):
        await home.happen(bell, "motion_detected", sub_type=sub_type)
        home.freezer.tick(60)

    events = (await async_act(hass, "get_events", types=["human"]))["events"]
    assert [(event["type"], event["sub_type"]) for event in events] == [("motion", "human")]


async def test_where_ring_filters_people_of_the_past_are_told_apart_too(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, bell: Device
) -> None:
    cloud.switches.history_filters = True
    past(cloud, bell, "motion_detected", NOW - 2 * HOUR, "human")
    past(cloud, bell, "motion_detected", NOW - HOUR, "vehicle")
    await async_set_up(hass, seen)

    events = (await async_act(hass, "get_events", types=["human"]))["events"]
    assert [(event["sub_type"], event["start"]) for event in events] == [
        ("human", dt_util.as_local(NOW - 2 * HOUR).isoformat())
    ]
    assert await async_types(hass, types=["motion"]) == ["motion", "motion"]


async def test_an_event_of_the_list_can_be_downloaded_in_its_length(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, bell: Device, folder: Path
) -> None:
    past(cloud, bell, "motion_detected", NOW - 50 * HOUR)
    await async_set_up(hass, seen)
    (event,) = (await async_act(hass, "get_events", start=NOW - 60 * HOUR))["events"]
    clip = await async_act(
        hass, "download_clip", event_id=event["event_id"], filename=str(folder / "motion.mp4")
    )  # fmt: skip

    assert (clip["start"], clip["duration"]) == (event["start"], 3.0)
    first = read_times((folder / "motion.mp4").read_bytes())[0]
    assert datetime.fromtimestamp(first / 1000, UTC) == NOW - 50 * HOUR


async def test_an_event_that_an_event_entity_shows_can_be_downloaded(
    hass: HomeAssistant, pushed: ConfigEntry, home: Home, cloud: RingCloud, bell: Device, folder: Path
) -> None:
    await home.happen(bell, "button_press")
    event = home.event(pushed, bell, "doorbell").attributes
    home.freezer.tick(60)
    await async_act(
        hass,
        "download_clip",
        entity_id="event.front_door_doorbell",
        event_id=event["event_id"],
        duration="00:00:01",
        filename=str(folder / "ring.mp4"),
    )

    first = read_times((folder / "ring.mp4").read_bytes())[0]
    assert datetime.fromtimestamp(first / 1000, UTC) == datetime.fromisoformat(event["event_time"])


@pytest.mark.parametrize("at", ["2026-01-15T11:00:00", "2026-02-31T11:00:00", None])
async def test_the_event_of_something_else_than_ring_is_none(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, folder: Path, at: str | None
) -> None:
    await async_set_up(hass, seen)
    hass.states.async_set("event.mailbox", NOW.isoformat(), {"event_id": "theirs", "event_time": at})
    with pytest.raises(ServiceValidationError, match="No event of the last 30 days has this ID"):
        await async_act(hass, "download_clip", event_id="theirs", filename=str(folder / "ring.mp4"))

    assert cloud.count("POST") == 0


async def test_an_event_that_nobody_knows(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, folder: Path
) -> None:
    await async_set_up(hass, seen)
    with pytest.raises(ServiceValidationError, match="No event of the last 30 days has this ID"):
        await async_act(hass, "download_clip", event_id="unknown", filename=str(folder / "ring.mp4"))

    assert cloud.count("POST") == 0


async def test_the_picture_of_a_moment(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, bell: Device, folder: Path
) -> None:
    at = NOW - 3 * HOUR
    past(cloud, bell, "button_press", at)
    await async_set_up(hass, seen)
    picture = folder / "ring.jpg"
    answer = await async_act(hass, "get_snapshot", time=at.isoformat(), filename=str(picture))

    assert datetime.fromtimestamp(read_time(picture.read_bytes()) / 1000, UTC) == at
    assert answer == {
        "path": str(picture),
        "bytes": picture.stat().st_size,
        "content_type": "image/jpeg",
        "time": dt_util.as_local(at).isoformat(),
        "image": answer["image"],
    }
    assert [*folder.iterdir()] == [picture]


async def test_a_picture_can_be_seen_by_whoever_has_its_address(
    hass: HomeAssistant,
    hass_client_no_auth: ClientSessionGenerator,
    seen: ConfigEntry,
    cloud: RingCloud,
    bell: Device,
) -> None:
    at = NOW - 3 * HOUR
    past(cloud, bell, "button_press", at)
    await async_set_up(hass, seen)
    answer = await async_act(hass, "get_snapshot", time=at)
    assert answer.keys() == {"time", "content_type", "image"}

    client = await hass_client_no_auth()
    asked = len(cloud.media_requests)
    shown = await client.get(answer["image"])
    assert shown.status == 200
    assert len(cloud.media_requests) == asked, "Ring was asked twice for one picture"
    assert datetime.fromtimestamp(read_time(await shown.read()) / 1000, UTC) == at
    assert (await client.get(answer["image"].partition("?")[0])).status == 401


async def test_the_last_picture_by_default(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, bell: Device, folder: Path
) -> None:
    past(cloud, bell, "motion_detected", NOW - 50 * HOUR)
    past(cloud, bell, "button_press", NOW - 40 * HOUR)
    await async_set_up(hass, seen)
    answer = await async_act(hass, "get_snapshot", filename=str(folder / "last.jpg"))

    at = datetime.fromtimestamp(read_time((folder / "last.jpg").read_bytes()) / 1000, UTC)
    assert at == NOW - 40 * HOUR == datetime.fromisoformat(answer["time"])


async def test_the_picture_of_what_happens_just_now_is_waited_for(
    hass: HomeAssistant, pushed: ConfigEntry, home: Home, cloud: RingCloud, bell: Device, folder: Path
) -> None:
    cloud.switches.recording_ready_after = 5
    await home.happen(bell, "button_press")
    at = datetime.fromisoformat(home.event(pushed, bell, "doorbell").attributes["event_time"])
    call = asyncio.create_task(async_act(hass, "get_snapshot", filename=str(folder / "now.jpg")))
    await async_let_time_pass(home, call)

    assert datetime.fromisoformat((await call)["time"]) == at
    assert datetime.fromtimestamp(read_time((folder / "now.jpg").read_bytes()) / 1000, UTC) == at


async def test_a_picture_that_does_not_come_is_not_waited_for_long(
    hass: HomeAssistant, pushed: ConfigEntry, home: Home, cloud: RingCloud, bell: Device
) -> None:
    cloud.switches.recording_ready_after = 60
    await home.happen(bell, "button_press")
    began = dt_util.utcnow()
    call = asyncio.create_task(async_act(hass, "get_snapshot"))
    await async_let_time_pass(home, call)

    with pytest.raises(HomeAssistantError, match=r"not ready yet\. Try again in a few seconds"):
        await call
    assert timedelta(seconds=8) <= dt_util.utcnow() - began < timedelta(seconds=15)


async def test_an_account_that_is_unloaded_while_a_picture_is_waited_for(
    hass: HomeAssistant, pushed: ConfigEntry, home: Home, cloud: RingCloud, bell: Device
) -> None:
    cloud.switches.recording_ready_after = 60
    await home.happen(bell, "button_press")
    call = asyncio.create_task(async_act(hass, "get_snapshot"))
    asked = cloud.count("POST", IMAGE)
    while cloud.count("POST", IMAGE) == asked:
        await asyncio.sleep(0)
    # It has been refused, and is going to be asked for again.
    await hass.async_block_till_done(wait_background_tasks=True)
    await hass.config_entries.async_unload(pushed.entry_id)
    await async_let_time_pass(home, call)
    with pytest.raises(HomeAssistantError, match="The Ring account Jane Doe is not loaded"):
        await call


async def test_the_newest_of_long_ago_costs_one_page(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, bell: Device
) -> None:
    for back in range(60):
        past(cloud, bell, "button_press", NOW - (48 + back) * HOUR)
    await async_set_up(hass, seen)
    cloud.requests.clear()
    answer = await async_act(hass, "get_snapshot")
    assert datetime.fromisoformat(answer["time"]) == NOW - 48 * HOUR
    assert cloud.count("GET", HISTORY) == 1


async def test_a_picture_that_is_there_is_not_asked_for_again(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, seen: ConfigEntry, cloud: RingCloud, bell: Device
) -> None:
    past(cloud, bell, "button_press", NOW - HOUR)
    await async_set_up(hass, seen)
    await async_pass_time(hass, freezer)
    await async_pass_time(hass, freezer)
    asked = cloud.count("POST", IMAGE)
    answer = await async_act(hass, "get_snapshot")

    assert datetime.fromisoformat(answer["time"]) == NOW - HOUR
    assert cloud.count("POST", IMAGE) == asked > 0


async def test_an_encrypted_camera_says_so(
    hass: HomeAssistant, pushed: ConfigEntry, home: Home, cloud: RingCloud, bell: Device
) -> None:
    cloud.media.take(bell)
    await home.happen(bell, "button_press")
    home.freezer.tick(60)

    with pytest.raises(HomeAssistantError, match="the camera encrypts it"):
        await async_act(hass, "get_snapshot")


async def test_where_the_last_event_has_no_picture_the_one_before_it_is_given(
    hass: HomeAssistant, home: Home, seen: ConfigEntry, cloud: RingCloud, bell: Device, folder: Path
) -> None:
    before = NOW - HOUR
    past(cloud, bell, "button_press", before)
    await async_set_up(hass, seen)
    await async_pass_time(hass, home.freezer)
    cloud.media.unreadable(bell, None)
    await home.happen(bell, "motion_detected")
    home.freezer.tick(180)
    answer = await async_act(hass, "get_snapshot", filename=str(folder / "before.jpg"))

    assert datetime.fromisoformat(answer["time"]) == before


async def test_no_picture_of_nothing(hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, folder: Path) -> None:
    await async_set_up(hass, seen)
    with pytest.raises(ServiceValidationError, match="has not recorded anything in the last 30 days"):
        await async_act(hass, "get_snapshot", filename=str(folder / "last.jpg"))
    with pytest.raises(HomeAssistantError, match="Nothing was recorded at that time"):
        await async_act(hass, "get_snapshot", time=NOW - HOUR, filename=str(folder / "last.jpg"))

    assert [*folder.iterdir()] == []


async def test_a_picture_has_to_stand_where_it_may(
    hass: HomeAssistant, seen: ConfigEntry, folder: Path
) -> None:  # fmt: skip
    await async_set_up(hass, seen)
    with pytest.raises(ServiceValidationError, match="Home Assistant may not write to"):
        await async_act(hass, "get_snapshot", filename=str(folder.parent / "last.jpg"))


async def test_an_outage(hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud) -> None:
    await async_set_up(hass, seen)
    cloud.faults.add(HISTORY, status=503, count=None)
    with pytest.raises(HomeAssistantError, match="Ring is busy, or the device is offline"):
        await async_act(hass, "get_events", start=NOW - 48 * HOUR)
