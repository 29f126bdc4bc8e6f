"""Buttons: the sounds of a chime."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import ATTR_FRIENDLY_NAME, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from ring_cloud import FAMILIES, Account, App, Permission, RingCloud
from ring_cloud.model import Device

from .polls import async_pass_time, async_set_up, registered, unavailable

PLAYBACK = "/v1/devices/*/media/audio/playback"
TWO_NOTES, HARP = "button.hallway_chime_two_notes", "button.hallway_chime_harp"


@pytest.fixture
def chime(account: Account) -> Device:
    return account.device("Hallway Chime")


def slot(number: int, name: str | None, **facts: Any) -> dict[str, Any]:
    """A slot as Ring lists it."""
    return {
        "event": f"ring-appstore-event-{number}",
        "disabled": False,
        "audio_ref": f"fake-audio-ref-{number}",
        "audio_url": None,
        "audio_name": name,
    } | facts


def keep(device: Device, *slots: Any, actions: list[str] | None = None) -> None:
    """Let a chime keep other sounds, and say what it can do."""
    audio = {"customizable_slots": 2, "supported_actions": actions}
    capabilities = {**device.family.capabilities, "audio": audio}
    configurations = {"audio": {"customizable_slots": list(slots)}}
    device.family = replace(device.family, capabilities=capabilities, configurations=configurations)


def buttons(hass: HomeAssistant) -> dict[str, str]:
    """All buttons, with their states."""
    return {state.entity_id: state.state for state in hass.states.async_all("button")}


async def async_press(hass: HomeAssistant, entity_id: str) -> None:
    await hass.services.async_call("button", "press", {"entity_id": entity_id}, blocking=True)


def heard(cloud: RingCloud) -> list[str]:
    return [f"{played.device.name}: {played.audio_ref}" for played in cloud.played]


async def test_a_chime_has_a_button_for_each_sound_and_nothing_else_has_one(
    hass: HomeAssistant, linked: ConfigEntry, chime: Device
) -> None:
    assert buttons(hass) == {TWO_NOTES: STATE_UNKNOWN, HARP: STATE_UNAVAILABLE}
    assert hass.states.get(TWO_NOTES).attributes[ATTR_FRIENDLY_NAME] == "Hallway Chime Two notes"
    entity, device = er.async_get(hass).async_get(TWO_NOTES), registered(hass, linked, chime)
    assert entity.device_id == device.id
    assert entity.unique_id == f"{linked.unique_id}~{chime.id}_sound_ring-appstore-event-1"


async def test_a_press_is_heard_once(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud
) -> None:
    await async_press(hass, TWO_NOTES)

    assert heard(cloud) == ["Hallway Chime: fake-audio-ref-1"]
    assert hass.states.get(TWO_NOTES).state not in (STATE_UNKNOWN, STATE_UNAVAILABLE)


async def test_a_sound_that_the_user_switches_on_can_be_played(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, chime: Device
) -> None:
    await async_press(hass, HARP)
    assert heard(cloud) == [], "a disabled sound is not asked for"

    keep(chime, slot(1, "Two notes", disabled=True), slot(2, "Harp"))
    await async_pass_time(hass, freezer)
    assert buttons(hass)[TWO_NOTES] == STATE_UNAVAILABLE
    await async_press(hass, HARP)
    assert heard(cloud) == ["Hallway Chime: fake-audio-ref-2"]


async def test_another_sound_in_a_slot_is_played_by_the_same_button(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, chime: Device
) -> None:
    keep(chime, slot(1, "Two notes", audio_ref="fake-audio-ref-9"))
    await async_pass_time(hass, freezer)

    await async_press(hass, TWO_NOTES)
    assert heard(cloud) == ["Hallway Chime: fake-audio-ref-9"]
    assert buttons(hass)[HARP] == STATE_UNAVAILABLE, "a slot that is gone"


async def test_a_sound_that_is_added_later_gets_its_button(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, entry: ConfigEntry, chime: Device
) -> None:
    keep(chime, slot(1, "Two notes"), slot(2, "Harp", audio_ref=None))
    await async_set_up(hass, entry)
    assert list(buttons(hass)) == [TWO_NOTES]

    keep(chime, slot(1, "Two notes"), slot(2, "Harp"))
    await async_pass_time(hass, freezer)
    assert list(buttons(hass)) == [TWO_NOTES, HARP]


async def test_sounds_without_a_name_are_numbered(hass: HomeAssistant, entry: ConfigEntry, chime: Device) -> None:
    keep(chime, slot(1, None), slot(2, None, event=None), actions=["chime.play"])
    await async_set_up(hass, entry)

    assert list(buttons(hass)) == ["button.hallway_chime_sound_1", "button.hallway_chime_sound_2"]
    assert hass.states.get("button.hallway_chime_sound_2").attributes[ATTR_FRIENDLY_NAME] == "Hallway Chime Sound 2"


@pytest.mark.parametrize(
    ("slots", "actions"),
    [
        ([], ["chime.play"]),
        ([slot(1, "Two notes", audio_ref=None), None, {}], ["chime.play"]),
        ([slot(1, "Two notes")], ["chime.stop"]),
    ],
    ids=["no slots", "nothing in the slots", "cannot play"],
)
async def test_a_chime_without_sounds_has_no_button(
    hass: HomeAssistant, entry: ConfigEntry, chime: Device, slots: list[Any], actions: list[str]
) -> None:
    keep(chime, *slots, actions=actions)
    await async_set_up(hass, entry)

    assert buttons(hass) == {}


async def test_an_offline_chime_cannot_be_pressed(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, chime: Device
) -> None:
    chime.set(online=False)
    await async_pass_time(hass, freezer)

    assert TWO_NOTES in unavailable(hass)
    await async_press(hass, TWO_NOTES)
    assert cloud.count("POST", PLAYBACK) == 0


async def test_a_chime_that_has_just_gone_offline_says_so(
    hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, chime: Device
) -> None:
    chime.set(online=False)
    with pytest.raises(HomeAssistantError, match="the device is offline"):
        await async_press(hass, TWO_NOTES)

    assert cloud.count("POST", PLAYBACK) == 1


async def test_a_sound_that_ring_refuses(
    hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, chime: Device
) -> None:
    keep(chime)
    with pytest.raises(HomeAssistantError, match="The chime does not play this sound"):
        await async_press(hass, TWO_NOTES)

    assert cloud.count("POST", PLAYBACK) == 1


async def test_without_the_permission_the_user_learns_its_name(
    hass: HomeAssistant, linked: ConfigEntry, app: App
) -> None:
    app.permissions = frozenset(Permission) - {Permission.CHIMES}

    with pytest.raises(HomeAssistantError, match="permission group Chimes"):
        await async_press(hass, TWO_NOTES)


async def test_a_sound_is_never_asked_for_twice(hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud) -> None:
    cloud.faults.add(PLAYBACK, cut="after")
    with pytest.raises(HomeAssistantError, match="Ring cannot be reached"):
        await async_press(hass, TWO_NOTES)

    assert heard(cloud) == ["Hallway Chime: fake-audio-ref-1"]


async def test_ring_is_left_alone_as_long_as_it_asks_for(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud
) -> None:
    cloud.faults.add(PLAYBACK, status=429, headers={"Retry-After": "30"})
    for _ in range(2):
        with pytest.raises(HomeAssistantError, match="Ring asks to wait 30 s"):
            await async_press(hass, TWO_NOTES)
    assert cloud.count("POST", PLAYBACK) == 1

    freezer.tick(timedelta(seconds=31))
    await async_press(hass, TWO_NOTES)
    assert len(heard(cloud)) == 1


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_whatever_success_looks_like(
    hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, status: int
) -> None:
    cloud.faults.add(PLAYBACK, status=status)
    await async_press(hass, TWO_NOTES)

    assert cloud.count("POST", PLAYBACK, status) == 1


def test_one_family_is_a_chime() -> None:
    """What these tests say of the others is said of all of them."""
    assert [key for key, family in FAMILIES.items() if family.permission is Permission.CHIMES] == ["chime"]
