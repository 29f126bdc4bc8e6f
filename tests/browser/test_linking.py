"""A newcomer links a Ring account by hand, links it again after Ring has ended the link, and removes it."""

from collections.abc import AsyncIterator
import re

from playwright.async_api import FilePayload, Locator, expect
import pytest
import pytest_asyncio

from demo.clients import until
from demo.linking import (
    APP_NAME,
    CLIENT_ID,
    CLIENT_SECRET,
    DOMAIN,
    EMAIL,
    SIGNING_KEY,
    find_entry,
    loaded_entry,
    register_app,
)
from demo.rig import Ports, Rig

from .conftest import OpenWindow, allow_loopback
from .dialogs import NARROW, look, open_entry, read_addresses
from .window import PATIENCE_MS, Window

pytestmark = pytest.mark.asyncio(loop_scope="session")
expect.set_options(timeout=PATIENCE_MS)

PHONE = (390, 844)
CARD = "section.phone"
PUBLIC = "https://home.example.com"
ENABLE = "On your phone, open the"
CSV = f"Client ID,Client Secret,HMAC Signing Key\r\n{CLIENT_ID},{CLIENT_SECRET},fake-key-of-another-app\r\n"
CSV_FILE: FilePayload = {"name": "credentials.csv", "mimeType": "text/csv", "buffer": CSV.encode()}
CALLED = "Ring has contacted Home Assistant."


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def empty_home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """A Home Assistant of its own: the others would miss the account that is removed here."""
    allow_loopback()
    async with Rig(tmp_path_factory.mktemp("empty"), Ports(0, 0)) as rig:
        yield rig


@pytest_asyncio.fixture(loop_scope="session")
async def newcomer(empty_home: Rig) -> Rig:
    """Nothing is linked, and Home Assistant does not know the Ring app yet."""
    home = empty_home.home
    while (entry := await find_entry(home)) is not None:
        await home.delete(f"config/config_entries/entry/{entry['entry_id']}")
    for known in await home.command("application_credentials/list"):
        await home.command("application_credentials/delete", application_credentials_id=known["id"])
    return empty_home


@pytest_asyncio.fixture(loop_scope="session")
async def public_home(newcomer: Rig) -> AsyncIterator[Rig]:
    """The Home Assistant has an address in the internet, as everybody's should whom Ring is to call."""
    await newcomer.home.command("config/core/update", external_url=PUBLIC)
    yield newcomer
    await newcomer.home.command("config/core/update", external_url=newcomer.home.url)


@pytest_asyncio.fixture(loop_scope="session")
async def linked(newcomer: Rig) -> Rig:
    """John's account is linked."""
    await newcomer.link()
    return newcomer


async def test_an_account_is_linked_by_hand(public_home: Rig, open_window: OpenWindow) -> None:
    newcomer = public_home
    desk, phone = await open_window(), await open_window(*PHONE)
    await _register_app(phone, newcomer)
    dialog = await _choose_ring_app(desk, newcomer)
    await _enter_credentials(desk, dialog)
    addresses = await read_addresses(desk, dialog, PUBLIC)
    await look(desk, dialog, "link-4-addresses", docs="link")
    # No name leads anywhere on this machine: what the internet and a proxy would do is done to the addresses.
    await _paste_into_portal(phone, {url: at.replace(PUBLIC, newcomer.home.url) for url, at in addresses.items()})

    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_text(ENABLE)).to_be_visible()
    await look(desk, dialog, "link-5-enable")
    await _visit_test_page(await open_window(*PHONE), addresses["Account Link URL"].replace(PUBLIC, newcomer.home.url))
    await expect(dialog.get_by_text("from 127.0.0.1")).to_be_visible()
    await look(desk, dialog, "link-5-reached")
    await _enable(phone, newcomer, "Ada Example", without="Cottage Kitchen", docs="phone")
    await expect(dialog.get_by_text(CALLED)).to_be_visible()
    await look(desk, dialog, "link-6-confirm-in-ring-app")
    await _confirm_in_ring_app(phone, docs="confirm")

    await _confirm_ada(desk, dialog)
    await desk.page.goto(f"{newcomer.home.url}/config/integrations/integration/{DOMAIN}")
    for text in ("Ada Example", "Cottage Door"):
        await expect(desk.page.get_by_text(text, exact=True).first).to_be_visible()
    await look(desk, desk.page.locator("ha-config-entry-row"), "link-9-integration")
    assert await _shared_by_ada(newcomer) == {"Cottage Door", "Cottage Garden", "Cottage Window"}


