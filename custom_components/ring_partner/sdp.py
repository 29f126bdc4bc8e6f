"""Session descriptions: candidates put into a browser's offer, and Ring's answer held against it. Pure text.

Codecs are passed on untouched: trimmed offers got errors, or pictures that could not be decoded.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
import re
from typing import Final, Self, override

# Nothing a browser sends is nearly as long.
MAX_SDP: Final = 262_144
_CANDIDATE: Final = re.compile(r"candidate:\S+ \d+ \S+ \d+ \S+ \d+ typ [a-z]+( [!-~ ]*)?", re.ASCII)
_DIRECTIONS: Final = frozenset({"sendrecv", "sendonly", "recvonly", "inactive"})
# What an answer says -> what of it concerns somebody who only receives.
_AS_RECEIVED: Final = {"sendrecv": "sendonly", "sendonly": "sendonly", "recvonly": "inactive", "inactive": "inactive"}
_END: Final = "a=end-of-candidates"
_H264: Final = re.compile(r"a=rtpmap:([0-9]{1,3}) H264/", re.ASCII | re.IGNORECASE)
_IN_FRAGMENTS: Final = re.compile(r"a=fmtp:([0-9]{1,3}) .*packetization-mode=1\b", re.ASCII | re.IGNORECASE)
# What a browser writes that has mistaken an object for a text.
_JUNK: Final = "a=[object"


class UnusableSdpError(Exception):
    """No description of video that could be watched."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Where a browser can be reached: a line, and the section it belongs to; an empty line says that none follow."""

    line: str
    mid: str | None = None
    index: int | None = None

    @property
    def is_last(self) -> bool:
        """Whether the browser says that no more will come."""
        return not self.line

    @property
    def is_usable(self) -> bool:
        """Whether it helps Ring: a `.local` name means nothing outside the home, and waiting for it costs a second."""
        return _is_usable(self.line)

    @property
    def is_reflexive(self) -> bool:
        """Whether it is how the internet sees the browser, or a relay: what a camera's cloud needs."""
        return self.is_usable and re.search(r" typ (srflx|relay)\b", self.line) is not None


@dataclass(slots=True)
class _Section:
    """The session's own lines, or an `m=` line and all up to the next one; `inherited` is the session's direction."""

    lines: list[str]
    inherited: str = "sendrecv"

    @property
    def is_media(self) -> bool:
        return self.lines[0].startswith("m=")

    @property
    def kind(self) -> str:
        return self.lines[0][2:].partition(" ")[0] if self.is_media else ""

    @property
    def mid(self) -> str | None:
        return next((line[6:].strip() for line in self.lines if line.startswith("a=mid:")), None)

    @property
    def direction(self) -> str:
        """Which way the stream goes; `sendrecv` where nothing is said, here or of the whole session."""
        return next((line[2:].strip() for line in self.lines if _is_direction(line)), self.inherited)

    @property
    def sends(self) -> bool:
        return self.direction in ("sendonly", "sendrecv")

    @property
    def is_rejected(self) -> bool:
        """Whether the other side wants nothing of it: its port is 0."""
        return self.lines[0].split(" ")[1:2] == ["0"]

    @property
    def has_reflexive(self) -> bool:
        return any(Candidate(line[2:]).is_reflexive for line in self.lines if _is_candidate(line))

    @property
    def has_h264(self) -> bool:
        """Whether H264 in fragments is among the codecs, which cameras send."""
        named, in_fragments = (
            {found[1] for line in self.lines if (found := pattern.match(line))} for pattern in (_H264, _IN_FRAGMENTS)
        )
        return self.kind == "video" and not named.isdisjoint(in_fragments)

    def direct(self, direction: str) -> None:
        self.lines = [line for line in self.lines if not _is_direction(line)] + [f"a={direction}"]

    def settle(self, added: Iterable[str]) -> None:
        """Take in candidates, and leave out those that do harm; an end is marked only where there are any."""
        kept = [line for line in self.lines if not _is_candidate(line) and line != _END and not line.startswith(_JUNK)]
        own = [line[2:] for line in self.lines if _is_candidate(line)]
        candidates = dict.fromkeys(line for line in (*own, *added) if _is_usable(line))
        self.lines = [*kept, *(f"a={line}" for line in candidates), *([_END] if candidates else [])]


