"""Removing an account ends the link at Ring as far as Ring lets us, and leaves nothing behind."""

import asyncio
import math
import sys
import time
from types import SimpleNamespace

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.ring_partner.api import Token
from custom_components.ring_partner.endpoints import Endpoint, endpoint_id
from custom_components.ring_partner.session import new_link
import homeassistant.components
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import CONF_TOKEN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from ring_cloud import Account, App, LinkStatus, RingCloud

from .conftest import SIGNING_KEY, make_entry
from .tokens import HOUR, LIFETIME, TOKEN_ROUTE, issued, journal_path, links_asked_for, pass_time, tick_until

LINK = "/v1/accounts/me/app-integrations"


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """A disk of its own."""
    return hass_tmp_config_dir


@pytest.fixture
async def linked(freezer: FrozenDateTimeFactory, linked: ConfigEntry) -> ConfigEntry:
    """Jane's account, with the clock in our hands."""
    return linked


def status(cloud: RingCloud, account: Account, app: App) -> LinkStatus | None:
    """How Ring sees the link."""
    link = cloud.links.get(account, app)
    return None if link is None else link.status


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the user can read about it."""
    return [record.getMessage() for record in caplog.records if "Could not unlink" in record.getMessage()]


@pytest.mark.parametrize(
    ("unlink_allowed", "left"), [(True, None), (False, LinkStatus.AWAITING)], ids=["partner-initiated", "one-way"]
)
@pytest.mark.parametrize("expired", [False, True], ids=["valid token", "expired token"])
async def test_the_link_ends_as_far_as_ring_lets_us(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, account: Account, app: App,
    linked: ConfigEntry, caplog: pytest.LogCaptureFixture, unlink_allowed: bool, left: LinkStatus | None,
    expired: bool,
) -> None:  # fmt: skip
    app.unlink_allowed = unlink_allowed
    await pass_time(hass, freezer, LIFETIME - 300)
    assert journal_path(hass, linked).exists()
    if expired:
        freezer.tick(LIFETIME + 1)

    await hass.config_entries.async_remove(linked.entry_id)

    assert status(cloud, account, app) is left
    assert not journal_path(hass, linked).exists()
    assert hass.states.async_entity_ids("sensor") == []
    assert complaints(caplog) == []


async def test_an_account_that_is_not_loaded_is_unlinked_with_its_newest_token(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, account: Account, app: App,
    linked: ConfigEntry,
) -> None:  # fmt: skip
    before = dict(linked.data)
    await pass_time(hass, freezer, LIFETIME - 300)
    await hass.config_entries.async_unload(linked.entry_id)
    hass.config_entries.async_update_entry(linked, data=before)
    freezer.tick(LIFETIME + 1)

    await hass.config_entries.async_remove(linked.entry_id)

    assert status(cloud, account, app) is LinkStatus.AWAITING


@pytest.mark.parametrize("refused", [400, 403, 404, 405, 409, 422, 429, 500])
async def test_refused_unlink_falls_back_to_awaiting(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, account: Account, app: App,
    linked: ConfigEntry, caplog: pytest.LogCaptureFixture, refused: int,
) -> None:  # fmt: skip
    headers = {"Retry-After": "0"} if refused == 429 else {}
    cloud.faults.add(LINK, method="DELETE", status=refused, count=None, headers=headers)

    await hass.config_entries.async_remove(linked.entry_id)

    assert status(cloud, account, app) is LinkStatus.AWAITING
    assert complaints(caplog) == []


async def test_token_that_ring_refuses_is_refreshed_to_unlink(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, account: Account, app: App,
    linked: ConfigEntry,
) -> None:  # fmt: skip
    cloud.grants.expire_access(account, app)

    await hass.config_entries.async_remove(linked.entry_id)

    assert status(cloud, account, app) is LinkStatus.AWAITING


async def test_token_without_refresh_token_that_ring_refuses_is_told(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, account: Account, app: App,
    linked: ConfigEntry, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    token = {**linked.data[CONF_TOKEN], "refresh_token": None, "generation": 9}
    hass.config_entries.async_update_entry(linked, data={**linked.data, CONF_TOKEN: token})
    cloud.grants.expire_access(account, app)

    await hass.config_entries.async_remove(linked.entry_id)

    assert len(complaints(caplog)) == 1


async def test_the_account_goes_even_if_ring_is_down(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, linked: ConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    await pass_time(hass, freezer, LIFETIME - 300)
    cloud.faults.add("*", status=503, count=None, headers={"Retry-After": "60"})

    await hass.config_entries.async_remove(linked.entry_id)

    assert hass.config_entries.async_entries("ring_partner") == []
    assert not journal_path(hass, linked).exists()
    assert len(complaints(caplog)) == 1


async def test_a_ring_that_does_not_answer_is_not_waited_for_long(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, linked: ConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    slow = cloud.faults.add(LINK, delay=math.inf, count=None)
    removing = asyncio.create_task(hass.config_entries.async_remove(linked.entry_id))
    await slow.reached()

    freezer.tick(16)
    async_fire_time_changed(hass)
    await removing

    assert hass.config_entries.async_entries("ring_partner") == []
    assert [text.endswith("timeout") for text in complaints(caplog)] == [True]


async def test_an_answer_that_arrives_after_the_removal_leaves_no_file(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, linked: ConfigEntry
) -> None:
    await pass_time(hass, freezer, LIFETIME - 300)
    slow = cloud.faults.add(TOKEN_ROUTE, delay=math.inf)
    freezer.tick(LIFETIME + 1)
    call = asyncio.gather(linked.runtime_data.client.async_get_devices(), return_exceptions=True)
    await slow.reached()
    removing = asyncio.create_task(hass.config_entries.async_remove(linked.entry_id))

    slow.release()
    await asyncio.gather(call, removing)
    await hass.async_block_till_done()

    assert not journal_path(hass, linked).exists()


async def test_nor_does_one_that_arrives_after_an_attempt_to_set_up_has_failed(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, entry: MockConfigEntry
) -> None:
    slow = cloud.faults.add(TOKEN_ROUTE, delay=math.inf)
    cloud.faults.add("/v1/devices", status=503, headers={"Retry-After": "1"})
    freezer.tick(LIFETIME - 200)
    attempt = asyncio.create_task(hass.config_entries.async_setup(entry.entry_id))
    await tick_until(freezer, asyncio.create_task(slow.reached()), 0.001)
    removing = asyncio.create_task(hass.config_entries.async_remove(entry.entry_id))
    await tick_until(freezer, attempt, 0.01)
    freezer.tick(16)
    for _ in range(5000):
        await asyncio.sleep(0)
    assert not removing.done()

    slow.release()
    await removing
    await hass.async_block_till_done()

    assert not journal_path(hass, entry).exists()


async def test_a_lost_link_needs_no_more_dialog_once_the_account_is_removed(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, account: Account, app: App,
    linked: ConfigEntry,
) -> None:  # fmt: skip
    cloud.grants.revoke(account, app)
    await pass_time(hass, freezer, 61)
    assert links_asked_for(hass)

    await hass.config_entries.async_remove(linked.entry_id)

    assert links_asked_for(hass) == []


async def test_a_playground_token_has_nothing_to_unlink(
    hass: HomeAssistant, cloud: RingCloud, account: Account
) -> None:
    token = Token.playground(cloud.playground_token(account), time.time())
    data = {"link_method": "playground", CONF_TOKEN: new_link(token)}
    entry = MockConfigEntry(domain="ring_partner", unique_id=account.id, data=data)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    asked = len(cloud.requests)

    await hass.config_entries.async_remove(entry.entry_id)

    assert len(cloud.requests) == asked
    assert entry.state is ConfigEntryState.NOT_LOADED


async def test_removing_one_account_leaves_the_other(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, app: App, linked: ConfigEntry
) -> None:
    other = cloud.add_account("John", "Roe", "john.roe@example.com", devices=1)
    kept = make_entry(other, cloud.link_directly(other, app))
    kept.add_to_hass(hass)
    assert await hass.config_entries.async_setup(kept.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)

    await hass.config_entries.async_remove(linked.entry_id)
    await pass_time(hass, freezer, LIFETIME + HOUR)

    assert status(cloud, other, app) is LinkStatus.COMPLETED
    assert next(issued(cloud)).encode() in journal_path(hass, kept).read_bytes()
    assert await kept.runtime_data.client.async_get_devices()


async def test_the_last_account_of_a_ring_app_gives_its_cloudhooks_back(
    hass: HomeAssistant, cloud: RingCloud, account: Account, credentials: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    lent = {endpoint_id(SIGNING_KEY, endpoint): "https://hooks.example.com" for endpoint in Endpoint}

    async def delete(_hass: HomeAssistant, webhook_id: str) -> None:
        if webhook_id not in lent:
            raise ValueError("Hook is not enabled for the cloud.")
        del lent[webhook_id]

    component = SimpleNamespace(async_delete_cloudhook=delete, CloudNotAvailable=HomeAssistantError)
    hass.config.components.add("cloud")
    monkeypatch.setitem(sys.modules, "homeassistant.components.cloud", component)
    monkeypatch.setattr(homeassistant.components, "cloud", component, raising=False)
    accounts = [account, cloud.add_account("Bob", "Roe", "bob.roe@example.com", devices=1)]
    entries = [make_entry(person, cloud.link_directly(person, credentials)) for person in accounts]
    for entry in entries:
        entry.add_to_hass(hass)
    await hass.config_entries.async_remove(entries[0].entry_id)
    assert len(lent) == 3
    lent.popitem()
    await hass.config_entries.async_remove(entries[1].entry_id)
    assert not lent
