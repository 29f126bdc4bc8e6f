"""What Home Assistant shows where Ring was seen to behave in more than one way."""

import pytest

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.core import HomeAssistant
from ring_cloud import Account, RingCloud
from ring_cloud.model import Device

from .home import Home, home, pushed
from .polls import async_pass_time, async_set_up, entities_of, entity_ids, issues, state_of

__all__ = ["home", "pushed"]


def domains(hass: HomeAssistant, entry: ConfigEntry, device: Device) -> set[str]:
    """Return of which platforms a device has entities."""
    return {entity_id.partition(".")[0] for entity_id in entities_of(hass, entry, device)}


@pytest.mark.parametrize("absent", ["blocks", "all_blocks", "null", "missing"])
async def test_chime_and_sensor_are_no_cameras_however_ring_writes_absent_capabilities(
    hass: HomeAssistant, entry: ConfigEntry, cloud: RingCloud, account: Account, absent: str
) -> None:
    cloud.switches.absent_capabilities = absent
    await async_set_up(hass, entry)
    for name in ("Hallway Chime", "Basement", "Living Room", "Boiler Room", "Kitchen Listener"):
        found = domains(hass, entry, account.device(name))
        assert found
        assert found.isdisjoint({"camera", "image", "event"}), name
    assert "camera" in domains(hass, entry, account.device("Front Door"))


async def test_chime_with_empty_slots_has_no_button(
    hass: HomeAssistant, entry: ConfigEntry, cloud: RingCloud, account: Account
) -> None:
    cloud.switches.chime_slots = "empty"
    await async_set_up(hass, entry)
    assert "button" not in domains(hass, entry, account.device("Hallway Chime"))


async def test_private_app_without_subscriptions_has_no_repair_and_no_warning(
    hass: HomeAssistant, entry: ConfigEntry, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    account.subscriptions.clear()
    await async_set_up(hass, entry)
    assert state_of(hass, entry, None, "subscription") == "none"
    assert issues(hass) == set()
    assert [record for record in caplog.records if "ring_partner" in record.name and record.levelname != "DEBUG"] == []


@pytest.mark.parametrize("sub_type", ["package", "package_delivery"])
async def test_package_delivery_is_a_package(home: Home, pushed: ConfigEntry, account: Account, sub_type: str) -> None:
    driveway = account.device("Driveway")
    await home.happen(driveway, "motion_detected", sub_type=sub_type)
    assert home.fired(pushed, driveway) == [("motion", "package")]


async def test_listed_device_with_end_to_end_encryption_stays_and_tells_what_happens(
    home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
) -> None:
    cloud.switches.e2ee_devices = "listed"
    door = account.device("Front Door")
    door.set(e2ee=True)
    await async_pass_time(hass, home.freezer)
    assert state_of(hass, pushed, door, "e2e_encryption") == STATE_ON
    await home.happen(door, "button_press")
    assert home.fired(pushed, door) == [("doorbell", "ring")]


@pytest.mark.parametrize("style", ["recorded", "cut", "uuid"])
async def test_sensor_events_arrive_whatever_their_request_ids_are(
    home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account, style: str
) -> None:
    cloud.switches.request_ids = style
    door = account.device("Back Door")
    for is_open, shown in ((True, STATE_ON), (False, STATE_OFF), (True, STATE_ON)):
        door.set(contact=is_open)
        await home.arrive()
        assert state_of(hass, pushed, door, "contact") == shown


@pytest.mark.parametrize("style", ["number", "block"])
async def test_reading_of_a_threshold_shows_ahead_of_the_next_poll(
    home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account, style: str
) -> None:
    cloud.switches.threshold_reading = style
    measured = (
        ("Nursery", "temperature", -3.5),
        ("Nursery", "humidity", 80),
        ("Living Room", "pm25", 99),
        ("Living Room", "co_concentration", 40),
    )
    # Polls tell nothing now.
    cloud.faults.add("/v1/devices", status=503, count=None)
    await pushed.runtime_data.coordinator.async_refresh()
    for name, key, value in measured:
        account.device(name).set(**{key: value})
    await home.arrive()
    shown = [float(state_of(hass, pushed, account.device(name), key)) for name, key, _ in measured]
    assert shown == [value for _, _, value in measured]


async def test_threshold_without_a_reading_changes_no_reading(
    home: Home, pushed: ConfigEntry, hass: HomeAssistant, account: Account
) -> None:
    nursery = account.device("Nursery")
    await home.happen(nursery, "temperature_exceeded")
    assert state_of(hass, pushed, nursery, "temperature") == "21.5"


async def test_co_exceeded_shows_without_a_co_block_and_stays_until_it_is_cleared(
    home: Home, pushed: ConfigEntry, hass: HomeAssistant, account: Account
) -> None:
    nursery = account.device("Nursery")
    assert "co" not in entity_ids(hass, pushed, nursery)
    await home.happen(nursery, "co_exceeded")
    assert state_of(hass, pushed, nursery, "co") == STATE_ON
    for _ in range(3):
        await async_pass_time(hass, home.freezer)
    assert state_of(hass, pushed, nursery, "co") == STATE_ON
    await home.happen(nursery, "co_cleared")
    assert state_of(hass, pushed, nursery, "co") == STATE_OFF


async def test_unconfirmed_alarm_without_a_block_causes_no_extra_polls(
    home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account
) -> None:
    await home.happen(account.device("Nursery"), "co_exceeded")
    await async_pass_time(hass, home.freezer)
    polls = cloud.count("GET", "/v1/devices")
    for _ in range(3):
        await async_pass_time(hass, home.freezer)
    assert cloud.count("GET", "/v1/devices") <= polls + 3


@pytest.mark.parametrize("order", ["before", "after"])
async def test_device_added_is_taken_in_either_order(
    home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account, order: str
) -> None:
    """Home Assistant completes the link at each start; Ring then tells of the devices before or after it."""
    garage = account.device("Garage")
    cloud.unshare(account, cloud.apps["fake-client-id"], [garage.id])
    await home.arrive()
    cloud.deliveries.mischief("hold", count=2)
    cloud.share(account, cloud.apps["fake-client-id"], [garage.id])
    cloud.happen(account.device("Driveway"), "device_online")
    await cloud.deliveries.release(reverse=order == "after")
    await home.arrive()
    await async_pass_time(hass, home.freezer)
    assert state_of(hass, pushed, garage, "connectivity") == STATE_ON


async def test_account_elsewhere_is_set_up_like_any_other(
    hass: HomeAssistant, entry: ConfigEntry, account: Account
) -> None:
    for device in account.devices:
        device.location = type(device.location)(id="ava1.ring.location.FAKE", country="DE", state=None)
    await async_set_up(hass, entry)
    assert entry.state.recoverable
    assert state_of(hass, entry, account.device("Front Door"), "connectivity") == STATE_ON


@pytest.mark.parametrize("early_ms", [0, 1, 14_000, 16_000, 30_000])
async def test_press_fires_once_however_early_its_history_row_begins(
    home: Home, pushed: ConfigEntry, hass: HomeAssistant, cloud: RingCloud, account: Account, early_ms: int
) -> None:
    cloud.switches.history_early_ms = early_ms
    await async_pass_time(hass, home.freezer)
    door = account.device("Front Door")
    await home.happen(door, "button_press")
    for _ in range(4):
        await async_pass_time(hass, home.freezer)
    assert home.fired(pushed, door) == [("doorbell", "ring")]
