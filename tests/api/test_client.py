"""The one request path: what is sent, what each answer means, and what is asked again."""

import asyncio
from datetime import UTC, datetime
import json
from pathlib import Path
import traceback
from typing import override

import aiohttp
import aiohttp.test_utils
import aiohttp.web
import pytest

from custom_components.ring_partner.api import (
    VERSION,
    AbstractAuth,
    AppIntegration,
    RingAuthError,
    RingClient,
    RingError,
    RingForbiddenError,
    RingHosts,
    RingNotFoundError,
    RingRateLimitError,
    RingRequestError,
    RingUnavailableError,
    StaticAuth,
    User,
)

from .conftest import CUT, USER, MakeClient, ScriptedRing, Sleeper, answer
from .documents import Json

MANIFEST = Path(__file__).parents[2] / "custom_components/ring_partner/manifest.json"
NO_DEVICES = answer(body={"data": []})
HTML = answer(403, b"<!doctype html><title>error 1010</title>", "text/html; charset=UTF-8")


def errors(status: int, title: str | None = None, **members: Json) -> bytes:
    return answer(status, {"errors": [members | ({} if title is None else {"title": title})]})


class RenewingAuth(AbstractAuth):
    """Renews once for however many requests were rejected, as the keeper of real tokens does."""

    def __init__(self) -> None:
        self.token = "fake-access-token-1"
        self.renewals = 0
        self._lock = asyncio.Lock()

    @override
    async def async_get_access_token(self) -> str:
        return self.token

    @override
    async def async_renew(self, rejected: str) -> str:
        async with self._lock:
            if rejected == self.token:
                await asyncio.sleep(0)
                self.renewals += 1
                self.token = f"fake-access-token-{self.renewals + 1}"
            return self.token


@pytest.fixture
def auth() -> RenewingAuth:
    return RenewingAuth()


@pytest.fixture
def renewing(make_client: MakeClient, auth: RenewingAuth) -> RingClient:
    return make_client(auth)


# --- What is sent ----------------------------------------------------------------------------------------------------


async def test_a_request_names_the_product_and_carries_the_bearer(ring: ScriptedRing, make_client: MakeClient) -> None:
    ring.says(USER)
    assert await make_client(product="RingPartnerHomeAssistant/1.2.3").async_get_user() == User(
        id="ava1.ring.account.XXXYYY", first_name="John", last_name="Doe", email="johndoe@example.com"
    )
    (seen,) = ring.seen
    assert (seen.method, seen.target) == ("GET", "/v1/users/me")
    assert seen.headers["user-agent"] == "RingPartnerHomeAssistant/1.2.3"
    assert seen.headers["authorization"] == "Bearer fake-access-token-1"
    assert seen.headers["accept"] == "application/json"


