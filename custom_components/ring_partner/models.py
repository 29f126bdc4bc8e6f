"""What a config entry carries while it is loaded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from homeassistant.config_entries import ConfigEntry

from .api import Device, RingClient, Subscription
from .events import Activity

if TYPE_CHECKING:
    from .activity import ActivityLog
    from .clips import Clips
    from .coordinator import RingCoordinator
    from .live import LiveViews
    from .media import Pictures
    from .recordings import Recordings
    from .session import RingSession

type RingConfigEntry = ConfigEntry[RingRuntimeData]


@dataclass(frozen=True, slots=True)
class RingRuntimeData:
    """The working parts of one linked account."""

    client: RingClient
    session: RingSession
    coordinator: RingCoordinator
    activity: ActivityLog
    pictures: Pictures
    clips: Clips
    recordings: Recordings
    live: LiveViews


class DeliveryMode(StrEnum):
    """How events reach us."""

    WAITING = "waiting"
    """Nothing has been pushed yet; until then the history is asked."""
    PUSHED = "pushed"
    POLLED = "polled"
    """Pushes do not arrive, or cannot: the history is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What is known of Ring's webhooks since the account was set up."""

    mode: DeliveryMode = DeliveryMode.POLLED
    accepted: int = 0
    refused: int = 0
    duplicates: int = 0
    last_event_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What is known of the link itself."""

    token_expires_at: datetime
    scopes: frozenset[str]
    link_status: str | None = None
    subscriptions: tuple[Subscription, ...] | None = None
    """None until they have been read; empty for an app without plans."""
    requests_left: int | None = None
    delivery: Delivery = Delivery()

    @property
    def subscription(self) -> Subscription | None:
        """The one that counts: an active one, if there is any."""
        return min(self.subscriptions or (), key=lambda item: item.status != "active", default=None)


@dataclass(frozen=True, slots=True)
class RingData:
    """The whole state of an account."""

    account: Account
    devices: Mapping[str, Device]
    activity: Mapping[str, Activity] = field(default_factory=dict)
