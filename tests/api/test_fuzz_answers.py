"""Answers of any kind to what was not asked elsewhere: tokens, clips and live views; only Ring's errors leave."""

from contextlib import aclosing
from datetime import UTC, datetime, timedelta
import json
from typing import Any

import aiohttp
from hypothesis import HealthCheck, given, settings, strategies as st

from custom_components.ring_partner.api import (
    OAuthClient,
    RingAuthError,
    RingClient,
    RingError,
    RingMedia,
    RingRequestError,
    RingUnavailableError,
    Token,
    Whep,
)

from .conftest import NOW, ScriptedRing, answer
from .damage import ANYTHING, damaged, places

FUZZ = settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40).map(
    lambda text: text.encode("latin-1")
)
STATUS = st.sampled_from([200, 200, 201, 204, 206, 303, 400, 400, 401, 403, 404, 416, 422, 425, 429, 500, 503, 599])
COMMON = {
    "retry_after": HEADER | st.sampled_from([b"5", b"-1", b"9" * 400, b"Wed, 21 Oct 9999 99:99:99 GMT"]),
    "x_request_id": HEADER,
    "content_encoding": HEADER | st.sampled_from([b"gzip", b"deflate"]),
}


def cut(said: bytes, lost: int) -> bytes:
    """Return an answer whose last bytes never come; its head does."""
    return said[: max(len(said) - lost, said.index(b"\r\n\r\n") + 4)]


def headers(**named: st.SearchStrategy[bytes]) -> st.SearchStrategy[dict[str, bytes]]:
    return st.fixed_dictionaries({}, optional=COMMON | named)


# --- Tokens ----------------------------------------------------------------------------------------------------------

SECRETS = ("fake-secret", "fake-code-1", "fake-verifier-1", "fake-refresh-token", "fake-access-token")
TOKENS = {
    "access_token": "fake-access-token-2",
    "refresh_token": "fake-refresh-token-2",
    "expires_in": 60,
    "scope": "a",
}
REFUSALS = [
    {"error": "invalid_grant", "error_description": "fake-refresh-token-1 of fake-secret"},
    {"errors": [{"code": "fake-code-1", "title": "Invalid Client", "detail": "fake-secret"}]},
]


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """What the token endpoint may say: anything, or one of its own documents with some damage."""
    document: Any = draw(st.sampled_from([TOKENS, *REFUSALS]))
    for _ in range(draw(st.integers(0, 3))):
        where = draw(st.sampled_from(places(document)))
        # What is gone leaves no place for the next damage.
        document = damaged(document, where, draw(ANYTHING), drop=bool(where) and draw(st.booleans()))
    return draw(st.just(json.dumps(document).encode()) | st.binary(max_size=80))


def said_by(err: BaseException | None) -> str:
    """Everything that a log would show of an error."""
    return "" if err is None else f"{err} {err!r} {said_by(err.__cause__)}"


@FUZZ
@given(
    status=STATUS, body=bodies(), named=headers(), content_type=HEADER, lost=st.integers(0, 20), refresh=st.booleans()
)
async def test_whatever_the_token_endpoint_says_is_a_token_or_an_error_without_a_secret(
    session: aiohttp.ClientSession,
    ring: ScriptedRing,
    status: int,
    body: bytes,
    named: dict[str, bytes],
    content_type: bytes,
    lost: int,
    refresh: bool,
) -> None:
    oauth = OAuthClient(session, ring.hosts, "fake-client", "fake-secret")
    ring.says(cut(answer(status, body, content_type, **named), lost))
    asking = oauth.refresh("fake-refresh-token-1") if refresh else oauth.exchange_code("fake-code-1", "fake-verifier-1")
    try:
        token = await asking
    except (RingAuthError, RingRequestError, RingUnavailableError) as err:
        shown = said_by(err)
    else:
        assert Token.from_dict(json.loads(json.dumps(token.as_dict()))) == token
        shown = repr(token)
    assert [secret for secret in SECRETS if secret in shown] == []
    assert len(ring.seen) == 1, "nothing is ever sent twice"