async def test_by_itself_the_product_has_the_version_of_the_integration(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(USER)
    await client.async_get_user()
    assert json.loads(MANIFEST.read_text(encoding="utf-8"))["version"] == VERSION
    assert ring.seen[0].headers["user-agent"] == f"RingPartnerHomeAssistant/{VERSION}"


async def test_the_whole_account_is_one_request(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(NO_DEVICES)
    await client.async_get_devices()
    assert [seen.target for seen in ring.seen] == ["/v1/devices?include=status,capabilities,configurations,location"]


@pytest.mark.parametrize("token", ["", "two words", "line\r\nbreak: x", "snowman-☃"])
async def test_what_cannot_be_a_token_is_not_sent(ring: ScriptedRing, make_client: MakeClient, token: str) -> None:
    ring.says(USER)
    with pytest.raises(RingAuthError):
        await make_client(StaticAuth(token)).async_get_user()
    assert not ring.seen


async def test_linking_posts_the_nonce_and_patches_the_status(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(
        answer(body={"status": "awaiting"}),
        answer(
            body={
                "account_identifier": "u***r@partner.example.com",
                "status": "completed",
                "updated_at": "2026-02-03T00:35:00Z",
            }
        ),
        answer(body={}),
        answer(204),
        answer(204),
    )
    assert await client.async_confirm_link("fake-nonce", "u***r@partner.example.com") == AppIntegration(
        status="awaiting"
    )
    assert await client.async_set_link_status("completed", "u***r@partner.example.com") == AppIntegration(
        status="completed",
        account_identifier="u***r@partner.example.com",
        updated_at=datetime(2026, 2, 3, 0, 35, tzinfo=UTC),
    )
    assert await client.async_set_link_status("awaiting") == AppIntegration(status="awaiting")
    assert await client.async_set_link_status("completed") == AppIntegration(status="completed")
    await client.async_unlink()
    assert {seen.target for seen in ring.seen} == {"/v1/accounts/me/app-integrations"}
    assert [(seen.method, seen.body) for seen in ring.seen] == [
        ("POST", b'{"nonce": "fake-nonce", "account_identifier": "u***r@partner.example.com"}'),
        ("PATCH", b'{"status": "completed", "account_identifier": "u***r@partner.example.com"}'),
        ("PATCH", b'{"status": "awaiting"}'),
        ("PATCH", b'{"status": "completed"}'),
        ("DELETE", b""),
    ]


# --- A rejected token ------------------------------------------------------------------------------------------------


async def test_an_empty_401_renews_the_token_once_and_asks_again(
    ring: ScriptedRing, renewing: RingClient, auth: RenewingAuth
) -> None:
    ring.says(answer(401), NO_DEVICES)
    assert await renewing.async_get_devices() == {}
    assert auth.renewals == 1
    assert [seen.headers["authorization"] for seen in ring.seen] == [
        "Bearer fake-access-token-1",
        "Bearer fake-access-token-2",
    ]


async def test_renewed_token_that_is_refused_too_is_an_outage(
    ring: ScriptedRing, renewing: RingClient, auth: RenewingAuth
) -> None:
    ring.says(answer(401))
    with pytest.raises(RingUnavailableError) as raised:
        await renewing.async_get_devices()
    assert raised.value.status == 401
    assert (auth.renewals, len(ring.seen)) == (1, 2)


async def test_writing_is_tried_again_with_a_renewed_token(ring: ScriptedRing, renewing: RingClient) -> None:
    ring.says(answer(401), answer(body={"status": "awaiting"}))
    assert (await renewing.async_confirm_link("fake-nonce")).status == "awaiting"


async def test_users_me_means_401_when_it_says_403(
    ring: ScriptedRing, renewing: RingClient, auth: RenewingAuth
) -> None:
    ring.says(errors(403, "Forbidden"), USER)
    assert (await renewing.async_get_user()).masked_email == "j***e@example.com"
    ring.says(errors(403, "Forbidden"))
    with pytest.raises(RingUnavailableError):
        await renewing.async_get_user()
    assert auth.renewals == 2


async def test_a_403_elsewhere_renews_nothing(ring: ScriptedRing, renewing: RingClient, auth: RenewingAuth) -> None:
    ring.says(errors(403, "Out of Scope Access"))
    with pytest.raises(RingForbiddenError) as raised:
        await renewing.async_get_devices()
    assert raised.value.out_of_scope
    ring.says(answer(403))
    with pytest.raises(RingForbiddenError) as raised:
        await renewing.async_unlink()
    assert not raised.value.out_of_scope
    assert auth.renewals == 0


@pytest.mark.parametrize("status", [200, 401, 403, 404, 500])
async def test_an_html_page_is_an_outage_whatever_its_status(
    ring: ScriptedRing, renewing: RingClient, auth: RenewingAuth, status: int
) -> None:
    ring.says(HTML.replace(b"403", str(status).encode(), 1))
    with pytest.raises(RingUnavailableError):
        await renewing.async_get_user()
    assert auth.renewals == 0


async def test_one_token_without_a_way_to_renew_it_is_refused_for_good(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(answer(401))
    with pytest.raises(RingAuthError):
        await client.async_get_devices()
    assert len(ring.seen) == 1


# --- What is asked again ---------------------------------------------------------------------------------------------

BROKEN = [answer(500), answer(503, b"<html>"), CUT, b"\0\0\0\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"]


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_read_that_breaks_is_asked_once_more(
    ring: ScriptedRing, client: RingClient, sleeper: Sleeper, broken: bytes
) -> None:
    ring.says(broken, NO_DEVICES)
    assert await client.async_get_devices() == {}
    assert sleeper.slept == [1]


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_read_that_breaks_twice_is_an_outage(
    ring: ScriptedRing, client: RingClient, sleeper: Sleeper, broken: bytes
) -> None:
    ring.says(broken)
    with pytest.raises(RingUnavailableError):
        await client.async_get_devices()
    assert (len(ring.seen), sleeper.slept) == (2, [1])


@pytest.mark.parametrize("broken", BROKEN)
async def test_setting_the_status_is_repeated_but_a_nonce_and_an_unlink_are_not(
    ring: ScriptedRing, client: RingClient, broken: bytes
) -> None:
    ring.says(broken, answer(body={"status": "completed"}))
    assert (await client.async_set_link_status("completed")).status == "completed"
    for write in (lambda: client.async_confirm_link("fake-nonce"), client.async_unlink):
        ring.says(broken, answer(204))
        with pytest.raises(RingUnavailableError):
            await write()
        assert len(ring.seen) == 1


@pytest.mark.parametrize("said", [answer(429), answer(503, retry_after="7"), answer(400), answer(200, b"{"), HTML])
async def test_nothing_else_is_asked_again(
    ring: ScriptedRing, client: RingClient, sleeper: Sleeper, said: bytes
) -> None:
    ring.says(said)
    with pytest.raises(RingError):
        await client.async_get_devices()
    assert (len(ring.seen), sleeper.slept) == (1, [])


async def test_a_ring_that_is_not_there_is_an_outage(session: aiohttp.ClientSession, sleeper: Sleeper) -> None:
    nowhere = RingHosts.from_environment({"RING_PARTNER_CLOUD": "http://127.0.0.1:1"})
    with pytest.raises(RingUnavailableError) as raised:
        await RingClient(session, StaticAuth("fake-access-token-1"), nowhere, sleep=sleeper).async_get_user()
    assert isinstance(raised.value.__cause__, aiohttp.ClientConnectorError)
    assert sleeper.slept == [1]


async def test_a_ring_that_does_not_answer_in_time_is_an_outage_and_not_asked_again(
    session: aiohttp.ClientSession, sleeper: Sleeper
) -> None:
    connected = 0
    accepted, over = asyncio.Event(), asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connected
        connected += 1
        accepted.set()
        await over.wait()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    hosts = RingHosts.from_environment({"RING_PARTNER_CLOUD": f"http://127.0.0.1:{port}"})
    client = RingClient(
        session,
        StaticAuth("fake-access-token-1"),
        hosts,
        # Not for the whole: a busy machine may take longer than that to connect.
        timeout=aiohttp.ClientTimeout(sock_read=0.05),
        sleep=sleeper,
    )
    with pytest.raises(RingUnavailableError, match="too long") as raised:
        await client.async_get_user()
    assert isinstance(raised.value.__cause__, TimeoutError)
    await accepted.wait()
    assert (connected, sleeper.slept) == (1, [])
    over.set()
    server.close()
    await server.wait_closed()


async def test_a_closed_session_is_an_outage(
    ring: ScriptedRing, client: RingClient, session: aiohttp.ClientSession
) -> None:
    await session.close()
    with pytest.raises(RingUnavailableError):
        await client.async_get_user()


# --- What a status means ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, RingUnavailableError),
        (303, RingUnavailableError),
        (400, RingRequestError),
        (404, RingNotFoundError),
        (408, RingUnavailableError),
        (409, RingRequestError),
        (422, RingRequestError),
        (429, RingRateLimitError),
        (500, RingUnavailableError),
        (503, RingUnavailableError),
        (599, RingUnavailableError),
    ],
)
@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"errors": null}', b'{"errors": [7, {"title": []}]}', b'{"errors": [{"title": "X"}]}', b"no"]
)
async def test_a_status_means_the_same_whatever_is_in_the_body(
    ring: ScriptedRing, client: RingClient, status: int, error: type[RingError], body: bytes
) -> None:
    ring.says(answer(status, body, x_request_id="fake-request-1", location="http://127.0.0.1:1/v1/elsewhere"))
    with pytest.raises(RingError) as raised:
        await client.async_get_subscriptions()
    assert type(raised.value) is error
    assert (raised.value.status, raised.value.request_id) == (status, "fake-request-1")
    assert client.last_request_id == "fake-request-1"


