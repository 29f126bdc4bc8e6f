"""Clips: the whole, or its rest when the connection broke off."""

from datetime import UTC, datetime, timedelta
import json

import pytest

from custom_components.ring_partner.api import (
    RingClient,
    RingMedia,
    RingMediaUnreadableError,
    RingUnavailableError,
    transport,
)

from .conftest import NOW, ScriptedRing, answer

AT = datetime.fromtimestamp(NOW, UTC)
LENGTH = timedelta(seconds=30)
MP4 = b"\0\0\0\x18ftypmp42 and the film"


@pytest.fixture
def media(client: RingClient) -> RingMedia:
    return RingMedia(client)


def redirect(ring: ScriptedRing) -> bytes:
    return answer(303, location=f"{ring.url}/v1/download?security_token=fake-signed-token-1")


def clip(body: bytes = MP4, status: int = 200, **headers: str) -> bytes:
    return answer(status, body, "video/mp4", **headers)


async def receive(media: RingMedia, first_byte: int = 0) -> tuple[int, int | None, bytes]:
    """Return where the answer begins, how large the clip is, and what came."""
    async with media.async_open_clip("cam", AT, LENGTH, first_byte=first_byte) as opened:
        return opened.first_byte, opened.size, b"".join([chunk async for chunk in opened.chunks()])


async def test_the_whole_is_asked_for_without_a_range(ring, media) -> None:
    ring.says(redirect(ring), clip())
    assert await receive(media) == (0, len(MP4), MP4)
    asked, fetched = ring.seen
    assert json.loads(asked.body)["duration"] == 30_000
    assert not {"range", "authorization"} & fetched.headers.keys()


async def test_the_rest_is_asked_for_where_the_clip_is_and_only_there(ring, media) -> None:
    ring.says(redirect(ring), clip(MP4[20:], 206, content_range=f"bytes 20-{len(MP4) - 1}/{len(MP4)}"))
    assert await receive(media, 20) == (20, len(MP4), MP4[20:])
    asked, fetched = ring.seen
    assert "range" not in asked.headers
    assert fetched.headers["range"] == "bytes=20-"


@pytest.mark.parametrize("total", ["*", "junk", ""])
async def test_a_rest_need_not_say_how_long_the_whole_is(ring, media, total) -> None:
    ring.says(redirect(ring), clip(MP4[20:], 206, content_range=f"bytes 20-{len(MP4) - 1}/{total}"))
    assert await receive(media, 20) == (20, len(MP4), MP4[20:])


async def test_who_knows_no_ranges_sends_the_whole(ring, media) -> None:
    ring.says(redirect(ring), clip())
    assert await receive(media, 20) == (0, len(MP4), MP4)


@pytest.mark.parametrize("said", ["bytes */40", "bytes 5-", "lines 5-6/7", "bytes ٥-٦/٧", "bytes 5"])
async def test_a_range_that_makes_no_sense_is_none(ring, media, said) -> None:
    ring.says(redirect(ring), clip(MP4, 206, content_range=said))
    assert await receive(media, 5) == (0, len(MP4), MP4)


async def test_a_part_of_what_was_asked_for_begins_at_the_beginning(ring, media) -> None:
    """Ring answers 206 as well where there is less than was asked for."""
    ring.says(redirect(ring), clip(MP4, 206, x_media_length="12000"))
    async with media.async_open_clip("cam", AT, LENGTH) as opened:
        assert (opened.first_byte, opened.size, opened.duration) == (0, len(MP4), timedelta(seconds=12))


async def test_what_is_encrypted_shows_at_the_beginning_only(ring, media) -> None:
    ring.says(redirect(ring), clip(b"gibberish" * 5))
    with pytest.raises(RingMediaUnreadableError):
        await receive(media)
    ring.says(redirect(ring), clip(b"gibberish" * 5, 206, content_range="bytes 5-49/50"))
    assert await receive(media, 5) == (5, 50, b"gibberish" * 5)


async def test_however_small_the_pieces_are_the_whole_arrives(ring, media, monkeypatch) -> None:
    monkeypatch.setattr(transport, "_CHUNK_BYTES", 5)
    ring.says(redirect(ring), clip())
    assert await receive(media) == (0, len(MP4), MP4)
    ring.says(redirect(ring), clip(b"gibberish" * 5))
    with pytest.raises(RingMediaUnreadableError, match="encrypts it"):
        await receive(media)


@pytest.mark.parametrize("body", [b"", b"ftyp"])
async def test_what_is_too_short_for_a_film_is_none(ring, media, body) -> None:
    ring.says(redirect(ring), clip(body))
    with pytest.raises(RingMediaUnreadableError, match="empty"):
        await receive(media)


async def test_a_rest_that_breaks_off_is_an_outage(ring, media) -> None:
    ring.says(redirect(ring), clip(MP4[20:], 206, content_range=f"bytes 20-{len(MP4) - 1}/{len(MP4)}")[:-3])
    with pytest.raises(RingUnavailableError):
        await receive(media, 20)
