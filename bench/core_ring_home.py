"""A Home Assistant configuration with core `ring` set up in it, and a Home Assistant that has nothing else."""

from collections.abc import Callable
from datetime import UTC, datetime
import json
from pathlib import Path
import time

from homeassistant import loader
from homeassistant.auth import auth_manager_from_config
from homeassistant.bootstrap import async_load_base_functionality
from homeassistant.config_entries import ConfigEntries
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import CoreState, Event, EventStateChangedData, HomeAssistant
from homeassistant.setup import async_setup_component

from .core_ring import HARDWARE_ID, CoreCloud
from .home import ENTRY_ID, free_port

DOMAIN = "ring"


def link(folder: Path, cloud: CoreCloud, *, polling: bool = True) -> None:
    """Write the configuration."""
    (folder / ".storage").mkdir(parents=True, exist_ok=True)
    (folder / "configuration.yaml").write_text("logger:\n  default: warning\n", encoding="utf-8")
    now = datetime.now(UTC).isoformat()
    token = cloud.token()
    entry: dict[str, object] = {
        "created_at": now,
        "data": {
            "username": "bench@example.com",
            "device_id": HARDWARE_ID,
            "token": token | {"expires_at": time.time() + float(str(token["expires_in"]))},
        },
        "discovery_keys": {},
        "disabled_by": None,
        "domain": DOMAIN,
        "entry_id": ENTRY_ID,
        "minor_version": 3,
        "modified_at": now,
        "options": {},
        "pref_disable_new_entities": False,
        "pref_disable_polling": not polling,
        "source": "user",
        "subentries": [],
        "title": "Bench",
        "unique_id": "bench@example.com",
        "version": 1,
    }
    _store(folder, "core.config_entries", 5, {"entries": [entry]})
    _store(folder, "http", 1, {"server_host": ["127.0.0.1"], "server_port": free_port()})


def _store(folder: Path, key: str, minor_version: int, data: object) -> None:
    document = {"version": 1, "minor_version": minor_version, "key": key, "data": data}
    (folder / ".storage" / key).write_text(json.dumps(document), encoding="utf-8")


async def async_empty_home(
    folder: Path, listener: Callable[[Event[EventStateChangedData]], None] | None = None
) -> HomeAssistant:
    """Start a Home Assistant that has its registries and config entries, and has set nothing up yet."""
    hass = HomeAssistant(str(folder))
    hass.config.skip_pip = True
    loader.async_setup(hass)
    hass.config_entries = ConfigEntries(hass, {})
    await async_load_base_functionality(hass)
    hass.auth = await auth_manager_from_config(hass, [], [])
    hass.set_state(CoreState.running)
    # What every Home Assistant has set up before its integrations.
    await async_setup_component(hass, "http", {})
    if listener is not None:
        hass.bus.async_listen(EVENT_STATE_CHANGED, listener)
    return hass
