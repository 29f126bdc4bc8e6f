"""What a newcomer does with the demo, step by step."""

from collections.abc import Sequence
import re

from playwright.async_api import Locator, expect
import pytest

from custom_components.ring_partner.const import (
    DEFAULT_CACHE_DAYS,
    DEFAULT_CACHE_MEGABYTES,
    DEFAULT_MOTION_HOLD_SECONDS,
    DEFAULT_POLLING_SECONDS,
)
from custom_components.ring_partner.delivery import REFUSALS_ALARMING
from demo.linking import CLIENT_ID, POLLING_SECONDS, URL_FIELDS
from demo.rig import Rig

from .conftest import OpenWindow
from .dialogs import ON_DASHBOARD, URLS, look, open_entry, read_addresses
from .window import HAS_PICTURE, PATIENCE_MS, Window

pytestmark = pytest.mark.asyncio(loop_scope="session")
expect.set_options(timeout=PATIENCE_MS)

FAMILIES = {
    "Doorbell and cameras": (
        "Front Door",
        "Last ring",
        "Last motion",
        "Vehicle",
        "Animal",
        "1080p",
        "Camera 2",
    ),
    "Doors, windows, water": ("Back Door", "Closed", "87%", "Dry"),
    "Climate and air": ("22.4 °C", "41", "PM2.5", "0 ppm", "Hallway Chime"),
    "A Ring account": ("Complete", "Subscription", "Token expires", "Pushed by Ring"),
}
JUST_NOW = re.compile(r"\b[0-3] seconds? ago|[Nn]ow")


@pytest.mark.parametrize(("name", "width", "height"), [("desktop", 1280, 1260), ("phone", 360, 3000)])
async def test_the_dashboard_shows_every_family(
    demo: Rig, open_window: OpenWindow, name: str, width: int, height: int
) -> None:
    window = await open_window(width, height)
    await window.page.goto(demo.home.url)
    for heading, values in FAMILIES.items():
        await expect(window.page.get_by_text(heading).first).to_be_visible()
        for value in values:
            await expect(window.page.get_by_text(value).first).to_be_visible()
    for scheme in ("light", "dark"):
        await window.turn(scheme)
        await window.picture(f"dashboard-{name}-{scheme}")
        assert await window.flaws(known=ON_DASHBOARD) == []
        assert await window.clipped() == []


async def test_a_stranger_sees_the_account_at_a_glance(demo: Rig, open_window: OpenWindow) -> None:
    window = await open_window(1500, 1000)
    page = window.page
    await page.goto(f"{demo.home.url}/ring-demo/glance")
    await expect(page.get_by_text("Climate and air")).to_be_visible()
    camera = page.locator("hui-picture-entity-card")
    await page.wait_for_function(HAS_PICTURE, arg=await camera.element_handle())
    await expect(camera.get_by_role("progressbar")).to_have_count(0)
    await window.picture("glance", docs="dashboard", part=page.locator("hui-view-badges, hui-section"))
    await look(window, page.locator("hui-sections-view"), "glance")


async def test_the_doorbell_has_a_page_of_its_own(demo: Rig, open_window: OpenWindow) -> None:
    window = await open_window(1280, 1100)
    devices = await demo.home.command("config/device_registry/list")
    doorbell = next(device for device in devices if device["name"] == "Front Door")
    await window.page.goto(f"{demo.home.url}/config/devices/device/{doorbell['id']}")
    for text in (
        "Front Door",
        "Motion detection",
        "End-to-end encryption",
        "Resolution",
        "Connectivity",
        "Ring account",
    ):
        await expect(window.page.get_by_text(text).first).to_be_visible()
    # Beside them is the log, in which the account was reloaded a moment ago.
    await look(window, window.page.locator("ha-device-entities-card"), "device-doorbell", beside=False)


async def test_the_options_explain_themselves_and_are_kept(demo: Rig, open_window: OpenWindow) -> None:
    window = await open_window(height=980)
    dialog = await _open_options(window, demo)
    numbers = dialog.get_by_role("spinbutton")
    before = (POLLING_SECONDS, DEFAULT_MOTION_HOLD_SECONDS, DEFAULT_CACHE_MEGABYTES, DEFAULT_CACHE_DAYS)
    await _expect_values(numbers, before)
    await expect(dialog.get_by_role("checkbox", name="Garden")).not_to_be_checked()
    # The demo asks more often than others do.
    await numbers.first.fill(str(DEFAULT_POLLING_SECONDS))
    await look(window, dialog, "options-1", docs="options")

    await _set_options(window, dialog, (60, 45, 200, 7))
    dialog = await _open_options(window, demo)
    await _expect_values(dialog.get_by_role("spinbutton"), (60, 45, 200, 7))
    await expect(dialog.get_by_role("checkbox", name="Garden")).to_be_checked()
    assert "event.garden_doorbell" in await demo.home.states()
    await window.picture("options-2-changed")
    await _set_options(window, dialog, before)
    assert "event.garden_doorbell" not in await demo.home.states()


async def _open_options(window: Window, demo: Rig) -> Locator:
    entry = await open_entry(window, demo)
    await entry.get_by_role("button", name="Configure").click()
    dialog = window.page.locator("dialog-data-entry-flow")
    await expect(dialog.get_by_role("spinbutton").first).to_be_visible()
    return dialog


