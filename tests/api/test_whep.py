"""Live views over WHEP: where a session is, how it ends, and the servers that Ring may name."""

from aiohttp import ClientSession
from hypothesis import given, strategies as st
import pytest

from custom_components.ring_partner.api import (
    IceServer,
    RingClient,
    RingForbiddenError,
    RingRequestError,
    RingUnavailableError,
    StaticAuth,
    Whep,
)
from custom_components.ring_partner.api.whep import ice_servers_from
from ring_cloud import Account, App, RingCloud
from ring_cloud.model import Device
from tests.ring_cloud.whep_client import browser_offer

from .conftest import hosts

SESSIONS = "/v1/devices/*/media/streaming/whep/sessions*"


@pytest.fixture
def camera(cloud: RingCloud, account: Account) -> Device:
    cloud.switches.whep_media = "none"
    return account.device("Front Door")


@pytest.fixture
def whep(cloud: RingCloud, account: Account, app: App, session: ClientSession) -> Whep:
    token = str(cloud.link_directly(account, app)["access_token"])
    return Whep(RingClient(session, StaticAuth(token), hosts(cloud)))


async def test_a_session_is_ended_where_ring_says_it_is(cloud: RingCloud, camera: Device, whep: Whep) -> None:
    session = await whep.async_start(camera.id, browser_offer())
    assert session.url.query_string.startswith("location=")
    assert session.answer.startswith("v=0")
    assert await whep.async_end(session)
    assert not cloud.live.open_sessions


async def test_a_session_that_has_ended_by_itself_is_fine(cloud: RingCloud, camera: Device, whep: Whep) -> None:
    session = await whep.async_start(camera.id, browser_offer())
    cloud.live.end(camera)
    assert not await whep.async_end(session)


async def test_nothing_of_a_session_shows_in_a_log(camera: Device, whep: Whep) -> None:
    session = await whep.async_start(camera.id, browser_offer())
    assert repr(session) == "LiveSession(ice_servers=())"


async def test_a_start_is_never_repeated(cloud: RingCloud, camera: Device, whep: Whep) -> None:
    cloud.faults.add(SESSIONS, status=502)
    with pytest.raises(RingUnavailableError):
        await whep.async_start(camera.id, browser_offer())
    assert cloud.count("POST", SESSIONS) == 1


async def test_servers_may_stand_in_several_headers(cloud: RingCloud, camera: Device, whep: Whep) -> None:
    cloud.switches.whep_link = '<stun:a>; rel="ice-server"\n<stun:b>; rel="ice-server"'
    session = await whep.async_start(camera.id, browser_offer())
    assert session.ice_servers == (IceServer("stun:a"), IceServer("stun:b"))


async def test_a_start_without_an_answer_is_given_up(
    cloud: RingCloud, camera: Device, whep: Whep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.ring_partner.api.whep.START_SECONDS", 0.05)
    fault = cloud.faults.add(SESSIONS, delay=60)
    with pytest.raises(RingUnavailableError, match="took too long"):
        await whep.async_start(camera.id, browser_offer())
    fault.release()


async def test_an_end_whose_answer_got_lost_is_not_repeated_and_then_denied(
    cloud: RingCloud, camera: Device, whep: Whep
) -> None:
    session = await whep.async_start(camera.id, browser_offer())
    cloud.faults.add(SESSIONS, method="DELETE", cut="after")
    with pytest.raises(RingUnavailableError):
        await whep.async_end(session)
    assert not cloud.live.open_sessions


@pytest.mark.parametrize("sdp", [browser_offer(candidates=()), browser_offer(profiles=())])
async def test_an_offer_that_ring_fails_at_is_no_outage(camera: Device, whep: Whep, sdp: str) -> None:
    with pytest.raises(RingRequestError) as raised:
        await whep.async_start(camera.id, sdp)
    assert raised.value.status == 500


@pytest.mark.parametrize("status", [502, 503])
async def test_another_answer_of_a_server_is_an_outage(
    cloud: RingCloud, camera: Device, whep: Whep, status: int
) -> None:
    cloud.faults.add(SESSIONS, method="POST", status=status)
    with pytest.raises(RingUnavailableError):
        await whep.async_start(camera.id, browser_offer())


async def test_a_refusal_costs_no_session(cloud: RingCloud, camera: Device, whep: Whep) -> None:
    cloud.faults.add(SESSIONS, method="POST", status=403)
    with pytest.raises(RingForbiddenError):
        await whep.async_start(camera.id, browser_offer())
    assert cloud.live.opened == 0


@pytest.mark.parametrize(
    "location",
    ["", "http://127.0.0.2/v1/x", "https://evil.example/v1", "/v1/devices/x", "http://[", "file:///etc/passwd"],
)
async def test_a_session_elsewhere_is_refused_because_the_token_would_go_there(
    cloud: RingCloud, camera: Device, whep: Whep, location: str
) -> None:
    cloud.faults.add(SESSIONS, status=201, headers={"Location": location}, body="v=0\r\n")
    with pytest.raises(RingUnavailableError):
        await whep.async_start(camera.id, browser_offer())


async def test_a_relative_address_is_understood(cloud: RingCloud, camera: Device, whep: Whep) -> None:
    path = f"/v1/devices/{camera.id}/media/streaming/whep/sessions"
    cloud.faults.add(SESSIONS, status=201, headers={"Location": f"{path}/fake?location=a%2Fb"}, body="v=0\r\n")
    session = await whep.async_start(camera.id, browser_offer())
    assert session.url.raw_path_qs == f"{path}/fake?location=a%2Fb"


@pytest.mark.parametrize(
    ("link", "servers"),
    [
        ("", ()),
        ('<stun:stun.example.com:3478>; rel="ice-server"', (IceServer("stun:stun.example.com:3478"),)),
        (
            '<turn:t.example.com>; rel=ice-server; username="fake"; credential="fake-pass", <https://a.b>; rel="help"',
            (IceServer("turn:t.example.com", "fake", "fake-pass"),),
        ),
        ('<stun:a>; rel="ice-server", <stun:b>; rel="ice-server"', (IceServer("stun:a"), IceServer("stun:b"))),
        (
            '<turns:t.example.com:443?transport=tcp>; rel="ice-server"; username="fake"; credential="fake-pass"',
            (IceServer("turns:t.example.com:443?transport=tcp", "fake", "fake-pass"),),
        ),
        (
            '<turn:a>; username="1,<b>;c"; credential="say \\"fake\\""; rel="ice-server", <stun:b>; rel=ice-server',
            (IceServer("turn:a", "1,<b>;c", 'say "fake"'), IceServer("stun:b")),
        ),
        ('<https://a.b>; rel="help"; title="<stun:a>; rel=ice-server"', ()),
        # A browser would refuse the whole configuration.
        ('<turn:a>; rel="ice-server"; username="fake", <stun: b>; rel="ice-server"', ()),
        ('<javascript:alert(1)>; rel="ice-server"', ()),
    ],
)
def test_ice_servers_stand_in_the_link_header(link: str, servers: tuple[IceServer, ...]) -> None:
    assert ice_servers_from(link) == servers


@given(st.text())
def test_any_link_header_is_read(link: str) -> None:
    assert all(server.url for server in ice_servers_from(link))
