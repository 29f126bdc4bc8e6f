"""Whatever Ring's token endpoint answers instead of a token, short of OAuth's own refusal: wait, and try again."""

from itertools import pairwise
import json

from freezegun.api import FrozenDateTimeFactory
import pytest

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from ring_cloud import Account, App, RingCloud
from ring_cloud.faults import FaultSettings

from .tokens import (
    HOUR,
    LIFETIME,
    TOKEN_ROUTE,
    at_once,
    links_asked_for,
    pass_time,
    pass_time_in_steps,
    refreshes,
)

HTML = "<!DOCTYPE html><html><body>Sorry</body></html>"
OUTAGES: dict[str, FaultSettings] = {
    "the edge's HTML page": {"status": 403, "body": HTML},
    "an HTML page that says OK": {"garbage": "html"},
    "an HTML page with an OAuth status": {"status": 400, "body": HTML},
    "a server error": {"status": 500},
    "an outage": {"status": 503},
    "too many requests": {"status": 429, "headers": {"Retry-After": "5"}},
    "a cut connection": {"cut": "before"},
    "garbage": {"garbage": "text"},
    "an empty 401": {"status": 401},
    "a 400 without words": {"status": 400, "body": "{}"},
    "a 400 in other words": {"status": 400, "body": json.dumps({"error": "temporarily_unavailable"})},
    "a 200 without a token": {"status": 200, "body": json.dumps({"token_type": "Bearer"})},
}
# The answer was lost: only a Ring that lets the old refresh token live until the new one is used can make good for it.
LOST_ANSWERS: dict[str, FaultSettings] = {
    "a connection cut after the request": {"cut": "after"},
    "a connection cut in the answer": {"cut": "body"},
    "half an answer": {"garbage": "truncated"},
}


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """A disk of its own."""
    return hass_tmp_config_dir


@pytest.fixture
async def linked(freezer: FrozenDateTimeFactory, linked: ConfigEntry) -> ConfigEntry:
    """Jane's account, with the clock in our hands."""
    return linked


@pytest.mark.parametrize("fault", [*OUTAGES.values(), *LOST_ANSWERS.values()], ids=[*OUTAGES, *LOST_ANSWERS])
async def test_an_outage_passes_without_a_trace(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, linked: ConfigEntry, fault: FaultSettings
) -> None:
    cloud.grants.rotation = "grace"
    cloud.faults.add(TOKEN_ROUTE, **(fault | {"count": 3}))
    await pass_time(hass, freezer, LIFETIME - 300)
    assert refreshes(cloud) == 1

    await pass_time_in_steps(hass, freezer, 240, 10)

    assert refreshes(cloud) == 4
    assert linked.runtime_data.session.refreshes == 1
    assert links_asked_for(hass) == []
    assert linked.runtime_data.coordinator.last_update_success


async def test_the_pauses_grow_whoever_needs_the_token(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, linked: ConfigEntry
) -> None:
    cloud.faults.add(TOKEN_ROUTE, status=503, count=None)
    await pass_time(hass, freezer, LIFETIME - 300)

    for _ in range(240):
        await pass_time(hass, freezer, 5)
        await at_once(linked.runtime_data.client, 1)

    attempts = [request.time for request in cloud.requests if request.path == TOKEN_ROUTE]
    pauses = [later - earlier for earlier, later in pairwise(attempts)]
    assert pauses == pytest.approx([30, 60, 120, 240, 300, 300], abs=6)
    assert links_asked_for(hass) == []


async def test_ring_is_not_asked_before_the_time_it_names(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, linked: ConfigEntry
) -> None:
    cloud.faults.add(TOKEN_ROUTE, status=429, headers={"Retry-After": "1200"})
    await pass_time(hass, freezer, LIFETIME - 300)

    await pass_time_in_steps(hass, freezer, 1190, 10)
    assert refreshes(cloud) == 1
    assert not linked.runtime_data.coordinator.last_update_success

    await pass_time_in_steps(hass, freezer, 90, 10)
    assert refreshes(cloud) == 2
    assert linked.runtime_data.coordinator.last_update_success


async def test_after_a_success_the_pauses_begin_anew(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, linked: ConfigEntry
) -> None:
    cloud.faults.add(TOKEN_ROUTE, status=503, count=3)
    await pass_time(hass, freezer, LIFETIME - 300)
    await pass_time_in_steps(hass, freezer, 240, 10)
    assert refreshes(cloud) == 4

    cloud.faults.add(TOKEN_ROUTE, status=503)
    await pass_time(hass, freezer, LIFETIME - 300)
    await pass_time(hass, freezer, 31)

    assert refreshes(cloud) == 6


async def test_a_rejected_token_during_an_outage_is_no_lost_link(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, account: Account, app: App,
    linked: ConfigEntry,
) -> None:  # fmt: skip
    cloud.grants.expire_access(account, app)
    cloud.faults.add(TOKEN_ROUTE, status=502, count=None)
    await pass_time(hass, freezer, 61)
    assert not linked.runtime_data.coordinator.last_update_success

    cloud.faults.clear()
    await pass_time_in_steps(hass, freezer, 180, 10)

    assert linked.runtime_data.coordinator.last_update_success
    assert links_asked_for(hass) == []


async def test_an_outage_of_weeks_ends_in_a_working_link(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, linked: ConfigEntry
) -> None:
    cloud.faults.add("*", status=503, count=None)
    for _ in range(28):
        await pass_time(hass, freezer, 24 * HOUR)
    cloud.faults.clear()

    await pass_time_in_steps(hass, freezer, 600, 60)

    assert linked.runtime_data.coordinator.last_update_success
    assert links_asked_for(hass) == []
