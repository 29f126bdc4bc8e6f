"""What Home Assistant should show of each family of devices in the Ring cloud."""

from collections.abc import Iterator, Mapping

from .clients import Document

# For every family the entities that a user sees without switching anything on, by the last part of their unique id
# (an event entity may share it with another: see `key_of`).
_CAMERA = "connectivity motion_detection e2e_encryption motion motion_event last_motion"
ENTITIES: Mapping[str, str] = {
    "doorbell": f"{_CAMERA} camera last_event doorbell_event last_ring resolution volume",
    "camera": f"{_CAMERA} camera last_event resolution volume",
    "multi_camera": f"{_CAMERA} volume 1_camera 2_camera 1_last_event 2_last_event 1_resolution 2_resolution",
    "plain_camera": f"{_CAMERA} camera last_event resolution",
    "chime": "connectivity volume sound_ring-appstore-event-1 sound_ring-appstore-event-2",
    "contact": "connectivity contact tamper battery signal_strength",
    "new_sensor": "connectivity contact tamper",
    "flood_freeze": "connectivity flood freeze tamper battery signal_strength",
    "mains_sensor": "connectivity flood tamper signal_strength",
    "temperature_humidity": "connectivity temperature humidity tamper battery signal_strength",
    "air_quality": "connectivity temperature humidity pm25 co_concentration signal_strength",
    "smoke_co_listener": "connectivity smoke co tamper battery signal_strength",
    "glass_break": "connectivity glass_break tamper battery signal_strength",
    "future": "connectivity signal_strength",
}
# What Ring does not know yet: a sensor that has never reported. A button is unknown until it is pressed, and
# unavailable while the user has its sound switched off.
UNKNOWN = {("new_sensor", key) for key in ("contact", "tamper", "battery", "signal_strength")} | {
    ("chime", f"sound_ring-appstore-event-{number}") for number in (1, 2)
}
# What nobody knows before it has happened.
EVENTS = {"doorbell_event", "motion_event", "last_motion", "last_ring", "last_event"}
ACCOUNT = ("link_status", "token_expires", "subscription", "delivery")


def is_event(key: str) -> bool:
    """Whether an entity has no value before something has happened, by its device's id and its own key."""
    return key.endswith(tuple(f"_{event}" for event in EVENTS))


def key_of(entity: Document) -> str:
    """Return the unique id of a registered entity, as DEVICE_KEY or DEVICE_LENS_KEY: the demo has one account.

    That of an event entity is told apart from a sensor's.
    """
    unique_id: str = entity["unique_id"]
    key = unique_id.partition("~")[2].replace("~", "_") or unique_id
    return f"{key}_event" if entity["entity_id"].startswith("event.") else key


def readings(device: Document) -> Mapping[str, object]:
    """Return what the cloud says of a device, under the names the entities have."""
    controls = {control["key"]: control["value"] for control in device["controls"]}
    return controls | {"connectivity": device["online"], "e2e_encryption": device["e2ee"]}


def faults(device: Document, states: Mapping[str, str]) -> Iterator[str]:
    """Say what is wrong with the states of a device, given by the last part of the entities' unique ids."""
    expected = ENTITIES[device["family"]].split()
    told = readings(device)
    for key in expected:
        if key not in states:
            yield f"{key} is missing"
        elif (device["family"], key) not in UNKNOWN and key in told and not _same(told[key], states[key]):
            yield f"{key} is {states[key]}, and {told[key]} at Ring"
    for key, state in states.items():
        is_early = is_event(f"_{key}") and state == "unknown"
        if state in {"unknown", "unavailable"} and not is_early and (device["family"], key) not in UNKNOWN:
            yield f"{key} is {state}"


def _same(value: object, state: str) -> bool:
    if isinstance(value, bool):
        return state == ("on" if value else "off")
    if isinstance(value, int | float):
        try:
            return float(state) == value
        except ValueError:
            return False
    return state == value
