"""The address that Ring has to call may change, and who watches over it."""

from collections.abc import Callable
import sys
from unittest.mock import AsyncMock

from hass_nabucasa import CloudError
import pytest

import homeassistant.components
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from .polls import async_set_up


class NotAvailableError(HomeAssistantError):
    """Home Assistant Cloud is out of reach."""


class StandIn:
    """A stand-in for Home Assistant Cloud, which needs packages that are not installed here."""

    CloudNotAvailable = NotAvailableError

    def __init__(self) -> None:
        self.is_there = False
        self.listeners: list[Callable[[object], None]] = []
        self.async_get_or_create_cloudhook = AsyncMock(return_value="https://hooks.example.com/fake")

    def async_active_subscription(self, _hass: HomeAssistant) -> bool:
        return self.is_there

    def async_listen_connection_change(
        self, _hass: HomeAssistant, changed: Callable[[object], None]
    ) -> Callable[[], None]:
        self.listeners.append(changed)
        return lambda: self.listeners.remove(changed)


@pytest.fixture
def stand_in(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    stand_in = StandIn()
    hass.config.components.add("cloud")
    monkeypatch.setitem(sys.modules, "homeassistant.components.cloud", stand_in)
    monkeypatch.setattr(homeassistant.components, "cloud", stand_in, raising=False)
    return stand_in


async def test_an_account_moves_to_home_assistant_cloud_as_soon_as_that_is_there(
    hass: HomeAssistant, entry: ConfigEntry, address: str, stand_in: StandIn
) -> None:
    await async_set_up(hass, entry)
    before = entry.runtime_data

    stand_in.listeners[0]("connected")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.runtime_data is before, "the address is the same as before"

    stand_in.is_there = True
    stand_in.listeners[0]("connected")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.runtime_data is not before
    assert stand_in.async_get_or_create_cloudhook.await_count

    assert await hass.config_entries.async_unload(entry.entry_id)
    assert stand_in.listeners == []


async def test_its_address_is_still_the_same_while_it_cannot_be_reached(
    hass: HomeAssistant, entry: ConfigEntry, address: str, stand_in: StandIn
) -> None:
    """Also where the address has never been shown in a dialog, as with tokens."""
    assert "webhook_url" not in entry.data
    stand_in.is_there = True
    await async_set_up(hass, entry)
    before = entry.runtime_data
    stand_in.async_get_or_create_cloudhook.side_effect = NotAvailableError
    stand_in.listeners[0]("disconnected")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.runtime_data is before


@pytest.mark.parametrize("error", [NotAvailableError, CloudError, TimeoutError, ValueError])
async def test_an_address_that_it_does_not_give_breaks_nothing(
    hass: HomeAssistant, entry: ConfigEntry, address: str, stand_in: StandIn, error: type[Exception]
) -> None:
    stand_in.is_there = True
    stand_in.async_get_or_create_cloudhook.side_effect = error
    await async_set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    assert await hass.config_entries.async_unload(entry.entry_id)
