"""Several accounts and Ring apps at once: who gets what Ring sends, also while nobody waits for it."""

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.ring_partner.const import DOMAIN
from custom_components.ring_partner.linking import close_listener
from homeassistant.components.application_credentials import ClientCredential, async_import_client_credential
from homeassistant.config_entries import SOURCE_IGNORE, ConfigEntry, ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import HomeAssistant
from ring_cloud import Account, App, RingCloud

from .conftest import SIGNING_KEY
from .dialog import Dialog, another, dialog, enter_addresses, frontend, press_confirm

__all__ = ["dialog", "frontend"]


@pytest.fixture
async def waiting(dialog: Dialog, cloud: RingCloud, app: App) -> Dialog:
    """A dialog that waits for the user to enable the app."""
    await dialog.wait_for_ring(cloud, app)
    return dialog


@pytest.fixture
async def open_addresses(dialog: Dialog, linked: ConfigEntry, cloud: RingCloud, app: App) -> Dialog:
    """No dialog is open, but Jane's entry is loaded and Ring knows the addresses."""
    await dialog.open("addresses", entry=linked)
    await dialog.submit()
    enter_addresses(cloud, app, dialog.step["description_placeholders"])
    await dialog.submit()
    return another(dialog)


class TestSeveral:
    """Several dialogs, accounts and Ring apps at once."""

    async def test_two_accounts_of_one_app(
        self, hass: HomeAssistant, waiting: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        other = another(waiting)
        await other.wait_for_ring(cloud, app)
        bob = cloud.add_account("Bob", "Roe", "bob@example.com", devices=1)
        for person in (account, bob):
            await cloud.enable_app(person, app)
        await waiting.look()
        await other.look()
        for window, person in ((waiting, bob), (other, account)):
            await window.arrive(cloud, app, person)
            assert (await window.submit())["title"] == f"{person.first_name} {person.last_name}"
        assert {entry.unique_id for entry in hass.config_entries.async_entries(DOMAIN)} == {account.id, bob.id}

    async def test_two_ring_apps(
        self, hass: HomeAssistant, dialog: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        second = cloud.add_app("fake-id-2", client_secret="fake-secret-2", signing_key="fake-signing-key-2")
        bob = cloud.add_account("Bob", "Roe", "bob@example.com", devices=1)
        credential = ClientCredential(second.client_id, second.client_secret, "Holiday home")
        await async_import_client_credential(hass, DOMAIN, credential, "holiday_home")
        dialogs = (dialog, another(dialog))
        for window, ring_app, name in zip(dialogs, (app, second), ("my_home", "holiday_home"), strict=True):
            step = await window.open("ring_app")
            assert step["data_schema"][0]["selector"]["select"]["options"] == [
                {"value": "my_home", "label": "My home"},
                {"value": "holiday_home", "label": "Holiday home"},
                {"value": "other", "label": "other"},
            ]
            await window.submit(implementation=name)
            await window.wait_for_ring(cloud, ring_app, key=ring_app.signing_key)
        for window, ring_app, person in zip(dialogs, (app, second), (account, bob), strict=True):
            await cloud.enable_app(person, ring_app)
            await window.look()
            await window.arrive(cloud, ring_app, person)
            assert (await window.submit())["type"] == "create_entry"
        entries = hass.config_entries.async_entries(DOMAIN)
        assert {entry.unique_id: entry.data["auth_implementation"] for entry in entries} == {
            account.id: "my_home",
            bob.id: "holiday_home",
        }

    async def test_a_reauthentication_gets_its_own_account_first(
        self, open_addresses: Dialog, linked: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, app: App
    ) -> None:
        newcomer, window = open_addresses, another(open_addresses)
        await newcomer.wait_for_ring(cloud, app)
        jane = cloud.account(linked.unique_id or "")
        await cloud.enable_app(jane, app)
        linked.async_start_reauth(hass)
        await hass.async_block_till_done()
        await window.join("reauth")
        await window.choose("ring_app")
        await window.wait_for_ring(cloud, app)
        await window.look()
        assert (await window.arrive(cloud, app, jane))["step_id"] == "confirm"
        assert (await window.submit())["reason"] == "reauth_successful"
        assert (await newcomer.look())["step_id"] == "wait"

    async def test_an_account_that_is_linked_already_goes_to_its_entry(
        self, open_addresses: Dialog, linked: ConfigEntry, cloud: RingCloud, app: App
    ) -> None:
        """Enabling the app again has ended the old link; so the entry needs what the wrong dialog got."""
        jane = cloud.account(linked.unique_id or "")
        await open_addresses.wait_for_ring(cloud, app)
        await cloud.enable_app(jane, app)
        await open_addresses.look()
        assert (await open_addresses.arrive(cloud, app, jane))["reason"] == "already_configured"
        assert "Jane Doe · j***e@example.com" in open_addresses.shown[-1]
        window = another(open_addresses)
        await window.join("reauth")
        await window.choose("ring_app")
        await window.wait_for_ring(cloud, app)
        assert (await window.look())["step_id"] == "confirm"
        assert (await window.submit())["reason"] == "reauth_successful"
        assert cloud.deliverable(jane, app)


class TestNobodyWaits:
    """The app was enabled before anything was started in Home Assistant."""

    async def test_another_account_is_discovered(
        self, hass: HomeAssistant, open_addresses: Dialog, cloud: RingCloud, app: App
    ) -> None:
        bob = cloud.add_account("Bob", "Roe", "bob@example.com", devices=1)
        assert await cloud.enable_app(bob, app) == 200
        await hass.async_block_till_done()
        assert await press_confirm(open_addresses.browser, cloud, bob, app) == 200
        await hass.async_block_till_done()
        [flow] = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        assert flow["context"]["title_placeholders"] == {"name": "Bob Roe · b***b@example.com"}
        assert (await open_addresses.join("integration_discovery"))["step_id"] == "confirm"
        assert (await open_addresses.submit())["title"] == "Bob Roe"
        assert cloud.deliverable(bob, app)

    async def test_confirming_again_does_not_discover_again(
        self,
        freezer: FrozenDateTimeFactory,
        hass: HomeAssistant,
        open_addresses: Dialog,
        cloud: RingCloud,
        app: App,
    ) -> None:
        bob = cloud.add_account("Bob", "Roe", "bob@example.com", devices=1)
        await cloud.enable_app(bob, app)
        await hass.async_block_till_done()
        for _ in range(2):
            assert await press_confirm(open_addresses.browser, cloud, bob, app) == 200
            await hass.async_block_till_done()
            freezer.tick(400)
        await open_addresses.join("integration_discovery")
        assert (await open_addresses.submit())["type"] == "create_entry"

    async def test_enabled_again_it_reauthenticates_its_entry(
        self, hass: HomeAssistant, open_addresses: Dialog, linked: ConfigEntry, cloud: RingCloud, app: App
    ) -> None:
        jane = cloud.account(linked.unique_id or "")
        await cloud.enable_app(jane, app)
        await hass.async_block_till_done()
        await press_confirm(open_addresses.browser, cloud, jane, app)
        await hass.async_block_till_done()
        await open_addresses.join("reauth")
        await open_addresses.choose("ring_app")
        await open_addresses.wait_for_ring(cloud, app)
        assert (await open_addresses.look_past("wait"))["step_id"] == "confirm"
        assert (await open_addresses.submit())["reason"] == "reauth_successful"
        await hass.async_block_till_done()
        assert linked.state is ConfigEntryState.LOADED
        assert cloud.deliverable(jane, app)

    @pytest.mark.parametrize("how", [{"source": SOURCE_IGNORE}, {"disabled_by": ConfigEntryDisabler.USER}])
    async def test_an_account_the_user_does_not_want_stays_quiet(
        self, hass: HomeAssistant, open_addresses: Dialog, cloud: RingCloud, app: App, how: dict[str, str]
    ) -> None:
        bob = cloud.add_account("Bob", "Roe", "bob@example.com", devices=1)
        MockConfigEntry(domain=DOMAIN, unique_id=bob.id, **how).add_to_hass(hass)
        await cloud.enable_app(bob, app)
        await hass.async_block_till_done()
        await press_confirm(open_addresses.browser, cloud, bob, app)
        await hass.async_block_till_done()
        assert not hass.config_entries.flow.async_progress_by_handler(DOMAIN)

    async def test_what_has_arrived_outlives_a_reload(
        self, hass: HomeAssistant, open_addresses: Dialog, linked: ConfigEntry, cloud: RingCloud, app: App
    ) -> None:
        """Ring sends each browser once."""
        jane = cloud.account(linked.unique_id or "")
        await cloud.enable_app(jane, app)
        await hass.async_block_till_done()
        await press_confirm(open_addresses.browser, cloud, jane, app)
        await hass.config_entries.async_reload(linked.entry_id)
        await open_addresses.join("reauth")
        await open_addresses.choose("ring_app")
        await open_addresses.wait_for_ring(cloud, app)
        assert (await open_addresses.look_past("wait"))["step_id"] == "confirm"
        assert (await open_addresses.submit())["reason"] == "reauth_successful"

    @pytest.mark.parametrize("restarted", [False, True])
    async def test_an_account_whose_link_has_ended_hears_of_a_new_one(
        self,
        hass: HomeAssistant,
        open_addresses: Dialog,
        linked: ConfigEntry,
        cloud: RingCloud,
        app: App,
        *,
        restarted: bool,
    ) -> None:
        jane = cloud.account(linked.unique_id or "")
        await hass.async_block_till_done(wait_background_tasks=True)
        await cloud.disable_app(jane, app)
        linked.runtime_data.session.revoke()
        assert await hass.config_entries.async_unload(linked.entry_id)
        if restarted:
            # In a new process nothing is open yet.
            data = dict(linked.data)
            hass.config_entries.async_update_entry(linked, data={**data, "signing_key": "fake-other-signing-key"})
            close_listener(hass, SIGNING_KEY)
            hass.config_entries.async_update_entry(linked, data=data)
        await hass.config_entries.async_setup(linked.entry_id)
        assert linked.state is ConfigEntryState.SETUP_ERROR
        assert await cloud.enable_app(jane, app) == 200
        await hass.async_block_till_done()
        assert await press_confirm(open_addresses.browser, cloud, jane, app) == 200
        await open_addresses.join("reauth")
        await open_addresses.choose("ring_app")
        await open_addresses.wait_for_ring(cloud, app)
        assert (await open_addresses.look_past("wait"))["step_id"] == "confirm"
        assert (await open_addresses.submit())["reason"] == "reauth_successful"

    @pytest.mark.parametrize("removed", [True, False])
    async def test_once_the_last_entry_is_gone_nobody_is_there(
        self,
        hass: HomeAssistant,
        open_addresses: Dialog,
        linked: ConfigEntry,
        cloud: RingCloud,
        app: App,
        *,
        removed: bool,
    ) -> None:
        await hass.async_block_till_done(wait_background_tasks=True)
        if removed:
            await hass.config_entries.async_remove(linked.entry_id)
        else:
            await hass.config_entries.async_set_disabled_by(linked.entry_id, ConfigEntryDisabler.USER)
        before = cloud.count("POST", "/oauth/token")
        await cloud.enable_app(cloud.add_account("Bob", "Roe", "bob@example.com"), app)
        await hass.async_block_till_done()
        assert cloud.count("POST", "/oauth/token") == before