async def _register_app(phone: Window, rig: Rig) -> None:
    """What Ring's developer portal asks for, before Home Assistant knows of it."""
    await rig.cloud.post(
        "apps", client_id=CLIENT_ID, name=APP_NAME, client_secret=CLIENT_SECRET, signing_key=SIGNING_KEY
    )
    await phone.page.goto(f"{rig.cloud.url}/#portal")
    await expect(phone.page.get_by_role("heading", name=APP_NAME)).to_be_visible()


async def _choose_ring_app(desk: Window, rig: Rig) -> Locator:
    dialog = await _open_menu(desk, rig)
    await look(desk, dialog, "link-1-menu", docs="ways")
    await dialog.get_by_text("From the Ring app", exact=True).click()
    return dialog


async def _open_menu(desk: Window, rig: Rig) -> Locator:
    page = desk.page
    await page.goto(f"{rig.home.url}/config/integrations/dashboard")
    await page.get_by_role("button", name="Add integration").last.click()
    await page.get_by_placeholder("Search for a brand name").fill("Ring Par")
    await page.locator("dialog-add-integration").get_by_text("Ring Partner", exact=True).click()
    dialog = page.locator("dialog-data-entry-flow")
    await expect(dialog.get_by_text("Choose how to link your Ring account.")).to_be_visible()
    return dialog


async def _enter_credentials(desk: Window, dialog: Locator) -> None:
    """Enter the three values, the secret wrong at first."""
    await expect(dialog.get_by_text("Enter the credentials of your private app")).to_be_visible()
    await look(desk, dialog, "link-2-credentials")
    await _submit(dialog)
    await expect(dialog.get_by_text("Enter this value.").first).to_be_visible()
    await look(desk, dialog, "link-2-missing")
    await _fill(dialog, CLIENT_ID, "fake-mistyped-secret", SIGNING_KEY)
    await _submit(dialog)
    await expect(dialog.get_by_text("Ring doesn't recognize this client ID and client secret.")).to_be_visible()
    await look(desk, dialog, "link-3-wrong-secret")
    await dialog.locator("input[type=password]").first.fill(CLIENT_SECRET)
    await _submit(dialog)


async def _fill(dialog: Locator, client_id: str, secret: str, key: str) -> None:
    await dialog.get_by_role("textbox", name="Client ID").fill(client_id)
    await dialog.locator("input[type=password]").nth(0).fill(secret)
    await dialog.locator("input[type=password]").nth(1).fill(key)


async def _submit(dialog: Locator) -> None:
    await dialog.get_by_role("button", name="Submit").click()


async def _visit_test_page(phone: Window, url: str) -> None:
    """Open the Account Link URL as a phone without Wi-Fi would."""
    await phone.page.goto(url)
    await expect(phone.page.get_by_role("heading", name="This address works")).to_be_visible()


async def _disable_at_ring(rig: Rig, email: str) -> None:
    """Remove the app in the Ring app, if another journey has enabled it."""
    account = await rig.cloud.account(email)
    if any(link["client_id"] == CLIENT_ID for link in account["links"]):
        await rig.cloud.post(f"accounts/{account['id']}/disable", client_id=CLIENT_ID)


async def _open_csv(dialog: Locator) -> None:
    """Open the part of the form that takes the file; the frontend closes it again while the form appears."""
    upload = dialog.get_by_text("Upload the file from Ring's credentials page")

    async def is_open() -> bool:
        if not await upload.is_visible():
            await dialog.get_by_role("button", name="Use the CSV file").click()
            await upload.wait_for(state="visible")
        return await upload.is_visible()

    await expect(dialog.get_by_text("Enter the credentials of your private app")).to_be_visible()
    await until(is_open, PATIENCE_MS / 1000, "the part for the file is open")


