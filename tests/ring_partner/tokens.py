"""What the tests of the token have in common."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
import time
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.ring_partner.api import RingClient
from custom_components.ring_partner.const import DOMAIN
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from ring_cloud import RingCloud

TOKEN_ROUTE = "/oauth/token"
HOUR = 3600
LIFETIME = 4 * HOUR


async def pass_time(hass: HomeAssistant, freezer: FrozenDateTimeFactory, seconds: float) -> None:
    """Let time pass, and what is due by then happen."""
    freezer.tick(seconds)
    async_fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)


async def pass_time_in_steps(hass: HomeAssistant, freezer: FrozenDateTimeFactory, seconds: int, step: int = 5) -> None:
    """Let time pass so that everything happens when it is due, to the step."""
    for _ in range(0, seconds, step):
        await pass_time(hass, freezer, step)


async def tick_until(freezer: FrozenDateTimeFactory, task: asyncio.Task[object], seconds: float) -> None:
    """Let time pass step by step until a task is done; on a busy machine that takes some real time, too."""
    while not task.done():
        freezer.tick(seconds)
        time.sleep(0.001)
        await asyncio.sleep(0)


async def at_once(client: RingClient, calls: int = 100) -> list[Any]:
    """Make so many requests in parallel; return their results and errors."""
    return await asyncio.gather(*(client.async_get_devices() for _ in range(calls)), return_exceptions=True)


def refreshes(cloud: RingCloud) -> int:
    """How often Ring's token endpoint has been asked."""
    return cloud.count("POST", TOKEN_ROUTE)


def links_asked_for(hass: HomeAssistant) -> list[str]:
    """The entries whose user is being asked to link again."""
    return [
        str(flow["context"].get("entry_id"))
        for flow in hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        if flow["context"]["source"] == "reauth"
    ]


def journal_path(hass: HomeAssistant, entry: ConfigEntry) -> Path:
    """Where the newest token is written."""
    return Path(hass.config.path(".storage", f"{DOMAIN}.{entry.entry_id}.token"))


def issued(cloud: RingCloud) -> Iterator[str]:
    """The refresh tokens, newest first."""
    return reversed(cloud.grants._refresh)
