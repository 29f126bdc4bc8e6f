"""System health, over its websocket command: can Ring be reached, and how are the links."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.ring_partner.const import DOMAIN
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from ring_cloud import Account, RingCloud

from .conftest import make_entry


async def _async_health(hass: HomeAssistant, hass_ws_client: WebSocketGenerator) -> dict[str, Any]:
    """Ask as the frontend does: first what is known, then what has to be found out."""
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()
    client = await hass_ws_client(hass)
    await client.send_json_auto_id({"type": "system_health/info"})
    assert (await client.receive_json())["success"]
    event = (await client.receive_json())["event"]
    assert event["type"] == "initial"
    info = event["data"][DOMAIN]["info"]
    while (event := (await client.receive_json())["event"])["type"] != "finish":
        if event["domain"] == DOMAIN:
            info[event["key"]] = event["data"] if event["success"] else event["error"]
    return info


async def test_says_that_ring_can_be_reached_and_what_is_linked(
    hass: HomeAssistant, linked: ConfigEntry, account: Account, hass_ws_client: WebSocketGenerator
) -> None:
    assert await _async_health(hass, hass_ws_client) == {
        "api_reachable": "ok",
        "oauth_reachable": "ok",
        "accounts": "1/1",
        "devices": len(account.devices),
        "local_cloud": True,
    }


async def test_counts_an_account_that_is_not_up_as_such(
    hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, hass_ws_client: WebSocketGenerator
) -> None:
    john = cloud.add_account("John", "Doe", "john.doe@example.com")
    make_entry(john, {"access_token": "fake-access-token-1", "expires_in": 14400}).add_to_hass(hass)
    health = await _async_health(hass, hass_ws_client)
    assert health["accounts"] == "1/2"


async def test_says_that_ring_cannot_be_reached(
    hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, hass_ws_client: WebSocketGenerator
) -> None:
    await cloud.stop()
    health = await _async_health(hass, hass_ws_client)
    assert health["api_reachable"] == {"type": "failed", "error": "unreachable"}
    assert health["oauth_reachable"] == {"type": "failed", "error": "unreachable"}


@pytest.mark.usefixtures("credentials")
async def test_works_before_any_account_is_up(
    hass: HomeAssistant, entry: MockConfigEntry, hass_ws_client: WebSocketGenerator
) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    health = await _async_health(hass, hass_ws_client)
    assert (health["accounts"], health["devices"]) == ("0/1", 0)
