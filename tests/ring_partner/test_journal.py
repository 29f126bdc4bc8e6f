"""What is on disk when, and what wins after Home Assistant was killed."""

import asyncio
import hashlib
import json
import math
from pathlib import Path
import time

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.ring_partner.api import Token
from custom_components.ring_partner.journal import SLOT_BYTES
from custom_components.ring_partner.session import new_link
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import CONF_TOKEN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from ring_cloud import Account, App, RingCloud

from .tokens import (
    LIFETIME,
    TOKEN_ROUTE,
    issued,
    journal_path,
    links_asked_for,
    pass_time,
    pass_time_in_steps,
    refreshes,
)

DUE = LIFETIME - 300
FULL = Path("/dev/full")


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """A disk of its own."""
    return hass_tmp_config_dir


@pytest.fixture
async def idle(hass: HomeAssistant, freezer: FrozenDateTimeFactory, entry: MockConfigEntry) -> MockConfigEntry:
    """Jane's account, whose owner has switched polling off."""
    hass.config_entries.async_update_entry(entry, pref_disable_polling=True)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    return entry


async def killed(hass: HomeAssistant, entry: MockConfigEntry, data: dict[str, object]) -> bool:
    """Start again as after a kill: the journal is what it is, the entry is what was saved of it before."""
    await hass.config_entries.async_unload(entry.entry_id)
    hass.config_entries.async_update_entry(entry, data=data)
    return await hass.config_entries.async_setup(entry.entry_id)


def not_saved(hass: HomeAssistant) -> list[str]:
    """Why the user is told that the token cannot be saved."""
    issues = ir.async_get(hass).issues.values()
    return [issue.translation_placeholders["error"] for issue in issues if issue.translation_key == "token_not_saved"]


async def test_a_new_token_is_on_disk_before_it_is_used(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, idle: ConfigEntry
) -> None:
    used = cloud.faults.add("/v1/devices", delay=math.inf)
    freezer.tick(LIFETIME + 1)
    call = asyncio.create_task(idle.runtime_data.client.async_get_devices())
    await used.reached()

    path = journal_path(hass, idle)
    assert next(issued(cloud)).encode() in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600

    used.release()
    assert await call


@pytest.mark.parametrize("behind", [1, 5])
async def test_after_a_kill_the_newer_journal_wins_over_the_entry(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, idle: MockConfigEntry, behind: int
) -> None:
    before = dict(idle.data)
    for _ in range(behind):
        await pass_time(hass, freezer, DUE)

    assert await killed(hass, idle, before)

    assert idle.data[CONF_TOKEN]["refresh_token"] == next(issued(cloud))
    assert await idle.runtime_data.client.async_get_devices()
    await pass_time(hass, freezer, DUE)
    assert idle.runtime_data.session.refreshes == behind + 1
    assert links_asked_for(hass) == []


async def test_the_journal_of_an_older_link_never_wins(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, account: Account, app: App,
    idle: MockConfigEntry,
) -> None:  # fmt: skip
    for _ in range(3):
        await pass_time(hass, freezer, DUE)
    await cloud.disable_app(account, app)
    new = new_link(Token.from_response(cloud.link_directly(account, app), time.time()))

    assert await killed(hass, idle, dict(idle.data) | {CONF_TOKEN: new})
    assert idle.data[CONF_TOKEN] == new
    # Its own first refresh is found again although the older link's records have higher numbers.
    before = dict(idle.data)
    await pass_time(hass, freezer, DUE)
    assert await killed(hass, idle, before)

    assert idle.runtime_data.session.refreshes == 1
    assert await idle.runtime_data.client.async_get_devices()
    assert links_asked_for(hass) == []


async def test_a_record_that_was_half_written_when_the_power_went_is_ignored(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, idle: MockConfigEntry
) -> None:
    await pass_time(hass, freezer, DUE)
    saved = dict(idle.data)
    with journal_path(hass, idle).open("r+b") as file:
        file.seek(SLOT_BYTES + 200)
        file.write(b"\0" * 100)

    assert await killed(hass, idle, saved)

    assert idle.runtime_data.session.refreshes == 1
    assert await idle.runtime_data.client.async_get_devices()


