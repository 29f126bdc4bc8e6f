import asyncio, time
from .test_whep import offer, end
from .test_whep_media import *
from ring_cloud import RingCloud

async def test_frozen_none(freezer, hass, cloud, partner, account, token):
    cloud.switches.whep_media = "none"
    d = account.device("Front Door")
    loc = (await offer(partner, token, d)).headers["Location"]
    freezer.tick(5)
    await hass.async_block_till_done()
    assert len(cloud.live.open_sessions) == 1
    cloud.clock.advance(100)
    assert cloud.live.open_sessions == ()

async def test_frozen_real(freezer, hass, cloud, partner, token, door, watch):
    viewer, loc = await watch()
    f = await viewer.frame()
    print("frame", f.width)
    await end(partner, token, loc)

async def test_frozen_leak(freezer, hass, cloud, partner, token, door, watch):
    viewer, loc = await watch()
    f = await viewer.frame()
