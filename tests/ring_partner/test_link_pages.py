"""The pages that a phone shows at the Account Link URL, and what a dialog is told of who opened them."""

from collections.abc import AsyncIterator
from datetime import datetime
import re

from aiohttp.test_utils import make_mocked_request
from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.ring_partner.endpoints import Endpoint, endpoint_id
from custom_components.ring_partner.linking import LinkListener, find_listener
from custom_components.ring_partner.visits import async_describe_visits, visit_of
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from ring_cloud import App, RingCloud

from .conftest import SIGNING_KEY
from .dialog import Dialog, dialog, frontend
from .relays import Tunnel, open_tunnel

__all__ = ["dialog", "frontend"]

OWN = "/config/integrations/integration/ring_partner"
MY = "https://my.home-assistant.io/redirect/integration/?domain=ring_partner"


@pytest.fixture
async def waiting(dialog: Dialog, cloud: RingCloud, app: App) -> Dialog:
    """A dialog that waits for the user to enable the app."""
    await dialog.wait_for_ring(cloud, app)
    return dialog


def listener_of(hass: HomeAssistant) -> LinkListener:
    listener = find_listener(hass, endpoint_id(SIGNING_KEY, Endpoint.TOKEN_EXCHANGE))
    assert listener is not None
    return listener


async def described(hass: HomeAssistant, since: datetime) -> str:
    return await async_describe_visits(hass, listener_of(hass).visits.since(since))


def link_of(page: str) -> str:
    [link] = re.findall(r'href="([^"]+)"', page)
    return link


class TestPages:
    @pytest.mark.parametrize(
        ("method", "query", "status"),
        [
            ("GET", "", 200),
            ("GET", "?nonce=fake-nonce&time=1", 400),
            ("POST", "", 405),
            ("PUT", "?nonce=fake-nonce", 405),
        ],
    )
    async def test_account_link_page_is_never_blank(
        self, waiting: Dialog, app: App, method: str, query: str, status: int
    ) -> None:
        async with waiting.browser.request(method, app.account_link_url + query) as answer:
            page = await answer.text()
        assert (answer.status, answer.content_type) == (status, "text/html")
        assert "<header>Home Assistant</header>" in page
        assert link_of(page) == OWN
        assert '<meta name="referrer" content="strict-origin">' in page

    async def test_head_request_is_answered_as_a_page_and_uses_nothing_up(self, waiting: Dialog, app: App) -> None:
        async with waiting.browser.head(app.account_link_url) as answer:
            assert (answer.status, answer.content_type) == (200, "text/html")
            assert int(answer.headers["Content-Length"]) > 0
        assert listener_of(waiting.hass).visits.since(dt_util.utc_from_timestamp(0)) == ()

    @pytest.mark.parametrize("query", ["", "?nonce=fake-nonce&time=1"])
    async def test_account_link_page_after_dialog_was_closed_says_what_to_do(
        self, waiting: Dialog, app: App, query: str
    ) -> None:
        await waiting.close()
        async with waiting.browser.get(app.account_link_url + query) as answer:
            page = await answer.text()
        assert answer.status == 200
        assert "Linking is not in progress" in page
        assert "add Ring Partner" in page

    async def test_page_after_closed_dialog_goes_when_a_dialog_is_opened_again(
        self, waiting: Dialog, cloud: RingCloud, app: App
    ) -> None:
        await waiting.close()
        waiting.step = {}
        await waiting.wait_for_ring(cloud, app)
        async with waiting.browser.get(app.account_link_url) as answer:
            assert "This address works" in await answer.text()

    async def test_test_page_without_waiting_dialog_says_how_to_begin(
        self, linked: ConfigEntry, dialog: Dialog, cloud: RingCloud, app: App
    ) -> None:
        await dialog.open("ring_app", entry=linked)
        await dialog.submit(signing_key=SIGNING_KEY)
        url = dialog.step["description_placeholders"]["account_link_url"]
        await dialog.close()
        async with dialog.browser.get(url) as answer:
            page = await answer.text()
        assert "This address works" in page
        assert "add Ring Partner" in page

    async def test_confirmation_without_dialog_says_where_the_account_waits(
        self, linked: ConfigEntry, waiting: Dialog, cloud: RingCloud, app: App
    ) -> None:
        bob = cloud.add_account("Bob", "Roe", "bob@example.com", devices=1)
        await waiting.close()
        await cloud.enable_app(bob, app)
        await waiting.hass.async_block_till_done()
        async with waiting.browser.get(cloud.confirm(bob, app)) as answer:
            page = await answer.text()
        assert "One more step" in page
        assert "Settings → Devices &amp; services" in page

    @pytest.mark.parametrize(
        ("host", "link"),
        [
            (None, OWN),
            ("quick-tunnel.example.net", MY),
            ("evil.example.net:x", MY),
            ("[", MY),
            ("a b", MY),
            ("<script>", MY),
        ],
    )
    async def test_page_links_to_home_assistant_where_its_frontend_is_sure_to_be(
        self, waiting: Dialog, app: App, host: str | None, link: str
    ) -> None:
        headers = {} if host is None else {"Host": host}
        async with waiting.browser.get(app.account_link_url, headers=headers) as answer:
            page = await answer.text()
        assert (answer.status, link_of(page)) == (200, link)
        assert "<script>" not in page

    async def test_page_and_visit_are_in_the_language_of_home_assistant(
        self, hass: HomeAssistant, waiting: Dialog, app: App
    ) -> None:
        since = dt_util.utcnow()
        hass.config.language = "de"
        async with waiting.browser.get(app.account_link_url) as answer:
            page = await answer.text()
        assert '<html lang="de">' in page
        assert "Diese Adresse funktioniert" in page  # codespell:ignore adresse
        assert "dein eigenes Netzwerk" in await described(hass, since)


