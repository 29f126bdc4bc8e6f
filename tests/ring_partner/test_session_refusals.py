"""What Ring refuses without saying that the link has ended, and what it says of a link that has been replaced."""

import asyncio
from datetime import timedelta
import json
import math
import time

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.ring_partner.api import RingUnavailableError, Token
from custom_components.ring_partner.repairs import AccountIssue, report
from custom_components.ring_partner.session import new_link, not_saved_issue_id
from homeassistant.config_entries import ConfigEntry, ConfigEntryDisabler, ConfigEntryState
from homeassistant.const import CONF_TOKEN
from homeassistant.core import HomeAssistant
from ring_cloud import Account, App, RingCloud

from .home import RING, Home, home, pushed
from .polls import async_pass_time, async_set_up, issues, reauths
from .tokens import HOUR, LIFETIME, TOKEN_ROUTE, journal_path, pass_time, pass_time_in_steps, refreshes

__all__ = ["home", "pushed"]

DEVICES = "/v1/devices"
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _frozen(freezer: FrozenDateTimeFactory) -> None:
    """Let time pass only when a test says so."""


class TestApi:
    """The API refuses tokens that the token endpoint has just issued."""

    async def test_two_refused_tokens_are_an_outage_and_events_go_on(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        cloud.faults.add(DEVICES, status=401, count=2, body='{"errors":[{"title":"Invalid Client"}]}')
        await pushed.runtime_data.coordinator.async_refresh()
        assert not pushed.runtime_data.coordinator.last_update_success
        await async_pass_time(hass, home.freezer)
        assert pushed.runtime_data.coordinator.last_update_success
        assert (reauths(hass), issues(hass)) == (0, set())
        await home.happen(account.device("Front Door"), "button_press")
        assert home.fired(pushed, account.device("Front Door")) == [RING]

    @pytest.mark.parametrize("reload", [False, True], ids=["loaded", "set-up retries"])
    async def test_lasting_refusal_is_a_repair_costs_few_refreshes_and_ends(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, linked: ConfigEntry, reload: bool
    ) -> None:
        cloud.faults.add("/v1/*", status=401, count=None)
        if reload:
            await hass.config_entries.async_reload(linked.entry_id)
            assert linked.state is ConfigEntryState.SETUP_RETRY
        await pass_time_in_steps(hass, freezer, 5 * HOUR, 60)
        assert issues(hass) == set()
        await pass_time_in_steps(hass, freezer, 2 * HOUR, 60)
        assert issues(hass) == {"link_refused"}
        assert reauths(hass) == 0
        assert 5 < refreshes(cloud) < 20
        cloud.faults.clear()
        await pass_time_in_steps(hass, freezer, 300, 60)
        assert linked.state is ConfigEntryState.LOADED
        assert linked.runtime_data.coordinator.last_update_success
        assert issues(hass) == set()

    async def test_link_that_ends_while_the_api_refuses_asks_for_a_new_one(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, account: Account, app: App,
        linked: ConfigEntry,
    ) -> None:  # fmt: skip
        cloud.faults.add("/v1/*", status=401, count=None)
        await pass_time(hass, freezer, 61)
        assert (refreshes(cloud), reauths(hass)) == (1, 0)
        cloud.grants.revoke(account, app)
        await pass_time_in_steps(hass, freezer, 300, 60)
        assert reauths(hass) == 1


@pytest.mark.parametrize("status", [200, 400, 403, 404, 422])
@pytest.mark.parametrize("error", ["invalid_grant", "invalid_client"])
async def test_oauth_error_asks_once_for_a_new_link_whatever_the_status(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, linked: ConfigEntry, status: int, error: str
) -> None:
    cloud.faults.add(TOKEN_ROUTE, status=status, body=json.dumps({"error": error}), count=None)
    await pass_time(hass, freezer, LIFETIME - 299)
    await pass_time(hass, freezer, HOUR)
    assert reauths(hass) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, '{"errors":[{"status":"403","title":"Invalid Client"}]}'),
        (400, '{"error":{"code":"invalid_grant"}}'),
        (401, "[]"),
        (401, ""),
        (200, '{"error":"invalid_scope"}'),
    ],
)
async def test_refusal_in_other_words_becomes_a_repair(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, linked: ConfigEntry, status: int, body: str
) -> None:
    cloud.faults.add(TOKEN_ROUTE, status=status, body=body, count=None)
    await pass_time(hass, freezer, LIFETIME - 299)
    await pass_time_in_steps(hass, freezer, 7 * HOUR, 300)
    assert (reauths(hass), issues(hass)) == (0, {"link_refused"})
    cloud.faults.clear()
    await pass_time_in_steps(hass, freezer, 600, 60)
    assert issues(hass) == set()


