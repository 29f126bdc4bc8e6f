"""Live views as a fact of the cloud's: who may open one, how it ends, what it leaves behind. Nothing is sent here."""

import asyncio
from collections.abc import Mapping
import re

import aiohttp
import pytest
from yarl import URL

from ring_cloud import Account, Device, InputError, RingCloud

from .conftest import Answer, Partner
from .whep_client import browser_offer

SDP = "application/sdp"


def sessions(device: Device, query: str = "") -> str:
    return f"/v1/devices/{device.id}/media/streaming/whep/sessions{query}"


async def offer(
    partner: Partner, token: Mapping | str, device: Device, sdp: str | bytes | None = None, *, query: str = ""
) -> Answer:
    bearer = token if isinstance(token, str) else token["access_token"]
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": SDP}
    body = browser_offer() if sdp is None else sdp
    return await partner.ask("POST", sessions(device, query), headers=headers, data=body)


async def end(partner: Partner, token: Mapping, location: str) -> Answer:
    return await partner.call(token, location.removeprefix(partner.cloud.url), "DELETE")


def reason(answer: Answer) -> str:
    return answer.json["errors"][0]["detail"]


@pytest.fixture(autouse=True)
def _nobody_there(cloud: RingCloud) -> None:
    cloud.switches.whep_media = "none"


@pytest.fixture
def door(account: Account) -> Device:
    return account.device("Front Door")


# Opening and ending


async def test_an_offer_is_answered_with_sendonly_h264_and_opus(cloud, partner, door, token):
    answer = await offer(partner, token, door)

    assert (answer.status, answer.headers["Content-Type"]) == (201, SDP)
    location = URL(answer.headers["Location"])
    assert str(location).startswith(f"{cloud.url}{sessions(door)}/")
    assert list(location.query) == ["location"]
    lines = answer.body.decode().split("\r\n")
    assert [line.split()[0] for line in lines if line.startswith("m=")] == ["m=audio", "m=video"]
    assert [line for line in lines if re.fullmatch("a=(send|recv|inactive).*", line)] == ["a=sendonly", "a=sendonly"]
    assert [line.split(" ", 1)[1] for line in lines if line.startswith("a=rtpmap")] == ["opus/48000/2", "H264/90000"]
    assert any(line.endswith("packetization-mode=1;profile-level-id=42001f") for line in lines)
    assert "a=group:BUNDLE 0 1" in lines
    assert sum(line.startswith("a=candidate:") for line in lines) == 2
    assert "Link" not in answer.headers


async def test_audio_is_not_answered_where_it_is_not_asked_for(partner, door, token):
    answer = await offer(partner, token, door, browser_offer(audio=None))

    assert answer.status == 201
    assert b"m=audio" not in answer.body


async def test_other_sections_are_turned_down_in_their_place(partner, door, token):
    data = "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n"
    answer = await offer(partner, token, door, browser_offer() + data)

    assert (
        b"m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=inactive" in answer.body
    )


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_a_session_is_ended_by_the_whole_location(cloud, partner, door, token, status):
    cloud.switches.whep_delete_status = status
    location = (await offer(partner, token, door)).headers["Location"]
    assert len(cloud.live.open_sessions) == 1

    without_query = str(URL(location).with_query(None))
    other_query = str(URL(location).with_query(location="elsewhere"))
    assert [(await end(partner, token, wrong)).status for wrong in (without_query, other_query)] == [404, 404]
    assert len(cloud.live.open_sessions) == 1

    assert (await end(partner, token, location)).status == status
    assert cloud.live.open_sessions == ()
    assert (await end(partner, token, location)).status == 404, "ended is ended"
    assert (cloud.live.opened, cloud.live.closed) == (1, 1)


async def test_a_session_belongs_to_its_device_its_account_and_its_app(cloud, partner, account, app, door, token):
    location = (await offer(partner, token, door)).headers["Location"]
    stranger = cloud.link_directly(cloud.add_account("Ada", "Example", "ada@example.com"), app)
    other_app = cloud.link_directly(account, cloud.add_app("fake-client-2"))
    other_device = location.replace(door.id, account.device("Driveway").id)

    assert (await end(partner, stranger, location)).status == 404
    assert (await end(partner, other_app, location)).status == 404
    assert (await end(partner, token, other_device)).status == 404
    assert (await end(partner, token, location)).status == 200


