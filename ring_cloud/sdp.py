"""Offers as clients send them, and how far they are ones that Ring takes."""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
import ipaddress
from itertools import islice, pairwise
import re
import secrets

from .refusals import ApiError
from .switches import Direction, RefusedSection, Switches, TrimmedOffers

_DIRECTIONS = frozenset({"sendrecv", "sendonly", "recvonly", "inactive"})
# Main and the two High ones. A browser without a decoder in hardware offers no plain High.
_H264_BASELINE, _H264_ABOVE = "42", frozenset({"4d", "64", "f4"})
_PACKETISED = "packetization-mode=1"
_PROFILE = re.compile(r"profile-level-id=([0-9a-f]{6})", re.IGNORECASE)
_NEEDED = ("ice-ufrag", "ice-pwd", "fingerprint")
# Lines of an offer's section that its answer repeats.
_REPEATED = ("mid", "rtcp-mux")
_CANDIDATE_ADDRESS = 4


@dataclass(frozen=True, slots=True)
class Section:
    """One m-line and what follows it."""

    lines: tuple[str, ...]

    @property
    def media(self) -> str:
        """Return `audio`, `video`, `application`, …; a refused one is none of them."""
        words = self.lines[0].removeprefix("m=").split()
        return words[0] if len(words) > 3 and words[1] != "0" else ""

    @property
    def direction(self) -> str:
        """Return the direction; both ways where none is written."""
        return next((name for name, _ in attributes(self.lines) if name in _DIRECTIONS), "sendrecv")

    def payloads(self, codec: str) -> list[str]:
        """Return the payload types of a codec."""
        mapped = (value.partition(" ") for name, value in attributes(self.lines) if name == "rtpmap")
        return [payload for payload, _, encoding in mapped if encoding.split("/")[0].upper() == codec]

    def h264(self) -> dict[str, str]:
        """Return payload type and profile of every H264 that may be split into packets."""
        wanted, found = self.payloads("H264"), {}
        for name, value in attributes(self.lines):
            payload, _, parameters = value.partition(" ")
            profile = _PROFILE.search(parameters)
            if name == "fmtp" and payload in wanted and profile and _PACKETISED in parameters:
                found[payload] = profile[1].lower()
        return found

    @property
    def format_parameters(self) -> dict[str, str]:
        """Return payload types and their parameters."""
        pairs = (value.partition(" ") for name, value in attributes(self.lines) if name == "fmtp")
        return {payload: parameters for payload, _, parameters in pairs}


@dataclass(frozen=True, slots=True)
class Offer:
    """A whole offer, in lines."""

    session: tuple[str, ...]
    sections: tuple[Section, ...]

    @property
    def lines(self) -> Iterator[str]:
        """Return every line."""
        yield from self.session
        for section in self.sections:
            yield from section.lines

    @property
    def candidates(self) -> list[str]:
        """Return the addresses the client named."""
        values = (value.split() for name, value in attributes(self.lines) if name == "candidate")
        return [words[_CANDIDATE_ADDRESS] for words in values if len(words) > _CANDIDATE_ADDRESS]

    @property
    def is_baseline_only(self) -> bool:
        """Say whether the only H264 that is offered is of the baseline profile."""
        return self._h264_families == {_H264_BASELINE}

    @property
    def is_trimmed(self) -> bool:
        """Say whether the codecs that every browser offers are not all there."""
        return _H264_BASELINE not in self._h264_families or not self._h264_families & _H264_ABOVE

    @property
    def _h264_families(self) -> set[str]:
        videos = (section for section in self.sections if section.media == "video")
        return {profile[:2] for section in islice(videos, 1) for profile in section.h264().values()}

    def for_peer(self, local: frozenset[str]) -> str:
        """Return the offer without the candidates that are not on this machine: nothing is sent anywhere else."""
        return "".join(f"{line}\r\n" for line in self.lines if not _leads_away(line, local))


