"""Tokens, and how Ring's token endpoint is read."""

import base64
import json
import time

import aiohttp
from hypothesis import given, strategies as st
import pytest

from custom_components.ring_partner.api import (
    OAuthClient,
    RingAuthError,
    RingClientCredentialsError,
    RingError,
    RingRateLimitError,
    RingRequestError,
    RingUnavailableError,
    StaticAuth,
    Token,
)
from custom_components.ring_partner.api.auth import TOKEN_TIMEOUT

from .conftest import CUT, ScriptedRing, answer
from .documents import Json

NOW = 1_790_000_000.0
PAIR: Json = {
    "access_token": "fake-access-token-1",
    "refresh_token": "fake-refresh-token-1",
    "scope": "ava.v1:read ava",
    "expires_in": 14400,
    "token_type": "Bearer",
}


@pytest.fixture
def oauth(session: aiohttp.ClientSession, ring: ScriptedRing) -> OAuthClient:
    return OAuthClient(session, ring.hosts, "fake-client", "fake-secret", product="RingPartnerHomeAssistant/1.2.3")


def jwt(claims: object) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"fake-header.{payload}.fake-signature"


# --- Tokens ----------------------------------------------------------------------------------------------------------


def test_a_token_is_read_from_rings_answer() -> None:
    token = Token.from_response(PAIR, NOW)
    assert token == Token(
        access_token="fake-access-token-1",
        refresh_token="fake-refresh-token-1",
        expires_at=NOW + 14400,
        scope="ava.v1:read ava",
        token_type="Bearer",
    )
    assert token.scopes == {"ava.v1:read", "ava"}
    assert token.expires_in(NOW + 14000) == 400
    assert token.expires_in(NOW + 14401) == -1


@pytest.mark.parametrize(
    ("said", "lifetime"),
    [
        (60, 60),
        (59.6, 60),
        ("900", 900),
        (None, 14400),
        ("soon", 14400),
        ("-5", 14400),
        ("٣", 14400),
        (0, 14400),
        (-1, 14400),
        (True, 14400),
        (10**30, 14400),
        ([900], 14400),
    ],
)
def test_a_lifetime_that_cannot_be_read_is_rings_four_hours(said: Json, lifetime: int) -> None:
    token = Token.from_response({"access_token": "fake-access-token-1", "expires_in": said}, NOW)
    assert token.expires_at == NOW + lifetime
    assert token.lifetime == lifetime


@pytest.mark.parametrize("said", [None, "", " ", 7, ["fake"], "two words", "line\nbreak", "snowman-☃"])
def test_an_answer_without_a_usable_access_token_is_an_outage(said: Json) -> None:
    with pytest.raises(RingUnavailableError):
        Token.from_response({"access_token": said}, NOW)
    with pytest.raises(RingUnavailableError):
        Token.from_response([said], NOW)


def test_a_token_survives_being_stored() -> None:
    token = Token.from_response(PAIR, NOW)
    stored = token.as_dict()
    assert stored == {**PAIR, "expires_at": NOW + 14400}
    assert Token.from_dict(json.loads(json.dumps(stored))) == token


@pytest.mark.parametrize("expires_at", [None, "soon", True, float("nan")])
def test_a_stored_end_that_cannot_be_read_is_past(expires_at: Json) -> None:
    assert Token.from_dict({"access_token": "fake-access-token-1", "expires_at": expires_at}).expires_at == 0


def test_what_was_stored_without_a_token_has_to_be_linked_again() -> None:
    with pytest.raises(RingAuthError):
        Token.from_dict({"refresh_token": "fake-refresh-token-1"})


def test_a_token_shows_no_secret() -> None:
    shown = f"{Token.from_response(PAIR, NOW)!r} {Token.from_response(PAIR, NOW)}"
    assert "fake" not in shown
    assert "expires_at" in shown


def test_a_playground_token_ends_when_it_says_so_or_after_half_an_hour() -> None:
    assert Token.playground(f" {jwt({'exp': NOW + 1234})}\n", NOW) == Token(
        access_token=jwt({"exp": NOW + 1234}), expires_at=NOW + 1234, scope="ava.v1:read", lifetime=1800
    )
    for text in (
        "fake",
        "a.b.c",
        "..",
        jwt({}),
        jwt([]),
        jwt({"exp": "soon"}),
        jwt({"exp": 1e300}),
        jwt({"exp": True}),
    ):
        assert Token.playground(text, NOW).expires_at == NOW + 1800


@given(st.text(st.characters(codec=None)))
def test_any_text_is_a_playground_token_or_none(text: str) -> None:
    try:
        assert Token.playground(text, NOW).refresh_token is None
    except RingAuthError:
        assert not text.strip().isascii() or any(not "!" <= char <= "~" for char in text.strip()) or not text.strip()


async def test_a_single_token_is_given_and_never_renewed() -> None:
    auth = StaticAuth("fake-access-token-1")
    assert await auth.async_get_access_token() == "fake-access-token-1"
    with pytest.raises(RingAuthError):
        await auth.async_renew("fake-access-token-1")


# --- The token endpoint ----------------------------------------------------------------------------------------------


