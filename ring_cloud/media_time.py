"""The moment a picture shows, as a strip of black and white blocks along its top edge: for programs to read."""

import io

import av
from PIL import Image

BLOCKS = 48
_CHECK_BITS = 6
# A prime below 2 ** _CHECK_BITS.
_CHECK = 61
_SAMPLES = 4
_WHITE = 255


def strip_height(height: int) -> int:
    """Return how high the strip of a picture is."""
    return max(1, height // 12)


def draw_time(image: Image.Image, at_ms: int) -> None:
    """Write a moment along the top edge: 42 bits of epoch milliseconds, and six to check them."""
    # All black and all white must not be moments.
    value = at_ms << _CHECK_BITS | (_CHECK - at_ms % _CHECK)
    blocks = Image.new("L", (BLOCKS, 1))
    blocks.putdata([_WHITE * (value >> bit & 1) for bit in reversed(range(BLOCKS))])
    image.paste(blocks.resize((image.width, strip_height(image.height)), Image.Resampling.NEAREST), (0, 0))


def _read(image: Image.Image) -> int:
    height = strip_height(image.height)
    # Neither the middle of the strip nor of a block suffers from what scaling and compression do to their edges.
    middle = (0, height // 4, image.width, max(height // 4 + 1, height * 3 // 4))
    size = (BLOCKS * _SAMPLES, 1)
    levels = image.convert("L").crop(middle).resize(size, Image.Resampling.BOX).tobytes()
    value = 0
    for block in range(BLOCKS):
        first = block * _SAMPLES
        value = value << 1 | (levels[first + 1] + levels[first + 2] > _WHITE)
    at_ms = value >> _CHECK_BITS
    if value & (1 << _CHECK_BITS) - 1 != _CHECK - at_ms % _CHECK:
        raise ValueError("the picture has no readable time along its top edge")
    return at_ms


def read_time(image: bytes) -> int:
    """Return the epoch milliseconds that a picture shows, also one that was scaled or photographed off a screen.

    Raises ValueError (or OSError for what is no picture) where there are none.
    """
    with Image.open(io.BytesIO(image)) as opened:
        return _read(opened)


def read_times(clip: bytes) -> list[int]:
    """Return the epoch milliseconds that the frames of an MP4 show; raises ValueError where one shows none."""
    with av.open(io.BytesIO(clip), "r") as container:
        return [_read(_grey(frame)) for frame in container.decode(video=0)]


def _grey(frame: av.VideoFrame) -> Image.Image:
    plane = frame.reformat(format="gray").planes[0]
    return Image.frombytes("L", (frame.width, frame.height), bytes(plane), "raw", "L", plane.line_size)
