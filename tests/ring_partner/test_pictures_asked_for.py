"""Pictures of a moment, as somebody asks for them: in the media browser, and by an action."""

import asyncio
from datetime import UTC, datetime, timedelta
import io
import math

from freezegun.api import FrozenDateTimeFactory
from PIL import Image
import pytest

from custom_components.ring_partner.api import (
    RingMediaNotFoundError,
    RingMediaUnreadableError,
    RingRateLimitError,
    RingUnavailableError,
)
from custom_components.ring_partner.flights import Turns
from custom_components.ring_partner.identifiers import CameraId
from custom_components.ring_partner.media import AT_ONCE, Pictures
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from ring_cloud import Account, RingCloud
from ring_cloud.media_time import read_time
from ring_cloud.model import Device

from .polls import async_pass_time, async_set_up

ASK = "/v1/devices/*/media/image/download"
SECOND = timedelta(seconds=1)


@pytest.fixture
def door(account: Account) -> Device:
    return account.device("Front Door")


@pytest.fixture
def camera(door: Device) -> CameraId:
    return CameraId(door.id)


@pytest.fixture
def moments(freezer: FrozenDateTimeFactory, cloud: RingCloud, entry: ConfigEntry, door: Device) -> list[datetime]:
    """When somebody came, a minute apart, some time ago, and after the user's consent."""
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=10)
    freezer.tick(timedelta(hours=1))
    found = [start + number * timedelta(minutes=1) for number in range(20)]
    for at in found:
        cloud.remember(door, "motion_detected", at=at.timestamp(), sub_type="human")
    return found


@pytest.fixture
async def pictures(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, cloud: RingCloud, entry: ConfigEntry, moments: list[datetime]
) -> Pictures:
    await async_set_up(hass, entry)
    return entry.runtime_data.pictures


def ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def size(body: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(body)) as opened:
        return opened.size


async def test_every_picture_shows_the_moment_that_was_asked_for(
    freezer, hass, cloud, pictures, camera, moments
) -> None:
    got = await asyncio.gather(*(pictures.async_get(camera, at, thumbnail=True) for at in moments))
    assert [read_time(picture.body) for picture in got] == [ms(at) for at in moments]
    assert [picture.at for picture in got] == moments
    assert {size(picture.body) for picture in got} == {(320, 180)}
    assert size((await pictures.async_get(camera, moments[0])).body) == (1280, 720)
    assert cloud.media_requests.with_bearer == 0
    assert len(cloud.media_requests) == 21


async def test_a_picture_is_fetched_once_for_all_and_for_later(freezer, hass, cloud, entry, pictures, camera, moments):
    several = await asyncio.gather(*(pictures.async_get(camera, moments[0], thumbnail=True) for _ in range(10)))
    assert len({picture.body for picture in several}) == 1
    assert cloud.count("POST", ASK) == 1
    assert await hass.config_entries.async_reload(entry.entry_id)
    again = await entry.runtime_data.pictures.async_get(camera, moments[0], thumbnail=True)
    assert again == several[0]
    assert cloud.count("POST", ASK) == 1


async def test_only_a_few_are_fetched_at_once(freezer, hass, cloud, pictures, camera, moments) -> None:
    held = cloud.faults.add(ASK, delay=math.inf, count=None)
    asking = [asyncio.create_task(pictures.async_get(camera, at, thumbnail=True)) for at in moments]
    while held.hits < AT_ONCE:
        await asyncio.sleep(0)
    # Those that must wait have every chance to come, too.
    for _ in range(200):
        await asyncio.sleep(0)
    assert held.hits == AT_ONCE
    held.release()
    await asyncio.gather(*asking)


async def test_who_gives_up_takes_it_away_from_nobody(freezer, hass, cloud, pictures, camera, moments) -> None:
    held = cloud.faults.add(ASK, delay=math.inf)
    first, second = (asyncio.create_task(pictures.async_get(camera, moments[0])) for _ in range(2))
    await held.reached()
    first.cancel()
    held.release()
    assert read_time((await second).body) == ms(moments[0])
    assert first.cancelled()


