"""Somebody whose browser and whose Home Assistant speak German."""

from collections.abc import AsyncIterator

from playwright.async_api import Locator, expect
import pytest
import pytest_asyncio

from demo.clients import Document, until
from demo.linking import DOMAIN, EMAIL, loaded_entry
from demo.rig import Rig

from .conftest import OpenWindow, allow_loopback
from .dialogs import look, open_entry, read_addresses
from .window import PATIENCE_MS, Window

pytestmark = pytest.mark.asyncio(loop_scope="session")
expect.set_options(timeout=PATIENCE_MS)

ACCOUNT = {"de": "Ring-Konto John Doe", "en": "Ring account John Doe"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def home(demo: Rig) -> AsyncIterator[Rig]:
    """The home is a German one; the other files' is not."""
    allow_loopback()
    await _speak(demo, "de")
    yield demo
    allow_loopback()
    await _speak(demo, "en")


async def _speak(demo: Rig, language: str) -> None:
    """Change Home Assistant's language, in which devices and entities are named when they are set up."""
    entry = await loaded_entry(demo.home)
    await demo.home.command("config/core/update", language=language)

    async def is_spoken() -> bool:
        # Home Assistant reads its translations a moment later.
        await demo.home.post(f"config/config_entries/entry/{entry['entry_id']}/reload")
        await loaded_entry(demo.home)
        return bool((await _account(demo))["name"] == ACCOUNT[language])

    await until(is_spoken, PATIENCE_MS / 1000, f"all names are {language}")


async def _account(demo: Rig) -> Document:
    devices = await demo.home.command("config/device_registry/list")
    return next(device for device in devices if device.get("entry_type") == "service" and _is_ours(device))


def _is_ours(device: Document) -> bool:
    return any(identifier[0] == DOMAIN for identifier in device["identifiers"])


@pytest_asyncio.fixture(loop_scope="session")
async def window(open_window: OpenWindow) -> Window:
    return await open_window(language="de-DE")


def dialog_of(window: Window) -> Locator:
    return window.page.locator("dialog-data-entry-flow")


async def test_the_ways_to_link_are_told_in_german(home: Rig, window: Window) -> None:
    await open_entry(window, home)
    await window.page.get_by_role("button", name="Hub hinzufügen").click()
    dialog = dialog_of(window)
    await expect(dialog.get_by_text("Wähle, wie du dein Ring-Konto verbinden möchtest.")).to_be_visible()
    for way in ("Über die Ring-App", "Mit einem vorhandenen Refresh-Token", "Bei Ring anmelden"):
        await expect(dialog.get_by_text(way, exact=True)).to_be_visible()
    await look(window, dialog, "german-1-ways")
    await dialog.get_by_text("Mit einer anderen privaten App").click()
    await expect(dialog.get_by_text("Zugangsdaten deiner privaten App eingeben")).to_be_visible()
    await dialog.get_by_text("CSV-Datei verwenden").click()
    await look(window, dialog, "german-2-credentials")


async def test_the_addresses_keep_rings_names_in_german(home: Rig, window: Window) -> None:
    entry = await open_entry(window, home)
    await entry.get_by_role("button", name="Menü").first.click()
    await window.page.get_by_role("menuitem", name="Neu konfigurieren").locator("visible=true").first.click()
    dialog = dialog_of(window)
    await expect(dialog.get_by_text("Wähle, was du für John Doe ändern möchtest.")).to_be_visible()
    await look(window, dialog, "german-3-reconfigure")
    await dialog.get_by_text("URLs für Ring anzeigen").click()
    await read_addresses(window, dialog, home.home.url, "de")
    await look(window, dialog, "german-4-addresses")


async def test_the_options_explain_themselves_in_german(home: Rig, window: Window) -> None:
    entry = await open_entry(window, home)
    await entry.get_by_role("button", name="Konfigurieren").click()
    dialog = dialog_of(window)
    await window.reads(dialog, "Optionen für Ring", "Abfrageintervall", "Dauer einer Bewegung", "Türklingeln")
    await look(window, dialog, "german-5-options")


async def test_the_account_has_german_entities(home: Rig, window: Window) -> None:
    # Only the event of a camera proves that events are pushed.
    account = await home.cloud.account(EMAIL)
    door = next(device["id"] for device in account["devices"] if device["family"] == "doorbell")
    await home.cloud.post(f"devices/{door}/happen", type="button_press")
    await window.page.goto(f"{home.home.url}/config/devices/device/{(await _account(home))['id']}")
    entities = window.page.locator("ha-device-entities-card")
    await window.reads(entities, "Abo", "Token läuft ab", "Verbindung", "Vollständig", "Von Ring gesendet")
    await look(window, entities, "german-6-account", beside=False)
