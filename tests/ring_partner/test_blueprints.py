"""The blueprints, used as a user does: an automation made of one, and something that happens at Ring."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
import shutil
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed, async_mock_service

from custom_components.ring_partner.endpoints import Endpoint, endpoint_id
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from ring_cloud import Account, App, RingCloud

from .conftest import SIGNING_KEY
from .polls import async_pass_time, async_set_up, entity_ids, state_of

BLUEPRINTS = Path(__file__).parents[2] / "blueprints"
NOON = "2026-06-15 19:00:00+00:00"
MIDNIGHT = "2026-06-15 07:00:00+00:00"

type Happen = Callable[..., Awaitable[None]]


@pytest.fixture
async def pushed(
    hass: HomeAssistant, cloud: RingCloud, app: App, entry: MockConfigEntry, address: str, hass_config_dir: str
) -> AsyncIterator[ConfigEntry]:
    """Jane's account, whose events Ring pushes, and the blueprints as a user imports them."""
    shutil.copytree(BLUEPRINTS, Path(hass_config_dir) / "blueprints")
    cloud.add_app(app.client_id, webhook_url=f"{address}/api/webhook/{endpoint_id(SIGNING_KEY, Endpoint.EVENTS)}")
    # Where these devices stand, noon and midnight are what they are called.
    await hass.config.async_update(latitude=34.05, longitude=-118.24, time_zone="America/Los_Angeles")
    await async_set_up(hass, entry)
    yield entry
    # An automation that still waits for something would outlive its test.
    await hass.services.async_call("automation", "turn_off", {"entity_id": "automation.test"}, blocking=True)


@pytest.fixture
def happen(hass: HomeAssistant, cloud: RingCloud, account: Account, freezer: FrozenDateTimeFactory) -> Happen:
    """Let something happen at a device, until Home Assistant has dealt with it."""

    async def happen(name: str, what: str = "button_press", **details: Any) -> None:
        freezer.tick(1)
        cloud.happen(account.device(name), what, **details)
        await arrived(hass, cloud)

    return happen


async def arrived(hass: HomeAssistant, cloud: RingCloud) -> None:
    await cloud.deliveries.settle()
    await calm()


async def calm() -> None:
    """Let everybody have their turn, often: Home Assistant itself is not done as long as an automation waits."""
    for _ in range(100):
        await asyncio.sleep(0)


async def until(is_so: Callable[[], bool]) -> None:
    """Let everybody have their turn until it is so, and a little longer."""
    async with asyncio.timeout(120):
        while not is_so():
            await asyncio.sleep(0)
    await calm()


async def pass_time(hass: HomeAssistant, freezer: FrozenDateTimeFactory, **time: float) -> None:
    """Let time pass at once."""
    freezer.tick(timedelta(**time))
    async_fire_time_changed(hass)
    await calm()


async def automate(hass: HomeAssistant, **automation: Any) -> None:
    """Add an automation, which has to be a valid one."""
    assert await async_setup_component(
        hass, "automation", {"automation": {"id": "test", "alias": "Test", **automation}}
    )
    await hass.async_block_till_done()
    state = hass.states.get("automation.test")
    assert state is not None
    assert state.state == "on"


async def use(hass: HomeAssistant, blueprint: str, **chosen: Any) -> None:
    """Make an automation of a blueprint."""
    await automate(hass, use_blueprint={"path": f"ring_partner/{blueprint}.yaml", "input": chosen})


def say(hass: HomeAssistant, text: str = "") -> tuple[list[ServiceCall], list[dict[str, Any]]]:
    """Return what a user might choose as action, and its calls."""
    return async_mock_service(hass, "test", "say"), [{"action": "test.say", "data": {"text": text}}]


def texts(calls: list[ServiceCall]) -> list[str]:
    return [call.data["text"] for call in calls]


def add_phone(hass: HomeAssistant, name: str) -> str:
    """Register a device as the mobile app does, under a name that it has been given in the app."""
    entry = MockConfigEntry(domain="mobile_app", data={"device_name": name})
    entry.add_to_hass(hass)
    registry = dr.async_get(hass)
    device = registry.async_get_or_create(config_entry_id=entry.entry_id, identifiers={("mobile_app", name)}, name=name)
    registry.async_update_device(device.id, name_by_user="The phone in the hall")
    return device.id


