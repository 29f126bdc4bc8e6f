"""Pictures, and where they may be fetched: never with the token, and from nobody but Ring."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
import json
import socket
from typing import override

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import HealthCheck, given, settings, strategies as st
import pytest
from yarl import URL

from custom_components.ring_partner.api import (
    AbstractAuth,
    Picture,
    PictureFormat,
    RingClient,
    RingError,
    RingForbiddenError,
    RingHosts,
    RingMedia,
    RingMediaError,
    RingMediaNotFoundError,
    RingMediaNotReadyError,
    RingMediaTooEarlyError,
    RingMediaUnreadableError,
    RingNotFoundError,
    RingRateLimitError,
    RingRequestError,
    RingUnavailableError,
    StaticAuth,
    media as media_module,
)
from ring_cloud import Account, App, RingCloud
from ring_cloud.media_time import read_time

from .conftest import CUT, NOW, ScriptedRing, answer, hosts

AT = datetime.fromtimestamp(NOW, UTC)
JPEG = b"\xff\xd8\xff\xe0 a picture"
PNG = b"\x89PNG\r\n\x1a\n a picture"


@pytest.fixture
def media(client: RingClient) -> RingMedia:
    return RingMedia(client)


def redirect(ring: ScriptedRing, location: str | None = None, status: int = 303) -> bytes:
    return answer(status, location=location or f"{ring.url}/v1/download?security_token=fake-signed-token-1")


def picture(body: bytes = JPEG, status: int = 200, content_type: str = "image/jpeg", **headers: str) -> bytes:
    return answer(status, body, content_type, **headers)


def refusal(status: int, code: str) -> bytes:
    return answer(status, {"errors": [{"id": "1", "status": str(status), "code": code, "detail": "It is so."}]})


class SecondToken(AbstractAuth):
    """Has another token where the first is refused."""

    @override
    async def async_get_access_token(self) -> str:
        return "first"

    @override
    async def async_renew(self, rejected: str) -> str:
        return "second"


class TestAPicture:
    async def test_it_is_asked_for_with_the_token_and_fetched_without(self, ring, media) -> None:
        ring.says(redirect(ring), picture(x_media_timestamp=str(round(NOW * 1000)), x_media_origin="recording"))
        got = await media.async_get_picture("cam 1", AT, PictureFormat(width=320, height=180), component_id="2")
        assert got == Picture(body=JPEG, content_type="image/jpeg", at=AT, origin="recording")
        assert JPEG not in repr(got).encode()
        asked, fetched = ring.seen
        assert (asked.method, asked.path) == ("POST", "/v1/devices/cam%201/media/image/download")
        assert asked.headers["authorization"] == "Bearer fake-access-token-1"
        assert json.loads(asked.body) == {
            "type": "at_timestamp",
            "timestamp": round(NOW * 1000),
            "image_options": {"format": "jpeg", "resolution": {"width": 320, "height": 180}},
            "components": [{"component_id": "2"}],
        }
        assert fetched.method == "GET"
        assert fetched.target == "/v1/download?security_token=fake-signed-token-1"
        assert not {"authorization", "cookie", "referer"} & fetched.headers.keys()

    async def test_the_latest_of_a_span(self, ring, media) -> None:
        ring.says(redirect(ring), picture())
        got = await media.async_get_latest_picture("cam", AT - timedelta(hours=1), AT)
        assert (got.at, got.origin) == (None, None)
        body = json.loads(ring.seen[0].body)
        assert body["type"] == "latest_in_range"
        assert body["end_timestamp"] - body["start_timestamp"] == 3_600_000
        assert "components" not in body

    async def test_the_latest_since_a_moment(self, ring, media) -> None:
        ring.says(redirect(ring), picture())
        assert (await media.async_get_latest_picture("cam", AT)).body == JPEG
        assert json.loads(ring.seen[0].body) == {
            "type": "latest_in_range",
            "start_timestamp": round(NOW * 1000),
            "image_options": {"format": "jpeg", "resolution": {"width": 1280, "height": 720}},
        }

    async def test_timestamp_that_ring_would_take_for_seconds_is_not_sent(self, ring, media) -> None:
        with pytest.raises(RingMediaNotFoundError):
            await media.async_get_picture("cam", datetime.fromtimestamp(NOW / 1000, UTC))
        assert not ring.seen

    async def test_a_token_that_has_run_out_is_renewed_once(self, ring, make_client) -> None:
        ring.says(answer(401), redirect(ring), picture())
        assert (await RingMedia(make_client(SecondToken())).async_get_picture("cam", AT)).body == JPEG
        assert [seen.headers.get("authorization") for seen in ring.seen] == ["Bearer first", "Bearer second", None]

    async def test_renewed_token_that_is_refused_too_is_an_outage(self, ring, make_client) -> None:
        ring.says(answer(401))
        with pytest.raises(RingUnavailableError, match="even a renewed token"):
            await RingMedia(make_client(SecondToken())).async_get_picture("cam", AT)
        assert len(ring.seen) == 2

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    async def test_a_redirect_of_any_kind_is_followed_once(self, ring, media, status) -> None:
        ring.says(redirect(ring, status=status), picture())
        assert (await media.async_get_picture("cam", AT)).body == JPEG
        ring.says(redirect(ring, status=status), redirect(ring, status=status))
        with pytest.raises(RingUnavailableError):
            await media.async_get_picture("cam", AT)
        assert len(ring.seen) == 2

    async def test_an_answer_without_a_redirect_is_good_as_well(self, ring, media) -> None:
        ring.says(picture())
        assert (await media.async_get_picture("cam", AT)).body == JPEG

    @pytest.mark.parametrize(("body", "content_type"), [(JPEG, "image/jpeg"), (PNG, "image/png")])
    @pytest.mark.parametrize("said", ["image/webp", "application/octet-stream", ""])
    async def test_what_it_is_says_the_picture_itself(self, ring, media, body, content_type, said) -> None:
        ring.says(redirect(ring), picture(body, content_type=said))
        assert (await media.async_get_picture("cam", AT)).content_type == content_type

    @pytest.mark.parametrize("stamp", ["2026-09-21T14:13:20Z", str(round(NOW * 1000))])
    async def test_its_time_may_be_written_in_two_ways(self, ring, media, stamp) -> None:
        ring.says(redirect(ring), picture(x_media_timestamp=stamp))
        assert (await media.async_get_picture("cam", AT)).at == AT

    @pytest.mark.parametrize("stamp", ["", "soon", "-1", "99999999999999999999"])
    async def test_a_time_that_is_none_costs_no_picture(self, ring, media, stamp) -> None:
        ring.says(redirect(ring), picture(x_media_timestamp=stamp))
        assert (await media.async_get_picture("cam", AT)).at is None


class TestARefusal:
    @pytest.mark.parametrize(
        ("said", "error"),
        [
            (refusal(416, "MEDIA_NOT_FOUND"), RingMediaNotFoundError),
            (answer(416), RingMediaNotFoundError),
            (refusal(425, "RECORDING_NOT_READY"), RingMediaNotReadyError),
            (refusal(422, "GRECO_NO_VALID_KEY"), RingMediaNotReadyError),
            (refusal(422, "CORRUPT_RECORDING"), RingMediaUnreadableError),
            (answer(422), RingMediaNotReadyError),
            (refusal(403, "TIME_RANGE_NOT_AUTHORIZED"), RingMediaTooEarlyError),
            (refusal(403, "REQUEST_FORBIDDEN"), RingForbiddenError),
            (answer(403), RingForbiddenError),
            (refusal(404, "DEVICE_NOT_FOUND"), RingNotFoundError),
            (refusal(400, "INVALID_PAYLOAD"), RingRequestError),
            (refusal(503, "SERVER_BUSY"), RingUnavailableError),
            (answer(429, retry_after="7"), RingRateLimitError),
            (answer(200, {}), RingUnavailableError),
            (picture(b"<html>"), RingUnavailableError),
            (picture(b""), RingUnavailableError),
            (picture(b"\x00" * 500), RingMediaUnreadableError),
            (picture(b"GIF89a"), RingMediaUnreadableError),
            (picture(b"<\x9e\x07" * 500), RingMediaUnreadableError),
            (picture(b"\n <!DOCTYPE HTML PUBLIC>"), RingUnavailableError),
            (CUT, RingUnavailableError),
        ],
    )
    @pytest.mark.parametrize("step", ["asked", "fetched"])
    async def test_each_has_a_class_of_its_own_and_none_ends_the_link(self, ring, media, said, error, step) -> None:
        ring.says(*(said,) if step == "asked" else (redirect(ring), said))
        with pytest.raises(error) as raised:
            await media.async_get_picture("cam", AT)
        assert type(raised.value) is error or issubclass(type(raised.value), RingUnavailableError)
        assert "fake-signed-token-1" not in str(raised.value)

    async def test_the_word_of_ring_is_kept(self, ring, media) -> None:
        ring.says(redirect(ring), refusal(422, "CORRUPT_RECORDING"))
        with pytest.raises(RingMediaUnreadableError) as raised:
            await media.async_get_picture("cam", AT)
        assert (raised.value.code, raised.value.status) == ("CORRUPT_RECORDING", 422)

    async def test_a_token_refused_by_the_media_host_is_no_lost_link(self, ring, media) -> None:
        ring.says(redirect(ring), answer(401))
        with pytest.raises(RingRequestError):
            await media.async_get_picture("cam", AT)

    async def test_a_picture_that_never_ends_is_not_read_to_its_end(self, ring, media, monkeypatch) -> None:
        monkeypatch.setattr(media_module, "MAX_PICTURE_BYTES", 1000)
        ring.says(redirect(ring), picture(JPEG + bytes(2000)))
        with pytest.raises(RingUnavailableError, match="too long"):
            await media.async_get_picture("cam", AT)

    async def test_a_picture_that_only_drips_is_given_up(self, ring, media, monkeypatch) -> None:
        monkeypatch.setattr(media_module, "PICTURE_SECONDS", 0.05)
        ring.says(redirect(ring), picture(JPEG, content_length="1000"))
        with pytest.raises(RingUnavailableError):
            await media.async_get_picture("cam", AT)


# --- Where to -------------------------------------------------------------------------------------------------------

ELSEWHERE = [
    "https://example.com/v1/download",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data",
    "file:///etc/passwd",
    "ftp://127.0.0.1/x",
    "//example.com/x",
    "",
]


@pytest.mark.parametrize("location", ELSEWHERE)
async def test_a_redirect_to_anybody_else_is_followed_nowhere(ring, media, location) -> None:
    ring.says(answer(303, location=location))
    with pytest.raises(RingMediaError, match="host that is not Ring's"):
        await media.async_get_picture("cam", AT)
    assert len(ring.seen) == 1


class OneHost(AbstractResolver):
    """Leads every name to this machine, and remembers the names."""

    def __init__(self) -> None:
        self.names: list[str] = []

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.names.append(host)
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)]

    @override
    async def close(self) -> None:
        return


@pytest.fixture
async def resolver() -> OneHost:
    return OneHost()


@pytest.fixture
async def real_media(ring: ScriptedRing, resolver: OneHost) -> AsyncIterator[RingMedia]:
    """Asks what it takes for the real Ring, where no redirect may lead to this machine."""
    api = URL(ring.url).with_host("api.ring.test")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=resolver)) as session:
        client = RingClient(session, StaticAuth("fake-access-token-1"), RingHosts(api=api))
        yield RingMedia(client)


@pytest.mark.parametrize(
    "location",
    [*ELSEWHERE, "http://127.0.0.1:{port}/x", "https://localhost/", "/v1/download", "http://media.amazonvision.com/"],
)
async def test_the_real_ring_leads_neither_to_this_machine_nor_to_plain_http(
    ring, real_media, resolver, location
) -> None:
    ring.says(answer(303, location=location.format(port=URL(ring.url).port)))
    with pytest.raises(RingMediaError, match="host that is not Ring's"):
        await real_media.async_get_picture("cam", AT)
    assert len(ring.seen) == 1
    assert resolver.names == ["api.ring.test"]


# --- Anything at all ------------------------------------------------------------------------------------------------

FUZZ = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40).map(
    lambda text: text.encode("latin-1")
)
HEADERS = st.dictionaries(
    st.sampled_from(["x_media_timestamp", "x_media_origin", "retry_after", "x_request_id", "content_encoding"]), HEADER
)
BODIES = (
    st.binary(max_size=200)
    | st.binary(max_size=50).map(lambda rest: JPEG + rest)
    | st.sampled_from([b"[]", b"null", b'{"errors": 1}', b'{"errors": [1, {"code": []}]}', b"\xff\xd8\xff"])
)
STATUS = st.sampled_from([200, 200, 206, 204, 303, 400, 401, 403, 404, 416, 422, 425, 429, 500, 503, 599])


@FUZZ
@given(status=STATUS, body=BODIES, headers=HEADERS, content_type=HEADER, second=st.booleans())
async def test_whatever_is_answered_only_errors_of_ring_leave_the_client(
    ring, media, status, body, headers, content_type, second
) -> None:
    said = answer(status, body, content_type, **headers)
    ring.says(*(redirect(ring), said) if second else (said,))
    try:
        got = await media.async_get_picture("cam", AT)
    except RingError:
        return
    assert got.body.startswith((b"\xff\xd8\xff", b"\x89PNG"))


@FUZZ
@given(location=HEADER | st.sampled_from(ELSEWHERE).map(str.encode))
async def test_whatever_the_redirect_says_only_errors_of_ring_leave_the_client(ring, media, location) -> None:
    ring.says(answer(303, location=location), picture(b"x"))
    with pytest.raises(RingError):
        await media.async_get_picture("cam", AT)


# --- The local Ring cloud -------------------------------------------------------------------------------------------


async def test_the_picture_of_the_local_cloud_shows_the_moment_asked_for(
    session, cloud: RingCloud, app: App, account: Account
) -> None:
    token = cloud.link_directly(account, app)["access_token"]
    media = RingMedia(RingClient(session, StaticAuth(token), hosts(cloud)))
    door = account.device("Front Door")
    cloud.clock.advance(3600)
    times = [NOW + 600 * number for number in range(1, 6)]
    for at in times:
        cloud.remember(door, "button_press", at=at)
    for kind in ("jpeg", "png"):
        got = await asyncio.gather(
            *(
                media.async_get_picture(door.id, datetime.fromtimestamp(at, UTC), PictureFormat(kind=kind))
                for at in times
            )
        )
        assert [read_time(item.body) for item in got] == [round(at * 1000) for at in times]
        assert [item.at for item in got] == [datetime.fromtimestamp(at, UTC) for at in times]
        assert {item.content_type for item in got} == {f"image/{kind}"}
    assert cloud.media_requests.with_bearer == 0
    assert len(cloud.media_requests) == 10
    with pytest.raises(RingMediaTooEarlyError):
        await media.async_get_picture(door.id, datetime.fromtimestamp(NOW - 3600, UTC))
