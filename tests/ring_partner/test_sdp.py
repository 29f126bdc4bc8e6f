"""What a browser offers and what Ring answers, put together as text."""

import re

from hypothesis import given, strategies as st
import pytest

from custom_components.ring_partner.sdp import Candidate, SessionDescription, UnusableSdpError, answer_to
from tests.ring_cloud.whep_client import browser_offer

HOST = "candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host generation 0 ufrag fake network-cost 999"
REFLEXIVE = "candidate:2 1 udp 1686052607 198.51.100.7 50001 typ srflx raddr 0.0.0.0 rport 0 generation 0"
HIDDEN = "candidate:3 1 udp 2122260223 00000000-0000-4000-8000-000000000000.local 50002 typ host generation 0"
BARE = browser_offer(candidates=())
JUNK = ["[object RTCIceCandidate]", "candidate:", "candidate:1 1 udp x 192.0.2.7 1 typ host", f"{HOST}\r\na=inactive"]


def spliced(*candidates: Candidate, offer: str = BARE) -> str:
    return SessionDescription.parse(offer).with_candidates(candidates)


def sections(text: str) -> list[list[str]]:
    """The lines before the first m-line, and those from each on."""
    found: list[list[str]] = [[]]
    for line in re.split(r"\r\n|\n|\r", text):
        if line.startswith("m="):
            found.append([])
        if line:
            found[-1].append(line)
    return found


def added(before: str, after: str) -> list[list[str]]:
    return [
        [line for line in new if line not in old] for old, new in zip(sections(before), sections(after), strict=True)
    ]


def test_candidates_go_into_the_sections_they_name_with_an_end_behind_them() -> None:
    after = spliced(Candidate(HOST, "0", 0), Candidate(HOST, "1", 1), Candidate(REFLEXIVE, "1", 1))
    assert added(BARE, after) == [
        [],
        [f"a={HOST}", "a=end-of-candidates"],
        [f"a={HOST}", f"a={REFLEXIVE}", "a=end-of-candidates"],
    ]


def test_a_section_without_candidates_has_no_end_of_them() -> None:
    assert added(BARE, spliced(Candidate(HOST, "1"))) == [[], [], [f"a={HOST}", "a=end-of-candidates"]]


def test_a_candidate_that_names_no_section_goes_by_its_position() -> None:
    assert added(BARE, spliced(Candidate(HOST, None, 1)))[2] == [f"a={HOST}", "a=end-of-candidates"]


@pytest.mark.parametrize("stray", [Candidate(HOST, "7", 1), Candidate(HOST, None, 2), Candidate(HOST)])
def test_a_candidate_for_no_section_of_this_offer_is_left_out(stray: Candidate) -> None:
    assert spliced(stray) == BARE


@pytest.mark.parametrize("line", [HIDDEN, *JUNK, ""])
def test_hidden_addresses_and_junk_are_left_out(line: str) -> None:
    assert spliced(Candidate(line, "0", 0)) == BARE


def test_what_comes_twice_is_written_once() -> None:
    assert spliced(*[Candidate(HOST, "0")] * 3).count(HOST) == 1


def test_an_offer_with_candidates_loses_only_the_harmful_ones() -> None:
    offer = browser_offer(candidates=(f"a={HOST}", f"a={HIDDEN}", "a=[object RTCIceCandidate]"))
    after = spliced(offer=offer)
    assert after.count(f"a={HOST}") == 2
    assert ".local" not in after
    assert "[object" not in after


def test_an_end_behind_nothing_but_hidden_addresses_is_taken_back() -> None:
    assert spliced(offer=browser_offer(candidates=(f"a={HIDDEN}", "a=end-of-candidates"))) == BARE


@pytest.mark.parametrize("newline", ["\r\n", "\n"])
def test_newlines_stay_what_they_are(newline: str) -> None:
    offer = BARE.replace("\r\n", newline)
    after = spliced(Candidate(HOST, "0"), offer=offer)
    assert set(re.findall(r"\r?\n", after)) == {newline}
    assert after.endswith(newline)


@pytest.mark.parametrize("text", ["", "v=0", "hello", "v=0\r\nm=audio 9 X 0\r\n", browser_offer(video=None)])
def test_what_asks_for_no_video_is_no_offer(text: str) -> None:
    with pytest.raises(UnusableSdpError):
        SessionDescription.parse(text)


def test_a_huge_offer_is_refused() -> None:
    with pytest.raises(UnusableSdpError):
        SessionDescription.parse(BARE + "a=x\r\n" * 100_000)


def answer(video: str = "sendonly", audio: str = "sendonly") -> str:
    return browser_offer(audio=audio, video=video, candidates=())


def direction(text: str, section: int) -> list[str]:
    words = {"a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"}
    return [line[2:] for line in sections(text)[section] if line in words]


def test_an_answer_that_sends_is_passed_on_as_it_is() -> None:
    assert sorted(answer_to(BARE, answer()).splitlines()) == sorted(answer().splitlines())


