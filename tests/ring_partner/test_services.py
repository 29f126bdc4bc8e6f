"""Actions: which entity or device they are called with, and the sounds of a chime."""

from dataclasses import replace
import json
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
import voluptuous as vol

from custom_components.ring_partner import services
from custom_components.ring_partner.const import DOMAIN
from custom_components.ring_partner.services import EVENT_TYPES
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.service import async_get_all_descriptions
from homeassistant.setup import async_setup_component
from ring_cloud import Account, App, Permission, RingCloud
from ring_cloud.model import Device

from .conftest import make_entry
from .polls import async_set_up, registered

PACKAGE = Path(services.__file__).parent
PLAYBACK = "/v1/devices/*/media/audio/playback"
ACTIONS = {"download_clip", "get_events", "get_snapshot", "play_chime_sound"}


@pytest.fixture
def chime(account: Account) -> Device:
    return account.device("Hallway Chime")


async def async_play(hass: HomeAssistant, device: dr.DeviceEntry | None, sound: Any) -> None:
    assert device is not None
    data = {"device_id": device.id, "sound": sound}
    await hass.services.async_call(DOMAIN, "play_chime_sound", data, blocking=True)


def heard(cloud: RingCloud) -> list[str]:
    return [f"{played.device.name}: {played.audio_ref}" for played in cloud.played]


async def test_the_actions_are_there_before_any_account_is(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})

    assert hass.services.async_services_for_domain(DOMAIN).keys() == ACTIONS


async def test_every_action_is_described_with_all_of_its_fields(hass: HomeAssistant, linked: ConfigEntry) -> None:
    descriptions = (await async_get_all_descriptions(hass))[DOMAIN]

    assert descriptions.keys() == ACTIONS
    for name, description in descriptions.items():
        accepted = hass.services.async_services_for_domain(DOMAIN)[name].schema.schema
        keys = accepted.validators[0] if isinstance(accepted, vol.All) else accepted
        assert description["fields"].keys() == {str(key) for key in keys}, name
        assert all("selector" in field for field in description["fields"].values()), name


async def test_every_action_has_words_and_an_icon(hass: HomeAssistant, linked: ConfigEntry) -> None:
    descriptions = (await async_get_all_descriptions(hass))[DOMAIN]
    texts = json.loads((PACKAGE / "translations" / "en.json").read_text())
    icons = json.loads((PACKAGE / "icons.json").read_text())

    assert texts["services"].keys() == icons["services"].keys() == ACTIONS
    for name, description in descriptions.items():
        text = texts["services"][name]
        assert text["name"], name
        assert text["description"], name
        assert text["fields"].keys() == description["fields"].keys(), name
        assert all(field.keys() == {"name", "description"} for field in text["fields"].values()), name
    options = descriptions["get_events"]["fields"]["types"]["selector"]["select"]["options"]
    assert set(options) == texts["selector"]["event_type"]["options"].keys() == set(EVENT_TYPES)


@pytest.mark.parametrize("sound", ["Two notes", " two NOTES ", "1", 1])
async def test_a_sound_is_called_by_its_name_or_its_number(
    hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, chime: Device, sound: Any
) -> None:
    await async_play(hass, registered(hass, linked, chime), sound)

    assert heard(cloud) == ["Hallway Chime: fake-audio-ref-1"]


async def test_a_name_comes_before_a_number(
    hass: HomeAssistant, entry: ConfigEntry, cloud: RingCloud, chime: Device
) -> None:
    slots = [{"audio_ref": f"fake-audio-ref-{number}", "audio_name": name} for number, name in enumerate("21", 1)]
    chime.family = replace(chime.family, configurations={"audio": {"customizable_slots": slots}})
    await async_set_up(hass, entry)
    await async_play(hass, registered(hass, entry, chime), "1")

    assert heard(cloud) == ["Hallway Chime: fake-audio-ref-2"]


@pytest.mark.parametrize(
    ("sound", "message"),
    [("Gong", "no sound Gong, but these: Two notes, Harp"), ("Harp", "The sound Harp is switched off in the Ring app")],
)
async def test_a_sound_that_cannot_be_played_is_not_asked_for(
    hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, chime: Device, sound: str, message: str
) -> None:
    with pytest.raises(ServiceValidationError, match=message):
        await async_play(hass, registered(hass, linked, chime), sound)

    assert cloud.count("POST", PLAYBACK) == 0


