"""Recordings of the local cloud: real MP4 files, each frame with its own time, the index in front of the pictures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
import heapq
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
import tempfile
from typing import Literal

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream
from PIL import Image

from .pictures import BEFORE_MS, Scene, Size, paint

# A clip of 15 minutes has a frame a second: it is to be long, and still be there at once.
_MAX_FRAMES = 900
_SMALLEST = 16
_AUDIO_RATE = 8000
_AUDIO_FRAME = 1024
_MS = Fraction(1, 1000)
_ENCODERS: Mapping[str, tuple[Literal["libx264", "libx265"], Mapping[str, str]]] = {
    "avc": ("libx264", {"preset": "ultrafast", "crf": "30"}),
    "hevc": ("libx265", {"preset": "ultrafast", "crf": "32", "x265-params": "log-level=none:pools=1:frame-threads=1"}),
}

# Packets, and when their frame is shown: sound and pictures have to lie beside each other in the file.
type _Timed = tuple[int, Sequence[Packet[Stream]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A recording to be encoded."""

    scenes: tuple[Scene, ...]
    """What happens in it, oldest first."""
    start_ms: int
    length_ms: int
    size: Size = (640, 360)
    frame_rate: int = 5
    codec: Literal["avc", "hevc"] = "avc"
    audio: bool = False

    def scene(self, at_ms: int) -> Scene:
        """Return what is to be seen at a moment: the newest event that has begun, or is about to."""
        begun = [scene for scene in self.scenes if scene.start_ms - BEFORE_MS <= at_ms]
        return (begun or self.scenes[:1])[-1]


def encode(clip: Clip) -> bytes:
    """Return the clip as a file that plays from its first bytes on."""
    # The index can be moved to the front only in a file, not in memory.
    with tempfile.TemporaryDirectory(prefix="ring-cloud-") as folder:
        path = Path(folder) / "clip.mp4"
        with av.open(path, "w", format="mp4", options={"movflags": "faststart"}) as container:
            video = _video_stream(container, clip)
            audio = _audio_stream(container) if clip.audio else None
            for packets in heapq.merge(_frames(video, clip), _silence(audio, clip), key=itemgetter(0)):
                container.mux(packets[1])
            container.mux(video.encode())
            if audio is not None:
                container.mux(audio.encode())
        return path.read_bytes()


def frame_times_ms(clip: Clip) -> list[int]:
    """Return when each frame was taken, since the start of the clip."""
    count = max(1, min(_MAX_FRAMES, clip.length_ms * clip.frame_rate // 1000))
    return [index * clip.length_ms // count for index in range(count)]


def _video_stream(container: OutputContainer, clip: Clip) -> VideoStream:
    name, options = _ENCODERS[clip.codec]
    stream = container.add_stream(name, rate=clip.frame_rate, options={**options, "g": str(clip.frame_rate * 10)})
    # The encoders take even sizes only.
    stream.width, stream.height = (max(_SMALLEST, length // 2 * 2) for length in clip.size)
    stream.pix_fmt = "yuv420p"
    stream.time_base = stream.codec_context.time_base = _MS
    stream.thread_count = 1
    return stream


def _frames(stream: VideoStream, clip: Clip) -> Iterator[_Timed]:
    size = stream.width, stream.height
    times = [*frame_times_ms(clip), clip.length_ms]
    for since_ms, until_ms in pairwise(times):
        at_ms = clip.start_ms + since_ms
        frame = _frame(paint(clip.scene(at_ms), at_ms, size))
        frame.pts, frame.time_base, frame.duration = since_ms, _MS, until_ms - since_ms
        yield since_ms, stream.encode(frame)


def _frame(image: Image.Image) -> av.VideoFrame:
    frame = av.VideoFrame(image.width, image.height, "rgb24")
    plane = frame.planes[0]
    plane.update(image.tobytes("raw", "RGB", plane.line_size, 1))
    return frame


def _audio_stream(container: OutputContainer) -> AudioStream:
    stream = container.add_stream("aac", rate=_AUDIO_RATE, layout="mono")
    stream.bit_rate = 32_000
    return stream


def _silence(stream: AudioStream | None, clip: Clip) -> Iterator[_Timed]:
    if stream is None:
        return
    for start in range(0, clip.length_ms * _AUDIO_RATE // 1000, _AUDIO_FRAME):
        frame = av.AudioFrame(format="fltp", layout="mono", samples=_AUDIO_FRAME)
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        frame.sample_rate, frame.pts, frame.time_base = _AUDIO_RATE, start, Fraction(1, _AUDIO_RATE)
        yield start * 1000 // _AUDIO_RATE, stream.encode(frame)
