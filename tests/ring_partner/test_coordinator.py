"""One request a poll: what it costs, what Ring's outages and refusals do, and what stays when it ends."""

import asyncio
from datetime import timedelta
import gc
import math
import weakref

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.ring_partner.const import DOMAIN
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from ring_cloud import Account, App, RingCloud

from .conftest import make_entry
from .polls import (
    ALWAYS_UNAVAILABLE,
    asked,
    async_pass_time,
    async_set_up,
    by_events,
    entity_ids,
    issues,
    reauths,
    state_of,
    state_writes,
    states_of,
    unavailable,
)

DAY = timedelta(days=1)
DEVICES = "/v1/devices"
INTEGRATIONS = "/v1/accounts/me/app-integrations"
SUBSCRIPTIONS = "/v1/accounts/me/subscriptions"


@pytest.fixture(autouse=True)
def _frozen(freezer: FrozenDateTimeFactory) -> None:
    """Let time pass only when a test says so."""


class TestCost:
    """What a poll costs Ring and Home Assistant."""

    @pytest.mark.parametrize("number", [1, 6, 20, 100])
    async def test_the_first_entities_need_one_request_whatever_the_number_of_devices(
        self, hass: HomeAssistant, cloud: RingCloud, credentials: App, number: int
    ) -> None:
        account = cloud.add_account("Many", "Devices", "many@example.com", devices=number)
        entry = make_entry(account, cloud.link_directly(account, credentials))
        entry.add_to_hass(hass)
        accounts = cloud.faults.add("/v1/accounts/*", delay=math.inf)
        await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        assert len(hass.states.async_entity_ids("binary_sensor")) > number
        assert cloud.count(status=200) == 1

        accounts.release()
        await hass.async_block_till_done(wait_background_tasks=True)
        assert [(request.method, request.path) for request in cloud.requests] == [
            ("GET", DEVICES),
            ("PATCH", INTEGRATIONS),
            ("GET", SUBSCRIPTIONS),
        ]

    async def test_an_idle_hour_costs_one_request_a_minute(
        self, hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, freezer: FrozenDateTimeFactory
    ) -> None:
        cloud.requests.clear()
        for _ in range(240):
            await async_pass_time(hass, freezer, timedelta(seconds=15))
        assert 58 <= asked(cloud) <= 60
        assert cloud.count("GET", DEVICES, 200) == asked(cloud)

    async def test_a_change_of_one_device_writes_that_device_only(
        self, hass: HomeAssistant, linked: ConfigEntry, account: Account, freezer: FrozenDateTimeFactory
    ) -> None:
        account.device("Back Door").set(contact=True)
        with state_writes(hass) as written:
            await async_pass_time(hass, freezer)
        assert written == ["binary_sensor.back_door_contact"]

    async def test_what_goes_wrong_in_one_entity_stops_no_other(
        self,
        hass: HomeAssistant,
        linked: ConfigEntry,
        account: Account,
        freezer: FrozenDateTimeFactory,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        broken = hass.data["binary_sensor"].get_entity("binary_sensor.front_door_connectivity")
        monkeypatch.setattr(broken, "async_write_ha_state", lambda: 1 / 0)
        for device in account.devices:
            device.set(online=False)
        await async_pass_time(hass, freezer)
        off = {entity_ids(hass, linked, device)["connectivity"] for device in account.devices} - {broken.entity_id}
        assert {hass.states.get(entity_id).state for entity_id in off} == {STATE_OFF}


class TestOutage:
    """Ring is down, slow, or talks nonsense."""

    @pytest.mark.parametrize(
        "fault",
        [
            {"status": 500},
            {"status": 503},
            {"cut": "before"},
            {"cut": "body"},
            {"garbage": "text"},
            {"garbage": "html"},
        ],
        ids=lambda fault: "-".join(str(part) for item in fault.items() for part in item),
    )
    async def test_devices_are_unavailable_and_the_account_stays_known(
        self,
        hass: HomeAssistant,
        linked: ConfigEntry,
        cloud: RingCloud,
        account: Account,
        freezer: FrozenDateTimeFactory,
        caplog: pytest.LogCaptureFixture,
        fault: dict[str, object],
    ) -> None:
        before = {state.entity_id: state.state for state in hass.states.async_all()}
        of_account = states_of(hass, linked, None)
        cloud.faults.add(DEVICES, count=None, **fault)
        for _ in range(3):
            await async_pass_time(hass, freezer)
        of_devices = before.keys() - entity_ids(hass, linked, None).values() - ALWAYS_UNAVAILABLE
        assert unavailable(hass) == of_devices - by_events(hass, linked)
        assert states_of(hass, linked, None) == of_account
        assert reauths(hass) == 0
        assert issues(hass) == set()
        assert sum(record.levelname == "ERROR" for record in caplog.records) == 1

        cloud.faults.clear()
        await async_pass_time(hass, freezer)
        assert {state.entity_id: state.state for state in hass.states.async_all()} == before

    async def test_an_account_that_starts_during_an_outage_comes_up_when_it_is_over(
        self, hass: HomeAssistant, entry: ConfigEntry, cloud: RingCloud, freezer: FrozenDateTimeFactory
    ) -> None:
        cloud.faults.add(DEVICES, status=500, count=None)
        await async_set_up(hass, entry)
        assert entry.state is ConfigEntryState.SETUP_RETRY
        cloud.faults.clear()
        await async_pass_time(hass, freezer)
        assert entry.state is ConfigEntryState.LOADED


class TestRetryAfter:
    """Ring says when to come back."""

    @pytest.mark.parametrize("status", [429, 503])
    async def test_is_honoured_to_the_second_and_then_once(
        self,
        hass: HomeAssistant,
        linked: ConfigEntry,
        cloud: RingCloud,
        freezer: FrozenDateTimeFactory,
        status: int,
    ) -> None:
        cloud.faults.add(DEVICES, status=status, headers={"Retry-After": "300"})
        await async_pass_time(hass, freezer)
        cloud.requests.clear()
        for _ in range(299):
            await async_pass_time(hass, freezer, timedelta(seconds=1))
        assert asked(cloud) == 0
        for _ in range(5):
            await async_pass_time(hass, freezer, timedelta(seconds=1))
        assert cloud.count("GET", DEVICES) == 1
        assert states_of(hass, linked, None)["link_status"] == "completed"
        assert not unavailable(hass)

    async def test_may_be_a_date(
        self, hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, freezer: FrozenDateTimeFactory
    ) -> None:
        until = dt_util.utcnow() + timedelta(seconds=61 + 600)
        cloud.faults.add(DEVICES, status=429, headers={"Retry-After": until.strftime("%a, %d %b %Y %H:%M:%S GMT")})
        await async_pass_time(hass, freezer)
        cloud.requests.clear()
        await async_pass_time(hass, freezer, timedelta(seconds=595))
        assert asked(cloud) == 0
        await async_pass_time(hass, freezer, timedelta(seconds=10))
        assert cloud.count("GET", DEVICES) == 1

    async def test_is_not_outrun_by_hand(
        self, hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, freezer: FrozenDateTimeFactory
    ) -> None:
        assert await async_setup_component(hass, "homeassistant", {})
        cloud.faults.add(DEVICES, status=429, headers={"Retry-After": "300"})
        await async_pass_time(hass, freezer)
        cloud.requests.clear()
        await async_pass_time(hass, freezer, timedelta(seconds=200))
        await hass.services.async_call(
            "homeassistant", "update_entity", {"entity_id": "sensor.front_door_resolution"}, blocking=True
        )
        await async_pass_time(hass, freezer, timedelta(seconds=95))
        assert asked(cloud) == 0
        await async_pass_time(hass, freezer, timedelta(seconds=10))
        assert cloud.count("GET", DEVICES) == 1
        assert not unavailable(hass)

    async def test_of_nothing_does_not_make_polls_more_frequent(
        self, hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, freezer: FrozenDateTimeFactory
    ) -> None:
        cloud.faults.add(DEVICES, status=503, count=None, headers={"Retry-After": "0"})
        await async_pass_time(hass, freezer)
        cloud.requests.clear()
        for _ in range(58):
            await async_pass_time(hass, freezer, timedelta(seconds=1))
        assert asked(cloud) == 0

    async def test_at_the_start_leaves_the_account_waiting(
        self, hass: HomeAssistant, entry: ConfigEntry, cloud: RingCloud
    ) -> None:
        cloud.faults.add(DEVICES, status=429, headers={"Retry-After": "300"})
        await async_set_up(hass, entry)
        assert entry.state is ConfigEntryState.SETUP_RETRY
        assert entry.error_reason_translation_key == "rate_limited"
        assert reauths(hass) == 0


class TestToken:
    """The poll meets a token that Ring does not take any more."""

    async def test_an_expired_token_costs_one_refresh_and_nothing_shows_of_it(
        self,
        hass: HomeAssistant,
        linked: ConfigEntry,
        cloud: RingCloud,
        app: App,
        account: Account,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        cloud.grants.expire_access(account, app)
        expires = state_of(hass, linked, None, "token_expires")
        with state_writes(hass) as written:
            await async_pass_time(hass, freezer)
        assert cloud.count("POST", "/oauth/token") == 1
        assert set(written) == {entity_ids(hass, linked, None)["token_expires"]}
        assert state_of(hass, linked, None, "token_expires") > expires

    async def test_a_storm_of_refusals_costs_one_refresh(
        self, hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, app: App, account: Account
    ) -> None:
        cloud.limits.per_second = 1000
        cloud.grants.expire_access(account, app)
        answers = await asyncio.gather(*(linked.runtime_data.client.async_get_devices() for _ in range(100)))
        assert [len(devices) for devices in answers] == [len(account.devices)] * 100
        assert cloud.count("POST", "/oauth/token") == 1

    async def test_a_lost_link_asks_once_for_a_new_one_and_then_sends_nothing(
        self,
        hass: HomeAssistant,
        linked: ConfigEntry,
        cloud: RingCloud,
        app: App,
        account: Account,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        await cloud.disable_app(account, app)
        await async_pass_time(hass, freezer)
        assert reauths(hass) == 1
        assert state_of(hass, linked, None, "link_status") == "lost"
        assert state_of(hass, linked, None, "token_expires") != STATE_UNAVAILABLE
        assert set(states_of(hass, linked, account.device("Back Door")).values()) == {STATE_UNAVAILABLE}

        cloud.requests.clear()
        for _ in range(10):
            await async_pass_time(hass, freezer, 6 * timedelta(hours=1))
        assert len(cloud.requests) == 0
        assert reauths(hass) == 1


async def test_unloading_leaves_nothing_behind(
    hass: HomeAssistant, entry: ConfigEntry, cloud: RingCloud, freezer: FrozenDateTimeFactory
) -> None:
    listeners = dict(hass.bus.async_listeners())
    for _ in range(3):
        await async_set_up(hass, entry)
        coordinator = weakref.ref(entry.runtime_data.coordinator)
        assert await hass.config_entries.async_unload(entry.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)
        gc.collect()
        assert coordinator() is None
    assert not [task for task in asyncio.all_tasks() if "ring_partner" in task.get_name()]
    after = hass.bus.async_listeners()
    assert {kind: after[kind] - listeners.get(kind, 0) for kind in after if kind.startswith("state_")} == {}
    cloud.requests.clear()
    await async_pass_time(hass, freezer, DAY)
    assert asked(cloud) == 0


async def test_unloading_in_the_middle_of_a_poll_is_quiet(
    hass: HomeAssistant,
    linked: ConfigEntry,
    cloud: RingCloud,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fault = cloud.faults.add(DEVICES, delay=math.inf)
    freezer.tick(timedelta(seconds=61))
    async_fire_time_changed(hass)
    await fault.reached()
    assert await hass.config_entries.async_unload(linked.entry_id)
    fault.release()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not [
        record for record in caplog.records if record.levelname in ("ERROR", "WARNING") and DOMAIN in record.name
    ]
    assert await hass.config_entries.async_setup(linked.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.states.get("binary_sensor.back_door_connectivity").state == STATE_ON
