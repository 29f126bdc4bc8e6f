"""What somebody types into the media browser's search, understood: pure, and the words come in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from .identifiers import Shelf, parse_day

# What people also say, in English; what the folders are called comes from the translations.
_ALSO: Final[Mapping[Shelf, tuple[str, ...]]] = {
    Shelf.RINGS: ("ring", "rings", "ding", "press", "pressed", "rang"),
    Shelf.MOTION: ("motion", "movement"),
    Shelf.PEOPLE: ("person", "persons", "people", "human", "visitor", "visitors"),
    Shelf.VEHICLES: ("vehicle", "vehicles", "car", "cars"),
    Shelf.ANIMALS: ("animal", "animals", "pet", "pets"),
    Shelf.LIVE_VIEWS: ("live", "live view"),
}


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; words that are neither a kind nor a day are of a camera's name."""

    shelf: Shelf | None = None
    day: date | None = None
    names: tuple[str, ...] = ()

    @property
    def is_of_events(self) -> bool:
        """Whether recordings are looked for, and not only cameras."""
        return self.shelf is not None or self.day is not None

    def fits(self, name: str) -> bool:
        """Whether a camera of this name is meant."""
        folded = name.casefold()
        return all(word in folded for word in self.names)


def understand(text: str, texts: Mapping[str, str], today: date) -> Search:
    """Read a search; `texts` has the names of days and shelves in the user's language."""
    shelves, days = _shelves(texts), _days(texts, today)
    shelf: Shelf | None = None
    day: date | None = None
    names = []
    words = text.casefold().split()
    longest = max(len(name.split()) for name in (*shelves, *days))
    at = 0
    while at < len(words):
        # A folder may be called by several words.
        for count in range(longest, 0, -1):
            phrase = " ".join(words[at : at + count])
            if shelf is None and (found := shelves.get(phrase)) is not None:
                shelf = found
            elif day is None and (meant := days.get(phrase) or _date(phrase)) is not None:
                day = meant
            else:
                continue
            break
        else:
            count = 1
            names.append(words[at])
        at += count
    return Search(shelf, day, tuple(names))


def _shelves(texts: Mapping[str, str]) -> dict[str, Shelf]:
    said = {word: shelf for shelf, words in _ALSO.items() for word in words}
    return said | {texts[f"shelf_{shelf}"].casefold(): shelf for shelf in _ALSO}


def _days(texts: Mapping[str, str], today: date) -> dict[str, date]:
    """Return the days that have a name: the last week."""
    week = {today - timedelta(days=back): back for back in range(6, -1, -1)}
    names = {texts[f"weekday_{day.isoweekday()}"].casefold(): day for day in week}
    return names | {texts["today"].casefold(): today, texts["yesterday"].casefold(): today - timedelta(days=1)}


def _date(word: str) -> date | None:
    try:
        return parse_day(word)
    except ValueError:
        return None