class TestReplacedLink:
    """The account is linked again while Ring still answers for the link before."""

    @pytest.fixture
    async def refresh(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, account: Account, app: App,
        linked: ConfigEntry,
    ) -> asyncio.Task[None]:  # fmt: skip
        """A poll that waits for its refresh, which Ring will refuse; the entry has a new link meanwhile."""
        cloud.grants.expire_access(account, app)
        slow = cloud.faults.add(TOKEN_ROUTE, delay=math.inf)
        poll = asyncio.create_task(linked.runtime_data.coordinator.async_refresh())
        await slow.reached()
        cloud.grants.revoke(account, app)
        link = new_link(Token.from_response(cloud.link_directly(account, app), time.time()))
        hass.config_entries.async_update_entry(linked, data={**linked.data, CONF_TOKEN: link})
        cloud.faults.add(TOKEN_ROUTE, status=400, body='{"error":"invalid_grant"}')
        slow.release()
        return poll

    async def test_refused_refresh_of_a_replaced_link_starts_no_reauth(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, linked: ConfigEntry, refresh: asyncio.Task[None]
    ) -> None:
        await refresh
        assert (reauths(hass), issues(hass)) == (0, set())
        assert not linked.runtime_data.session.is_lost
        assert await hass.config_entries.async_reload(linked.entry_id)
        assert linked.runtime_data.coordinator.last_update_success

    async def test_removal_of_a_replaced_link_ends_nothing(
        self, hass: HomeAssistant, linked: ConfigEntry, refresh: asyncio.Task[None]
    ) -> None:
        await refresh
        data = dict(linked.data)
        linked.runtime_data.session.revoke()
        await hass.async_block_till_done()
        assert (reauths(hass), dict(linked.data)) == (0, data)


async def test_token_is_refreshed_by_its_own_pause_after_an_outage_and_told_so(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, linked: ConfigEntry
) -> None:
    """A pause of ours is none that Ring asked for."""
    cloud.faults.add(TOKEN_ROUTE, status=503, count=None)
    freezer.tick(LIFETIME + 1)
    for _ in range(2):
        with pytest.raises(RingUnavailableError) as raised:
            await linked.runtime_data.client.async_get_devices()
        assert raised.value.retry_after is None
    assert refreshes(cloud) == 1


class TestDisabled:
    """The repairs of an entry end when it is disabled, whatever its state."""

    @pytest.mark.parametrize(
        ("fault", "state"),
        [
            (None, ConfigEntryState.LOADED),
            ({"status": 500}, ConfigEntryState.SETUP_RETRY),
            ({"status": 401}, ConfigEntryState.SETUP_ERROR),
        ],
        ids=["loaded", "set-up retry", "set-up error"],
    )
    async def test_repairs_end_when_the_entry_is_disabled(
        self,
        hass: HomeAssistant,
        cloud: RingCloud,
        account: Account,
        app: App,
        entry: MockConfigEntry,
        fault: dict[str, int] | None,
        state: ConfigEntryState,
    ) -> None:
        if fault is not None:
            cloud.faults.add("/v1/devices", **fault, count=None)
        if state is ConfigEntryState.SETUP_ERROR:
            cloud.grants.revoke(account, app)
        await async_set_up(hass, entry)
        assert entry.state is state
        for issue in AccountIssue:
            report(hass, entry, issue)
        assert issues(hass)
        await hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
        assert issues(hass) == set()

    async def test_repair_for_a_full_disk_ends_when_the_entry_is_disabled(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, linked: ConfigEntry
    ) -> None:
        journal_path(hass, linked).mkdir(parents=True)
        await pass_time(hass, freezer, LIFETIME - 299)
        assert issues(hass) == {"token_not_saved"}
        assert not_saved_issue_id(linked)
        await hass.config_entries.async_set_disabled_by(linked.entry_id, ConfigEntryDisabler.USER)
        assert issues(hass) == set()
        journal_path(hass, linked).rmdir()
