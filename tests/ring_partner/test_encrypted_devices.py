"""Devices that say they are end-to-end encrypted: they stay, one repair names them, and nothing is asked for twice."""

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.ring_partner.const import DOMAIN
from homeassistant.config_entries import ConfigEntry, ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
from ring_cloud import Account, App, RingCloud
from ring_cloud.model import Device

from .polls import async_pass_time, issues, registered
from .pushes import MINUTE, SECOND, async_arrive, async_pass_in_steps, async_press, async_set_up_pushed, webhook_url
from .test_pictures import asked, image, last

REPAIR = {"encrypted_devices"}


@pytest.fixture(autouse=True)
def _frozen(freezer: FrozenDateTimeFactory) -> None:
    """Let time pass only when a test says so."""


@pytest.fixture
def door(cloud: RingCloud, account: Account) -> Device:
    """A camera that is encrypted."""
    device = account.device("Front Door")
    cloud.switches.e2ee_devices = "listed"
    device.set(e2ee=True)
    return device


@pytest.fixture
async def encrypted(
    freezer: FrozenDateTimeFactory,
    hass: HomeAssistant,
    cloud: RingCloud,
    app: App,
    entry: ConfigEntry,
    address: str,
    door: Device,
) -> ConfigEntry:
    """Jane's account, set up with that camera."""
    await async_set_up_pushed(hass, cloud, app, entry, webhook_url(address))
    return entry


async def async_poll(hass: HomeAssistant, entry: ConfigEntry) -> None:
    await entry.runtime_data.coordinator.async_refresh()
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_encrypted_devices_stay_listed_and_share_one_repair(
    hass: HomeAssistant, account: Account, encrypted: ConfigEntry, door: Device
) -> None:
    driveway = account.device("Driveway")
    driveway.set(e2ee=True)
    await async_poll(hass, encrypted)
    (repair,) = (issue for (domain, _), issue in ir.async_get(hass).issues.items() if domain == DOMAIN)
    assert (repair.translation_key, repair.translation_placeholders["devices"]) == (
        "encrypted_devices",
        "Driveway, Front Door",
    )
    assert registered(hass, encrypted, door) is not None
    assert registered(hass, encrypted, driveway) is not None


async def test_repair_ends_with_the_encryption(hass: HomeAssistant, encrypted: ConfigEntry, door: Device) -> None:
    assert issues(hass) == REPAIR
    door.set(e2ee=False)
    await async_poll(hass, encrypted)
    assert issues(hass) == set()


async def test_repair_ends_with_the_device(
    hass: HomeAssistant, cloud: RingCloud, encrypted: ConfigEntry, door: Device
) -> None:
    assert issues(hass) == REPAIR
    cloud.remove_device(door)
    await async_arrive(hass, cloud)
    assert issues(hass) == set()


@pytest.mark.parametrize("end", ["disable", "remove"])
async def test_repair_ends_with_the_entry(hass: HomeAssistant, encrypted: ConfigEntry, end: str) -> None:
    assert issues(hass) == REPAIR
    if end == "remove":
        await hass.config_entries.async_remove(encrypted.entry_id)
    else:
        await hass.config_entries.async_set_disabled_by(encrypted.entry_id, ConfigEntryDisabler.USER)
    assert issues(hass) == set()


@pytest.mark.parametrize("media", ["bytes", "no_key"])
async def test_picture_of_encrypted_device_is_asked_for_once(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, cloud: RingCloud, encrypted: ConfigEntry, door: Device,
    media: str,
) -> None:  # fmt: skip
    cloud.switches.e2ee_media = media
    await async_press(hass, cloud, door)
    assert image(hass, door).attributes["encrypted"] is True
    await async_pass_in_steps(hass, freezer, 2 * MINUTE)
    assert asked(cloud) == 1


async def test_first_picture_of_encrypted_device_is_not_looked_for(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, cloud: RingCloud, encrypted: ConfigEntry, door: Device
) -> None:
    cloud.history.remember(door, "motion_detected", None, dt_util.utcnow().timestamp() - 3600, None)
    await async_pass_in_steps(hass, freezer, 2 * MINUTE)
    assert asked(cloud) == 0


async def test_picture_comes_again_after_the_encryption(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, cloud: RingCloud, encrypted: ConfigEntry, door: Device
) -> None:
    await async_press(hass, cloud, door)
    door.set(e2ee=False)
    await async_pass_time(hass, freezer, 301 * SECOND)
    await async_press(hass, cloud, door)
    assert last(encrypted, door) is not None
    assert image(hass, door).attributes["encrypted"] is False
