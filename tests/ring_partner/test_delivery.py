"""Whether webhooks arrive is proved, not assumed; the rhythm of polling follows, and the user hears what is wrong."""

from datetime import timedelta

import pytest

from custom_components.ring_partner.const import DOMAIN
from homeassistant.config_entries import ConfigEntry
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.translation import async_get_translations

from .conftest import make_entry
from .polls import async_pass_time, async_set_up, issues, state_of
from .pushes import (
    HISTORY,
    HOUR,
    MINUTE,
    SECOND,
    announced,
    async_arrive,
    async_pass_in_steps,
    async_press,
    async_set_up_pushed,
    webhook_url,
)

DEVICES = "/v1/devices"


@pytest.fixture(autouse=True)
def _frozen(freezer) -> None:
    """Let time pass only when a test says so."""


@pytest.fixture
async def pushed(freezer, hass, cloud, app, entry, address) -> ConfigEntry:
    """Jane's account, to which Ring has pushed already."""
    await async_set_up_pushed(hass, cloud, app, entry, webhook_url(address))
    await async_pass_in_steps(hass, freezer, 2 * MINUTE)
    await async_press(hass, cloud, cloud.accounts[entry.unique_id].device("Driveway"), "human")
    assert state_of(hass, entry, None, "delivery") == "pushed"
    freezer.tick(60)
    return entry


@pytest.fixture
def door(account):
    return account.device("Front Door")


async def test_the_first_push_slows_polling_down(freezer, hass, cloud, app, entry, address, door) -> None:
    await async_set_up_pushed(hass, cloud, app, entry, webhook_url(address))
    freezer.tick(1)
    assert state_of(hass, entry, None, "delivery") == "waiting"
    await async_press(hass, cloud, door)
    assert state_of(hass, entry, None, "delivery") == "pushed"
    await async_pass_in_steps(hass, freezer, 3 * MINUTE)
    polled, read = cloud.count("GET", DEVICES), cloud.count("GET", HISTORY)
    cameras = len({request.path for request in cloud.requests if "/history/" in request.path})
    await async_pass_in_steps(hass, freezer, HOUR, MINUTE)
    assert cloud.count("GET", DEVICES) - polled == 4
    # One of them is a doorbell, which is read every ten minutes.
    assert cameras - 1 + 5 <= cloud.count("GET", HISTORY) - read <= cameras + 5


@pytest.mark.parametrize("event_type", ["app_integration_added", "device_online", "contact_sensor_faulted"])
async def test_webhook_that_is_of_no_camera_proves_nothing(
    freezer, hass, cloud, credentials, account, address, door, event_type
) -> None:
    """Ring tells every app of the link; and an app may lack the permission for cameras."""
    is_new = event_type == "app_integration_added"
    entry = make_entry(account, cloud.link_directly(account, credentials, completed=not is_new))
    entry.add_to_hass(hass)
    await async_set_up_pushed(hass, cloud, credentials, entry, webhook_url(address))
    if not is_new:
        cloud.happen(account.device("Back Door"), event_type)
        await async_arrive(hass, cloud)
    assert [delivery.event.type for delivery in cloud.deliveries] == [event_type]
    assert entry.runtime_data.coordinator.data.account.delivery.accepted == 1
    assert state_of(hass, entry, None, "delivery") == "waiting"
    cloud.deliveries.mischief("drop", count=None)
    await async_pass_in_steps(hass, freezer, 2 * MINUTE)
    with announced(hass, entry, door) as rings:
        await async_press(hass, cloud, door)
        await async_pass_in_steps(hass, freezer, MINUTE + 5 * SECOND)
    assert len(rings) == 1


