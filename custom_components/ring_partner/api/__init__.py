"""An asyncio client of Ring's Partner API (the "Amazon Vision API"). It knows nothing of Home Assistant."""

from .auth import AbstractAuth, OAuthClient, StaticAuth, Token
from .client import RateLimit, RingClient
from .errors import (
    RingAuthError,
    RingClientCredentialsError,
    RingError,
    RingForbiddenError,
    RingNotFoundError,
    RingRateLimitError,
    RingRequestError,
    RingUnavailableError,
)
from .events import HistoryEvent, WebhookEvent, parse_webhook
from .hosts import RingHosts
from .linking import compute_nonce, is_fresh, mask_identifier, nonce_matches
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
from .transport import VERSION
from .webhook import verify_signature

__all__ = [
    "VERSION",
    "AbstractAuth",
    "AppIntegration",
    "ChimeSlot",
    "Component",
    "Device",
    "DeviceCapabilities",
    "DeviceConfigurations",
    "DeviceStatus",
    "Feature",
    "HistoryEvent",
    "Location",
    "Measurement",
    "OAuthClient",
    "RateLimit",
    "RingAuthError",
    "RingClient",
    "RingClientCredentialsError",
    "RingError",
    "RingForbiddenError",
    "RingHosts",
    "RingNotFoundError",
    "RingRateLimitError",
    "RingRequestError",
    "RingUnavailableError",
    "StaticAuth",
    "Subscription",
    "Token",
    "User",
    "VideoCapability",
    "WebhookEvent",
    "Zone",
    "compute_nonce",
    "is_fresh",
    "mask_identifier",
    "nonce_matches",
    "parse_webhook",
    "verify_signature",
]
