"""What the media browser says of recordings, in Home Assistant's language."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .events import Kind
from .recordings import Recording

_WEEK: Final = timedelta(days=7)
_PREFIX: Final = f"component.{DOMAIN}.common."
_KINDS: Final[Mapping[Kind | None, str]] = {Kind.MOTION: "motion", Kind.RING: "ring", None: "live_view"}
_SUB_TYPES: Final[Mapping[str | None, str]] = {
    "human": "person",
    "vehicle": "vehicle",
    "animal": "animal",
    "package": "package",
}


@dataclass(frozen=True, slots=True)
class MediaTexts:
    """The words for days, kinds and lengths.

    A card of the media browser shows about twenty letters: what tells two of them apart comes first.
    """

    words: Mapping[str, str]

    def __getitem__(self, key: str) -> str:
        """Return a text."""
        return self.words[key]

    def day(self, day: date, today: date) -> str:
        """Return a day's title: "Yesterday", the weekday for a week, and then "2026-11-10"."""
        if not today - _WEEK < day <= today:
            return day.isoformat()
        near = {today: "today", today - timedelta(days=1): "yesterday"}
        return self[near.get(day, f"weekday_{day.isoweekday()}")]

    def event(self, recording: Recording) -> str:
        """Return a title on its day, such as "18:04 · Person · 32 s"."""
        return f"{dt_util.as_local(recording.at):%H:%M} · {self._kind(recording)} · {self._length(recording)}"

    def moment(self, recording: Recording) -> str:
        """Return a title among those of other days, such as "11-20 18:04 · Person"."""
        return f"{dt_util.as_local(recording.at):%m-%d %H:%M} · {self._kind(recording)}"

    def _kind(self, recording: Recording) -> str:
        return self[_SUB_TYPES.get(recording.sub_type, _KINDS[recording.kind])]

    def _length(self, recording: Recording) -> str:
        minutes, seconds = divmod(round(recording.duration.total_seconds()), 60)
        length = self["minutes" if minutes else "seconds"]
        return length.replace("{minutes}", str(minutes)).replace("{seconds}", str(seconds))


async def async_texts(hass: HomeAssistant) -> MediaTexts:
    """Return the texts in the language of this Home Assistant: a media source is not told whose browser it is."""
    found = await async_get_translations(hass, hass.config.language, "common", {DOMAIN})
    return MediaTexts({key.removeprefix(_PREFIX): text for key, text in found.items() if key.startswith(_PREFIX)})