async def test_csv_file_and_corrected_key_link(newcomer: Rig, open_window: OpenWindow) -> None:
    desk, phone = await open_window(), await open_window(*PHONE)
    await _register_app(phone, newcomer)
    await _disable_at_ring(newcomer, "ada@example.com")
    # What the phone's page answers to a confirmation that the wrong key cannot match.
    phone.overlook("400 (Bad Request)")
    dialog = await _choose_ring_app(desk, newcomer)
    await _open_csv(dialog)
    await dialog.locator("input[type=file]").set_input_files(CSV_FILE)
    await expect(dialog.get_by_text("credentials.csv").last).to_be_visible()
    await look(desk, dialog, "csv-1-file")
    await _submit(dialog)
    await _paste_into_portal(phone, await read_addresses(desk, dialog, newcomer.home.url))
    await _submit(dialog)
    await expect(dialog.get_by_text(ENABLE)).to_be_visible()
    await _enable(phone, newcomer, "Ada Example")
    await expect(dialog.get_by_text(CALLED)).to_be_visible()
    await phone.page.get_by_role("button", name="Confirm").click()
    await expect(dialog.get_by_text("The confirmation from Ring doesn't match this signing key.")).to_be_visible()
    await look(desk, dialog, "csv-2-wrong-key")
    await dialog.locator("input[type=password]").fill(SIGNING_KEY)
    await _submit(dialog)
    await phone.page.goto(f"{newcomer.cloud.url}/#portal")
    await _paste_into_portal(phone, await read_addresses(desk, dialog, newcomer.home.url))
    await _submit(dialog)
    await expect(dialog.get_by_text(ENABLE)).to_be_visible()
    await _disable_at_ring(newcomer, "ada@example.com")
    await _enable(phone, newcomer, "Ada Example")
    await expect(dialog.get_by_text(CALLED)).to_be_visible()
    await phone.page.get_by_role("button", name="Confirm").click()
    await _confirm_ada(desk, dialog)


async def test_two_tabs_with_one_reloaded_link_once(newcomer: Rig, open_window: OpenWindow) -> None:
    first, second, phone = await open_window(), await open_window(), await open_window(*PHONE)
    await register_app(newcomer.cloud, newcomer.home)
    await _disable_at_ring(newcomer, "ada@example.com")
    dialog = await _wait_in_ring_app(first, phone, newcomer)
    other = await _wait_in_ring_app(second, phone, newcomer)
    await _enable(phone, newcomer, "Ada Example")
    for waits in (dialog, other):
        await expect(waits.get_by_text(CALLED)).to_be_visible()
    # Home Assistant is not told that the page is reloaded: the first dialog goes on waiting unseen.
    await first.page.reload()
    await expect(dialog).to_be_hidden()
    await phone.page.get_by_role("button", name="Confirm").click()
    await expect(other.get_by_text("Is this your Ring account?")).to_be_visible()
    await look(second, other, "tabs-1-second-tab")
    dialog = await _open_menu(first, newcomer)
    await _go_to_urls(first, dialog, newcomer)
    await _submit(dialog)
    await _confirm_ada(first, dialog)
    await _submit(other)
    await expect(other.get_by_text("This Ring account is already linked: Ada Example")).to_be_visible()
    await look(second, other, "tabs-2-linked-in-first-tab")


async def _wait_in_ring_app(desk: Window, phone: Window, rig: Rig) -> Locator:
    """Open a dialog with the stored credentials, up to where it waits for Ring."""
    dialog = await _open_menu(desk, rig)
    addresses = await _go_to_urls(desk, dialog, rig)
    await phone.page.goto(f"{rig.cloud.url}/#portal")
    await _paste_into_portal(phone, addresses)
    await _submit(dialog)
    await expect(dialog.get_by_text(ENABLE)).to_be_visible()
    return dialog


async def _go_to_urls(desk: Window, dialog: Locator, rig: Rig) -> dict[str, str]:
    await dialog.get_by_text("From the Ring app", exact=True).click()
    await dialog.locator("input[type=password]").fill(SIGNING_KEY)
    await _submit(dialog)
    return await read_addresses(desk, dialog, rig.home.url)


async def _paste_into_portal(phone: Window, addresses: dict[str, str]) -> None:
    for label, address in addresses.items():
        await phone.page.get_by_label(label).fill(address)
    await phone.picture("phone-1-portal")
    await phone.page.get_by_role("button", name="Save").click()
    await expect(phone.page.get_by_text("The app was saved.")).to_be_visible()
    await phone.page.get_by_role("button", name="Dismiss").click()


async def _enable(phone: Window, rig: Rig, person: str, *, without: str | None = None, docs: str | None = None) -> None:
    page = phone.page
    await page.goto(f"{rig.cloud.url}/#app")
    await page.get_by_role("button", name=person).click()
    await page.get_by_role("button", name=APP_NAME).click()
    await phone.picture("phone-2-consent")
    await page.get_by_role("button", name="Allow").click()
    if without is not None:
        await page.get_by_label(without).uncheck()
    await page.evaluate("scrollTo(0, 0)")
    await phone.picture("phone-3-devices", docs=docs, part=page.locator(CARD))
    assert await phone.clipped() == []
    await page.get_by_role("button", name="Enable", exact=True).click()


