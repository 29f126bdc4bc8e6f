"""The token lives on by itself: early, once, and without a poll."""

import asyncio
from collections.abc import Callable
import json
import math
import time

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.ring_partner.api import RingAuthError, RingClient, RingUnavailableError, Token
from custom_components.ring_partner.journal import Record
from custom_components.ring_partner.session import new_link
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import CONF_TOKEN
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
from ring_cloud import Account, App, RingCloud
from ring_cloud.model import Flow

from .conftest import make_entry
from .tokens import (
    HOUR,
    LIFETIME,
    TOKEN_ROUTE,
    at_once,
    issued,
    journal_path,
    links_asked_for,
    pass_time,
    refreshes,
    tick_until,
)


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """A disk of its own."""
    return hass_tmp_config_dir


@pytest.fixture
def client(linked: ConfigEntry) -> RingClient:
    """What the integration asks Ring with."""
    return linked.runtime_data.client


@pytest.fixture
async def idle(hass: HomeAssistant, freezer: FrozenDateTimeFactory, entry: MockConfigEntry) -> MockConfigEntry:
    """Jane's account, whose owner has switched polling off."""
    hass.config_entries.async_update_entry(entry, pref_disable_polling=True)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    return entry


class TestAheadOfTime:
    async def test_a_token_is_replaced_five_minutes_before_its_end_without_any_poll(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, account: Account,
        idle: ConfigEntry,
    ) -> None:  # fmt: skip
        sensor = er.async_get(hass).async_get_entity_id("sensor", "ring_partner", f"{account.id}_token_expires")
        began = dt_util.utcnow()

        await pass_time(hass, freezer, LIFETIME - 301)
        assert refreshes(cloud) == 0
        await pass_time(hass, freezer, 2)

        assert refreshes(cloud) == 1
        shown = dt_util.parse_datetime(hass.states.get(sensor).state)
        assert (shown - began).total_seconds() == pytest.approx(2 * LIFETIME - 299, abs=2)

    async def test_it_goes_on_for_months_of_silence(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, idle: ConfigEntry
    ) -> None:
        for _ in range(100):
            await pass_time(hass, freezer, LIFETIME - 300)

        assert refreshes(cloud) == 100 == idle.runtime_data.session.refreshes
        assert links_asked_for(hass) == []

    async def test_a_token_that_lives_shorter_than_five_minutes_is_replaced_at_half_its_life(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, app: App, account: Account,
        idle: ConfigEntry,
    ) -> None:  # fmt: skip
        cloud.grants.set_lifetime(account, app, 100)
        await pass_time(hass, freezer, LIFETIME - 299)
        assert refreshes(cloud) == 1

        await pass_time(hass, freezer, 49)
        assert refreshes(cloud) == 1
        await pass_time(hass, freezer, 2)
        assert refreshes(cloud) == 2

    async def test_a_token_that_lives_for_weeks_is_replaced_every_day_restarts_or_not(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, app: App, account: Account,
        idle: ConfigEntry,
    ) -> None:  # fmt: skip
        cloud.grants.set_lifetime(account, app, 20 * 24 * HOUR)
        await pass_time(hass, freezer, LIFETIME - 299)
        assert refreshes(cloud) == 1

        await pass_time(hass, freezer, 23 * HOUR)
        await hass.config_entries.async_reload(idle.entry_id)
        assert refreshes(cloud) == 1
        await pass_time(hass, freezer, HOUR + 1)

        assert refreshes(cloud) == 2

    async def test_an_end_that_a_wrong_clock_put_far_away_does_not_put_off_the_refresh(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, account: Account,
        credentials: App,
    ) -> None:  # fmt: skip
        entry = make_entry(account, cloud.link_directly(account, credentials))
        token = entry.data[CONF_TOKEN] | {"expires_at": time.time() + 10 * 365 * 24 * HOUR}
        entry.add_to_hass(hass)
        hass.config_entries.async_update_entry(entry, data=entry.data | {CONF_TOKEN: token}, pref_disable_polling=True)
        assert await hass.config_entries.async_setup(entry.entry_id)

        await pass_time(hass, freezer, 24 * HOUR + 1)

        assert refreshes(cloud) == 1


