"""Linking again when Ring no longer accepts a link."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from yarl import URL

from custom_components.ring_partner.const import DOMAIN
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from ring_cloud import Account, App, RingCloud

from .conftest import SIGNING_KEY
from .dialog import Dialog, dialog, frontend

__all__ = ["dialog", "frontend"]


@pytest.fixture
async def asked(hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry) -> Dialog:
    """A dialog that Home Assistant has opened because Jane removed the app in the Ring app."""
    linked.async_start_reauth(hass)
    await hass.async_block_till_done()
    await dialog.join("reauth")
    return dialog


async def obtain(dialog: Dialog, cloud: RingCloud, app: App, account: Account, method: str) -> dict[str, object]:
    """Go one of the four ways with an account, to its end."""
    await dialog.choose(method)
    if method == "tokens":
        return await dialog.submit(refresh_token=cloud.link_directly(account, app)["refresh_token"])
    if method == "playground":
        return await dialog.submit(access_token=cloud.playground_token(account))
    if method == "partner":
        cloud.add_app(app.client_id, redirect_uris=[f"{dialog.address}/auth/external/callback"])
        form = {"decision": "allow", "account": account.id}
        async with dialog.browser.post(dialog.step["url"], data=form, allow_redirects=False) as answer:
            location = URL(answer.headers["Location"])
        async with dialog.browser.get(location) as page:
            assert page.status == 200
        return await dialog.look()
    await dialog.wait_for_ring(cloud, app)
    assert await cloud.enable_app(account, app) == 200
    await dialog.look()
    step = await dialog.arrive(cloud, app, account)
    return await dialog.submit() if step["type"] == "form" else step


WAYS = ["ring_app", "tokens", "playground", "partner"]
# A Playground token would end a real link after 30 minutes.
WAYS_AGAIN = ["ring_app", "tokens", "partner"]


@pytest.mark.parametrize("method", WAYS_AGAIN)
async def test_each_way_links_the_same_account_again(
    hass: HomeAssistant, asked: Dialog, linked: ConfigEntry, cloud: RingCloud, app: App, account: Account, method: str
) -> None:
    before = dict(linked.data["token"])
    assert (await obtain(asked, cloud, app, account, method))["reason"] == "reauth_successful"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert linked.state is ConfigEntryState.LOADED
    assert linked.data["link_method"] == method
    assert linked.data["signing_key"] == SIGNING_KEY
    assert linked.data["token"]["access_token"] != before["access_token"]
    assert len(hass.config_entries.async_entries(DOMAIN)) == 1
    assert not hass.config_entries.flow.async_progress()


async def test_the_address_that_was_shown_is_remembered_with_its_key(
    hass: HomeAssistant, asked: Dialog, linked: ConfigEntry, cloud: RingCloud, app: App, account: Account
) -> None:
    shown = "https://hooks.example.com/fake"
    hass.config_entries.async_update_entry(linked, data={**linked.data, "webhook_url": shown})
    assert (await obtain(asked, cloud, app, account, "tokens"))["reason"] == "reauth_successful"
    assert linked.data["webhook_url"] == shown


@pytest.mark.parametrize("method", WAYS_AGAIN[1:])
async def test_each_token_way_refuses_another_account(
    hass: HomeAssistant, asked: Dialog, linked: ConfigEntry, cloud: RingCloud, app: App, method: str
) -> None:
    before = dict(linked.data)
    bob = cloud.add_account("Bob", "Roe", "bob@example.com", devices=1)
    assert (await obtain(asked, cloud, app, bob, method))["reason"] == "wrong_account"
    assert "Bob Roe · b***b@example.com" in asked.shown[-1]
    assert dict(linked.data) == before
    await hass.async_block_till_done()
    assert not hass.config_entries.flow.async_progress_by_handler(DOMAIN)


async def test_the_way_that_was_used_before_comes_first_and_asks_for_no_key(
    asked: Dialog, linked: ConfigEntry, cloud: RingCloud, app: App
) -> None:
    assert asked.step["menu_options"] == [*WAYS_AGAIN, "other_app"]
    assert linked.title in asked.shown[1]
    assert (await asked.choose("ring_app"))["step_id"] == "portal"


async def test_losing_the_link_asks_once(
    hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, app: App, account: Account, dialog: Dialog
) -> None:
    await cloud.disable_app(account, app)
    for _ in range(3):
        await linked.runtime_data.coordinator.async_refresh()
        await hass.async_block_till_done()
    await dialog.join("reauth")
    assert (DOMAIN, f"config_entry_reauth_{DOMAIN}_{linked.entry_id}") in {
        (issue.issue_domain, issue.issue_id) for issue in ir.async_get(hass).issues.values()
    }


async def test_with_another_ring_app_its_own_key_is_asked_for(
    hass: HomeAssistant, dialog: Dialog, entry: MockConfigEntry, cloud: RingCloud, app: App, account: Account
) -> None:
    """The app was deleted at Ring and made anew, and its credentials here were replaced."""
    hass.config_entries.async_update_entry(entry, data={**entry.data, "auth_implementation": "gone"})
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    await dialog.join("reauth")
    app.signing_key = "fake-signing-key-of-the-new-app"
    assert (await dialog.choose("ring_app"))["step_id"] == "signing_key"
    await dialog.wait_for_ring(cloud, app, key=app.signing_key)
    await cloud.enable_app(account, app)
    await dialog.look()
    await dialog.arrive(cloud, app, account)
    assert (await dialog.submit())["reason"] == "reauth_successful"
    assert entry.data["signing_key"] == app.signing_key
    assert entry.data["auth_implementation"] == "my_home"
