"""Event entities: what fires, when, and how often."""

import asyncio
from itertools import product
import math

import pytest

from custom_components.ring_partner.binary_sensor import HeldBinarySensor
from custom_components.ring_partner.const import DOMAIN
from custom_components.ring_partner.event import MOTION, RingEventEntity
from homeassistant.components.event import DoorbellEventType, EventDeviceClass
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import dt as dt_util
from ring_cloud import Account, RingCloud
from ring_cloud.model import Device

from .home import RING, Home, home, pushed
from .polls import entity_ids, state_of

__all__ = ["home", "pushed"]

STARTED = f"{DOMAIN}_started"
# The frontend has no need of names for these.
NOT_SHOWN = {"access_token", "device_class", "entity_picture", "event_types", "friendly_name"}


async def async_restart(home: Home, entry: ConfigEntry) -> None:
    """Let another Home Assistant start: it has what the one before has written, and nothing else."""
    home.hass.data.pop(STARTED)
    await home.hass.config_entries.async_reload(entry.entry_id)
    await home.hass.async_block_till_done()


class TestWhatFires:
    async def test_a_press_of_the_bell_rings_with_all_that_an_automation_needs(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, account: Account
    ) -> None:
        front_door = account.device("Front Door")
        delivery = await home.happen(front_door, "button_press")
        state = home.event(pushed, front_door, "doorbell")
        at = dt_util.utc_from_timestamp(delivery.event.timestamp_ms / 1000)
        assert state.state == dt_util.utcnow().isoformat(timespec="milliseconds")
        assert state.attributes | {"friendly_name": "", "device_class": ""} == {
            "event_types": ["ring"],
            "event_type": "ring",
            "event_time": at.isoformat(),
            "sub_type": None,
            "component_ids": [],
            "event_id": f"{front_door.id}_ding_{delivery.event.timestamp_ms}",
            "device_class": "",
            "friendly_name": "",
        }
        assert state.attributes["device_class"] == "doorbell"
        assert state_of(hass, pushed, front_door, "last_ring") == at.replace(microsecond=0).isoformat()

    async def test_doorbell_entity_has_home_assistants_standard_ring_type(
        self, home: Home, pushed: ConfigEntry, account: Account
    ) -> None:
        state = home.event(pushed, account.device("Front Door"), "doorbell")
        assert state.attributes["device_class"] == EventDeviceClass.DOORBELL
        assert DoorbellEventType.RING in state.attributes["event_types"]

    @pytest.mark.parametrize("place", ["data", "attributes", "both"])
    async def test_a_motion_says_what_moved_wherever_ring_puts_it(
        self, home: Home, pushed: ConfigEntry, cloud: RingCloud, account: Account, place: str
    ) -> None:
        cloud.switches.sub_type_place = place
        await home.happen(account.device("Driveway"), "motion_detected", sub_type="vehicle")
        assert home.fired(pushed, account.device("Driveway")) == [("motion", "vehicle")]

    async def test_a_motion_of_nothing_in_particular_is_a_motion(
        self, home: Home, pushed: ConfigEntry, cloud: RingCloud, account: Account
    ) -> None:
        cloud.switches.sub_type_place = "none"
        await home.happen(account.device("Driveway"), "motion_detected", sub_type="vehicle")
        assert home.fired(pushed, account.device("Driveway")) == [("motion", "motion")]

    async def test_ring_may_see_what_nobody_has_heard_of(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, account: Account
    ) -> None:
        driveway = account.device("Driveway")
        for _ in range(2):
            await home.happen(driveway, "motion_detected", sub_type="dragon")
        state = home.event(pushed, driveway, "motion")
        assert home.fired(pushed, driveway) == [("motion", "dragon")] * 2
        assert state.attributes["event_types"].count("dragon") == 1
        await home.happen(account.device("Front Door"), "motion_detected", sub_type="human")
        other = home.event(pushed, account.device("Front Door"), "motion")
        assert "dragon" not in other.attributes["event_types"]

    async def test_a_camera_with_several_lenses_says_which_saw_it(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, account: Account
    ) -> None:
        await home.happen(account.device("Garage"), "motion_detected", sub_type="human", component_ids=("1", "2"))
        state = home.event(pushed, account.device("Garage"), "motion")
        assert state.attributes["component_ids"] == ["1", "2"]

    async def test_the_older_envelope_without_an_account_will_do(
        self, home: Home, pushed: ConfigEntry, cloud: RingCloud, account: Account
    ) -> None:
        cloud.switches.envelope = "1.0"
        await home.happen(account.device("Front Door"), "button_press")
        assert home.fired(pushed, account.device("Front Door")) == [RING]

    async def test_what_happens_while_polls_fail_fires_all_the_same(
        self, home: Home, pushed: ConfigEntry, cloud: RingCloud, account: Account
    ) -> None:
        cloud.faults.add("/v1/devices*", status=503, count=None)
        await pushed.runtime_data.coordinator.async_refresh()
        await home.happen(account.device("Front Door"), "button_press")
        assert home.fired(pushed, account.device("Front Door")) == [RING]

    @pytest.mark.parametrize("language", ["en", "de"])
    async def test_all_that_it_says_has_a_name(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, account: Account, language: str
    ) -> None:
        front_door = account.device("Front Door")
        await home.happen(front_door, "button_press")
        await home.happen(front_door, "motion_detected", sub_type="human")
        # Until its picture has come.
        await hass.async_block_till_done(wait_background_tasks=True)
        texts = {
            category: await async_get_translations(hass, language, category, {DOMAIN, "event", "image"})
            for category in ("entity", "entity_component")
        }
        found = set()
        for state in hass.states.async_all(["event", "image"]):
            entity = er.async_get(hass).async_get(state.entity_id)
            assert entity is not None
            for name in state.attributes.keys() - NOT_SHOWN:
                ours = f"component.{DOMAIN}.entity.{entity.domain}.{entity.translation_key}.state_attributes.{name}"
                theirs = f"component.{entity.domain}.entity_component._.state_attributes.{name}"
                assert texts["entity"].get(f"{ours}.name") or texts["entity_component"].get(f"{theirs}.name"), ours
                found.add((entity.translation_key, name))
        of_events = {"component_ids", "event_id", "event_time", "event_type", "sub_type"}
        of_images = {"encrypted", "event_time", "event_type", "sub_type"}
        assert found == {
            *product(("doorbell", "motion"), of_events),
            *product(("last_event",), of_images),
        }
        for key in ("event.doorbell", "event.motion", "image.last_event"):
            states = f"component.{DOMAIN}.entity.{key}.state_attributes.sub_type.state"
            assert all(texts["entity"][f"{states}.{sub_type}"] for sub_type in MOTION.event_types)


