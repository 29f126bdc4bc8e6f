"""Pictures as they are kept: a file that also says whose moment it shows."""

from dataclasses import dataclass
from datetime import datetime
import json
from typing import Any

from .api import Picture, RingMediaError
from .events import Kind, RingEvent, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class LastPicture:
    """The still of the last event, and what it was."""

    picture: Picture
    event: RingEvent

    @property
    def at(self) -> datetime:
        """When it happened."""
        return self.event.at


def packed(picture: Picture, event: RingEvent | None = None) -> bytes:
    """Return a picture as a file: a line about it, then what Ring sent."""
    about: dict[str, Any] = {"at": picture.at and picture.at.isoformat(), "origin": picture.origin}
    if event is not None:
        about["event"] = {
            "device_id": event.device_id,
            "kind": event.kind,
            "at": event.at.isoformat(),
            "source": event.source,
            "sub_type": event.sub_type,
            "event_id": event.event_id,
            "component_ids": event.component_ids,
        }
    return json.dumps(about).encode() + b"\n" + picture.body


def unpacked(data: bytes) -> tuple[Picture, RingEvent | None] | None:
    """Read what `packed` wrote; a file that was damaged is none."""
    head, _, body = data.partition(b"\n")
    try:
        about = json.loads(head)
        at = about["at"] and datetime.fromisoformat(about["at"])
        picture = Picture.read(body, at, about["origin"])
        if (event := about.get("event")) is None:
            return picture, None
        event |= {
            "kind": Kind(event["kind"]),
            "at": datetime.fromisoformat(event["at"]),
            "source": Source(event["source"]),
            "component_ids": tuple(event["component_ids"]),
        }
        return picture, RingEvent(**event)
    except ValueError, TypeError, KeyError, AttributeError, RingMediaError:
        return None
