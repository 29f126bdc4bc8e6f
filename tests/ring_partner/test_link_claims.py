"""What Ring has sent belongs to an account, not to a dialog: several tabs, abandoned ones, closed ones."""

import asyncio
from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.ring_partner.const import CONF_ACCOUNT, DOMAIN
from custom_components.ring_partner.endpoints import Endpoint, endpoint_id
from custom_components.ring_partner.linking import ATTR_LISTENER, SHOW_SECONDS, find_listener
from homeassistant.config_entries import SOURCE_INTEGRATION_DISCOVERY, ConfigEntry
from homeassistant.core import HomeAssistant
from ring_cloud import Account, App, RingCloud

from .conftest import SIGNING_KEY
from .dialog import CREDENTIALS_CHECK, Dialog, another, dialog, enter_addresses, frontend, press_confirm

__all__ = ["dialog", "frontend"]

ENABLE = "enable_in_ring_app"
LINK = "/v1/accounts/me/app-integrations"


@pytest.fixture
def bob(cloud: RingCloud) -> Account:
    """A second account of the same private app."""
    return cloud.add_account("Bob", "Roe", "bob@example.com", devices=1)


@pytest.fixture
async def jane(hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry, cloud: RingCloud, app: App) -> Account:
    """An account that is linked, and Ring knows the URLs."""
    await dialog.open("addresses", entry=linked)
    await dialog.submit()
    enter_addresses(cloud, app, dialog.step["description_placeholders"])
    await dialog.submit()
    await hass.async_block_till_done(wait_background_tasks=True)
    dialog.step = {}
    return cloud.account(linked.unique_id or "")


@pytest.fixture
async def waiting(dialog: Dialog, cloud: RingCloud, app: App) -> Dialog:
    """A dialog for a new link that waits for Ring."""
    await dialog.wait_for_ring(cloud, app)
    return dialog


@pytest.fixture
async def asked(waiting: Dialog, cloud: RingCloud, app: App, account: Account) -> Dialog:
    """A dialog that asks whether Jane's account is the right one."""
    assert await cloud.enable_app(account, app) == 200
    await waiting.look()
    assert (await waiting.arrive(cloud, app, account))["step_id"] == "confirm"
    return waiting


@pytest.fixture
async def reauth(
    hass: HomeAssistant, dialog: Dialog, jane: Account, linked: ConfigEntry, cloud: RingCloud, app: App
) -> Dialog:
    """A reauthentication of Jane's that waits for Ring."""
    await cloud.disable_app(jane, app)
    await linked.runtime_data.coordinator.async_refresh()
    await hass.async_block_till_done()
    window = another(dialog)
    await window.join("reauth")
    await window.choose("ring_app")
    await window.wait_for_ring(cloud, app)
    return window


def sources(hass: HomeAssistant) -> list[str]:
    """Return where the open dialogs came from."""
    return sorted(flow["context"]["source"] for flow in hass.config_entries.flow.async_progress_by_handler(DOMAIN))


async def pass_time(hass: HomeAssistant, freezer: FrozenDateTimeFactory, seconds: float) -> None:
    """Let time pass."""
    freezer.tick(timedelta(seconds=seconds))
    async_fire_time_changed(hass)
    await hass.async_block_till_done()


async def enable_and_confirm(hass: HomeAssistant, dialog: Dialog, cloud: RingCloud, app: App, account: Account) -> None:
    """Enable the app for an account, and press Confirm."""
    assert await cloud.enable_app(account, app) == 200
    await hass.async_block_till_done()
    assert await press_confirm(dialog.browser, cloud, account, app) == 200
    await hass.async_block_till_done()


