"""What Ring pushes besides events at a door: states, devices, and what becomes of the link."""

import asyncio
from datetime import timedelta
import math

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.ring_partner.coordinator import CONFIRM_AFTER_SECONDS
from custom_components.ring_partner.repairs import AccountIssue, report
from homeassistant.config_entries import ConfigEntry, ConfigEntryDisabler, ConfigEntryState
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from ring_cloud import Account, App, RingCloud

from .conftest import make_entry
from .home import RING, Home, home, pushed
from .polls import async_pass_time, async_set_up, entity_ids, issues, reauths, registered, state_of, unavailable

__all__ = ["home", "pushed"]

DEVICES = "/v1/devices"
HISTORY = "/v1/history/devices/*/events"
SUBSCRIPTIONS = "/v1/accounts/me/subscriptions"
CONFIRM = timedelta(seconds=CONFIRM_AFTER_SECONDS + 1)

# Devices, and what they notice: the same name at Ring and here.
READINGS = [
    ("Back Door", "contact"),
    ("Back Door", "tamper"),
    ("Basement", "flood"),
    ("Basement", "freeze"),
    ("Kitchen Listener", "smoke"),
    ("Patio Window", "glass_break"),
]


class TestStates:
    @pytest.mark.parametrize(("name", "reading"), READINGS)
    async def test_a_sensor_shows_at_once_what_it_noticed_and_that_it_is_over(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account,
        name: str, reading: str,
    ) -> None:  # fmt: skip
        device, requests = account.device(name), cloud.count()
        for noticed, shown in ((True, STATE_ON), (False, STATE_OFF)):
            device.set(**{reading: noticed})
            await home.arrive()
            assert state_of(hass, pushed, device, reading) == shown
        assert cloud.count() == requests

    async def test_a_device_goes_offline_and_comes_back_at_once(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        back_door, requests = account.device("Back Door"), cloud.count()
        contact = entity_ids(hass, pushed, back_door)["contact"]
        for online, shown in ((False, STATE_OFF), (True, STATE_ON)):
            back_door.set(online=online)
            await home.arrive()
            assert state_of(hass, pushed, back_door, "connectivity") == shown
            assert (contact in unavailable(hass)) is not online
        assert cloud.count() == requests

    async def test_what_arrives_in_the_wrong_order_does_not_win(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        back_door = account.device("Back Door")
        cloud.deliveries.mischief("hold", count=None)
        for is_open in (True, False, True, False):
            back_door.set(contact=is_open)
            await home.arrive()
        assert await cloud.deliveries.release() == 4
        await home.arrive()
        assert state_of(hass, pushed, back_door, "contact") == STATE_OFF

    async def test_a_flood_long_past_is_not_shown_as_one_now(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        basement = account.device("Basement")
        cloud.deliveries.mischief("hold")
        cloud.happen(basement, "flood_detected")
        await home.arrive(after=3600)
        await cloud.deliveries.release()
        await home.arrive()
        requests = cloud.count("GET", DEVICES)
        assert state_of(hass, pushed, basement, "flood") == STATE_OFF
        await async_pass_time(hass, home.freezer, CONFIRM)
        assert cloud.count("GET", DEVICES) == requests + 1, "Ring was not asked how it is now"

    @pytest.mark.parametrize("seconds", [1, 14, 25])
    async def test_poll_sent_before_a_push_does_not_take_it_back(
        self,
        home: Home,
        pushed: ConfigEntry,
        hass: HomeAssistant,
        cloud: RingCloud,
        account: Account,
        seconds: int,
    ) -> None:
        back_door = account.device("Back Door")
        slow = cloud.faults.add(DEVICES, delay=math.inf)
        poll = asyncio.create_task(pushed.runtime_data.coordinator.async_refresh())
        await slow.reached()
        # Ring's own state is another.
        await home.happen(back_door, "contact_sensor_faulted")
        home.freezer.tick(seconds)
        slow.release()
        await poll
        assert state_of(hass, pushed, back_door, "contact") == STATE_ON
        await pushed.runtime_data.coordinator.async_refresh()
        assert state_of(hass, pushed, back_door, "contact") == STATE_OFF

    async def test_push_is_believed_until_a_poll_works(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        back_door = account.device("Back Door")
        await home.happen(back_door, "contact_sensor_faulted")
        cloud.faults.add(DEVICES, status=500, count=2)
        await async_pass_time(hass, home.freezer, CONFIRM)
        assert state_of(hass, pushed, back_door, "contact") == STATE_UNAVAILABLE
        await home.happen(back_door, "tamper_detected")
        assert state_of(hass, pushed, back_door, "contact") == STATE_ON

    async def test_many_at_once_are_confirmed_by_one_poll(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        requests = cloud.count("GET", DEVICES)
        for is_open in (True, False) * 10:
            account.device("Back Door").set(contact=is_open)
        await home.arrive()
        await async_pass_time(hass, home.freezer, CONFIRM)
        assert cloud.count("GET", DEVICES) == requests + 1

    async def test_a_word_that_nobody_knows_is_a_reason_to_ask(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        kitchen = account.device("Kitchen Listener")
        cloud.deliveries.mischief("drop")
        kitchen.set(smoke=True)
        await home.happen(kitchen, "leak_suspected")
        await hass.async_block_till_done(wait_background_tasks=True)
        assert state_of(hass, pushed, kitchen, "smoke") == STATE_ON

    async def test_carbon_monoxide_is_an_alarm_in_either_of_rings_words(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, account: Account
    ) -> None:
        kitchen = account.device("Kitchen Listener")
        for word, shown in (("co_exceeded", STATE_ON), ("co_cleared", STATE_OFF), ("co_detected", STATE_ON)):
            await home.happen(kitchen, word)
            assert state_of(hass, pushed, kitchen, "co") == shown

    async def test_an_alarm_shows_while_polls_fail(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        """And its confirmation, which fails, too, does not take it back; other devices stay unknown."""
        basement, back_door = account.device("Basement"), account.device("Back Door")
        cloud.faults.add(DEVICES, status=503, count=None)
        await pushed.runtime_data.coordinator.async_refresh()
        assert state_of(hass, pushed, basement, "flood") == STATE_UNAVAILABLE
        basement.set(flood=True)
        await home.arrive()
        await async_pass_time(hass, home.freezer, CONFIRM)
        assert state_of(hass, pushed, basement, "flood") == STATE_ON
        assert state_of(hass, pushed, back_door, "contact") == STATE_UNAVAILABLE
        basement.set(flood=False)
        await home.arrive()
        assert state_of(hass, pushed, basement, "flood") == STATE_OFF
        cloud.faults.clear()
        await async_pass_time(hass, home.freezer, timedelta(seconds=61))
        assert state_of(hass, pushed, back_door, "contact") == STATE_OFF


class TestDevices:
    async def test_a_device_that_was_added_appears_and_works(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        new = cloud.add_device(account, "doorbell", "Side Door")
        await home.arrive()
        await async_pass_time(hass, home.freezer, CONFIRM)
        assert registered(hass, pushed, new) is not None
        await home.happen(new, "button_press")
        assert home.fired(pushed, new) == [RING]

    async def test_a_device_nobody_told_of_appears_when_something_happens_there(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        # Until a webhook proves that they arrive, polls are frequent and would find it.
        await home.happen(account.device("Driveway"), "motion_detected")
        cloud.deliveries.mischief("drop")
        new = cloud.add_device(account, "doorbell", "Side Door")
        await home.happen(new, "button_press")
        await async_pass_time(hass, home.freezer, CONFIRM)
        assert registered(hass, pushed, new) is not None

    async def test_a_device_that_was_removed_is_gone_at_once(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        front_door = account.device("Front Door")
        await home.happen(front_door, "button_press")
        cloud.remove_device(front_door)
        await home.arrive()
        assert registered(hass, pushed, front_door) is None
        assert entity_ids(hass, pushed, front_door) == {}
        await async_pass_time(hass, home.freezer, timedelta(minutes=16))
        assert registered(hass, pushed, front_door) is None

    async def test_poll_sent_before_a_removal_does_not_bring_the_device_back(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        door = account.device("Front Door")
        slow = cloud.faults.add(DEVICES, delay=math.inf)
        poll = asyncio.create_task(pushed.runtime_data.coordinator.async_refresh())
        await slow.reached()
        await home.happen(door, "device_removed")
        home.freezer.tick(25)
        slow.release()
        await poll
        assert registered(hass, pushed, door) is None
        # Should Ring go on to list it, the list is right.
        await pushed.runtime_data.coordinator.async_refresh()
        assert registered(hass, pushed, door) is not None

    async def test_a_device_that_is_shared_again_at_once_is_back_at_once(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        door = account.device("Front Door")
        await home.happen(door, "device_removed")
        await home.happen(door, "device_added")
        await hass.async_block_till_done(wait_background_tasks=True)
        assert registered(hass, pushed, door) is not None

    async def test_a_new_device_is_found_from_an_envelope_that_names_no_account(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        cloud.switches.envelope = "1.0"
        new = cloud.add_device(account, "doorbell", "Side Door")
        await home.arrive()
        await hass.async_block_till_done(wait_background_tasks=True)
        assert registered(hass, pushed, new) is not None

    async def test_a_removal_long_past_removes_nothing_that_is_there(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        front_door = account.device("Front Door")
        cloud.deliveries.mischief("hold")
        cloud.happen(front_door, "device_removed")
        await home.arrive(after=3600)
        await cloud.deliveries.release()
        await hass.async_block_till_done()
        assert registered(hass, pushed, front_door) is not None
        assert state_of(hass, pushed, front_door, "connectivity") == STATE_ON

    async def test_device_removed_and_shared_again_rings_once(
        self, home: Home, hass: HomeAssistant, cloud: RingCloud, credentials: App
    ) -> None:
        """The history still has the ring, and is read from its beginning again."""
        account = cloud.add_account("Ann", "Lee", "ann@example.com", devices=["doorbell"])
        entry = make_entry(account, cloud.link_directly(account, credentials))
        entry.add_to_hass(hass)
        await async_set_up(hass, entry)
        door = account.devices[0]
        for _ in range(13):
            await async_pass_time(hass, home.freezer, timedelta(seconds=5))
        await home.happen(door, "button_press")
        last_ring = state_of(hass, entry, door, "last_ring")
        home.freezer.tick(5)
        cloud.unshare(account, credentials, [door.id])
        await home.arrive()
        assert registered(hass, entry, door) is None
        # Within a minute the reader sees that the camera is gone; one that is back before is read when it is due.
        for _ in range(12):
            await async_pass_time(hass, home.freezer, timedelta(seconds=5))
        cloud.share(account, credentials, [door.id])
        await home.arrive()
        asked = cloud.count("GET", HISTORY)
        for _ in range(14):
            await async_pass_time(hass, home.freezer, timedelta(seconds=5))
        assert cloud.count("GET", HISTORY) > asked
        assert home.fired(entry, door) == [RING]
        assert state_of(hass, entry, door, "last_ring") == last_ring

    async def test_late_removal_after_sharing_again_removes_nothing(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account, app: App
    ) -> None:
        """Also where the account was reloaded between the two."""
        door = account.device("Front Door")
        await home.happen(door, "motion_detected", sub_type="human")
        cloud.deliveries.mischief("hold", count=1)
        cloud.unshare(account, app, [door.id])
        await home.arrive()
        home.freezer.tick(5)
        cloud.share(account, app, [door.id])
        await home.arrive()
        await hass.config_entries.async_reload(pushed.entry_id)
        home.freezer.tick(25)
        await cloud.deliveries.release()
        await home.arrive()
        assert registered(hass, pushed, door) is not None
        assert state_of(hass, pushed, door, "last_motion") != STATE_UNKNOWN
        assert len(pushed.runtime_data.activity.labels.of(door.id)) == 1

    async def test_late_sharing_after_removal_brings_nothing_back(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account, app: App
    ) -> None:
        """Ring's webhooks are out of order."""
        door = account.device("Front Door")
        cloud.deliveries.mischief("hold", count=1)
        cloud.happen(door, "device_added")
        await home.arrive()
        cloud.unshare(account, app, [door.id])
        await home.arrive()
        await cloud.deliveries.release()
        await async_pass_time(hass, home.freezer, CONFIRM)
        assert registered(hass, pushed, door) is None


class TestLateWebhooks:
    """After an outage Ring repeats what it could not deliver; what was true then may not be true now."""

    @staticmethod
    async def tell(home: Home, account: Account, event_type: str, number: int, seconds_ago: float = 3600) -> None:
        timestamp = int((home.freezer.time_to_freeze.timestamp() - seconds_ago) * 1000) + number
        attributes = {"source": account.id, "source_type": "users", "timestamp": timestamp}
        assert await home.tell(account, type=event_type, id=f"{event_type}-{number}", attributes=attributes) == 200
        await home.hass.async_block_till_done(wait_background_tasks=True)

    @pytest.mark.parametrize(
        ("event_type", "refreshes"), [("contact_sensor_faulted", 0), ("subscription_deactivated", 1)]
    )
    async def test_many_late_webhooks_cost_one_poll_and_one_refresh(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account,
        event_type: str, refreshes: int,
    ) -> None:  # fmt: skip
        before = cloud.count("GET", DEVICES), cloud.count("PATCH"), cloud.count("GET", SUBSCRIPTIONS)
        for number in range(30):
            await self.tell(home, account, event_type, number)
        await async_pass_time(hass, home.freezer, CONFIRM)
        after = cloud.count("GET", DEVICES), cloud.count("PATCH"), cloud.count("GET", SUBSCRIPTIONS)
        assert [now - then for now, then in zip(after, before, strict=True)] == [1, refreshes, refreshes]

    async def test_clock_ahead_does_not_complete_the_link_each_time_that_ring_confirms_it(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        completed = cloud.count("PATCH")
        for number in range(5):
            await self.tell(home, account, "app_integration_added", number, seconds_ago=180)
            await async_pass_time(hass, home.freezer, CONFIRM)
        assert cloud.count("PATCH") == completed


class TestTheLink:
    async def test_who_removes_the_app_is_asked_to_link_again_and_ring_hears_no_more(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, app: App, account: Account
    ) -> None:
        await cloud.disable_app(account, app)
        requests = cloud.count()
        await home.arrive()
        assert (reauths(hass), issues(hass)) == (1, set())
        assert entity_ids(hass, pushed, account.device("Back Door"))["contact"] in unavailable(hass)
        for _ in range(24):
            await async_pass_time(hass, home.freezer, timedelta(hours=1))
        assert cloud.count() == requests
        assert reauths(hass) == 1
        assert not [token for token in cloud.grants.secrets() if token in str(pushed.data)]

        await hass.config_entries.async_reload(pushed.entry_id)
        assert pushed.state is ConfigEntryState.SETUP_ERROR
        assert cloud.count() == requests

    async def test_a_removal_from_before_the_link_was_made_anew_ends_nothing(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        await self.tell_of_removal(home, account, seconds_ago=3600)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert (reauths(hass), issues(hass)) == (0, set())
        await async_pass_time(hass, home.freezer, CONFIRM)
        account.device("Back Door").set(contact=True)
        await home.arrive()
        assert state_of(hass, pushed, account.device("Back Door"), "contact") == STATE_ON

    async def test_a_removal_that_comes_right_after_the_new_link_ends_nothing(
        self, home: Home, entry: MockConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        """The user removed the app, enabled it again, and Ring delivers the first of it late."""
        hass.config_entries.async_update_entry(entry, data=entry.data | {"linked_at": cloud.clock.time() - 20})
        await async_set_up(hass, entry)
        await self.tell_of_removal(home, account, seconds_ago=40)
        await async_pass_time(hass, home.freezer, CONFIRM)
        assert (reauths(hass), issues(hass)) == (0, set())
        await self.tell_of_removal(home, account)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert (reauths(hass), issues(hass)) == (1, set())

    async def test_a_removal_that_arrives_late_is_found_to_be_true(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, app: App, account: Account
    ) -> None:
        cloud.deliveries.mischief("hold")
        await cloud.disable_app(account, app)
        await home.arrive(after=600)
        assert reauths(hass) == 0
        await cloud.deliveries.release()
        await hass.async_block_till_done(wait_background_tasks=True)
        assert reauths(hass) == 1

    async def test_the_removal_of_another_account_is_none_of_our_business(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud
    ) -> None:
        stranger = cloud.add_account("John", "Doe", "john.doe@example.com", devices=0)
        assert await self.tell_of_removal(home, stranger) == 200
        assert (reauths(hass), issues(hass)) == (0, set())

    @staticmethod
    async def tell_of_removal(home: Home, account: Account, seconds_ago: float = 0) -> int:
        timestamp = int((home.cloud.clock.time() - seconds_ago) * 1000)
        attributes = {"source": account.id, "source_type": "users", "timestamp": timestamp}
        return await home.tell(account, type="app_integration_removed", attributes=attributes)

    async def test_that_the_link_is_complete_is_no_reason_to_complete_it_again(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        """Were it told of each time, that would never end."""
        requests = cloud.count("PATCH")
        timestamp = int(cloud.clock.time() * 1000)
        attributes = {"source": account.id, "source_type": "users", "timestamp": timestamp}
        assert await home.tell(account, type="app_integration_added", attributes=attributes) == 200
        await async_pass_time(hass, home.freezer, CONFIRM)
        assert cloud.count("PATCH") == requests

    async def test_a_plan_that_ends_or_begins_shows_at_once(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        assert "subscription_missing" not in issues(hass)
        cloud.unsubscribe(account, account.subscriptions[0])
        await home.arrive()
        await hass.async_block_till_done(wait_background_tasks=True)
        assert "subscription_missing" in issues(hass)
        cloud.subscribe(account, "trial")
        await home.arrive()
        await hass.async_block_till_done(wait_background_tasks=True)
        assert "subscription_missing" not in issues(hass)

    async def test_an_account_without_a_signing_key_lives_without_webhooks(
        self, home: Home, entry: MockConfigEntry, hass: HomeAssistant, account: Account
    ) -> None:
        hass.config_entries.async_update_entry(
            entry, data={key: value for key, value in entry.data.items() if key != "signing_key"}
        )
        await async_set_up(hass, entry)
        home.freezer.tick(3)
        await home.happen(account.device("Front Door"), "button_press")
        assert home.fired(entry, account.device("Front Door")) == []
        assert state_of(hass, entry, None, "delivery") == "polled"

    @pytest.mark.parametrize(
        ("url", "issue"),
        [(None, "no_public_url"), ("http://192.0.2.1:8123", "url_changed")],
    )
    async def test_an_address_that_is_no_longer_the_one_shown_is_told_of_until_it_is_again(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, url: str | None, issue: str
    ) -> None:
        hass.config_entries.async_update_entry(pushed, data=pushed.data | {"webhook_url": home.url})
        base = hass.config.external_url
        for external_url, shown in ((url, {issue}), (base, set())):
            hass.config.api = None
            await hass.config.async_update(external_url=external_url, internal_url=external_url)
            await hass.async_block_till_done(wait_background_tasks=True)
            assert issues(hass) == shown
            assert (state_of(hass, pushed, None, "delivery") == "polled") == (external_url is None)

    async def test_a_repair_that_the_user_ignores_stays_ignored(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant
    ) -> None:
        hass.config_entries.async_update_entry(pushed, data=pushed.data | {"webhook_url": "https://old.example.com/x"})
        await hass.config_entries.async_reload(pushed.entry_id)
        issue_id = f"url_changed_{pushed.entry_id}"
        ir.async_ignore_issue(hass, "ring_partner", issue_id, ignore=True)
        await hass.config.async_update(location_name="Elsewhere")
        await hass.async_block_till_done(wait_background_tasks=True)
        issue = ir.async_get(hass).async_get_issue("ring_partner", issue_id)
        assert issue is not None
        assert issue.dismissed_version is not None

    async def test_a_repair_names_the_address_that_counts_now_and_goes_when_the_account_is_disabled(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant
    ) -> None:
        report(hass, pushed, AccountIssue.WEBHOOKS_MISSING, "https://old.example.com/x")
        await hass.config_entries.async_reload(pushed.entry_id)
        issue = ir.async_get(hass).async_get_issue("ring_partner", f"webhooks_missing_{pushed.entry_id}")
        assert issue is not None
        assert issue.translation_placeholders is not None
        assert issue.translation_placeholders["url"] == home.url
        await hass.config_entries.async_set_disabled_by(pushed.entry_id, ConfigEntryDisabler.USER)
        assert issues(hass) == set()

    async def test_the_first_webhook_proves_that_they_arrive(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, account: Account
    ) -> None:
        assert state_of(hass, pushed, None, "delivery") == "waiting"
        await home.happen(account.device("Front Door"), "button_press")
        assert state_of(hass, pushed, None, "delivery") == "pushed"