async def test_a_ring_is_announced_on_every_phone_once(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, account: Account, pushed: ConfigEntry, happen: Happen
) -> None:
    phones = [add_phone(hass, "Jane's Pixel 9"), add_phone(hass, "iPad")]
    pixel = async_mock_service(hass, "notify", "mobile_app_jane_s_pixel_9")
    ipad = async_mock_service(hass, "notify", "mobile_app_ipad")
    doorbell = entity_ids(hass, pushed, account.device("Front Door"))["doorbell"]
    await use(hass, "doorbell_notification", doorbell=[doorbell], phones=phones, picture="camera.porch")

    await happen("Front Door")
    await happen("Front Door", "motion_detected", sub_type="human")

    assert [len(pixel), len(ipad)] == [1, 1]
    assert pixel[0].data["title"] == "Front Door"
    assert pixel[0].data["data"]["image"] == "/api/camera_proxy/camera.porch"
    assert "actions" not in pixel[0].data["data"]


@pytest.mark.parametrize("chosen", ["image", "camera"])
async def test_the_picture_is_of_who_rings_and_not_of_who_came_before(
    freezer: FrozenDateTimeFactory,
    hass: HomeAssistant,
    cloud: RingCloud,
    account: Account,
    pushed: ConfigEntry,
    happen: Happen,
    chosen: str,
) -> None:
    phone = add_phone(hass, "iPad")
    ipad = async_mock_service(hass, "notify", "mobile_app_ipad")
    device = account.device("Front Door")
    doorbell = entity_ids(hass, pushed, device)["doorbell"]
    image = entity_ids(hass, pushed, device)["last_event"]
    picture = image if chosen == "image" else entity_ids(hass, pushed, device)["camera"]
    await happen("Front Door", "motion_detected", sub_type="human")
    await hass.async_block_till_done(wait_background_tasks=True)
    await use(hass, "doorbell_notification", doorbell=[doorbell], phones=[phone], picture=picture)

    cloud.switches.recording_ready_after = 3
    freezer.tick(20)
    before = len(cloud.media_requests)
    await happen("Front Door")
    await until(lambda: len(cloud.media_requests) == before + 1)
    assert ["image" in call.data["data"] for call in ipad] == [False]
    await pass_time(hass, freezer, seconds=2.1)
    await until(lambda: len(cloud.media_requests) == before + 2)
    await pass_time(hass, freezer, seconds=2.1)
    await until(lambda: len(ipad) == 2)

    first, second = (call.data["data"] for call in ipad)
    state = hass.states.get(image)
    assert state is not None
    assert state.attributes["event_type"] == "ring"
    assert second["image"] == f"/api/image_proxy/{image}"
    assert second["tag"] == first["tag"]
    assert second["alert_once"] is True


async def test_a_ring_of_long_ago_is_no_news_when_the_doorbell_is_enabled_again(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, pushed: ConfigEntry, happen: Happen
) -> None:
    sent, phones = async_mock_service(hass, "notify", "mobile_app_ipad"), [add_phone(hass, "iPad")]
    await use(hass, "doorbell_notification", doorbell=["event.front_door_doorbell"], phones=phones)
    await happen("Front Door")
    assert len(sent) == 1
    registry = er.async_get(hass)
    registry.async_update_entity("event.front_door_doorbell", disabled_by=er.RegistryEntryDisabler.USER)
    await calm()
    await pass_time(hass, freezer, hours=1)
    registry.async_update_entity("event.front_door_doorbell", disabled_by=None)
    await hass.config_entries.async_reload(pushed.entry_id)
    await calm()
    assert hass.states.get("event.front_door_doorbell").attributes["event_type"] == "ring"
    assert len(sent) == 1


async def test_a_notification_needs_neither_picture_nor_button(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, account: Account, pushed: ConfigEntry, happen: Happen
) -> None:
    phone = add_phone(hass, "iPad")
    ipad = async_mock_service(hass, "notify", "mobile_app_ipad")
    doorbell = entity_ids(hass, pushed, account.device("Front Door"))["doorbell"]
    await use(hass, "doorbell_notification", doorbell=[doorbell], phones=[phone])
    await happen("Front Door")
    assert [sorted(call.data["data"]) for call in ipad] == [["priority", "push", "tag", "ttl"]]


async def test_a_phone_that_cannot_be_reached_keeps_the_news_from_no_other(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, account: Account, pushed: ConfigEntry, happen: Happen
) -> None:
    phones = [add_phone(hass, "Lost"), add_phone(hass, "iPad")]
    async_mock_service(hass, "notify", "mobile_app_lost", raise_exception=HomeAssistantError("out of reach"))
    ipad = async_mock_service(hass, "notify", "mobile_app_ipad")
    doorbell = entity_ids(hass, pushed, account.device("Front Door"))["doorbell"]
    await use(hass, "doorbell_notification", doorbell=[doorbell], phones=phones)
    await happen("Front Door")
    assert len(ipad) == 1


