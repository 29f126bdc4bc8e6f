"""What several journeys do in Home Assistant's dialogs."""

import re

from playwright.async_api import Locator, expect

from demo.linking import DOMAIN
from demo.rig import Rig

from .window import Window

NARROW = (360, 780)
# What the dashboard says of a device that has never reported.
ON_DASHBOARD = "contact and battery are unknown"
URLS = ("Token Exchange URL", "Account Link URL", "Webhook URL", "App Homepage URL")
# Newer consoles call the last field something else.
OTHER_NAME = {
    "en": "App Homepage URL (or Default Redirect URL)",
    "de": "App Homepage URL (oder Default Redirect URL)",  # codespell:ignore oder
}


async def look(
    window: Window,
    part: Locator,
    name: str,
    *,
    docs: str | None = None,
    known: str = "",
    beside: bool = True,
    cut: str | None = None,
) -> None:
    """Take a picture on the desk and one as on a narrow phone; on both all can be read, by day and by night.

    The documentation shows a dialog without the page behind it. What is `beside` the part must say something, too;
    words that are `known` may stand there. What is `cut` for want of room must be this and no more.
    """
    page, whole = window.page, None if beside else part
    await window.picture(name, docs=docs, part=part.locator("[part=dialog]").first)
    assert await window.flaws(whole, known=known) == []
    size = page.viewport_size
    assert size is not None
    await window.narrow(NARROW)
    await window.picture(f"{name}-phone")
    by_day = window.scheme
    for scheme in ("light", "dark"):
        await window.turn(scheme)
        assert await window.flaws(whole, known=known) == []
        assert [text for text in await window.clipped(part) if cut is None or not re.fullmatch(cut, text)] == []
    await window.turn(by_day)
    await window.narrow((size["width"], size["height"]))


async def open_entry(window: Window, rig: Rig) -> Locator:
    """Go to the integration's page, and return John's account there."""
    await window.page.goto(f"{rig.home.url}/config/integrations/integration/{DOMAIN}")
    entry = window.page.locator("ha-config-entry-row").filter(has_text="John Doe")
    await expect(entry).to_be_visible()
    return entry


async def read_addresses(desk: Window, dialog: Locator, base: str, language: str = "en") -> dict[str, str]:
    """Read the addresses as a person does who is about to copy them."""
    await expect(dialog.get_by_text(URLS[0], exact=True)).to_be_visible()
    lines = (await desk.text()).split("\n")
    labels = [*URLS[:-1], OTHER_NAME[language]]
    found = {url: lines[lines.index(label) + 1] for url, label in zip(URLS, labels, strict=True)}
    assert all(address.startswith(f"{base}/") for address in found.values())
    return found
