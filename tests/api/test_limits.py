"""How often Ring may be asked, how long to wait, and how much of an answer is read."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
import gzip

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.ring_partner.api import RateLimit, RingClient, RingNotFoundError, RingUnavailableError

from .conftest import USER, ScriptedRing, answer


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
    ring.says(answer(status, retry_after=header))
    with pytest.raises(RingUnavailableError) as raised:
        await client.async_unlink()
    return raised.value.retry_after


@pytest.mark.parametrize(("header", "seconds"), [("0", 0), ("300", 300), (" 7 ", 7), ("999999999", 86_400)])
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
