"""A viewer with a real WebRTC connection, and offers as a browser writes them."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack
import av

# What takes a moment, and on a busy machine a long one.
PATIENCE = 120
CANDIDATE = "a=candidate:1 1 udp 2122260223 127.0.0.1 50000 typ host generation 0"
FINGERPRINT = ":".join(["AB"] * 32)
AUDIO = {111: "opus/48000/2", 63: "red/48000/2", 9: "G722/8000", 0: "PCMU/8000", 8: "PCMA/8000", 13: "CN/8000"}
H264_PROFILES = ("42001f", "42e01f", "4d001f", "64001f")
HIGH = (
    "a=rtpmap:120 H264/90000\r\na=fmtp:120 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f\r\n"
)


def _section(
    kind: str, mid: int, codecs: list[tuple[int, str, str]], direction: str, candidates: list[str]
) -> list[str]:
    """`codecs` are payload type, encoding and format parameters."""
    lines = [
        f"m={kind} 9 UDP/TLS/RTP/SAVPF {' '.join(str(payload) for payload, _, _ in codecs)}",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        *candidates,
        "a=ice-ufrag:fake",
        "a=ice-pwd:fake-ice-password-of-24-c",
        "a=ice-options:trickle",
        f"a=fingerprint:sha-256 {FINGERPRINT}",
        "a=setup:actpass",
        f"a=mid:{mid}",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        f"a={direction}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
    ]
    for payload, encoding, parameters in codecs:
        lines.append(f"a=rtpmap:{payload} {encoding}")
        if encoding.startswith(("VP", "H264", "AV1")):
            lines += [f"a=rtcp-fb:{payload} {word}" for word in ("goog-remb", "transport-cc", "nack", "nack pli")]
        if parameters:
            lines.append(f"a=fmtp:{payload} {parameters}")
    return lines


def _video_codecs(profiles: tuple[str, ...], modes: tuple[int, ...]) -> Iterator[tuple[int, str, str]]:
    h264 = [
        ("H264/90000", f"level-asymmetry-allowed=1;packetization-mode={mode};profile-level-id={profile}")
        for profile in profiles
        for mode in modes
    ]
    encodings = [("VP8/90000", ""), ("VP9/90000", "profile-id=0"), *h264, ("AV1/90000", "level-idx=5;profile=0;tier=0")]
    for payload, (encoding, parameters) in zip(range(96, 128, 2), encodings, strict=False):
        yield payload, encoding, parameters
        yield payload + 1, "rtx/90000", f"apt={payload}"


def browser_offer(
    *,
    audio: str | None = "recvonly",
    video: str | None = "recvonly",
    profiles: tuple[str, ...] = H264_PROFILES,
    modes: tuple[int, ...] = (1, 0),
    candidates: tuple[str, ...] = (CANDIDATE,),
) -> str:
    """Return what a browser offers that wants to receive: audio first, then video, every codec it knows."""
    codecs = [
        (payload, encoding, "minptime=10;useinbandfec=1" * (payload == 111)) for payload, encoding in AUDIO.items()
    ]
    sections = [
        _section(kind, mid, known, direction, list(candidates))
        for mid, (kind, known, direction) in enumerate(
            [("audio", codecs, audio), ("video", list(_video_codecs(profiles, modes)), video)]
        )
        if direction is not None
    ]
    mids = " ".join(line.removeprefix("a=mid:") for lines in sections for line in lines if line.startswith("a=mid:"))
    session = ["v=0", "o=- 4611731400430051336 2 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {mids}"]
    lines = [*session, "a=extmap-allow-mixed", "a=msid-semantic: WMS", *(line for lines in sections for line in lines)]
    return "".join(f"{line}\r\n" for line in lines)


def with_high_profile(offer: str) -> str:
    """Let an offer of aiortc's say what a browser's says: that the high profile will do as well."""
    before, video, after = offer.partition("m=video ")
    line, _, section = after.partition("\r\n")
    return f"{before}{video}{line} 120\r\n{section}{HIGH}"


@dataclass
class Viewer:
    """Offers to receive audio and video, and keeps the tracks it gets."""

    connection: RTCPeerConnection = field(default_factory=lambda: RTCPeerConnection(RTCConfiguration(iceServers=[])))
    tracks: dict[str, MediaStreamTrack] = field(default_factory=dict)
    lost: asyncio.Event = field(default_factory=asyncio.Event)

    async def offer(self) -> str:
        self.connection.on("track", lambda track: self.tracks.update({track.kind: track}))
        self.connection.on("connectionstatechange", self._look)
        for kind in ("audio", "video"):
            transceiver = self.connection.addTransceiver(kind, direction="recvonly")
            # On loopback, which aiortc leaves out: Home Assistant's fixtures invent the network cards.
            ice = transceiver.receiver.transport.transport.iceGatherer._connection
            ice._local_candidates += await ice.get_component_candidates(1, ["127.0.0.1"])
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return with_high_profile(self.connection.localDescription.sdp)

    def _look(self) -> None:
        if self.connection.connectionState in ("closed", "failed"):
            self.lost.set()

    async def accept(self, answer: str) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def frame(self, kind: str = "video", seconds: float = PATIENCE) -> av.VideoFrame | av.AudioFrame:
        """Return the next frame."""
        async with asyncio.timeout(seconds):
            return await self.tracks[kind].recv()

    async def starves(self, seconds: float = 0.5) -> bool:
        """Say whether pictures stop coming: none for so long, whatever was still on its way."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    await self.frame(seconds=seconds)
                except TimeoutError:
                    return True