async def test_a_new_token_of_the_same_link_may_end_the_session(partner, door, token):
    location = (await offer(partner, token, door)).headers["Location"]
    renewed = (await partner.refresh(token)).json

    assert (await end(partner, renewed, location)).status == 200


async def test_a_lost_answer_leaves_the_session_open(cloud, partner, door, token):
    cloud.faults.add("*/whep/sessions", cut="after")
    with pytest.raises(aiohttp.ClientError):
        await offer(partner, token, door)

    assert len(cloud.live.open_sessions) == 1


# What is refused


@pytest.mark.parametrize(
    ("sdp", "status", "why"),
    [
        ("", 400, "The body is not SDP"),
        ("{}", 400, "The body is not SDP"),
        (b"\xff\xfe", 400, "The body is not SDP"),
        ("v=0\r\nhello\r\n", 400, "The body is not SDP"),
        ("v=0\r\ns=-\r\n", 400, "The offer has no video"),
        (browser_offer().replace("a=ice-pwd:", "a=x-pwd:"), 400, "The offer has no ice-pwd"),
        (browser_offer().replace("a=mid:0", "a=mid:1"), 400, "The mids of the offer are wrong"),
        (browser_offer().replace("BUNDLE 0 1", "BUNDLE 0 7"), 400, "The mids of the offer are wrong"),
        (browser_offer(video=None), 400, "The offer has no video"),
        (browser_offer().replace("m=video 9", "m=video 0"), 400, "The offer has no video"),
        (browser_offer(video="sendrecv"), 400, "Video must be recvonly"),
        (browser_offer(video="sendonly"), 400, "Video must be recvonly"),
        (browser_offer(audio="sendonly"), 400, "Audio must not be sendonly"),
        (browser_offer(candidates=()), 500, "Internal error"),
        (browser_offer(profiles=("42e01f",)), 500, "Internal error"),
        (browser_offer(profiles=("42001f", "42e01f")), 500, "Internal error"),
        (browser_offer(profiles=("64001f",)), 500, "Internal error"),
        (browser_offer(modes=(0,)), 500, "Internal error"),
        (browser_offer(profiles=()), 500, "Internal error"),
    ],
)
async def test_an_offer_that_ring_would_not_take_is_refused(cloud, partner, door, token, sdp, status, why):
    answer = await offer(partner, token, door, sdp)

    assert (answer.status, reason(answer)) == (status, why)
    assert (cloud.live.opened, len(cloud.live.open_sessions), cloud.history.rows(door.id)) == (0, 0, [])


@pytest.mark.parametrize(
    "sdp",
    [
        browser_offer(audio="sendrecv"),
        browser_offer(profiles=("42001f", "64001f")),
        browser_offer(profiles=("42e01f", "f4001f")),
        browser_offer().replace("\r\n", "\n"),
    ],
)
async def test_an_offer_that_ring_was_seen_to_take_is_taken(partner, door, token, sdp):
    assert (await offer(partner, token, door, sdp)).status == 201


async def test_an_offer_without_candidates_can_be_allowed(cloud, partner, door, token):
    cloud.switches.whep_bare_offers = True

    assert (await offer(partner, token, door, browser_offer(candidates=()))).status == 201


async def test_only_sdp_is_taken(partner, door, token):
    headers = {"Authorization": f"Bearer {token['access_token']}", "Content-Type": "application/json"}
    answer = await partner.ask("POST", sessions(door), headers=headers, data=browser_offer())

    assert (answer.status, answer.title) == (415, "Unsupported Media Type")


async def test_without_a_token_nothing_is_opened_or_ended(cloud, partner, door, token):
    location = (await offer(partner, token, door)).headers["Location"]

    answers = [
        await offer(partner, "unknown", door),
        await partner.call("unknown", URL(location).raw_path_qs, "DELETE"),
    ]
    assert [(answer.status, answer.body) for answer in answers] == [(401, b""), (401, b"")]
    assert len(cloud.live.open_sessions) == 1