def attributes(lines: Iterator[str] | tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Return name and value of every `a=` line."""
    for line in lines:
        if line.startswith("a="):
            name, _, value = line[2:].partition(":")
            yield name.strip(), value


def read_offer(body: bytes, switches: Switches) -> Offer:
    """Return the offer; one that Ring would not take is refused."""
    offer = _split(body)
    videos = [section for section in offer.sections if section.media == "video"]
    if not videos:
        raise _bad("The offer has no video")
    for section in offer.sections:
        _check_transport(offer, section)
    _check_mids(offer)
    if any(section.direction != "recvonly" for section in videos):
        raise _bad("Video must be recvonly")
    # The official sample offers sendrecv audio, and that works.
    if any(section.direction == "sendonly" for section in offer.sections if section.media == "audio"):
        raise _bad("Audio must not be sendonly")
    if _fails(offer, switches):
        raise ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal error")
    return offer


def _fails(offer: Offer, switches: Switches) -> bool:
    """Say whether Ring fails at an offer that is well-formed: without candidates, or with codecs left out."""
    if not offer.candidates and not switches.whep_bare_offers:
        return True
    may_be_baseline = TrimmedOffers(switches.whep_trimmed_offers) is not TrimmedOffers.REFUSED
    return offer.is_trimmed and not (offer.is_baseline_only and may_be_baseline)


def _check_transport(offer: Offer, section: Section) -> None:
    names = {name for name, _ in attributes((*offer.session, *section.lines))}
    for name in _NEEDED:
        if section.media and name not in names:
            raise _bad(f"The offer has no {name}")


def _check_mids(offer: Offer) -> None:
    """Refuse sections with one name, and a group of what is not there."""
    mids = [value for section in offer.sections for name, value in attributes(section.lines) if name == "mid"]
    groups = (value.split()[1:] for name, value in attributes(offer.session) if name == "group")
    if len(mids) != len(set(mids)) or any(not set(mids).issuperset(group) for group in groups):
        raise _bad("The mids of the offer are wrong")


def _split(body: bytes) -> Offer:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise _bad("The body is not SDP") from error
    lines = [line.strip() for line in re.split(r"\r\n|\n|\r", text) if line.strip()]
    if not lines or lines[0] != "v=0" or any(line[1:2] != "=" for line in lines):
        raise _bad("The body is not SDP")
    bounds = [number for number, line in enumerate(lines) if line.startswith("m=")] + [len(lines)]
    sections = tuple(Section(tuple(lines[start:end])) for start, end in pairwise(bounds))
    return Offer(tuple(lines[: bounds[0]]), sections)


def _bad(detail: str) -> ApiError:
    return ApiError(HTTPStatus.BAD_REQUEST, detail)


def is_mdns(address: str) -> bool:
    """Say whether an address is a name of multicast DNS, as browsers write to hide theirs."""
    return address.lower().endswith(".local")


def _leads_away(line: str, local: frozenset[str]) -> bool:
    words = line.split()
    if not line.startswith("a=candidate:") or len(words) <= _CANDIDATE_ADDRESS:
        return line.startswith("a=candidate:")
    try:
        address = ipaddress.ip_address(words[_CANDIDATE_ADDRESS])
    except ValueError:
        return True
    return not address.is_loopback and str(address) not in local


def shaped(answer: str, switches: Switches) -> str:
    """Return the answer in the form that the switches choose: direction, a refused section, no msid."""
    answer = answer.replace(f"a={Direction.SENDONLY}\r\n", f"a={Direction(switches.whep_direction)}\r\n")
    refused = RefusedSection(switches.whep_refused_section)
    lines = answer.splitlines()
    if not switches.whep_msid:
        lines = [line for line in lines if "msid" not in line.partition(" ")[0]]
    if refused is not RefusedSection.NONE:
        lines = _with_refused(lines, refused)
    return "".join(f"{line}\r\n" for line in lines)


def _with_refused(lines: list[str], media: str) -> list[str]:
    """Return the answer with port 0 for this kind of section, which then is no part of the bundle."""
    bounds = [number for number, line in enumerate(lines) if line.startswith("m=")] + [len(lines)]
    session, sections, gone = lines[: bounds[0]], list[str](), set[str]()
    for section in (lines[start:end] for start, end in pairwise(bounds)):
        if not section[0].startswith(f"m={media} "):
            sections += section
            continue
        words = section[0].split()
        mids = [line for line in section if line.startswith("a=mid:")]
        gone.update(line.removeprefix("a=mid:") for line in mids)
        sections += [" ".join([words[0], "0", *words[2:]]), "c=IN IP4 0.0.0.0", *mids, "a=inactive"]
    return [*(_without(line, gone) for line in session), *sections]


def _without(line: str, mids: set[str]) -> str:
    if not line.startswith("a=group:"):
        return line
    return " ".join(word for word in line.split() if word not in mids)


def answer_without_media(offer: Offer) -> str:
    """Return an answer that is well-formed and behind which there is nobody."""
    groups = [line for line in offer.session if line.startswith("a=group:BUNDLE")]
    lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", *groups, "a=msid-semantic:WMS *"]
    fingerprint = ":".join(f"{byte:02X}" for byte in secrets.token_bytes(32))
    transport = [
        "a=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host",
        "a=end-of-candidates",
        f"a=ice-ufrag:{secrets.token_hex(2)}",
        f"a=ice-pwd:{secrets.token_hex(12)}",
        f"a=fingerprint:sha-256 {fingerprint}",
        "a=setup:active",
    ]
    for section in offer.sections:
        lines += _section_without_media(section, transport)
    return "".join(f"{line}\r\n" for line in lines)


def _section_without_media(section: Section, transport: list[str]) -> list[str]:
    repeated = [f"a={line}" for line in (text[2:] for text in section.lines) if line.split(":")[0] in _REPEATED]
    payload, codec = _chosen(section)
    if payload is None:
        first = section.lines[0].split()
        return [" ".join([first[0], "0", *first[2:]]), "c=IN IP4 0.0.0.0", *repeated, "a=inactive"]
    parameters = section.format_parameters.get(payload)
    return [
        f"m={section.media} 9 UDP/TLS/RTP/SAVPF {payload}",
        "c=IN IP4 127.0.0.1",
        "a=sendonly",
        *repeated,
        f"a=rtpmap:{payload} {codec}",
        *([f"a=fmtp:{payload} {parameters}"] if parameters else []),
        *transport,
    ]


def _chosen(section: Section) -> tuple[str | None, str]:
    if section.media == "video":
        baseline = (payload for payload, profile in section.h264().items() if profile[:2] == _H264_BASELINE)
        return next(baseline, None), "H264/90000"
    if section.media == "audio":
        return next(iter(section.payloads("OPUS")), None), "opus/48000/2"
    return None, ""