@pytest.mark.parametrize("given", ["sendonly", "sendrecv"])
def test_an_answer_that_sends_and_wants_to_receive_only_sends(given: str) -> None:
    assert direction(answer_to(BARE, answer(given)), 2) == ["sendonly"]


def test_an_answer_that_names_no_direction_sends() -> None:
    assert direction(answer_to(BARE, answer().replace("a=sendonly\r\n", "")), 2) == ["sendonly"]


def of_the_session(direction: str) -> str:
    """An answer that names the direction once, for all."""
    lines = [line for line in answer().splitlines() if line != "a=sendonly"]
    first = next(index for index, line in enumerate(lines) if line.startswith("m="))
    return "\r\n".join([*lines[:first], f"a={direction}", *lines[first:], ""])


def test_a_direction_of_the_whole_answer_is_that_of_its_streams() -> None:
    assert direction(answer_to(BARE, of_the_session("sendonly")), 2) == ["sendonly"]
    mixed = of_the_session("inactive").replace("a=mid:1", "a=mid:1\r\na=sendonly")
    after = answer_to(BARE, mixed)
    assert (direction(after, 1), direction(after, 2)) == (["inactive"], ["sendonly"])


def test_a_name_is_no_direction() -> None:
    named = answer("sendonly").replace("s=-", "s=inactive").replace("a=mid:1", "i=inactive\r\na=mid:1")
    after = answer_to(BARE, named)
    assert direction(after, 2) == ["sendonly"]
    assert "i=inactive" in after


def test_sound_that_would_only_be_received_does_not_cost_the_picture() -> None:
    after = answer_to(BARE, answer(audio="recvonly"))
    assert direction(after, 1) == ["inactive"]
    assert direction(after, 2) == ["sendonly"]


@pytest.mark.parametrize(
    "unusable",
    [
        answer("recvonly"),
        answer("inactive"),
        answer().replace("m=video 9", "m=video 0"),
        of_the_session("recvonly"),
        of_the_session("inactive"),
        browser_offer(audio=None, video="sendonly"),
        "",
        "<html>",
    ],
)
def test_an_answer_without_a_picture_is_no_answer(unusable: str) -> None:
    with pytest.raises(UnusableSdpError):
        answer_to(BARE, unusable)


LINES = st.one_of(
    st.sampled_from(BARE.splitlines()),
    st.sampled_from([f"a={HOST}", f"a={HIDDEN}", "a=end-of-candidates", "a=mid:0", "a=mid:", "m=", "m=video", "a="]),
    st.text(alphabet=st.characters(codec="utf-8"), max_size=40),
)
MANGLED = st.builds(
    lambda lines, newline, head: head + newline.join(lines),
    st.lists(LINES, max_size=60),
    st.sampled_from(["\r\n", "\n", "\r"]),
    st.sampled_from(["v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n", "v=0\n", "", BARE]),
)
CANDIDATES = st.lists(
    st.builds(
        Candidate,
        st.one_of(st.sampled_from([HOST, REFLEXIVE, HIDDEN, *JUNK, ""]), st.text(max_size=60)),
        st.one_of(st.none(), st.sampled_from(["0", "1", ""]), st.text(max_size=5)),
        st.one_of(st.none(), st.integers(-2, 5)),
    ),
    max_size=12,
)


@given(MANGLED, CANDIDATES)
def test_whatever_comes_candidates_stand_in_their_section_and_codecs_are_untouched(
    offer: str, candidates: list[Candidate]
) -> None:
    try:
        description = SessionDescription.parse(offer)
    except UnusableSdpError:
        return
    description.has_reflexive(candidates)
    before, after = sections(offer), sections(description.with_candidates(candidates))
    assert len(before) == len(after)
    for index, (old, new) in enumerate(zip(before, after, strict=True)):
        mid = next((line[6:].strip() for line in old if line.startswith("a=mid:")), None)
        wanted = {
            item.line
            for item in candidates
            if (item.mid == mid if item.mid is not None else item.index == index - 1) and index > 0
        } | {line[2:] for line in old}
        found = [line[2:] for line in new if line.startswith("a=candidate:")]
        assert set(found) <= wanted or index == 0
        # Everything but candidates, byte by byte.
        extra = ("a=candidate:", "a=end-of-candidates", "a=[object")
        assert [line for line in new if not line.startswith(extra)] == [
            line for line in old if not line.startswith(extra)
        ]
        assert ("a=end-of-candidates" in new) == bool(found) or index == 0


@given(MANGLED, MANGLED)
def test_whatever_ring_answers_it_fits_or_is_refused(offer: str, given_answer: str) -> None:
    try:
        after = answer_to(offer, given_answer)
    except UnusableSdpError:
        return
    codecs = ("a=rtpmap", "a=fmtp", "a=rtcp-fb", "m=")
    assert [line for line in re.split(r"\r\n|\n|\r", after) if line.startswith(codecs)] == [
        line for line in re.split(r"\r\n|\n|\r", given_answer) if line.startswith(codecs)
    ]