class TestOnce:
    """Ring delivers at least once and in any order."""

    async def test_a_ring_followed_by_motion_rings_once(
        self, home: Home, pushed: ConfigEntry, cloud: RingCloud, account: Account
    ) -> None:
        front_door = account.device("Front Door")
        cloud.happen(front_door, "button_press")
        cloud.happen(front_door, "motion_detected", sub_type="human")
        await home.arrive()
        assert sorted(home.fired(pushed, front_door)) == [RING, ("motion", "human")]

    async def test_who_presses_twice_is_announced_twice(
        self, home: Home, pushed: ConfigEntry, account: Account
    ) -> None:
        for _ in range(2):
            await home.happen(account.device("Front Door"), "button_press")
        assert home.fired(pushed, account.device("Front Door")) == [RING] * 2

    async def test_duplicates_are_counted_and_do_nothing(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        cloud.deliveries.mischief("duplicate", copies=3)
        await home.happen(account.device("Front Door"), "button_press")
        assert [delivery.status for delivery in cloud.deliveries] == [200] * 3
        assert home.fired(pushed, account.device("Front Door")) == [RING]
        assert pushed.runtime_data.coordinator.data.account.delivery.duplicates == 2

    async def test_what_is_delivered_again_later_does_nothing(
        self, home: Home, pushed: ConfigEntry, account: Account
    ) -> None:
        delivery = await home.happen(account.device("Front Door"), "button_press")
        assert await home.deliver_again(delivery) == 200
        assert home.fired(pushed, account.device("Front Door")) == [RING]

    async def test_the_same_event_under_another_request_id_does_nothing(
        self, home: Home, pushed: ConfigEntry, account: Account
    ) -> None:
        delivery = await home.happen(account.device("Front Door"), "button_press")
        home.freezer.tick(1)
        assert await home.post(delivery.body.replace(delivery.request_id.encode(), b"another-id")) == 200
        assert home.fired(pushed, account.device("Front Door")) == [RING]

    async def test_events_in_the_wrong_order_all_fire_and_the_last_stays_the_last(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        front_door = account.device("Front Door")
        cloud.deliveries.mischief("hold", count=None)
        for _ in range(3):
            last = await home.happen(front_door, "button_press")
            home.freezer.tick(1)
        assert await cloud.deliveries.release() == 3
        await home.arrive()
        assert home.fired(pushed, front_door) == [RING] * 3
        at = dt_util.utc_from_timestamp(last.event.timestamp_ms // 1000)
        assert state_of(hass, pushed, front_door, "last_ring") == at.isoformat()

    async def test_a_reload_forgets_nothing(self, home: Home, pushed: ConfigEntry, account: Account) -> None:
        delivery = await home.happen(account.device("Front Door"), "button_press")
        await home.hass.config_entries.async_reload(pushed.entry_id)
        assert await home.deliver_again(delivery) == 200
        assert home.fired(pushed, account.device("Front Door")) == [RING]
        home.freezer.tick(1)
        await home.happen(account.device("Front Door"), "button_press")
        assert home.fired(pushed, account.device("Front Door")) == [RING] * 2

    async def test_a_bell_pressed_while_entities_are_gone_rings_when_they_are_back(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        front_door, session = account.device("Front Door"), pushed.runtime_data.session
        slow = cloud.faults.add("/oauth/token", delay=math.inf)
        refresh = asyncio.create_task(session.async_renew(await session.async_get_access_token()))
        await slow.reached()
        reload = hass.async_create_task(hass.config_entries.async_reload(pushed.entry_id))
        while home.event(pushed, front_door, "doorbell").state != STATE_UNAVAILABLE:
            await asyncio.sleep(0)

        cloud.happen(front_door, "button_press")
        await cloud.deliveries.settle()
        assert cloud.deliveries[-1].status == 503
        slow.release()
        await asyncio.gather(refresh, reload)
        await home.arrive(after=1)

        assert cloud.deliveries[-1].status == 200
        assert home.fired(pushed, front_door) == [RING]

    async def test_a_restart_forgets_nothing(self, home: Home, pushed: ConfigEntry, account: Account) -> None:
        delivery = await home.happen(account.device("Front Door"), "button_press")
        await async_restart(home, pushed)
        assert await home.deliver_again(delivery) == 200
        assert home.fired(pushed, account.device("Front Door")) == [RING]
        home.freezer.tick(1)
        await home.happen(account.device("Front Door"), "button_press")
        assert home.fired(pushed, account.device("Front Door")) == [RING] * 2


class TestWhatGoesWrong:
    """Our own failures are made good by Ring, which repeats what was not taken."""

    async def test_a_ring_that_could_not_be_announced_rings_when_ring_repeats_it(
        self, home: Home, pushed: ConfigEntry, cloud: RingCloud, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        front_door = account.device("Front Door")
        with monkeypatch.context() as patched:
            patched.setattr(RingEventEntity, "_trigger_event", lambda *_: 1 / 0)
            delivery = await home.happen(front_door, "button_press")
        assert (delivery.status, home.fired(pushed, front_door)) == (503, [])
        await home.arrive(after=1)
        assert delivery.status == 200
        assert home.fired(pushed, front_door) == [RING]
        at = dt_util.utc_from_timestamp(delivery.event.timestamp_ms // 1000)
        assert state_of(home.hass, pushed, front_door, "last_ring") == at.isoformat()

    async def test_who_was_told_is_not_told_again_when_another_fails(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        front_door = account.device("Front Door")
        with monkeypatch.context() as patched:
            patched.setattr(HeldBinarySensor, "_on_event", lambda *_: 1 / 0)
            # Nothing of it is in the entities that are there already.
            await hass.config_entries.async_reload(pushed.entry_id)
            home.freezer.tick(3)
            delivery = await home.happen(front_door, "button_press")
        assert (delivery.status, home.fired(pushed, front_door)) == (503, [RING])
        await home.arrive(after=1)
        assert delivery.status == 503
        assert home.fired(pushed, front_door) == [RING]

    async def test_it_is_too_late_when_that_takes_too_long(
        self, home: Home, pushed: ConfigEntry, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        front_door = account.device("Front Door")
        with monkeypatch.context() as patched:
            patched.setattr(RingEventEntity, "_trigger_event", lambda *_: 1 / 0)
            delivery = await home.happen(front_door, "button_press")
        home.freezer.tick(121)
        assert await home.deliver_again(delivery) == 200
        assert home.fired(pushed, front_door) == []


class TestADeviceThatIsNotListedYet:
    """Ring pushes what happens at a device before its list names it to us."""

    @pytest.fixture(params=["doorbell", "plain_camera"])
    async def new(self, request: pytest.FixtureRequest, home: Home, pushed: ConfigEntry, account: Account) -> Device:
        """A device that was added while Ring could not be asked; nobody was told."""
        home.cloud.deliveries.mischief("drop", types="device_added")
        home.cloud.faults.add("/v1/devices", status=503, count=None)
        return home.cloud.add_device(account, request.param, "Side Door")

    async def appear(self, home: Home, after: float) -> None:
        """Let the list be read again."""
        home.freezer.tick(after)
        home.cloud.faults.clear()
        await home.hass.config_entries.async_entries("ring_partner")[0].runtime_data.coordinator.async_refresh()
        await home.hass.async_block_till_done(wait_background_tasks=True)

    async def test_its_ring_waits_for_it(self, home: Home, pushed: ConfigEntry, new: Device) -> None:
        assert (await home.happen(new, "button_press")).status == 200
        await self.appear(home, after=15)
        assert home.fired(pushed, new) == [RING]
        home.freezer.tick(1)
        await home.happen(new, "button_press")
        assert home.fired(pushed, new) == [RING] * 2

    @pytest.mark.parametrize("new", ["doorbell"], indirect=True)
    async def test_so_does_what_moves_there(self, home: Home, pushed: ConfigEntry, new: Device) -> None:
        await home.happen(new, "button_press")
        await home.happen(new, "motion_detected", sub_type="human")
        await self.appear(home, after=15)
        assert sorted(home.fired(pushed, new)) == [RING, ("motion", "human")]

    async def test_but_not_for_ever(self, home: Home, pushed: ConfigEntry, new: Device) -> None:
        await home.happen(new, "button_press")
        await self.appear(home, after=121)
        assert home.fired(pushed, new) == []
        assert state_of(home.hass, pushed, new, "last_ring") != "unknown"


class TestTooLate:
    """News of the past is news, but nobody is at the door any more."""

    @pytest.mark.parametrize(("minutes", "fires"), [(1.9, 1), (2.1, 0), (72 * 60, 0)])
    async def test_an_event_fires_for_two_minutes_and_is_remembered_later_too(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account,
        minutes: float, fires: int,
    ) -> None:  # fmt: skip
        front_door = account.device("Front Door")
        cloud.deliveries.mischief("hold")
        late = await home.happen(front_door, "button_press")
        home.freezer.tick(minutes * 60)
        await cloud.deliveries.release()
        await home.arrive()
        assert late.status == 200
        assert home.fired(pushed, front_door) == [RING] * fires
        at = dt_util.utc_from_timestamp(late.event.timestamp_ms // 1000)
        assert state_of(hass, pushed, front_door, "last_ring") == at.isoformat()

    async def test_what_happened_before_this_start_does_not_fire(
        self, home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
    ) -> None:
        front_door = account.device("Front Door")
        cloud.deliveries.mischief("hold")
        late = await home.happen(front_door, "button_press")
        await async_restart(home, pushed)
        await cloud.deliveries.release()
        await home.arrive()
        assert (late.status, home.fired(pushed, front_door)) == (200, [])
        at = dt_util.utc_from_timestamp(late.event.timestamp_ms // 1000)
        assert state_of(hass, pushed, front_door, "last_ring") == at.isoformat()


class TestACameraThatTurnsOutToBeADoorbell:
    @pytest.fixture
    def unidentified(self, cloud: RingCloud, account: Account) -> str:
        """The name of a camera that Ring shows no picture of."""
        return next(device.name for device in account.devices if device.family.key == "plain_camera")

    async def test_its_first_ring_makes_it_one_and_is_announced_once(
        self, home: Home, pushed: ConfigEntry, account: Account, unidentified: str
    ) -> None:
        camera, runtime_data = account.device(unidentified), pushed.runtime_data
        assert "doorbell" not in entity_ids(home.hass, pushed, camera)
        delivery = await home.happen(camera, "button_press")
        assert home.fired(pushed, camera) == [RING]
        assert await home.deliver_again(delivery) == 200
        assert home.fired(pushed, camera) == [RING]
        assert pushed.runtime_data is runtime_data, "it was reloaded"

    async def test_it_stays_one_after_a_reload_and_rings_again(
        self, home: Home, pushed: ConfigEntry, account: Account, unidentified: str
    ) -> None:
        camera = account.device(unidentified)
        await home.happen(camera, "button_press")
        await home.hass.config_entries.async_reload(pushed.entry_id)
        assert home.fired(pushed, camera) == [RING]
        home.freezer.tick(1)
        await home.happen(camera, "button_press")
        assert home.fired(pushed, camera) == [RING] * 2

    async def test_a_ring_long_past_makes_it_one_and_is_not_announced(
        self, home: Home, pushed: ConfigEntry, cloud: RingCloud, account: Account, unidentified: str
    ) -> None:
        camera = account.device(unidentified)
        cloud.deliveries.mischief("hold")
        await home.happen(camera, "button_press")
        home.freezer.tick(600)
        await cloud.deliveries.release()
        await home.arrive()
        assert "doorbell" in entity_ids(home.hass, pushed, camera)
        assert home.fired(pushed, camera) == []
        # Its picture is on its way.
        await home.hass.async_block_till_done(wait_background_tasks=True)
