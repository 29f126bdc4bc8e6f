"""What the cameras of the local cloud show: a front yard, drawn, with whoever came, a watermark and the time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
import io
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

from .clock import iso_time
from .media_time import draw_time, strip_height

type Size = tuple[int, int]
type Draw = ImageDraw.ImageDraw

_SKY, _GROUND, _HOUSE, _DOOR = (134, 184, 224), (96, 132, 84), (206, 196, 178), (110, 64, 44)
_SKIN, _CLOTHES, _METAL, _TYRE, _CARDBOARD, _FUR, _LEAF = (
    (226, 178, 142),
    (52, 74, 122),
    (170, 44, 40),
    (30, 30, 30),
    (190, 142, 86),
    (120, 84, 52),
    (58, 96, 52),
)
_INK, _SHADE = (255, 255, 255), (20, 24, 30)
# Too small to draw in; what is asked for smaller is drawn like this and scaled down.
_SMALLEST = (160, 90)
_CROSSING_MS = 20_000
BEFORE_MS = 5000
"""A camera records from so long before an event on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a camera sees while something happens: `kind` is the sub-type of a motion, `ding` or `on_demand`."""

    device: str
    app: str
    kind: str
    start_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A still to be drawn."""

    scene: Scene
    at_ms: int
    size: Size
    format: Literal["jpeg", "png"] = "jpeg"


class _Canvas:
    """Draws in hundredths of the picture's width and height, y downwards."""

    def __init__(self, draw: Draw, size: Size) -> None:
        self._draw = draw
        self._x, self._y = size[0] / 100, size[1] / 100

    def box(self, x: float, y: float, width: float, height: float, fill: tuple[int, int, int]) -> None:
        self._draw.rectangle(self._place(x, y, width, height), fill=fill)

    def oval(self, x: float, y: float, width: float, height: float, fill: tuple[int, int, int]) -> None:
        self._draw.ellipse(self._place(x, y, width, height), fill=fill)

    def _place(self, x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
        return x * self._x, y * self._y, (x + width) * self._x, (y + height) * self._y


def _person(canvas: _Canvas, x: float) -> None:
    canvas.box(x + 1.5, 74, 2, 16, _SHADE)
    canvas.box(x + 4.5, 74, 2, 16, _SHADE)
    canvas.box(x, 50, 8, 26, _CLOTHES)
    canvas.oval(x + 1.5, 38, 5, 12, _SKIN)


def _vehicle(canvas: _Canvas, x: float) -> None:
    canvas.box(x + 5, 60, 14, 10, _METAL)
    canvas.box(x, 69, 26, 12, _METAL)
    for wheel in (3, 18):
        canvas.oval(x + wheel, 77, 5, 9, _TYRE)


def _package(canvas: _Canvas, _x: float) -> None:
    canvas.box(66, 76, 10, 13, _CARDBOARD)
    canvas.box(70, 76, 2, 13, _INK)


def _animal(canvas: _Canvas, x: float) -> None:
    canvas.box(x, 78, 11, 6, _FUR)
    canvas.oval(x + 9, 73, 4, 7, _FUR)
    for leg in (1, 8):
        canvas.box(x + leg, 83, 1.2, 6, _FUR)


def _branch(canvas: _Canvas, x: float) -> None:
    canvas.box(16, 44, 3, 32, _FUR)
    canvas.oval(8 + x / 25, 20, 15, 34, _LEAF)


def _visitor(canvas: _Canvas, _x: float) -> None:
    _person(canvas, 54)


def _nobody(_canvas: _Canvas, _x: float) -> None:
    return


_FIGURES: Mapping[str, Callable[[_Canvas, float], None]] = {
    "human": _person,
    "vehicle": _vehicle,
    "package": _package,
    "package_delivery": _package,
    "animal": _animal,
    "other_motion": _branch,
    "motion": _branch,
    "ding": _visitor,
}


@lru_cache(maxsize=64)
def _font(height: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(max(8, height // 22))


@lru_cache(maxsize=16)
def _yard(device: str, app: str, size: Size) -> Image.Image:
    """Return what does not change: the yard, and the watermark of the device's and the app's name."""
    image = Image.new("RGB", size, _SKY)
    draw = ImageDraw.Draw(image)
    canvas = _Canvas(draw, size)
    canvas.box(0, 62, 100, 38, _GROUND)
    canvas.box(58, 18, 34, 58, _HOUSE)
    canvas.box(66, 34, 12, 42, _DOOR)
    canvas.oval(75, 55, 1.4, 2.5, _INK)
    _watermark(draw, size, f"{device} · {app}")
    return image


def _watermark(draw: Draw, size: Size, text: str) -> None:
    height = size[1]
    edge, radius = height // 30, height // 24
    top = strip_height(height) + edge
    # A mark of our own: two circles, and nobody's logo.
    for inset in (0, radius // 2):
        ring = (edge + inset, top + inset, edge + 2 * radius - inset, top + 2 * radius - inset)
        draw.ellipse(ring, outline=_INK, width=max(1, height // 180))
    _write(draw, (edge * 2 + 2 * radius, top + radius // 2), text[:80], height)


def _write(draw: Draw, place: tuple[int, int], text: str, height: int) -> None:
    stroke = max(1, height // 360)
    draw.text(place, text, font=_font(height), fill=_INK, stroke_width=stroke, stroke_fill=_SHADE)


def paint(scene: Scene, at_ms: int, size: Size) -> Image.Image:
    """Return the frame of one moment, with that moment written twice: for people and for programs."""
    drawn = max(size[0], _SMALLEST[0]), max(size[1], _SMALLEST[1])
    image = _yard(scene.device, scene.app, drawn).copy()
    draw = ImageDraw.Draw(image)
    walked = (at_ms - scene.start_ms + BEFORE_MS) % _CROSSING_MS / _CROSSING_MS
    _FIGURES.get(scene.kind, _nobody)(_Canvas(draw, drawn), 100 * walked)
    height = drawn[1]
    # On a box, because outlined letters take four times as long to draw.
    place, text = (height // 30, height - height // 11), iso_time(at_ms / 1000, milliseconds=True)
    draw.rectangle(draw.textbbox(place, text, font=_font(height)), fill=_SHADE)
    draw.text(place, text, font=_font(height), fill=_INK)
    draw_time(image, at_ms)
    return image if drawn == size else image.resize(size)


def render(picture: Picture) -> bytes:
    """Return a picture as a file."""
    file = io.BytesIO()
    options: dict[str, int] = {"quality": 80} if picture.format == "jpeg" else {"compress_level": 3}
    paint(picture.scene, picture.at_ms, picture.size).save(file, picture.format, **options)
    return file.getvalue()