class TestTabs:
    """The same account in several tabs, some of which nobody looks at any more."""

    async def test_every_tab_shows_the_confirmation_and_one_submit_ends_the_others(
        self, hass: HomeAssistant, waiting: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        tabs = [waiting, another(waiting), another(waiting)]
        for tab in tabs[1:]:
            await tab.wait_for_ring(cloud, app)
        await enable_and_confirm(hass, waiting, cloud, app, account)
        assert [(await tab.look())["step_id"] for tab in tabs] == ["confirm"] * 3
        assert (await tabs[1].submit())["type"] == "create_entry"
        assert (await tabs[0].submit())["reason"] == "already_configured"
        assert (await tabs[2].look())["reason"] == "already_configured"
        assert "Jane Doe · j***e@example.com" in tabs[2].shown[-1]
        assert not sources(hass)

    async def test_two_tabs_that_submit_at_once_link_once(
        self, hass: HomeAssistant, asked: Dialog, cloud: RingCloud, app: App
    ) -> None:
        tab = another(asked)
        assert (await tab.wait_for_ring(cloud, app))["step_id"] == "confirm"
        steps = await asyncio.gather(asked.submit(), tab.submit())
        assert sorted(step.get("reason", step["type"]) for step in steps) == ["already_configured", "create_entry"]
        assert len(hass.config_entries.async_entries(DOMAIN)) == 1
        assert cloud.count("POST", LINK) == 1

    async def test_second_tab_after_a_refused_nonce_reads_that_it_has_expired(
        self, asked: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        tab = another(asked)
        await tab.wait_for_ring(cloud, app)
        link = cloud.links.get(account, app)
        assert link is not None
        link.nonce = "fake-newer-nonce"
        assert (await asked.submit())["reason"] == "link_refused"
        assert (await tab.submit())["reason"] == "link_expired"
        # The token is still good: a fresh nonce, as "Sign in again" in the Ring app makes, is enough.
        again = another(asked)
        assert (await again.wait_for_ring(cloud, app))["progress_action"] == "confirm_in_ring_app"
        assert (await again.arrive(cloud, app, account))["step_id"] == "confirm"
        assert (await again.submit())["type"] == "create_entry"

    async def test_claim_of_an_abandoned_tab_is_discovered(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, waiting: Dialog, cloud: RingCloud, app: App,
        bob: Account,
    ) -> None:  # fmt: skip
        """A page that was reloaded or an app that was killed sends nothing: its dialog waits on, unseen."""
        await enable_and_confirm(hass, waiting, cloud, app, bob)
        assert sources(hass) == ["user"]
        await pass_time(hass, freezer, SHOW_SECONDS + 1)
        assert sources(hass) == ["integration_discovery", "user"]
        card = another(waiting)
        assert (await card.join("integration_discovery"))["step_id"] == "confirm"
        assert (await card.submit())["title"] == "Bob Roe"
        assert (await waiting.look())["reason"] == "already_configured"

    async def test_claim_that_is_shown_is_not_discovered(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, asked: Dialog, cloud: RingCloud, app: App,
        account: Account,
    ) -> None:  # fmt: skip
        await pass_time(hass, freezer, SHOW_SECONDS + 1)
        assert await press_confirm(asked.browser, cloud, account, app) == 200
        await pass_time(hass, freezer, SHOW_SECONDS + 1)
        assert sources(hass) == ["user"]
        assert (await asked.submit())["type"] == "create_entry"

    async def test_claim_of_an_abandoned_reconfigure_is_found_by_the_next(
        self, hass: HomeAssistant, dialog: Dialog, jane: Account, linked: ConfigEntry, cloud: RingCloud, app: App
    ) -> None:
        await dialog.open("ring_app", entry=linked)
        await dialog.wait_for_ring(cloud, app)
        await enable_and_confirm(hass, dialog, cloud, app, jane)
        again = another(dialog)
        await again.open("ring_app", entry=linked)
        assert (await again.wait_for_ring(cloud, app))["step_id"] == "confirm"
        assert (await again.submit())["reason"] == "reconfigure_successful"
        assert (await dialog.look())["reason"] == "already_configured"

    async def test_shown_account_that_another_tab_links_gives_way_to_the_next(
        self, hass: HomeAssistant, asked: Dialog, cloud: RingCloud, app: App, bob: Account
    ) -> None:
        tab = another(asked)
        await tab.wait_for_ring(cloud, app)
        await asked.submit()
        await enable_and_confirm(hass, asked, cloud, app, bob)
        # What is submitted is what was shown, never another account.
        assert (await tab.submit())["step_id"] == "confirm"
        assert "Bob Roe" in tab.shown[-1]
        assert (await tab.submit())["title"] == "Bob Roe"


class TestOtherAccounts:
    """A dialog for one account is not concerned by another."""

    async def test_reauth_with_other_account_goes_on_waiting(
        self, hass: HomeAssistant, reauth: Dialog, jane: Account, bob: Account, cloud: RingCloud, app: App
    ) -> None:
        await cloud.enable_app(bob, app)
        assert (await reauth.look())["progress_action"] == "enable_in_ring_app"
        assert await press_confirm(reauth.browser, cloud, bob, app) == 200
        assert (await reauth.look())["progress_action"] == "enable_in_ring_app"
        assert sources(hass) == ["integration_discovery", "reauth"]
        await cloud.enable_app(jane, app)
        assert (await reauth.look())["progress_action"] == "confirm_in_ring_app"
        assert (await reauth.arrive(cloud, app, jane))["step_id"] == "confirm"
        assert "Jane Doe" in reauth.shown[-1]
        assert (await reauth.submit())["reason"] == "reauth_successful"
        assert sources(hass) == ["integration_discovery"]

    async def test_reconfigure_with_other_account_goes_on_waiting(
        self, hass: HomeAssistant, dialog: Dialog, jane: Account, linked: ConfigEntry, bob: Account, cloud: RingCloud,
        app: App,
    ) -> None:  # fmt: skip
        await dialog.open("ring_app", entry=linked)
        await dialog.wait_for_ring(cloud, app)
        await enable_and_confirm(hass, dialog, cloud, app, bob)
        assert (await dialog.look())["progress_action"] == "enable_in_ring_app"
        assert sources(hass) == ["integration_discovery", "reconfigure"]

    async def test_new_link_with_linked_account_says_nothing_of_a_call(
        self, hass: HomeAssistant, dialog: Dialog, jane: Account, cloud: RingCloud, app: App
    ) -> None:
        await dialog.wait_for_ring(cloud, app)
        await cloud.enable_app(jane, app)
        assert (await dialog.look())["progress_action"] == "enable_in_ring_app"
        assert (await dialog.arrive(cloud, app, jane))["reason"] == "already_configured"
        assert sources(hass) == ["reauth"]
        # What has ended that dialog does not end the next one, which is for another account.
        again = another(dialog)
        assert (await again.wait_for_ring(cloud, app))["progress_action"] == "enable_in_ring_app"

    async def test_reauth_whose_confirmation_expired_goes_on_waiting(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, reauth: Dialog, jane: Account, cloud: RingCloud,
        app: App,
    ) -> None:  # fmt: skip
        await enable_and_confirm(hass, reauth, cloud, app, jane)
        assert (await reauth.look())["step_id"] == "confirm"
        freezer.tick(601)
        assert (await reauth.submit())["progress_action"] == "confirm_in_ring_app"
        assert (await reauth.arrive(cloud, app, jane))["step_id"] == "confirm"
        assert (await reauth.submit())["reason"] == "reauth_successful"

    async def test_reauth_after_a_refusal_goes_on_waiting(
        self, hass: HomeAssistant, reauth: Dialog, jane: Account, cloud: RingCloud, app: App
    ) -> None:
        await enable_and_confirm(hass, reauth, cloud, app, jane)
        await reauth.look()
        cloud.links.close(jane, app)
        assert (await reauth.submit())["progress_action"] == "enable_in_ring_app"
        assert sources(hass) == ["reauth"]


class TestClosed:
    """A dialog that is closed loses nothing."""

    async def test_closed_at_the_last_question_is_found_again(
        self, freezer: FrozenDateTimeFactory, asked: Dialog, cloud: RingCloud, app: App
    ) -> None:
        await asked.close()
        freezer.tick(590)
        again = another(asked)
        assert (await again.wait_for_ring(cloud, app))["step_id"] == "confirm"
        assert (await again.submit())["type"] == "create_entry"

    async def test_closed_before_the_browser_comes_is_discovered(
        self, hass: HomeAssistant, waiting: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        await cloud.enable_app(account, app)
        await waiting.look()
        await waiting.close()
        assert await press_confirm(waiting.browser, cloud, account, app) == 200
        await hass.async_block_till_done()
        assert sources(hass) == ["integration_discovery"]

    async def test_closed_while_the_code_is_exchanged_is_found_again(
        self, hass: HomeAssistant, waiting: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        fault = cloud.faults.add("/oauth/token", delay=3600)
        await cloud.enable_app(account, app)
        await fault.reached()
        await waiting.close()
        fault.release()
        await hass.async_block_till_done()
        again = another(waiting)
        assert (await again.wait_for_ring(cloud, app))["progress_action"] == "confirm_in_ring_app"

    async def test_closed_while_a_new_link_is_submitted_is_found_again(
        self, hass: HomeAssistant, asked: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        await self._close_while_submitting(hass, asked, cloud)
        assert cloud.deliverable(account, app)
        assert not hass.config_entries.async_entries(DOMAIN)
        again = another(asked)
        assert (await again.wait_for_ring(cloud, app))["step_id"] == "confirm"
        assert (await again.submit())["type"] == "create_entry"
        # Ring takes a nonce once.
        assert cloud.count("POST", LINK) == 1

    async def test_closed_while_a_reauth_is_submitted_has_linked(
        self, hass: HomeAssistant, reauth: Dialog, jane: Account, linked: ConfigEntry, cloud: RingCloud, app: App
    ) -> None:
        before = linked.data["token"]
        await enable_and_confirm(hass, reauth, cloud, app, jane)
        assert (await reauth.look())["step_id"] == "confirm"
        await self._close_while_submitting(hass, reauth, cloud)
        assert linked.data["token"]["link"] != before["link"]
        assert cloud.deliverable(jane, app)

    @staticmethod
    async def _close_while_submitting(hass: HomeAssistant, dialog: Dialog, cloud: RingCloud) -> None:
        fault = cloud.faults.add(LINK, method="PATCH", delay=3600)
        submit = asyncio.create_task(dialog._request("POST", f"/{dialog.step['flow_id']}", {}))
        await fault.reached()
        window = another(dialog)
        window.step = dict(dialog.step)
        await window.close()
        fault.release()
        await asyncio.gather(submit, return_exceptions=True)
        await hass.async_block_till_done()


async def test_code_whose_account_ring_does_not_name_is_shown_as_an_error(
    waiting: Dialog, cloud: RingCloud, app: App, account: Account
) -> None:
    cloud.faults.add("/v1/users/me", status=404, count=None)
    await cloud.enable_app(account, app)
    assert (await waiting.look_past("wait"))["errors"] == {"base": "no_integration"}


class TestUnnamedAccount:
    """Ring grants tokens for a code, but does not say at once whose they are."""

    ME = "/v1/users/me"

    async def test_short_wait_that_ring_asks_for_is_kept(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, waiting: Dialog, cloud: RingCloud, app: App,
        account: Account,
    ) -> None:  # fmt: skip
        refusal = cloud.faults.add(self.ME, status=429, headers={"Retry-After": "15"})
        await cloud.enable_app(account, app)
        await refusal.reached()
        while (step := await waiting._request("GET", f"/{waiting.step['flow_id']}"))["progress_action"] == ENABLE:
            freezer.tick(1)
            async_fire_time_changed(hass)
            await asyncio.sleep(0)
        assert step["progress_action"] == "confirm_in_ring_app"
        assert cloud.count("GET", self.ME) == 2
        assert (await waiting.arrive(cloud, app, account))["step_id"] == "confirm"

    @pytest.mark.parametrize("status", [429, 503])
    async def test_tokens_are_kept_through_a_long_wait(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, waiting: Dialog, cloud: RingCloud, app: App,
        account: Account, status: int,
    ) -> None:  # fmt: skip
        cloud.faults.add(self.ME, status=status, headers={"Retry-After": "300"})
        await cloud.enable_app(account, app)
        error = {429: "rate_limited", 503: "cannot_connect"}[status]
        assert (await waiting.look_past("wait"))["errors"] == {"base": error}
        await pass_time(hass, freezer, 290)
        assert cloud.count("GET", self.ME) == 1
        await waiting.submit()
        await pass_time(hass, freezer, 20)
        # A closed dialog loses nothing.
        await waiting.close()
        again = another(waiting)
        await again.wait_for_ring(cloud, app)
        assert (await again.arrive(cloud, app, account))["step_id"] == "confirm"
        assert (await again.submit())["type"] == "create_entry"
        assert cloud.count("POST", "/oauth/token") == 1 + CREDENTIALS_CHECK * 2

    @pytest.mark.parametrize("last", [404, 503])
    async def test_link_is_ended_where_ring_never_says(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, waiting: Dialog, cloud: RingCloud, app: App,
        account: Account, caplog: pytest.LogCaptureFixture, last: int,
    ) -> None:  # fmt: skip
        cloud.faults.add(self.ME, status=503, headers={"Retry-After": "300"})
        await cloud.enable_app(account, app)
        await waiting.look_past("wait")
        refusal = cloud.faults.add(self.ME, status=last, headers={"Retry-After": "3500"})
        app.unlink_allowed = True
        await pass_time(hass, freezer, 310)
        await refusal.reached()
        await hass.async_block_till_done(wait_background_tasks=True)
        assert "did not say whose it is" in caplog.text
        # What Ring asked to wait holds for the end of the link, too.
        assert (cloud.links.get(account, app) is None) is (last == 404)
        assert ("remove the app in the Ring app" in caplog.text) is (last == 503)
        find = find_listener(hass, endpoint_id(SIGNING_KEY, Endpoint.TOKEN_EXCHANGE))
        assert find is not None
        await waiting.close()
        assert find_listener(hass, find.key) is None


@pytest.mark.parametrize("is_used", [False, True], ids=["not opened again", "opened again"])
async def test_cloudhooks_of_a_dialog_are_deleted_after_an_hour_unless_it_is_opened_again(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    waiting: Dialog,
    cloud: RingCloud,
    app: App,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_used: bool,
) -> None:
    deleted: list[str] = []

    async def delete(_hass: HomeAssistant, signing_key: str) -> None:
        deleted.append(signing_key)

    monkeypatch.setattr("custom_components.ring_partner.linking.async_delete_cloudhooks", delete)
    hass.config.components.add("cloud")
    await waiting.close()
    hass.config.components.remove("cloud")
    if is_used:
        await another(waiting).wait_for_ring(cloud, app)
    await pass_time(hass, freezer, 3500)
    assert not deleted
    await pass_time(hass, freezer, 200)
    assert len(deleted) == (0 if is_used else 1)


@pytest.mark.parametrize("is_open", [True, False], ids=["app in use", "app not in use"])
async def test_discovery_of_a_confirmation_that_is_gone_aborts(
    hass: HomeAssistant, linked: ConfigEntry, *, is_open: bool
) -> None:
    listener = endpoint_id(SIGNING_KEY, Endpoint.TOKEN_EXCHANGE) if is_open else "fake"
    result = await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_INTEGRATION_DISCOVERY},
        data={ATTR_LISTENER: listener, CONF_ACCOUNT: "ava1.ring.account.fake"},
    )
    assert (result["type"], result["reason"]) == ("abort", "link_expired")


async def test_account_link_url_opened_twice_keeps_the_confirmation(
    asked: Dialog, cloud: RingCloud, app: App, account: Account
) -> None:
    url = cloud.confirm(account, app)
    for _ in range(2):
        async with asked.browser.get(url) as page:
            assert page.status == 200
    assert (await asked.look())["step_id"] == "confirm"
    assert (await asked.submit())["type"] == "create_entry"


async def test_code_that_comes_while_the_account_is_linked_is_kept(
    hass: HomeAssistant, asked: Dialog, cloud: RingCloud, app: App, account: Account
) -> None:
    fault = cloud.faults.add(LINK, method="PATCH", delay=3600)
    submit = asyncio.create_task(asked.submit())
    await fault.reached()
    listener = find_listener(hass, endpoint_id(SIGNING_KEY, Endpoint.TOKEN_EXCHANGE))
    assert listener is not None
    (before,) = listener.claims
    assert await cloud.enable_app(account, app) == 200
    await hass.async_block_till_done()
    (after,) = listener.claims
    assert after is not before
    fault.release()
    await submit
    assert listener.claims == [after]
