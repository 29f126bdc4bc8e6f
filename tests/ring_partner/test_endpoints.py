"""The address that Ring has to call may change, and who watches over it."""

from collections.abc import Callable
import sys
from types import SimpleNamespace
from unittest.mock import AsyncMock

import pytest

import homeassistant.components
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from .polls import async_set_up


class NotAvailableError(HomeAssistantError):
    """Home Assistant Cloud is out of reach."""


async def test_an_account_moves_to_home_assistant_cloud_as_soon_as_that_is_there(
    hass: HomeAssistant, entry: ConfigEntry, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for Home Assistant Cloud, because its own packages are not installed here."""
    is_there, listeners = [False], list[Callable[[object], None]]()

    def listen(_hass: HomeAssistant, changed: Callable[[object], None]) -> Callable[[], None]:
        listeners.append(changed)
        return lambda: listeners.remove(changed)

    component = SimpleNamespace(
        async_active_subscription=lambda _hass: is_there[0],
        async_get_or_create_cloudhook=AsyncMock(return_value="https://hooks.example.com/fake"),
        async_listen_connection_change=listen,
        CloudNotAvailable=NotAvailableError,
    )
    hass.config.components.add("cloud")
    monkeypatch.setitem(sys.modules, "homeassistant.components.cloud", component)
    monkeypatch.setattr(homeassistant.components, "cloud", component, raising=False)
    await async_set_up(hass, entry)
    before = entry.runtime_data

    listeners[0]("connected")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.runtime_data is before, "the address is the same as before"

    is_there[0] = True
    listeners[0]("connected")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.runtime_data is not before
    assert component.async_get_or_create_cloudhook.await_count

    assert await hass.config_entries.async_unload(entry.entry_id)
    assert listeners == []
