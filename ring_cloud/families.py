"""The families of devices, as a table: what each is and what Ring's documents say of it.

Sensor readings beyond contact, flood, freeze and tamper are undocumented; their names here follow the documented ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from .values import JsonObject, Value

_IMAGES = "https://app-content.ring.com/shared/images/devices/square_device_images"


class Permission(StrEnum):
    """What a partner app asks for in the developer portal."""

    CAMERAS = "cameras"
    SENSORS = "sensors"
    CHIMES = "chimes"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A kind of device: constant parts of its documents, and the controls (with first values) that fill in the rest."""

    key: str
    label: str
    default_name: str
    permission: Permission
    capabilities: JsonObject
    controls: Mapping[str, Value]
    status: JsonObject = field(default_factory=dict)
    configurations: JsonObject = field(default_factory=dict)
    image: str | None = None
    can_encrypt: bool = False
    starts_silent: bool = False
    heartbeat: int = 900

    def document(self, kind: str) -> JsonObject:
        """Return the constant part of the status, the capabilities or the configurations."""
        return {"status": self.status, "capabilities": self.capabilities, "configurations": self.configurations}[kind]

    @property
    def image_url(self) -> str | None:
        """Return the picture Ring shows; its path is the only hint at a model."""
        return f"{_IMAGES}/{self.image}" if self.image else None


NO_CAPABILITIES: JsonObject = {
    "video": None,
    "audio": {"customizable_slots": None, "supported_actions": None},
    "motion_detection": None,
    "image_enhancements": None,
    "contact_detection": None,
    "flood_detection": None,
    "freeze_detection": None,
    "tamper_detection": None,
    "glass_break_detection": None,
    "smoke_detection": None,
    "co_detection_listener": None,
    "battery_status": None,
}

_DETECTS: JsonObject = {"configurations": []}
_SENSOR: JsonObject = {**NO_CAPABILITIES, "tamper_detection": _DETECTS, "battery_status": {"supported": True}}
_REPORTS: Mapping[str, Value] = {"tamper": False, "battery": 90, "signal_strength": "good", "reporting_state": "active"}


def _video(max_resolution: int, *codecs: str) -> JsonObject:
    return {
        "configurations": ["resolution_mode"],
        "codecs": list(codecs),
        "ratio": "16:9",
        "max_resolution": max_resolution,
        "supported_resolutions": [step for step in (720, 1080, 1440, 2160) if step <= max_resolution],
    }


_MOTION: JsonObject = {"configurations": ["enabled", "motion_zones"]}
_ENHANCEMENTS: JsonObject = {
    "configurations": [
        "color_night_vision",
        "hdr",
        "ir_led_night_vision",
        "auto_zoom_track",
        "privacy_zones",
        "snapshot",
    ]
}
_ZONES: JsonObject = {
    "motion_zones": [
        {
            "id": "6d1d7e0e-32a3-4a4e-9f0c-5e2f7c1b8a01",
            "vertices": [{"x": 0, "y": 0}, {"x": 0.5, "y": 0}, {"x": 1, "y": 1}],
        }
    ]
}
_PRIVACY: JsonObject = {
    "privacy_zones": [
        {
            "id": "0b8c6f7a-91d4-4a55-8a37-1f5b7f2f6c02",
            "vertices": [{"x": 0.75, "y": 0}, {"x": 1, "y": 0}, {"x": 1, "y": 0.25}, {"x": 0.75, "y": 0.25}],
        }
    ]
}
_CAMERA: JsonObject = {
    **NO_CAPABILITIES,
    "video": _video(1080, "AVC"),
    "motion_detection": _MOTION,
    "image_enhancements": _ENHANCEMENTS,
}
_CAMERA_SET_UP: JsonObject = {
    "motion_detection": _ZONES,
    "audio": {"customizable_slots": None},
    "image_enhancements": {"privacy_zones": []},
    "e2e_encryption": {"enabled": False},
}
_CAMERA_CONTROLS: Mapping[str, Value] = {
    "motion_detection": True,
    "volume": 7,
    "color_night_vision": False,
    "hdr": False,
    "ir_led_night_vision": True,
    "auto_zoom_track": False,
}