class TestVisits:
    async def test_visit_from_own_network_is_shown_as_such(
        self, hass: HomeAssistant, waiting: Dialog, app: App
    ) -> None:
        since = dt_util.utcnow()
        assert await described(hass, since) == ""
        async with waiting.browser.get(app.account_link_url) as answer:
            page = await answer.text()
        assert "your own network" in page
        assert "shows this visit" in page
        host = waiting.address.removeprefix("http://")
        text = await described(hass, since)
        assert f"from `127.0.0.1` over `{host}`." in text
        assert "turn Wi-Fi off" in text

    async def test_dialog_is_updated_at_each_visit_until_it_stops_listening(
        self, hass: HomeAssistant, waiting: Dialog, app: App
    ) -> None:
        updates: list[int] = []
        stop = listener_of(hass).visits.listen(lambda: updates.append(1))
        async with waiting.browser.get(app.account_link_url):
            assert updates == [1]
        async with waiting.browser.head(app.account_link_url):
            assert updates == [1], "a preview is no visit"
        stop()
        async with waiting.browser.get(app.account_link_url):
            assert updates == [1]

    async def test_visits_are_bounded_and_those_from_before_the_dialog_are_not_shown(
        self, hass: HomeAssistant, waiting: Dialog, app: App, freezer: FrozenDateTimeFactory
    ) -> None:
        since = dt_util.utcnow()
        for _ in range(20):
            async with waiting.browser.get(app.account_link_url):
                pass
        assert len(listener_of(hass).visits.since(since)) == 8
        freezer.tick(1)
        assert listener_of(hass).visits.since(dt_util.utcnow()) == ()

    async def test_visit_through_remote_ui_is_one_of_home_assistant_cloud(
        self, hass: HomeAssistant, waiting: Dialog, app: App, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The address is the visitor's, as Home Assistant Cloud hands it on."""
        since = dt_util.utcnow()
        # Home Assistant knows it by the connection, which only the real remote UI can make.
        monkeypatch.setattr("custom_components.ring_partner.visits.is_cloud_connection", lambda _hass: True)
        async with waiting.browser.get(app.account_link_url) as answer:
            assert "from the internet" in await answer.text()
        assert "(Home Assistant Cloud)" in await described(hass, since)
        assert "Wi-Fi" not in await described(hass, since)

    async def test_host_of_a_visitor_is_shown_as_plain_text(
        self, hass: HomeAssistant, waiting: Dialog, app: App
    ) -> None:
        since = dt_util.utcnow()
        async with waiting.browser.get(app.account_link_url, headers={"Host": "`[x](y)<b>{z}"}) as answer:
            assert answer.status == 200
        assert "over `[x]yb" in await described(hass, since)

    def test_visit_without_ip_address_is_local(self, hass: HomeAssistant) -> None:
        """As through a socket file."""
        visit = visit_of(hass, make_mocked_request("GET", "/"))
        assert (visit.address, visit.is_local) == (None, True)

    async def test_visit_through_a_cloudhook_has_no_address(
        self, hass: HomeAssistant, waiting: Dialog, app: App, hass_ws_client: WebSocketGenerator
    ) -> None:
        since = dt_util.utcnow()
        socket = await hass_ws_client()
        hook = app.account_link_url.rpartition("/")[2]
        await socket.send_json_auto_id({"type": "webhook/handle", "webhook_id": hook, "method": "GET"})
        answer = (await socket.receive_json())["result"]
        assert answer["status"] == 200
        assert link_of(answer["body"]) == MY
        assert "over Home Assistant Cloud." in await described(hass, since)


class TestBehindAProxy:
    """A tunnel that sets X-Forwarded-For, in front of a Home Assistant that trusts it or not."""

    @pytest.fixture
    async def http(self, hass: HomeAssistant, request: pytest.FixtureRequest) -> None:
        """Home Assistant's HTTP server, set up as in `configuration.yaml`."""
        assert await async_setup_component(hass, "http", {"http": getattr(request, "param", {})})

    @pytest.fixture
    async def tunnel(self, http: None, address: str) -> AsyncIterator[Tunnel]:
        async with open_tunnel(address) as tunnel:
            yield tunnel

    @pytest.mark.parametrize("http", [{"use_x_forwarded_for": True, "trusted_proxies": ["127.0.0.1"]}], indirect=True)
    async def test_visit_shows_the_phone_and_the_host_it_opened(
        self, hass: HomeAssistant, tunnel: Tunnel, waiting: Dialog, app: App
    ) -> None:
        since = dt_util.utcnow()
        url = app.account_link_url.replace(waiting.address, tunnel.url)
        async with waiting.browser.get(url) as answer:
            page = await answer.text()
        assert answer.status == 200
        assert "from the internet" in page
        assert link_of(page) == MY
        assert "from `203.0.113.7` over `quick-tunnel.example.net` (HTTPS)." in await described(hass, since)
        # A later visit from the home's own network proves nothing, and hides nothing.
        async with waiting.browser.get(app.account_link_url):
            pass
        assert "`203.0.113.7`" in await described(hass, since)

    @pytest.mark.parametrize(
        "http", [{}, {"use_x_forwarded_for": True, "trusted_proxies": ["192.0.2.1"]}], indirect=True
    )
    async def test_proxy_that_home_assistant_does_not_trust_gets_400(
        self, hass: HomeAssistant, tunnel: Tunnel, waiting: Dialog, app: App
    ) -> None:
        since = dt_util.utcnow()
        async with waiting.browser.get(app.account_link_url.replace(waiting.address, tunnel.url)) as answer:
            assert answer.status == 400
        assert await described(hass, since) == ""

    async def test_forged_address_of_a_direct_visitor_is_not_believed(
        self, hass: HomeAssistant, http: None, waiting: Dialog, app: App
    ) -> None:
        async with waiting.browser.get(app.account_link_url, headers={"X-Forwarded-For": "203.0.113.9"}) as answer:
            assert answer.status == 400
