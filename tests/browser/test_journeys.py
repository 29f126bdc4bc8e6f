"""What a newcomer does with the demo, step by step."""

import re

from playwright.async_api import Locator, expect
import pytest

from custom_components.ring_partner.const import DEFAULT_MOTION_HOLD_SECONDS
from demo.linking import APP_NAME, CLIENT_ID, POLLING_SECONDS, SIGNING_KEY, URL_FIELDS
from demo.rig import Rig

from .conftest import OpenWindow
from .window import PATIENCE_MS, Window

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]
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
    "Climate and air": ("22.4 °C", "41", "PM2.5", "Carbon monoxide", "Hallway Chime"),
    "A Ring account": ("Complete", "Paid", "Token expires", "Pushed by Ring"),
}
IS_DARK = "getComputedStyle(document.documentElement).getPropertyValue('--primary-background-color').trim() === '#111'"
JUST_NOW = re.compile(r"\b[0-3] seconds? ago|[Nn]ow")
PHONE = (390, 844)
URLS = ("Token Exchange URL", "Account Link URL", "Webhook URL", "App Homepage URL")


@pytest.mark.parametrize(("name", "width", "height"), [("desktop", 1280, 1600), ("phone", 390, 3000)])
async def test_the_dashboard_shows_every_family(
    demo: Rig, open_window: OpenWindow, name: str, width: int, height: int
) -> None:
    window = await open_window(width, height)
    await window.page.goto(demo.home.url)
    for heading, values in FAMILIES.items():
        await expect(window.page.get_by_text(heading).first).to_be_visible()
        for value in values:
            await expect(window.page.get_by_text(value).first).to_be_visible()
    await window.picture(f"dashboard-{name}-light")
    text = (await window.text()).replace("contact and battery are unknown", "")
    assert re.findall("unknown|unavailable|not found|error", text, re.IGNORECASE) == []
    assert await window.raw_keys() == []
    await window.page.emulate_media(color_scheme="dark")
    await window.page.wait_for_function(IS_DARK)
    await window.picture(f"dashboard-{name}-dark")


async def test_a_second_account_is_linked_by_hand(demo: Rig, open_window: OpenWindow) -> None:
    desk, phone = await open_window(), await open_window(*PHONE)
    dialog = await _choose_ring_app(desk, demo)
    await dialog.locator("input[type=password]").fill(SIGNING_KEY)
    await desk.picture("link-2-signing-key")
    await dialog.get_by_role("button", name="Submit").click()
    addresses = await _addresses(desk, dialog)
    await _picture_on_both(desk, "link-3-addresses")
    await _paste_into_portal(phone, demo, addresses)

    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_text("Now take your phone")).to_be_visible()
    await desk.picture("link-4-enable")
    await _enable_as_ada(phone, demo)
    await expect(dialog.get_by_text("Ring has called")).to_be_visible()
    await desk.picture("link-5-confirm-in-ring-app")
    await phone.page.get_by_role("button", name="Confirm").click()
    await expect(phone.page.get_by_role("heading", name="One more step")).to_be_visible()
    await phone.picture("phone-4-one-more-step")

    await _confirm_ada(desk, dialog)
    await desk.page.goto(f"{demo.home.url}/config/integrations/integration/ring_partner")
    for text in ("Ada Example", "Cottage Door", "John Doe"):
        await expect(desk.page.get_by_text(text, exact=True).first).to_be_visible()
    await desk.picture("link-8-integration")
    assert await _shared_by_ada(demo) == {"Cottage Door", "Cottage Garden", "Cottage Window"}


async def _confirm_ada(desk: Window, dialog: Locator) -> None:
    await expect(dialog.get_by_text("Is this your Ring account?")).to_be_visible()
    await desk.picture("link-6-confirm")
    assert "Ada Example · a***a@example.com" in await desk.text()
    assert await desk.raw_keys() == []
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_role("button", name=re.compile("finish", re.IGNORECASE))).to_be_visible()
    await desk.picture("link-7-linked")


async def _shared_by_ada(demo: Rig) -> set[str]:
    """What the Ring cloud says of the link, once it is complete."""
    ada = await demo.cloud.account("ada@example.com")
    link = next(link for link in ada["links"] if link["client_id"] == CLIENT_ID)
    assert link["status"] == "completed"
    return {device["name"] for device in ada["devices"] if device["id"] in link["device_ids"]}


