"""Live views with a real connection: what a viewer sees, when it stops, and that nothing is left of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
import io
import time

import av
import pytest

from ring_cloud import Switches, live_peer
from ring_cloud.media_time import read_time
from ring_cloud.sdp import read_offer

from .test_whep import end, offer
from .whep_client import CANDIDATE, PATIENCE, Viewer, browser_offer

FOREIGN = "a=candidate:2 1 udp 2122260222 203.0.113.7 50000 typ srflx raddr 0.0.0.0 rport 0"
HIDDEN = "a=candidate:3 1 udp 2122260221 00000000-0000-4000-8000-000000000001.local 50000 typ host"


@pytest.fixture
def door(account):
    return account.device("Front Door")


@pytest.fixture
async def viewers() -> AsyncIterator[list[Viewer]]:
    opened: list[Viewer] = []
    yield opened
    for viewer in opened:
        await viewer.connection.close()


@pytest.fixture
def watch(partner, token, door, viewers):
    """Open a live view of the front door: return the viewer and the location."""

    async def open_one(*, bare: bool = False) -> tuple[Viewer, str]:
        viewer = Viewer()
        viewers.append(viewer)
        sdp = await viewer.offer()
        if bare:
            sdp = "".join(line for line in sdp.splitlines(keepends=True) if "candidate" not in line)
        answer = await offer(partner, token, door, sdp)
        assert answer.status == 201
        await viewer.accept(answer.body.decode())
        return viewer, answer.headers["Location"]

    return open_one


def shown_ms(frame: av.VideoFrame) -> int:
    """The time that is written on a frame."""
    file = io.BytesIO()
    frame.to_image().save(file, "png")
    return read_time(file.getvalue())


async def fewest_packets(viewer: Viewer) -> int:
    """How many packets came of pictures or of sound, whichever are fewer."""
    reports = (await viewer.connection.getStats()).values()
    counts = [report.packetsReceived for report in reports if report.type == "inbound-rtp"]
    return min(counts) if len(counts) == 2 else 0


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_viewer_sees_and_hears_the_camera(watch, clock):
    viewer, _ = await watch()
    picture, sound = await viewer.frame(), await viewer.frame("audio")

    assert (picture.width, picture.height) == (640, 360)
    assert shown_ms(picture) == clock.time() * 1000
    assert (sound.sample_rate, sound.layout.name) == (48_000, "stereo")
    clock.advance(5)
    async with asyncio.timeout(PATIENCE):
        while shown_ms(await viewer.frame()) != clock.time() * 1000:
            pass


async def test_the_picture_comes_steadily(watch):
    viewer, _ = await watch()
    await viewer.frame()
    first = await viewer.frame()
    for _ in range(14):
        last = await viewer.frame()

    # A machine that is busy may leave some out; none comes early.
    assert 14 / 15 - 0.01 <= (last.pts - first.pts) / 90_000 < PATIENCE


async def test_an_offer_of_a_browser_is_answered_with_one_profile_retransmission_and_opus(partner, token, door):
    lines = (await offer(partner, token, door, browser_offer())).body.decode().split("\r\n")

    assert [line.split()[1] for line in lines if line.startswith("a=rtpmap")] == [
        "opus/48000/2",
        "H264/90000",
        "rtx/90000",
    ]
    assert lines.count("a=sendonly") == 2
    assert {"a=group:BUNDLE 0 1", "a=end-of-candidates"} <= set(lines)
    addresses = [line.split()[4] for line in lines if line.startswith("a=candidate:")]
    assert addresses[0] == "127.0.0.1"


async def test_a_viewer_who_names_no_candidates_is_found_by_its_own_packets(cloud, watch):
    cloud.switches.whep_bare_offers = True
    viewer, _ = await watch(bare=True)

    assert (await viewer.frame()).width == 640


def test_candidates_that_are_not_on_this_machine_are_dropped():
    read = read_offer(browser_offer(candidates=(CANDIDATE, FOREIGN, HIDDEN)).encode(), Switches())
    kept = read.for_peer(frozenset({"192.0.2.2"})).split("\r\n")

    assert [line for line in kept if "candidate" in line] == [CANDIDATE] * 2


async def test_a_hidden_address_costs_the_time_of_asking_for_it(monkeypatch, partner, token, door):
    monkeypatch.setattr(live_peer, "MDNS_SECONDS", 0.3)
    began = time.monotonic()
    assert (await offer(partner, token, door, browser_offer(candidates=(HIDDEN,)))).status == 201

    assert time.monotonic() - began >= 0.3


async def test_a_camera_can_go_offline_while_an_offer_is_answered(monkeypatch, cloud, partner, token, door):
    monkeypatch.setattr(live_peer, "MDNS_SECONDS", 0.3)
    asking = asyncio.create_task(offer(partner, token, door, browser_offer(candidates=(HIDDEN,))))
    await until(lambda: cloud.live.opened == 1)
    door.set(online=False)

    assert (await asking).status in (201, 400)
    assert (cloud.live.open_sessions, cloud.live.opened, cloud.live.closed) == ((), 1, 1)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("a=fingerprint:sha-256 AB", "a=fingerprint:md5 AB"),
        ("a=fingerprint:sha-256 ", "a=fingerprint:"),
        ("a=setup:actpass", "a=setup:sideways"),
        ("a=mid:0", "a=mid:1"),
        ("a=rtpmap:111 opus/48000/2", "a=rtpmap:111 opus"),
        ("a=rtpmap:111 opus/48000/2", "a=rtpmap:111 silk/8000"),
        ("50000 typ host", "port typ host"),
        ("m=audio 9", "m=audio nine"),
    ],
)
async def test_a_damaged_offer_is_refused_or_answered_and_never_an_accident(cloud, partner, token, door, good, bad):
    answer = await offer(partner, token, door, browser_offer().replace(good, bad))

    assert answer.status in (201, 400)
    assert len(cloud.live.open_sessions) == cloud.live.opened == (answer.status == 201)


async def test_nothing_of_an_offer_or_an_answer_is_logged(caplog, watch):
    viewer, _ = await watch()
    await viewer.frame()
    secrets = [line for line in viewer.connection.localDescription.sdp.split("\r\n") if line.startswith("a=ice-pwd")]
    secrets += [line for line in viewer.connection.remoteDescription.sdp.split("\r\n") if line.startswith("a=ice-pwd")]

    assert len(secrets) == 4
    assert not [line for line in secrets if line.removeprefix("a=ice-pwd:") in caplog.text]


# Second viewers


async def test_a_second_viewer_gets_an_answer_and_no_picture(watch):
    first, _ = await watch()
    await first.frame()
    second, _ = await watch()
    await until(lambda: second.connection.connectionState == "connected")

    assert await second.starves()
    assert (await first.frame()).width == 640


async def test_of_two_who_come_at_once_one_sees_something(watch):
    pair = [viewer for viewer, _ in await asyncio.gather(watch(), watch())]
    await until(lambda: all(viewer.connection.connectionState == "connected" for viewer in pair))
    seen = await asyncio.gather(*(viewer.frame(seconds=1.5) for viewer in pair), return_exceptions=True)

    assert [type(frame) for frame in seen].count(TimeoutError) == 1


async def test_two_viewers_can_be_allowed(cloud, watch):
    cloud.switches.whep_one_session = "many"
    pair = [(await watch())[0] for _ in range(2)]

    assert [(await viewer.frame()).width for viewer in pair] == [640, 640]


# The end


async def test_ending_a_session_closes_the_connection(partner, token, watch):
    viewer, location = await watch()
    await viewer.frame()
    assert (await end(partner, token, location)).status == 200

    await asyncio.wait_for(viewer.lost.wait(), PATIENCE)


async def test_at_the_cap_the_picture_stops_and_nothing_says_so(cloud, watch, clock):
    viewer, _ = await watch()
    await viewer.frame()
    clock.advance(61)

    assert await viewer.starves()
    assert (viewer.connection.connectionState, cloud.live.open_sessions) == ("connected", ())


async def test_a_connection_left_silent_goes_with_its_viewer(cloud, watch, clock):
    viewer, _ = await watch()
    await viewer.frame()
    (session,) = cloud.live.open_sessions
    clock.advance(61)
    assert cloud.live.open_sessions == ()
    assert not session.peer.is_closed

    await viewer.connection.close()
    await until(lambda: session.peer.is_closed)
    await until(lambda: not [task for task in asyncio.all_tasks() if task.get_name() == "live views"])


async def test_at_the_cap_the_connection_can_be_closed(cloud, watch, clock):
    cloud.switches.whep_end = "close"
    viewer, _ = await watch()
    await viewer.frame()
    clock.advance(61)

    await asyncio.wait_for(viewer.lost.wait(), PATIENCE)


async def test_a_viewer_who_is_lost_leaves_the_session_open_until_the_cap(cloud, watch, clock):
    viewer, _ = await watch()
    await viewer.frame()
    (session,) = cloud.live.open_sessions
    await viewer.connection.close()
    await until(lambda: session.peer.is_closed)

    assert len(cloud.live.open_sessions) == 1
    clock.advance(61)
    assert cloud.live.open_sessions == ()


@pytest.mark.parametrize("every_device", [True, False])
async def test_what_is_encrypted_arrives_and_can_be_neither_seen_nor_heard(cloud, watch, door, every_device):
    if every_device:
        cloud.switches.whep_take = True
    else:
        cloud.media.take(door)
    viewer, _ = await watch()

    async with asyncio.timeout(PATIENCE):
        while await fewest_packets(viewer) < 20:
            await asyncio.sleep(0.05)
    for kind in ("video", "audio"):
        with pytest.raises(TimeoutError):
            await viewer.frame(kind, seconds=0.3)


async def test_what_another_camera_encrypts_is_seen_and_heard_here(cloud, watch, account):
    cloud.media.take(account.device("Driveway"))
    viewer, _ = await watch()

    assert (await viewer.frame()).width == 640
    assert (await viewer.frame("audio")).sample_rate == 48_000


async def test_nothing_is_left_of_ended_sessions(cloud, partner, token, door):
    await end(partner, token, (await offer(partner, token, door)).headers["Location"])
    before = len(asyncio.all_tasks())
    for number in range(20):
        location = (await offer(partner, token, door)).headers["Location"]
        if number % 2:
            await end(partner, token, location)
        else:
            cloud.live.end(door, "close")

    await until(lambda: len(asyncio.all_tasks()) <= before)
    assert (cloud.live.opened, cloud.live.closed) == (21, 21)


async def test_stopping_the_cloud_leaves_nothing(cloud, partner, token, door, watch):
    viewer, _ = await watch()
    await viewer.frame()
    silent, _ = await watch()
    await until(lambda: silent.connection.connectionState == "connected")
    cloud.live.end(door, "silent")
    await offer(partner, token, door)
    await cloud.stop()

    await asyncio.wait_for(viewer.lost.wait(), PATIENCE)
    await asyncio.wait_for(silent.lost.wait(), PATIENCE)
    assert not [task for task in asyncio.all_tasks() if "live view" in task.get_name()]


# What Ring was seen to do in some sessions only


async def test_a_view_can_stall_long_before_its_cap_and_stay_connected(cloud, watch, clock):
    cloud.switches.whep_stalls_after = 12
    viewer, _ = await watch()
    await viewer.frame()
    clock.advance(13)

    assert await viewer.starves()
    assert viewer.connection.connectionState == "connected"
    assert len(cloud.live.open_sessions) == 1, "the session goes on"


async def test_a_baseline_offer_can_be_answered_with_what_nobody_decodes(cloud, partner, token, door, viewers):
    cloud.switches.whep_trimmed_offers = "undecodable"
    viewer = Viewer()
    viewers.append(viewer)
    await viewer.offer()
    answer = await offer(partner, token, door, viewer.connection.localDescription.sdp)
    await viewer.accept(answer.body.decode())

    async with asyncio.timeout(60):
        while await fewest_packets(viewer) < 20:
            await asyncio.sleep(0.05)
    with pytest.raises(TimeoutError):
        await viewer.frame(seconds=0.3)


async def test_the_picture_comes_without_an_msid(watch, partner):
    await partner.control("POST", "/switches", {"whep_msid": False})
    viewer, _ = await watch()

    assert (await viewer.frame()).width == 640
