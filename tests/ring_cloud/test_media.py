"""Stored pictures and clips: what is asked for is what comes, and from another origin without a token."""

import pytest

from ring_cloud.media_time import read_time, read_times


def image_path(device) -> str:
    return f"/v1/devices/{device.id}/media/image/download"


@pytest.fixture
def bell(account):
    return account.device("Front Door")


async def test_a_picture(cloud, partner, bell, token, clock):
    clock.advance(100)
    event = cloud.happen(bell, "button_press")
    clock.advance(60)
    answer = await partner.call(
        token, image_path(bell), "POST", json={"type": "at_timestamp", "timestamp": event.timestamp_ms}
    )
    assert answer.status == 303, answer.body
    async with partner.session.get(answer.headers["Location"]) as file:
        assert file.status == 200
        assert read_time(await file.read()) == event.timestamp_ms
        print(file.headers)
    answer = await partner.call(
        token, image_path(bell).replace("image","video"), "POST", json={"duration": 20000, "timestamp": event.timestamp_ms,"audio_options":{"audio_enabled":True}}
    )
    assert answer.status == 303, answer.body
    async with partner.session.get(answer.headers["Location"]) as file:
        assert file.status == 200
        print(file.headers)
        assert read_times(await file.read()) == [*range(event.timestamp_ms,event.timestamp_ms+20000,200)]