async def _expect_values(numbers: Locator, values: Sequence[int]) -> None:
    await expect(numbers).to_have_count(len(values))
    for position, value in enumerate(values):
        await expect(numbers.nth(position)).to_have_value(str(value))


async def _set_options(window: Window, dialog: Locator, values: Sequence[int]) -> None:
    """Fill in the numbers, turn the one doorbell on or off, and wait until all of it is in use."""
    for position, value in enumerate(values):
        await dialog.get_by_role("spinbutton").nth(position).fill(str(value))
    await dialog.get_by_text("Garden", exact=True).click()
    await dialog.get_by_role("button", name="Submit").click()
    await expect(window.page.get_by_text("Options successfully saved.")).to_be_visible()
    await window.page.keyboard.press("Escape")


async def test_reconfiguring_shows_the_addresses_again(demo: Rig, open_window: OpenWindow) -> None:
    window = await open_window()
    entry = await open_entry(window, demo)
    await entry.get_by_role("button", name="Menu").first.click()
    await window.page.get_by_role("menuitem", name="Reconfigure").locator("visible=true").first.click()
    dialog = window.page.locator("dialog-data-entry-flow")
    show = dialog.get_by_text("Show the URLs for Ring")
    await expect(dialog.get_by_text("Choose what to change for John Doe.")).to_be_visible()
    await look(window, dialog, "reconfigure-1-menu", docs="reconfigure")
    await show.click()
    addresses = await read_addresses(window, dialog, demo.home.url)
    await look(window, dialog, "reconfigure-2-addresses")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_text("Check the URLs")).to_be_visible()
    await look(window, dialog, "reconfigure-3-check")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_text(re.compile("successful", re.IGNORECASE))).to_be_visible()
    await look(window, dialog, "reconfigure-4-done")
    app = next(app for app in (await demo.cloud.state())["apps"] if app["client_id"] == CLIENT_ID)
    assert addresses == dict(zip(URLS, (app[field] for field in URL_FIELDS), strict=True))


async def test_a_contact_that_opens_at_ring_opens_on_the_dashboard(demo: Rig, open_window: OpenWindow) -> None:
    desk, ring = await open_window(1280, 1600), await open_window()
    await desk.page.goto(demo.home.url)
    contact = desk.page.locator("hui-tile-card").filter(has_text="Contact")
    await expect(contact).to_contain_text("Closed")

    await ring.page.goto(f"{demo.cloud.url}/#devices")
    card = ring.page.locator("article.device").filter(has=ring.page.get_by_role("heading", name="Back Door"))
    await card.get_by_label("Contact open").check()
    await ring.picture("cloud-devices")
    await desk.page.get_by_text("Ask Ring now", exact=True).last.click()
    await expect(contact).to_contain_text("Open")
    await desk.picture("dashboard-contact-open")
    await card.get_by_label("Contact open").uncheck()


async def test_a_bell_that_is_rung_at_ring_rings_on_the_dashboard(demo: Rig, open_window: OpenWindow) -> None:
    desk, ring = await open_window(1280, 1600), await open_window()
    await desk.page.goto(demo.home.url)
    bell = desk.page.locator("hui-tile-card").filter(has_text="Doorbell")
    await expect(bell).to_contain_text("ago")
    before = (await demo.home.states())["event.front_door_doorbell"]["state"]

    await ring.page.goto(f"{demo.cloud.url}/#devices")
    card = ring.page.locator("article.device").filter(has=ring.page.get_by_role("heading", name="Front Door"))
    await card.get_by_role("button", name="Ring the bell").click()
    await expect(ring.page.get_by_text(re.compile("Front Door: ")).first).to_be_visible()
    await expect(bell).to_contain_text(JUST_NOW)
    assert (await demo.home.states())["event.front_door_doorbell"]["state"] > before
    await card.get_by_role("button", name="Animal walks past Front Door").click()
    await expect(desk.page.locator("hui-tile-card").filter(has_text="What moved").first).to_contain_text("Animal")
    await expect(desk.page.locator("hui-tile-card").filter(has_text="Last motion").first).to_contain_text(JUST_NOW)
    await ring.picture("cloud-bell")
    await desk.picture("dashboard-bell")


async def test_a_repair_says_what_to_do_and_goes_once_it_is_done(demo: Rig, open_window: OpenWindow) -> None:
    window = await open_window()
    app = next(app for app in (await demo.cloud.state())["apps"] if app["client_id"] == CLIENT_ID)
    for _ in range(REFUSALS_ALARMING):
        async with demo.session.post(app["webhook_url"], json={}) as response:
            assert response.status == 401
    page = window.page
    await page.goto(f"{demo.home.url}/config/repairs")
    repair = page.get_by_text("Somebody else calls your Ring webhook")
    await repair.click()
    dialog = page.locator("dialog-data-entry-flow")
    await expect(dialog.get_by_text("Home Assistant has refused at least ten calls")).to_be_visible()
    await look(window, dialog, "repair-1-what-to-do", docs="repair")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_text("The issue is repaired!")).to_be_visible()
    await look(window, dialog, "repair-2-done")
    await page.keyboard.press("Escape")
    await expect(page.get_by_text("There are currently no repairs pending")).to_be_visible()
