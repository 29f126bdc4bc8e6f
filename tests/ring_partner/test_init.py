"""An account is set up, unloaded and set up again; and what happens where it cannot be."""

from datetime import timedelta
import time

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from homeassistant.components.application_credentials import ClientCredential, async_import_client_credential
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import CONF_TOKEN, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.config_entry_oauth2_flow import (
    AbstractOAuth2Implementation,
    ImplementationUnavailableError,
    async_add_implementation_provider,
)
from homeassistant.setup import async_setup_component
from ring_cloud import Account, App, RingCloud

from .conftest import make_entry
from .polls import async_pass_time, registered
from .tokens import links_asked_for


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """A disk of its own."""
    return hass_tmp_config_dir


async def test_an_account_is_set_up_unloaded_and_set_up_again(
    hass: HomeAssistant, cloud: RingCloud, linked: ConfigEntry
) -> None:
    entities = hass.states.async_entity_ids()
    assert linked.state is ConfigEntryState.LOADED
    assert entities

    assert await hass.config_entries.async_unload(linked.entry_id)
    assert {hass.states.get(entity).state for entity in entities} == {STATE_UNAVAILABLE}

    assert await hass.config_entries.async_setup(linked.entry_id)
    assert hass.states.async_entity_ids() == entities
    assert cloud.count("POST", "/oauth/token") == 0


@pytest.mark.parametrize(
    ("path", "status", "state"),
    [
        ("/v1/devices", 503, ConfigEntryState.SETUP_RETRY),
        ("/v1/devices", 429, ConfigEntryState.SETUP_RETRY),
        ("/v1/devices", 403, ConfigEntryState.SETUP_RETRY),
        # Even the renewed token is refused, which the token endpoint has just issued.
        ("/v1/devices", 401, ConfigEntryState.SETUP_RETRY),
        ("/v1/accounts/me/*", 503, ConfigEntryState.LOADED),
        ("/v1/accounts/me/*", 403, ConfigEntryState.LOADED),
    ],
)
async def test_what_ring_answers_at_the_start_decides(
    hass: HomeAssistant, cloud: RingCloud, entry: MockConfigEntry, path: str, status: int, state: ConfigEntryState
) -> None:
    cloud.faults.add(path, status=status, count=None, headers={"Retry-After": "1"})

    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)

    assert entry.state is state
    assert links_asked_for(hass) == []


async def test_a_link_that_is_lost_at_the_start_asks_for_a_new_one(
    hass: HomeAssistant, cloud: RingCloud, account: Account, app: App, entry: MockConfigEntry
) -> None:
    cloud.grants.revoke(account, app)

    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()

    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert links_asked_for(hass) == [entry.entry_id]


async def test_removed_credentials_ask_for_a_new_link_and_nothing_is_sent(
    hass: HomeAssistant, cloud: RingCloud, account: Account, app: App
) -> None:
    assert await async_setup_component(hass, "application_credentials", {})
    entry = make_entry(account, cloud.link_directly(account, app))
    entry.add_to_hass(hass)

    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert links_asked_for(hass) == [entry.entry_id]
    assert len(cloud.requests) == 0

    await async_import_client_credential(
        hass, "ring_partner", ClientCredential(app.client_id, app.client_secret), "my_home"
    )
    assert await hass.config_entries.async_reload(entry.entry_id)


async def test_credentials_that_are_not_available_for_now_are_waited_for(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    async def unavailable(hass: HomeAssistant, domain: str) -> list[AbstractOAuth2Implementation]:
        raise ImplementationUnavailableError

    async_add_implementation_provider(hass, "another provider", unavailable)
    hass.config_entries.async_update_entry(entry, data=entry.data | {"auth_implementation": "not loaded yet"})

    await hass.config_entries.async_setup(entry.entry_id)

    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert links_asked_for(hass) == []


@pytest.mark.parametrize("token", [{}, {"access_token": "", "refresh_token": "fake"}, {"access_token": None}])
async def test_an_entry_without_a_token_asks_for_a_new_link(
    hass: HomeAssistant, entry: MockConfigEntry, token: dict[str, str | None]
) -> None:
    data = entry.data | {CONF_TOKEN: token | {"expires_at": time.time()}}
    hass.config_entries.async_update_entry(entry, data=data)

    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()

    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert links_asked_for(hass) == [entry.entry_id]


async def test_the_user_may_remove_a_device_only_once_ring_no_longer_lists_it(
    hass: HomeAssistant,
    hass_ws_client: WebSocketGenerator,
    cloud: RingCloud,
    account: Account,
    linked: ConfigEntry,
) -> None:
    assert await async_setup_component(hass, "config", {})
    gone = account.devices[0]
    device = registered(hass, linked, gone)
    request = {"config_entry_id": linked.entry_id, "device_id": device.id}
    websocket = await hass_ws_client(hass)

    await websocket.send_json_auto_id({"type": "config/device_registry/remove_config_entry", **request})
    assert not (await websocket.receive_json())["success"]

    cloud.remove_device(gone)
    await linked.runtime_data.coordinator.async_refresh()
    await websocket.send_json_auto_id({"type": "config/device_registry/remove_config_entry", **request})
    assert (await websocket.receive_json())["success"]
    assert dr.async_get(hass).async_get(device.id) is None


async def test_an_account_that_home_assistant_cannot_unload_goes_on(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, cloud: RingCloud, linked: ConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Its entities are still there: they are polled, and the token must not run out."""

    async def refuse(*_: object) -> bool:
        return False

    monkeypatch.setattr("homeassistant.components.camera.async_unload_entry", refuse)
    assert not await hass.config_entries.async_unload(linked.entry_id)
    assert linked.state is ConfigEntryState.FAILED_UNLOAD

    session = linked.runtime_data.session
    await session.async_renew(await session.async_get_access_token())
    assert cloud.count("POST", "/oauth/token") == 1
    # Until what is done only once after a start is over, too.
    await async_pass_time(hass, freezer, timedelta(seconds=80))
    assert linked.runtime_data.coordinator.last_update_success
