"""What Ring knows of an account, parsed once, frozen, and typed.

Wherever Ring says nothing, null, or nonsense, the one value is None (or empty) and everything else stands.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from .linking import mask_identifier


class Feature(StrEnum):
    """What a device has: Ring reports it as a capability, or reports its state."""

    VIDEO = "video"
    MOTION_DETECTION = "motion_detection"
    MOTION_ZONES = "motion_zones"
    PRIVACY_ZONES = "privacy_zones"
    NIGHT_VISION = "night_vision"
    HDR = "hdr"
    IR_LED = "ir_led"
    AUTO_ZOOM = "auto_zoom"
    E2E_ENCRYPTION = "e2e_encryption"
    VOLUME = "volume"
    CHIME = "chime"
    CONTACT = "contact"
    TAMPER = "tamper"
    FLOOD = "flood"
    FREEZE = "freeze"
    SMOKE = "smoke"
    CO = "co"
    GLASS_BREAK = "glass_break"
    BATTERY = "battery"
    SIGNAL_STRENGTH = "signal_strength"
    TEMPERATURE = "temperature"
    HUMIDITY = "humidity"
    PM25 = "pm25"
    CO_CONCENTRATION = "co_concentration"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """The Ring account: `id` is its stable key, also in webhooks and nonces."""

    id: str
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None

    @property
    def masked_email(self) -> str | None:
        """The e-mail address as it may be shown: `j***e@example.com`."""
        return None if self.email is None else mask_identifier(self.email)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A value in the unit Ring names; temperature units read °C or °F however Ring spells them."""

    value: float
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStatus:
    """How a device is now."""

    online: bool | None = None
    reported_at: datetime | None = None
    contact_open: bool | None = None
    tampered: bool | None = None
    flooded: bool | None = None
    frozen: bool | None = None
    smoke: bool | None = None
    co: bool | None = None
    glass_broken: bool | None = None
    battery: int | None = None
    """Percent; None also for Ring's 255, which means mains power."""
    signal_strength: str | None = None
    temperature: Measurement | None = None
    humidity: float | None = None
    """Percent."""
    pm25: float | None = None
    """Micrograms per cubic metre."""
    co_concentration: float | None = None
    """Parts per million."""
    reporting_state: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoCapability:
    """What a camera can record; resolutions are picture heights in pixels."""

    codecs: tuple[str, ...] = ()
    ratio: str | None = None
    max_resolution: int | None = None
    supported_resolutions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One camera of a device that has several."""

    component_id: str
    video: VideoCapability | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCapabilities:
    """What a device can do; it rarely changes."""

    video: VideoCapability | None = None
    motion_detection: frozenset[str] = frozenset()
    """Names of what can be set up, such as `motion_zones`."""
    image_enhancements: frozenset[str] = frozenset()
    """Names of what can be set up, such as `hdr`."""
    chime_slots: int | None = None
    supported_actions: frozenset[str] = frozenset()
    """What the device's speaker can be asked to do, such as `chime.play`."""
    components: tuple[Component, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A polygon in the picture: `vertices` are (x, y) from 0 to 1, from the top left corner."""

    id: str | None = None
    vertices: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChimeSlot:
    """A place for a sound of this app on a chime; `audio_ref` is what playing it needs."""

    event: str | None = None
    disabled: bool | None = None
    audio_ref: str | None = None
    audio_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceConfigurations:
    """How the user has set a device up in the Ring app; a partner can only read it."""

    motion_detection: bool | None = None
    motion_zones: tuple[Zone, ...] | None = None
    privacy_zones: tuple[Zone, ...] | None = None
    color_night_vision: bool | None = None
    hdr: bool | None = None
    ir_led_night_vision: bool | None = None
    auto_zoom_track: bool | None = None
    volume: int | None = None
    chime_slots: tuple[ChimeSlot, ...] = ()
    e2e_encryption: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where a device is; Ring tells nothing finer."""

    country: str | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One Ring device. Ring names no kind and no model: what it is follows from its `features`."""

    id: str
    name: str | None = None
    image_url: str | None = None
    model: str | None = None
    """A hint: the folder of the picture, which Ring does not document."""
    status: DeviceStatus = field(default_factory=DeviceStatus)
    capabilities: DeviceCapabilities = field(default_factory=DeviceCapabilities)
    configurations: DeviceConfigurations = field(default_factory=DeviceConfigurations)
    location: Location | None = None
    features: frozenset[Feature] = frozenset()
    unknown_keys: frozenset[str] = frozenset()
    """Names such as `status.radon` that this package does not know, for diagnostics; never their values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """The Ring user's plan for this app, which is not Ring Protect."""

    id: str
    sub_type: str | None = None
    """`paid` or `trial`."""
    status: str | None = None
    """`active` or `inactive`."""
    plan_id: str | None = None
    expires_at: datetime | None = None
    created_at: datetime | None = None
    device_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AppIntegration:
    """The link as Ring sees it: `awaiting` delivers nothing yet, `completed` does."""

    status: str
    account_identifier: str | None = None
    updated_at: datetime | None = None
