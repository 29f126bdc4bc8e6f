"""What happens, and the webhook that tells of it, byte for byte."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
import json
import secrets
import uuid

from .clock import iso_time
from .families import Family, Permission
from .model import Account, Device, Subscription
from .switches import Envelope, RequestIds, SubTypePlace, Switches, ThresholdReading
from .values import Json, JsonObject, Value

MOTION = "motion_detected"
PRESS = "button_press"
LIVE_VIEW = "on_demand"
ADDED = "device_added"
REMOVED = "device_removed"
INTEGRATION_ADDED = "app_integration_added"
INTEGRATION_REMOVED = "app_integration_removed"
SUBSCRIBED = "subscription_activated"
UNSUBSCRIBED = "subscription_deactivated"

# Ring's cloud says these of a device, whether or not the device itself can say anything.
ABOUT_A_DEVICE = frozenset({ADDED, REMOVED, "device_online", "device_offline"})

# What a change of a reading is called: when it becomes true, and when it becomes false.
_FLAGS: Mapping[str, tuple[str, str]] = {
    "online": ("device_online", "device_offline"),
    "contact": ("contact_sensor_faulted", "contact_sensor_cleared"),
    "tamper": ("tamper_detected", "tamper_cleared"),
    "flood": ("flood_detected", "flood_cleared"),
    "freeze": ("freeze_detected", "freeze_cleared"),
    "smoke": ("smoke_detected", "smoke_cleared"),
    "co": ("co_detected", "co_cleared"),
    "glass_break": ("glass_break_detected", "glass_break_cleared"),
}
# Outside these limits a reading has "exceeded", as if somebody had set them in the Ring app.
LIMITS: Mapping[str, tuple[str, float, float]] = {
    "temperature": ("temperature", 5, 32),
    "humidity": ("humidity", 20, 70),
    "pm25": ("pm25", 0, 35),
    "co_concentration": ("co", 0, 35),
}
_EXCEEDED, _CLEARED = "exceeded", "cleared"
_UNITS: Mapping[str, str] = {"temperature": "celsius", "humidity": "percent", "pm25": "ug/m3", "co": "ppm"}
# What a press and what becomes of a link are called in ids, as far as was recorded.
_PRESS_IN_ID = "ding"
_CLIENT_IN_ID: Mapping[str, str] = {INTEGRATION_ADDED: "client_created", INTEGRATION_REMOVED: "client_deleted"}
_MAX_REQUEST_ID = 64
# Seconds from an event to its webhook. Of a press and of a flood they were recorded, of a camera's motion claimed.
_LAGS: Mapping[str, tuple[float, float]] = {PRESS: (0.33, 0.33), MOTION: (2, 5)}
_SENSOR_LAG = (2.3, 2.9)
_STEPS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened: at a device, or to the account."""

    type: str
    account: Account
    timestamp_ms: int
    device: Device | None = None
    sub_type: str | None = None
    component_ids: tuple[str, ...] = ()
    subscription: Subscription | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """Something a person can do in front of a device, or with it."""

    label: str
    type: str
    sub_type: str | None = None

    def describe(self) -> JsonObject:
        """Return the action for the page."""
        return {"label": self.label, "type": self.type, "sub_type": self.sub_type}


_RING = Action("Ring the bell", PRESS)
_AT_A_CAMERA = (
    Action("Person", MOTION, "human"),
    Action("Vehicle", MOTION, "vehicle"),
    Action("Package", MOTION, "package"),
    Action("Package delivery", MOTION, "package_delivery"),
    Action("Animal", MOTION, "animal"),
    Action("Other", MOTION, "other_motion"),
    Action("Something not yet invented", MOTION, "hot_air_balloon"),
    Action("Start live view", LIVE_VIEW),
)
# Nothing tells what the camera without a picture is: it may well have a bell.
_WITH_A_BELL = frozenset({"doorbell", "plain_camera"})


def actions(family: Family) -> Sequence[Action]:
    """Return what can be done at a device of this family; what sensors notice are their controls."""
    if family.permission is not Permission.CAMERAS:
        return ()
    return (_RING, *_AT_A_CAMERA) if family.key in _WITH_A_BELL else _AT_A_CAMERA


def of_change(before: Mapping[str, Value], after: Mapping[str, Value]) -> Iterator[str]:
    """Return the events that a change of a device's readings makes, the connection's first."""
    for key, (became_true, became_false) in _FLAGS.items():
        if key in after and bool(after[key]) != bool(before[key]):
            yield became_true if after[key] else became_false
    for key, (word, low, high) in LIMITS.items():
        if key in after:
            was, now = (low <= float(values[key]) <= high for values in (before, after))
            if was != now:
                yield f"{word}_{_CLEARED}" if now else f"{word}_{_EXCEEDED}"


def recorded_lag(event: Event) -> float:
    """Return how many seconds after the event its webhook leaves, as was recorded of its type."""
    is_sensor = event.device is not None and event.device.family.permission is Permission.SENSORS
    low, high = _LAGS.get(event.type, _SENSOR_LAG if is_sensor and event.type not in ABOUT_A_DEVICE else (0, 0))
    return low + (high - low) * (event.timestamp_ms % _STEPS) / (_STEPS - 1)


