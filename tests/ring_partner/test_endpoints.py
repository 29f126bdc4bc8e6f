"""Which URLs Ring is told to call, and what an account does when one of them no longer works."""

from collections.abc import AsyncIterator
from pathlib import Path
import re

import aiohttp
from hass_nabucasa import CloudError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.ring_partner.endpoints import SIGNAL_REMOTE_UI, Endpoint, async_urls, endpoint_id
from homeassistant import components
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.setup import async_setup_component
from ring_cloud import Account, App, RingCloud

from .conftest import SIGNING_KEY
from .dialog import Dialog, another, dialog, frontend, press_confirm
from .polls import async_set_up, issues, state_of
from .relays import HomeAssistantCloud, home_assistant_cloud, serve, set_urls
from .repair_dialog import fix

__all__ = ["dialog", "frontend", "home_assistant_cloud"]

MY = "https://my.home-assistant.io/redirect/integration/?domain=ring_partner"
PAGE = "/config/integrations/integration/ring_partner"
REMOTE = "https://fake.ui.example.com"
EXTERNAL = "https://home.example.com"


@pytest.fixture
async def real_ring(hass: HomeAssistant, cloud: RingCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """No local Ring cloud: Ring calls HTTPS URLs only."""
    monkeypatch.delenv("RING_PARTNER_CLOUD")
    await set_urls(hass, None)


def hook(home_assistant_cloud: HomeAssistantCloud, endpoint: Endpoint) -> str:
    return f"{home_assistant_cloud.relay_url}/hook-{endpoint_id(SIGNING_KEY, endpoint)[:8]}"


def path(endpoint: Endpoint) -> str:
    return f"/api/webhook/{endpoint_id(SIGNING_KEY, endpoint)}"


class TestChoice:
    """POST goes to a cloudhook first, a browser's GET to Home Assistant's own URL."""

    async def test_external_url_is_used_for_all(self, hass: HomeAssistant, real_ring: None) -> None:
        await set_urls(hass, EXTERNAL)
        assert await async_urls(hass, SIGNING_KEY) == {
            "token_exchange_url": EXTERNAL + path(Endpoint.TOKEN_EXCHANGE),
            "account_link_url": EXTERNAL + path(Endpoint.ACCOUNT_LINK),
            "webhook_url": EXTERNAL + path(Endpoint.EVENTS),
            "homepage_url": EXTERNAL + PAGE,
        }

    @pytest.mark.parametrize("external", [None, "http://home.example.com", "https://203.0.113.1"])
    async def test_without_public_url_there_are_none(
        self, hass: HomeAssistant, real_ring: None, external: str | None
    ) -> None:
        await set_urls(hass, external, "http://192.168.1.2:8123")
        assert await async_urls(hass, SIGNING_KEY) == {}

    @pytest.mark.parametrize(
        ("external", "remote", "base"),
        [(EXTERNAL, None, EXTERNAL), (EXTERNAL, REMOTE, EXTERNAL), (None, REMOTE, REMOTE)],
        ids=["external", "both", "remote UI"],
    )
    async def test_with_home_assistant_cloud_only_the_browser_uses_the_own_url(
        self,
        hass: HomeAssistant,
        real_ring: None,
        home_assistant_cloud: HomeAssistantCloud,
        external: str | None,
        remote: str | None,
        base: str,
    ) -> None:
        await set_urls(hass, external)
        home_assistant_cloud.remote_url = remote
        assert await async_urls(hass, SIGNING_KEY) == {
            "token_exchange_url": hook(home_assistant_cloud, Endpoint.TOKEN_EXCHANGE),
            "account_link_url": base + path(Endpoint.ACCOUNT_LINK),
            "webhook_url": hook(home_assistant_cloud, Endpoint.EVENTS),
            "homepage_url": base + PAGE,
        }

    async def test_without_own_url_the_browser_uses_a_cloudhook(
        self, hass: HomeAssistant, real_ring: None, home_assistant_cloud: HomeAssistantCloud
    ) -> None:
        assert await async_urls(hass, SIGNING_KEY) == {
            "token_exchange_url": hook(home_assistant_cloud, Endpoint.TOKEN_EXCHANGE),
            "account_link_url": hook(home_assistant_cloud, Endpoint.ACCOUNT_LINK),
            "webhook_url": hook(home_assistant_cloud, Endpoint.EVENTS),
            "homepage_url": MY,
        }

    @pytest.mark.parametrize("why", ["no subscription", "no connection", *(CloudError, TimeoutError, ValueError)])
    async def test_without_cloudhooks_the_own_url_is_used(
        self,
        hass: HomeAssistant,
        real_ring: None,
        home_assistant_cloud: HomeAssistantCloud,
        why: str | type[Exception],
    ) -> None:
        await set_urls(hass, EXTERNAL)
        if isinstance(why, str):
            home_assistant_cloud.is_subscribed = why != "no subscription"
            home_assistant_cloud.is_connected = why != "no connection"
        else:
            home_assistant_cloud.error = why()
        urls = await async_urls(hass, SIGNING_KEY)
        assert {url.partition("/api/")[0] for name, url in urls.items() if name != "homepage_url"} == {EXTERNAL}

    async def test_remote_ui_without_subscription_is_not_used(
        self, hass: HomeAssistant, real_ring: None, home_assistant_cloud: HomeAssistantCloud
    ) -> None:
        home_assistant_cloud.remote_url = REMOTE
        home_assistant_cloud.is_subscribed = False
        assert await async_urls(hass, SIGNING_KEY) == {}

    def test_signal_of_remote_ui_is_the_one_core_sends(self) -> None:
        """Importing it would take packages that are not installed here."""
        source = (Path(components.__path__[0]) / "cloud" / "const.py").read_text()
        assert re.search(rf'DISPATCHER_REMOTE_UPDATE.*= SignalType\("{SIGNAL_REMOTE_UI}"\)', source)


class TestLinkingThroughHomeAssistantCloud:
    """The relay of cloudhooks, which may pass no GET."""

    @pytest.fixture
    async def remote_ui(self, address: str, browser: aiohttp.ClientSession) -> AsyncIterator[str]:
        """The way that Home Assistant Cloud's remote UI offers to all of Home Assistant."""

        async def forward(request: aiohttp.web.Request) -> aiohttp.web.Response:
            async with browser.request(request.method, address + request.raw_path) as answer:
                return aiohttp.web.Response(
                    status=answer.status, body=await answer.read(), content_type=answer.content_type
                )

        async with serve(forward) as url:
            yield url

    @pytest.mark.parametrize("passes_get", [True, False])
    async def test_link_with_remote_ui_needs_no_get_of_the_relay(
        self,
        hass: HomeAssistant,
        dialog: Dialog,
        cloud: RingCloud,
        app: App,
        account: Account,
        home_assistant_cloud: HomeAssistantCloud,
        remote_ui: str,
        passes_get: bool,
    ) -> None:
        home_assistant_cloud.passes_get = passes_get
        home_assistant_cloud.remote_url = remote_ui
        await set_urls(hass, None)
        await dialog.wait_for_ring(cloud, app)
        assert app.token_exchange_url.startswith(home_assistant_cloud.relay_url)
        assert app.account_link_url.startswith(remote_ui)
        await cloud.enable_app(account, app)
        await dialog.look()
        await dialog.arrive(cloud, app, account)
        assert (await dialog.submit())["type"] == "create_entry"

    @pytest.mark.parametrize("passes_get", [True, False])
    async def test_link_with_external_url_needs_no_get_of_the_relay(
        self,
        dialog: Dialog,
        cloud: RingCloud,
        app: App,
        account: Account,
        home_assistant_cloud: HomeAssistantCloud,
        passes_get: bool,
    ) -> None:
        home_assistant_cloud.passes_get = passes_get
        await dialog.wait_for_ring(cloud, app)
        assert app.token_exchange_url.startswith(home_assistant_cloud.relay_url)
        assert app.account_link_url.startswith(dialog.address)
        await cloud.enable_app(account, app)
        await dialog.look()
        await dialog.arrive(cloud, app, account)
        assert (await dialog.submit())["type"] == "create_entry"

    async def test_link_with_cloudhooks_only_works_where_the_relay_passes_get(
        self,
        hass: HomeAssistant,
        dialog: Dialog,
        cloud: RingCloud,
        app: App,
        account: Account,
        home_assistant_cloud: HomeAssistantCloud,
    ) -> None:
        await set_urls(hass, None)
        await dialog.wait_for_ring(cloud, app)
        async with dialog.browser.get(app.account_link_url) as page:
            assert "This address works" in await page.text()
        await cloud.enable_app(account, app)
        await dialog.look()
        await dialog.arrive(cloud, app, account)
        assert (await dialog.submit())["type"] == "create_entry"

    async def test_link_goes_on_after_remote_ui_was_turned_on_for_a_relay_that_passes_no_get(
        self,
        hass: HomeAssistant,
        dialog: Dialog,
        cloud: RingCloud,
        app: App,
        account: Account,
        home_assistant_cloud: HomeAssistantCloud,
        remote_ui: str,
    ) -> None:
        """As the documentation says."""
        home_assistant_cloud.passes_get = False
        await set_urls(hass, None)
        await dialog.wait_for_ring(cloud, app)
        async with dialog.browser.get(app.account_link_url) as page:
            assert page.status == 405
        await cloud.enable_app(account, app)
        await dialog.look()
        assert await press_confirm(dialog.browser, cloud, account, app) == 405

        home_assistant_cloud.remote_url = remote_ui
        await dialog.close()
        later = another(dialog)
        await later.wait_for_ring(cloud, app)
        await later.look()
        await later.arrive(cloud, app, account)
        assert (await later.submit())["type"] == "create_entry"


class TestLinkedAccount:
    """Says what to replace in Ring's developer console as soon as a URL in there no longer works, and not before."""

    @pytest.fixture
    async def repairs(self, hass: HomeAssistant) -> None:
        """Before the HTTP server starts: after that it takes no more paths."""
        assert await async_setup_component(hass, "repairs", {})

    @pytest.fixture
    async def shown(
        self,
        hass: HomeAssistant,
        repairs: None,
        entry: MockConfigEntry,
        address: str,
        home_assistant_cloud: HomeAssistantCloud,
    ) -> dict[str, str]:
        """Linked through cloudhooks and remote UI."""
        home_assistant_cloud.remote_url = REMOTE
        await set_urls(hass, None)
        shown = await async_urls(hass, SIGNING_KEY)
        hass.config_entries.async_update_entry(entry, data=entry.data | shown)
        await async_set_up(hass, entry)
        assert issues(hass) == set()
        return shown

    async def test_remote_ui_turned_off_and_on(
        self,
        hass: HomeAssistant,
        shown: dict[str, str],
        entry: MockConfigEntry,
        home_assistant_cloud: HomeAssistantCloud,
        hass_client: ClientSessionGenerator,
    ) -> None:
        before = entry.runtime_data
        for remote, expected in ((None, {"url_changed"}), (REMOTE, set()), (None, {"url_changed"})):
            home_assistant_cloud.remote_url = remote
            async_dispatcher_send(hass, SIGNAL_REMOTE_UI, None)
            await hass.async_block_till_done(wait_background_tasks=True)
            assert issues(hass) == expected
        text = await fix(hass_client, f"url_changed_{entry.entry_id}")
        link = hook(home_assistant_cloud, Endpoint.ACCOUNT_LINK)
        assert text == f"**Account Link URL**\n`{link}`\n\n**App Homepage URL (or Default Redirect URL)**\n`{MY}`"
        assert issues(hass) == set()
        assert {name: entry.data[name] for name in shown} == shown | {"account_link_url": link, "homepage_url": MY}

        # A cloudhook that was pasted goes on working: nothing is to be replaced when remote UI is back.
        home_assistant_cloud.remote_url = REMOTE
        async_dispatcher_send(hass, SIGNAL_REMOTE_UI, None)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert issues(hass) == set()
        assert entry.runtime_data is before, "the webhook's URL has not changed"

    async def test_home_assistant_cloud_out_of_reach_changes_nothing(
        self,
        hass: HomeAssistant,
        shown: dict[str, str],
        entry: MockConfigEntry,
        home_assistant_cloud: HomeAssistantCloud,
    ) -> None:
        before = entry.runtime_data
        for is_connected in (False, True, False):
            await home_assistant_cloud.connect(is_connected=is_connected)
            assert (issues(hass), state_of(hass, entry, None, "delivery")) == (set(), "waiting")
        assert entry.runtime_data is before
        await hass.config_entries.async_reload(entry.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert (issues(hass), state_of(hass, entry, None, "delivery")) == (set(), "waiting")

    @pytest.mark.parametrize("error", [CloudError, TimeoutError, ValueError])
    async def test_cloudhook_that_cannot_be_made_changes_nothing(
        self,
        hass: HomeAssistant,
        shown: dict[str, str],
        entry: MockConfigEntry,
        home_assistant_cloud: HomeAssistantCloud,
        error: type[Exception],
    ) -> None:
        home_assistant_cloud.error = error()
        await home_assistant_cloud.connect()
        assert (issues(hass), entry.state) == (set(), ConfigEntryState.LOADED)

    async def test_deleted_cloudhook_is_to_be_replaced(
        self,
        hass: HomeAssistant,
        shown: dict[str, str],
        entry: MockConfigEntry,
        home_assistant_cloud: HomeAssistantCloud,
    ) -> None:
        """As after the hooks were deleted in Home Assistant Cloud's settings."""
        await home_assistant_cloud.delete_hook(endpoint_id(SIGNING_KEY, Endpoint.EVENTS))
        assert issues(hass) == {"url_changed"}
        issue = ir.async_get(hass).async_get_issue("ring_partner", f"url_changed_{entry.entry_id}")
        assert issue is not None
        assert issue.data is not None
        assert issue.data["webhook_url"] == hook(home_assistant_cloud, Endpoint.EVENTS) + "-1"
        assert "token_exchange_url" not in issue.data

    async def test_subscription_that_ended_leaves_no_public_url(
        self,
        hass: HomeAssistant,
        shown: dict[str, str],
        entry: MockConfigEntry,
        home_assistant_cloud: HomeAssistantCloud,
    ) -> None:
        home_assistant_cloud.is_subscribed = False
        await home_assistant_cloud.connect(is_connected=False)
        assert (issues(hass), state_of(hass, entry, None, "delivery")) == ({"no_public_url"}, "polled")
        home_assistant_cloud.is_subscribed = True
        await home_assistant_cloud.connect()
        assert (issues(hass), state_of(hass, entry, None, "delivery")) == (set(), "waiting")

    async def test_subscription_that_ended_with_external_url_names_all_urls(
        self,
        hass: HomeAssistant,
        shown: dict[str, str],
        entry: MockConfigEntry,
        home_assistant_cloud: HomeAssistantCloud,
    ) -> None:
        await set_urls(hass, "http://192.0.2.1:8123")
        assert issues(hass) == set(), "what the console holds goes on working"
        home_assistant_cloud.is_subscribed = False
        await home_assistant_cloud.connect(is_connected=False)
        assert issues(hass) == {"url_changed"}
        issue = ir.async_get(hass).async_get_issue("ring_partner", f"url_changed_{entry.entry_id}")
        assert issue is not None
        assert issue.data is not None
        assert {name: issue.data[name] for name in shown} == {
            "token_exchange_url": "http://192.0.2.1:8123" + path(Endpoint.TOKEN_EXCHANGE),
            "account_link_url": "http://192.0.2.1:8123" + path(Endpoint.ACCOUNT_LINK),
            "webhook_url": "http://192.0.2.1:8123" + path(Endpoint.EVENTS),
            "homepage_url": "http://192.0.2.1:8123" + PAGE,
        }

    async def test_external_url_goes_on_being_used_when_home_assistant_cloud_comes(
        self, hass: HomeAssistant, entry: MockConfigEntry, address: str, home_assistant_cloud: HomeAssistantCloud
    ) -> None:
        home_assistant_cloud.is_subscribed = False
        hass.config_entries.async_update_entry(entry, data=entry.data | await async_urls(hass, SIGNING_KEY))
        await async_set_up(hass, entry)
        before = entry.runtime_data
        home_assistant_cloud.is_subscribed = True
        await home_assistant_cloud.connect()
        assert (issues(hass), entry.runtime_data is before) == (set(), True)
        assert home_assistant_cloud.hooks == {}

    async def test_account_that_was_shown_no_urls_asks_for_one_cloudhook_only(
        self, hass: HomeAssistant, entry: ConfigEntry, address: str, home_assistant_cloud: HomeAssistantCloud
    ) -> None:
        """As one that was linked with tokens."""
        assert "webhook_url" not in entry.data
        await set_urls(hass, None)
        await async_set_up(hass, entry)
        assert list(home_assistant_cloud.hooks) == [endpoint_id(SIGNING_KEY, Endpoint.EVENTS)]
        before = entry.runtime_data
        await home_assistant_cloud.connect(is_connected=False)
        assert (issues(hass), entry.runtime_data is before) == (set(), True)
        home_assistant_cloud.is_subscribed = False
        await home_assistant_cloud.connect(is_connected=False)
        assert (issues(hass), state_of(hass, entry, None, "delivery")) == (set(), "polled")

        assert await hass.config_entries.async_unload(entry.entry_id)
        assert home_assistant_cloud.listeners == []
        assert home_assistant_cloud.hook_listeners == []
