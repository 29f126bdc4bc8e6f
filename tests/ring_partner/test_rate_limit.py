"""What Ring asks with Retry-After is kept for a private app and its accounts, also over reloads and set-up retries."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.ring_partner.api import RingRateLimitError
from homeassistant.config_entries import ConfigEntry, ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.update_coordinator import UpdateFailed
from ring_cloud import Account, App, RingCloud

from .conftest import make_entry
from .home import Home, home, pushed
from .polls import async_pass_time, async_set_up, issues
from .tokens import HOUR, LIFETIME, TOKEN_ROUTE, pass_time, pass_time_in_steps, refreshes

__all__ = ["home", "pushed"]

DEVICES = "/v1/devices"


@pytest.fixture(autouse=True)
def _frozen(freezer: FrozenDateTimeFactory) -> None:
    """Let time pass only when a test says so."""


@pytest.fixture
async def other(hass: HomeAssistant, cloud: RingCloud, linked: ConfigEntry, app: App) -> MockConfigEntry:
    """Another account of the same private app, set up."""
    john = cloud.add_account("John", "Roe", "john.roe@example.com", devices=1)
    entry = make_entry(john, cloud.link_directly(john, app))
    entry.add_to_hass(hass)
    await async_set_up(hass, entry)
    return entry


def asks_to_wait(cloud: RingCloud, seconds: int, status: int = 429, path: str = DEVICES) -> None:
    """Let Ring answer one request so."""
    cloud.faults.add(path, status=status, headers={"Retry-After": str(seconds)})


def repairs(hass: HomeAssistant) -> list[str]:
    """Return the ids of the repairs that the user sees."""
    return [issue_id for (domain, issue_id) in ir.async_get(hass).issues if domain == "ring_partner"]


@pytest.mark.parametrize("status", [429, 503])
async def test_wait_is_kept_over_a_reload(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, linked: ConfigEntry, status: int
) -> None:
    asks_to_wait(cloud, 300, status)
    await linked.runtime_data.coordinator.async_refresh()
    cloud.requests.clear()

    await hass.config_entries.async_reload(linked.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert linked.state is ConfigEntryState.SETUP_RETRY
    await pass_time_in_steps(hass, freezer, 290)
    assert len(cloud.requests) == 0

    await pass_time_in_steps(hass, freezer, 100)
    assert linked.state is ConfigEntryState.LOADED


async def test_longest_wait_counts_and_not_the_last(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, linked: ConfigEntry, account: Account
) -> None:
    client = linked.runtime_data.client
    asks_to_wait(cloud, 600)
    await linked.runtime_data.coordinator.async_refresh()
    client.limiter.extend(30)
    cloud.requests.clear()

    await pass_time_in_steps(hass, freezer, 590, 10)
    assert len(cloud.requests) == 0
    await pass_time_in_steps(hass, freezer, 30, 10)
    assert cloud.count("GET", DEVICES, 200) == 1


async def test_too_many_requests_concern_both_accounts_of_an_app(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, linked: ConfigEntry, other: ConfigEntry
) -> None:
    asks_to_wait(cloud, 300)
    await linked.runtime_data.coordinator.async_refresh()
    cloud.requests.clear()
    assert other.runtime_data.coordinator.seconds_to_wait > 290

    await hass.config_entries.async_reload(other.entry_id)
    await pass_time_in_steps(hass, freezer, 290, 10)
    assert len(cloud.requests) == 0

    await pass_time_in_steps(hass, freezer, 100, 10)
    assert other.state is ConfigEntryState.LOADED


async def test_outage_of_one_account_leaves_the_other_alone(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, linked: ConfigEntry, other: ConfigEntry
) -> None:
    asks_to_wait(cloud, 300, 503)
    await linked.runtime_data.coordinator.async_refresh()
    cloud.requests.clear()
    await async_pass_time(hass, freezer)
    assert cloud.count("GET", DEVICES, 200) == 1
    assert linked.runtime_data.coordinator.seconds_to_wait > 200
    assert other.runtime_data.coordinator.seconds_to_wait == 0


async def test_first_poll_during_a_wait_does_not_show_an_empty_account(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, linked: ConfigEntry
) -> None:
    await hass.config_entries.async_unload(linked.entry_id)
    cloud.requests.clear()
    asks_to_wait(cloud, 300)
    await async_set_up(hass, linked)
    await hass.config_entries.async_reload(linked.entry_id)
    assert linked.state is ConfigEntryState.SETUP_RETRY
    assert linked.error_reason_translation_key == "rate_limited"
    assert cloud.count("GET", DEVICES) == 1


async def test_setup_is_not_delayed_where_ring_did_not_ask_for_it(
    hass: HomeAssistant, cloud: RingCloud, entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From 2026.11 on Home Assistant delays set-up by the `retry_after` of what a poll raises."""
    waits: list[float | None] = []
    failed = UpdateFailed.__init__

    def note(self: UpdateFailed, *args: object, retry_after: float | None = None, **texts: Any) -> None:
        waits.append(retry_after)
        failed(self, *args, retry_after=retry_after, **texts)

    monkeypatch.setattr(UpdateFailed, "__init__", note)
    cloud.faults.add(DEVICES, status=500, count=2)
    await async_set_up(hass, entry)
    cloud.faults.clear()
    asks_to_wait(cloud, 120)
    await hass.config_entries.async_reload(entry.entry_id)
    assert waits == [None, pytest.approx(121, abs=1)]


