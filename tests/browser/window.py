"""A browser window: what can be read in it, its pictures, and what went wrong in it."""

import base64
from collections.abc import Sequence
from pathlib import Path
import re
from typing import Literal, Self

from PIL import Image
from playwright.async_api import Browser, ConsoleMessage, Error, FloatRect, Locator, Page, Request, Route

from demo.clients import until

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / ".cache" / "screenshots"
DOCS = ROOT / "docs" / "images"
# What takes a second may take a minute while the machine is busy with something else.
PATIENCE_MS = 120_000

# Home Assistant's frontend lives in shadow roots, which innerText does not enter.
_READ = """(part) => {
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
  read(part);
  return words.join("\\n");
}"""
# Text that runs out of a box that hides what does not fit, or out of the window.
_CLIPPED = """(part) => {
  const clipped = [];
  const hidden = ["hidden", "clip"], scrolls = ["auto", "scroll"], screen = { left: 0, right: innerWidth };
  const check = (text, boxes, height) => {
    const range = document.createRange();
    range.selectNodeContents(text);
    const rects = [...range.getClientRects()].filter((rect) => rect.width > 1);
    const out = (rect) => boxes.some((box) => rect.right > box.right + 1 || rect.left < box.left - 1);
    if (rects.some((rect) => out(rect) || rect.bottom > height + 2)) clipped.push(text.textContent.trim());
  };
  const look = (node, boxes, height) => {
    const children = node.nodeName === "SLOT" ? node.assignedNodes({ flatten: true })
      : (node.shadowRoot ?? node).childNodes;
    for (const child of children) {
      if (child.nodeType === Node.TEXT_NODE && child.textContent.trim()) check(child, boxes, height);
      if (child.nodeType !== Node.ELEMENT_NODE) continue;
      const style = getComputedStyle(child), box = child.getBoundingClientRect();
      if (style.display === "contents") {
        look(child, boxes, height);
        continue;
      }
      const hides = style.display !== "inline" && hidden.includes(style.overflowX);
      // What hides all but one pixel is for screen readers.
      if (!child.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || (hides && box.width <= 1)) {
        continue;
      }
      // What is fixed stands in the window, wherever it comes from.
      const around = style.position === "fixed" ? [screen] : boxes;
      const within = scrolls.includes(style.overflowX) ? [] : hides ? [...around, box] : around;
      look(child, within, style.webkitLineClamp === "none" ? height : box.bottom);
    }
  };
  look(part, [screen], Infinity);
  return clipped;
}"""
# A card's picture is the background of an element inside of it.
HAS_PICTURE = """(card) => {
  const find = (node) => [...node.querySelectorAll("*")].some(
    (child) => child.style.backgroundImage.startsWith("url(") || (child.shadowRoot && find(child.shadowRoot)));
  return find(card.shadowRoot ?? card);
}"""
_RAW_KEY = re.compile(r"\b(?:component|ui|state)\.[a-z_.]+|\b[a-z]+(?:_[a-z0-9]+)+\b|%key|\{[a-z_]+\}")
_NOTHING = re.compile(
    r"\b(?:unknown|unavailable|undefined|null|NaN|not found|unbekannt|nicht verfügbar|nicht gefunden)\b|\[object",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"https?://\S+")
_IS_DARK = """(dark) => dark === (
  getComputedStyle(document.documentElement).getPropertyValue("--primary-background-color").trim() === "#111")"""
# Around what is cut out of a picture.
_ROOM = 8
_NO_LOGO = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