async def test_the_button_of_a_notification_does_what_was_chosen(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, account: Account, pushed: ConfigEntry, happen: Happen
) -> None:
    phone = add_phone(hass, "iPad")
    ipad = async_mock_service(hass, "notify", "mobile_app_ipad")
    opened, actions = say(hass, "open the gate")
    doorbell = entity_ids(hass, pushed, account.device("Front Door"))["doorbell"]
    await use(
        hass,
        "doorbell_notification",
        doorbell=[doorbell],
        phones=[phone],
        picture="image.porch",
        button="Open the gate",
        button_actions=actions,
    )
    await happen("Front Door")
    await happen("Front Door")
    first, second = (call.data["data"]["actions"][0] for call in ipad)
    assert first["title"] == "Open the gate"
    assert first["action"] != second["action"]
    assert ipad[0].data["data"]["image"] == "/api/image_proxy/image.porch"

    hass.bus.async_fire("mobile_app_notification_action", {"action": "of another notification"})
    await calm()
    assert texts(opened) == []
    hass.bus.async_fire("mobile_app_notification_action", {"action": first["action"]})
    await calm()
    assert texts(opened) == ["open the gate"]

    await pass_time(hass, freezer, minutes=6)
    hass.bus.async_fire("mobile_app_notification_action", {"action": second["action"]})
    await calm()
    assert texts(opened) == ["open the gate"], "the button no longer works after five minutes"


@pytest.mark.freeze_time(MIDNIGHT)
async def test_a_person_after_dark_brings_light_for_a_while(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, account: Account, pushed: ConfigEntry, happen: Happen
) -> None:
    on, off = async_mock_service(hass, "light", "turn_on"), async_mock_service(hass, "light", "turn_off")
    said, actions = say(hass, "somebody is there")
    await use(
        hass,
        "person_after_dark",
        motion=["event.driveway_motion"],
        lights={"entity_id": "light.porch"},
        minutes=5,
        actions=actions,
    )
    await happen("Driveway", "motion_detected", sub_type="animal")
    assert [len(on), texts(said)] == [0, []]
    await happen("Driveway", "motion_detected", sub_type="human")
    assert [call.data["entity_id"] for call in on] == [["light.porch"]]
    assert texts(said) == ["somebody is there"]

    await pass_time(hass, freezer, minutes=4)
    await happen("Driveway", "motion_detected", sub_type="human")
    await pass_time(hass, freezer, minutes=4)
    assert off == []
    await pass_time(hass, freezer, minutes=2)
    assert [call.data["entity_id"] for call in off] == [["light.porch"]]


@pytest.mark.freeze_time(MIDNIGHT)
async def test_a_person_after_dark_may_do_without_light(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, pushed: ConfigEntry, happen: Happen
) -> None:
    on = async_mock_service(hass, "light", "turn_on")
    said, actions = say(hass, "somebody is there")
    await use(hass, "person_after_dark", motion=["event.driveway_motion"], actions=actions)
    await happen("Driveway", "motion_detected", sub_type="human")
    assert [texts(said), on] == [["somebody is there"], []]


@pytest.mark.freeze_time(NOON)
async def test_a_person_at_noon_brings_no_light(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, pushed: ConfigEntry, happen: Happen
) -> None:
    on = async_mock_service(hass, "light", "turn_on")
    await use(hass, "person_after_dark", motion=["event.driveway_motion"], lights={"entity_id": "light.porch"})
    await happen("Driveway", "motion_detected", sub_type="human")
    assert on == []


async def test_an_alarm_is_repeated_until_it_is_over(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, cloud: RingCloud, account: Account, pushed: ConfigEntry
) -> None:
    basement, boiler = account.device("Basement"), account.device("Boiler Room")
    sensors = [entity_ids(hass, pushed, device)["flood"] for device in (basement, boiler)]
    said, actions = say(hass, "{{ sensor }} {{ reminder }}")
    await use(hass, "sensor_alarm", sensors=sensors, actions=actions, every_minutes=10)

    for device in (basement, boiler):
        freezer.tick(1)
        device.set(flood=True)
        await arrived(hass, cloud)
    assert texts(said) == ["Basement Flood 0", "Boiler Room Flood 0"]
    freezer.tick(1)
    boiler.set(flood=False)
    await arrived(hass, cloud)
    assert len(said) == 2, "the end of one alarm is no reminder of the other"

    await pass_time(hass, freezer, minutes=10, seconds=1)
    assert texts(said)[2:] == ["Basement Flood 1"]
    basement.set(flood=False)
    await arrived(hass, cloud)
    await pass_time(hass, freezer, minutes=11)
    assert len(said) == 3


