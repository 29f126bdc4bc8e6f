"""An account that is unloaded, reloaded or removed while Ring is asked: the answer, or an error in words."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from math import inf
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.ring_partner.const import DOMAIN
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.async_ import get_scheduled_timer_handles
from ring_cloud import Account, App, RingCloud
from ring_cloud.faults import Fault
from ring_cloud.model import Device

from .polls import async_set_up, registered

HISTORY = "/v1/history/*"
IMAGE = "/v1/devices/*/media/image/download"
VIDEO = "/v1/devices/*/media/video/download"
CHIME = "/v1/devices/*/media/audio/playback"
CAMERA = "camera.front_door"

type End = Callable[[], Awaitable[object]]


@pytest.fixture
def door(account: Account) -> Device:
    return account.device("Front Door")


@pytest.fixture
async def seen(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, entry: ConfigEntry, cloud: RingCloud, account: Account,
    app: App, door: Device,
) -> ConfigEntry:  # fmt: skip
    """Jane's account, set up; somebody rang three days ago, of which nobody has told Home Assistant."""
    cloud.backdate_consent(account, app, 7 * 86_400)
    at = dt_util.utcnow() - timedelta(days=3)
    cloud.remember(door, "button_press", at=at.timestamp(), duration=3)
    await async_set_up(hass, entry)
    return entry


@pytest.fixture(params=["unload", "reload", "remove"])
def end(request: pytest.FixtureRequest, hass: HomeAssistant, entry: ConfigEntry) -> End:
    """End what the account works with."""
    entries = hass.config_entries
    ends: dict[str, Callable[[str], Awaitable[object]]] = {
        "unload": entries.async_unload,
        "reload": entries.async_reload,
        "remove": entries.async_remove,
    }
    return lambda: ends[request.param](entry.entry_id)


@pytest.fixture
async def let_end(hass: HomeAssistant, cloud: RingCloud, end: End) -> AsyncIterator[Any]:
    """End the account in the middle of a request, which then goes on; return what comes of it."""

    async def let_end(fault: Fault, call: Awaitable[Any]) -> Any:
        task = asyncio.ensure_future(call)
        await fault.reached()
        await end()
        cloud.faults.remove(fault.id)
        while not task.done():
            if any("ring_partner media" in str(timer) for timer in get_scheduled_timer_handles(hass.loop)):
                async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=1))
            await asyncio.sleep(0)
        return await task

    yield let_end
    await hass.async_block_till_done(wait_background_tasks=True)


def said(error: object) -> str | None:
    """Return the text of an error, which has to be one of ours."""
    assert isinstance(error, HomeAssistantError)
    assert error.translation_domain == DOMAIN
    return error.translation_key


@pytest.mark.parametrize(
    ("action", "route", "data"),
    [
        ("get_events", HISTORY, {}),
        ("get_events", HISTORY, {"types": ["human"]}),
        ("get_snapshot", HISTORY, {}),
        ("get_snapshot", IMAGE, {}),
        ("download_clip", HISTORY, {"event_id": "unknown"}),
        ("download_clip", HISTORY, {"event_id": "known"}),
        ("download_clip", VIDEO, {"event_id": "known"}),
    ],
)
async def test_action_of_account_that_ends_meanwhile(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, door: Device, let_end: Any, tmp_path: Any,
    action: str, route: str, data: dict[str, Any],
) -> None:  # fmt: skip
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    if action == "download_clip":
        data = data | {"filename": str(tmp_path / "clip.mp4")}
    if data.get("event_id") == "known":
        data = data | {"event_id": cloud.history.rows(door.id)[0].id}
    fault = cloud.faults.add(route, delay=inf, count=None)
    data = {ATTR_ENTITY_ID: CAMERA} | data
    call = hass.services.async_call(DOMAIN, action, data, blocking=True, return_response=True)
    (outcome,) = await let_end(fault, asyncio.gather(call, return_exceptions=True))
    assert isinstance(outcome, dict) or said(outcome) in {"account_not_loaded", "cannot_connect", "unknown_event"}


