"""The media origin: links that expire, no tokens, ranges, and transfers that are slow or break."""

import asyncio
import itertools

import aiohttp
import pytest
from yarl import URL

from ring_cloud import Clock, ConflictError, RingCloud, read_time
from ring_cloud.media_files import Files

from .cameras import Camera, error

BROKEN = (aiohttp.ClientPayloadError, aiohttp.ClientOSError)


@pytest.fixture
def bell(account):
    return account.device("Front Door")


@pytest.fixture
def ring_ms(cloud, bell, clock, token) -> int:
    clock.advance(60)
    event = cloud.happen(bell, "button_press")
    clock.advance(60)
    return event.timestamp_ms


@pytest.fixture
def camera(partner, token, bell) -> Camera:
    return Camera(partner, token, bell.id)


@pytest.fixture
async def link(camera, ring_ms) -> str:
    """Where the picture of the visitor is."""
    return await camera.link(ring_ms)


@pytest.fixture
async def clip(camera, ring_ms) -> str:
    """Where a clip is that is larger than what a socket holds at once."""
    camera.partner.cloud.switches.clip_padding = 4_000_000
    answer = await camera.ask("video", {"timestamp": ring_ms, "duration": 1000})
    return answer.headers["Location"]


# Links


async def test_a_token_is_refused_wherever_it_is_sent(cloud, camera, link):
    for url in (link, f"{cloud.media_url}/", f"{cloud.media_url}/v1/devices"):
        assert (await camera.get(url, Authorization="Bearer fake-access-token-1")).status == 400

    assert cloud.media_requests.with_bearer == 3
    assert (await camera.get(link)).status == 200
    assert cloud.media_requests.with_bearer == 3


async def test_a_link_expires(cloud, camera, link, clock):
    clock.advance(299)
    assert (await camera.get(link)).status == 200
    clock.advance(1)
    assert error(await camera.get(link)) == (403, "REQUEST_FORBIDDEN")


async def test_a_link_is_forgotten_an_hour_after_its_end(cloud, camera, link, ring_ms, clock):
    token = URL(link).query["security_token"]
    clock.advance(300 + 3599)
    await camera.link(ring_ms)
    assert (await camera.get(link)).json["errors"][0]["detail"] == "The request has expired"
    assert token in cloud.secrets()

    clock.advance(1)
    fresh = await camera.link(ring_ms)
    assert (await camera.get(link)).json["errors"][0]["detail"] == "The signature does not match"
    assert token not in cloud.secrets()
    assert (await camera.get(fresh)).status == 200


async def test_the_lifetime_of_links_can_be_set(cloud, camera, ring_ms, clock):
    cloud.switches.media_link_lifetime = 2
    link = await camera.link(ring_ms)
    assert URL(link).query["X-Amz-Expires"] == "2"
    clock.advance(2)
    assert (await camera.get(link)).status == 403


@pytest.mark.parametrize(
    "change", [{"security_token": "x"}, {"req_type": "video_download"}, {"req_id": "x"}, {"X-Amz-Expires": "9999"}]
)
async def test_a_link_that_somebody_changed_is_refused(camera, link, change):
    assert error(await camera.get(str(URL(link).update_query(change)))) == (403, "REQUEST_FORBIDDEN")


async def test_there_is_nothing_else_on_this_origin(cloud, camera, partner, link):
    assert (await camera.get(f"{cloud.media_url}/v1/devices")).status == 403
    assert (await partner.session.post(link)).status == 403
    assert (await partner.session.head(link)).status == 403
    assert (await camera.get(link.replace(cloud.media_url, cloud.url))).status == 404


async def test_what_was_asked_is_written_down_without_the_token(cloud, camera, link):
    cloud.requests.clear()
    await camera.get(link, Range="bytes=0-9")

    (request,) = cloud.media_requests
    assert (request.method, request.path, request.status) == ("GET", "/v1/download", 206)
    assert (request.bearer, request.range) == (False, "bytes=0-9")
    assert request.query == f"req_type=image_download&req_id={URL(link).query['req_id']}"
    assert (cloud.count_media(), cloud.count_media(status=206), cloud.count_media("POST")) == (1, 1, 0)
    assert cloud.count() == 0, "the API heard nothing of it"


async def test_the_media_origin_goes_with_the_cloud():
    cloud = RingCloud(Clock(start=1_790_000_000))
    async with cloud:
        first = cloud.media_url
        with pytest.raises(ConflictError):
            await cloud.start()
    with pytest.raises(aiohttp.ClientConnectorError):
        async with aiohttp.ClientSession() as session:
            await session.get(first)


async def test_a_port_that_is_taken_leaves_nothing_open(unused_tcp_port):
    async with RingCloud() as other:
        cloud = RingCloud()
        with pytest.raises(OSError, match="address"):
            await cloud.start(port=URL(other.url).port, media_port=unused_tcp_port)
        await cloud.start(media_port=unused_tcp_port)
        assert cloud.media_url == f"http://127.0.0.1:{unused_tcp_port}"
        await cloud.stop()


# Ranges


@pytest.mark.parametrize(
    ("asked", "start", "stop"), [("0-99", 0, 100), ("100-", 100, None), ("-50", -50, None), ("0-99999999", 0, None)]
)
async def test_a_range_of_a_file(camera, link, asked, start, stop):
    whole = await camera.get(link)
    part = await camera.get(link, Range=f"bytes={asked}")

    size = len(whole.body)
    first, last, _ = slice(start, stop).indices(size)
    assert part.status == 206
    assert part.body == whole.body[start:stop]
    assert part.headers["Content-Range"] == f"bytes {first}-{last - 1}/{size}"
    assert part.headers["Content-Length"] == str(len(part.body))
    assert part.headers["ETag"] == whole.headers["ETag"]
    assert whole.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=9-3", "bytes=x", "pages=1-2", "bytes=0-1,5-6"])