async def test_an_alarm_that_began_unseen_is_one_too(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, account: Account, pushed: ConfigEntry
) -> None:
    basement = account.device("Basement")
    said, actions = say(hass, "{{ sensor }} {{ reminder }}")
    await use(hass, "sensor_alarm", sensors=[entity_ids(hass, pushed, basement)["flood"]], actions=actions)
    assert await hass.config_entries.async_unload(pushed.entry_id)
    basement.set(flood=True)
    assert await hass.config_entries.async_setup(pushed.entry_id)
    await calm()
    assert texts(said) == ["Basement Flood 0"]


@pytest.mark.freeze_time(MIDNIGHT)
async def test_low_batteries_are_named_once_a_day(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, account: Account, pushed: ConfigEntry
) -> None:
    batteries = [
        entity_ids(hass, pushed, account.device(name))["battery"] for name in ("Back Door", "Basement", "Attic Window")
    ]
    said, actions = say(hass, "{{ low }}")
    await use(hass, "battery_low", batteries=batteries, below=20, at="18:00:00", actions=actions)
    at_six = timedelta(hours=18, seconds=1)
    await async_pass_time(hass, freezer, at_six)
    assert texts(said) == []

    account.device("Back Door").set(battery=12)
    await async_pass_time(hass, freezer, timedelta(hours=1))
    assert texts(said) == []
    await async_pass_time(hass, freezer, timedelta(hours=23))
    assert texts(said) == ["Back Door Battery 12 %"]


async def test_a_device_that_stays_offline_is_reported_and_its_return_too(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, cloud: RingCloud, account: Account, pushed: ConfigEntry
) -> None:
    driveway = account.device("Driveway")
    said = async_mock_service(hass, "test", "say")
    await use(
        hass,
        "camera_offline",
        devices=[entity_ids(hass, pushed, driveway)["connectivity"]],
        minutes=10,
        actions=[{"action": "test.say", "data": {"text": "{{ device }} is offline"}}],
        back_actions=[{"action": "test.say", "data": {"text": "{{ device }} is back"}}],
    )

    async def set_online(*, online: bool) -> None:
        driveway.set(online=online)
        await arrived(hass, cloud)

    await set_online(online=False)
    await pass_time(hass, freezer, minutes=5)
    await set_online(online=True)
    await pass_time(hass, freezer, minutes=10)
    assert texts(said) == []
    await set_online(online=False)
    await pass_time(hass, freezer, minutes=11)
    assert texts(said) == ["Driveway is offline"]
    # For a moment nobody knows.
    cloud.faults.add("/v1/devices", status=503, count=None)
    await pushed.runtime_data.coordinator.async_refresh()
    await calm()
    assert state_of(hass, pushed, driveway, "connectivity") == STATE_UNAVAILABLE
    cloud.faults.clear()
    await pushed.runtime_data.coordinator.async_refresh()
    await calm()
    await pass_time(hass, freezer, minutes=11)
    assert texts(said) == 2 * ["Driveway is offline"]
    await set_online(online=True)
    assert texts(said) == [*2 * ["Driveway is offline"], "Driveway is back"]


@pytest.mark.parametrize(
    "trigger",
    [
        {"trigger": "doorbell.rang", "target": {"entity_id": "event.front_door_doorbell"}},
        {"trigger": "state", "entity_id": "event.front_door_doorbell"},
        {
            "trigger": "event",
            "event_type": "state_changed",
            "event_data": {"entity_id": "event.front_door_doorbell"},
        },
    ],
    ids=lambda trigger: trigger["trigger"],
)
async def test_one_ring_triggers_an_automation_once(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, pushed: ConfigEntry, happen: Happen, trigger: dict[str, Any]
) -> None:
    said, actions = say(hass, "rang")
    assert await async_setup_component(hass, "doorbell", {})
    await automate(hass, triggers=[trigger], actions=actions)
    await happen("Front Door")
    await happen("Front Door", "motion_detected", sub_type="human")
    assert texts(said) == ["rang"]
    await happen("Front Door")
    assert texts(said) == ["rang", "rang"]