class Window:
    """One window with one page."""

    makes_docs = False

    def __init__(self, page: Page, scheme: str) -> None:
        """Listen to what goes wrong."""
        self.page = page
        self.scheme = scheme
        self.troubles: list[str] = []
        self._overlooked: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._heard)
        page.on("pageerror", self._thrown)
        page.on("request", self._requested)

    @classmethod
    async def open(cls, browser: Browser, width: int, height: int, scheme: str, language: str) -> Self:
        """Open a window of this size for somebody who prefers light or dark colours, and reads this language."""
        context = await browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=_colours(scheme), locale=language
        )
        await context.route(re.compile(r"/api/brands/integration/(?!ring_partner/)"), _no_logo)
        return cls(await context.new_page(), scheme)

    async def close(self) -> None:
        """Close the window; what its page does while it goes no longer counts."""
        self.page.remove_listener("console", self._heard)
        self.page.remove_listener("pageerror", self._thrown)
        await self.page.context.close()

    async def turn(self, scheme: str) -> None:
        """Prefer light or dark colours from now on, and wait until Home Assistant has them."""
        self.scheme = scheme
        await self.page.emulate_media(color_scheme=_colours(scheme))
        await self.page.wait_for_function(_IS_DARK, arg=scheme == "dark")

    async def narrow(self, size: tuple[int, int]) -> None:
        """Make the window as narrow as this."""
        await self.page.set_viewport_size({"width": size[0], "height": size[1]})

    async def text(self, part: Locator | None = None) -> str:
        """Return all the text that is laid out, or that of a part, which may be several."""
        return "\n".join([await one.evaluate(_READ) for one in await (part or self.page.locator("body")).all()])

    async def reads(self, part: Locator, *words: str) -> None:
        """Wait until all of these can be read in a part."""

        async def can_be_read() -> bool:
            text = await self.text(part)
            return all(word in text for word in words)

        await until(can_be_read, PATIENCE_MS / 1000, f"one can read {', '.join(words)}")

    async def raw_keys(self) -> list[str]:
        """Return what looks like a translation that is missing."""
        return _RAW_KEY.findall(_ADDRESS.sub("", await self.text()))

    async def clipped(self, part: Locator | None = None) -> list[str]:
        """Return the text of which a piece cannot be read; a part may be several."""
        parts = await (part or self.page.locator("body")).all()
        assert parts, "there is nothing to look at"
        return [text for one in parts for text in await one.evaluate(_CLIPPED)]

    async def flaws(self, part: Locator | None = None, *, known: str = "") -> list[str]:
        """Return what nobody should have to read: raw keys anywhere, and states in a part that say nothing."""
        return [*await self.raw_keys(), *_NOTHING.findall((await self.text(part)).replace(known, ""))]

    def overlook(self, *words: str) -> None:
        """Let what has any of these in it be no trouble."""
        self._overlooked.extend(words)

    async def picture(self, name: str, *, docs: str | None = None, part: Locator | None = None) -> None:
        """Take a picture, over the one of the last run; perhaps one for the documentation, too, of a part."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=SCREENSHOTS / f"{name}.png")
        if docs is not None and Window.makes_docs:
            DOCS.mkdir(exist_ok=True)
            boxes = [] if part is None else [await one.bounding_box() for one in await part.all()]
            with Image.open(SCREENSHOTS / f"{name}.png") as picture:
                seen = [box for box in boxes if box is not None]
                _save(picture.crop(_around(seen, picture.size)) if seen else picture, DOCS / f"{docs}.png")

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._note(f"console: {message.text} ({message.location['url']})")

    def _thrown(self, error: Error) -> None:
        # Home Assistant's frontend says so of every question that is open while its page is left.
        if error.message != "disconnected":
            self._note(f"exception: {error}")

    def _requested(self, request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self._note(f"request to the outside: {request.url}")

    def _note(self, trouble: str) -> None:
        if not any(words in trouble for words in self._overlooked):
            self.troubles.append(trouble)


def _colours(scheme: str) -> Literal["dark", "light"]:
    return "dark" if scheme == "dark" else "light"


def _around(boxes: Sequence[FloatRect], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the corners of what is around all of these, with some room."""
    left, top = (max(0, round(min(box[key] for box in boxes)) - _ROOM) for key in ("x", "y"))
    right = max(round(box["x"] + box["width"]) for box in boxes) + _ROOM
    bottom = max(round(box["y"] + box["height"]) for box in boxes) + _ROOM
    return left, top, min(size[0], right), min(size[1], bottom)


def _save(picture: Image.Image, path: Path) -> None:
    """Write a picture that is small enough to be kept: 256 colours are all that a page of text needs."""
    picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


async def _no_logo(route: Route) -> None:
    """The logos of other integrations are not here; that is no matter of ours."""
    await route.fulfill(body=_NO_LOGO, content_type="image/png")
