"""Draw the artwork in custom_components/ring_partner/brand/: a bell with two links of a chain before its rim.

The same mark, dimmed, is what a camera shows that has no picture yet.

Everything is drawn from the numbers below at many times its size and scaled down. The wordmark is set in Roboto, which
Home Assistant's frontend brings. Run it with the project's Python, after scripts/setup.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from math import ceil, cos, dist, radians, sin
from pathlib import Path

import hass_frontend
from PIL import Image, ImageChops, ImageDraw, ImageFont

NO_PICTURE = Path(__file__).parents[1] / "custom_components" / "ring_partner" / "no_picture.png"
BRAND = Path(__file__).parents[1] / "custom_components" / "ring_partner" / "brand"
FONT = Path(hass_frontend.where()) / "static" / "fonts" / "roboto" / "Roboto-Medium.woff2"

# The drawing's own units, and how many pixels each has while it is drawn.
GRID = 280
PIXELS = 8

type Point = tuple[float, float]
type Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one variant: for a light or for a dark ground."""

    bell: Colour
    link: Colour
    text: Colour


PALETTES = {
    "": Palette(bell=(20, 92, 88), link=(238, 132, 32), text=(20, 72, 70)),
    "dark_": Palette(bell=(86, 200, 184), link=(255, 172, 82), text=(228, 242, 239)),
}

CENTRE = 112.0
TOP, RIM, LIP = 22.0, 196.0, 12.0
# The bell's left edge as Bézier curves: crown to shoulder to waist to rim. The right edge mirrors it.
PROFILE: tuple[tuple[Point, Point, Point, Point], ...] = (
    ((CENTRE, TOP), (CENTRE - 42, TOP), (CENTRE - 66, TOP + 30), (CENTRE - 68, TOP + 76)),
    ((CENTRE - 68, TOP + 76), (CENTRE - 70, TOP + 124), (CENTRE - 78, TOP + 136), (CENTRE - 100, RIM)),
)
CROWN = (CENTRE, 20.0, 20.0)
CLAPPER = (CENTRE, 208.0, 34.0)
LINK_WIDTH, LINK_RADIUS, LINK_HALF_LENGTH = 21.0, 27.0, 19.0
LINKS: tuple[Point, Point] = ((161.0, 161.0), (214.0, 214.0))
GAP = 9.0


def canvas() -> Image.Image:
    """Return an empty mask."""
    return Image.new("L", (GRID * PIXELS, GRID * PIXELS), 0)


def joined(masks: Iterable[Image.Image]) -> Image.Image:
    """Return what any of the masks covers."""
    return reduce(ImageChops.lighter, masks)


def filled(outline: list[Point]) -> Image.Image:
    """Return the inside of an outline."""
    mask = canvas()
    ImageDraw.Draw(mask).polygon([(x * PIXELS, y * PIXELS) for x, y in outline], fill=255)
    return mask


def stroked(path: list[Point], width: float) -> Image.Image:
    """Return a line with round ends and joints, as the trace of a round pen: Pillow's own joints show rays."""
    mask = canvas()
    draw = ImageDraw.Draw(mask)
    for (x0, y0), (x1, y1) in pairwise(path):
        steps = ceil(dist((x0, y0), (x1, y1)) * PIXELS / 2) or 1
        for step in range(steps + 1):
            x, y = x0 + (x1 - x0) * step / steps, y0 + (y1 - y0) * step / steps
            draw.circle((x * PIXELS, y * PIXELS), width * PIXELS / 2, fill=255)
    return mask


