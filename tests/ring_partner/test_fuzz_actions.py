"""Actions called with anything at all: they do it, or say in words why not."""

from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest
import voluptuous as vol

from custom_components.ring_partner.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from ring_cloud import Account

from .clip_home import AT, NOW, ClipHome, _at_once, house
from .polls import registered

__all__ = ["_at_once", "house"]

TEXTS = st.text(st.characters(codec=None), max_size=12)
NUMBERS = (
    st.integers() | st.floats() | st.sampled_from([1e300, -1e300, 10**400, float("inf"), float("nan"), 0, 1, 900, 901])
)
TIMES = (
    st.datetimes(timezones=st.none() | st.timezones())
    | st.sampled_from([AT, NOW + timedelta(hours=1), date.min])
    | st.sampled_from(
        ["0001-01-01 00:00:00", "9999-12-31 23:59:59", "2026-02-31 00:00:00", "2026-01-15T11:00:00+99:99"]
    )
    | st.datetimes().map(str)
)
LENGTHS = (
    st.timedeltas()
    | NUMBERS
    | st.dictionaries(st.sampled_from(["days", "hours", "seconds", "milliseconds"]), NUMBERS, max_size=2)
    | st.from_regex(r"-?[0-9]{1,12}:[0-9]{1,12}(:[0-9.]{1,12})?", fullmatch=True)
)
LEAVES = st.none() | st.booleans() | NUMBERS | TEXTS | TIMES
ANYTHING = LEAVES | st.lists(LEAVES, max_size=2) | st.dictionaries(TEXTS, LEAVES, max_size=2) | LENGTHS


def one_or(odd: st.SearchStrategy[Any], *usual: object) -> st.SearchStrategy[Any]:
    """Mostly what is meant for a field, so that calls get beyond the first of them; or anything else."""
    return st.sampled_from(usual) | st.sampled_from(usual) | odd | ANYTHING


@pytest.fixture
def folder(hass: HomeAssistant, tmp_path: Path) -> Path:
    """Where Home Assistant may write; what is written beside it shows."""
    folder = tmp_path / "beside" / "allowed"
    folder.mkdir(parents=True)
    hass.config.allowlist_external_dirs = {str(folder)}
    return folder


def calls(folder: Path, chime: str, suffix: str) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """What each action takes: what has to be there, and what may be."""
    camera = {"entity_id": one_or(TEXTS, "camera.front_door", "event.front_door_doorbell", "sun.sun")}
    files = one_or(TEXTS.map(lambda text: f"{folder}/{text}{suffix}"), f"{folder}/a{suffix}", f"{folder}/../a{suffix}")
    times = one_or(TIMES, AT, str(AT))
    span = {"start": times, "end": times}
    events = {"types": one_or(st.lists(TEXTS), "ring", ["human"]), "limit": one_or(NUMBERS, 1, "1000")}
    clip = {"start": times, "event_id": one_or(TEXTS, "unknown"), "duration": one_or(LENGTHS, 1, "00:00:03")}
    sound = {"device_id": one_or(TEXTS, chime), "sound": one_or(TEXTS, "1", "Harp", "Gong")}
    return {
        "download_clip": (camera | {"filename": files}, clip),
        "get_events": (camera, span | events),
        "get_snapshot": (camera, {"time": times, "filename": files}),
        "play_chime_sound": (sound, {}),
    }


@pytest.mark.parametrize(
    ("action", "suffix"),
    [("download_clip", ".mp4"), ("get_events", ""), ("get_snapshot", ".jpg"), ("play_chime_sound", "")],
)
@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_an_action_is_called_with_it_says_what_is_wrong(
    hass: HomeAssistant, house: ClipHome, account: Account, folder: Path, action: str, suffix: str, data: st.DataObject
) -> None:
    chime = registered(hass, house.entry, account.device("Hallway Chime"))
    assert chime is not None
    needed, optional = calls(folder, chime.id, suffix)[action]
    given_data = data.draw(st.fixed_dictionaries(needed, optional=optional))
    zone = data.draw(st.sampled_from(["UTC", "America/New_York", "Europe/Berlin", "Pacific/Kiritimati"]))

    async def call() -> None:
        await hass.config.async_set_time_zone(zone)
        with suppress(HomeAssistantError, vol.Invalid):
            await hass.services.async_call(
                DOMAIN, action, given_data, blocking=True, return_response=action != "play_chime_sound"
            )

    hass.loop.run_until_complete(call())
    assert [*folder.parent.iterdir()] == [folder]
