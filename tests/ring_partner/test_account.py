"""What is known of the link itself: what the Ring app may use, whether the link is complete, and its plan."""

from datetime import timedelta
import time

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.ring_partner.api import Token
from custom_components.ring_partner.const import DOMAIN
from custom_components.ring_partner.session import new_link
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers.event import async_track_state_change_event
from ring_cloud import Account, App, RingCloud
from ring_cloud.families import Permission
from ring_cloud.model import Subscription

from .polls import (
    ALWAYS_UNAVAILABLE,
    asked,
    async_pass_time,
    async_set_up,
    entities_of,
    entity_ids,
    issues,
    reauths,
    state_of,
    states_of,
    unavailable,
)

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
DEVICES = "/v1/devices"
INTEGRATIONS = "/v1/accounts/me/app-integrations"
SUBSCRIPTIONS = "/v1/accounts/me/subscriptions"


@pytest.fixture(autouse=True)
def _frozen(freezer: FrozenDateTimeFactory) -> None:
    """Let time pass only when a test says so."""


class TestPermissions:
    """The Ring app may lack, lose and regain permission groups; the account goes on."""

    async def test_devices_of_a_group_the_app_never_had_are_just_not_there(
        self, hass: HomeAssistant, entry: ConfigEntry, app: App, account: Account
    ) -> None:
        app.permissions = frozenset({Permission.ACCOUNT, Permission.CAMERAS})
        await async_set_up(hass, entry)
        assert entry.state is ConfigEntryState.LOADED
        assert states_of(hass, entry, account.device("Front Door"))
        assert entity_ids(hass, entry, account.device("Back Door")) == {}
        assert issues(hass) == set()

    @pytest.mark.parametrize(
        ("lost", "name"),
        [(Permission.SENSORS, "Back Door"), (Permission.CAMERAS, "Front Door"), (Permission.CHIMES, "Hallway Chime")],
    )
    async def test_a_lost_group_is_named_and_everything_else_goes_on(
        self,
        hass: HomeAssistant,
        linked: ConfigEntry,
        cloud: RingCloud,
        app: App,
        account: Account,
        freezer: FrozenDateTimeFactory,
        lost: Permission,
        name: str,
    ) -> None:
        before = {state.entity_id: state.state for state in hass.states.async_all()}
        app.permissions = app.permissions - {lost}
        cloud.requests.clear()
        for _ in range(3):
            await async_pass_time(hass, freezer)
        assert issues(hass) == {f"out_of_scope_{lost}"}
        assert asked(cloud) == 4, "three polls, and one question why"
        gone = {
            entity_id
            for device in account.devices
            if device.family.permission is lost
            for entity_id in entities_of(hass, linked, device)
        }
        assert unavailable(hass) == gone & before.keys() - ALWAYS_UNAVAILABLE
        assert states_of(hass, linked, account.device(name))
        assert reauths(hass) == 0

        app.permissions = frozenset(Permission)
        await async_pass_time(hass, freezer)
        assert issues(hass) == set()
        assert {state.entity_id: state.state for state in hass.states.async_all()} == before

    async def test_an_app_without_any_group_gets_one_repair_that_says_so(
        self,
        hass: HomeAssistant,
        linked: ConfigEntry,
        app: App,
        account: Account,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        app.permissions = frozenset({Permission.ACCOUNT})
        await async_pass_time(hass, freezer)
        assert issues(hass) == {"out_of_scope_devices"}
        assert set(states_of(hass, linked, account.device("Back Door")).values()) == {STATE_UNAVAILABLE}
        assert state_of(hass, linked, None, "link_status") == "completed"
        assert reauths(hass) == 0

        app.permissions = frozenset(Permission)
        await async_pass_time(hass, freezer)
        assert issues(hass) == set()
        assert not unavailable(hass)

    async def test_an_app_without_any_group_at_the_start_comes_up_once_it_has_one(
        self, hass: HomeAssistant, entry: ConfigEntry, app: App, freezer: FrozenDateTimeFactory
    ) -> None:
        app.permissions = frozenset({Permission.ACCOUNT})
        await async_set_up(hass, entry)
        assert entry.state is ConfigEntryState.SETUP_RETRY
        assert issues(hass) == {"out_of_scope_devices"}
        assert reauths(hass) == 0

        app.permissions = frozenset({Permission.ACCOUNT, Permission.SENSORS})
        await async_pass_time(hass, freezer)
        assert entry.state is ConfigEntryState.LOADED
        assert issues(hass) == set()

    @pytest.mark.parametrize("status", [403, 404, 503])
    async def test_a_device_that_merely_goes_is_no_matter_of_permissions(
        self,
        hass: HomeAssistant,
        linked: ConfigEntry,
        cloud: RingCloud,
        account: Account,
        freezer: FrozenDateTimeFactory,
        status: int,
    ) -> None:
        camera = account.device("Driveway")
        camera.set(e2ee=True)
        if status != 404:
            cloud.faults.add(f"{DEVICES}/*", status=status, count=None, body="")
        await async_pass_time(hass, freezer)
        assert cloud.count("GET", f"{DEVICES}/{camera.id}") >= 1
        assert issues(hass) == set()

    async def test_a_403_of_the_gateway_is_an_outage(
        self, hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, freezer: FrozenDateTimeFactory
    ) -> None:
        cloud.faults.add(DEVICES, status=403, body="")
        await async_pass_time(hass, freezer)
        assert hass.states.get("sensor.front_door_resolution").state == STATE_UNAVAILABLE
        assert issues(hass) == set()
        assert reauths(hass) == 0
        await async_pass_time(hass, freezer)
        assert not unavailable(hass)


class TestLinkStatus:
    """Without "completed" Ring delivers nothing."""

    async def test_completed_is_repeated_at_every_start_and_every_day(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        cloud: RingCloud,
        app: App,
        account: Account,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        cloud.links.get(account, app).status = type(cloud.links.get(account, app).status).AWAITING
        await async_set_up(hass, entry)
        assert cloud.deliverable(account, app)
        for start in range(2, 4):
            await hass.config_entries.async_reload(entry.entry_id)
            await hass.async_block_till_done(wait_background_tasks=True)
            assert cloud.count("PATCH", INTEGRATIONS, 200) == start
        await async_pass_time(hass, freezer, DAY)
        await async_pass_time(hass, freezer)
        assert cloud.count("PATCH", INTEGRATIONS, 200) == 4
        assert state_of(hass, entry, None, "link_status") == "completed"

    async def test_an_outage_of_this_alone_is_tried_again_and_in_nobodys_way(
        self, hass: HomeAssistant, entry: ConfigEntry, cloud: RingCloud, freezer: FrozenDateTimeFactory
    ) -> None:
        cloud.faults.add("/v1/accounts/*", status=500, count=None)
        await async_set_up(hass, entry)
        assert state_of(hass, entry, None, "link_status") == STATE_UNKNOWN
        assert state_of(hass, entry, None, "subscription") == STATE_UNKNOWN
        assert not unavailable(hass)

        cloud.faults.clear()
        await async_pass_time(hass, freezer, 14 * MINUTE)
        assert state_of(hass, entry, None, "link_status") == STATE_UNKNOWN
        await async_pass_time(hass, freezer, 2 * MINUTE)
        assert state_of(hass, entry, None, "link_status") == "completed"
        assert state_of(hass, entry, None, "subscription") == "paid"

    async def test_a_link_that_ring_has_forgotten_is_unknown(
        self, hass: HomeAssistant, entry: ConfigEntry, cloud: RingCloud, app: App, account: Account
    ) -> None:
        cloud.faults.add(INTEGRATIONS, status=404)
        await async_set_up(hass, entry)
        assert state_of(hass, entry, None, "link_status") == STATE_UNKNOWN
        assert not unavailable(hass)

    async def test_a_link_lost_while_it_is_completed_asks_for_a_new_one(
        self, hass: HomeAssistant, entry: ConfigEntry, cloud: RingCloud, freezer: FrozenDateTimeFactory
    ) -> None:
        cloud.faults.add(INTEGRATIONS, status=401, count=None)
        cloud.faults.add("/oauth/token", status=400, body='{"error": "invalid_grant"}', count=None)
        await async_set_up(hass, entry)
        await async_pass_time(hass, freezer)
        assert state_of(hass, entry, None, "link_status") == "lost"
        assert reauths(hass) == 1

    async def test_a_playground_token_has_no_link_to_complete(
        self, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        token = Token.from_response(
            {"access_token": cloud.playground_token(account), "expires_in": 1800, "token_type": "Bearer"}, time.time()
        )
        entry = MockConfigEntry(
            domain=DOMAIN,
            title="Playground",
            unique_id=account.id,
            data={"link_method": "playground", "token": new_link(token)},
        )
        entry.add_to_hass(hass)
        await async_set_up(hass, entry)
        assert entry.state is ConfigEntryState.LOADED
        assert cloud.count("PATCH", INTEGRATIONS) == 0
        assert state_of(hass, entry, None, "link_status") == STATE_UNKNOWN
        assert state_of(hass, entry, None, "subscription") == "none"


class TestSubscription:
    """The account's plan for this app."""

    @pytest.mark.parametrize(
        ("plans", "shown"),
        [
            ([], "none"),
            ([("paid", 31)], "paid"),
            ([("trial", 7)], "trial"),
            ([("gift", 7)], "other"),
            ([("paid", -1)], "none"),
            ([("paid", -1), ("trial", 7)], "trial"),
        ],
        ids=str,
    )
    async def test_shows_the_plan_that_counts(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        account: Account,
        plans: list[tuple[str, float]],
        shown: str,
    ) -> None:
        account.subscriptions.clear()
        found: list[Subscription] = [account.add_subscription(kind, days=days) for kind, days in plans]
        await async_set_up(hass, entry)
        assert len(found) == len(plans)
        assert state_of(hass, entry, None, "subscription") == shown

    @pytest.mark.parametrize("status", [404, 422, 403])
    async def test_an_app_without_plans_has_none(
        self, hass: HomeAssistant, entry: ConfigEntry, cloud: RingCloud, status: int
    ) -> None:
        cloud.faults.add(SUBSCRIPTIONS, status=status, count=None)
        await async_set_up(hass, entry)
        assert state_of(hass, entry, None, "subscription") == "none"
        assert state_of(hass, entry, None, "link_status") == "completed"
        assert issues(hass) == set()

    async def test_is_not_said_to_be_none_before_it_is_known(self, hass: HomeAssistant, linked: ConfigEntry) -> None:
        seen: list[str] = []

        @callback
        def see(event: Event[EventStateChangedData]) -> None:
            seen.append(event.data["new_state"].state)

        async_track_state_change_event(hass, entity_ids(hass, linked, None)["subscription"], see)
        await hass.config_entries.async_reload(linked.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert seen[-1] == "paid"
        assert "none" not in seen[:-1]