@pytest.mark.parametrize("name", ["Hallway Chime", "Back Door", "Shed"])
async def test_what_is_no_camera_has_no_live_video(partner, account, token, name):
    assert (await offer(partner, token, account.device(name))).status == 404


async def test_devices_that_are_removed_or_encrypted_are_not_found(cloud, partner, account, door, token):
    cloud.switches.e2ee_devices = "hidden"
    camera = account.device("Driveway")
    cloud.remove_device(camera)
    door.set(e2ee=True)

    assert [(await offer(partner, token, device)).status for device in (camera, door)] == [404, 404]


async def test_live_video_needs_the_permission(cloud, partner, app, door, token):
    cloud.add_app(app.client_id, permissions=["sensors", "chimes"])

    assert (await offer(partner, token, door)).status == 403


async def test_live_video_can_need_a_plan(cloud, partner, door, token):
    cloud.switches.whep_needs_plan = True
    answer = await offer(partner, token, door)

    assert (answer.status, answer.title) == (403, "Out of Scope Access")


async def test_an_offline_device_says_so(cloud, partner, door, token):
    door.set(online=False)
    answer = await offer(partner, token, door)

    assert (answer.status, reason(answer)) == (503, "Device is currently offline")
    assert cloud.live.opened == 0


@pytest.mark.parametrize(("name", "lens", "status"), [("Garage", 2, 201), ("Garage", 3, 404), ("Front Door", 1, 404)])
async def test_a_lens_can_be_chosen_where_there_is_one(cloud, partner, account, token, name, lens, status):
    answer = await offer(partner, token, account.device(name), query=f"?component_id={lens}")

    assert answer.status == status
    assert [session.component_id for session in cloud.live.open_sessions] == ["2"] * (status == 201)


# What can be otherwise


@pytest.mark.parametrize("direction", ["sendonly", "sendrecv", "recvonly", "inactive"])
async def test_an_answer_can_have_any_direction(cloud, partner, door, token, direction):
    cloud.switches.whep_direction = direction
    lines = (await offer(partner, token, door)).body.decode().split("\r\n")

    assert [line for line in lines if re.fullmatch("a=(send|recv|inactive).*", line)] == [f"a={direction}"] * 2


async def test_an_answer_can_name_ice_servers(cloud, partner, door, token):
    cloud.switches.whep_link = '<stun:stun.example.com:3478>; rel="ice-server"'

    assert (await offer(partner, token, door)).headers["Link"] == cloud.switches.whep_link


async def test_ice_servers_can_stand_in_several_lines(cloud, partner, door, token):
    links = [
        '<stun:stun.example.com:3478>; rel="ice-server"',
        '<turn:turn.example.com?transport=udp>; rel="ice-server"; username="a,b"; credential="fake, <c>; d"',
        '<turns:turn.example.com:443?transport=tcp>; rel="ice-server"; username="fake"; credential="fake-pass"',
    ]
    cloud.switches.whep_link = "\n".join(links)

    assert (await offer(partner, token, door)).headers.getall("Link") == links


async def test_a_second_viewer_of_a_device_can_be_refused(cloud, partner, account, door, token):
    cloud.switches.whep_one_session = "refused"
    first = (await offer(partner, token, door)).headers["Location"]

    assert (await offer(partner, token, door)).status == 503
    assert (await offer(partner, token, account.device("Driveway"))).status == 201
    await end(partner, token, first)
    assert (await offer(partner, token, door)).status == 201


# The end that comes by itself


@pytest.mark.parametrize(("name", "cap"), [("Front Door", 60), ("Garden", 30)])
async def test_a_session_ends_at_the_cap_by_the_clouds_clock(cloud, partner, account, clock, token, name, cap):
    location = (await offer(partner, token, account.device(name))).headers["Location"]
    clock.advance(cap - 0.5)
    assert len(cloud.live.open_sessions) == 1

    clock.advance(1)
    assert cloud.live.open_sessions == ()
    assert (await end(partner, token, location)).status == 404
    assert (cloud.live.opened, cloud.live.closed) == (1, 1)


