"""Documents as Ring writes them, with made-up ids."""

from collections.abc import Mapping

type Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None
type JsonObject = dict[str, Json]

PICTURES = "https://app-content.ring.com/shared/images/devices/square_device_images"
ZONE: JsonObject = {"id": "zone-1", "vertices": [{"x": 0, "y": 0}, {"x": 0.5, "y": 0}, {"x": 1, "y": 1}]}

DOORBELL: JsonObject = {
    "name": "Front Door",
    "image_url": f"{PICTURES}/DoorbellPro/rvdp_3x.png",
    "status": {
        "audio": {"snooze": {"active": None, "until": None}},
        "online": True,
        "reported_at": "2026-09-15T12:45:03Z",
        "state": None,
    },
    "capabilities": {
        "video": {
            "configurations": ["resolution_mode"],
            "codecs": ["AVC"],
            "ratio": "16:9",
            "max_resolution": 1080,
            "supported_resolutions": [1080],
        },
        "audio": {"customizable_slots": None, "supported_actions": None},
        "motion_detection": {"configurations": ["enabled", "motion_zones"]},
        "image_enhancements": {"configurations": ["color_night_vision", "privacy_zones", "snapshot"]},
        "contact_detection": None,
        "flood_detection": None,
        "battery_status": None,
    },
    "configurations": {
        "motion_detection": {"enabled": "on", "motion_zones": [ZONE]},
        "audio": {"customizable_slots": None, "volume": 11},
        "image_enhancements": {
            "color_night_vision": "off",
            "hdr": "off",
            "ir_led_night_vision": "on",
            "auto_zoom_track": "off",
            "privacy_zones": [],
        },
        "e2e_encryption": {"enabled": False},
    },
    "location": {"state": "CA", "country": "US"},
}
FLOOD: JsonObject = {
    "name": "Basement",
    "status": {
        "flood_detection": {"faulted": True},
        "freeze_detection": {"faulted": False},
        "tamper_detection": {"detected": False},
        "sensor_reporting_state": {"value": "active"},
        "battery_status": {"percentage": 90},
        "signal_strength": {"value": "good"},
        "online": True,
        "reported_at": "2026-01-15T21:58:08.213Z",
    },
    "capabilities": {
        "video": None,
        "audio": {"customizable_slots": None, "supported_actions": None},
        "flood_detection": {},
        "freeze_detection": {},
        "tamper_detection": {},
        "battery_status": {"supported": True},
    },
}
CLIMATE: JsonObject = {
    "name": "Nursery",
    "status": {
        "online": True,
        "temperature": {"value": 21.5, "unit": "celsius"},
        "humidity": {"value": 48, "unit": "percent"},
        "pm25": 6,
        "co_concentration": {"value": 0.5, "unit": "ppm"},
        "smoke_detection": {"detected": False},
        "co_detection_listener": {"faulted": True},
        "glass_break_detection": {"detected": False},
        "contact_detection": {"faulted": True},
    },
}
CHIME: JsonObject = {
    "name": "Hallway Chime",
    "image_url": f"{PICTURES}/ChimePro/chimepro_3x.png",
    "status": {"online": False},
    "capabilities": {"video": None, "audio": {"customizable_slots": 2, "supported_actions": ["chime.play"]}},
    "configurations": {
        "audio": {
            "volume": 5,
            "customizable_slots": [
                {
                    "event": "ring-appstore-event-1",
                    "disabled": False,
                    "audio_ref": "fake-audio-ref-1",
                    "audio_url": None,
                    "audio_name": "Two notes",
                }
            ],
        }
    },
}
HOUSE: Mapping[str, JsonObject] = {"door": DOORBELL, "flood": FLOOD, "climate": CLIMATE, "chime": CHIME}

_TYPES = {
    "status": "device-status",
    "capabilities": "device-capabilities",
    "configurations": "device-configurations",
    "location": "locations",
}


def device(device_id: str, parts: JsonObject) -> tuple[JsonObject, list[JsonObject]]:
    """The resource of a device, and the resources to include with it."""
    included: list[JsonObject] = [
        {"type": _TYPES[name], "id": f"{name}-of-{device_id}", "attributes": parts[name]}
        for name in _TYPES
        if name in parts
    ]
    relationships: JsonObject = {
        name: {
            "data": {"type": kind, "id": f"{name}-of-{device_id}"},
            "links": {"related": f"/v1/devices/{device_id}/{name}"},
        }
        for name, kind in _TYPES.items()
    }
    attributes = {name: parts[name] for name in ("name", "image_url") if name in parts}
    return (
        {"type": "devices", "id": device_id, "attributes": attributes, "relationships": relationships},
        included,
    )


def devices(house: Mapping[str, JsonObject]) -> JsonObject:
    """The document of `/v1/devices` with everything included."""
    built = [device(device_id, parts) for device_id, parts in house.items()]
    return {
        "meta": {"time": "2026-09-15T12:47:12Z"},
        "data": [resource for resource, _ in built],
        "included": [resource for _, included in built for resource in included],
    }


def one_device(device_id: str, parts: JsonObject) -> JsonObject:
    """The document of `/v1/devices/{id}`."""
    resource, included = device(device_id, parts)
    return {"data": resource, "included": included}