class TestSingleFlight:
    async def test_a_hundred_calls_with_an_expired_token_cause_one_refresh(
        self, freezer: FrozenDateTimeFactory, cloud: RingCloud, client: RingClient
    ) -> None:
        # With the refresh they are one more than Ring takes in a second.
        cloud.limits.per_second = 1000
        freezer.tick(LIFETIME + 1)

        results = await at_once(client)

        assert refreshes(cloud) == 1
        assert [len(devices) for devices in results] == [len(results[0])] * 100

    async def test_a_storm_of_a_hundred_rejections_causes_one_refresh_and_all_succeed(
        self, cloud: RingCloud, account: Account, app: App, client: RingClient
    ) -> None:
        # A hundred requests and their repetitions are more than Ring allows in a second; that is another matter.
        cloud.limits.per_second = 1000
        cloud.grants.expire_access(account, app)

        results = await at_once(client)

        assert cloud.count("GET", "/v1/devices", 401) == 100
        assert refreshes(cloud) == 1
        assert [len(devices) for devices in results] == [len(results[0])] * 100

    async def test_a_rejection_that_comes_after_the_token_was_replaced_causes_none(
        self, cloud: RingCloud, account: Account, app: App, client: RingClient
    ) -> None:
        slow = cloud.faults.add("/v1/devices", delay=math.inf)
        straggler = asyncio.create_task(client.async_get_devices())
        await slow.reached()
        cloud.grants.expire_access(account, app)
        await client.async_get_devices()
        assert refreshes(cloud) == 1

        slow.release()

        assert await straggler
        assert cloud.count("GET", "/v1/devices", 401) == 2
        assert refreshes(cloud) == 1

    async def test_a_caller_who_goes_away_takes_nobody_along(
        self, cloud: RingCloud, account: Account, app: App, client: RingClient
    ) -> None:
        cloud.grants.expire_access(account, app)
        slow = cloud.faults.add(TOKEN_ROUTE, delay=math.inf)
        impatient = asyncio.create_task(client.async_get_devices())
        await slow.reached()
        patient = asyncio.create_task(client.async_get_devices())

        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        slow.release()

        assert await patient
        assert refreshes(cloud) == 1

    async def test_a_system_that_slept_over_the_end_refreshes_once_when_it_wakes(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, linked: ConfigEntry
    ) -> None:
        await pass_time(hass, freezer, 3 * 24 * HOUR)

        assert refreshes(cloud) == 1
        assert linked.runtime_data.coordinator.last_update_success

    async def test_a_home_assistant_whose_clock_is_slow_finds_out_from_ring(
        self, cloud: RingCloud, client: RingClient
    ) -> None:
        cloud.clock.advance(LIFETIME)

        assert await client.async_get_devices()
        assert refreshes(cloud) == 1


