"""The image "Last event": one for each camera, where it belongs, and what it says of itself."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.ring_partner.api import Picture
from custom_components.ring_partner.const import DOMAIN
from custom_components.ring_partner.events import Kind, RingEvent, Source
from custom_components.ring_partner.identifiers import CameraId
from custom_components.ring_partner.media import picture_signal
from custom_components.ring_partner.picture_file import LastPicture
from homeassistant.components.image import async_get_image
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util import dt as dt_util
from ring_cloud import Account, Permission
from ring_cloud.model import Device

from .polls import async_pass_time, async_set_up, state_writes

PNG = b"\x89PNG\r\n\x1a\n a picture"


@pytest.fixture(autouse=True)
async def _set_up(freezer: FrozenDateTimeFactory, hass: HomeAssistant, entry: ConfigEntry) -> None:
    await async_set_up(hass, entry)


@pytest.fixture
def door(account: Account) -> Device:
    return account.device("Front Door")


def images(hass: HomeAssistant, entry: ConfigEntry) -> dict[str, er.RegistryEntry]:
    found = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return {item.unique_id: item for item in found if item.domain == "image"}


def happened(hass: HomeAssistant, entry: ConfigEntry, device: Device, body: bytes = PNG) -> LastPicture:
    """Let a picture be there."""
    event = RingEvent(
        device_id=device.id, kind=Kind.MOTION, at=dt_util.utcnow(), source=Source.PUSH, sub_type="package"
    )
    last = LastPicture(picture=Picture.read(body), event=event)
    entry.runtime_data.pictures._last[CameraId(device.id)] = last
    async_dispatcher_send(hass, picture_signal(entry.entry_id, CameraId(device.id)))
    return last


async def test_every_camera_has_one_and_nothing_else_has(hass, entry, account) -> None:
    cameras = {device.id for device in account.devices if device.family.permission is Permission.CAMERAS}
    garage = account.device("Garage").id
    whole = {f"{entry.unique_id}~{device_id}_last_event" for device_id in cameras - {garage}}
    lenses = {f"{entry.unique_id}~{garage}~{number}_last_event" for number in (1, 2)}
    assert images(hass, entry).keys() == whole | lenses


async def test_that_of_a_lens_belongs_to_the_lens(hass, entry, account) -> None:
    garage = account.device("Garage").id
    registry = dr.async_get(hass)
    for number in ("1", "2"):
        found = images(hass, entry)[f"{entry.unique_id}~{garage}~{number}_last_event"]
        device = registry.async_get(found.device_id)
        assert device is not None
        assert device.identifiers == {(DOMAIN, f"{entry.unique_id}~{garage}~{number}")}


async def test_it_shows_what_is_in_memory_as_what_it_is(hass, entry, door) -> None:
    entity_id = images(hass, entry)[f"{entry.unique_id}~{door.id}_last_event"].entity_id
    assert hass.states.get(entity_id).state == STATE_UNKNOWN
    with pytest.raises(HomeAssistantError):
        await async_get_image(hass, entity_id)
    last = happened(hass, entry, door)
    state = hass.states.get(entity_id)
    assert state.state == last.at.isoformat()
    assert state.attributes["friendly_name"] == "Front Door Last event"
    assert state.attributes["sub_type"] == "package"
    shown = await async_get_image(hass, entity_id)
    assert (shown.content_type, shown.content) == ("image/png", PNG)


async def test_a_poll_that_changes_nothing_writes_nothing(freezer, hass, entry, door) -> None:
    happened(hass, entry, door)
    with state_writes(hass) as written:
        await async_pass_time(hass, freezer)
    assert not [entity_id for entity_id in written if entity_id.startswith("image.")]


async def test_it_stays_while_ring_is_down_and_goes_with_the_device(freezer, hass, cloud, entry, door) -> None:
    entity_id = images(hass, entry)[f"{entry.unique_id}~{door.id}_last_event"].entity_id
    last = happened(hass, entry, door)
    outage = cloud.faults.add("/v1/devices", status=500, count=None)
    await async_pass_time(hass, freezer)
    assert outage.hits
    assert hass.states.get(entity_id).state == last.at.isoformat()
    cloud.faults.clear()
    await async_pass_time(hass, freezer, timedelta(minutes=5))
    door.e2ee = True
    await async_pass_time(hass, freezer, timedelta(minutes=5))
    assert hass.states.get(entity_id).state == STATE_UNAVAILABLE