async def test_a_wrong_request_keeps_rings_words_but_does_not_say_them(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(errors(400, "Invalid Nonce", code="INVALID_PAYLOAD", detail="nonce fake-nonce is wrong"))
    with pytest.raises(RingRequestError) as raised:
        await client.async_confirm_link("fake-nonce")
    assert (raised.value.code, raised.value.detail) == ("INVALID_PAYLOAD", "nonce fake-nonce is wrong")
    assert str(raised.value) == "POST app-integrations: Ring answered 400 (Invalid Nonce)"
    ring.says(errors(400, "fake-nonce"))
    with pytest.raises(RingRequestError) as raised:
        await client.async_confirm_link("fake-nonce")
    assert raised.value.code == "fake-nonce"
    assert str(raised.value) == "POST app-integrations: Ring answered 400"


async def test_an_odd_request_id_is_none(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(answer(404, x_request_id="<script>"))
    with pytest.raises(RingNotFoundError) as raised:
        await client.async_get_subscriptions()
    assert raised.value.request_id is None


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": []}, {"data": {"attributes": {}}}, []])
async def test_an_account_without_an_id_is_an_outage(ring: ScriptedRing, client: RingClient, body: Json) -> None:
    ring.says(answer(body=body))
    with pytest.raises(RingUnavailableError):
        await client.async_get_user()


# --- Many at once ----------------------------------------------------------------------------------------------------


async def test_a_storm_of_401_on_100_calls_is_one_renewal_and_100_answers(
    session: aiohttp.ClientSession, auth: RenewingAuth
) -> None:
    served = 0

    async def serve(request: aiohttp.web.BaseRequest) -> aiohttp.web.Response:
        nonlocal served
        served += 1
        if request.headers["authorization"] == "Bearer fake-access-token-1":
            return aiohttp.web.Response(status=401)
        return aiohttp.web.json_response({"data": []})

    async with aiohttp.test_utils.RawTestServer(serve, host="127.0.0.1") as server:
        hosts = RingHosts.from_environment({"RING_PARTNER_CLOUD": str(server.make_url("/"))})
        client = RingClient(session, auth, hosts)
        assert await asyncio.gather(*(client.async_get_devices() for _ in range(100))) == [{}] * 100
    assert (auth.renewals, served) == (1, 200)


# --- What must not be seen -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", [*BROKEN, HTML, answer(400), answer(401), answer(429), answer(200, b"{")])
async def test_no_error_shows_the_token_or_the_nonce(
    ring: ScriptedRing, make_client: MakeClient, caplog: pytest.LogCaptureFixture, said: bytes
) -> None:
    ring.says(said)
    secret = "fake-secret-" + "seen"
    with pytest.raises(RingError) as raised:
        await make_client(StaticAuth(secret)).async_confirm_link(secret)
    shown = "".join(traceback.format_exception(raised.value))
    chain: BaseException | None = raised.value
    while chain is not None:
        shown += f"{chain!r} {vars(chain)!r}"
        chain = chain.__cause__ or chain.__context__
    assert secret not in shown
    assert secret not in caplog.text


async def test_a_redirect_is_not_followed_with_the_token(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(answer(307, location=f"{ring.url}/v1/elsewhere"), NO_DEVICES)
    with pytest.raises(RingUnavailableError):
        await client.async_get_devices()
    assert len(ring.seen) == 1
