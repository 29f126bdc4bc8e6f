"""What a live view sends: a moving picture with the time on it, and a quiet tone."""

from abc import abstractmethod
from array import array
import asyncio
from collections.abc import Callable
from fractions import Fraction
from functools import cache
import math
import secrets
from typing import override

from aiortc.mediastreams import MediaStreamTrack
import av
from av.stream import Stream

from .pictures import Scene, paint

SIZE = (640, 360)
FRAMES_PER_SECOND = 15
_VIDEO_TICKS = Fraction(1, 90_000)
_AUDIO_TICKS = Fraction(1, 48_000)
# A whole number of waves fits in a packet, so that all are alike.
_TONE_HZ = 450
_TONE_LOUDNESS = 300
_SAMPLES = 960
_PACKETS = 50

type Packet = av.Packet[Stream]


class _Track(MediaStreamTrack):
    """Packets at a steady pace, the first at once, until it falls silent; ready-made, so that nobody encodes again."""

    def __init__(self, rate: int) -> None:
        super().__init__()
        self._rate = rate
        self._started: float | None = None
        self._next = 0
        self._may_send = asyncio.Event()
        self._may_send.set()

    def silence(self) -> None:
        """Send nothing more."""
        self._may_send.clear()

    @override
    async def recv(self) -> Packet:
        """Return the next packet when its time has come; what is late is left out, not made up for."""
        loop = asyncio.get_running_loop()
        if self._started is None:
            self._started = loop.time()
        await asyncio.sleep(self._started + self._next / self._rate - loop.time())
        await self._may_send.wait()
        position = max(self._next, int((loop.time() - self._started) * self._rate))
        self._next = position + 1
        return self._packet(position)

    @abstractmethod
    def _packet(self, position: int) -> Packet:
        """Return the packet of this position."""


class VideoTrack(_Track):
    """The camera's picture, as H264 of the baseline profile; a keyframe at once and then every second."""

    kind = "video"

    def __init__(self, scene: Scene, now_ms: Callable[[], int], *, decodable: bool = True) -> None:
        super().__init__(FRAMES_PER_SECOND)
        self._scene = scene
        self._now_ms = now_ms
        self._decodable = decodable
        self._encoder = _video_encoder()

    @override
    def _packet(self, position: int) -> Packet:
        if not self._decodable:
            packet: Packet = av.Packet(_noise())
        else:
            frame = av.VideoFrame(*SIZE, "rgb24")
            frame.planes[0].update(paint(self._scene, self._now_ms(), SIZE).tobytes())
            frame = frame.reformat(format="yuv420p")
            frame.pts = position
            # Tuned for no latency, the encoder has one packet for each frame.
            (packet,) = self._encoder.encode(frame)
        packet.pts = position * 90_000 // FRAMES_PER_SECOND
        packet.time_base = _VIDEO_TICKS
        return packet


class AudioTrack(_Track):
    """A quiet tone, as Opus."""

    kind = "audio"

    def __init__(self, *, decodable: bool = True) -> None:
        super().__init__(_PACKETS)
        self._tone = _tone() if decodable else None

    @override
    def _packet(self, position: int) -> Packet:
        sound = _no_sound() if self._tone is None else self._tone[position % len(self._tone)]
        packet: Packet = av.Packet(sound)
        packet.pts = position * _SAMPLES
        packet.time_base = _AUDIO_TICKS
        return packet


def _video_encoder() -> av.VideoCodecContext:
    encoder = av.VideoCodecContext.create("libx264", "w")
    encoder.width, encoder.height = SIZE
    encoder.pix_fmt = "yuv420p"
    encoder.time_base = Fraction(1, FRAMES_PER_SECOND)
    encoder.framerate = Fraction(FRAMES_PER_SECOND, 1)
    encoder.gop_size = FRAMES_PER_SECOND
    encoder.thread_count = 1
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "28", "level": "31"}
    encoder.profile = "Baseline"
    return encoder


def _noise() -> bytes:
    """Return what looks like a picture and is none: no zeros, so that it stays one unit."""
    return b"\x00\x00\x00\x01\x65" + secrets.token_bytes(2000).replace(b"\x00", b"\x55")


def _no_sound() -> bytes:
    """Return what looks like sound and is none: no frames at all, as of mere chance a decoder makes a loud noise."""
    any_number_of_frames, none = b"\xff", b"\x00"
    return any_number_of_frames + none + secrets.token_bytes(80)


@cache
def _tone() -> tuple[bytes, ...]:
    """Return a second of it, to go round for ever."""
    encoder = av.AudioCodecContext.create("libopus", "w")
    encoder.format, encoder.layout, encoder.sample_rate = "s16", "stereo", 48_000
    encoder.time_base = _AUDIO_TICKS
    wave = (round(_TONE_LOUDNESS * math.sin(math.tau * _TONE_HZ * time / 48_000)) for time in range(_SAMPLES))
    both_ears = array("h", (level for level in wave for _ in range(2))).tobytes()
    packets: list[Packet] = []
    for number in range(_PACKETS):
        frame = av.AudioFrame(format="s16", layout="stereo", samples=_SAMPLES)
        frame.planes[0].update(both_ears)
        frame.sample_rate, frame.pts, frame.time_base = 48_000, number * _SAMPLES, _AUDIO_TICKS
        packets.extend(encoder.encode(frame))
    return tuple(bytes(packet) for packet in packets)
