"""Changing a link that works: another way, another key, or just the addresses again."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.ring_partner.const import DOMAIN
from custom_components.ring_partner.endpoints import PORTAL_FIELDS
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from ring_cloud import Account, App, RingCloud

from .conftest import SIGNING_KEY
from .dialog import Dialog, another, dialog, frontend
from .test_reauth import WAYS, WAYS_AGAIN, obtain

__all__ = ["dialog", "frontend"]

OTHER_KEY = "fake-other-signing-key"


@pytest.mark.parametrize("method", WAYS_AGAIN)
async def test_each_way_links_the_same_account_anew(
    hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry, cloud: RingCloud, app: App, account: Account, method: str
) -> None:
    step = await dialog.open(entry=linked)
    assert step["menu_options"] == ["addresses", "new_key", *WAYS_AGAIN, "other_app"]
    assert linked.title in dialog.shown[1]
    assert (await obtain(dialog, cloud, app, account, method))["reason"] == "reconfigure_successful"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert linked.state is ConfigEntryState.LOADED
    assert linked.data["link_method"] == method
    assert linked.data["signing_key"] == SIGNING_KEY
    assert len(hass.config_entries.async_entries(DOMAIN)) == 1


@pytest.mark.parametrize("method", WAYS_AGAIN[1:])
async def test_each_token_way_refuses_another_account(
    hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry, cloud: RingCloud, app: App, method: str
) -> None:
    before = dict(linked.data)
    await dialog.open(entry=linked)
    bob = cloud.add_account("Bob", "Roe", "bob@example.com", devices=1)
    assert (await obtain(dialog, cloud, app, bob, method))["reason"] == "wrong_account"
    assert "Bob Roe · b***b@example.com" in dialog.shown[-1]
    assert dict(linked.data) == before
    await hass.async_block_till_done()
    assert not hass.config_entries.flow.async_progress_by_handler(DOMAIN)


class TestTheAddresses:
    """What to paste into Ring's developer console."""

    async def test_they_are_the_same_as_when_linking(
        self, dialog: Dialog, linked: ConfigEntry, cloud: RingCloud, app: App
    ) -> None:
        await dialog.wait_for_ring(cloud, app)
        window = another(dialog)
        addresses = (await window.open("addresses", entry=linked))["description_placeholders"]
        assert addresses["token_exchange_url"] == app.token_exchange_url
        assert addresses["account_link_url"] == app.account_link_url
        assert addresses["webhook_url"] == app.webhook_url
        assert addresses["homepage_url"] == app.homepage_url

    async def test_looking_at_them_changes_and_reloads_nothing(
        self, hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry, cloud: RingCloud
    ) -> None:
        shown = (await dialog.open("addresses", entry=linked))["description_placeholders"]
        urls = {name: shown[name] for name in PORTAL_FIELDS}
        hass.config_entries.async_update_entry(linked, data=linked.data | urls)
        before, requests = dict(linked.data), len(cloud.requests)
        assert (await dialog.submit())["step_id"] == "addresses_done"
        assert (await dialog.submit())["reason"] == "reconfigure_successful"
        await hass.async_block_till_done(wait_background_tasks=True)
        assert dict(linked.data) == before
        assert len(cloud.requests) == requests

    async def test_another_key_makes_other_addresses_and_is_kept(
        self, hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry, cloud: RingCloud
    ) -> None:
        old = (await dialog.open("addresses", entry=linked))["description_placeholders"]
        window = another(dialog)
        await window.open("new_key", entry=linked)
        assert (await window.submit(signing_key="short"))["errors"] == {"signing_key": "invalid_signing_key"}
        new = (await window.submit(signing_key=f" {OTHER_KEY} "))["description_placeholders"]
        assert not set(new.values()) & (set(old.values()) - {old["portal_url"], old["homepage_url"]})
        assert linked.data["signing_key"] == SIGNING_KEY
        await window.submit()
        await window.submit()
        await hass.async_block_till_done(wait_background_tasks=True)
        assert linked.data["signing_key"] == OTHER_KEY
        assert linked.state is ConfigEntryState.LOADED

    async def test_a_link_without_a_key_gets_one(
        self, hass: HomeAssistant, dialog: Dialog, entry: MockConfigEntry
    ) -> None:
        data = {key: value for key, value in entry.data.items() if key != "signing_key"}
        hass.config_entries.async_update_entry(entry, data=data)
        await hass.config_entries.async_setup(entry.entry_id)
        step = await dialog.open("addresses", entry=entry)
        assert step["data_schema"][0]["required"] is True
        assert step["step_id"] == "new_key"
        assert (await dialog.submit(signing_key=SIGNING_KEY))["step_id"] == "addresses"
        await dialog.submit()
        await dialog.submit()
        assert entry.data["signing_key"] == SIGNING_KEY

    async def test_a_playground_link_has_none(
        self, hass: HomeAssistant, dialog: Dialog, cloud: RingCloud, account: Account
    ) -> None:
        await dialog.open("playground")
        await dialog.submit(access_token=cloud.playground_token(account))
        [entry] = hass.config_entries.async_entries(DOMAIN)
        assert (await another(dialog).open(entry=entry))["menu_options"] == [*WAYS, "other_app"]

    async def test_without_a_public_address_there_are_none(
        self, dialog: Dialog, linked: ConfigEntry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("RING_PARTNER_CLOUD")
        assert (await dialog.open("addresses", entry=linked))["reason"] == "no_public_url"
