"""Live views that need not begin, and ends that need not be tried again."""

from collections.abc import AsyncIterator

import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.ring_partner import live
from homeassistant.components.camera import CameraState
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from ring_cloud import Account, App, RingCloud

from .polls import reauths
from .viewers import Viewer, camera_of

SESSIONS = "/v1/devices/*/media/streaming/whep/sessions*"


@pytest.fixture
async def viewer(
    hass: HomeAssistant, cloud: RingCloud, account: Account, linked: ConfigEntry, hass_ws_client: WebSocketGenerator
) -> AsyncIterator[Viewer]:
    """Somebody in front of the camera's dialog; behind the answers of the cloud there is nobody, which is quick."""
    cloud.switches.whep_media = "none"
    socket = await hass_ws_client(hass)
    yield Viewer(socket, camera_of(hass, linked, account.device("Front Door")))
    await socket.close()


async def test_while_the_account_is_not_known_no_camera_is_woken(
    hass: HomeAssistant, cloud: RingCloud, linked: ConfigEntry, viewer: Viewer
) -> None:
    cloud.faults.add("/v1/devices", status=500, count=None)
    await linked.runtime_data.coordinator.async_refresh()
    message = await viewer.watch()
    assert message["type"] == "error"
    assert cloud.count("POST", SESSIONS) == 0


async def test_a_view_that_outlives_the_link_is_not_ended_again_and_again(
    hass: HomeAssistant, cloud: RingCloud, account: Account, app: App, viewer: Viewer
) -> None:
    """Ring has ended it with the link; the user is asked for a new one."""
    assert (await viewer.watch())["type"] == "answer"
    cloud.grants.revoke(account, app)
    await viewer.leave()
    await viewer.socket.receive_json()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert cloud.count("DELETE", SESSIONS) == 1
    assert reauths(hass) == 1
    assert hass.states.get(viewer.entity_id).state != CameraState.STREAMING


async def test_an_end_that_ring_never_takes_is_given_up_once_ring_has_ended_the_view_itself(
    hass: HomeAssistant, cloud: RingCloud, linked: ConfigEntry, viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await viewer.watch())["type"] == "answer"
    monkeypatch.setattr(live, "MAINS_SECONDS", 0.2)
    monkeypatch.setattr(live, "END_AGAIN_SECONDS", 0.02)
    cloud.faults.add(SESSIONS, method="DELETE", status=500, count=None)
    await viewer.leave()
    await viewer.socket.receive_json()
    await hass.async_block_till_done(wait_background_tasks=True)
    tried = cloud.count("DELETE", SESSIONS)
    assert tried
    assert await hass.config_entries.async_unload(linked.entry_id)
    assert cloud.count("DELETE", SESSIONS) == tried
