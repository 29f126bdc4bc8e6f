"""Linking from the Ring app: the usual way, whole, and everything that can go wrong on it."""

import asyncio
from datetime import timedelta
import logging

import aiohttp
from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.ring_partner.const import DOMAIN
from custom_components.ring_partner.endpoints import PORTAL_FIELDS
from custom_components.ring_partner.linking import RETRY_SECONDS
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from ring_cloud import Account, App, RingCloud
from ring_cloud.model import Flow

from .conftest import SIGNING_KEY
from .dialog import CREDENTIALS_CHECK, Dialog, another, dialog, enter_addresses, frontend, press_confirm

__all__ = ["dialog", "frontend"]


@pytest.fixture
async def waiting(dialog: Dialog, cloud: RingCloud, app: App) -> Dialog:
    """A dialog that waits for the user to enable the app."""
    await dialog.wait_for_ring(cloud, app)
    return dialog


@pytest.fixture
async def asked(waiting: Dialog, cloud: RingCloud, app: App, account: Account) -> Dialog:
    """A dialog that asks whether Jane's account is the right one."""
    assert await cloud.enable_app(account, app) == 200
    await waiting.look()
    await waiting.arrive(cloud, app, account)
    assert waiting.step["step_id"] == "confirm"
    return waiting


async def test_the_whole_way(hass: HomeAssistant, dialog: Dialog, cloud: RingCloud, app: App, account: Account) -> None:
    """Menu, key, addresses, enable, confirm there, confirm here, linked."""
    assert (await dialog.open())["menu_options"][0] == "ring_app"
    assert (await dialog.choose("ring_app"))["step_id"] == "signing_key"
    assert (await dialog.submit(signing_key=f" {SIGNING_KEY}\n"))["step_id"] == "portal"
    enter_addresses(cloud, app, dialog.step["description_placeholders"])
    assert app.homepage_url == f"{dialog.address}/config/integrations/integration/ring_partner"
    assert (await dialog.submit())["progress_action"] == "enable_in_ring_app"

    assert await cloud.enable_app(account, app) == 200
    assert (await dialog.look())["progress_action"] == "confirm_in_ring_app"
    assert (await dialog.arrive(cloud, app, account))["step_id"] == "confirm"
    assert "Continue only if it's yours. **Jane Doe · j***e@example.com**" in " ".join(dialog.shown)
    assert not cloud.deliverable(account, app)
    assert (await dialog.submit())["type"] == "create_entry"
    await hass.async_block_till_done(wait_background_tasks=True)

    [entry] = hass.config_entries.async_entries(DOMAIN)
    assert entry.state is ConfigEntryState.LOADED
    assert entry.title == "Jane Doe"
    assert entry.unique_id == account.id
    assert entry.data["auth_implementation"] == "my_home"
    assert entry.data["link_method"] == "ring_app"
    assert entry.data["signing_key"] == SIGNING_KEY
    assert entry.data["linked_at"] > 0
    kept = {"auth_implementation", "link_method", "linked_at", "signing_key", "token", *PORTAL_FIELDS}
    assert entry.data.keys() == kept
    assert cloud.deliverable(account, app)
    link = cloud.links.get(account, app)
    assert link is not None
    # The harness calls its user "Mock User"; Ring's user reads no more than this.
    assert link.account_identifier == "M***r"


@pytest.mark.parametrize(
    ("names", "title", "shown"),
    [
        (("Jane", "Doe", "jane.doe@example.com"), "Jane Doe", "Jane Doe · j***e@example.com"),
        (("Jane", "", "jane.doe@example.com"), "Jane", "Jane · j***e@example.com"),
        (("", "", "jane.doe@example.com"), "j***e@example.com", "**j***e@example.com**"),
        (("", "", ""), "Ring", "**Ring**"),
    ],
)
async def test_an_entry_is_called_as_its_owner(
    hass: HomeAssistant,
    waiting: Dialog,
    cloud: RingCloud,
    app: App,
    names: tuple[str, str, str],
    title: str,
    shown: str,
) -> None:
    somebody = cloud.add_account(*names, devices=1)
    await cloud.enable_app(somebody, app)
    await waiting.look()
    await waiting.arrive(cloud, app, somebody)
    assert shown in waiting.shown[-1]
    assert (await waiting.submit())["title"] == title


