"""Faults on demand: the right request fails, in the right way, so many times."""

import asyncio
import json
import math

import aiohttp
import pytest

from ring_cloud import InputError

CUT = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


async def test_the_nth_matching_request_fails_so_many_times(cloud, partner, token):
    fault = cloud.faults.add("/v1/devices*", nth=2, count=2, status=503)

    statuses = [(await partner.call(token, "/v1/devices")).status for _ in range(4)]
    other = (await partner.call(token, "/v1/users/me")).status

    assert (statuses, other, fault.hits) == ([200, 503, 503, 200], 200, 2)


async def test_a_fault_can_last_until_it_is_cleared(cloud, partner, token):
    cloud.faults.add(count=None, status=500)
    assert {(await partner.call(token, "/v1/users/me")).status for _ in range(5)} == {500}

    cloud.faults.clear()
    assert (await partner.call(token, "/v1/users/me")).status == 200


async def test_a_fault_can_be_for_one_method(cloud, partner, token):
    cloud.faults.add(method="post", status=502)

    assert (await partner.call(token, "/v1/users/me")).status == 200
    assert (await partner.refresh(token)).status == 502


async def test_a_status_brings_its_body_and_headers(cloud, partner, token):
    cloud.faults.add(status=429, headers={"Retry-After": "300"})
    cloud.faults.add(status=403, body="<html>no</html>")
    limited = await partner.call(token, "/v1/devices")
    cloud.faults.add(status=401)

    assert (limited.headers["Retry-After"], limited.title) == ("300", "Rate Limit Exceeded")
    html = await partner.call(token, "/v1/devices")
    assert (html.body, html.headers["Content-Type"]) == (b"<html>no</html>", "text/html")
    assert (await partner.call(token, "/v1/devices")).body == b"", "a 401 of Ring's is empty"


@pytest.mark.parametrize("status", [401, 500, 503])
async def test_a_status_can_have_an_empty_body(cloud, partner, token, status):
    await partner.control("POST", "/faults", {"status": status, "body": ""})

    answer = await partner.call(token, "/v1/devices")

    assert (answer.status, answer.body) == (status, b"")
    assert answer.headers["x-request-id"]


async def test_a_429_says_when_to_come_again_unless_told_otherwise(cloud, partner, token):
    cloud.faults.add(status=429)
    cloud.faults.add(status=429, headers={"retry-after": "60"})
    cloud.faults.add(status=429, headers={"Retry-After": ""})

    answers = [await partner.call(token, "/v1/devices") for _ in range(3)]

    assert [answer.headers.getall("Retry-After", []) for answer in answers] == [["1"], ["60"], []]


@pytest.mark.parametrize("kind", ["image", "video"])
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "INVALID_PAYLOAD"),
        (403, "REQUEST_FORBIDDEN"),
        (404, "DEVICE_NOT_FOUND"),
        (416, "MEDIA_NOT_FOUND"),
        (422, "CORRUPT_RECORDING"),
        (425, "RECORDING_NOT_READY"),
        (500, "INTERNAL_ERROR"),
        (503, "SERVER_BUSY"),
    ],
)
async def test_media_fail_in_the_form_of_the_media_api(cloud, partner, account, token, kind, status, code):
    cloud.faults.add("*/media/*/download", status=status)

    path = f"/v1/devices/{account.devices[0].id}/media/{kind}/download"
    answer = await partner.call(token, path, "POST", json={})

    (error,) = answer.json["errors"]
    assert answer.status == status
    assert error.pop("detail")
    assert error == {
        "id": answer.headers["x-request-id"],
        "status": str(status),
        "code": code,
        "meta": {"timestamp": "2026-09-21T14:13:20Z"},
    }


