"""What live views leave behind in the history, and in what is recorded."""

from collections.abc import Mapping

import pytest

from ring_cloud import Account, Device, RingCloud

from .cameras import Camera
from .conftest import Partner
from .test_whep import end, offer


@pytest.fixture(autouse=True)
def _nobody_there(cloud: RingCloud) -> None:
    cloud.switches.whep_media = "none"


@pytest.fixture
def door(account: Account) -> Device:
    return account.device("Front Door")


async def rows(partner: Partner, token: Mapping, device: Device) -> list[dict]:
    answer = await partner.call(token, f"/v1/history/devices/{device.id}/events")
    return [row["attributes"] for row in answer.json["data"]]


async def test_the_history_tells_how_long_a_session_was(cloud, partner, door, clock, token):
    began_ms = clock.time() * 1000
    location = (await offer(partner, token, door)).headers["Location"]
    clock.advance(7)
    (going_on,) = await rows(partner, token, door)
    assert (going_on["start"], going_on["end"]) == (began_ms, began_ms + 7000), "nobody knows how long it will be"

    clock.advance(5)
    await end(partner, token, location)
    clock.advance(100)
    (over,) = await rows(partner, token, door)
    assert (over["start"], over["end"]) == (began_ms, began_ms + 12_000)


async def test_a_session_that_ran_to_its_cap_was_no_longer_than_that(cloud, partner, door, clock, token):
    await offer(partner, token, door)
    clock.advance(3600)
    assert cloud.live.open_sessions == ()

    (row,) = await rows(partner, token, door)
    assert row["end"] - row["start"] == 60_000


async def test_what_is_recorded_of_a_session_is_as_long_as_it_was(cloud, partner, door, clock, token):
    cloud.switches.clip_shortfall_ms = 0
    clock.advance(60)
    began_ms = int(clock.time() * 1000)
    location = (await offer(partner, token, door)).headers["Location"]
    clock.advance(12)
    await end(partner, token, location)
    clock.advance(60)

    clip = await Camera(partner, token, door.id).clip(began_ms - 20_000, 60_000)
    assert clip.status == 206
    assert (clip.headers["X-Media-Timestamp"], clip.headers["X-Media-Length"]) == (str(began_ms), "12000")


async def test_an_app_has_seen_its_own_sessions_and_not_those_of_the_user(cloud, partner, door, clock, token):
    await offer(partner, token, door)
    clock.advance(61)
    cloud.view_live(door)

    assert [row["is_third_party_reviewed"] for row in await rows(partner, token, door)] == [False, True]


async def test_every_session_is_a_row_of_the_history_and_no_webhook(cloud, partner, door, token, webhook_url):
    for _ in range(2):
        await end(partner, token, (await offer(partner, token, door)).headers["Location"])

    assert [row.event_type for row in cloud.history.rows(door.id)] == ["on_demand", "on_demand"]
    assert await partner.told() == []


async def test_without_a_plan_a_session_leaves_no_trace_where_it_is_allowed(cloud, partner, door, token):
    cloud.switches.ring_plan = False

    assert (await offer(partner, token, door)).status == 201
    cloud.switches.ring_plan = True
    assert await rows(partner, token, door) == []