@pytest.mark.parametrize(
    "text",
    [b"[]", b"5", b"{}", b'{"token": {}}', b'{"token": []}', b'{"token": {"access_token": "fake", "generation": "x"}}'],
)
async def test_record_of_another_release_is_ignored(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, idle: MockConfigEntry, text: bytes
) -> None:
    await pass_time(hass, freezer, DUE)
    with journal_path(hass, idle).open("r+b") as file:
        file.write(b"%s %s\n" % (hashlib.sha256(text).hexdigest().encode(), text))

    assert await killed(hass, idle, dict(idle.data))

    assert idle.runtime_data.session.refreshes == 1
    assert links_asked_for(hass) == []


async def test_a_disk_that_cannot_be_read_is_waited_for_instead_of_sending_an_old_token(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, idle: MockConfigEntry
) -> None:
    path = journal_path(hass, idle)
    before = dict(idle.data)
    await pass_time(hass, freezer, DUE)
    moved = path.rename(path.with_suffix(".moved"))
    path.mkdir()
    asked = len(cloud.requests)

    await killed(hass, idle, before)
    assert idle.state is ConfigEntryState.SETUP_RETRY
    assert len(cloud.requests) == asked

    path.rmdir()
    moved.rename(path)
    await pass_time_in_steps(hass, freezer, 20)
    assert idle.state is ConfigEntryState.LOADED
    assert links_asked_for(hass) == []


class TestNoRoomOnTheDisk:
    async def test_ring_is_not_asked_for_a_token_that_could_not_be_kept(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, idle: ConfigEntry
    ) -> None:
        path = journal_path(hass, idle)
        path.parent.mkdir(exist_ok=True)
        path.symlink_to(FULL)
        await pass_time(hass, freezer, DUE)
        assert refreshes(cloud) == 0
        assert not_saved(hass) == ["No space left on device"]

        path.unlink()
        await pass_time(hass, freezer, 31)

        assert refreshes(cloud) == 1
        assert not_saved(hass) == []
        assert links_asked_for(hass) == []

    async def test_a_disk_that_fills_up_later_does_not_matter(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, idle: ConfigEntry
    ) -> None:
        await pass_time(hass, freezer, DUE)
        path = journal_path(hass, idle)
        room, place = path.stat().st_blocks, path.stat().st_ino

        await pass_time(hass, freezer, DUE)

        assert (path.stat().st_blocks, path.stat().st_ino) == (room, place)
        assert path.stat().st_blocks * 512 >= 2 * SLOT_BYTES

    async def test_a_token_that_came_while_the_disk_failed_is_used_and_saved_later(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, idle: MockConfigEntry
    ) -> None:
        slow = cloud.faults.add(TOKEN_ROUTE, delay=math.inf)
        freezer.tick(LIFETIME)
        call = asyncio.gather(idle.runtime_data.client.async_get_devices(), return_exceptions=True)
        await slow.reached()
        path = journal_path(hass, idle)
        path.unlink()
        path.symlink_to(FULL)
        slow.release()
        await call
        assert not_saved(hass) == ["No space left on device"]
        assert await idle.runtime_data.client.async_get_devices()
        assert refreshes(cloud) == 1

        path.unlink()
        before = dict(idle.data)
        await pass_time(hass, freezer, 31)

        assert not_saved(hass) == []
        assert await killed(hass, idle, before)
        assert await idle.runtime_data.client.async_get_devices()
        assert links_asked_for(hass) == []

    async def test_an_answer_larger_than_its_place_is_used_and_the_user_told(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, idle: ConfigEntry
    ) -> None:
        body = {"access_token": "fake-token" * 4000, "refresh_token": "fake-refresh-token", "expires_in": LIFETIME}
        cloud.faults.add(TOKEN_ROUTE, status=200, body=json.dumps(body))

        await pass_time(hass, freezer, DUE)

        assert idle.data[CONF_TOKEN]["refresh_token"] == "fake-refresh-token"
        assert not_saved(hass) == ["File too large"]