async def _picture_on_both(window: Window, name: str) -> None:
    """Take a picture on the desk and one as on a phone."""
    await window.picture(name)
    await window.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    await window.picture(f"{name}-phone")
    await window.page.set_viewport_size({"width": 1280, "height": 900})


async def _choose_ring_app(desk: Window, demo: Rig) -> Locator:
    page = desk.page
    await page.goto(f"{demo.home.url}/config/integrations/dashboard")
    await page.get_by_role("button", name="Add integration").click()
    await page.get_by_placeholder("Search for a brand name").fill("Ring Par")
    await page.locator("dialog-add-integration").get_by_text("Ring Partner", exact=True).click()
    dialog = page.locator("dialog-data-entry-flow")
    await expect(dialog.get_by_text("Link a Ring account")).to_be_visible()
    await desk.picture("link-1-menu")
    await dialog.get_by_text("From the Ring app", exact=True).click()
    return dialog


async def _addresses(desk: Window, dialog: Locator) -> dict[str, str]:
    """Read the addresses as a person does who is about to copy them."""
    await expect(dialog.get_by_text(URLS[0], exact=True)).to_be_visible()
    lines = (await desk.text()).split("\n")
    found = {url: lines[lines.index(url) + 1] for url in URLS}
    assert all(address.startswith("http://127.0.0.1:") for address in found.values())
    return found


async def _paste_into_portal(phone: Window, demo: Rig, addresses: dict[str, str]) -> None:
    """The portal starts empty here: what the demo itself filled in is taken out first."""
    await demo.cloud.post("apps", client_id=CLIENT_ID, **dict.fromkeys(URL_FIELDS, ""))
    await phone.page.goto(f"{demo.cloud.url}/#portal")
    for label, address in addresses.items():
        await phone.page.get_by_label(label).fill(address)
    await phone.picture("phone-1-portal")
    await phone.page.get_by_role("button", name="Save").click()
    await expect(phone.page.get_by_text("The app was saved.")).to_be_visible()


async def _enable_as_ada(phone: Window, demo: Rig) -> None:
    page = phone.page
    await page.goto(f"{demo.cloud.url}/#app")
    await page.get_by_role("button", name="Ada Example").click()
    await page.get_by_role("button", name=APP_NAME).click()
    await phone.picture("phone-2-consent")
    await page.get_by_role("button", name="Allow").click()
    await page.get_by_label("Cottage Kitchen").uncheck()
    await phone.picture("phone-3-devices")
    await page.get_by_role("button", name="Enable", exact=True).click()


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
    await window.picture("device-doorbell")
    assert await window.raw_keys() == []


async def test_the_options_explain_themselves(demo: Rig, open_window: OpenWindow) -> None:
    window = await open_window()
    entry = await _open_entry(window, demo)
    await entry.get_by_role("button", name="Configure").click()
    dialog = window.page.locator("dialog-data-entry-flow")
    numbers = dialog.get_by_role("spinbutton")
    await expect(numbers.first).to_have_value(str(POLLING_SECONDS))
    await expect(numbers.last).to_have_value(str(DEFAULT_MOTION_HOLD_SECONDS))
    await expect(dialog.get_by_role("checkbox", name="Garden")).not_to_be_checked()
    await window.picture("options")
    assert "How often Home Assistant asks Ring" in await window.text()
    assert await window.raw_keys() == []


async def test_reconfiguring_shows_the_addresses_again(demo: Rig, open_window: OpenWindow) -> None:
    window = await open_window()
    entry = await _open_entry(window, demo)
    await entry.get_by_role("button", name="Menu").first.click()
    await window.page.get_by_role("menuitem", name="Reconfigure").locator("visible=true").first.click()
    dialog = window.page.locator("dialog-data-entry-flow")
    show = dialog.get_by_text("Addresses and signing key")
    await expect(show).to_be_visible()
    await window.picture("reconfigure-1-menu")
    await show.click()
    await dialog.get_by_role("button", name="Submit").click()
    await _addresses(window, dialog)
    await window.picture("reconfigure-2-addresses")
    assert await window.raw_keys() == []


async def _open_entry(window: Window, demo: Rig) -> Locator:
    await window.page.goto(f"{demo.home.url}/config/integrations/integration/ring_partner")
    entry = window.page.locator("ha-config-entry-row").filter(has_text="John Doe")
    await expect(entry).to_be_visible()
    return entry


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
