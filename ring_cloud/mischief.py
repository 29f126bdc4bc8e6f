"""Mischief on demand: what goes wrong with webhooks on their way."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from .values import Fields, InputError, UnknownError

MAX_COPIES = 20
MAX_COUNT = 100_000


class Mischief(StrEnum):
    """What goes wrong with a webhook."""

    DUPLICATE = "duplicate"
    DROP = "drop"
    HOLD = "hold"
    DELAY = "delay"
    WRONG_SIGNATURE = "wrong_signature"
    FOREIGN_ACCOUNT = "foreign_account"


@dataclass(slots=True, kw_only=True, eq=False)
class Prank:
    """The next `count` webhooks whose type matches suffer it (None: all of them)."""

    id: int
    kind: Mischief
    types: str = "*"
    count: int | None = 1
    copies: int = 2
    seconds: float = 0
    hits: int = 0

    def strikes(self, event_type: str) -> bool:
        """Count a webhook, and say whether it is one that suffers."""
        if not fnmatchcase(event_type, self.types) or (self.count is not None and self.hits >= self.count):
            return False
        self.hits += 1
        return True


class Pranks:
    """The mischief in force; unlike faults, all that match strike together."""

    def __init__(self) -> None:
        self._pranks: list[Prank] = []
        self._last_id = 0

    def __iter__(self) -> Iterator[Prank]:
        return iter(self._pranks)

    def add(self, kind: str, types: str, count: int | None, copies: int, seconds: float) -> Prank:
        """Add mischief of one kind."""
        if kind not in set(Mischief):
            raise InputError(f"kind must be one of {', '.join(Mischief)}")
        self._last_id += 1
        prank = Prank(id=self._last_id, kind=Mischief(kind), types=types, count=count, copies=copies, seconds=seconds)
        self._pranks.append(prank)
        return prank

    def remove(self, prank_id: int) -> None:
        """Remove one."""
        for prank in self._pranks:
            if prank.id == prank_id:
                self._pranks.remove(prank)
                return
        raise UnknownError("there is no such mischief")

    def clear(self) -> None:
        """Remove all."""
        self._pranks.clear()

    def strike(self, event_type: str) -> list[Prank]:
        """Return all that this webhook suffers."""
        return [prank for prank in self._pranks if prank.strikes(event_type)]


def add_from(pranks: Pranks, fields: Fields) -> Prank:
    """Add the mischief that a control request describes."""
    kind, types = fields.text("kind"), fields.text("types", "*")
    count = fields.integer("count", 1, high=MAX_COUNT) or None
    copies = fields.integer("copies", 2, low=2, high=MAX_COPIES)
    seconds = fields.number("seconds", 30, high=7 * 86400)
    fields.finish()
    return pranks.add(kind, types, count, copies, seconds)