class SessionDescription:
    """An offer or an answer, in sections."""

    def __init__(self, sections: list[_Section], newline: str) -> None:
        self._sections = sections
        self._newline = newline

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a description, whatever its newlines. Raises UnusableSdpError for one without video, or too long."""
        newline = "\n" if "\r\n" not in text and "\n" in text else "\r\n"
        lines = [line for line in re.split(r"\r\n|\n|\r", text) if line]
        if len(text) > MAX_SDP or not lines or not lines[0].startswith("v="):
            raise UnusableSdpError("This is no session description")
        sections = [_Section([])]
        for line in lines:
            if line.startswith("m="):
                sections.append(_Section([], sections[0].direction))
            sections[-1].lines.append(line)
        description = cls(sections, newline)
        if not any(section.kind == "video" for section in description.media()):
            raise UnusableSdpError("There is no video in this session description")
        return description

    @override
    def __str__(self) -> str:
        """Print it, with the newlines it came with."""
        return "".join(f"{line}{self._newline}" for section in self._sections for line in section.lines)

    def media(self) -> Iterator[_Section]:
        """Yield the sections that describe a stream."""
        return (section for section in self._sections if section.is_media)

    @property
    def has_candidates(self) -> bool:
        """Whether it came with candidates that are of use."""
        return any(_is_usable(line[2:]) for section in self.media() for line in section.lines if _is_candidate(line))

    @property
    def has_h264(self) -> bool:
        """Whether it names the codec of cameras: Firefox does not before it has its plugin."""
        return any(section.has_h264 for section in self.media())

    def has_reflexive(self, candidates: Sequence[Candidate]) -> bool:
        """Whether every stream has a candidate that the internet can reach."""
        return all(
            any(_belongs(item, section, index) and item.is_reflexive for item in candidates) or section.has_reflexive
            for index, section in enumerate(self.media())
        )

    def with_candidates(self, candidates: Sequence[Candidate]) -> str:
        """Return the whole with candidates in their sections; one that names no section of this offer is left out."""
        for index, section in enumerate(self.media()):
            section.settle(item.line for item in candidates if _belongs(item, section, index))
        return str(self)


def _belongs(candidate: Candidate, section: _Section, index: int) -> bool:
    """Whether a candidate is for a section: by its name, and only without one by its position."""
    return candidate.mid == section.mid if candidate.mid is not None else candidate.index == index


def _is_direction(line: str) -> bool:
    return line.startswith("a=") and line[2:].strip() in _DIRECTIONS


def _is_candidate(line: str) -> bool:
    return line.startswith("a=candidate:")


def _is_usable(line: str) -> bool:
    return _CANDIDATE.fullmatch(line) is not None and not line.split(" ")[4].endswith(".local")


def answer_to(offer: str, answer: str) -> str:
    """Return Ring's answer as a browser takes it. Raises UnusableSdpError when there would be nothing to see.

    A browser that only wants to receive refuses the whole of an answer that wants to receive as well.
    """
    asked, given = list(SessionDescription.parse(offer).media()), SessionDescription.parse(answer)
    answered = list(given.media())
    if len(asked) != len(answered):
        raise UnusableSdpError("Ring's answer does not fit the offer")
    for wanted, section in zip(asked, answered, strict=True):
        if wanted.direction == "recvonly" and not section.is_rejected:
            section.direct(_AS_RECEIVED[section.direction])
    if not any(section.kind == "video" and not section.is_rejected and section.sends for section in answered):
        raise UnusableSdpError("Ring would send no picture")
    return str(given)
