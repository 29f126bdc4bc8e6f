"""Constants of the Ring Partner integration."""

from datetime import timedelta
from enum import StrEnum
from typing import Final

DOMAIN: Final = "ring_partner"
MANUFACTURER: Final = "Ring"
DEVELOPER_PORTAL_URL: Final = "https://developer.amazon.com/ring/console/apps"
# Below the documentation's URL in the manifest.
TUNNEL_DOCS: Final = "blob/main/docs/linking.md#without-a-public-url"
PLAYGROUND_URL: Final = "https://developer.amazon.com/ring/console/playground"

CONF_IMPLEMENTATION: Final = "auth_implementation"
CONF_LINK_METHOD: Final = "link_method"
CONF_SIGNING_KEY: Final = "signing_key"
CONF_WEBHOOK_URL: Final = "webhook_url"
CONF_PUBLIC_URL: Final = "public_url"
CONF_TEMPORARY_URL: Final = "temporary_url"
CONF_LINKED_AT: Final = "linked_at"
CONF_REFRESH_TOKEN: Final = "refresh_token"
CONF_ACCOUNT: Final = "account"

OPTION_POLLING_INTERVAL: Final = "polling_interval"
OPTION_DOORBELLS: Final = "doorbells"

DEFAULT_POLLING_SECONDS: Final = 60
MIN_POLLING_SECONDS: Final = 30
MAX_POLLING_SECONDS: Final = 900
# Once Ring's webhooks are known to arrive, polling only confirms.
PUSHED_POLLING_SECONDS: Final = 900
# How often the history of a camera is asked whether anything was not pushed, and that of a doorbell.
RECONCILE_SECONDS: Final = 3600
RECONCILE_DOORBELL_SECONDS: Final = 600

OPTION_MOTION_HOLD: Final = "motion_hold"
DEFAULT_MOTION_HOLD_SECONDS: Final = 30
MIN_MOTION_HOLD_SECONDS: Final = 5
MAX_MOTION_HOLD_SECONDS: Final = 600

OPTION_CACHE_MEGABYTES: Final = "cache_megabytes"
DEFAULT_CACHE_MEGABYTES: Final = 500
MIN_CACHE_MEGABYTES: Final = 50
MAX_CACHE_MEGABYTES: Final = 50_000
OPTION_CACHE_DAYS: Final = "cache_days"
DEFAULT_CACHE_DAYS: Final = 30
MAX_CACHE_DAYS: Final = 180

# A device that only hides (end-to-end encryption switched on) keeps its settings for a day.
STALE_AFTER: Final = timedelta(days=1)
# What changes rarely: the subscription, and the reminder that the link is complete.
ACCOUNT_INTERVAL: Final = timedelta(days=1)
ACCOUNT_RETRY: Final = timedelta(minutes=15)

ISSUE_SCOPE: Final = "out_of_scope"


class LinkMethod(StrEnum):
    """How an account came to be linked; it decides what reauthentication asks for."""

    RING_APP = "ring_app"
    PARTNER = "partner"
    TOKENS = "tokens"
    PLAYGROUND = "playground"


class PermissionGroup(StrEnum):
    """The groups of permissions that Ring's developer portal lets an app ask for."""

    CAMERAS = "cameras"
    SENSORS = "sensors"
    CHIMES = "chimes"
