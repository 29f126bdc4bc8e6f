"""A home that the internet does not reach is linked through a tunnel, and polls afterwards."""

from collections.abc import AsyncIterator
from unittest.mock import AsyncMock

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.ring_partner.api import OAuthClient
from custom_components.ring_partner.const import DOMAIN
from custom_components.ring_partner.endpoints import PORTAL_FIELDS
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from ring_cloud import Account, App, RingCloud

from .conftest import SIGNING_KEY
from .dialog import Dialog, another, dialog, frontend
from .polls import issues, state_of
from .relays import HomeAssistantCloud, Tunnel, home_assistant_cloud, open_tunnel, set_urls
from .repair_dialog import fix
from .test_reauth import obtain

__all__ = ["dialog", "frontend", "home_assistant_cloud"]

MY = "https://my.home-assistant.io/redirect/integration/?domain=ring_partner"
TRUSTED = {"use_x_forwarded_for": True, "trusted_proxies": ["127.0.0.1"]}


@pytest.fixture
async def http(hass: HomeAssistant, request: pytest.FixtureRequest) -> None:
    """Home Assistant's HTTP server as in `configuration.yaml`, trusting the tunnel unless a test says otherwise."""
    assert await async_setup_component(hass, "http", {"http": getattr(request, "param", TRUSTED)})
    # Before the server starts: after that it takes no more paths.
    assert await async_setup_component(hass, "repairs", {})


@pytest.fixture
async def tunnel(hass: HomeAssistant, http: None, address: str) -> AsyncIterator[Tunnel]:
    """A tunnel to a home without a public URL."""
    await set_urls(hass, None)
    async with open_tunnel(address) as tunnel:
        yield tunnel


async def link_through(tunnel: Tunnel, dialog: Dialog, cloud: RingCloud, app: App, account: Account) -> ConfigEntry:
    """Link with nothing but what comes through the tunnel."""
    assert (await dialog.open("ring_app"))["step_id"] == "public_url"
    await dialog.submit(public_url=f" {tunnel.url}/ ")
    await dialog.wait_for_ring(cloud, app)
    assert app.homepage_url == MY
    urls = {app.token_exchange_url, app.account_link_url, app.webhook_url}
    assert {url.partition("/api/webhook/")[0] for url in urls} == {tunnel.url}
    await cloud.enable_app(account, app)
    await dialog.look()
    await dialog.arrive(cloud, app, account)
    assert (await dialog.submit())["type"] == "create_entry"
    await dialog.hass.async_block_till_done(wait_background_tasks=True)
    [entry] = dialog.hass.config_entries.async_entries(DOMAIN)
    return entry


