"""Half an hour with a token of Ring's Developers Playground."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.ring_partner.const import DOMAIN
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from ring_cloud import Account, RingCloud

from .dialog import Dialog, another, dialog, frontend

__all__ = ["dialog", "frontend"]


async def test_it_links_with_nothing_but_the_token(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, dialog: Dialog, cloud: RingCloud, account: Account
) -> None:
    token = cloud.playground_token(account)
    freezer.tick(120)
    await dialog.open("playground")
    step = await dialog.submit(access_token=f" {token}\n")
    assert (step["type"], step["title"]) == ("create_entry", "Jane Doe")
    assert "This link works for 28 minutes." in dialog.shown[-1]
    await hass.async_block_till_done(wait_background_tasks=True)
    [entry] = hass.config_entries.async_entries(DOMAIN)
    assert entry.state is ConfigEntryState.LOADED
    assert entry.unique_id == account.id
    assert entry.data.keys() == {"link_method", "linked_at", "token"}
    assert cloud.count("*", "/v1/accounts/me/app-integrations") == 0


async def test_it_ends_in_asking_for_another_token(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, dialog: Dialog, cloud: RingCloud, account: Account
) -> None:
    await dialog.open("playground")
    await dialog.submit(access_token=cloud.playground_token(account))
    await hass.async_block_till_done(wait_background_tasks=True)
    requests = len(cloud.requests)
    freezer.tick(timedelta(minutes=31))
    async_fire_time_changed(hass, dt_util.utcnow())
    await hass.async_block_till_done(wait_background_tasks=True)
    assert len(cloud.requests) == requests
    renewal = another(dialog)
    renewal.access_token = await _fresh_access_token(hass)
    step = await renewal.join("reauth")
    assert step["menu_options"][0] == "playground"
    await renewal.choose("playground")
    assert (await renewal.submit(access_token=cloud.playground_token(account)))["reason"] == "reauth_successful"
    await hass.async_block_till_done(wait_background_tasks=True)
    [entry] = hass.config_entries.async_entries(DOMAIN)
    assert entry.state is ConfigEntryState.LOADED


async def _fresh_access_token(hass: HomeAssistant) -> str:
    """Sign in again: half an hour is also what Home Assistant's own tokens live."""
    tokens = [token for user in await hass.auth.async_get_users() for token in user.refresh_tokens.values()]
    return hass.auth.async_create_access_token(tokens[-1])


async def test_one_that_has_ended_is_refused_and_the_next_works(
    freezer: FrozenDateTimeFactory, dialog: Dialog, cloud: RingCloud, account: Account
) -> None:
    token = cloud.playground_token(account)
    await dialog.open("playground")
    cloud.clock.advance(1801)
    assert (await dialog.submit(access_token=token))["errors"] == {"base": "invalid_auth"}
    assert (await dialog.submit(access_token=cloud.playground_token(account)))["type"] == "create_entry"


@pytest.mark.parametrize("text", ["", "two words", "eyJ", "fake.access.token", "Bearer ", "fake-refresh-token"])
async def test_text_that_is_no_token_is_invalid(dialog: Dialog, cloud: RingCloud, text: str) -> None:
    await dialog.open("playground")
    assert (await dialog.submit(access_token=text))["errors"] == {"base": "invalid_token"}
    assert not cloud.requests


async def test_token_that_has_expired_by_its_claim_is_expired(
    freezer: FrozenDateTimeFactory, dialog: Dialog, cloud: RingCloud, account: Account
) -> None:
    token = cloud.playground_token(account)
    await dialog.open("playground")
    freezer.tick(1750)
    assert (await dialog.submit(access_token=f"{token}x"))["errors"] == {"base": "invalid_auth"}
    freezer.tick(49)
    cloud.clock.advance(10)
    assert (await dialog.submit(access_token=token))["errors"] == {"base": "invalid_auth"}
    freezer.tick(1)
    assert (await dialog.submit(access_token=token))["errors"] == {"base": "expired_token"}


async def test_token_copied_with_its_header_links(dialog: Dialog, cloud: RingCloud, account: Account) -> None:
    await dialog.open("playground")
    assert (await dialog.submit(access_token=f"Bearer {cloud.playground_token(account)}"))["type"] == "create_entry"


async def test_an_outage_is_told(dialog: Dialog, cloud: RingCloud, account: Account) -> None:
    await dialog.open("playground")
    token = cloud.playground_token(account)
    cloud.faults.add("/v1/users/me", status=503, headers={"Retry-After": "5"})
    step = await dialog.submit(access_token=token)
    assert (step["step_id"], step["errors"]) == ("playground_again", {"base": "cannot_connect"})
    assert (await dialog.submit())["type"] == "create_entry"