def _lens(number: int, max_resolution: int) -> JsonObject:
    return {"component_id": str(number), "video": _video(max_resolution, "AVC", "HEVC")}


FAMILIES: Mapping[str, Family] = {
    family.key: family
    for family in (
        Family(
            key="doorbell",
            label="Video doorbell",
            default_name="Front Door",
            permission=Permission.CAMERAS,
            image="DoorbellPro/rvdp_3x.png",
            capabilities=_CAMERA,
            configurations={**_CAMERA_SET_UP, "image_enhancements": _PRIVACY},
            controls={**_CAMERA_CONTROLS, "volume": 11},
            can_encrypt=True,
            heartbeat=60,
        ),
        Family(
            key="camera",
            label="Camera",
            default_name="Driveway",
            permission=Permission.CAMERAS,
            image="SpotlightCamPlus/scplus_3x.png",
            capabilities={**_CAMERA, "video": _video(1440, "AVC", "HEVC")},
            configurations=_CAMERA_SET_UP,
            controls={**_CAMERA_CONTROLS, "hdr": True},
            can_encrypt=True,
            heartbeat=60,
        ),
        Family(
            key="multi_camera",
            label="Camera with several lenses",
            default_name="Garage",
            permission=Permission.CAMERAS,
            image="MultiCam/multicam_3x.png",
            # The video block of such a device stands in its components only.
            capabilities={**_CAMERA, "video": None, "components": {"items": [_lens(1, 2160), _lens(2, 1080)]}},
            configurations={
                **_CAMERA_SET_UP,
                "components": {
                    "items": [
                        {"component_id": "1", "motion_detection": {"enabled": "on", **_ZONES}},
                        {"component_id": "2", "motion_detection": {"enabled": "off", "motion_zones": []}},
                    ]
                },
            },
            controls=_CAMERA_CONTROLS,
            can_encrypt=True,
            heartbeat=60,
        ),
        Family(
            key="chime",
            label="Chime",
            default_name="Hallway Chime",
            permission=Permission.CHIMES,
            image="ChimePro/chimepro_3x.png",
            capabilities={**NO_CAPABILITIES, "audio": {"customizable_slots": 2, "supported_actions": ["chime.play"]}},
            configurations={
                "audio": {
                    "customizable_slots": [
                        {
                            "event": "ring-appstore-event-1",
                            "disabled": False,
                            "audio_ref": "fake-audio-ref-1",
                            "audio_url": None,
                            "audio_name": "Two notes",
                        },
                        {
                            "event": "ring-appstore-event-2",
                            "disabled": True,
                            "audio_ref": "fake-audio-ref-2",
                            "audio_url": None,
                            "audio_name": "Harp",
                        },
                    ]
                }
            },
            controls={"volume": 5},
            heartbeat=60,
        ),
        Family(
            key="contact",
            label="Contact sensor",
            default_name="Back Door",
            permission=Permission.SENSORS,
            image="ContactSensor/contact_3x.png",
            capabilities={**_SENSOR, "contact_detection": _DETECTS},
            controls={"contact": False, **_REPORTS, "battery": 87},
        ),
        Family(
            key="flood_freeze",
            label="Flood and freeze sensor",
            default_name="Basement",
            permission=Permission.SENSORS,
            image="FloodFreezeSensor/floodfreeze_3x.png",
            capabilities={**_SENSOR, "flood_detection": _DETECTS, "freeze_detection": _DETECTS},
            controls={"flood": False, "freeze": False, **_REPORTS},
        ),
        Family(
            key="temperature_humidity",
            label="Temperature and humidity sensor",
            default_name="Nursery",
            permission=Permission.SENSORS,
            image="ClimateSensor/climate_3x.png",
            capabilities={**_SENSOR, "temperature": _DETECTS, "humidity": _DETECTS},
            status={"temperature": {"unit": "celsius"}, "humidity": {"unit": "percent"}},
            controls={"temperature": 21.5, "humidity": 48, **_REPORTS, "signal_strength": "fair"},
        ),
        Family(
            key="air_quality",
            label="Air quality monitor",
            default_name="Living Room",
            permission=Permission.SENSORS,
            image="AirQualityMonitor/airquality_3x.png",
            capabilities={
                **NO_CAPABILITIES,
                "temperature": _DETECTS,
                "humidity": _DETECTS,
                "pm25": _DETECTS,
                "co_concentration": _DETECTS,
            },
            status={
                "temperature": {"unit": "celsius"},
                "humidity": {"unit": "percent"},
                "pm25": {"unit": "ug/m3"},
                "co_concentration": {"unit": "ppm"},
            },
            controls={
                "pm25": 6,
                "co_concentration": 0,
                "temperature": 22.4,
                "humidity": 41,
                "signal_strength": "good",
                "reporting_state": "active",
            },
        ),
        Family(
            key="smoke_co_listener",
            label="Smoke and CO listener",
            default_name="Kitchen Listener",
            permission=Permission.SENSORS,
            image="SmokeCoListener/listener_3x.png",
            capabilities={**_SENSOR, "smoke_detection": _DETECTS, "co_detection_listener": _DETECTS},
            controls={"smoke": False, "co": False, **_REPORTS, "battery": 64},
        ),
        Family(
            key="glass_break",
            label="Glass break sensor",
            default_name="Patio Window",
            permission=Permission.SENSORS,
            image="GlassBreakSensor/glassbreak_3x.png",
            # What this one cannot do is not null but missing.
            capabilities={
                "glass_break_detection": _DETECTS,
                "tamper_detection": _DETECTS,
                "battery_status": {"supported": True},
            },
            controls={"glass_break": False, **_REPORTS},
        ),
        Family(
            key="plain_camera",
            label="Camera without a picture",
            default_name="Garden",
            permission=Permission.CAMERAS,
            # No image_url: nothing says whether this is a camera or a doorbell. Fewer settings, too.
            capabilities={**_CAMERA, "image_enhancements": {"configurations": ["privacy_zones"]}},
            configurations={
                "motion_detection": {"motion_zones": []},
                "audio": {"customizable_slots": None, "volume": None},
                "image_enhancements": {"privacy_zones": []},
                "e2e_encryption": {"enabled": False},
            },
            controls={"motion_detection": False},
            can_encrypt=True,
            heartbeat=60,
        ),
        Family(
            key="mains_sensor",
            label="Flood sensor on mains power",
            default_name="Boiler Room",
            permission=Permission.SENSORS,
            image="FloodFreezeSensor/floodfreeze_3x.png",
            capabilities={**_SENSOR, "flood_detection": _DETECTS},
            controls={"flood": False, **_REPORTS, "battery": 255},
        ),
        Family(
            key="new_sensor",
            label="Contact sensor that has never reported",
            default_name="Attic Window",
            permission=Permission.SENSORS,
            image="ContactSensor/contact_3x.png",
            capabilities={**_SENSOR, "contact_detection": _DETECTS},
            controls={"contact": False, **_REPORTS},
            starts_silent=True,
        ),
        Family(
            key="future",
            label="Something not yet invented",
            default_name="Shed",
            permission=Permission.SENSORS,
            image="Pasture2000/pasture_3x.jpg?v=2",
            # Keys nobody knows, and known keys with surprising types.
            capabilities={
                **NO_CAPABILITIES,
                "video": "unsupported",
                "motion_detection": [],
                "scent_detection": {"configurations": ["enabled"], "levels": [1, 2, 3]},
                "soil_moisture": {"supported": True},
            },
            status={
                "scent_detection": {"level": 2, "kind": None},
                "soil_moisture": {"value": 31.5, "unit": "percent"},
                "temperature": "mild",
                "battery_status": {"percentage": "full", "cells": [1.5, 1.4]},
                "tamper_detection": ["none"],
                "state": {"mode": "idle"},
            },
            configurations={"scent_detection": {"enabled": "on"}, "motion_detection": None, "audio": 3},
            controls={"signal_strength": "good"},
        ),
    )
}

PLAYGROUND_FAMILY = FAMILIES["doorbell"]