class TestTunnel:
    async def test_account_linked_through_a_tunnel_polls_without_a_repair(
        self, hass: HomeAssistant, tunnel: Tunnel, dialog: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        entry = await link_through(tunnel, dialog, cloud, app, account)
        assert (issues(hass), state_of(hass, entry, None, "delivery")) == (set(), "polled")
        assert tunnel.refused == [], "only webhooks have to be forwarded"
        await hass.config_entries.async_reload(entry.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert (issues(hass), state_of(hass, entry, None, "delivery")) == (set(), "polled")

    async def test_push_through_a_tunnel_that_is_still_open_does_not_end_polling(
        self,
        hass: HomeAssistant,
        freezer: FrozenDateTimeFactory,
        tunnel: Tunnel,
        dialog: Dialog,
        cloud: RingCloud,
        app: App,
        account: Account,
    ) -> None:
        entry = await link_through(tunnel, dialog, cloud, app, account)
        freezer.tick(5)
        cloud.happen(account.device("Front Door"), "button_press")
        freezer.tick(0.05)
        await cloud.deliveries.settle()
        await hass.async_block_till_done()
        assert entry.runtime_data.activity.last_event_at is not None
        assert state_of(hass, entry, None, "delivery") == "polled"

    async def test_public_url_that_comes_later_is_used_and_offered(
        self,
        hass: HomeAssistant,
        tunnel: Tunnel,
        dialog: Dialog,
        cloud: RingCloud,
        app: App,
        account: Account,
        hass_client: ClientSessionGenerator,
    ) -> None:
        entry = await link_through(tunnel, dialog, cloud, app, account)
        assert entry.data["temporary_url"] == tunnel.url
        await set_urls(hass, dialog.address)
        assert (issues(hass), state_of(hass, entry, None, "delivery")) == ({"url_changed"}, "waiting")
        shown = await fix(hass_client, f"url_changed_{entry.entry_id}")
        assert all(f"**{field}**\n`{dialog.address}/" in shown for field in PORTAL_FIELDS.values())
        assert "temporary_url" not in entry.data
        assert issues(hass) == set()
        # Now the account relies on its public URL.
        await set_urls(hass, None)
        assert issues(hass) == {"no_public_url"}

    async def test_reconfigure_shows_urls_once_there_is_a_public_url(
        self, hass: HomeAssistant, tunnel: Tunnel, dialog: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        entry = await link_through(tunnel, dialog, cloud, app, account)
        window = another(dialog)
        assert (await window.open("addresses", entry=entry))["reason"] == "no_public_url"
        await set_urls(hass, dialog.address)
        window = another(dialog)
        shown = (await window.open("addresses", entry=entry))["description_placeholders"]
        assert all(shown[name].startswith(f"{dialog.address}/") for name in PORTAL_FIELDS)
        await window.submit()
        assert (await window.submit())["reason"] == "reconfigure_successful"
        await hass.async_block_till_done(wait_background_tasks=True)
        assert issues(hass) == set()
        assert "temporary_url" not in entry.data

    async def test_relinking_with_a_token_keeps_the_choice_to_poll(
        self, hass: HomeAssistant, tunnel: Tunnel, dialog: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        entry = await link_through(tunnel, dialog, cloud, app, account)
        window = another(dialog)
        await window.open(entry=entry)
        assert (await obtain(window, cloud, app, account, "tokens"))["reason"] == "reconfigure_successful"
        await hass.async_block_till_done(wait_background_tasks=True)
        assert (issues(hass), entry.data["temporary_url"]) == (set(), tunnel.url)

    @pytest.mark.parametrize("http", [{}, TRUSTED | {"trusted_proxies": ["192.0.2.1"]}], indirect=True)
    async def test_tunnel_that_home_assistant_does_not_trust_links_nothing(
        self, hass: HomeAssistant, tunnel: Tunnel, dialog: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        """It answers 400, as the documentation says."""
        await dialog.open("ring_app")
        await dialog.submit(public_url=tunnel.url)
        await dialog.wait_for_ring(cloud, app)
        async with dialog.browser.get(app.account_link_url) as page:
            assert page.status == 400
        assert await cloud.enable_app(account, app) == 400
        assert (await dialog.look())["progress_action"] == "enable_in_ring_app"


class TestForm:
    @pytest.fixture(autouse=True)
    def _unchecked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without the local Ring cloud, the check of the credentials would ask Ring itself."""
        monkeypatch.setattr(OAuthClient, "refuses_client", AsyncMock(return_value=False))

    @pytest.mark.parametrize(
        ("text", "error"),
        [
            ("https://", "public_url_invalid"),
            ("https://a b.example.net", "public_url_invalid"),
            ("https://tunnel.example.net:99999", "public_url_invalid"),
            ("javascript:alert(1)", "public_url_invalid"),
            ("http://tunnel.example.net", "public_url_https"),
            ("ftp://tunnel.example.net", "public_url_https"),
            ("https://tunnel.example.net/path", "public_url_path"),
            ("https://tunnel.example.net?query", "public_url_path"),
            ("https://tunnel.example.net#part", "public_url_path"),
            ("https://user:password@tunnel.example.net", "public_url_path"),
            ("https://localhost", "public_url_private"),
            ("https://homeassistant", "public_url_private"),
            ("https://homeassistant.local:8123", "public_url_private"),
            ("https://nas.home.arpa.", "public_url_private"),
            ("https://192.168.1.2", "public_url_private"),
            ("https://203.0.113.1", "public_url_private"),
            ("https://[::1]:8123", "public_url_private"),
            ("", "no_public_url"),
            ("  ", "no_public_url"),
        ],
    )
    async def test_url_that_ring_cannot_call_is_refused(
        self, hass: HomeAssistant, dialog: Dialog, monkeypatch: pytest.MonkeyPatch, text: str, error: str
    ) -> None:
        monkeypatch.delenv("RING_PARTNER_CLOUD")
        await set_urls(hass, None)
        assert (await dialog.open("ring_app"))["step_id"] == "public_url"
        assert "(https://github.com/" in dialog.shown[-3]
        assert (await dialog.submit(public_url=text))["errors"] == {"public_url": error}

    @pytest.mark.parametrize(
        ("text", "base"),
        [
            ("https://tunnel.example.net", "https://tunnel.example.net"),
            (" HTTPS://Tunnel.Example.NET:443/ ", "https://tunnel.example.net"),
            ("tunnel.example.net", "https://tunnel.example.net"),
            ("https://tunnel.example.net:8443", "https://tunnel.example.net:8443"),
            ("https://tünnel.example.net", "https://xn--tnnel-kva.example.net"),
        ],
    )
    async def test_url_of_a_tunnel_is_taken_for_all_but_the_homepage(
        self, hass: HomeAssistant, dialog: Dialog, monkeypatch: pytest.MonkeyPatch, text: str, base: str
    ) -> None:
        monkeypatch.delenv("RING_PARTNER_CLOUD")
        await set_urls(hass, None)
        await dialog.open("ring_app")
        await dialog.submit(public_url=text)
        urls = (await dialog.submit(signing_key=SIGNING_KEY))["description_placeholders"]
        assert {urls[name].partition("/api/webhook/")[0] for name in PORTAL_FIELDS} == {base, MY}

    async def test_form_left_empty_goes_on_once_there_is_a_public_url(
        self, hass: HomeAssistant, dialog: Dialog
    ) -> None:
        await set_urls(hass, None)
        await dialog.open("ring_app")
        assert (await dialog.submit())["errors"] == {"public_url": "no_public_url"}
        assert (await dialog.look())["step_id"] == "public_url", "the page was reloaded"
        await set_urls(hass, dialog.address)
        assert (await dialog.submit())["step_id"] == "signing_key"
        urls = (await dialog.submit(signing_key=SIGNING_KEY))["description_placeholders"]
        assert urls["webhook_url"].startswith(dialog.address)

    async def test_cloudhook_that_cannot_be_made_leads_to_the_form_and_back(
        self, hass: HomeAssistant, dialog: Dialog, home_assistant_cloud: HomeAssistantCloud
    ) -> None:
        await set_urls(hass, None)
        await dialog.open("ring_app")
        home_assistant_cloud.is_connected = False
        step = await dialog.submit(signing_key=SIGNING_KEY)
        assert (step["step_id"], step["errors"]) == ("public_url", {"public_url": "no_public_url"})
        assert (await dialog.submit())["errors"] == {"public_url": "no_public_url"}
        home_assistant_cloud.is_connected = True
        assert (await dialog.submit())["step_id"] == "portal"


async def test_account_linked_with_a_public_url_that_is_gone_gets_a_repair(
    hass: HomeAssistant, linked: ConfigEntry, address: str, dialog: Dialog, cloud: RingCloud, app: App
) -> None:
    """Who did not choose to poll is told."""
    await dialog.open("addresses", entry=linked)
    await dialog.submit()
    await dialog.submit()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert issues(hass) == set()
    await set_urls(hass, None)
    assert issues(hass) == {"no_public_url"}