async def test_an_outage_is_noticed_within_15_minutes_named_and_over_with_the_next_push(
    freezer, hass, cloud, app, pushed, address, door
) -> None:
    cloud.add_app(app.client_id, webhook_url=f"{address}/nowhere")
    cloud.deliveries.mischief("drop", count=None)
    with announced(hass, pushed, door) as rings:
        ring = await async_press(hass, cloud, door)
        waited = timedelta()
        while waited < 2 * HOUR and state_of(hass, pushed, None, "delivery") == "pushed":
            await async_pass_time(hass, freezer, MINUTE)
            waited += MINUTE
        assert waited <= 15 * MINUTE
        # Had its turn come at once, the history would have been news.
        rings.clear()
        assert state_of(hass, pushed, door, "last_ring")[:16] == ring.isoformat()[:16]
        issue = ir.async_get(hass).async_get_issue(DOMAIN, f"webhooks_missing_{pushed.entry_id}")
        assert issue is not None
        assert issue.translation_placeholders["url"] == webhook_url(address)
        texts = await async_get_translations(hass, "en", "issues", {DOMAIN})
        assert "Save the **Webhook URL** again" in texts[f"component.{DOMAIN}.issues.webhooks_missing.description"]
        # From now on the history is news.
        await async_pass_in_steps(hass, freezer, 2 * MINUTE)
        await async_press(hass, cloud, door)
        await async_pass_in_steps(hass, freezer, MINUTE + 5 * SECOND)
        assert len(rings) == 1
        cloud.deliveries.pranks.clear()
        cloud.add_app(app.client_id, webhook_url=webhook_url(address))
        await async_press(hass, cloud, door)
        assert len(rings) == 2
    assert state_of(hass, pushed, None, "delivery") == "pushed"
    assert issues(hass) == set()


async def test_a_push_that_is_still_being_repeated_is_not_missed(freezer, hass, cloud, pushed, door) -> None:
    cloud.deliveries.mischief("delay", seconds=280)
    await async_press(hass, cloud, door)
    for _ in range(28):
        await async_pass_time(hass, freezer, 10 * SECOND)
        assert issues(hass) == set()
    await cloud.deliveries.settle()
    await async_pass_in_steps(hass, freezer, 2 * HOUR, 5 * MINUTE)
    assert state_of(hass, pushed, None, "delivery") == "pushed"


async def test_an_app_that_is_told_of_sensors_only_does_not_hide_its_cameras(
    freezer, hass, cloud, account, pushed, door
) -> None:
    cloud.deliveries.mischief("drop", types="button_press", count=None)
    cloud.deliveries.mischief("drop", types="motion_detected", count=None)
    await async_press(hass, cloud, door)
    await async_pass_in_steps(hass, freezer, HOUR + 20 * MINUTE, 2 * MINUTE)
    assert state_of(hass, pushed, None, "delivery") == "polled"
    for is_open in (True, False):
        account.device("Back Door").set(contact=is_open)
        await async_arrive(hass, cloud)
        assert state_of(hass, pushed, None, "delivery") == "polled"
        assert issues(hass) == {"webhooks_missing"}
        # Nor does it after a reload, or a restart.
        await hass.config_entries.async_unload(pushed.entry_id)
        ir.async_delete_issue(hass, DOMAIN, f"webhooks_missing_{pushed.entry_id}")
        await async_set_up(hass, pushed)
    with announced(hass, pushed, door) as rings:
        await async_pass_in_steps(hass, freezer, 2 * MINUTE)
        ring = await async_press(hass, cloud, door)
        await async_pass_in_steps(hass, freezer, MINUTE + 5 * SECOND)
        assert rings == [ring.isoformat()]
    cloud.deliveries.pranks.clear()
    await async_press(hass, cloud, door)
    assert state_of(hass, pushed, None, "delivery") == "pushed"
    assert issues(hass) == set()


async def test_a_motion_that_is_not_pushed_now_and_then_may_be_outside_the_zones(
    freezer, hass, cloud, pushed, door
) -> None:
    for _ in range(4):
        for _ in range(2):
            cloud.deliveries.mischief("drop")
            freezer.tick(60)
            await async_press(hass, cloud, door, "motion")
        await async_pass_in_steps(hass, freezer, HOUR + 20 * MINUTE, 2 * MINUTE)
        assert state_of(hass, pushed, None, "delivery") == "pushed"
        assert issues(hass) == set()
        await async_press(hass, cloud, door, "human")