async def test_token_endpoint_that_asks_to_wait_is_left_alone_over_reloads(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, entry: MockConfigEntry
) -> None:
    freezer.tick(LIFETIME + 1)
    asks_to_wait(cloud, 300, path=TOKEN_ROUTE)
    await async_set_up(hass, entry)
    assert entry.error_reason_translation_key == "rate_limited"
    for _ in range(5):
        await hass.config_entries.async_reload(entry.entry_id)
    await pass_time_in_steps(hass, freezer, 290)
    assert refreshes(cloud) == 1
    await pass_time_in_steps(hass, freezer, 100)
    assert (refreshes(cloud), entry.state) == (2, ConfigEntryState.LOADED)


async def test_token_endpoint_that_asks_to_wait_does_not_stop_polls(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, linked: ConfigEntry
) -> None:
    cloud.faults.add(TOKEN_ROUTE, status=429, headers={"Retry-After": "280"})
    await pass_time(hass, freezer, LIFETIME - 299)
    assert refreshes(cloud) == 1
    cloud.requests.clear()
    await pass_time_in_steps(hass, freezer, 240, 10)
    assert cloud.count("GET", DEVICES, 200) >= 3
    await pass_time_in_steps(hass, freezer, 50, 10)
    assert refreshes(cloud) == 1


async def test_confirmation_that_is_due_during_a_wait_follows_it(
    home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
) -> None:
    """While events are pushed, the next poll may be 15 minutes away."""
    await home.happen(account.device("Front Door"), "button_press")
    account.device("Back Door").set(contact=True)
    await home.arrive()
    asks_to_wait(cloud, 60, path="/v1/users/me")
    with pytest.raises(RingRateLimitError):
        await pushed.runtime_data.client.async_get_user()
    cloud.requests.clear()
    await pass_time_in_steps(hass, home.freezer, 50)
    assert cloud.count("GET", DEVICES) == 0
    await pass_time_in_steps(hass, home.freezer, 20)
    assert cloud.count("GET", DEVICES) == 1


class TestLongWait:
    """More than an hour is shown as a repair."""

    async def test_long_wait_is_a_repair_that_ends_with_the_wait(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, linked: ConfigEntry
    ) -> None:
        hass.config_entries.async_update_entry(linked, pref_disable_polling=True)
        asks_to_wait(cloud, 2 * HOUR)
        await linked.runtime_data.coordinator.async_refresh()
        assert issues(hass) == {"long_wait"}
        await pass_time(hass, freezer, 2 * HOUR - 5)
        assert issues(hass) == {"long_wait"}
        await pass_time(hass, freezer, 10)
        assert issues(hass) == set()

    async def test_short_wait_is_no_repair(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, linked: ConfigEntry
    ) -> None:
        asks_to_wait(cloud, HOUR)
        await linked.runtime_data.coordinator.async_refresh()
        assert issues(hass) == set()

    async def test_long_wait_is_a_repair_for_both_accounts_and_over_set_up_retries(
        self,
        hass: HomeAssistant,
        freezer: FrozenDateTimeFactory,
        cloud: RingCloud,
        linked: ConfigEntry,
        other: ConfigEntry,
    ) -> None:
        asks_to_wait(cloud, 2 * HOUR)
        await hass.config_entries.async_reload(linked.entry_id)
        assert linked.state is ConfigEntryState.SETUP_RETRY
        assert len(repairs(hass)) == 2
        await hass.config_entries.async_set_disabled_by(linked.entry_id, ConfigEntryDisabler.USER)
        assert repairs(hass) == [f"long_wait_{other.entry_id}"]
        await hass.config_entries.async_set_disabled_by(linked.entry_id, None)
        assert len(repairs(hass)) == 2
        cloud.requests.clear()
        await pass_time_in_steps(hass, freezer, 2 * HOUR - 300, 300)
        assert len(cloud.requests) == 0
        await pass_time_in_steps(hass, freezer, 600, 30)
        assert repairs(hass) == []
        assert linked.state is other.state is ConfigEntryState.LOADED

    async def test_long_wait_of_the_token_endpoint_is_a_repair(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, linked: ConfigEntry
    ) -> None:
        cloud.faults.add(TOKEN_ROUTE, status=429, headers={"Retry-After": str(6 * HOUR)})
        await pass_time(hass, freezer, LIFETIME - 299)
        assert issues(hass) == {"long_wait"}
        await pass_time_in_steps(hass, freezer, 6 * HOUR + 600, 300)
        assert issues(hass) == set()
        assert linked.runtime_data.coordinator.last_update_success