async def _confirm_in_ring_app(phone: Window, *, docs: str | None = None) -> None:
    await expect(phone.page.get_by_role("button", name="Confirm")).to_be_visible()
    await phone.page.evaluate("scrollTo(0, 0)")
    await phone.picture("phone-4-confirm", docs=docs, part=phone.page.locator(CARD))
    assert await phone.clipped() == []
    await phone.page.get_by_role("button", name="Confirm").click()
    await expect(phone.page.get_by_role("heading", name="One more step")).to_be_visible()
    await phone.picture("phone-5-one-more-step")
    assert await phone.clipped() == []


async def _confirm_ada(desk: Window, dialog: Locator) -> None:
    await expect(dialog.get_by_text("Is this your Ring account?")).to_be_visible()
    await look(desk, dialog, "link-7-confirm")
    assert "Ada Example · a***a@example.com" in await desk.text()
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_role("button", name=re.compile("finish", re.IGNORECASE))).to_be_visible()
    await look(desk, dialog, "link-8-linked")


async def _shared_by_ada(rig: Rig) -> set[str]:
    """What the Ring cloud says of the link, once it is complete."""
    ada = await rig.cloud.account("ada@example.com")
    link = next(link for link in ada["links"] if link["client_id"] == CLIENT_ID)
    assert link["status"] == "completed"
    return {device["name"] for device in ada["devices"] if device["id"] in link["device_ids"]}


async def test_an_app_that_was_removed_at_ring_is_linked_again(linked: Rig, open_window: OpenWindow) -> None:
    desk, phone = await open_window(scheme="dark"), await open_window(*PHONE)
    before = await loaded_entry(linked.home)
    await _remove_in_ring_app(await open_window(*PHONE), linked, "John Doe")

    # Home Assistant's own request to authenticate again is the only one.
    repair = desk.page.get_by_text("Authentication expired for John Doe")
    await desk.page.goto(f"{linked.home.url}/config/repairs")
    await expect(repair).to_be_visible()
    await desk.picture("reauth-1-repair")

    await desk.page.goto(f"{linked.home.url}/config/integrations/integration/{DOMAIN}")
    await desk.page.get_by_role("button", name="Reconfigure").first.click()
    dialog = desk.page.locator("dialog-data-entry-flow")
    await expect(dialog.get_by_text("is no longer linked")).to_be_visible()
    await look(desk, dialog, "reauth-2-menu", docs="reauth")
    await dialog.get_by_text("From the Ring app", exact=True).click()
    await read_addresses(desk, dialog, linked.home.url)
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_text(ENABLE)).to_be_visible()
    await _enable(phone, linked, "John Doe")
    await expect(dialog.get_by_text(CALLED)).to_be_visible()
    await _confirm_in_ring_app(phone)
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_text(re.compile("successful", re.IGNORECASE))).to_be_visible()
    await look(desk, dialog, "reauth-3-done")
    assert (await loaded_entry(linked.home))["entry_id"] == before["entry_id"]

    await desk.page.goto(f"{linked.home.url}/config/repairs")
    await expect(desk.page.get_by_text("There are currently no repairs pending")).to_be_visible()
    await expect(repair).to_be_hidden()


async def _remove_in_ring_app(phone: Window, rig: Rig, person: str) -> None:
    page = phone.page
    await page.goto(f"{rig.cloud.url}/#app")
    await page.get_by_role("button", name=person).click()
    await page.get_by_role("button", name=APP_NAME).click()
    await page.get_by_role("button", name="Remove app").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove app").click()
    await expect(page.get_by_role("dialog")).to_be_hidden()


async def test_an_account_is_removed(linked: Rig, open_window: OpenWindow) -> None:
    window = await open_window(*NARROW)
    page = window.page
    entry = await open_entry(window, linked)
    await entry.get_by_role("button", name="Menu").first.click()
    await page.get_by_role("menuitem", name="Delete").locator("visible=true").first.click()
    await expect(page.get_by_text("Delete John Doe?")).to_be_visible()
    await look(window, page.locator("dialog-box"), "remove-1-sure")
    await page.get_by_role("button", name="Delete", exact=True).last.click()
    await expect(entry).to_be_hidden()
    await look(window, page.locator("body"), "remove-2-gone")
    assert await find_entry(linked.home) is None
    ring_states = [name for name in await linked.home.states() if "front_door" in name or "ring" in name]
    assert ring_states == []
    links = (await linked.cloud.account(EMAIL))["links"]
    assert [link["status"] for link in links if link["client_id"] == CLIENT_ID] != ["completed"]