def bezier(start: Point, out: Point, into: Point, end: Point, steps: int = 80) -> list[Point]:
    """Return points along a cubic Bézier curve."""

    def at(t: float) -> Point:
        weights = ((1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3)
        points = (start, out, into, end)
        return (
            sum(weight * x for weight, (x, _) in zip(weights, points, strict=True)),
            sum(weight * y for weight, (_, y) in zip(weights, points, strict=True)),
        )

    return [at(step / steps) for step in range(steps + 1)]


def link_path(centre: Point) -> list[Point]:
    """Return the middle line of one link: two half circles joined, lying along the falling diagonal."""
    path = []
    for side, first in ((LINK_HALF_LENGTH, -90), (-LINK_HALF_LENGTH, 90)):
        for degrees in range(first, first + 181, 2):
            x, y = side + LINK_RADIUS * cos(radians(degrees)), LINK_RADIUS * sin(radians(degrees))
            path.append((centre[0] + (x - y) * cos(radians(45)), centre[1] + (x + y) * sin(radians(45))))
    return [*path, path[0]]


def bell() -> Image.Image:
    """Return the whole bell: crown, body with its rim, and the clapper below a gap."""
    left = [point for curve in PROFILE for point in bezier(*curve)]
    body = filled(left + [(2 * CENTRE - x, y) for x, y in reversed(left)])
    rim = stroked([(left[-1][0], RIM), (2 * CENTRE - left[-1][0], RIM)], 2 * LIP)
    crown, clapper = (stroked([(x, y), (x, y)], 2 * radius) for x, y, radius in (CROWN, CLAPPER))
    below = canvas()
    ImageDraw.Draw(below).rectangle((0, (RIM + LIP + GAP) * PIXELS, below.width, below.height), fill=255)
    return joined([body, rim, crown, ImageChops.multiply(clapper, below)])


def chain() -> tuple[Image.Image, Image.Image]:
    """Return two interlocked links, and all they cover with what they enclose and a gap around them."""
    first, second = map(link_path, LINKS)
    diagonal = GRID * PIXELS
    above = canvas()
    ImageDraw.Draw(above).polygon([(0, 0), (diagonal, 0), (diagonal, diagonal)], fill=255)
    # Each lies over the other once: the first on one side of the diagonal, the second on the other side.
    wide = LINK_WIDTH + GAP
    hidden_second = ImageChops.multiply(stroked(first, wide), above)
    hidden_first = ImageChops.multiply(stroked(second, wide), ImageChops.invert(above))
    links = joined(
        [
            ImageChops.subtract(stroked(first, LINK_WIDTH), hidden_first),
            ImageChops.subtract(stroked(second, LINK_WIDTH), hidden_second),
        ]
    )
    room = joined(mask for path in (first, second) for mask in (stroked(path, LINK_WIDTH + 2 * GAP), filled(path)))
    return links, room


def mark(palette: Palette, shapes: tuple[Image.Image, Image.Image]) -> Image.Image:
    """Return the mark, trimmed."""
    image = Image.new("RGBA", shapes[0].size, (0, 0, 0, 0))
    for shape, colour in zip(shapes, (palette.bell, palette.link), strict=True):
        image.paste((*colour, 255), mask=shape)
    return image.crop(image.getbbox())


def icon(drawn: Image.Image) -> Image.Image:
    """Return the mark in the middle of a square."""
    side = max(drawn.size)
    square = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    square.paste(drawn, ((side - drawn.width) // 2, (side - drawn.height) // 2))
    return square


def logo(drawn: Image.Image, palette: Palette) -> Image.Image:
    """Return the mark with the name to its right."""
    font = ImageFont.truetype(FONT, round(drawn.height * 0.52))
    left, _, right, _ = font.getbbox("Ring Partner", anchor="ls")
    start = round(drawn.width * 1.12)
    image = Image.new("RGBA", (ceil(start + right - left), drawn.height), (0, 0, 0, 0))
    image.paste(drawn, (0, 0))
    # Centred by its capitals: the tail of the "g" hangs below, as the clapper does.
    baseline = (drawn.height - font.getbbox("R", anchor="ls")[1]) / 2
    ImageDraw.Draw(image).text((start - left, baseline), "Ring Partner", fill=palette.text, font=font, anchor="ls")
    return image


def save(image: Image.Image, name: str, height: int) -> None:
    """Write the image at that height, and at twice that."""
    width = round(image.width * height / image.height)
    for scale, suffix in ((1, ""), (2, "@2x")):
        path = BRAND / f"{name}{suffix}.png"
        image.resize((width * scale, height * scale), Image.Resampling.LANCZOS).save(path, optimize=True)
        print(path.relative_to(BRAND.parents[2]))


def no_picture(shapes: tuple[Image.Image, Image.Image]) -> Image.Image:
    """Return the mark in the middle of a dark picture."""
    ground, colour = (28, 32, 34), (62, 70, 74)
    drawn = mark(Palette(bell=colour, link=colour, text=colour), shapes)
    drawn = drawn.resize((drawn.width * 120 // drawn.height, 120), Image.Resampling.LANCZOS)
    image = Image.new("RGB", (640, 360), ground)
    image.paste(drawn, ((image.width - drawn.width) // 2, (image.height - drawn.height) // 2), drawn)
    return image


def main() -> None:
    """Draw every variant."""
    BRAND.mkdir(exist_ok=True)
    links, room = chain()
    shapes = (ImageChops.subtract(bell(), room), links)
    for prefix, palette in PALETTES.items():
        drawn = mark(palette, shapes)
        save(icon(drawn), f"{prefix}icon", 256)
        save(logo(drawn, palette), f"{prefix}logo", 128)
    no_picture(shapes).quantize(64).save(NO_PICTURE, optimize=True)


if __name__ == "__main__":
    main()
