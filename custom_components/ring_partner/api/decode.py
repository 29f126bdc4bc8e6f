"""From Ring's documents to models: the one place that knows what the attributes of devices and accounts are called."""

from collections.abc import Mapping
import re
from typing import Final

from .jsonapi import Document, Resource
from .models import (
    AppIntegration,
    ChimeSlot,
    Component,
    Device,
    DeviceCapabilities,
    DeviceConfigurations,
    DeviceStatus,
    Feature,
    Location,
    Measurement,
    Subscription,
    User,
    VideoCapability,
    Zone,
)
from .values import (
    Json,
    JsonObject,
    as_component_id,
    as_flag,
    as_list,
    as_moment,
    as_number,
    as_object,
    as_switch,
    as_text,
    as_texts,
    as_whole,
)

# The block that stands for a feature, in capabilities and in status. Several names: Ring documents the status of
# smoke, CO, temperature, humidity and air quality nowhere, and the capability of CO listening has a name of its own.
BLOCKS: Final[Mapping[Feature, tuple[str, ...]]] = {
    Feature.VIDEO: ("video",),
    Feature.MOTION_DETECTION: ("motion_detection",),
    Feature.CONTACT: ("contact_detection",),
    Feature.TAMPER: ("tamper_detection",),
    Feature.FLOOD: ("flood_detection",),
    Feature.FREEZE: ("freeze_detection",),
    Feature.SMOKE: ("smoke_detection", "smoke_detection_listener"),
    Feature.CO: ("co_detection", "co_detection_listener"),
    Feature.GLASS_BREAK: ("glass_break_detection",),
    Feature.BATTERY: ("battery_status",),
    Feature.SIGNAL_STRENGTH: ("signal_strength",),
    Feature.TEMPERATURE: ("temperature",),
    Feature.HUMIDITY: ("humidity",),
    Feature.PM25: ("pm25",),
    Feature.CO_CONCENTRATION: ("co_concentration",),
}
# What a capability block lists as available.
OPTIONS: Final[Mapping[Feature, tuple[str, str]]] = {
    Feature.MOTION_ZONES: ("motion_detection", "motion_zones"),
    Feature.PRIVACY_ZONES: ("image_enhancements", "privacy_zones"),
    Feature.NIGHT_VISION: ("image_enhancements", "color_night_vision"),
    Feature.HDR: ("image_enhancements", "hdr"),
    Feature.IR_LED: ("image_enhancements", "ir_led_night_vision"),
    Feature.AUTO_ZOOM: ("image_enhancements", "auto_zoom_track"),
}
_BLOCK_NAMES: Final = frozenset(name for names in BLOCKS.values() for name in names)
_KNOWN: Final[Mapping[str, frozenset[str]]] = {
    "status": _BLOCK_NAMES | {"online", "reported_at", "sensor_reporting_state", "audio", "state"},
    "capabilities": _BLOCK_NAMES | {"audio", "image_enhancements", "components"},
    "configurations": frozenset({"motion_detection", "image_enhancements", "audio", "e2e_encryption"}),
}
_UNITS: Final = {"c": "°C", "°c": "°C", "celsius": "°C", "f": "°F", "°f": "°F", "fahrenheit": "°F"}


def user_from(document: Document) -> User:
    """Read `/v1/users/me`."""
    (resource,) = document.data
    attributes = resource.attributes
    return User(
        id=resource.id,
        first_name=as_text(attributes.get("first_name")),
        last_name=as_text(attributes.get("last_name")),
        email=as_text(attributes.get("email")),
    )


def device_from(resource: Resource, document: Document) -> Device:
    """Read one device, with what the document includes of it."""
    received = {name: document.attributes_of(resource, name) for name in _KNOWN}
    blocks = {name: _without_absent(attributes) for name, attributes in received.items()}
    location = document.attributes_of(resource, "location")
    image_url = _web_address(resource.attributes.get("image_url"))
    status = _status(blocks["status"])
    capabilities = _capabilities(blocks["capabilities"])
    configurations = _configurations(blocks["configurations"])
    features = _features(blocks["capabilities"], capabilities, status, configurations)
    return Device(
        id=resource.id,
        name=as_text(resource.attributes.get("name")),
        image_url=image_url,
        model=None if image_url is None else model_hint(image_url),
        status=status,
        capabilities=capabilities,
        configurations=configurations,
        location=_location(location) if location else None,
        features=features - {Feature.BATTERY} if _is_on_mains(blocks["status"]) else features,
        unknown_keys=_unknown_keys(received),
    )


def subscription_from(resource: Resource) -> Subscription:
    """Read one of `/v1/accounts/me/subscriptions`."""
    attributes = resource.attributes
    return Subscription(
        id=resource.id,
        sub_type=as_text(attributes.get("sub_type")),
        status=as_text(attributes.get("status")),
        plan_id=as_text(attributes.get("plan_id")),
        expires_at=as_moment(attributes.get("expires_at")),
        created_at=as_moment(attributes.get("created_at")),
        device_ids=tuple(device_id for _, device_id in resource.related("devices")),
    )


