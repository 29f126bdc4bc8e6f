"""What comes too late for a token, or in the middle of getting one."""

import asyncio

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.ring_partner.session import _REFRESHES
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_TOKEN
from homeassistant.core import HomeAssistant
from ring_cloud import RingCloud

from .tokens import LIFETIME, links_asked_for, refreshes


async def test_a_refresh_that_is_cancelled_before_it_was_sent_costs_nothing(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, cloud: RingCloud, linked: ConfigEntry
) -> None:
    """So does Home Assistant in the end with what keeps it from stopping."""
    client = linked.runtime_data.client
    freezer.tick(LIFETIME + 1)
    asking = asyncio.create_task(client.async_get_devices())
    while not (running := hass.data.get(_REFRESHES)):
        await asyncio.sleep(0)
    running[linked.entry_id].cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert refreshes(cloud) == 0

    assert await client.async_get_devices()
    assert refreshes(cloud) == 1
    assert links_asked_for(hass) == []


async def test_the_end_of_an_old_link_leaves_the_token_of_the_new_one(hass: HomeAssistant, linked: ConfigEntry) -> None:
    """Between the user's linking anew and the reload that follows."""
    session, data = linked.runtime_data.session, linked.data
    new = {**data[CONF_TOKEN], "link": "fake-new-link"}
    hass.config_entries.async_update_entry(linked, data={**data, CONF_TOKEN: new})
    session.revoke()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert linked.data[CONF_TOKEN] == new
    assert not session.is_lost
    assert links_asked_for(hass) == []
