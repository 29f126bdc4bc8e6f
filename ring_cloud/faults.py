"""Faults on demand: what goes wrong, with which request, and how often."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
import re
from typing import TypedDict, Unpack

from .values import Fields, InputError, UnknownError

KINDS = frozenset({"status", "delay", "cut", "garbage"})
MAX_HEADERS = 20
MAX_COUNT = 100_000
HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,100}")


class FaultSettings(TypedDict, total=False):
    """Which requests fail, and how; a `count` of None means all of them."""

    method: str
    nth: int
    count: int | None
    status: int
    body: str
    headers: Mapping[str, str]
    delay: float
    cut: str
    garbage: str


class Cut(StrEnum):
    """Where the connection breaks: before the request is handled, after it, or in the middle of the answer."""

    BEFORE = "before"
    AFTER = "after"
    BODY = "body"


class Garbage(StrEnum):
    """What stands in a 200 answer instead of a document."""

    TEXT = "text"
    TRUNCATED = "truncated"
    HTML = "html"


@dataclass(slots=True, kw_only=True, eq=False)
class Fault:
    """From the `nth` matching request on, `count` requests fail (None: all of them)."""

    id: int
    route: str = "*"
    method: str | None = None
    nth: int = 1
    count: int | None = 1
    status: int | None = None
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float | None = None
    cut: Cut | None = None
    garbage: Garbage | None = None
    seen: int = 0
    hits: int = 0
    _hit: asyncio.Event = field(default_factory=asyncio.Event)
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def kind(self) -> str:
        """Return what happens, for people."""
        if self.status is not None:
            return f"status {self.status}"
        if self.delay is not None:
            return f"delay {self.delay:g} s"
        return f"cut {self.cut}" if self.cut else f"garbage {self.garbage}"

    def strikes(self, method: str, path: str) -> bool:
        """Count a request, and say whether it is one that fails."""
        if self.method not in (None, method) or not fnmatchcase(path, self.route):
            return False
        self.seen += 1
        struck = self.seen >= self.nth and (self.count is None or self.seen < self.nth + self.count)
        if struck:
            self.hits += 1
            self._hit.set()
        return struck

    async def reached(self) -> None:
        """Wait until a request has run into this fault."""
        await self._hit.wait()

    async def hold(self) -> None:
        """Let `delay` seconds pass, or less if somebody releases it."""
        try:
            async with asyncio.timeout(self.delay):
                await self._released.wait()
        except TimeoutError:
            return

    def release(self) -> None:
        """Let delayed requests go on now."""
        self._released.set()


class Faults:
    """The faults in force; the first that strikes a request decides."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._last_id = 0

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults)

    def add(self, route: str = "*", **settings: Unpack[FaultSettings]) -> Fault:
        """Add a fault of exactly one kind: `status`, `delay` (seconds), `cut` or `garbage`.

        A delay of `math.inf` lasts until the fault is released; `reached` tells when a request waits in it.
        """
        if len(settings.keys() & KINDS) != 1:
            raise InputError(f"a fault is exactly one of {', '.join(sorted(KINDS))}")
        self._last_id += 1
        method, cut, garbage = settings.get("method"), settings.get("cut"), settings.get("garbage")
        fault = Fault(
            id=self._last_id,
            route=route,
            method=method.upper() if method else None,
            nth=settings.get("nth", 1),
            count=settings.get("count", 1),
            status=settings.get("status"),
            body=settings.get("body"),
            headers=settings.get("headers", {}),
            delay=settings.get("delay"),
            cut=None if cut is None else _choice(Cut, cut),
            garbage=None if garbage is None else _choice(Garbage, garbage),
        )
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Remove all faults and let go whoever waits in one."""
        for fault in self._faults:
            fault.release()
        self._faults.clear()

    def remove(self, fault_id: int) -> None:
        """Remove one fault."""
        for fault in self._faults:
            if fault.id == fault_id:
                fault.release()
                self._faults.remove(fault)
                return
        raise UnknownError("there is no such fault")

    def strike(self, method: str, path: str) -> Fault | None:
        """Return the fault that this request runs into; the faults after it do not see the request."""
        return next((fault for fault in self._faults if fault.strikes(method, path)), None)


def _choice[Kind: StrEnum](kind: type[Kind], value: str) -> Kind:
    try:
        return kind(value)
    except ValueError as error:
        raise InputError(f"{kind.__name__.lower()} must be one of {', '.join(kind)}") from error


def add_from(faults: Faults, fields: Fields) -> Fault:
    """Add the fault that a control request describes; `cut` and `garbage` may be just true."""
    settings: FaultSettings = {
        "nth": fields.integer("nth", 1, low=1, high=MAX_COUNT),
        "count": fields.integer("count", 1, high=MAX_COUNT) or None,
    }
    route = fields.text("route", "*")
    if "method" in fields:
        settings["method"] = fields.text("method")
    if "status" in fields:
        settings["status"] = fields.integer("status", low=200, high=599)
    if "body" in fields:
        settings["body"] = fields.text("body", "")
    if "headers" in fields:
        settings["headers"] = _headers(fields.raw("headers"))
    if "delay" in fields:
        settings["delay"] = fields.number("delay", high=3600)
    if "cut" in fields:
        settings["cut"] = Cut.BEFORE if fields.is_true("cut") else fields.text("cut")
    if "garbage" in fields:
        settings["garbage"] = Garbage.TEXT if fields.is_true("garbage") else fields.text("garbage")
    fields.finish()
    return faults.add(route, **settings)


def _is_header(name: str) -> bool:
    # The framing of the answer stays ours: for a broken one there is `cut`.
    return HEADER_NAME.fullmatch(name) is not None and name.lower() not in {"content-length", "transfer-encoding"}


def _headers(value: object) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > MAX_HEADERS:
        raise InputError("headers must be an object of texts")
    for name, text in value.items():
        if not isinstance(text, str) or not text.isprintable() or not _is_header(name):
            raise InputError("headers must be an object of texts")
    return value