def app_integration_from(answer: JsonObject, requested: str) -> AppIntegration:
    """Read an answer of app-integrations, plain JSON; an accepted request that names no status reached its own."""
    return AppIntegration(
        status=as_text(answer.get("status")) or requested,
        account_identifier=as_text(answer.get("account_identifier")),
        updated_at=as_moment(answer.get("updated_at")),
    )


def model_hint(image_url: str) -> str | None:
    """Return the folder of Ring's picture in words: `…/DoorbellPro/rvdp_3x.png` is a "Doorbell Pro"."""
    found = re.search(r"/([A-Z][A-Za-z0-9]{1,39})/[^/]+$", image_url.partition("?")[0])
    if found is None:
        return None
    return re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9A-Z])(?=[A-Z][a-z])", " ", found[1])


def _without_absent(attributes: JsonObject) -> JsonObject:
    """Return the attributes without blocks that Ring fills with nulls for what a device does not have."""
    return {name: block for name, block in attributes.items() if not _is_absent(block)}


def _is_absent(value: Json) -> bool:
    """Return whether a value is null, or a block with nothing in it but nulls (and lists that are empty)."""
    if not isinstance(value, dict) or not value:
        return value is None
    return any(_is_absent(member) for member in value.values()) and all(
        member == [] or _is_absent(member) for member in value.values()
    )


def _status(block: JsonObject) -> DeviceStatus:
    if _has_never_reported(block):
        # Ring fills in "closed" and "dry" for a sensor that it has yet to hear from.
        return DeviceStatus(online=as_flag(block.get("online")))
    return DeviceStatus(
        online=as_flag(block.get("online")),
        reported_at=as_moment(block.get("reported_at")),
        contact_open=_alarm(block, Feature.CONTACT),
        tampered=_alarm(block, Feature.TAMPER),
        flooded=_alarm(block, Feature.FLOOD),
        frozen=_alarm(block, Feature.FREEZE),
        smoke=_alarm(block, Feature.SMOKE),
        co=_alarm(block, Feature.CO),
        glass_broken=_alarm(block, Feature.GLASS_BREAK),
        battery=_battery(block),
        signal_strength=as_text(_inner(_block(block, Feature.SIGNAL_STRENGTH), "value")),
        temperature=measurement(_block(block, Feature.TEMPERATURE)),
        humidity=as_number(_inner(_block(block, Feature.HUMIDITY), "value"), 0, 100),
        pm25=as_number(_inner(_block(block, Feature.PM25), "value"), 0),
        co_concentration=as_number(_inner(_block(block, Feature.CO_CONCENTRATION), "value"), 0),
        reporting_state=as_text(_inner(block.get("sensor_reporting_state"), "value")),
    )


def _has_never_reported(block: JsonObject) -> bool:
    """Return whether the device's last report was, by Ring's account, at the beginning of time."""
    return (as_text(block.get("reported_at")) or "").startswith("1970-01-01")


def _capabilities(block: JsonObject) -> DeviceCapabilities:
    audio = as_object(block.get("audio"))
    items = [as_object(item) for item in as_list(as_object(block.get("components")).get("items"))]
    return DeviceCapabilities(
        video=_video(block.get("video")),
        motion_detection=_options(block, "motion_detection"),
        image_enhancements=_options(block, "image_enhancements"),
        chime_slots=as_whole(audio.get("customizable_slots"), 0, 1000),
        supported_actions=frozenset(as_texts(audio.get("supported_actions"))),
        components=tuple(
            Component(component_id=component_id, video=_video(item.get("video")))
            for item in items
            if (component_id := as_component_id(item.get("component_id"))) is not None
            and not ("video" in item and _is_absent(item["video"]))
        ),
    )


def _configurations(block: JsonObject) -> DeviceConfigurations:
    motion = as_object(block.get("motion_detection"))
    image = as_object(block.get("image_enhancements"))
    audio = as_object(block.get("audio"))
    return DeviceConfigurations(
        motion_detection=as_switch(motion.get("enabled")),
        motion_zones=_zones(motion.get("motion_zones")),
        privacy_zones=_zones(image.get("privacy_zones")),
        color_night_vision=as_switch(image.get("color_night_vision")),
        hdr=as_switch(image.get("hdr")),
        ir_led_night_vision=as_switch(image.get("ir_led_night_vision")),
        auto_zoom_track=as_switch(image.get("auto_zoom_track")),
        volume=as_whole(audio.get("volume"), 0, 1000),
        chime_slots=tuple(_chime_slot(slot) for slot in as_list(audio.get("customizable_slots")) if as_object(slot)),
        e2e_encryption=as_switch(_inner(block.get("e2e_encryption"), "enabled")),
    )


