"""How often Ring may be asked, how long to wait, and how much of an answer is read."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
import gzip

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.ring_partner.api import (
    AppRateLimits,
    RateLimit,
    RateLimiter,
    RingClient,
    RingError,
    RingMedia,
    RingNotFoundError,
    RingRateLimitError,
    RingUnavailableError,
    Whep,
)

from .conftest import USER, MakeClient, ScriptedRing, answer


async def test_the_rate_limit_of_the_last_answer_is_known(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(USER)
    await client.async_get_user()
    assert client.rate_limit is None
    ring.says(answer(404, X_RateLimit_Limit="100", X_RateLimit_Remaining="98"))
    with pytest.raises(RingNotFoundError):
        await client.async_get_subscriptions()
    assert client.rate_limit == RateLimit(limit=100, remaining=98)
    ring.says(answer(404, X_RateLimit_Limit="many"))
    with pytest.raises(RingNotFoundError):
        await client.async_get_subscriptions()
    assert client.rate_limit == RateLimit(limit=None, remaining=None)


async def wait_asked_for(client: RingClient, ring: ScriptedRing, status: int, header: str | bytes) -> float | None:
    client.limiter = RateLimiter()
    ring.says(answer(status, retry_after=header))
    with pytest.raises(RingUnavailableError) as raised:
        await client.async_unlink()
    return raised.value.retry_after


@pytest.mark.parametrize(
    ("header", "seconds"), [("0", 0), ("300", 300), (" 7 ", 7), ("999999999", 86_400), ("9" * 400, 86_400)]
)
async def test_ring_says_in_seconds_how_long_to_wait(
    ring: ScriptedRing, client: RingClient, header: str, seconds: float
) -> None:
    assert await wait_asked_for(client, ring, 429, header) == seconds
    assert await wait_asked_for(client, ring, 503, header) == seconds


async def test_ring_says_by_date_how_long_to_wait(ring: ScriptedRing, client: RingClient) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=300), usegmt=True)
    wait = await wait_asked_for(client, ring, 429, date)
    assert 295 <= wait <= 300
    assert await wait_asked_for(client, ring, 429, "Thu, 01 Jan 1970 00:00:00 -0000") == 0


async def test_retry_after_date_counts_from_the_date_of_the_answer(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(answer(429, retry_after="Fri, 02 Jan 1970 00:05:00 GMT", date="Fri, 02 Jan 1970 00:00:00 GMT"))
    with pytest.raises(RingRateLimitError) as raised:
        await client.async_unlink()
    assert raised.value.retry_after == 300


@pytest.mark.parametrize("header", ["", "-5", "1.5", "NaN", "soon", "٣", "Thu, 99 Jan 99999 00:00:00 GMT"])
async def test_a_wait_that_cannot_be_read_is_a_minute_after_429(
    ring: ScriptedRing, client: RingClient, header: str
) -> None:
    assert await wait_asked_for(client, ring, 429, header) == 60
    assert await wait_asked_for(client, ring, 503, header) is None


FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
VISIBLE = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60)


@FUZZ
@given(header=VISIBLE | st.integers().map(str) | st.datetimes().map(lambda when: format_datetime(when, usegmt=False)))
async def test_whatever_retry_after_says_the_wait_is_bounded(
    ring: ScriptedRing, client: RingClient, header: str
) -> None:
    assert 0 <= (await wait_asked_for(client, ring, 429, header.encode("latin-1", "replace")) or 0) <= 86_400


@FUZZ
@given(
    headers=st.dictionaries(
        st.sampled_from(["x_request_id", "X_RateLimit_Limit", "X_RateLimit_Remaining", "content_encoding", "age"]),
        VISIBLE.map(lambda text: text.encode("latin-1")),
    )
)
async def test_whatever_the_headers_say_the_client_stands(
    ring: ScriptedRing, client: RingClient, headers: dict[str, bytes]
) -> None:
    ring.says(answer(body={"data": []}, **headers))
    try:
        assert await client.async_get_devices() == {}
    except RingUnavailableError:
        assert "content_encoding" in headers


async def test_a_body_of_any_bytes_is_no_exception_but_rings(ring: ScriptedRing, client: RingClient) -> None:
    for body in (b"\xff\xfe\x00", b'"\\ud800"', b"{" * 5000, b"nul", gzip.compress(b"x")):
        ring.says(answer(body=body))
        with pytest.raises(RingUnavailableError):
            await client.async_get_devices()


@pytest.mark.parametrize("content_encoding", ["gzip", "deflate", "br", "zstd"])
async def test_an_encoding_that_is_not_what_it_says_is_an_outage(
    ring: ScriptedRing, client: RingClient, content_encoding: str
) -> None:
    ring.says(answer(body=b'{"data": []}' * 10, content_encoding=content_encoding))
    with pytest.raises(RingUnavailableError):
        await client.async_get_devices()


async def test_an_answer_is_not_read_past_its_limit_even_when_it_is_small_on_the_wire(
    ring: ScriptedRing, client: RingClient
) -> None:
    packed = gzip.compress(b'{"data": [' + b" " * (64 * 1024 * 1024) + b"]}")
    assert len(packed) < 100_000
    ring.says(answer(body=packed, content_encoding="gzip"))
    with pytest.raises(RingUnavailableError, match="too long"):
        await client.async_get_devices()


# --- What is not sent meanwhile --------------------------------------------------------------------------------------

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def requests_of(client: RingClient, device_id: str = "door") -> dict[str, Callable[[], Awaitable[object]]]:
    """Return every kind of request but the DELETE of a live session."""
    return {
        "users/me": client.async_get_user,
        "devices": client.async_get_devices,
        "device": partial(client.async_get_device, device_id),
        "history": partial(client.async_get_history, device_id),
        "history page": partial(client.async_get_history_page, device_id, ("motion",)),
        "subscriptions": client.async_get_subscriptions,
        "confirm": partial(client.async_confirm_link, "fake-nonce"),
        "complete": partial(client.async_set_link_status, "completed"),
        "unlink": client.async_unlink,
        "chime": partial(client.async_play_sound, device_id, "fake-ref"),
        "picture": partial(RingMedia(client).async_get_picture, device_id, AT),
        "clip": partial(open_clip, client, device_id),
        "live view": partial(Whep(client).async_start, device_id, "v=0"),
    }


async def open_clip(client: RingClient, device_id: str) -> None:
    async with RingMedia(client).async_open_clip(device_id, AT, timedelta(seconds=30)):
        pytest.fail("not opened")


async def is_sent(ring: ScriptedRing, request: Callable[[], Awaitable[object]]) -> bool:
    """Whether a request reaches Ring, which refuses it without asking to wait."""
    ring.says(answer(404))
    with pytest.raises(RingError) as raised:
        await request()
    if not ring.seen:
        assert isinstance(raised.value, RingUnavailableError)
        assert (raised.value.retry_after or 0) > 0
    return bool(ring.seen)


async def sent(ring: ScriptedRing, client: RingClient, device_id: str = "door") -> set[str]:
    return {name for name, request in requests_of(client, device_id).items() if await is_sent(ring, request)}


EVERY_KIND = {
    "users/me", "devices", "device", "history", "history page", "subscriptions", "confirm", "complete", "unlink",
    "chime", "picture", "clip", "live view",
}  # fmt: skip


async def test_rate_limit_holds_back_every_kind_of_request(ring: ScriptedRing, client: RingClient) -> None:
    assert await sent(ring, client) == EVERY_KIND
    ring.says(answer(429, retry_after="300"))
    with pytest.raises(RingRateLimitError):
        await client.async_get_history("door")
    assert await sent(ring, client) == set()
    assert await sent(ring, client, "other") == set()


@pytest.mark.parametrize("name", sorted(EVERY_KIND))
async def test_rate_limit_is_learned_from_every_kind_of_request(
    ring: ScriptedRing, client: RingClient, name: str
) -> None:
    ring.says(answer(429, retry_after="300"))
    with pytest.raises(RingRateLimitError):
        await requests_of(client)[name]()
    assert client.limiter.seconds_to_wait() > 200


async def test_busy_device_holds_back_only_its_own_requests(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(answer(503, retry_after="300"))
    with pytest.raises(RingUnavailableError):
        await Whep(client).async_start("door", "v=0")
    about_a_device = {"device", "history", "history page", "chime", "picture", "clip", "live view"}
    assert await sent(ring, client) == EVERY_KIND - about_a_device
    assert await sent(ring, client, "other") == EVERY_KIND
    assert client.limiter.seconds_to_wait() == 0


async def test_busy_account_holds_back_everything(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(answer(503, retry_after="300"))
    with pytest.raises(RingUnavailableError):
        await client.async_get_devices()
    assert await sent(ring, client) == set()


async def test_live_session_is_ended_while_ring_asks_to_wait(ring: ScriptedRing, client: RingClient) -> None:
    session = "/v1/devices/door/media/streaming/whep/sessions/one"
    ring.says(answer(201, b"v=0", location=session))
    view = await Whep(client).async_start("door", "v=0")
    client.limiter.extend(300)
    ring.says(answer(200))
    assert await Whep(client).async_end(view)
    assert [(seen.method, seen.path) for seen in ring.seen] == [("DELETE", session)]


async def test_longest_of_several_waits_counts(ring: ScriptedRing, client: RingClient) -> None:
    for seconds in (300, 60, 0):
        client.limiter.extend(seconds)
    assert client.limiter.seconds_to_wait() > 200


async def test_accounts_of_an_app_share_its_rate_limit_and_not_their_own_waits(
    ring: ScriptedRing, make_client: MakeClient
) -> None:
    limits = AppRateLimits()
    jane, john = (make_client(limiter=limits.account(name)) for name in ("jane", "john"))
    assert limits.account("jane") is jane.limiter
    ring.says(answer(503, retry_after="300"))
    with pytest.raises(RingUnavailableError):
        await jane.async_get_devices()
    assert (await sent(ring, jane), await sent(ring, john)) == (set(), EVERY_KIND)
    ring.says(answer(429, retry_after="600"))
    with pytest.raises(RingRateLimitError):
        await john.async_get_devices()
    assert await sent(ring, john) == set()
    # A token request is one of the app's requests; what the token endpoint asks concerns only itself.
    assert limits.tokens.seconds_to_wait() > 500
    limits.tokens.extend(6000)
    assert john.limiter.seconds_to_wait() < 700


async def test_listener_hears_of_the_waits_of_an_account_and_its_app(client: RingClient) -> None:
    limits = AppRateLimits()
    limiter, heard = limits.account("jane"), list[float]()
    remove = limiter.add_listener(lambda: heard.append(round(limiter.seconds_to_wait(), -1)))
    limiter.extend(100)
    limits.account("john").extend(500)
    limits.account("john").extend_app(300)
    remove()
    limiter.extend(900)
    assert heard == [100, 300]
