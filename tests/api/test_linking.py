"""Nonces, their age, masks and signatures."""

import hashlib
import hmac

from hypothesis import given, strategies as st
import pytest

from custom_components.ring_partner.api import (
    compute_nonce,
    is_fresh,
    mask_identifier,
    nonce_matches,
    verify_signature,
)

KEY = "example-hmac-signing-key"
ACCOUNT = "ava1.ring.account.XXXYYY"
TIME_MS = "1771130906289"
NONCE = "PAqRHvuV2nlG5pDb3qaxAtlf47eTUzM7WsczF9i_M-0"
BODY = (
    b'{"meta":{"version":"1.1","time":"2026-02-14T00:02:53.027052438Z",'
    b'"request_id":"c83081fc-2f1b-4cb7-8b18-b18a318b8bab","account_id":"ava1.ring.account.XXXYYY"},'
    b'"data":{"id":"DEV_button_press_1771027372393","type":"button_press",'
    b'"attributes":{"source":"DEV","source_type":"devices","timestamp":1771027372393}}}'
)
SIGNATURE = "sha256=97299977a27127155a06157d515e8f86e5170354771215b0594e90968be7b313"
ANY_TEXT = st.text(st.characters(codec=None), max_size=50)


def test_the_nonce_is_rings() -> None:
    assert compute_nonce(KEY, TIME_MS, ACCOUNT) == NONCE
    assert compute_nonce(KEY, int(TIME_MS), ACCOUNT) == NONCE


def test_a_nonce_is_of_one_key_time_and_account() -> None:
    assert nonce_matches(NONCE, KEY, TIME_MS, ACCOUNT)
    assert not nonce_matches(NONCE + "=", KEY, TIME_MS, ACCOUNT)
    assert not nonce_matches(NONCE, KEY + "=", TIME_MS, ACCOUNT)
    assert not nonce_matches(NONCE, KEY, f"0{TIME_MS}", ACCOUNT)
    assert not nonce_matches(NONCE, KEY, TIME_MS, "ava1.ring.account.XXXYYZ")
    assert not nonce_matches("", KEY, TIME_MS, ACCOUNT)
    assert not nonce_matches(compute_nonce("", TIME_MS, ACCOUNT), "", TIME_MS, ACCOUNT)


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_no_text_is_a_nonce_by_chance(nonce: str, key: str, time_ms: str, account: str) -> None:
    assert not nonce_matches(nonce, key, time_ms, account)


@pytest.mark.parametrize(("age", "fresh"), [(0, True), (600, True), (600.1, False), (-60, True), (-60.1, False)])
def test_a_link_is_fresh_for_ten_minutes_and_a_clock_may_be_a_minute_slow(age: float, fresh: bool) -> None:
    assert is_fresh(TIME_MS, int(TIME_MS) / 1000 + age) is fresh
    assert is_fresh(int(TIME_MS), int(TIME_MS) / 1000 + age) is fresh


@pytest.mark.parametrize("time_ms", ["", "now", "-1771130906289", "1771130906289.0", " 1771130906289", "١٧", "9" * 99])
def test_what_is_no_time_is_not_fresh(time_ms: str) -> None:
    assert not is_fresh(time_ms, 1771130906)


@pytest.mark.parametrize(
    ("identifier", "masked"),
    [
        ("johndoe@example.com", "j***e@example.com"),
        ("jd@example.com", "j***@example.com"),
        ("j@example.com", "***@example.com"),
        ("a@b@example.com", "a***b@example.com"),
        ("  Jane Doe ", "J***e"),
        ("Jo", "J***"),
        ("J", "***"),
        ("@", "***@"),
        ("", "***"),
    ],
)
def test_an_identifier_is_masked(identifier: str, masked: str) -> None:
    assert mask_identifier(identifier) == masked


def test_the_signature_is_rings() -> None:
    assert len(BODY) == 307
    assert verify_signature(KEY, BODY, SIGNATURE)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        SIGNATURE.removeprefix("sha256="),
        SIGNATURE.upper(),
        "sha256=" + SIGNATURE.removeprefix("sha256=").upper(),
        SIGNATURE[:-1],
        SIGNATURE + " ",
        f"{SIGNATURE},{SIGNATURE}",
        SIGNATURE.replace("sha256", "sha1"),
        "sha256=" + "٣" * 64,
        "sha256=\ud800",
    ],
)
def test_a_signature_that_is_not_exactly_rings_is_wrong(header: str | None) -> None:
    assert not verify_signature(KEY, BODY, header)


def test_a_signature_is_of_one_body_and_one_key() -> None:
    assert not verify_signature(KEY, BODY + b"\n", SIGNATURE)
    assert not verify_signature(KEY + " ", BODY, SIGNATURE)


def test_without_a_key_nothing_is_signed() -> None:
    anybodys = "sha256=" + hmac.new(b"", BODY, hashlib.sha256).hexdigest()
    assert not verify_signature("", BODY, anybodys)


@given(ANY_TEXT, st.binary(max_size=200), st.none() | ANY_TEXT | ANY_TEXT.map("sha256=".__add__))
def test_nothing_a_stranger_sends_is_signed_or_raises(key: str, body: bytes, header: str | None) -> None:
    assert verify_signature(key, body, header) is False


@given(st.text(min_size=1, max_size=50), st.binary(max_size=200))
def test_what_is_signed_with_the_key_is_accepted(key: str, body: bytes) -> None:
    assert verify_signature(key, body, "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest())
