"""What several journeys do in Home Assistant's dialogs."""

from playwright.async_api import Locator, expect

from .window import Window

NARROW = (360, 780)
URLS = ("Token Exchange URL", "Account Link URL", "Webhook URL", "App Homepage URL")


async def look(window: Window, dialog: Locator, name: str, docs: str | None = None) -> None:
    """Take a picture on the desk and one as on a narrow phone; all of it can be read on both."""
    await window.picture(name, docs=docs)
    assert await window.flaws() == []
    size = window.page.viewport_size
    assert size is not None
    await window.page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    await window.picture(f"{name}-phone")
    assert await window.clipped(dialog) == []
    await window.page.set_viewport_size(size)


async def read_addresses(desk: Window, dialog: Locator) -> dict[str, str]:
    """Read the addresses as a person does who is about to copy them."""
    await expect(dialog.get_by_text(URLS[0], exact=True)).to_be_visible()
    lines = (await desk.text()).split("\n")
    found = {url: lines[lines.index(url) + 1] for url in URLS}
    assert all(address.startswith("http://127.0.0.1:") for address in found.values())
    return found
