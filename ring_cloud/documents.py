"""JSON:API documents of users, devices, locations and subscriptions."""

from collections.abc import Collection, Iterable, Mapping

from .clock import Clock, iso_time
from .device_documents import attributes_of, rewritten
from .model import Account, Device, Location, Subscription
from .switches import Switches
from .values import Json, JsonObject

SUB_RESOURCES = ("status", "capabilities", "configurations")
INCLUDES = ("location", *SUB_RESOURCES)


def meta(clock: Clock) -> JsonObject:
    """Return what every document says of itself."""
    return {"time": iso_time(clock.time())}


def user(account: Account) -> JsonObject:
    """Return the user; live answers had no phone number."""
    attributes = {"first_name": account.first_name, "last_name": account.last_name, "email": account.email}
    return {"data": {"type": "users", "id": account.id, "attributes": attributes}}


def location(place: Location) -> JsonObject:
    """Return a location: country, and a state where the country has them."""
    state = {"state": place.state} if place.state else {}
    return {"type": "locations", "id": place.id, "attributes": {**state, "country": place.country}}


def sub_resource(device: Device, kind: str, switches: Switches, attributes: JsonObject | None = None) -> JsonObject:
    """Return a device's status, capabilities or configurations, or given attributes of one of its lenses."""
    if attributes is None:
        shown = attributes_of(device, kind, switches)
    else:
        shown = rewritten(device, kind, attributes, switches)
    return {"type": f"device-{kind}", "id": device.resource_ids[kind], "attributes": shown}


def _device(device: Device) -> JsonObject:
    attributes: dict[str, Json] = {"name": device.name}
    if device.family.image_url:
        attributes["image_url"] = device.family.image_url
    identifiers = {kind: (f"device-{kind}", device.resource_ids[kind]) for kind in SUB_RESOURCES}
    identifiers["location"] = ("locations", device.location.id)
    relationships = {
        name: {
            "data": {"type": type_, "id": identifier},
            "links": {"related": f"/v1/devices/{device.id}/{name}"},
        }
        for name, (type_, identifier) in identifiers.items()
    }
    return {"type": "devices", "id": device.id, "attributes": attributes, "relationships": relationships}


def _included(devices: Iterable[Device], include: Collection[str], switches: Switches) -> list[JsonObject]:
    """Return each resource once, however many devices share it."""
    resources: dict[tuple[Json, Json], JsonObject] = {}
    for kind in INCLUDES:
        if kind not in include:
            continue
        for device in devices:
            resource = location(device.location) if kind == "location" else sub_resource(device, kind, switches)
            resources[resource["type"], resource["id"]] = resource
    return list(resources.values())


def device_list(clock: Clock, devices: Collection[Device], include: Collection[str], switches: Switches) -> JsonObject:
    """Return the list of devices with what is to be included."""
    document: JsonObject = {"meta": meta(clock), "data": [_device(device) for device in devices]}
    return _with_included(document, devices, include, switches)


def single_device(clock: Clock, device: Device, include: Collection[str], switches: Switches) -> JsonObject:
    """Return one device with what is to be included."""
    return _with_included({"meta": meta(clock), "data": _device(device)}, [device], include, switches)


def _with_included(
    document: Mapping[str, Json], devices: Collection[Device], include: Collection[str], switches: Switches
) -> JsonObject:
    return {**document, "included": _included(devices, include, switches)} if include else document


def subscription(item: Subscription, now: float) -> JsonObject:
    """Return a subscription; a trial has no plan."""
    return {
        "id": item.id,
        "type": "subscriptions",
        "attributes": {
            "sub_type": item.sub_type,
            "status": item.status(now),
            "plan_id": item.plan_id,
            "expires_at": iso_time(item.expires_at),
            "created_at": iso_time(item.created_at),
        },
        "relationships": {"devices": {"data": [{"type": "devices", "id": device_id} for device_id in item.device_ids]}},
    }