class TestTheLinkIsLost:
    async def test_the_user_is_asked_once_and_nothing_is_sent_any_more(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, account: Account, app: App,
        linked: ConfigEntry,
    ) -> None:  # fmt: skip
        cloud.grants.revoke(account, app)
        await pass_time(hass, freezer, 61)
        assert links_asked_for(hass) == [linked.entry_id]
        cloud.requests.clear()

        for _ in range(30):
            await pass_time(hass, freezer, 900)
        results = await at_once(linked.runtime_data.client)

        assert links_asked_for(hass) == [linked.entry_id]
        assert {type(result) for result in results} == {RingAuthError}
        assert len(cloud.requests) == 0

    async def test_a_user_who_closes_the_dialog_is_not_asked_again_by_the_next_call(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, account: Account, app: App,
        idle: ConfigEntry,
    ) -> None:  # fmt: skip
        cloud.grants.revoke(account, app)
        await pass_time(hass, freezer, LIFETIME)
        [flow] = hass.config_entries.flow.async_progress()
        hass.config_entries.flow.async_abort(flow["flow_id"])

        await at_once(idle.runtime_data.client, 3)

        assert links_asked_for(hass) == []

    async def test_as_a_last_resort_the_refresh_token_before_is_tried(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, idle: ConfigEntry
    ) -> None:
        cloud.grants.rotation = "grace"
        await pass_time(hass, freezer, LIFETIME - 300)
        # Ring loses what it issued last, for example because it restores a backup of its own.
        del cloud.grants._refresh[next(issued(cloud))]

        await pass_time(hass, freezer, LIFETIME - 300)

        assert refreshes(cloud) == 3
        assert links_asked_for(hass) == []
        assert await idle.runtime_data.client.async_get_devices()

    async def test_wrong_client_credentials_cost_neither_of_the_two_refresh_tokens(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, app: App, idle: ConfigEntry
    ) -> None:
        await pass_time(hass, freezer, LIFETIME - 300)
        app.client_secret = "fake-client-secret-of-a-new-app"
        await pass_time(hass, freezer, LIFETIME - 300)
        assert refreshes(cloud) == 2
        assert links_asked_for(hass) == [idle.entry_id]

        app.client_secret = "fake-client-secret"
        await pass_time(hass, freezer, 300)
        assert await hass.config_entries.async_reload(idle.entry_id)

        assert await idle.runtime_data.client.async_get_devices()

    async def test_a_link_without_a_refresh_token_ends_in_a_new_link_when_its_token_ends(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, account: Account,
        credentials: App,
    ) -> None:  # fmt: skip
        token = dict(cloud.link_directly(account, credentials)) | {"refresh_token": None}
        entry = make_entry(account, token)
        entry.add_to_hass(hass)
        hass.config_entries.async_update_entry(entry, pref_disable_polling=True)
        assert await hass.config_entries.async_setup(entry.entry_id)

        await pass_time(hass, freezer, LIFETIME - 2)
        assert links_asked_for(hass) == []
        await pass_time(hass, freezer, 2)

        assert links_asked_for(hass) == [entry.entry_id]
        assert refreshes(cloud) == 0

    @pytest.mark.parametrize("polling", [True, False], ids=["polling", "not polling"])
    async def test_a_playground_token_ends_on_time_in_a_new_link_and_not_in_errors(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, account: Account,
        caplog: pytest.LogCaptureFixture, polling: bool,
    ) -> None:  # fmt: skip
        entry = MockConfigEntry(
            domain="ring_partner",
            unique_id=account.id,
            pref_disable_polling=not polling,
            data={
                "link_method": "playground",
                CONF_TOKEN: new_link(Token.playground(cloud.playground_token(account), time.time())),
            },
        )
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)

        await pass_time(hass, freezer, 1798)
        assert links_asked_for(hass) == []
        await pass_time(hass, freezer, 2)
        assert links_asked_for(hass) == [entry.entry_id]
        asked = len(cloud.requests)
        await pass_time(hass, freezer, HOUR)

        assert len(cloud.requests) == asked
        ours = [record for record in caplog.records if record.name.startswith("custom_components")]
        assert [record.message for record in ours if record.levelname in ("WARNING", "ERROR")] == []


