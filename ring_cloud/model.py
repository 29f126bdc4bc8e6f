"""Accounts, devices, partner apps and the links between them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import override

from .clock import Clock, iso_time
from .controls import CONTROLS
from .families import Family, Permission
from .ids import resource_id
from .values import InputError, Json, JsonObject, UnknownError, Value

EPOCH = 0.0
_FIRST_REPORT_BRINGS = frozenset({"battery", "signal_strength"})
_RESOURCES = ("status", "capabilities", "configurations")


@dataclass(frozen=True, slots=True)
class Location:
    """Where a device is, as coarse as Ring tells."""

    id: str
    country: str
    state: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """The app's own paid plan or trial (not Ring Protect)."""

    id: str
    sub_type: str
    created_at: float
    expires_at: float
    plan_id: str | None = None
    device_ids: tuple[str, ...] = ()
    client_id: str | None = None
    """The app whose plan it is; None: every app has one like it."""
    end_told: bool = False

    def is_of(self, client_id: str) -> bool:
        """Say whether it is a plan of this app."""
        return self.client_id in (None, client_id)

    def status(self, now: float) -> str:
        """Return `active` until it ends."""
        return "active" if now < self.expires_at else "inactive"


type Readings = Mapping[str, Value]


class Device:
    """A device of an account; `on_change` hears what was and what is."""

    # On the class, so that a pickled device leaves the cloud behind that listened to it.
    on_change: Callable[[Device, Readings, Readings], None] | None = None

    def __init__(self, clock: Clock, family: Family, name: str, location: Location) -> None:
        self.id = resource_id("device")
        self.name = name
        self.family = family
        self.location = location
        self.online = True
        self.e2ee = False
        self.values: dict[str, Value] = dict(family.controls)
        self.resource_ids = {kind: resource_id(f"device.{kind}") for kind in _RESOURCES}
        self._clock = clock
        self._reported_at = EPOCH if family.starts_silent else clock.time()

    def set(self, **changes: object) -> None:
        """Change the name, `online`, `e2ee` or any control of the family; all of it or nothing."""
        parsed = {key: self._parse(key, value) for key, value in changes.items()}
        # Going offline keeps the time of the last heartbeat; another reading means that the device has just spoken.
        self._reported_at = self._clock.time() if parsed.keys() & self.values.keys() else self.reported_at
        before = self.readings()
        for key, value in parsed.items():
            if key in self.values:
                self.values[key] = value
            else:
                setattr(self, key, value)
        if self.on_change:
            self.on_change(self, before, self.readings())

    def readings(self) -> Readings:
        """Return every value that an event may tell of."""
        return {"online": self.online, **self.values}

    @override
    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in self.__dict__.items() if key != "on_change"}

    def _parse(self, key: str, value: object) -> Value:
        if key in self.values:
            return CONTROLS[key].parse(value)
        if key == "name" and isinstance(value, str) and value.strip() and value.isprintable() and len(value) <= 200:
            return value
        if key == "online" and isinstance(value, bool):
            return value
        if key == "e2ee" and isinstance(value, bool) and (self.family.can_encrypt or not value):
            return value
        raise InputError(f"{self.name!r} ({self.family.label}) cannot take this value for {key!r}")

    @property
    def reported_at(self) -> float:
        """Return when the device last spoke; while it is online its heartbeat counts."""
        if not self.online or self._reported_at == EPOCH:
            return self._reported_at
        beats = (self._clock.time() - self._reported_at) // self.family.heartbeat
        return self._reported_at + max(0.0, beats) * self.family.heartbeat

    def document(self, kind: str) -> dict[str, Json]:
        """Return the attributes of the device's status, capabilities or configurations."""
        attributes: dict[str, Json] = dict(self.family.document(kind))
        if kind == "status":
            attributes = self._common_status() | attributes
        for key, value in self.values.items():
            document, block, member = CONTROLS[key].path
            if document == kind and not (self._reported_at == EPOCH and key in _FIRST_REPORT_BRINGS):
                present = attributes.get(block)
                members = dict(present) if isinstance(present, Mapping) else {}
                attributes[block] = members | {member: CONTROLS[key].encode(value)}
        return attributes

    def _common_status(self) -> dict[str, Json]:
        return {
            "audio": {"snooze": {"active": None, "until": None}},
            "online": self.online,
            "reported_at": iso_time(self.reported_at, milliseconds=self.reported_at % 1 != 0),
            "state": None,
        }

    def component(self, kind: str, component_id: str) -> JsonObject | None:
        """Return the attributes of one lens of a multi-camera device, or None if there is no such lens."""
        whole = self.document(kind)
        components = whole.pop("components", None)
        items = components.get("items") if isinstance(components, Mapping) else None
        for item in items if isinstance(items, list) else ():
            if isinstance(item, Mapping) and item.get("component_id") == component_id:
                return whole | {key: value for key, value in item.items() if key != "component_id"}
        return None


