"""A real Home Assistant with a real HTTP server, and a local Ring cloud, on loopback."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
import time
from typing import Any

import aiohttp
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
import pytest_socket

from custom_components.ring_partner.api import Token
from custom_components.ring_partner.const import DOMAIN
from custom_components.ring_partner.session import new_link
from homeassistant.components.application_credentials import ClientCredential, async_import_client_credential
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from ring_cloud import Account, App, Clock, RingCloud

CLIENT_ID = "fake-client-id"
CLIENT_SECRET = "fake-client-secret"
SIGNING_KEY = "fake-hmac-signing-key"
# The harness shows what would be on disk, and every request with its query; a test plays Home Assistant Cloud by a
# websocket message, all of which Home Assistant logs at debug level.
NOT_OURS = ("pytest_homeassistant_custom_component", "aiohttp.access", "homeassistant.components.websocket_api")


@pytest.fixture(autouse=True)
def _loopback_only() -> None:
    """Home Assistant's harness forbids sockets; here they are the point, as long as they stay on this machine."""
    pytest_socket.enable_socket()
    pytest_socket.socket_allow_hosts(["127.0.0.1", "localhost", "::1"], allow_unix_socket=True)


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """A folder of its own for each test: the token's journal is a real file."""
    return hass_tmp_config_dir


@pytest.fixture(autouse=True)
def _custom_integrations(enable_custom_integrations: None) -> None:
    """Load the integration of this repository."""


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's pause before it asks again would last forever: a test's time stands still."""
    monkeypatch.setattr("custom_components.ring_partner.api.transport.BACKOFF_S", 0)


@pytest.fixture
async def cloud(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> AsyncIterator[RingCloud]:
    """A Ring cloud whose clock the test freezes; whatever a test is about, no secret may be in its log."""
    async with RingCloud(clock=Clock(source=time.time)) as cloud:
        # Where Ring's harsher behavior would hide what most tests are about; tests of it set it back.
        cloud.switches.chime_slots = "filled"
        cloud.switches.e2ee_devices = "hidden"
        cloud.switches.clip_shortfall_ms = 0
        monkeypatch.setenv("RING_PARTNER_CLOUD", cloud.url)
        yield cloud
        # A server that is closed must be done with a connection that it has just accepted.
        for _ in range(5):
            await asyncio.sleep(0)
    log = "\n".join(
        record.getMessage() + (record.exc_text or "")
        for phase in ("setup", "call", "teardown")
        for record in caplog.get_records(phase)
        if not record.name.startswith(NOT_OURS)
    )
    assert [secret[:8] for secret in cloud.secrets() if secret in log] == []


@pytest.fixture
def app(cloud: RingCloud) -> App:
    """The user's private app in the developer portal, without addresses yet."""
    return cloud.add_app(CLIENT_ID, name="My home", client_secret=CLIENT_SECRET, signing_key=SIGNING_KEY)


@pytest.fixture
def account(cloud: RingCloud) -> Account:
    """Jane, with one device of every family, and a plan of the app."""
    return cloud.add_account("Jane", "Doe", "jane.doe@example.com", plan=True)


@pytest.fixture
async def credentials(hass: HomeAssistant, app: App) -> App:
    """The Ring app's client id and secret, known to Home Assistant."""
    assert await async_setup_component(hass, "application_credentials", {})
    await async_import_client_credential(
        hass, DOMAIN, ClientCredential(app.client_id, app.client_secret, "My home"), "my_home"
    )
    return app


@pytest.fixture
async def address(hass: HomeAssistant, hass_client_no_auth: ClientSessionGenerator) -> str:
    """Home Assistant's own address: a real HTTP server."""
    assert await async_setup_component(hass, "webhook", {})
    # Home Assistant's own server takes new views at any time; that of the harness would not.
    hass.http.app._router.freeze = lambda: None
    client = await hass_client_no_auth()
    url = str(client.make_url("")).rstrip("/")
    await hass.config.async_update(external_url=url, internal_url=url)
    # An account that was set up before is reloaded with its new address.
    await hass.async_block_till_done(wait_background_tasks=True)
    return url


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    """The phone's browser."""
    async with aiohttp.ClientSession() as session:
        yield session


def make_entry(account: Account, token: dict[str, Any], **data: Any) -> MockConfigEntry:
    """An entry as linking from the Ring app leaves it."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="Jane Doe",
        unique_id=account.id,
        data={
            "auth_implementation": "my_home",
            "link_method": "ring_app",
            "signing_key": SIGNING_KEY,
            "token": new_link(Token.from_response(token, time.time())),
        }
        | data,
    )


@pytest.fixture
def entry(hass: HomeAssistant, cloud: RingCloud, account: Account, credentials: App) -> MockConfigEntry:
    """Jane's linked account, not set up yet."""
    entry = make_entry(account, cloud.link_directly(account, credentials))
    entry.add_to_hass(hass)
    return entry


type SetUp = Callable[[], Awaitable[ConfigEntry]]


@pytest.fixture
async def linked(hass: HomeAssistant, entry: MockConfigEntry) -> ConfigEntry:
    """Jane's account, set up."""
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    return entry
