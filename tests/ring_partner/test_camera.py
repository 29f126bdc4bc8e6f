"""The picture that a camera's entity shows, as the frontend asks for it."""

from freezegun.api import FrozenDateTimeFactory
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from ring_cloud import Account, App, RingCloud
from ring_cloud.media_time import read_time

from .pushes import async_press, async_set_up_pushed, webhook_url
from .viewers import camera_of

ASK = "/v1/devices/*/media/image/download"
PNG = b"\x89PNG\r\n\x1a\n"


async def test_it_is_that_of_the_last_event_and_before_any_event_a_placeholder(
    freezer: FrozenDateTimeFactory,
    hass: HomeAssistant,
    cloud: RingCloud,
    account: Account,
    app: App,
    entry: ConfigEntry,
    address: str,
    hass_client: ClientSessionGenerator,
) -> None:
    await async_set_up_pushed(hass, cloud, app, entry, webhook_url(address))
    door, browser = account.device("Front Door"), await hass_client()
    url = f"/api/camera_proxy/{camera_of(hass, entry, door)}"

    async with browser.get(url) as answer:
        assert (answer.status, answer.content_type) == (200, "image/png")
        assert (await answer.read()).startswith(PNG)
    assert cloud.count("POST", ASK) == 0

    freezer.tick(1)
    at = await async_press(hass, cloud, door)
    for _ in range(2):
        # Home Assistant answers the same within a second.
        freezer.tick(5)
        async with browser.get(url) as answer:
            assert (answer.status, answer.content_type) == (200, "image/jpeg")
            assert read_time(await answer.read()) == round(at.timestamp() * 1000)
    assert cloud.count("POST", ASK) == 1, "the camera is not woken, nor is Ring asked again"