async def test_a_camera_on_battery_ends_earlier_and_is_drained_without_a_word(
    cloud, partner, account, door, clock, token, webhook_url
):
    cloud.live.put_on_battery(door, 20)
    await offer(partner, token, door)
    for percentage in (19, 18, 17):
        clock.advance(10)
        assert len(cloud.live.open_sessions) == (percentage > 17)
        status = await partner.call(token, f"/v1/devices/{door.id}/status")
        assert status.json["data"]["attributes"]["battery_status"] == {"percentage": percentage}

    clock.advance(60)
    assert (cloud.live.open_sessions, door.values["battery"]) == ((), 17)
    assert await partner.told() == []


async def test_an_ended_session_drains_for_as_long_as_it_was_open(cloud, partner, door, clock, token):
    cloud.live.put_on_battery(door, 1)
    location = (await offer(partner, token, door)).headers["Location"]
    clock.advance(25)
    await end(partner, token, location)

    assert door.values["battery"] == 0


async def test_a_person_can_put_a_camera_on_battery(cloud, partner, door, token):
    answer = await partner.control("POST", f"/devices/{door.id}/battery", {"percentage": 55})
    assert ("battery", 55) in [(control["key"], control["value"]) for control in answer.json["controls"]]
    await partner.control("POST", f"/devices/{door.id}", {"battery": 54})

    await offer(partner, token, door)
    assert [session.cap for session in cloud.live.open_sessions] == [30]
    status = await partner.call(token, f"/v1/devices/{door.id}/status")
    assert status.json["data"]["attributes"]["battery_status"] == {"percentage": 54}
    assert (await partner.control("POST", f"/devices/{door.id}/battery", {"percentage": 101})).status == 400


def test_only_a_camera_can_be_put_on_battery(cloud, account, door):
    with pytest.raises(InputError):
        cloud.live.put_on_battery(account.device("Hallway Chime"))
    with pytest.raises(InputError):
        cloud.live.put_on_battery(door, 300)


async def test_a_session_ends_in_real_time_where_the_clouds_clock_stands_still(cloud, partner, door, token):
    cloud.live.cap_seconds = {"mains": 0.2}
    await offer(partner, token, door)

    async with asyncio.timeout(120):
        while not cloud.live.closed:
            await asyncio.sleep(0.05)
    assert cloud.live.open_sessions == ()


@pytest.mark.parametrize("change", [{"online": False}, {"e2ee": True}])
async def test_a_session_ends_with_what_it_watches(cloud, partner, door, token, change):
    cloud.switches.e2ee_devices = "hidden"
    await offer(partner, token, door)
    door.set(**change)

    assert cloud.live.open_sessions == ()


# What it leaves behind


async def test_the_journal_knows_the_request_and_nothing_of_the_offer(cloud, partner, door, token):
    location = URL((await offer(partner, token, door)).headers["Location"])
    await end(partner, token, str(location))

    opened, ended = cloud.requests
    assert (opened.method, opened.path, opened.query) == ("POST", sessions(door), "")
    assert (ended.method, ended.path, ended.query) == ("DELETE", location.path, location.query_string)
    assert "fake-ice-password" not in repr(opened)


async def test_the_playground_has_live_video(cloud, partner, account):
    token = cloud.playground_token(account)
    (device,) = (await partner.call(token, "/v1/devices")).json["data"]
    path = f"/v1/devices/{device['id']}/media/streaming/whep/sessions"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": SDP}
    answer = await partner.ask("POST", path, headers=headers, data=browser_offer())

    assert answer.status == 201
    assert [row.event_type for row in cloud.history.rows(device["id"])] == ["on_demand"]


async def test_a_thousand_sessions_leave_none_open(cloud, partner, door, token):
    for _ in range(1000):
        # The limit of 100 requests a second is by the clock that stands still here.
        cloud.clock.advance(0.1)
        assert (await end(partner, token, (await offer(partner, token, door)).headers["Location"])).status == 200

    assert (cloud.live.opened, cloud.live.closed, cloud.live.open_sessions) == (1000, 1000, ())


async def test_stopping_the_cloud_ends_every_session(cloud, partner, door, token):
    await offer(partner, token, door)
    await cloud.stop()

    assert (cloud.live.open_sessions, cloud.live.opened, cloud.live.closed) == ((), 1, 1)
