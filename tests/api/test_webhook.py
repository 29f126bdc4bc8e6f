"""Signatures: what Ring signed is accepted, and nothing else, whatever it looks like."""

import asyncio
from collections.abc import Iterator
import hashlib
import hmac
import json

from aiohttp import test_utils, web
from hypothesis import given, strategies as st
import pytest

from custom_components.ring_partner.api import verify_signature

from .damage import ANYTHING

KEY = "example-hmac-signing-key"
BODY = (
    b'{"meta":{"version":"1.1","time":"2026-02-14T00:02:53.027052438Z",'
    b'"request_id":"c83081fc-2f1b-4cb7-8b18-b18a318b8bab","account_id":"ava1.ring.account.XXXYYY"},'
    b'"data":{"id":"DEV_button_press_1771027372393","type":"button_press",'
    b'"attributes":{"source":"DEV","source_type":"devices","timestamp":1771027372393}}}'
)
SIGNATURE = "sha256=97299977a27127155a06157d515e8f86e5170354771215b0594e90968be7b313"
DIGEST = SIGNATURE.removeprefix("sha256=")
ANY_TEXT = st.text(st.characters(codec=None), max_size=50)
ANY_BODY = st.binary(max_size=200) | ANYTHING.map(lambda value: json.dumps(value).encode())


def signature(key: str, body: bytes) -> str:
    return "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def test_the_signature_is_rings() -> None:
    assert len(BODY) == 307
    assert verify_signature(KEY, BODY, SIGNATURE)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        " ",
        "sha256=",
        DIGEST,
        SIGNATURE.upper(),
        "sha256=" + DIGEST.upper(),
        "SHA256=" + DIGEST,
        SIGNATURE.replace("sha256", "sha1"),
        "sha256=sha256=" + DIGEST,
        "sha256:" + DIGEST,
        "sha256=0x" + DIGEST,
        SIGNATURE[:-1],
        SIGNATURE + "0",
        SIGNATURE + " ",
        SIGNATURE + "\n",
        SIGNATURE + "\x00",
        " " + SIGNATURE,
        "sha256= " + DIGEST,
        "sha256=" + " ".join(DIGEST),
        f"{SIGNATURE},{SIGNATURE}",
        "sha256=" + "٣" * 64,
        "sha256=" + DIGEST.translate({ord("0") + digit: ord("０") + digit for digit in range(10)}),
        "sha256=\ud800",
        "sha256=\udcff" + DIGEST[1:],
        "ſha256=" + DIGEST,
    ],
)
def test_a_signature_that_is_not_exactly_rings_is_wrong(header: str | None) -> None:
    assert not verify_signature(KEY, BODY, header)


def other_bodies() -> Iterator[bytes]:
    """The signed body with one byte changed, missing or added."""
    for place, byte in enumerate(BODY):
        yield from (BODY[:place] + bytes([other]) + BODY[place + 1 :] for other in range(256) if other != byte)
        yield BODY[:place] + BODY[place + 1 :]
    for place in range(len(BODY) + 1):
        yield from (BODY[:place] + added + BODY[place:] for added in (b" ", b"\n", b"\x00"))


def test_a_body_with_one_byte_changed_is_not_signed() -> None:
    assert not any(verify_signature(KEY, body, SIGNATURE) for body in other_bodies())


def test_a_signature_with_one_character_changed_is_wrong() -> None:
    for place, character in enumerate(SIGNATURE):
        for other in map(chr, range(256)):
            changed = SIGNATURE[:place] + other + SIGNATURE[place + 1 :]
            assert verify_signature(KEY, BODY, changed) is (other == character), changed


def test_a_signature_is_of_one_key() -> None:
    assert not verify_signature(KEY + " ", BODY, SIGNATURE)


def test_without_a_key_nothing_is_signed() -> None:
    assert not verify_signature("", BODY, signature("", BODY))


@given(ANY_TEXT, ANY_BODY, st.none() | ANY_TEXT | ANY_TEXT.map("sha256=".__add__))
def test_nothing_a_stranger_sends_is_signed_or_raises(key: str, body: bytes, header: str | None) -> None:
    assert verify_signature(key, body, header) is False


@given(st.text(min_size=1, max_size=15), st.text(min_size=1, max_size=15), ANY_BODY, ANY_BODY)
def test_what_is_signed_with_the_key_is_accepted_for_this_key_and_body_only(
    key: str, other_key: str, body: bytes, other_body: bytes
) -> None:
    header = signature(key, body)
    assert verify_signature(key, body, header)
    # HMAC pads a short key with zeros.
    assert verify_signature(other_key, body, header) is (other_key.rstrip("\0") == key.rstrip("\0"))
    assert verify_signature(key, other_body, header) is (other_body == body)


async def arrives(header: bytes) -> bool:
    """Whether the header is Ring's signature of BODY once it has come over a socket."""
    verdicts: list[bool] = []

    async def receive(request: web.BaseRequest) -> web.Response:
        verdicts.append(verify_signature(KEY, await request.read(), request.headers.get("X-Signature")))
        return web.Response()

    async with test_utils.RawTestServer(receive, host="127.0.0.1") as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        lines = [b"POST / HTTP/1.1", b"host: partner", b"content-length: %d" % len(BODY), b"connection: close", header]
        writer.write(b"\r\n".join([*lines, b"", BODY]))
        assert b" 200 " in await reader.readline()
        writer.close()
    return verdicts == [True]


async def test_headers_of_any_bytes_come_over_a_socket_without_harm() -> None:
    signed = SIGNATURE.encode()
    assert await arrives(b"X-Signature: " + signed)
    assert await arrives(b"x-signature:" + signed)
    for header in (b"X-Signature: sha256=\xff" + signed, b"X-Signature: \xe2\x98\x83", b"X-Signature:", b"X-Other: 1"):
        assert not await arrives(header)
    assert not await arrives(b"X-Signature: sha256=00\r\nX-Signature: " + signed), "the first one counts"