class Account:
    """A Ring account: a person and the devices."""

    def __init__(
        self, clock: Clock, first_name: str, last_name: str, email: str, location: Location | None = None
    ) -> None:
        self.id = resource_id("account")
        self.first_name = first_name
        self.last_name = last_name
        self.email = email
        self.location = location or Location(resource_id("location"), "US", "CA")
        self.devices: list[Device] = []
        self.subscriptions: list[Subscription] = []
        self._clock = clock

    def device(self, name: str) -> Device:
        """Return the device with this name or id."""
        for device in self.devices:
            if name in (device.name, device.id):
                return device
        raise UnknownError("there is no such device")

    def add_subscription(
        self, sub_type: str = "paid", *, days: float = 31, client_id: str | None = None
    ) -> Subscription:
        """Add a subscription of so many days for all devices the account has now, to one app or to every one."""
        created = self._clock.time()
        subscription = Subscription(
            id=resource_id("subscription"),
            sub_type=sub_type,
            created_at=created,
            expires_at=created + days * 86400,
            plan_id="04666ddc-0000-4000-8000-000000000001" if sub_type == "paid" else None,
            device_ids=tuple(device.id for device in self.devices),
            client_id=client_id,
        )
        self.subscriptions.append(subscription)
        return subscription

    def end_subscription(self, subscription: Subscription) -> Subscription:
        """End a subscription now; return what it is from now on."""
        expires_at = min(subscription.expires_at, self._clock.time())
        ended = replace(subscription, expires_at=expires_at, end_told=True)
        self.subscriptions[self.subscriptions.index(subscription)] = ended
        return ended

    def run_out(self) -> list[Subscription]:
        """Return the subscriptions that have run out since this was last asked."""
        now = self._clock.time()
        over = [item for item in self.subscriptions if not item.end_told and item.expires_at <= now]
        return [self.end_subscription(item) for item in over]

    def next_end(self) -> float | None:
        """Return when the next subscription runs out."""
        return min((item.expires_at for item in self.subscriptions if not item.end_told), default=None)


@dataclass(slots=True, kw_only=True, eq=False)
class App:
    """A partner app as its developer registered it in the portal."""

    client_id: str
    name: str = ""
    client_secret: str = field(default="", repr=False)
    signing_key: str = field(default="", repr=False)
    token_exchange_url: str = ""
    account_link_url: str = ""
    webhook_url: str = ""
    homepage_url: str = ""
    redirect_uris: tuple[str, ...] = ()
    unlink_allowed: bool = False
    partner_allowlisted: bool = True
    permissions: frozenset[Permission] = frozenset(Permission)


class Flow(StrEnum):
    """How a grant came to be."""

    ONE_WAY = "one_way"
    PARTNER = "partner"
    PLAYGROUND = "playground"


class LinkStatus(StrEnum):
    """How far a link has come."""

    NONE = "none"
    UNCLAIMED = "unclaimed"
    AWAITING = "awaiting"
    COMPLETED = "completed"


@dataclass(slots=True, eq=False)
class Link:
    """An account that enabled an app: the integration, and the devices shared with it."""

    account: Account
    app: App
    flow: Flow
    device_ids: set[str]
    status: LinkStatus = LinkStatus.UNCLAIMED
    nonce: str | None = field(default=None, repr=False)
    nonce_expires_at: float = 0
    confirmed_ms: int = 0
    """The time in the newest linking URL."""
    claimed: bool = False
    consented_at: float | None = None
    account_identifier: str | None = None

    def devices(self) -> Iterable[Device]:
        """Return what the app may see: shared and claimed.

        The nonce opens the devices; what they have recorded is only seen from the consent on.
        """
        if self.consented_at is None and not (self.claimed and self.flow is Flow.ONE_WAY):
            return ()
        return (device for device in self.account.devices if device.id in self.device_ids)
