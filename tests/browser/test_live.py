"""Somebody opens a camera in Home Assistant's frontend."""

from playwright.async_api import Page, expect
import pytest

from demo.clients import until
from demo.linking import EMAIL
from demo.rig import Rig

from .conftest import OpenWindow
from .dialogs import NARROW, ON_DASHBOARD, look
from .window import PATIENCE_MS, Window

pytestmark = pytest.mark.asyncio(loop_scope="session")
expect.set_options(timeout=PATIENCE_MS)

CAMERA = "camera.front_door"
DIALOG = "ha-more-info-dialog"
ENDED = "Ring ends a live view after 60 seconds. Open the camera again to go on watching"
# Home Assistant's player trips over its own feet when a view that plays is ended, and looks for its source then.
HOME_ASSISTANTS_OWN = ("srcObject", "https://raw.githubusercontent.com/", "/lit-html.ts")
PREFIX = "Failed to start WebRTC stream:"
# The player lives in shadow roots; a video that plays has a time that goes on, and a picture.
PLAYS = """() => {
  const find = (node) => {
    for (const child of node.querySelectorAll("*")) {
      const found = child.tagName === "VIDEO" ? child : child.shadowRoot && find(child.shadowRoot);
      if (found) return found;
    }
  };
  const video = find(document);
  return Boolean(video && !video.paused && video.videoWidth && video.currentTime > 0.3);
}"""


async def open_camera(window: Window, demo: Rig, name: str = "Front Door", number: int = 0) -> Page:
    """Click a camera on the dashboard."""
    page = window.page
    await page.goto(f"{demo.home.url}/ring-demo/home")
    await page.locator("hui-picture-entity-card").nth(number).click()
    await expect(page.get_by_role("heading", name=name).or_(page.get_by_text(name)).first).to_be_visible()
    return page


async def sessions(demo: Rig) -> int:
    return len((await demo.cloud.state())["live"])


async def nobody_watches(demo: Rig) -> None:
    """Wait until both sides know."""

    async def ended() -> bool:
        return await sessions(demo) == 0 and (await demo.home.states())[CAMERA]["state"] == "idle"

    await until(ended, PATIENCE_MS / 1000, "nobody watches")


async def test_a_camera_plays_until_it_is_closed(demo: Rig, open_window: OpenWindow) -> None:
    window = await open_window()
    page = await open_camera(window, demo)
    await page.wait_for_function(PLAYS)
    assert (await demo.home.states())[CAMERA]["state"] == "streaming"
    assert await sessions(demo) == 1
    await window.picture("live-plays", docs="live", part=page.locator(f"{DIALOG} [part=dialog]").first)
    assert await window.flaws(known=ON_DASHBOARD) == []
    assert await window.clipped(page.locator(DIALOG)) == []
    await page.keyboard.press("Escape")
    await nobody_watches(demo)


async def test_a_live_view_that_ring_ends_says_so_and_can_be_opened_again(demo: Rig, open_window: OpenWindow) -> None:
    window = await open_window()
    window.overlook(*HOME_ASSISTANTS_OWN)
    page = await open_camera(window, demo)
    await page.wait_for_function(PLAYS)
    demo.skip_a_minute()
    await expect(page.get_by_text(ENDED)).to_be_visible()
    await look(window, page.locator(DIALOG), "live-ended", docs="live-ended", known=ON_DASHBOARD)
    await nobody_watches(demo)
    await page.keyboard.press("Escape")
    await page.locator("hui-picture-entity-card").first.click()
    await page.wait_for_function(PLAYS)


async def test_the_next_viewer_gets_the_camera_and_the_first_is_told(demo: Rig, open_window: OpenWindow) -> None:
    desk, phone = await open_window(), await open_window(*NARROW)
    desk.overlook(*HOME_ASSISTANTS_OWN)
    first = await open_camera(desk, demo)
    await first.wait_for_function(PLAYS)
    second = await open_camera(phone, demo)
    await expect(first.get_by_text("Somebody else has opened this camera")).to_be_visible()
    await second.wait_for_function(PLAYS)
    assert await sessions(demo) == 1
    await phone.picture("live-plays-phone")
    assert await phone.flaws(known=ON_DASHBOARD) == []
    assert await phone.clipped(second.locator(DIALOG)) == []
    await look(desk, first.locator(DIALOG), "live-taken-over", known=ON_DASHBOARD)


@pytest.mark.parametrize(
    ("name", "fault", "words"),
    [
        ("offline", {"status": 503, "body": '{"errors":[{"status":"503"}]}'}, "The camera is offline"),
        ("forbidden", {"status": 403, "body": '{"errors":[{"status":"403"}]}'}, "It may need a Ring plan"),
    ],
)
async def test_a_camera_that_shows_nothing_says_why(
    demo: Rig, open_window: OpenWindow, name: str, fault: dict[str, object], words: str
) -> None:
    await demo.cloud.post("faults", route="/v1/devices/*/whep/sessions", method="POST", **fault)
    window = await open_window()
    page = await open_camera(window, demo)
    await expect(page.get_by_text(f"{PREFIX} ").filter(has_text=words)).to_be_visible()
    await look(window, page.locator(DIALOG), f"live-{name}", known=ON_DASHBOARD)


async def test_a_camera_that_only_the_ring_app_can_show_says_so(demo: Rig, open_window: OpenWindow) -> None:
    account = await demo.cloud.account(EMAIL)
    [driveway] = [device for device in account["devices"] if device["name"] == "Driveway"]
    await demo.cloud.post(f"devices/{driveway['id']}/media", take=True)
    await demo.cloud.post(f"devices/{driveway['id']}/happen", type="motion_detected", sub_type="human")

    async def is_known() -> bool:
        return bool((await demo.home.states())["image.driveway_last_event"]["attributes"]["encrypted"])

    await until(is_known, PATIENCE_MS / 1000, "the picture is known to be encrypted")
    window = await open_window()
    page = await open_camera(window, demo, "Driveway", 1)
    await expect(page.get_by_text(f"{PREFIX} ").filter(has_text="end-to-end encrypted")).to_be_visible()
    await look(window, page.locator(DIALOG), "live-encrypted", known=ON_DASHBOARD)
    await demo.cloud.post(f"devices/{driveway['id']}/media", take=False)