async def test_a_key_that_is_too_short_is_asked_for_again(dialog: Dialog, cloud: RingCloud, app: App) -> None:
    await dialog.open("ring_app")
    assert (await dialog.submit(signing_key="  short "))["errors"] == {"signing_key": "invalid_signing_key"}
    assert (await dialog.submit(signing_key=SIGNING_KEY))["step_id"] == "portal"


def warnings(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What is logged where users look."""
    return [record for record in caplog.records if record.levelno >= logging.WARNING]


class TestTheCode:
    """What Ring's backend posts."""

    async def test_it_is_exchanged_once_however_often_it_is_posted(
        self, waiting: Dialog, cloud: RingCloud, app: App, account: Account, browser: aiohttp.ClientSession
    ) -> None:
        await cloud.enable_app(account, app)
        [code] = [secret for secret in cloud.secrets() if secret in cloud.grants._codes]
        for _ in range(3):
            async with browser.post(app.token_exchange_url, data={"code": code}) as answer:
                assert answer.status == 200
        await waiting.look()
        await waiting.arrive(cloud, app, account)
        assert (await waiting.submit())["type"] == "create_entry"
        assert cloud.count("POST", "/oauth/token") == CREDENTIALS_CHECK + 1

    async def test_expired_code_is_logged_once_and_another_works(
        self,
        caplog: pytest.LogCaptureFixture,
        freezer: FrozenDateTimeFactory,
        waiting: Dialog,
        cloud: RingCloud,
        app: App,
        account: Account,
        browser: aiohttp.ClientSession,
    ) -> None:
        code = cloud.grants.new_code(account, app, Flow.ONE_WAY)
        freezer.tick(61)
        for made_up in (code, *(f"fake-code-{number}" for number in range(10))):
            async with browser.post(app.token_exchange_url, data={"code": made_up}) as answer:
                assert answer.status == 200
            assert (await waiting.look())["progress_action"] == "enable_in_ring_app"
        assert sum("authorization code" in record.getMessage() for record in warnings(caplog)) == 1
        await cloud.enable_app(account, app)
        assert (await waiting.look())["progress_action"] == "confirm_in_ring_app"

    async def test_wrong_credentials_are_told_at_once(
        self, waiting: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        app.client_secret = "fake-other-secret"
        await cloud.enable_app(account, app)
        step = await waiting.look()
        assert (step["step_id"], step["errors"]) == ("credentials", {"base": "invalid_client"})
        # The key was entered before, and is kept.
        step = await waiting.submit(client_id=app.client_id, client_secret=app.client_secret, csv={})
        assert step["step_id"] == "portal"
        assert (await waiting.submit())["progress_action"] == "enable_in_ring_app"
        await cloud.enable_app(account, app)
        assert (await waiting.look())["progress_action"] == "confirm_in_ring_app"

    @pytest.mark.parametrize("route", ["/oauth/token", "/v1/users/me"])
    async def test_a_short_outage_goes_unnoticed(
        self, hass: HomeAssistant, waiting: Dialog, cloud: RingCloud, app: App, account: Account, route: str
    ) -> None:
        fault = cloud.faults.add(route, status=503, count=2)
        await cloud.enable_app(account, app)
        await fault.reached()
        await _let_pauses_pass(hass, waiting)
        assert waiting.step["progress_action"] == "confirm_in_ring_app"
        await waiting.arrive(cloud, app, account)
        assert (await waiting.submit())["type"] == "create_entry"

    async def test_a_long_outage_is_told_and_the_next_code_works(
        self, hass: HomeAssistant, waiting: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        fault = cloud.faults.add("/oauth/token", status=503, count=None)
        await cloud.enable_app(account, app)
        await fault.reached()
        await _let_pauses_pass(hass, waiting)
        assert (waiting.step["step_id"], waiting.step["errors"]) == ("wait_failed", {"base": "cannot_connect"})
        cloud.faults.clear()
        await waiting.submit()
        await cloud.enable_app(account, app)
        await waiting.look()
        await waiting.arrive(cloud, app, account)
        assert (await waiting.submit())["type"] == "create_entry"


async def _let_pauses_pass(hass: HomeAssistant, dialog: Dialog) -> None:
    """Skip the pauses between tries, until the dialog shows something else."""
    before = dialog.step
    while dialog.step == before:
        async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=max(RETRY_SECONDS)))
        await dialog._request("GET", f"/{before['flow_id']}")


class TestTheBrowser:
    """What the user's phone brings."""

    async def test_a_wrong_nonce_is_refused_and_told_to_the_dialog(
        self, waiting: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        """The portal's addresses are right but the key is another app's, so Ring signs with another."""
        await cloud.enable_app(account, app)
        await waiting.look()
        app.signing_key = "fake-key-of-another-app"
        assert await press_confirm(waiting.browser, cloud, account, app) == 400
        step = await waiting.look()
        assert (step["step_id"], step["errors"]) == ("correct_key", {"signing_key": "wrong_signing_key"})
        app.signing_key = SIGNING_KEY
        # Left empty, the key that was entered stays, and with it what has come from Ring.
        assert (await waiting.submit())["step_id"] == "portal"
        assert (await waiting.submit())["progress_action"] == "confirm_in_ring_app"
        assert (await waiting.arrive(cloud, app, account))["step_id"] == "confirm"

    async def test_wrong_key_corrected_in_the_dialog_links(
        self, dialog: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        await dialog.wait_for_ring(cloud, app, key="fake-key-of-another-app")
        await cloud.enable_app(account, app)
        await dialog.look()
        assert await press_confirm(dialog.browser, cloud, account, app) == 400
        assert (await dialog.look())["step_id"] == "correct_key"
        assert (await dialog.submit(signing_key="short"))["errors"] == {"signing_key": "invalid_signing_key"}
        before = app.token_exchange_url
        assert (await dialog.submit(signing_key=SIGNING_KEY))["step_id"] == "portal"
        enter_addresses(cloud, app, dialog.step["description_placeholders"])
        assert app.token_exchange_url != before
        assert (await dialog.submit())["progress_action"] == "enable_in_ring_app"
        await cloud.disable_app(account, app)
        await cloud.enable_app(account, app)
        await dialog.look()
        await dialog.arrive(cloud, app, account)
        assert (await dialog.submit())["type"] == "create_entry"

    @pytest.mark.parametrize(
        ("seconds", "status"), [(0, 200), (599, 200), (601, 400), (86_400, 400), (-59, 200), (-61, 400)]
    )
    async def test_only_a_fresh_time_is_taken(
        self,
        freezer: FrozenDateTimeFactory,
        waiting: Dialog,
        cloud: RingCloud,
        app: App,
        account: Account,
        seconds: int,
        status: int,
    ) -> None:
        await cloud.enable_app(account, app)
        await waiting.look()
        url = cloud.confirm(account, app)
        freezer.tick(seconds)
        async with waiting.browser.get(url) as page:
            assert page.status == status

    async def test_a_nonce_works_once(self, asked: Dialog, cloud: RingCloud, app: App, account: Account) -> None:
        url = cloud.confirm(account, app)
        async with asked.browser.get(url) as page:
            assert page.status == 200
        assert (await asked.submit())["type"] == "create_entry"
        async with asked.browser.get(url) as page:
            assert page.status == 400

    async def test_an_account_that_did_not_enable_the_app_is_not_taken(
        self, waiting: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        stranger = cloud.add_account("Eve", "Roe", "eve@example.com", devices=0)
        cloud.links.open(stranger, app, Flow.ONE_WAY, None)
        await cloud.enable_app(account, app)
        await waiting.look()
        assert await press_confirm(waiting.browser, cloud, stranger, app) == 400
        assert (await waiting.look())["errors"] == {"signing_key": "wrong_signing_key"}

    async def test_it_may_come_while_the_code_is_still_being_exchanged(
        self, waiting: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        fault = cloud.faults.add("/oauth/token", delay=3600)
        await cloud.enable_app(account, app)
        await fault.reached()
        arriving = asyncio.create_task(press_confirm(waiting.browser, cloud, account, app))
        await asyncio.sleep(0)
        fault.release()
        assert await arriving == 200
        assert (await waiting.look())["step_id"] == "confirm"

    async def test_confirming_twice_in_the_ring_app_leaves_the_newer_nonce_in_force(
        self, freezer: FrozenDateTimeFactory, asked: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        freezer.tick(1)
        assert await press_confirm(asked.browser, cloud, account, app) == 200
        assert (await asked.submit())["type"] == "create_entry"
        assert cloud.deliverable(account, app)


class TestTheLastForm:
    """Is this your Ring account?"""

    async def test_a_double_click_links_once(self, hass: HomeAssistant, asked: Dialog, cloud: RingCloud) -> None:
        outcomes = await asyncio.gather(asked.submit(), another_submit(asked), return_exceptions=True)
        created = [one for one in outcomes if isinstance(one, dict) and one["type"] == "create_entry"]
        ended = [one for one in outcomes if isinstance(one, AssertionError) and "404" in str(one)]
        assert (len(created), len(ended)) == (1, 1)
        assert len(hass.config_entries.async_entries(DOMAIN)) == 1
        assert cloud.count("POST", "/v1/accounts/me/app-integrations") == 1

    async def test_it_has_to_be_answered_within_ten_minutes(
        self, freezer: FrozenDateTimeFactory, asked: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        freezer.tick(601)
        assert (await asked.submit())["reason"] == "link_expired"
        again = another(asked)
        await again.wait_for_ring(cloud, app)
        assert (await again.look())["progress_action"] == "confirm_in_ring_app"
        await again.arrive(cloud, app, account)
        assert (await again.submit())["type"] == "create_entry"

    @pytest.mark.parametrize(
        ("method", "fault", "posts"),
        [
            ("POST", {"status": 503}, 2),
            ("POST", {"status": 429, "headers": {"Retry-After": "7"}}, 2),
            ("POST", {"cut": "before"}, 2),
            ("POST", {"cut": "after"}, 2),
            ("POST", {"garbage": "html"}, 2),
            ("PATCH", {"status": 503, "headers": {"Retry-After": "7"}}, 1),
            ("PATCH", {"status": 429}, 1),
        ],
    )
    async def test_after_an_outage_it_can_be_submitted_again(
        self,
        freezer: FrozenDateTimeFactory,
        asked: Dialog,
        cloud: RingCloud,
        app: App,
        account: Account,
        method: str,
        fault: dict[str, object],
        posts: int,
    ) -> None:
        cloud.faults.add("/v1/accounts/me/app-integrations", method=method, **fault)
        step = await asked.submit()
        assert step["step_id"] == "confirm"
        assert step["errors"]["base"] in {"cannot_connect", "rate_limited"}
        # Ring may have asked to wait.
        freezer.tick(61)
        assert (await asked.submit())["type"] == "create_entry"
        assert cloud.deliverable(account, app)
        assert cloud.count("POST", "/v1/accounts/me/app-integrations") == posts

    @pytest.mark.parametrize("undo", ["forget", "close"])
    async def test_without_the_link_at_ring_it_starts_over(
        self, asked: Dialog, cloud: RingCloud, app: App, account: Account, undo: str
    ) -> None:
        """The user has removed the app in the Ring app, or backed out there."""
        getattr(cloud.links, undo)(account, app)
        assert (await asked.submit())["reason"] == "link_refused"
        again = another(asked)
        assert (await again.wait_for_ring(cloud, app))["progress_action"] == "enable_in_ring_app"

    async def test_a_nonce_that_ring_refuses_starts_over(
        self, asked: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        """As after a confirmation that never reached Home Assistant: the nonce here is no longer the newest."""
        cloud.confirm(account, app)
        link = cloud.links.get(account, app)
        assert link is not None
        link.nonce = "fake-newer-nonce"
        assert (await asked.submit())["reason"] == "link_refused"


async def another_submit(dialog: Dialog) -> dict[str, object]:
    """Submit the same form from a second window."""
    window = another(dialog)
    window.step = dialog.step
    return await window.submit()


class TestWaiting:
    """The dialog while nothing happens."""

    async def test_after_half_an_hour_it_asks_whether_to_go_on(
        self, hass: HomeAssistant, waiting: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        async_fire_time_changed(hass, fire_all=True)
        assert (await waiting.look())["step_id"] == "wait_timeout"
        assert app.account_link_url in waiting.shown[-1]
        assert (await waiting.submit())["progress_action"] == "enable_in_ring_app"
        await cloud.enable_app(account, app)
        assert (await waiting.look())["progress_action"] == "confirm_in_ring_app"

    async def test_closing_it_takes_the_addresses_away(
        self, hass: HomeAssistant, waiting: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        tasks = {task for task in asyncio.all_tasks() if "ring_partner link" in task.get_name()}
        assert len(tasks) == 1
        await waiting.close()
        await hass.async_block_till_done()
        assert all(task.done() for task in tasks)
        await cloud.enable_app(account, app)
        await hass.async_block_till_done()
        assert cloud.count("POST", "/oauth/token") == CREDENTIALS_CHECK

    async def test_looking_again_changes_nothing(self, waiting: Dialog) -> None:
        assert (await waiting.look())["progress_action"] == "enable_in_ring_app"
        assert (await waiting.look())["progress_action"] == "enable_in_ring_app"