def _features(
    capabilities: JsonObject, parsed: DeviceCapabilities, status: DeviceStatus, configurations: DeviceConfigurations
) -> frozenset[Feature]:
    found = {feature for feature in BLOCKS if _is_capability(capabilities, feature)}
    found |= {feature for feature, (name, option) in OPTIONS.items() if option in _options(capabilities, name)}
    readable: Mapping[Feature, object] = {
        Feature.VIDEO: parsed.components or None,
        Feature.CHIME: parsed.chime_slots or parsed.supported_actions or None,
        Feature.VOLUME: configurations.volume,
        Feature.E2E_ENCRYPTION: configurations.e2e_encryption,
        Feature.CONTACT: status.contact_open,
        Feature.TAMPER: status.tampered,
        Feature.FLOOD: status.flooded,
        Feature.FREEZE: status.frozen,
        Feature.SMOKE: status.smoke,
        Feature.CO: status.co,
        Feature.GLASS_BREAK: status.glass_broken,
        Feature.BATTERY: status.battery,
        Feature.SIGNAL_STRENGTH: status.signal_strength,
        Feature.TEMPERATURE: status.temperature,
        Feature.HUMIDITY: status.humidity,
        Feature.PM25: status.pm25,
        Feature.CO_CONCENTRATION: status.co_concentration,
    }
    return frozenset(found | {feature for feature, value in readable.items() if value is not None})


def _is_capability(capabilities: JsonObject, feature: Feature) -> bool:
    """Return whether a block claims the feature: null does not, and what is no block says nothing."""
    block = _block(capabilities, feature)
    return block is True or (isinstance(block, dict) and block.get("supported") is not False)


def _unknown_keys(blocks: Mapping[str, JsonObject]) -> frozenset[str]:
    return frozenset(
        f"{name}.{key}"
        for name, block in blocks.items()
        for key in block.keys() - _KNOWN[name]
        if re.fullmatch(r"[A-Za-z][\w-]{0,63}", key, re.ASCII)
    )


def _block(block: JsonObject, feature: Feature) -> Json:
    return next((found for name in BLOCKS[feature] if (found := block.get(name)) is not None), None)


def _inner(value: Json, name: str) -> Json:
    """Return a member of a block, or the value itself where Ring writes no block around it."""
    return value.get(name) if isinstance(value, dict) else value


def _alarm(block: JsonObject, feature: Feature) -> bool | None:
    """Return whether a sensor reports what it watches for; Ring calls that `faulted` or `detected`."""
    value = _block(block, feature)
    flags = (as_flag(_inner(value, name)) for name in ("faulted", "detected", "value"))
    return next((flag for flag in flags if flag is not None), None)


def _battery(block: JsonObject) -> int | None:
    return as_whole(_inner(_block(block, Feature.BATTERY), "percentage"), 0, 100)


def _is_on_mains(block: JsonObject) -> bool:
    """Return whether the battery is none, whatever the capabilities claim: Ring then reports 255 percent."""
    return as_whole(_inner(_block(block, Feature.BATTERY), "percentage"), 255, 255) is not None


def measurement(value: Json) -> Measurement | None:
    """Read a temperature: a number, or a block of it and its unit."""
    number = as_number(_inner(value, "value"))
    if number is None:
        return None
    unit = as_text(as_object(value).get("unit"))
    return Measurement(value=number, unit=_UNITS.get((unit or "").lower(), unit))


def _video(value: Json) -> VideoCapability | None:
    block = as_object(value)
    if not block:
        return None
    heights = (as_whole(item, 1, 100_000) for item in as_list(block.get("supported_resolutions")))
    return VideoCapability(
        codecs=as_texts(block.get("codecs")),
        ratio=as_text(block.get("ratio")),
        max_resolution=as_whole(block.get("max_resolution"), 1, 100_000),
        supported_resolutions=tuple(height for height in heights if height is not None),
    )


def _options(capabilities: JsonObject, name: str) -> frozenset[str]:
    return frozenset(as_texts(as_object(capabilities.get(name)).get("configurations")))


def _zones(value: Json) -> tuple[Zone, ...] | None:
    if not isinstance(value, list):
        return None
    return tuple(
        Zone(id=as_text(zone.get("id")), vertices=_vertices(zone.get("vertices")))
        for zone in map(as_object, value)
        if zone
    )


def _vertices(value: Json) -> tuple[tuple[float, float], ...]:
    points = (as_object(point) for point in as_list(value))
    pairs = ((as_number(point.get("x"), 0, 1), as_number(point.get("y"), 0, 1)) for point in points)
    return tuple((x, y) for x, y in pairs if x is not None and y is not None)


def _chime_slot(value: Json) -> ChimeSlot:
    slot = as_object(value)
    return ChimeSlot(
        event=as_text(slot.get("event")),
        disabled=as_flag(slot.get("disabled")),
        audio_ref=as_text(slot.get("audio_ref")),
        audio_name=as_text(slot.get("audio_name")),
    )


def _location(block: JsonObject) -> Location:
    return Location(country=as_text(block.get("country")), state=as_text(block.get("state")))


def _web_address(value: Json) -> str | None:
    text = as_text(value)
    return text if text is not None and text.startswith(("https://", "http://")) else None
