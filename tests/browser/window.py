"""A browser window: what can be read in it, its pictures, and what went wrong in it."""

import base64
from pathlib import Path
import re
from typing import Literal, Self

from PIL import Image
from playwright.async_api import Browser, ConsoleMessage, Error, Locator, Page, Request, Route

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / ".cache" / "screenshots"
DOCS = ROOT / "docs" / "images"
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
# Text that does not fit into its box and is cut off there, or that runs out of the window.
_CLIPPED = """(part) => {
  const clipped = [];
  const hidden = ["hidden", "clip"];
  const runsOut = (node) => {
    const box = document.createRange();
    box.selectNodeContents(node);
    return [...box.getClientRects()].some((rect) => rect.width > 1 && rect.right > innerWidth + 1);
  };
  const look = (node, scrolls) => {
    for (const child of node.childNodes) {
      if (child.nodeType === Node.TEXT_NODE && child.textContent.trim() && !scrolls && runsOut(child)) {
        clipped.push(child.textContent.trim());
      }
      if (child.nodeType !== Node.ELEMENT_NODE || !child.checkVisibility({ visibilityProperty: true })) continue;
      const style = getComputedStyle(child);
      const hasText = [...child.childNodes].some((one) => one.nodeType === Node.TEXT_NODE && one.textContent.trim());
      const wide = hidden.includes(style.overflowX) && child.scrollWidth > child.clientWidth + 1;
      const tall = style.webkitLineClamp !== "none" && child.scrollHeight > child.clientHeight + 2;
      if (hasText && child.clientWidth > 1 && (wide || tall)) clipped.push(child.textContent.trim());
      look(child.shadowRoot ?? child, scrolls || ["auto", "scroll"].includes(style.overflowX));
      if (child.shadowRoot) look(child, scrolls);
    }
  };
  look(part, false);
  if (part.shadowRoot) look(part.shadowRoot, false);
  return clipped;
}"""
_RAW_KEY = re.compile(r"\b(?:component|ui|state)\.[a-z_.]+|\b[a-z]+(?:_[a-z0-9]+)+\b|%key|\{[a-z_]+\}")
_NOTHING = re.compile(r"\b(?:unknown|unavailable|undefined|null|NaN|not found)\b|\[object", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://\S+")
_NO_LOGO = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


class Window:
    """One window with one page."""

    makes_docs = False

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

    async def clipped(self, part: Locator | None = None) -> list[str]:
        """Return the text of which a part cannot be read."""
        clipped: list[str] = await (part or self.page.locator("body")).evaluate(_CLIPPED)
        return clipped

    async def flaws(self, *, known: str = "") -> list[str]:
        """Return what nobody should have to read: raw keys, and states that say nothing."""
        return [*await self.raw_keys(), *_NOTHING.findall((await self.text()).replace(known, ""))]

    async def picture(self, name: str, *, docs: str | None = None) -> None:
        """Take a picture, over the one of the last run; perhaps one for the documentation, too."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=SCREENSHOTS / f"{name}.png")
        if docs is not None and Window.makes_docs:
            DOCS.mkdir(exist_ok=True)
            with Image.open(SCREENSHOTS / f"{name}.png") as picture:
                picture.convert("RGB").save(DOCS / f"{docs}.png", optimize=True)

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