async def test_motions_that_are_never_pushed_are_missed(freezer, hass, cloud, account, pushed, door) -> None:
    cloud.deliveries.mischief("drop", count=None)
    for device in (door, account.device("Driveway"), door):
        freezer.tick(60)
        await async_press(hass, cloud, device, "human")
    await async_pass_in_steps(hass, freezer, HOUR + 20 * MINUTE, 2 * MINUTE)
    assert state_of(hass, pushed, None, "delivery") == "polled"
    assert issues(hass) == {"webhooks_missing"}


async def test_the_same_motion_read_twice_is_one(freezer, hass, cloud, pushed, door) -> None:
    cloud.deliveries.mischief("drop")
    await async_press(hass, cloud, door, "human")
    freezer.tick(360)
    for _ in range(4):
        await hass.config_entries.async_reload(pushed.entry_id)
        await async_pass_in_steps(hass, freezer, 70 * SECOND)
    assert state_of(hass, pushed, None, "delivery") == "pushed"
    assert issues(hass) == set()


async def test_the_last_event_is_known_after_a_reload(freezer, hass, cloud, pushed) -> None:
    before = state_of(hass, pushed, None, "last_event")
    assert before != "unknown"
    await async_pass_in_steps(hass, freezer, MINUTE)
    await hass.config_entries.async_reload(pushed.entry_id)
    assert state_of(hass, pushed, None, "last_event") == before


async def test_a_restart_in_an_outage_hides_it_no_longer_than_the_next_event(
    freezer, hass, cloud, pushed, door
) -> None:
    cloud.deliveries.mischief("drop", count=None)
    await async_press(hass, cloud, door)
    freezer.tick(600)
    await hass.config_entries.async_unload(pushed.entry_id)
    await async_set_up(hass, pushed)
    await async_pass_in_steps(hass, freezer, 2 * MINUTE)
    assert state_of(hass, pushed, door, "last_ring") != "unknown"
    await async_press(hass, cloud, door)
    await async_pass_in_steps(hass, freezer, HOUR + 20 * MINUTE, 2 * MINUTE)
    assert state_of(hass, pushed, None, "delivery") == "polled"
    assert issues(hass) == {"webhooks_missing"}


async def test_without_an_address_nothing_is_ever_complained_of(freezer, hass, cloud, entry, door) -> None:
    data = {key: value for key, value in entry.data.items() if key != "signing_key"}
    hass.config_entries.async_update_entry(entry, data=data)
    await async_set_up(hass, entry)
    await async_press(hass, cloud, door)
    await async_pass_in_steps(hass, freezer, 2 * HOUR, 5 * MINUTE)
    assert state_of(hass, entry, None, "delivery") == "polled"
    assert issues(hass) == set()


async def test_lost_ring_that_is_read_before_it_is_overdue_is_looked_at_again(
    freezer, hass, cloud, pushed, door
) -> None:
    """Ring repeats a delivery for minutes; the next look would be ten minutes later."""
    await async_press(hass, cloud, door)
    freezer.tick(2)
    read = cloud.count("GET", HISTORY)
    while cloud.count("GET", HISTORY) == read:
        await async_pass_time(hass, freezer, 10 * SECOND)
    # From here on, the doorbell is read in ten minutes.
    await async_pass_in_steps(hass, freezer, 9 * MINUTE - 20 * SECOND, 20 * SECOND)
    cloud.deliveries.mischief("drop", count=None)
    await async_press(hass, cloud, door)
    await async_pass_in_steps(hass, freezer, 6 * MINUTE, 20 * SECOND)
    assert state_of(hass, pushed, None, "delivery") == "polled"
    assert issues(hass) == {"webhooks_missing"}


async def test_lost_ring_before_the_first_push_is_announced_and_named(
    freezer, hass, cloud, app, entry, address, door
) -> None:
    await async_set_up_pushed(hass, cloud, app, entry, webhook_url(address))
    await async_pass_in_steps(hass, freezer, 2 * MINUTE)
    cloud.deliveries.mischief("drop", count=None)
    with announced(hass, entry, door) as rings:
        await async_press(hass, cloud, door)
        await async_pass_in_steps(hass, freezer, 7 * MINUTE)
    assert len(rings) == 1
    assert (state_of(hass, entry, None, "delivery"), issues(hass)) == ("polled", {"webhooks_missing"})