async def test_a_code_is_exchanged_with_the_credentials_in_the_form(ring: ScriptedRing, oauth: OAuthClient) -> None:
    ring.says(answer(body=PAIR))
    before = time.time()
    token = await oauth.exchange_code("fake code&+")
    assert before + 14400 <= token.expires_at <= time.time() + 14400
    await oauth.exchange_code("code", code_verifier="fake")
    await oauth.refresh("fake-refresh-token-0")
    assert [(seen.method, seen.target) for seen in ring.seen] == [("POST", "/oauth/token")] * 3
    assert [seen.body for seen in ring.seen] == [
        b"grant_type=authorization_code&code=fake+code%26%2B&client_id=fake-client&client_secret=fake-secret",
        b"grant_type=authorization_code&code=code&code_verifier=fake&client_id=fake-client&client_secret=fake-secret",
        b"grant_type=refresh_token&refresh_token=fake-refresh-token-0&client_id=fake-client&client_secret=fake-secret",
    ]
    headers = ring.seen[0].headers
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert headers["user-agent"] == "RingPartnerHomeAssistant/1.2.3"
    assert "authorization" not in headers


async def test_a_rotated_token_is_not_lost_to_a_wrong_content_type(ring: ScriptedRing, oauth: OAuthClient) -> None:
    ring.says(answer(200, PAIR, "text/html"))
    assert (await oauth.refresh("fake-refresh-token-0")).refresh_token == "fake-refresh-token-1"


async def test_a_refresh_without_a_new_refresh_token_keeps_the_old_one(ring: ScriptedRing, oauth: OAuthClient) -> None:
    ring.says(answer(body={"access_token": "fake-access-token-2"}))
    assert (await oauth.refresh("fake-refresh-token-1")).refresh_token == "fake-refresh-token-1"
    ring.says(answer(body=PAIR))
    assert (await oauth.refresh("fake-refresh-token-0")).refresh_token == "fake-refresh-token-1"


INVALID_GRANT = {"error": "invalid_grant", "error_description": "fake-refresh-token-1 is dead"}
REFUSALS = [
    (400, INVALID_GRANT, RingAuthError),
    (401, INVALID_GRANT, RingAuthError),
    # Whatever the status.
    (200, INVALID_GRANT, RingAuthError),
    (403, INVALID_GRANT, RingAuthError),
    (404, INVALID_GRANT, RingAuthError),
    (422, {"error": "INVALID_GRANT"}, RingAuthError),
    (422, {"error": "invalid_client"}, RingClientCredentialsError),
    (401, {"error": "invalid_client"}, RingClientCredentialsError),
    (400, {"error": "unauthorized_client"}, RingClientCredentialsError),
    (401, {"error": "invalid_token"}, RingAuthError),
    (400, {"error": "invalid_request"}, RingRequestError),
    (401, {"error": "unsupported_grant_type"}, RingRequestError),
]
OUTAGES = [
    answer(400),
    answer(401),
    answer(400, {"error": None}),
    answer(400, {"message": "invalid_grant"}),
    answer(400, b'{"error": "invalid_grant"'),
    answer(400, b"<html>invalid_grant</html>"),
    answer(403, b"<!doctype html><title>error 1010</title>", "text/html"),
    # Of any 401 Ring's APIs say "Invalid Client".
    answer(401, {"errors": [{"status": "401", "title": "Invalid Client"}]}),
    answer(401, {"errors": [{"code": "invalid_grant", "title": "Invalid Grant"}]}),
    answer(408, INVALID_GRANT),
    answer(429, INVALID_GRANT),
    answer(500, INVALID_GRANT),
    answer(503, INVALID_GRANT),
    answer(503),
    answer(302, location="/oauth/token"),
    answer(200),
    answer(204),
    answer(200, b"<html>", "text/html"),
    answer(200, {"access_token": None}),
    answer(200, b" " * 70_000 + b'{"access_token": "fake-access-token-1"}'),
    CUT,
    b"\0\r\n\r\n",
]


@pytest.mark.parametrize(("status", "body", "error"), REFUSALS)
async def test_oauths_own_words_say_what_is_lost(
    ring: ScriptedRing, oauth: OAuthClient, status: int, body: object, error: type[RingError]
) -> None:
    ring.says(answer(status, body, x_request_id="fake-request-1"))
    with pytest.raises(RingError) as raised:
        await oauth.refresh("fake-refresh-token-1")
    assert type(raised.value) is error
    assert (raised.value.status, raised.value.request_id) == (status, "fake-request-1")
    assert "fake-refresh-token-1" not in f"{raised.value} {raised.value!r}"


@pytest.mark.parametrize("said", OUTAGES)
async def test_everything_else_is_an_outage_and_costs_no_link_and_is_not_sent_again(
    ring: ScriptedRing, oauth: OAuthClient, said: bytes
) -> None:
    ring.says(said)
    with pytest.raises(RingUnavailableError):
        await oauth.refresh("fake-refresh-token-1")
    assert len(ring.seen) == 1


async def test_the_token_endpoint_may_ask_to_wait(ring: ScriptedRing, oauth: OAuthClient) -> None:
    ring.says(answer(429, {"error": "invalid_grant"}, retry_after="300"))
    with pytest.raises(RingRateLimitError) as raised:
        await oauth.refresh("fake-refresh-token-1")
    assert raised.value.retry_after == 300


async def test_token_request_is_not_sent_while_the_token_endpoint_asks_to_wait(
    ring: ScriptedRing, oauth: OAuthClient
) -> None:
    ring.says(answer(503, retry_after="300"), answer(body=PAIR))
    with pytest.raises(RingUnavailableError):
        await oauth.refresh("fake-refresh-token-0")
    with pytest.raises(RingRateLimitError) as raised:
        await oauth.refresh("fake-refresh-token-0")
    assert raised.value.retry_after == pytest.approx(300, abs=60)
    assert len(ring.seen) == 1


def test_token_endpoint_is_waited_for_longer_than_a_minute() -> None:
    assert (TOKEN_TIMEOUT.total or 0) >= 120
    assert TOKEN_TIMEOUT.sock_read is None