async def test_only_a_chime_plays_sounds(
    hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, account: Account
) -> None:
    with pytest.raises(ServiceValidationError, match="This device has no sounds to play"):
        await async_play(hass, registered(hass, linked, account.device("Front Door")), "1")
    with pytest.raises(ServiceValidationError, match="This device has no sounds to play"):
        await hass.services.async_call(
            DOMAIN, "play_chime_sound", {"device_id": "unknown", "sound": "1"}, blocking=True
        )

    assert cloud.count("POST", PLAYBACK) == 0


async def test_a_chime_of_an_account_that_is_not_loaded_says_so(
    hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, chime: Device
) -> None:
    device = registered(hass, linked, chime)
    assert await hass.config_entries.async_unload(linked.entry_id)

    with pytest.raises(ServiceValidationError, match=r"Jane Doe .* is not loaded"):
        await async_play(hass, device, "1")
    assert cloud.count("POST", PLAYBACK) == 0


async def test_the_second_account_plays_on_its_own_chime(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, credentials: App
) -> None:
    john = cloud.add_account("John", "Doe", devices=["chime"])
    second = make_entry(john, cloud.link_directly(john, credentials))
    second.add_to_hass(hass)
    await async_set_up(hass, second)
    await async_play(hass, registered(hass, second, john.devices[0]), "1")

    assert [played.device for played in cloud.played] == [john.devices[0]]


async def test_what_ring_refuses_is_said_in_words(
    hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, chime: Device, app: App
) -> None:
    device = registered(hass, linked, chime)
    cloud.faults.add(PLAYBACK, status=400, body='{"errors": [{"title": "Validation Error"}]}')
    with pytest.raises(HomeAssistantError, match="The chime does not play this sound"):
        await async_play(hass, device, "1")

    app.permissions = frozenset(Permission) - {Permission.CHIMES}
    with pytest.raises(HomeAssistantError, match="permission group Chimes"):
        await async_play(hass, device, "1")
    assert heard(cloud) == []


@pytest.mark.parametrize("entity_id", ["camera.nobody", "sun.sun", "button.hallway_chime_two_notes"])
@pytest.mark.parametrize("action", ["get_events", "get_snapshot", "download_clip"])
async def test_an_entity_that_belongs_to_no_camera_is_refused(
    hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, entity_id: str, action: str
) -> None:
    before = len(cloud.requests)
    data = {"entity_id": entity_id}
    more = {
        "get_events": {},
        "get_snapshot": {"filename": "/media/a.jpg"},
        "download_clip": {"filename": "/media/a.mp4", "start": "2026-01-01 00:00:00"},
    }
    with pytest.raises(ServiceValidationError, match=f"{entity_id} belongs to no camera of Ring"):
        await hass.services.async_call(DOMAIN, action, data | more[action], blocking=True, return_response=True)

    assert len(cloud.requests) == before


async def test_an_entity_of_a_device_with_several_cameras_is_refused(
    hass: HomeAssistant, linked: ConfigEntry, account: Account
) -> None:
    driveway = next(device for device in account.devices if "components" in device.family.capabilities)
    motion = f"event.{driveway.name.lower().replace(' ', '_')}_motion"
    with pytest.raises(ServiceValidationError, match=f"{motion} stands for several cameras"):
        await hass.services.async_call(DOMAIN, "get_events", {"entity_id": motion}, blocking=True, return_response=True)