async def async_queued(pictures: Pictures, count: int) -> None:
    """Wait until so many wait for their turn to ask Ring."""
    while len(pictures._turns._waiting) != count:
        await asyncio.sleep(0)


async def test_what_nobody_waits_for_any_more_is_not_asked_for(freezer, hass, cloud, pictures, camera, moments) -> None:
    """Who scrolls through a day leaves hundreds of pictures behind."""
    held = cloud.faults.add(ASK, delay=math.inf, count=None)
    asked = [asyncio.create_task(pictures.async_get(camera, at)) for at in moments[:AT_ONCE]]
    while held.hits < AT_ONCE:
        await asyncio.sleep(0)
    left = [asyncio.create_task(pictures.async_get(camera, at)) for at in moments[AT_ONCE:]]
    still_wanted = asyncio.create_task(pictures.async_get(camera, moments[-1]))
    await async_queued(pictures, len(left))
    for task in left:
        task.cancel()
    held.release()
    await asyncio.gather(*asked)
    assert read_time((await still_wanted).body) == ms(moments[-1])
    await hass.async_block_till_done(wait_background_tasks=True)
    assert cloud.count("POST", ASK) == AT_ONCE + 1


async def test_what_has_been_asked_for_is_kept_though_nobody_waits(
    freezer, hass, cloud, pictures, camera, moments
) -> None:
    held = cloud.faults.add(ASK, delay=math.inf)
    asking = asyncio.create_task(pictures.async_get(camera, moments[0]))
    await held.reached()
    asking.cancel()
    held.release()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert read_time((await pictures.async_get(camera, moments[0])).body) == ms(moments[0])
    assert cloud.count("POST", ASK) == 1


async def test_who_comes_back_gets_what_was_given_up(freezer, hass, cloud, pictures, camera, moments) -> None:
    pictures._turns = Turns(1)
    held = cloud.faults.add(ASK, delay=math.inf)
    first = asyncio.create_task(pictures.async_get(camera, moments[0]))
    await held.reached()
    gone = asyncio.create_task(pictures.async_get(camera, moments[1]))
    await async_queued(pictures, 1)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    back = asyncio.create_task(pictures.async_get(camera, moments[1]))
    held.release()
    assert read_time((await back).body) == ms(moments[1])
    await first


async def test_what_was_asked_for_last_comes_first(freezer, hass, cloud, pictures, camera, moments) -> None:
    """Of what waits, the newest is in sight; who asks again for what waits already makes it the newest."""
    pictures._turns = Turns(1)
    held = [cloud.faults.add(ASK, delay=math.inf) for _ in range(4)]
    asking = {0: asyncio.create_task(pictures.async_get(camera, moments[0]))}
    await held[0].reached()
    for number in (1, 2, 3):
        asking[number] = asyncio.create_task(pictures.async_get(camera, moments[number]))
    await async_queued(pictures, 3)
    again = asyncio.create_task(pictures.async_get(camera, moments[1]))
    for number, fault in zip((0, 1, 3, 2), held, strict=True):
        await fault.reached()
        fault.release()
        done, _ = await asyncio.wait(asking.values(), return_when=asyncio.FIRST_COMPLETED)
        assert done == {asking.pop(number)}
    await again


async def test_an_account_that_is_unloaded_says_so(freezer, hass, cloud, entry, pictures, camera, moments) -> None:
    held = cloud.faults.add(ASK, delay=math.inf)
    asking = asyncio.create_task(pictures.async_get(camera, moments[0]))
    await held.reached()
    await hass.config_entries.async_unload(entry.entry_id)
    with pytest.raises(RingUnavailableError):
        await asking
    held.release()


