"""The far end of a live view: it answers an offer and sends pictures and sound, on this machine only."""

import asyncio
import contextlib
from http import HTTPStatus
import logging

from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCRtpTransceiver, RTCSessionDescription
from aiortc.rtcrtpparameters import RTCRtpCodecCapability
import ifaddr

from .live_tracks import AudioTrack, VideoTrack
from .refusals import ApiError
from .sdp import Offer, is_mdns

# How long somebody looks for a `.local` name whom nobody answers.
MDNS_SECONDS = 1.0
# Checks that are under way notice only at their next round, 20 ms later, that the connection is closed.
_ROUND = 0.05
_LOOPBACK = "127.0.0.1"
# Of what Ring was seen to answer with, the first that is offered.
_PROFILES = ("42001f", "42e01f")

# At the lower levels these write whole descriptions, passwords and all.
for _name in ("aioice", "aiortc"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class Peer:
    """One connection to a viewer."""

    def __init__(self, video: VideoTrack, audio: AudioTrack) -> None:
        self._video = video
        self._audio = audio
        # No servers: with none given, the library would ask one on the internet where we are.
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))

    async def answer(self, offer: Offer) -> str:
        """Return a complete answer."""
        if any(is_mdns(address) for address in offer.candidates):
            # Such names are asked for on the local network, where nothing of ours goes; this is how long it takes.
            await asyncio.sleep(MDNS_SECONDS)
        try:
            return await self._negotiate(offer)
        except Exception as error:
            # Whatever the library stumbles over is in the offer.
            raise ApiError(HTTPStatus.BAD_REQUEST, "The offer cannot be answered") from error

    async def _negotiate(self, offer: Offer) -> str:
        connection = self._connection
        video = connection.addTransceiver(self._video, direction="sendonly")
        _prefer(video, offer)
        if any(section.media == "audio" for section in offer.sections):
            audio = connection.addTransceiver(self._audio, direction="sendonly")
            audio.setCodecPreferences([codec for codec in _codecs("audio") if codec.mimeType == "audio/opus"])
        text = offer.for_peer(own_addresses())
        await connection.setRemoteDescription(RTCSessionDescription(text, "offer"))
        for transceiver in connection.getTransceivers():
            await _gather_on_loopback(transceiver)
        await connection.setLocalDescription(await connection.createAnswer())
        return connection.localDescription.sdp

    def silence(self) -> None:
        """Send nothing more, and leave the connection open."""
        self._video.silence()
        self._audio.silence()

    @property
    def is_closed(self) -> bool:
        """Say whether either side has closed the connection, or it was lost."""
        return self._connection.connectionState in ("closed", "failed")

    async def close(self) -> None:
        """Close the connection."""
        connected = self._connection.connectionState == "connected"
        # What is half set up cannot always be closed.
        with contextlib.suppress(Exception):
            await self._connection.close()
        if not connected:
            await asyncio.sleep(_ROUND)


def own_addresses() -> frozenset[str]:
    """Return the addresses of this machine."""
    return frozenset(
        ip.ip if isinstance(ip.ip, str) else ip.ip[0] for adapter in ifaddr.get_adapters() for ip in adapter.ips
    )


def _prefer(video: RTCRtpTransceiver, offer: Offer) -> None:
    """Answer with one profile of H264, and retransmission."""
    offered = {
        profile[:4] for section in offer.sections if section.media == "video" for profile in section.h264().values()
    }
    chosen = next((profile for profile in _PROFILES if profile[:4] in offered), _PROFILES[0])
    wanted = {"video/rtx": None, "video/H264": chosen}
    video.setCodecPreferences(
        [
            codec
            for codec in _codecs("video")
            if codec.mimeType in wanted and codec.parameters.get("profile-level-id") == wanted[codec.mimeType]
        ]
    )


def _codecs(kind: str) -> list[RTCRtpCodecCapability]:
    return RTCRtpSender.getCapabilities(kind).codecs


async def _gather_on_loopback(transceiver: RTCRtpTransceiver) -> None:
    """Listen on loopback, too: the library leaves it out."""
    connection = transceiver.sender.transport.transport.iceGatherer._connection  # noqa: SLF001
    if not connection.local_candidates:
        connection._local_candidates += await connection.get_component_candidates(1, [_LOOPBACK])  # noqa: SLF001
