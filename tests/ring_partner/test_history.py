"""What was missed is made good from Ring's history: as data where it is old, and as news where nothing is pushed."""

import asyncio
from collections import Counter
from datetime import timedelta
import json
import math

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.ring_partner import history
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from ring_cloud import Account, RingCloud
from ring_cloud.model import Device

from .polls import async_pass_time, async_set_up, entity_ids, issues, reauths, state_of, unavailable
from .pushes import (
    HISTORY,
    HOUR,
    MINUTE,
    SECOND,
    announced,
    async_pass_in_steps,
    async_press,
    async_set_up_pushed,
    webhook_url,
)


@pytest.fixture(autouse=True)
def _frozen(freezer: FrozenDateTimeFactory) -> None:
    """Let time pass only when a test says so."""


@pytest.fixture
def door(account: Account) -> Device:
    return account.device("Front Door")


def shown(moment: object) -> str:
    """How a sensor writes a time: to the second."""
    return str(moment)[:19].replace(" ", "T") + "+00:00"


def unsigned(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Take the signing key away: nothing can be pushed."""
    data = {key: value for key, value in entry.data.items() if key != "signing_key"}
    hass.config_entries.async_update_entry(entry, data=data)


def histories_asked_for(cloud: RingCloud) -> Counter[str]:
    """How often Ring was asked for the history of each camera."""
    return Counter(request.path.split("/")[4] for request in cloud.requests if "/history/" in request.path)


class TestPolled:
    """Nothing can be pushed: the history is the way to learn of events."""

    @pytest.fixture
    def entry(self, hass, entry) -> ConfigEntry:
        """Linked with tokens, without a signing key."""
        unsigned(hass, entry)
        return entry

    async def test_a_ring_is_announced_within_a_minute_and_once(self, freezer, hass, cloud, entry, door) -> None:
        await async_set_up(hass, entry)
        await async_pass_in_steps(hass, freezer, 2 * MINUTE)
        assert state_of(hass, entry, None, "delivery") == "polled"
        with announced(hass, entry, door) as rings:
            await async_press(hass, cloud, door)
            await async_pass_in_steps(hass, freezer, MINUTE + 5 * SECOND)
            assert len(rings) == 1
            await async_pass_in_steps(hass, freezer, 5 * MINUTE)
            assert len(rings) == 1
        assert issues(hass) == set()

    @pytest.mark.parametrize("seconds", [30, 600, 900])
    async def test_ring_is_announced_within_two_minutes_whatever_the_polling_interval(
        self, freezer, hass, cloud, account, entry, door, seconds
    ) -> None:
        """A camera that may be a doorbell for all that is known counts as one."""
        hass.config_entries.async_update_entry(entry, options={"polling_interval": seconds})
        unidentified = cloud.add_device(account, "plain_camera", "Garden")
        await async_set_up(hass, entry)
        await async_pass_in_steps(hass, freezer, 2 * MINUTE)
        before = histories_asked_for(cloud)
        for device in (door, unidentified):
            ring = await async_press(hass, cloud, device)
            await async_pass_in_steps(hass, freezer, 2 * MINUTE)
            fired = hass.states.get(entity_ids(hass, entry, device)["doorbell"])
            assert fired.attributes["event_time"] == ring.isoformat()
        await async_pass_in_steps(hass, freezer, 11 * MINUTE)
        asked = histories_asked_for(cloud) - before
        # The others are read as often as the user wants.
        expected = 15 * 60 / seconds
        assert 0.7 * expected - 1 <= asked[account.device("Driveway").id] <= expected + 1

    async def test_two_rings_within_a_minute_are_both_announced(self, freezer, hass, cloud, entry, door) -> None:
        await async_set_up(hass, entry)
        freezer.tick(1)
        with announced(hass, entry, door) as rings:
            first = await async_press(hass, cloud, door)
            freezer.tick(7)
            second = await async_press(hass, cloud, door)
            await async_pass_in_steps(hass, freezer, 2 * MINUTE)
        assert rings == [first.isoformat(), second.isoformat()]

    async def test_a_live_view_is_nothing_that_happened(self, freezer, hass, cloud, entry, door) -> None:
        await async_set_up(hass, entry)
        cloud.view_live(door)
        await async_pass_in_steps(hass, freezer, 2 * MINUTE)
        assert state_of(hass, entry, door, "last_motion") == STATE_UNKNOWN
        assert hass.states.get(entity_ids(hass, entry, door)["motion"]).state == STATE_UNKNOWN

    async def test_what_is_read_while_the_account_is_unloaded_is_announced_after_it(
        self, freezer, hass, cloud, entry, door
    ) -> None:
        await async_set_up(hass, entry)
        await async_pass_in_steps(hass, freezer, 2 * MINUTE)
        with announced(hass, entry, door) as rings:
            fault = cloud.faults.add(f"/v1/history/devices/{door.id}/events", delay=math.inf)
            while not fault.seen:
                freezer.tick(5)
                async_fire_time_changed(hass)
                await asyncio.wait([asyncio.create_task(fault.reached())], timeout=0.05)
            cloud.happen(door, "button_press")
            entry.mock_state(hass, ConfigEntryState.UNLOAD_IN_PROGRESS)
            fault.release()
            await hass.async_block_till_done(wait_background_tasks=True)
            assert rings == []
            entry.mock_state(hass, ConfigEntryState.LOADED)
            await async_pass_in_steps(hass, freezer, MINUTE + 5 * SECOND)
            assert len(rings) == 1

    async def test_cameras_take_turns(self, freezer, hass, cloud, entry) -> None:
        await async_set_up(hass, entry)
        await async_pass_in_steps(hass, freezer, 2 * MINUTE)
        seen, most = cloud.count("GET", HISTORY), 0
        before = seen
        for _ in range(120):
            await async_pass_time(hass, freezer, 5 * SECOND)
            now = cloud.count("GET", HISTORY)
            most, seen = max(most, now - seen), now
        cameras = len({request.path for request in cloud.requests if "/history/" in request.path})
        assert cameras > 1
        assert 9 * cameras <= seen - before <= 10 * cameras + 1
        assert most <= 1 + cameras // 12


class TestBackFill:
    """What happened while nobody listened is data, not news."""

    async def test_what_happened_before_the_start_is_only_shown(self, freezer, hass, cloud, entry, door) -> None:
        ring = await async_press(hass, cloud, door)
        freezer.tick(10)
        motion = await async_press(hass, cloud, door, "human")
        freezer.tick(10)
        await async_set_up(hass, entry)
        with announced(hass, entry, door) as rings, announced(hass, entry, door, "motion") as motions:
            await async_pass_in_steps(hass, freezer, 2 * MINUTE)
        assert rings == motions == []
        assert state_of(hass, entry, door, "last_ring") == shown(ring)
        assert state_of(hass, entry, door, "last_motion") == shown(motion)

    async def test_lost_ring_is_shown_and_named_although_a_motion_is_pushed_after_it(
        self, freezer, hass, cloud, app, entry, address, door
    ) -> None:
        await async_set_up_pushed(hass, cloud, app, entry, webhook_url(address))
        await async_press(hass, cloud, door, "human")
        await async_pass_in_steps(hass, freezer, 2 * MINUTE)
        cloud.deliveries.mischief("drop")
        ring = await async_press(hass, cloud, door)
        freezer.tick(60)
        await async_press(hass, cloud, door, "human")
        assert state_of(hass, entry, door, "last_ring") == STATE_UNKNOWN
        with announced(hass, entry, door) as rings:
            await async_pass_in_steps(hass, freezer, 15 * MINUTE, MINUTE)
            assert rings == []
            assert state_of(hass, entry, door, "last_ring") == shown(ring)
            assert (state_of(hass, entry, None, "delivery"), issues(hass)) == ("polled", {"webhooks_missing"})
            # The app may be told of motions only.
            await async_press(hass, cloud, door, "human")
            assert (state_of(hass, entry, None, "delivery"), issues(hass)) == ("polled", {"webhooks_missing"})
            await async_press(hass, cloud, door)
        assert len(rings) == 1
        assert (state_of(hass, entry, None, "delivery"), issues(hass)) == ("pushed", set())

    async def test_lost_motion_is_made_good_after_a_later_push(
        self, freezer, hass, cloud, app, entry, address, door
    ) -> None:
        await async_set_up_pushed(hass, cloud, app, entry, webhook_url(address))
        await async_press(hass, cloud, door, "human")
        await async_pass_in_steps(hass, freezer, 2 * MINUTE)
        cloud.deliveries.mischief("drop")
        motion = await async_press(hass, cloud, door, "human")
        freezer.tick(60)
        await async_press(hass, cloud, door)
        with announced(hass, entry, door, "motion") as motions:
            await async_pass_in_steps(hass, freezer, 11 * MINUTE, MINUTE)
        assert motions == []
        assert state_of(hass, entry, door, "last_motion") == shown(motion)
        assert (state_of(hass, entry, None, "delivery"), issues(hass)) == ("pushed", set())

    async def test_a_row_of_a_kind_that_nobody_knows_hides_nothing_of_the_others(
        self, freezer, hass, cloud, entry, door
    ) -> None:
        ring = await async_press(hass, cloud, door)
        freezer.tick(10)
        odd = cloud.remember(door, "button_press", at=dt_util.utcnow().timestamp() - 5)
        odd.event_type = "unheard_of"
        await async_set_up(hass, entry)
        await async_pass_in_steps(hass, freezer, 2 * MINUTE)
        assert state_of(hass, entry, door, "last_ring") == shown(ring)

    async def test_a_reload_announces_what_came_meanwhile(self, freezer, hass, cloud, entry, door) -> None:
        await async_set_up(hass, entry)
        freezer.tick(60)
        await hass.config_entries.async_unload(entry.entry_id)
        ring = await async_press(hass, cloud, door)
        freezer.tick(20)
        await async_set_up(hass, entry)
        with announced(hass, entry, door) as rings:
            await async_pass_in_steps(hass, freezer, 2 * MINUTE)
        assert rings == [ring.isoformat()]

    async def test_a_busy_day_is_read_to_its_end(self, freezer, hass, cloud, entry, door) -> None:
        ring = await async_press(hass, cloud, door)
        for _ in range(300):
            freezer.tick(30)
            cloud.happen(door, "motion_detected")
        freezer.tick(30)
        await async_set_up(hass, entry)
        await async_pass_in_steps(hass, freezer, MINUTE + 5 * SECOND)
        assert state_of(hass, entry, door, "last_ring") == shown(ring)

    @pytest.mark.parametrize("ahead_s", [20, 86_400 * 365 * 50])
    async def test_row_with_a_time_in_the_future_rings_once_and_is_not_shown_as_in_the_future(
        self, freezer, hass, cloud, entry, door, ahead_s
    ) -> None:
        await async_set_up(hass, entry)
        cloud.happen(door, "button_press")
        cloud.history._rows[door.id][-1].start_ms += ahead_s * 1000
        with announced(hass, entry, door) as rings:
            await async_pass_in_steps(hass, freezer, 15 * SECOND)
            assert state_of(hass, entry, door, "last_ring") <= shown(dt_util.utcnow())
            await async_pass_in_steps(hass, freezer, 3 * MINUTE)
        assert len(rings) == 1
        assert state_of(hass, entry, door, "last_ring") < shown(dt_util.utcnow() - 2 * MINUTE)

    async def test_nothing_is_read_after_the_account_was_unloaded(self, freezer, hass, cloud, entry) -> None:
        await async_set_up(hass, entry)
        fault = cloud.faults.add(HISTORY, delay=float("inf"))
        freezer.tick(6)
        async_fire_time_changed(hass)
        await fault.reached()
        await hass.config_entries.async_unload(entry.entry_id)
        fault.release()
        await hass.async_block_till_done(wait_background_tasks=True)
        asked = cloud.count("GET", HISTORY)
        await async_pass_in_steps(hass, freezer, 5 * MINUTE)
        assert cloud.count("GET", HISTORY) == asked


class TestErrors:
    """What goes wrong with the history is nothing to the account."""

    async def test_a_missing_permission_is_named_and_asked_for_seldom(self, freezer, hass, cloud, entry) -> None:
        cloud.faults.add(HISTORY, status=403, count=None)
        await async_set_up(hass, entry)
        await async_pass_in_steps(hass, freezer, MINUTE + 5 * SECOND)
        assert issues(hass) == {"out_of_scope_cameras"}
        cameras = len(histories_asked_for(cloud))
        assert cloud.count("GET", HISTORY) == cameras > 1
        await async_pass_in_steps(hass, freezer, HOUR - 2 * MINUTE, MINUTE)
        assert cloud.count("GET", HISTORY) == cameras
        await async_pass_in_steps(hass, freezer, 3 * MINUTE)
        assert cloud.count("GET", HISTORY) == 2 * cameras
        self.is_well(hass, entry)
        cloud.faults.clear()
        await async_pass_in_steps(hass, freezer, HOUR + 2 * MINUTE, MINUTE)
        assert issues(hass) == set()

    @pytest.mark.parametrize(("status", "reads"), [(503, range(18, 23)), (403, range(1))])
    async def test_one_camera_that_ring_says_nothing_of_takes_nothing_from_the_others(
        self, freezer, hass, cloud, account, entry, door, status, reads
    ) -> None:
        bad = account.device("Driveway")
        cloud.faults.add(f"/v1/history/devices/{bad.id}/events", status=status, count=None)
        unsigned(hass, entry)
        await async_set_up(hass, entry)
        await async_pass_in_steps(hass, freezer, 2 * MINUTE)
        before = histories_asked_for(cloud)
        with announced(hass, entry, door) as rings:
            await async_press(hass, cloud, door)
            await async_pass_in_steps(hass, freezer, 10 * MINUTE)
        assert len(rings) == 1
        asked = histories_asked_for(cloud) - before
        # What is unavailable is asked for twice each time.
        assert asked.pop(bad.id, 0) in reads
        assert len(asked) > 1
        assert all(9 <= count <= 14 for count in asked.values())
        assert issues(hass) == set()

    async def test_a_camera_that_fails_for_long_is_asked_for_ever_more_seldom_and_then_read(
        self, freezer, hass, cloud, app, account, entry, address, door
    ) -> None:
        bad = account.device("Driveway")
        cloud.faults.add(f"/v1/history/devices/{bad.id}/events", status=503, count=None)
        await async_set_up_pushed(hass, cloud, app, entry, webhook_url(address))
        await async_pass_in_steps(hass, freezer, MINUTE)
        await async_press(hass, cloud, door, "human")
        assert state_of(hass, entry, None, "delivery") == "pushed"
        await async_pass_in_steps(hass, freezer, 2 * HOUR, MINUTE)
        asked = histories_asked_for(cloud)
        assert 16 <= asked.pop(bad.id) <= 32
        # The front door's is a doorbell.
        assert 12 <= asked.pop(door.id) <= 14
        assert all(3 <= count <= 4 for count in asked.values())
        freezer.tick(1)
        cloud.deliveries.mischief("drop")
        motion = await async_press(hass, cloud, bad, "human")
        cloud.faults.clear()
        await async_pass_in_steps(hass, freezer, 17 * MINUTE, MINUTE)
        assert state_of(hass, entry, bad, "last_motion") == shown(motion)

    async def test_a_live_view_is_not_something_that_happened(self, freezer, hass, cloud, entry, door) -> None:
        """The history knows them as well, and may tell of one though nobody has asked for it."""
        unsigned(hass, entry)
        await async_set_up(hass, entry)
        await async_pass_in_steps(hass, freezer, 2 * MINUTE)
        start = int(dt_util.utcnow().timestamp() * 1000)
        row = {
            "type": "history-events",
            "id": "fake-live-view",
            "attributes": {"event_type": "on_demand", "start": start, "end": start + 1000},
        }
        asked = cloud.count("GET", HISTORY)
        cloud.faults.add(HISTORY, status=200, body=json.dumps({"data": [row]}), count=None)
        with announced(hass, entry, door) as rings:
            await async_pass_in_steps(hass, freezer, 2 * MINUTE)
        assert cloud.count("GET", HISTORY) > asked
        assert rings == []
        assert state_of(hass, entry, door, "last_ring") == state_of(hass, entry, door, "last_motion") == STATE_UNKNOWN

    async def test_a_refusal_for_another_reason_names_no_permission(self, freezer, hass, cloud, entry, door) -> None:
        await async_press(hass, cloud, door)
        freezer.tick(10)
        body = json.dumps({"errors": [{"title": "Not just now"}]})
        cloud.faults.add(HISTORY, status=403, body=body, count=None)
        await async_set_up(hass, entry)
        await async_pass_in_steps(hass, freezer, 2 * MINUTE)
        assert issues(hass) == set()
        assert state_of(hass, entry, door, "last_ring") == STATE_UNKNOWN
        cloud.faults.clear()
        await async_pass_in_steps(hass, freezer, MINUTE + 10 * SECOND)
        assert state_of(hass, entry, door, "last_ring") != STATE_UNKNOWN
        self.is_well(hass, entry)

    async def test_ring_is_left_alone_for_as_long_as_it_asks(self, freezer, hass, cloud, entry) -> None:
        cloud.faults.add(HISTORY, status=429, headers={"Retry-After": "600"}, count=None)
        await async_set_up(hass, entry)
        await async_pass_in_steps(hass, freezer, 55 * SECOND)
        asked = cloud.count("GET", HISTORY)
        assert asked
        await async_pass_in_steps(hass, freezer, timedelta(seconds=540))
        assert cloud.count("GET", HISTORY) == asked
        await async_pass_in_steps(hass, freezer, MINUTE + 10 * SECOND)
        assert cloud.count("GET", HISTORY) > asked
        self.is_well(hass, entry)

    @pytest.mark.parametrize("fault", [{"status": 503}, {"status": 404}, {"garbage": "html"}, {"cut": "before"}])
    async def test_after_an_outage_it_is_read_as_ever(self, freezer, hass, cloud, entry, door, fault) -> None:
        await async_press(hass, cloud, door)
        freezer.tick(10)
        cloud.faults.add(HISTORY, count=None, **fault)
        await async_set_up(hass, entry)
        await async_pass_in_steps(hass, freezer, 3 * MINUTE)
        assert state_of(hass, entry, door, "last_ring") == STATE_UNKNOWN
        self.is_well(hass, entry)
        assert issues(hass) == set()
        cloud.faults.clear()
        await async_pass_in_steps(hass, freezer, MINUTE + 10 * SECOND)
        assert state_of(hass, entry, door, "last_ring") != STATE_UNKNOWN

    async def test_a_restart_during_an_outage_catches_up_after_it(
        self, freezer, hass, cloud, app, entry, address, door
    ) -> None:
        await async_set_up_pushed(hass, cloud, app, entry, webhook_url(address))
        await async_press(hass, cloud, door, "human")
        await hass.config_entries.async_unload(entry.entry_id)
        cloud.deliveries.mischief("drop", count=None)
        await async_press(hass, cloud, door)
        freezer.tick(600)
        cloud.faults.add(HISTORY, status=503, count=None)
        await async_set_up(hass, entry)
        await async_pass_in_steps(hass, freezer, 3 * MINUTE)
        assert state_of(hass, entry, None, "delivery") == "pushed"
        cloud.faults.clear()
        await async_pass_in_steps(hass, freezer, 2 * MINUTE)
        assert state_of(hass, entry, door, "last_ring") != STATE_UNKNOWN

    async def test_a_history_that_we_fail_at_is_read_again(
        self, freezer, hass, cloud, entry, door, monkeypatch
    ) -> None:
        await async_press(hass, cloud, door)
        freezer.tick(10)
        await async_set_up(hass, entry)
        with monkeypatch.context() as patched:
            patched.setattr(history, "events_from_history", lambda *_: 1 / 0)
            await async_pass_in_steps(hass, freezer, 2 * MINUTE)
        assert state_of(hass, entry, door, "last_ring") == STATE_UNKNOWN
        await async_pass_in_steps(hass, freezer, MINUTE + 10 * SECOND)
        assert state_of(hass, entry, door, "last_ring") != STATE_UNKNOWN
        self.is_well(hass, entry)

    def is_well(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """The account goes on."""
        assert entry.state is ConfigEntryState.LOADED
        assert reauths(hass) == 0
        assert unavailable(hass) == set()