async def test_what_ring_does_not_have_is_not_asked_for_twice(freezer, hass, cloud, account, pictures, moments) -> None:
    idle = CameraId(account.device("Driveway").id)
    route = f"/v1/devices/{idle.device_id}/media/image/download"
    for _ in range(3):
        with pytest.raises(RingMediaNotFoundError):
            await pictures.async_get(idle, moments[0], thumbnail=True)
    assert cloud.count("POST", route) == 1
    freezer.tick(timedelta(minutes=61))
    with pytest.raises(RingMediaNotFoundError):
        await pictures.async_get(idle, moments[0], thumbnail=True)
    assert cloud.count("POST", route) == 2


async def test_what_is_not_stored_yet_may_come(freezer, hass, cloud, pictures, camera, door) -> None:
    freezer.tick(timedelta(minutes=30))
    at = datetime.now(UTC).replace(microsecond=0)
    with pytest.raises(RingMediaNotFoundError):
        await pictures.async_get(camera, at)
    freezer.tick(SECOND)
    cloud.remember(door, "button_press", at=at.timestamp())
    assert read_time((await pictures.async_get(camera, at)).body) == ms(at)


async def test_what_is_encrypted_is_kept_by_nobody(freezer, hass, cloud, pictures, camera, door, moments) -> None:
    cloud.media.take(door)
    with pytest.raises(RingMediaUnreadableError):
        await pictures.async_get(camera, moments[0])


async def test_a_ring_that_asks_to_slow_down_gets_its_time(freezer, hass, cloud, pictures, camera, moments) -> None:
    limit = cloud.faults.add(ASK, status=429, headers={"Retry-After": "2"}, count=1)
    asking = asyncio.create_task(pictures.async_get(camera, moments[0]))
    await limit.reached()
    while cloud.count("POST", ASK) == 0 or pictures._entry.runtime_data.coordinator.seconds_to_wait == 0:
        await asyncio.sleep(0)
    await async_pass_time(hass, freezer, 3 * SECOND)
    assert read_time((await asking).body) == ms(moments[0])
    assert cloud.count("POST", ASK) == 2


async def test_nobody_waits_for_a_ring_that_asks_for_a_long_time(
    freezer, hass, cloud, pictures, camera, moments
) -> None:
    cloud.faults.add(ASK, status=429, headers={"Retry-After": "300"}, count=1)
    for _ in range(2):
        with pytest.raises(RingRateLimitError):
            await pictures.async_get(camera, moments[0])
    assert cloud.count("POST", ASK) == 1


async def test_a_ring_that_asks_to_slow_down_twice_is_heeded(freezer, hass, cloud, pictures, camera, moments) -> None:
    """The second time for long: nobody waits for that, and nobody asks before."""
    coordinator = pictures._entry.runtime_data.coordinator
    for wait in ("2", "300"):
        cloud.faults.add(ASK, status=429, headers={"Retry-After": wait}, count=1)
    asking = asyncio.create_task(pictures.async_get(camera, moments[0]))
    while coordinator.seconds_to_wait == 0:
        await asyncio.sleep(0)
    await async_pass_time(hass, freezer, 3 * SECOND)
    with pytest.raises(RingRateLimitError):
        await asking
    with pytest.raises(RingRateLimitError):
        await pictures.async_get(camera, moments[1])
    assert coordinator.seconds_to_wait > 200
    assert cloud.count("POST", ASK) == 2


async def test_of_what_ring_does_not_have_only_so_much_is_remembered(
    freezer, hass, cloud, account, pictures, moments, monkeypatch
) -> None:
    monkeypatch.setattr("custom_components.ring_partner.media._MISSING_KEPT", 2)
    idle = CameraId(account.device("Driveway").id)
    for at in (*moments[:3], moments[2], moments[0]):
        with pytest.raises(RingMediaNotFoundError):
            await pictures.async_get(idle, at)
    assert cloud.count("POST", ASK) == 4, "the first one is asked for again, the last one is not"