def compose(event: Event, switches: Switches, now: float, account_id: str, client_id: str = "") -> tuple[str, bytes]:
    """Return the request id and the body of the webhook to an app."""
    request_id = _request_id(event, RequestIds(switches.request_ids))
    # Ring's samples of subscriptions have whole seconds, all others nanoseconds.
    time = iso_time(now) if event.subscription is not None else _nanoseconds(now)
    version = Envelope(switches.envelope)
    meta: dict[str, Json] = {"version": version, "time": time, "request_id": request_id}
    if version is Envelope.V1_1:
        meta["account_id"] = account_id
    document = {"meta": meta, "data": _data(event, switches, account_id, client_id)}
    return request_id, json.dumps(document, separators=(",", ":")).encode()


def _request_id(event: Event, style: RequestIds) -> str:
    """Return the id of a delivery, which is the same for all of its attempts; that of a sensor's is no UUID."""
    device = event.device
    if device is None or device.family.permission is not Permission.SENSORS or style is RequestIds.UUID:
        return str(uuid.uuid4())
    # Cut from the device's id, the ids of its events are all the same.
    start = device.id if style is RequestIds.CUT else secrets.token_hex(20)
    return f"{start}_{event.type}_{event.timestamp_ms}"[:_MAX_REQUEST_ID]


def _nanoseconds(epoch: float) -> str:
    # A float holds no nanoseconds: the last digits are made up, as clients must not trip over them.
    nanoseconds = int(epoch % 1 * 1_000_000) * 1000 + secrets.randbelow(1000)
    return f"{iso_time(int(epoch))[:-1]}.{nanoseconds:09}Z"


def _data(event: Event, switches: Switches, account_id: str, client_id: str) -> JsonObject:
    if event.device is not None:
        return _of_device(event, event.device, switches)
    if event.subscription is not None:
        return _of_subscription(event.type, event.subscription)
    attributes: JsonObject = {"source": account_id, "source_type": "users", "timestamp": event.timestamp_ms}
    nanoseconds = event.timestamp_ms * 1_000_000 + secrets.randbelow(1_000_000)
    event_id = f"{client_id}_{_CLIENT_IN_ID[event.type]}_{nanoseconds}"
    return {"id": event_id, "type": event.type, "attributes": attributes}


def _of_device(event: Event, device: Device, switches: Switches) -> JsonObject:
    place = SubTypePlace(switches.sub_type_place)
    attributes: dict[str, Json] = {
        "source": device.id,
        "source_type": "devices",
        "timestamp": event.timestamp_ms,
    }
    shown = place if event.sub_type else SubTypePlace.NONE
    in_id = event.sub_type if shown is not SubTypePlace.NONE else _PRESS_IN_ID if event.type == PRESS else event.type
    data: dict[str, Json] = {"id": f"{device.id}_{in_id}_{event.timestamp_ms}", "type": event.type}
    if shown in (SubTypePlace.DATA, SubTypePlace.BOTH):
        data["subType"] = event.sub_type
    if shown in (SubTypePlace.ATTRIBUTES, SubTypePlace.BOTH):
        attributes["sub_type"] = event.sub_type
    if event.component_ids:
        attributes["component_ids"] = event.component_ids
    attributes.update(_reading(event, device, ThresholdReading(switches.threshold_reading)))
    data["attributes"] = attributes
    data["relationships"] = {"devices": {"links": {"self": f"/v1/devices/{device.id}"}}}
    return data


def _reading(event: Event, device: Device, style: ThresholdReading) -> JsonObject:
    """Return what a webhook of a threshold tells of the reading and of the limit that it passed."""
    for key, (word, low, high) in LIMITS.items():
        if style is not ThresholdReading.NONE and event.type in (f"{word}_{_EXCEEDED}", f"{word}_{_CLEARED}"):
            value = float(device.values.get(key, high + 1))
            reading: Json = {"value": value, "unit": _UNITS[word]} if style is ThresholdReading.BLOCK else value
            return {word: reading, "threshold_type": "min" if value < (low + high) / 2 else "max"}
    return {}


def _of_subscription(event_type: str, subscription: Subscription) -> JsonObject:
    attributes: dict[str, Json] = {
        "source": "subscriptions",
        "source_id": subscription.id,
        "sub_type": subscription.sub_type,
        "plan_id": subscription.plan_id,
    }
    if event_type == SUBSCRIBED:
        attributes["expires_at"] = iso_time(subscription.expires_at)
    relationships: JsonObject = {
        "devices": {"data": [{"type": "device", "id": device_id} for device_id in subscription.device_ids]},
        "subscriptions": {"links": {"self": "/v1/accounts/me/subscriptions"}},
    }
    data: JsonObject = {"id": str(uuid.uuid4()), "type": event_type, "attributes": attributes}
    return {**data, "relationships": relationships}
