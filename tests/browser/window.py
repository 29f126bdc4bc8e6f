"""A browser window: what can be read in it, its pictures, and what went wrong in it."""

import base64
from pathlib import Path
import re
from typing import Literal, Self

from playwright.async_api import Browser, ConsoleMessage, Error, Page, Request, Route

SCREENSHOTS = Path(__file__).parents[2] / ".cache" / "screenshots"
PATIENCE_MS = 15_000

# Home Assistant's frontend lives in shadow roots, which innerText does not enter.
_READ = """() => {
  const words = [];
  const read = (node) => {
    if (node.nodeType === Node.TEXT_NODE) {
      const box = document.createRange();
      box.selectNodeContents(node);
      if (node.textContent.trim() && box.getClientRects().length) words.push(node.textContent.trim());
    } else if (!["STYLE", "SCRIPT", "TITLE"].includes(node.nodeName)) {
      const children = node.nodeName === "SLOT" ? node.assignedNodes({ flatten: true })
        : node.shadowRoot ? node.shadowRoot.childNodes : node.childNodes;
      children.forEach(read);
    }
  };
  read(document.body);
  return words.join("\\n");
}"""
_RAW_KEY = re.compile(r"\b(?:component|ui|state)\.[a-z_.]+|\b[a-z]+(?:_[a-z0-9]+)+\b|%key|\{[a-z_]+\}")
_ADDRESS = re.compile(r"https?://\S+")
_NO_LOGO = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


class Window:
    """One window with one page."""

    def __init__(self, page: Page) -> None:
        """Listen to what goes wrong."""
        self.page = page
        self.troubles: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._heard)
        page.on("pageerror", self._thrown)
        page.on("request", self._requested)

    @classmethod
    async def open(cls, browser: Browser, width: int, height: int, scheme: str) -> Self:
        """Open a window of this size that prefers light or dark colours."""
        colours: Literal["dark", "light"] = "dark" if scheme == "dark" else "light"
        context = await browser.new_context(viewport={"width": width, "height": height}, color_scheme=colours)
        await context.route(re.compile(r"/api/brands/integration/(?!ring_partner/)"), _no_logo)
        return cls(await context.new_page())

    async def close(self) -> None:
        """Close the window; what its page does while it goes no longer counts."""
        self.page.remove_listener("console", self._heard)
        self.page.remove_listener("pageerror", self._thrown)
        await self.page.context.close()

    async def text(self) -> str:
        """Return all the text that is laid out."""
        text: str = await self.page.evaluate(_READ)
        return text

    async def raw_keys(self) -> list[str]:
        """Return what looks like a translation that is missing."""
        return _RAW_KEY.findall(_ADDRESS.sub("", await self.text()))

    async def picture(self, name: str) -> None:
        """Take a picture, over the one of the last run."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=SCREENSHOTS / f"{name}.png")

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.troubles.append(f"console: {message.text} ({message.location['url']})")

    def _thrown(self, error: Error) -> None:
        # Home Assistant's frontend says so of every question that is open while its page is left.
        if error.message != "disconnected":
            self.troubles.append(f"exception: {error}")

    def _requested(self, request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.troubles.append(f"request to the outside: {request.url}")


async def _no_logo(route: Route) -> None:
    """The logos of other integrations are not here; that is no matter of ours."""
    await route.fulfill(body=_NO_LOGO, content_type="image/png")