async def test_download_of_account_that_ends_while_path_is_checked(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, door: Device, end: End, tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Home Assistant looks at the path in another thread."""
    may_go_on = asyncio.Event()
    is_asked = asyncio.Event()
    run = hass.async_add_executor_job

    async def delayed(target: Any, *args: Any) -> Any:
        if target == hass.config.is_allowed_path:
            is_asked.set()
            await may_go_on.wait()
            return True
        return await run(target, *args)

    monkeypatch.setattr(hass, "async_add_executor_job", delayed)
    data = {
        ATTR_ENTITY_ID: CAMERA,
        "filename": str(tmp_path / "clip.mp4"),
        "event_id": cloud.history.rows(door.id)[0].id,
    }
    call = asyncio.ensure_future(hass.services.async_call(DOMAIN, "download_clip", data, blocking=True))
    await is_asked.wait()
    await end()
    may_go_on.set()
    with pytest.raises(HomeAssistantError) as raised:
        await call
    assert said(raised.value) in {"account_not_loaded", "cannot_connect"}
    assert not (tmp_path / "clip.mp4").exists()
    await hass.async_block_till_done(wait_background_tasks=True)


@pytest.mark.parametrize("how", ["action", "buttons"])
async def test_sound_of_account_that_ends_meanwhile(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, account: Account, let_end: Any, how: str
) -> None:
    """The second press of a button waits for the first, by which time there may be no account."""
    chime = account.device("Hallway Chime")
    fault = cloud.faults.add(CHIME, delay=inf, count=None)
    button = {ATTR_ENTITY_ID: "button.hallway_chime_two_notes"}
    sound = {"device_id": registered(hass, seen, chime).id, "sound": "1"}

    async def play() -> list[object]:
        if how == "action":
            calls = [hass.services.async_call(DOMAIN, "play_chime_sound", sound, blocking=True)]
        else:
            calls = [hass.services.async_call("button", "press", button, blocking=True) for _ in range(2)]
        return await asyncio.gather(*calls, return_exceptions=True)

    for outcome in await let_end(fault, play()):
        assert outcome is None or said(outcome) == "account_not_loaded"


@pytest.mark.parametrize(("place", "route"), [("clip", VIDEO), ("picture", IMAGE), ("thumbnail", IMAGE)])
async def test_view_of_account_that_ends_meanwhile(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, door: Device, let_end: Any,
    hass_client: ClientSessionGenerator, place: str, route: str,
) -> None:  # fmt: skip
    at_ms = cloud.history.rows(door.id)[0].start_ms
    path = f"/api/{DOMAIN}/{place}/{seen.entry_id}/{door.id}/{at_ms}"
    browser = await hass_client()
    fault = cloud.faults.add(route, delay=inf, count=None)
    answer = await let_end(fault, browser.get(f"{path}-3000" if place == "clip" else path))
    assert answer.status in (200, 503)


@pytest.mark.parametrize(
    ("command", "data"),
    [
        ("browse_media", {"media_content_id": "{camera}/day/{day}"}),
        ("browse_media", {"media_content_id": "{camera}/rings"}),
        ("browse_media", {"media_content_id": "{camera}/motion"}),
        ("search_media", {"media_content_id": "{account}", "search_query": "front rings"}),
    ],
)
async def test_media_browser_of_account_that_ends_meanwhile(
    hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, door: Device, let_end: Any,
    hass_ws_client: WebSocketGenerator, command: str, data: dict[str, str],
) -> None:  # fmt: skip
    assert await async_setup_component(hass, "media_source", {})
    client = await hass_ws_client(hass)
    account = f"media-source://{DOMAIN}/{seen.entry_id}"
    names = {"account": account, "camera": f"{account}/{door.id}", "day": dt_util.now().date().isoformat()}
    fault = cloud.faults.add(HISTORY, delay=inf, count=None)

    async def ask() -> Any:
        named = {key: value.format(**names) for key, value in data.items()}
        await client.send_json_auto_id({"type": f"media_source/{command}", **named})
        return await client.receive_json()

    answer = await let_end(fault, ask())
    words = ("The Ring account Jane Doe is not loaded", "Ring cannot be reached: The account is being unloaded")
    assert answer["success"] or answer["error"]["message"] in words


async def test_first_pictures_of_account_that_ends_meanwhile(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, seen: ConfigEntry, cloud: RingCloud, end: End,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    fault = cloud.faults.add(HISTORY, delay=inf, count=None)
    freezer.tick(timedelta(seconds=80))
    async_fire_time_changed(hass)
    await fault.reached()
    await end()
    cloud.faults.remove(fault.id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
