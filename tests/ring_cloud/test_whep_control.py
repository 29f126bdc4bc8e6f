"""Live views over the control interface: what is open, who ends it, and how the cloud behaves."""

import pytest

from ring_cloud import Account, Device, RingCloud

from .test_whep import offer


@pytest.fixture(autouse=True)
def _nobody_there(cloud: RingCloud) -> None:
    cloud.switches.whep_media = "none"


@pytest.fixture
def door(account: Account) -> Device:
    return account.device("Front Door")


async def test_the_state_shows_what_is_open(cloud, partner, app, door, clock, token):
    await offer(partner, token, door)
    clock.advance(12)
    state = (await partner.control("GET", "/state")).json

    (session,) = state["live"]
    assert session.pop("age") == pytest.approx(12, abs=2)
    assert session == {
        "device": "Front Door",
        "device_id": door.id,
        "component_id": None,
        "client_id": app.client_id,
        "cap": 60,
    }
    assert state["live_views"] == {"opened": 1, "closed": 0, "cap_seconds": {"battery": 30, "mains": 60}}


async def test_a_person_can_end_the_sessions_of_a_device(cloud, partner, account, door, token):
    for device in (door, door, account.device("Driveway")):
        await offer(partner, token, device)

    assert (await partner.control("POST", f"/devices/{door.id}/live/end", {"how": "close"})).json == {"ended": 2}
    assert (await partner.control("POST", f"/devices/{door.id}/live/end")).json == {"ended": 0}
    assert [session.device.name for session in cloud.live.open_sessions] == ["Driveway"]
    assert (await partner.control("POST", f"/devices/{door.id}/live/end", {"how": "loudly"})).status == 400


async def test_a_person_can_shorten_live_views(cloud, partner, door, token):
    answer = await partner.control("POST", "/live", {"mains": 5})
    assert answer.json["live_views"]["cap_seconds"] == {"battery": 30, "mains": 5}
    await offer(partner, token, door)
    assert [session.cap for session in cloud.live.open_sessions] == [5]

    answer = await partner.control("POST", "/live")
    assert answer.json["live_views"]["cap_seconds"] == {"battery": 30, "mains": 60}
    assert (await partner.control("POST", "/live", {"mains": 0})).status == 400


@pytest.mark.parametrize(
    ("switch", "value"),
    [
        ("whep_delete_status", 204),
        ("whep_link", '<stun:stun.example.com>; rel="ice-server"'),
        ("whep_link", ""),
        ("whep_direction", "inactive"),
        ("whep_one_session", "many"),
        ("whep_end", "close"),
        ("whep_needs_plan", True),
    ],
)
async def test_a_switch_can_be_changed(partner, switch, value):
    assert (await partner.control("POST", "/switches", {switch: value})).json[switch] == value


@pytest.mark.parametrize(
    ("switch", "value"),
    [("whep_delete_status", 201), ("whep_link", "a\r\nb: c"), ("whep_direction", "both"), ("whep_media", True)],
)
async def test_a_switch_takes_no_nonsense(partner, switch, value):
    assert (await partner.control("POST", "/switches", {switch: value})).status == 400