async def test_a_camera_of_an_account_that_is_not_loaded_says_so(hass: HomeAssistant, linked: ConfigEntry) -> None:
    assert await hass.config_entries.async_unload(linked.entry_id)

    data = {"entity_id": "event.front_door_motion"}
    with pytest.raises(ServiceValidationError, match=r"Jane Doe .* is not loaded"):
        await hass.services.async_call(DOMAIN, "get_events", data, blocking=True, return_response=True)


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("download_clip", {"filename": "/media/a.mp4"}),
        ("download_clip", {"filename": "/media/a.mp4", "start": "2026-01-01 00:00:00", "event_id": "1"}),
        ("download_clip", {"filename": "/media/a.mp4", "start": "2026-01-01 00:00:00", "duration": -1}),
        ("get_events", {"types": ["earthquake"]}),
        ("get_events", {"limit": 0}),
        ("get_events", {"limit": float("inf")}),
        ("get_events", {"limit": float("nan")}),
        ("get_events", {"start": "yesterday"}),
        ("get_events", {"entity_id": "front door"}),
        ("play_chime_sound", {"device_id": "1"}),
    ],
)
async def test_what_makes_no_sense_is_refused_at_the_edge(
    hass: HomeAssistant, linked: ConfigEntry, action: str, data: dict[str, Any]
) -> None:
    camera = {} if action == "play_chime_sound" else {"entity_id": "event.front_door_motion"}
    with pytest.raises(vol.Invalid):
        await hass.services.async_call(
            DOMAIN, action, camera | data, blocking=True, return_response=action != "play_chime_sound"
        )


WHOLE_PATH = "Give the whole path of the file: it begins with / and ends with "
YEARS = "Give a time between the years 1970 and 2099"
LENGTH = "A clip is between one second and 15 minutes long"
YET_TO_COME = "This time is yet to come"
ODD_CHARACTER = "holds a character that no file name can have"


@pytest.mark.parametrize(
    ("action", "data", "words"),
    [
        ("download_clip", {"filename": "/media/a.avi"}, f"{WHOLE_PATH}.mp4"),
        ("download_clip", {"filename": "a.mp4"}, f"{WHOLE_PATH}.mp4"),
        ("download_clip", {"filename": "/media/a\0.mp4"}, ODD_CHARACTER),
        ("download_clip", {"filename": "/media/\ud800.mp4"}, ODD_CHARACTER),
        ("download_clip", {"filename": "/media/\udcff/a.mp4"}, ODD_CHARACTER),
        ("download_clip", {"start": "0001-01-01 00:00:00"}, YEARS),
        ("download_clip", {"start": "2098-01-01 00:00:00"}, YET_TO_COME),
        ("download_clip", {"duration": "00:15:01"}, LENGTH),
        ("download_clip", {"duration": 0}, LENGTH),
        ("download_clip", {"duration": 1e300}, LENGTH),
        ("download_clip", {"duration": {"days": -1e300}}, LENGTH),
        ("get_events", {"start": "0001-01-01 00:00:00"}, YEARS),
        ("get_events", {"start": "2098-01-01 00:00:00"}, YET_TO_COME),
        ("get_events", {"end": "0001-01-01 00:00:00"}, YEARS),
        ("get_events", {"end": "9999-12-31 23:59:59"}, YEARS),
        ("get_snapshot", {"time": "0001-01-01 00:00:00"}, YEARS),
        ("get_snapshot", {"time": "2098-01-01 00:00:00"}, YET_TO_COME),
        ("get_snapshot", {"filename": "/media/a.mp4"}, f"{WHOLE_PATH}.jpg"),
        ("get_snapshot", {"filename": "/media/a\0.jpg"}, ODD_CHARACTER),
    ],
)
@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin"])
async def test_what_cannot_be_done_is_said_in_words(
    hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, action: str, data: dict[str, Any], words: str, zone: str
) -> None:
    await hass.config.async_set_time_zone(zone)
    hass.config.allowlist_external_dirs = {"/media"}
    before = len(cloud.requests)
    clip = {"filename": "/media/a.mp4", "start": "2026-01-01 00:00:00"} if action == "download_clip" else {}
    with pytest.raises(ServiceValidationError, match=words):
        await hass.services.async_call(
            DOMAIN, action, {"entity_id": "camera.front_door"} | clip | data, blocking=True, return_response=True
        )

    assert len(cloud.requests) == before


@pytest.mark.parametrize(("start", "end"), [("1970-01-01 00:00:00", "2099-12-31 23:59:59"), (None, "1970-01-01")])
async def test_a_span_may_be_longer_than_ring_remembers(
    hass: HomeAssistant, linked: ConfigEntry, start: str | None, end: str
) -> None:
    await hass.config.async_set_time_zone("Europe/Berlin")
    data = {"entity_id": "camera.front_door", "end": end} | ({} if start is None else {"start": start})

    answer = await hass.services.async_call(DOMAIN, "get_events", data, blocking=True, return_response=True)
    assert answer == {"events": []}
