"""Cameras: the picture of what happened last, and a live view while somebody watches."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, override

from webrtc_models import RTCIceCandidateInit, RTCIceServer

from homeassistant.components.camera import (
    Camera,
    CameraEntityDescription,
    CameraEntityFeature,
    WebRTCClientConfiguration,
    WebRTCSendMessage,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .api import Device
from .const import MANUFACTURER
from .entity import CameraEntity, async_add_as_devices_appear
from .identifiers import CameraId
from .kinds import cameras_of
from .live import live_signal
from .media import picture_signal
from .models import RingConfigEntry, RingRuntimeData
from .sdp import Candidate

# Nothing is polled here.
PARALLEL_UPDATES = 0


# It has no name of its own, but that of its device.
CAMERA = CameraEntityDescription(key="camera", name=None)
NO_PICTURE = Path(__file__).parent / "no_picture.png"


async def async_setup_entry(
    hass: HomeAssistant, entry: RingConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Set up a camera for each that a device has."""
    runtime = entry.runtime_data
    # Without any picture, Home Assistant would answer its own frontend with an error.
    no_picture = await hass.async_add_executor_job(NO_PICTURE.read_bytes)

    def build(device: Device) -> Iterator[RingCamera]:
        for camera in cameras_of(device):
            yield RingCamera(runtime, device, camera, no_picture)

    await async_add_as_devices_appear(entry, async_add_entities, build)


@dataclass(kw_only=True)
class _RingsServers(WebRTCClientConfiguration):
    """Names only these servers to a browser; Home Assistant adds its own to whatever a camera names."""

    servers: list[RTCIceServer]

    @override
    def to_frontend_dict(self) -> dict[str, Any]:
        self.configuration.ice_servers = self.servers
        return super().to_frontend_dict()


class RingCamera(CameraEntity[bool], Camera):
    """Shows the last picture without waking the camera; only a live view does that."""

    _attr_brand = MANUFACTURER
    _attr_supported_features = CameraEntityFeature.STREAM

    def __init__(self, runtime: RingRuntimeData, device: Device, camera: CameraId, no_picture: bytes) -> None:
        """Follow one camera."""
        Camera.__init__(self)
        self._no_picture = no_picture
        self._pictures = runtime.pictures
        self._live = runtime.live
        self._attr_model = device.model
        super().__init__(
            runtime.coordinator,
            device,
            camera,
            CAMERA,
            lambda device: device.configurations.motion_detection,
        )

    @property
    @override
    def motion_detection_enabled(self) -> bool:
        """Whether the user has it switched on in the Ring app."""
        return bool(self._value)

    @property
    @override
    def is_streaming(self) -> bool:
        """Whether somebody watches."""
        return self._live.is_watched(self.camera)

    @override
    async def async_added_to_hass(self) -> None:
        """Listen for viewers and for pictures."""
        await super().async_added_to_hass()
        entry_id = self.coordinator.config_entry.entry_id
        signals = live_signal(entry_id, self.camera), picture_signal(entry_id, self.camera)
        for signal in signals:
            self.async_on_remove(async_dispatcher_connect(self.hass, signal, self.async_write_ha_state))

    @override
    async def async_will_remove_from_hass(self) -> None:
        """Let nobody watch a camera that is no more."""
        self._live.forget(self.camera)
        await super().async_will_remove_from_hass()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Let nobody look at the frozen picture of a camera that has gone offline."""
        super()._handle_coordinator_update()
        self._live.review(self.camera)

    @override
    async def async_camera_image(self, width: int | None = None, height: int | None = None) -> bytes:
        """Return the picture of the last event."""
        if (last := self._pictures.last(self.camera)) is None:
            self.content_type = "image/png"
            return self._no_picture
        self.content_type = last.picture.content_type
        return last.picture.body

    @override
    async def async_handle_async_webrtc_offer(
        self, offer_sdp: str, session_id: str, send_message: WebRTCSendMessage
    ) -> None:
        """Begin a live view."""
        await self._live.async_open(self.camera, offer_sdp, session_id, send_message)

    @override
    async def async_on_webrtc_candidate(self, session_id: str, candidate: RTCIceCandidateInit) -> None:
        """Take in a candidate of the browser."""
        item = Candidate(candidate.candidate, candidate.sdp_mid, candidate.sdp_m_line_index)
        self._live.add_candidate(session_id, item)

    @callback
    @override
    def close_webrtc_session(self, session_id: str) -> None:
        """End a live view."""
        self._live.close(session_id)

    @callback
    @override
    def _async_get_webrtc_client_configuration(self) -> WebRTCClientConfiguration:
        """Name the servers of Home Assistant, or those of Ring where it has named any."""
        servers = [
            RTCIceServer(urls=server.url, username=server.username, credential=server.credential)
            for server in self._live.ice_servers(self.camera)
        ]
        return _RingsServers(servers=servers) if servers else WebRTCClientConfiguration()