class TestUnderWay:
    """A refresh that Ring has not answered yet may hold the only copy of the next token."""

    @pytest.fixture
    async def answer(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, idle: ConfigEntry
    ) -> Callable[[], None]:
        """Hold Ring's answer back; the value lets it go."""
        slow = cloud.faults.add(TOKEN_ROUTE, delay=math.inf)
        self.waiting = asyncio.create_task(_expect_token(idle, freezer))
        await slow.reached()
        return slow.release

    async def test_unloading_waits_for_it_and_keeps_the_new_pair(
        self,
        hass: HomeAssistant,
        freezer: FrozenDateTimeFactory,
        cloud: RingCloud,
        idle: ConfigEntry,
        answer: Callable[[], None],
    ) -> None:
        unloading = asyncio.create_task(hass.config_entries.async_unload(idle.entry_id))
        for _ in range(20):
            freezer.tick(1)
            await _let_others_run()
        assert not unloading.done()

        answer()
        assert await unloading
        await self.waiting

        assert idle.state is ConfigEntryState.NOT_LOADED
        assert idle.data[CONF_TOKEN]["refresh_token"] == next(issued(cloud))
        assert await hass.config_entries.async_setup(idle.entry_id)
        assert refreshes(cloud) == 1

    async def test_nothing_is_asked_for_by_who_still_holds_an_unloaded_account(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, idle: ConfigEntry
    ) -> None:
        client = idle.runtime_data.client
        await hass.config_entries.async_unload(idle.entry_id)
        freezer.tick(LIFETIME)

        with pytest.raises(RingUnavailableError):
            await client.async_get_devices()
        assert refreshes(cloud) == 0

    async def test_home_assistant_stops_only_once_it_is_written_down(
        self, hass: HomeAssistant, cloud: RingCloud, idle: ConfigEntry, answer: Callable[[], None]
    ) -> None:
        stopping = asyncio.create_task(hass.async_stop())
        await _let_others_run()
        assert not stopping.done()

        answer()
        await stopping
        await self.waiting

        assert next(issued(cloud)).encode() in journal_path(hass, idle).read_bytes()

    async def test_another_attempt_to_set_up_does_not_send_the_same_refresh_token(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, entry: MockConfigEntry
    ) -> None:
        slow = cloud.faults.add(TOKEN_ROUTE, delay=math.inf)
        cloud.faults.add("/v1/devices", status=503, headers={"Retry-After": "1"})
        freezer.tick(LIFETIME - 200)
        first = asyncio.create_task(hass.config_entries.async_setup(entry.entry_id))
        await tick_until(freezer, asyncio.create_task(slow.reached()), 0.001)
        # Home Assistant gives up waiting for the tasks of a failed attempt after ten seconds.
        await tick_until(freezer, first, 0.01)
        assert not await first

        # The next one has begun by itself meanwhile.
        await _let_others_run()
        slow.release()
        await hass.async_block_till_done(wait_background_tasks=True)

        assert entry.state is ConfigEntryState.LOADED
        assert refreshes(cloud) == 1
        assert entry.runtime_data.session.refreshes == 1

    async def test_no_refresh_begins_while_home_assistant_stops(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, idle: ConfigEntry
    ) -> None:
        hass.set_state(CoreState.stopping)
        freezer.tick(LIFETIME)

        with pytest.raises(RingUnavailableError):
            await idle.runtime_data.client.async_get_devices()

        assert refreshes(cloud) == 0
        await hass.config_entries.async_unload(idle.entry_id)
        hass.set_state(CoreState.running)

    @pytest.mark.parametrize("old_link_still_works", [True, False])
    async def test_what_comes_of_an_old_link_does_not_touch_a_new_one(
        self, hass: HomeAssistant, cloud: RingCloud, account: Account, app: App, idle: ConfigEntry,
        answer: Callable[[], None], old_link_still_works: bool,
    ) -> None:  # fmt: skip
        if not old_link_still_works:
            await cloud.disable_app(account, app)
        token = cloud.grants.new_grant(account, app, Flow.ONE_WAY)
        new = new_link(Token.from_response(token, time.time()))
        hass.config_entries.async_update_entry(idle, data=idle.data | {CONF_TOKEN: new})

        answer()
        await self.waiting

        assert idle.data[CONF_TOKEN] == new
        assert links_asked_for(hass) == []
        await hass.config_entries.async_reload(idle.entry_id)
        assert idle.data[CONF_TOKEN] == new


async def _expect_token(entry: ConfigEntry, freezer: FrozenDateTimeFactory) -> None:
    """Need a new token, whatever comes of it."""
    freezer.tick(LIFETIME)
    await asyncio.gather(entry.runtime_data.session.async_get_access_token(), return_exceptions=True)


async def _let_others_run() -> None:
    """Give everything that could go on without Ring's answer the time to do so."""
    for _ in range(100):
        await asyncio.sleep(0)


async def test_nothing_that_holds_a_secret_shows_it(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, cloud: RingCloud, idle: ConfigEntry
) -> None:
    await pass_time(hass, freezer, LIFETIME - 300)
    session = idle.runtime_data.session

    shown = " ".join(map(repr, (session, session._record, session._journal, idle.runtime_data, Record(new_link(
        session._record.token)))))  # fmt: skip

    assert [secret for secret in cloud.secrets() if secret in shown] == []
    assert "generation 1" in repr(session)
    json.dumps(shown)