async def test_a_pre_signed_url_fails_in_the_form_of_the_media_api(cloud, partner, token):
    cloud.faults.add("/v1/download*", status=503)

    async with partner.session.get(f"{cloud.media_url}/v1/download") as response:
        answer = await response.json()

    assert (response.status, answer["errors"][0]["code"]) == (503, "SERVER_BUSY")
    assert answer["errors"][0]["id"] == response.headers["x-request-id"]


async def test_what_is_no_download_fails_in_the_form_of_the_api(cloud, partner, account, token):
    cloud.faults.add("*/media/*", status=503)

    path = f"/v1/devices/{account.devices[0].id}/media/audio/playback"
    answer = await partner.call(token, path, "POST", json={})

    assert answer.json["errors"] == [{"status": "503", "title": "Service Unavailable", "detail": "A fault on demand"}]


async def test_a_connection_cut_before_leaves_the_token_alone(cloud, partner, token):
    cloud.faults.add("/oauth/*", cut="before")

    with pytest.raises(CUT):
        await partner.refresh(token)

    assert (await partner.refresh(token)).status == 200


async def test_a_connection_cut_after_has_rotated_the_token(cloud, partner, token):
    cloud.faults.add("/oauth/*", cut="after")

    with pytest.raises(CUT):
        await partner.refresh(token)

    assert (await partner.refresh(token)).json["error"] == "invalid_grant"


async def test_a_connection_can_be_cut_in_the_middle_of_the_answer(cloud, partner, token):
    cloud.faults.add("/v1/devices", cut="body")

    with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ClientOSError)):
        await partner.call(token, "/v1/devices")

    assert cloud.requests[-1].status == 0
    assert (await partner.call(token, "/v1/devices")).status == 200


@pytest.mark.parametrize("garbage", ["text", "truncated", "html"])
async def test_garbage_is_a_200_that_is_no_document(cloud, partner, token, garbage):
    cloud.faults.add(garbage=garbage)

    answer = await partner.call(token, "/v1/devices")

    assert (answer.status, bool(answer.body)) == (200, True)
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|Invalid"):
        json.loads(answer.body)


async def test_a_delay_holds_a_request_until_it_is_released(cloud, partner, token):
    fault = cloud.faults.add("/v1/users/me", delay=math.inf)
    waiting = asyncio.create_task(partner.call(token, "/v1/users/me"))
    await fault.reached()
    assert (await partner.call(token, "/v1/devices")).status == 200
    assert not waiting.done()

    fault.release()
    assert (await waiting).status == 200


async def test_a_delay_ends_by_itself(cloud, partner, token):
    cloud.faults.add(delay=0.01)

    assert (await partner.call(token, "/v1/users/me")).status == 200


@pytest.mark.parametrize("wrong", [{}, {"status": 500, "delay": 1}, {"cut": "sideways"}, {"garbage": "nice"}])
def test_a_fault_is_exactly_one_thing(cloud, wrong):
    with pytest.raises(InputError):
        cloud.faults.add(**wrong)


async def test_every_request_is_counted_with_what_became_of_it(cloud, partner, token):
    await partner.call(token, "/v1/devices?include=status")
    await partner.call("unknown", "/v1/users/me")
    await partner.refresh(token)

    assert cloud.count() == 3
    assert cloud.count("GET", "/v1/*") == 2
    assert cloud.count("GET", status=401) == 1
    assert [(seen.method, seen.path, seen.status) for seen in cloud.requests] == [
        ("GET", "/v1/devices", 200),
        ("GET", "/v1/users/me", 401),
        ("POST", "/oauth/token", 200),
    ]
    assert cloud.requests[0].query == "include=status"
    assert cloud.requests[0].user_agent.startswith("Python/")


async def test_a_cloud_that_stops_and_starts_is_the_same_cloud(cloud, partner, token):
    port = int(cloud.url.rpartition(":")[2])
    await cloud.stop()
    with pytest.raises(aiohttp.ClientConnectorError):
        await partner.call(token, "/v1/users/me")

    await cloud.start(port=port)
    assert (await partner.call(token, "/v1/users/me")).status == 200