# --- Clips -----------------------------------------------------------------------------------------------------------

AT = datetime.fromtimestamp(NOW, UTC)
MP4 = b"\0\0\0\x18ftypmp42"
NUMBER = st.integers(-1, 10**18).map(lambda number: str(number).encode())
OF_A_CLIP = headers(
    content_range=HEADER | st.from_regex(rb"bytes [0-9]{1,17}-[0-9]{1,17}/([0-9]{1,17}|\*)", fullmatch=True),
    x_media_timestamp=HEADER | NUMBER,
    x_media_length=HEADER | NUMBER,
    x_media_duration=HEADER | NUMBER,
    location=HEADER,
)


@FUZZ
@given(
    status=STATUS,
    body=st.binary(max_size=60) | st.binary(max_size=60).map(lambda rest: MP4 + rest),
    named=OF_A_CLIP,
    content_type=HEADER | st.just(b"video/mp4"),
    lost=st.integers(0, 20),
    redirected=st.booleans(),
    first_byte=st.integers(0, 30),
)
async def test_whatever_a_clip_is_it_is_bytes_or_an_error_of_rings(
    ring: ScriptedRing,
    client: RingClient,
    status: int,
    body: bytes,
    named: dict[str, bytes],
    content_type: bytes,
    lost: int,
    redirected: bool,
    first_byte: int,
) -> None:
    said = cut(answer(status, body, content_type, **named), lost)
    ring.says(*(answer(303, location=f"{ring.url}/v1/download"), said) if redirected else (said,))
    try:
        async with RingMedia(client).async_open_clip("cam", AT, timedelta(seconds=30), first_byte=first_byte) as clip:
            assert clip.first_byte >= 0
            assert clip.size is None or clip.size >= 0
            assert clip.duration is None or clip.duration >= timedelta(0)
            async with aclosing(clip.chunks()) as chunks:
                received = b"".join([chunk async for chunk in chunks])
    except RingError:
        return
    assert "content_encoding" in named or received == body
    assert clip.first_byte or received[4:8] == b"ftyp"


# --- Live views ------------------------------------------------------------------------------------------------------

SESSIONS = "/v1/devices/cam/media/streaming/whep/sessions"
ELSEWHERE = [
    b"", b"/", b"//", b"http://[", b"http://127.0.0.1:99999" + SESSIONS.encode() + b"/1", b"https://evil.example/1",
    SESSIONS.encode(), SESSIONS.encode() + b"/../../../x", b"file:///etc/passwd", b"1?location=%", b"\xff\xfe/1",
]  # fmt: skip
LOCATION = (
    HEADER | st.sampled_from(ELSEWHERE) | HEADER.map(lambda rest: f"{SESSIONS}/".encode() + rest.replace(b" ", b""))
)


@FUZZ
@given(
    status=STATUS,
    body=st.binary(max_size=60) | st.just(b"v=0\r\n"),
    named=headers(location=LOCATION, link=HEADER),
    content_type=HEADER | st.just(b"application/sdp"),
    lost=st.integers(0, 20),
    end_status=STATUS,
)
async def test_whatever_a_live_view_is_answered_with_it_is_at_ring_or_an_error_of_rings(
    ring: ScriptedRing,
    client: RingClient,
    status: int,
    body: bytes,
    named: dict[str, bytes],
    content_type: bytes,
    lost: int,
    end_status: int,
) -> None:
    said = answer(status, body, content_type, **named)
    ring.says(cut(said, lost), answer(end_status, body, content_type, **named))
    whep = Whep(client)
    try:
        session = await whep.async_start("cam", "v=0\r\n")
        assert str(session.url).startswith(f"{ring.url}{SESSIONS}/")
        session.answer.encode()
        await whep.async_end(session)
    except RingError:
        return
    assert [one.method for one in ring.seen[:2]] == ["POST", "DELETE"]
    assert ring.seen[1].path.startswith(f"{SESSIONS}/")