async def test_a_range_that_is_not_there(camera, link, asked):
    whole = await camera.get(link)
    answer = await camera.get(link, Range=asked)

    assert (answer.status, answer.body) == (416, b"")
    assert answer.headers["Content-Range"] == f"bytes */{len(whole.body)}"


async def test_a_range_of_another_file_is_the_whole(cloud, camera, link, ring_ms):
    tag = (await camera.get(link)).headers["ETag"]
    same = await camera.get(link, Range="bytes=0-9", **{"If-Range": tag})
    other = await camera.get(link, Range="bytes=0-9", **{"If-Range": '"other"'})
    again = await camera.get(await camera.link(ring_ms))
    different = await camera.get(await camera.link(ring_ms + 1))

    assert (same.status, other.status) == (206, 200)
    assert again.headers["ETag"] == tag, "a new link to the same file"
    assert different.headers["ETag"] != tag


# Transfers


async def test_a_file_comes_as_slowly_as_is_set(cloud, camera, clip):
    size = len((await camera.get(clip)).body)
    cloud.switches.media_bytes_per_second = size * 5
    began = asyncio.get_running_loop().time()

    answer = await camera.get(clip)

    assert len(answer.body) == size
    assert asyncio.get_running_loop().time() - began >= 0.15


@pytest.mark.parametrize("after", [0, 1000, 4_000_000])
async def test_a_transfer_breaks_after_so_many_bytes(cloud, camera, clip, after):
    whole = await camera.get(clip)
    cloud.media.transfers.cut_after(after)
    async with camera.partner.session.get(clip) as response:
        assert response.headers["Content-Length"] == str(len(whole.body))
        assert response.headers["ETag"] == whole.headers["ETag"]
        received = await response.content.readexactly(after)
        with pytest.raises(BROKEN):
            await response.content.read(1)

    assert received == whole.body[:after]
    assert cloud.media_requests[-1].status == 0
    rest = await camera.get(clip, Range=f"bytes={after}-")
    assert received + rest.body == whole.body


async def test_so_many_transfers_break_as_were_asked_for(cloud, camera, link):
    cloud.media.transfers.cut_after(10, count=2)

    for _ in range(2):
        with pytest.raises(BROKEN):
            await camera.get(link)
    assert (await camera.get(link)).status == 200


async def test_a_transfer_can_be_held_and_goes_on(cloud, camera, clip):
    whole = await camera.get(clip)
    held = cloud.media.transfers.hold_after(1000)
    async with camera.partner.session.get(clip) as response:
        first = await response.content.readexactly(1000)
        await held.reached()
        assert (await camera.get(clip)).body == whole.body, "others are served"
        held.release()
        assert first + await response.read() == whole.body


async def test_what_is_held_does_not_keep_the_cloud_from_stopping(cloud, camera, clip):
    held = cloud.media.transfers.hold_after(1000)
    async with camera.partner.session.get(clip):
        await held.reached()
        async with asyncio.timeout(120):
            await cloud.stop()


async def test_a_direct_clip_travels_the_same_way(cloud, camera, ring_ms):
    cloud.switches.clip_answer = "direct"
    cloud.media.transfers.cut_after(1000)

    with pytest.raises(BROKEN):
        await camera.ask("video", {"timestamp": ring_ms, "duration": 1000})
    assert cloud.requests[-1].status == 0
    assert (await camera.ask("video", {"timestamp": ring_ms, "duration": 1000})).status == 206


@pytest.mark.parametrize("rate", [0, 100_000_000])
async def test_faults_strike_on_this_origin(cloud, camera, link, rate):
    cloud.switches.media_bytes_per_second = rate
    cloud.faults.add("/v1/download*", status=503)
    assert (await camera.get(link)).status == 503

    cloud.faults.add("/v1/download*", status=302, headers={"Location": "https://evil.example.com/"})
    assert (await camera.get(link)).headers["Location"] == "https://evil.example.com/"

    cloud.faults.add("/v1/download*", cut="body")
    with pytest.raises(BROKEN):
        await camera.get(link)
    assert cloud.media_requests[-1].status == 0

    cloud.faults.add("/v1/download*", garbage="html")
    assert (await camera.get(link)).body.startswith(b"<!DOCTYPE html>")
    assert (await camera.get(link)).status == 200


async def test_many_pictures_are_drawn_beside_the_event_loop_and_each_once(cloud, camera, ring_ms):
    small = {"resolution": {"width": 320, "height": 180}}
    moments = [ring_ms + 100 * index for index in range(50)]

    answers = await asyncio.gather(*(camera.picture(at, image_options=small) for at in moments * 2))

    assert [read_time(answer.body) for answer in answers] == moments * 2
    assert cloud.media.files.made == 50


async def test_one_clip_for_many_is_made_once_and_whoever_leaves_spoils_it_for_nobody(cloud, camera, ring_ms):
    links = [await camera.ask("video", {"timestamp": ring_ms, "duration": 20_000}) for _ in range(3)]
    waiting = [asyncio.create_task(camera.get(link.headers["Location"])) for link in links]
    await asyncio.sleep(0)
    waiting[0].cancel()

    answers = await asyncio.gather(*waiting, return_exceptions=True)

    assert isinstance(answers[0], asyncio.CancelledError)
    assert [answer.status for answer in answers[1:]] == [206, 206]
    assert cloud.media.files.made == 1


async def test_files_are_forgotten_when_they_become_too_many(cloud, camera, ring_ms):
    cloud.media.files = Files(kept_bytes=60_000)
    for index in itertools.chain(range(4), range(4)):
        await camera.picture(ring_ms + index)

    assert cloud.media.files.made == 8
