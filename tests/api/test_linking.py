"""Nonces, their age, and masks."""

from hypothesis import given, strategies as st
import pytest

from custom_components.ring_partner.api import compute_nonce, is_fresh, mask_identifier, nonce_matches

KEY = "example-hmac-signing-key"
ACCOUNT = "ava1.ring.account.XXXYYY"
TIME_MS = "1771130906289"
NONCE = "PAqRHvuV2nlG5pDb3qaxAtlf47eTUzM7WsczF9i_M-0"
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
