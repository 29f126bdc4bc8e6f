"""What the cameras have stored: pictures and clips around what the history knows, behind links that expire."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
import secrets

from yarl import URL

from .events import LIVE_VIEW
from .history import History, Row
from .ids import secret_text
from .media_clips import Clip
from .media_files import Files, Stored
from .media_requests import ClipRequest, MediaError, PictureRequest
from .media_transfers import Transfers
from .model import Device
from .pictures import BEFORE_MS, Picture, Scene
from .switches import EarlyAnswer, EncryptedMedia, Switches

DOWNLOAD = "/v1/download"
REGIONS = 2
"""How many hosts there are that downloads are redirected to."""
_AFTER_MS = 5000
_NEAR_MS = 10_000
# So long after its end a link is still known for one that has expired; then it is as unknown as any other text.
_REMEMBERED = 3600.0
_NO_KEY = ("GRECO_NO_VALID_KEY", "There is no valid key to decrypt the recording")
_EARLY: Mapping[EarlyAnswer, tuple[str, str]] = {
    EarlyAnswer.OLDER: ("RECORDING_NOT_READY", "The recording is not available yet"),
    EarlyAnswer.NOT_READY: ("RECORDING_NOT_READY", "The recording is not available yet"),
    EarlyAnswer.NOT_FOUND: ("MEDIA_NOT_FOUND", "Nothing was recorded at this time"),
    EarlyAnswer.NO_KEY: _NO_KEY,
    EarlyAnswer.EMPTY: _NO_KEY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who asks for the media of a device: an app, which may see nothing from before the user's consent."""

    device: Device
    app: str
    client_id: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class _Span:
    """A stretch of time that was recorded because something happened; of a snapshot it is a moment, and no row."""

    start_ms: int
    end_ms: int
    row: Row | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What a pre-signed URL is good for: a file, or a refusal that fetching the same URL again does not change."""

    request_id: str
    expires_at: float
    query: Mapping[str, str] = field(repr=False)
    found: Stored | MediaError


class Media:
    """The stored media of every camera."""

    def __init__(self, now: Callable[[], float], history: History, switches: Switches) -> None:
        self.files = Files()
        self.transfers = Transfers(switches)
        self.redirect_to: str | None = None
        """Where the redirect of a download leads instead of to the media origin."""
        self._now = now
        self._history = history
        self._switches = switches
        self._links_made = 0
        self._tickets: OrderedDict[str, Ticket] = OrderedDict()
        self._unreadable: dict[str, int | None] = {}
        self._encrypting: set[str] = set()
        self._asked_early: Counter[str] = Counter()
        self._shared_since_ms: dict[str, int] = {}
        self._snapshots: dict[str, list[_Span]] = {}

    @property
    def now_ms(self) -> int:
        """Return the time."""
        return int(self._now() * 1000)

    def secrets(self) -> frozenset[str]:
        """Return every token of a pre-signed URL that is good, or was until an hour ago."""
        return frozenset(self._tickets)

    # What goes wrong, and what else is stored

    def unreadable(self, device: Device, count: int | None = 1) -> None:
        """Answer the next `count` requests that there is no key yet; None: what the device recorded is broken."""
        self._unreadable[device.id] = count

    def take(self, device: Device, on: bool = True) -> None:
        """Let the device throw away the key: nobody can use its files and live views, and nothing says so."""
        (self._encrypting.add if on else self._encrypting.discard)(device.id)

    def is_encrypted(self, device: Device) -> bool:
        """Say whether what the device stores and sends is of no use to anybody."""
        return self._switches.whep_take or device.id in self._encrypting or device.e2ee

    def share_from_now(self, device: Device) -> None:
        """Let what the device stores be seen from this moment on, as that of the playground is."""
        self._shared_since_ms[device.id] = self.now_ms

    def shared_since_ms(self, devices: Iterable[Device]) -> int:
        """Return since when these may be seen."""
        return max((self._shared_since_ms.get(device.id, 0) for device in devices), default=0)

    def store_snapshot(self, device: Device, at: float | None = None) -> int:
        """Let the device store a still outside of any recording; return its time in milliseconds."""
        at_ms = self.now_ms if at is None else int(at * 1000)
        self._snapshots.setdefault(device.id, []).append(_Span(at_ms, at_ms))
        return at_ms

    # Links

    def link(self, request_type: str, found: Stored | MediaError) -> tuple[Ticket, URL]:
        """Return a new ticket, and its URL without the origin."""
        lifetime = self._switches.media_link_lifetime
        token, request_id = secret_text(), secrets.token_hex(16)
        query = {
            "security_token": token,
            "req_type": request_type,
            "req_id": request_id,
            "X-Amz-Expires": str(lifetime),
        }
        ticket = Ticket(request_id=request_id, expires_at=self._now() + lifetime, query=query, found=found)
        self._forget()
        self._tickets[token] = ticket
        return ticket, URL.build(path=DOWNLOAD, query=query)

    def region(self) -> int:
        """Return which of the hosts the next link leads to; it varies from one to the next."""
        self._links_made += 1
        return (self._links_made - 1) % self._switches.media_regions

    def _forget(self) -> None:
        oldest = self._now() - _REMEMBERED
        while self._tickets and next(iter(self._tickets.values())).expires_at <= oldest:
            self._tickets.popitem(last=False)

    def redeem(self, query: Mapping[str, str]) -> Ticket:
        """Return the ticket of a URL that nobody has changed and that is still good; raises MediaError."""
        ticket = self._tickets.get(query.get("security_token", ""))
        if ticket is None or ticket.query != query:
            raise MediaError("REQUEST_FORBIDDEN", "The signature does not match")
        if self._now() >= ticket.expires_at:
            raise MediaError("REQUEST_FORBIDDEN", "The request has expired")
        return ticket

    # What is there

    def find(self, viewer: Viewer, asked: PictureRequest | ClipRequest) -> Stored | MediaError:
        """Return what is asked for, or why there is none."""
        try:
            return self._picture(viewer, asked) if isinstance(asked, PictureRequest) else self._clip(viewer, asked)
        except MediaError as error:
            return error

    def _picture(self, viewer: Viewer, asked: PictureRequest) -> Stored:
        span, at_ms = self._moment(viewer, asked)
        rows = (span.row,) if span.row else ()
        if self._is_early("picture", rows, max((_happened_ms(row) for row in rows), default=0)):
            if span.row is None or EarlyAnswer(self._switches.recording_early_answer) is not EarlyAnswer.OLDER:
                raise self._early_error()
            # What the camera saw before the event is there before what it saw at the event.
            rows, at_ms = (), _happened_ms(span.row) - BEFORE_MS
            if at_ms < viewer.since_ms:
                raise self._early_error()
        self._check_readable(viewer.device)
        picture = Picture(scene=_scene(viewer, asked, span), at_ms=at_ms, size=asked.size, format=asked.format)
        return Stored(
            drawn=picture,
            origin="recording" if span.row else "snapshot",
            encrypted=self.is_encrypted(viewer.device),
            client_id=viewer.client_id,
            rows=rows,
        )

    def _moment(self, viewer: Viewer, asked: PictureRequest) -> tuple[_Span, int]:
        """Return the newest moment of a range, or the one nearest to the time asked for."""
        near_ms = _NEAR_MS if asked.end_ms is None else 0
        wanted_ms = asked.start_ms if asked.end_ms is None else asked.end_ms
        moments = [
            (span, min(max(wanted_ms, span.start_ms), span.end_ms))
            for span in self._spans(viewer, asked.start_ms - near_ms, wanted_ms + near_ms, snapshots=True)
        ]
        if not moments:
            raise MediaError("MEDIA_NOT_FOUND", "There is no picture of this time")
        # Of events that overlap, the later one is what the camera shows.
        return min(reversed(moments), key=lambda moment: abs(moment[1] - wanted_ms))

    def _clip(self, viewer: Viewer, asked: ClipRequest) -> Stored:
        """Return the recording from its first moment on, up to the first gap."""
        end_ms = asked.start_ms + asked.length_ms
        spans = [span for span in self._spans(viewer, asked.start_ms + 1, end_ms - 1) if span.start_ms < span.end_ms]
        if not spans:
            raise MediaError("MEDIA_NOT_FOUND", "Nothing was recorded in this time range")
        first_ms = last_ms = max(asked.start_ms, spans[0].start_ms)
        shown: list[_Span] = []
        for span in spans:
            if span.start_ms <= last_ms:
                shown.append(span)
                last_ms = max(last_ms, span.end_ms)
        rows = tuple(span.row for span in shown if span.row)
        if self._is_early("clip", rows, max(row.end_ms for row in rows)):
            raise self._early_error()
        self._check_readable(viewer.device)
        whole_ms = min(last_ms, end_ms) - first_ms
        clip = Clip(
            scenes=tuple(_scene(viewer, asked, span) for span in shown),
            start_ms=first_ms,
            # What is asked for ends at a whole part of the recording; of a short one a quarter is missing at most.
            length_ms=whole_ms - min(self._switches.clip_shortfall_ms, whole_ms // 4),
            size=asked.size,
            frame_rate=asked.frame_rate,
            codec=asked.codec,
            audio=asked.audio,
        )
        return Stored(
            drawn=clip,
            partial=clip.length_ms < asked.length_ms,
            encrypted=self.is_encrypted(viewer.device),
            client_id=viewer.client_id,
            rows=rows,
        )

    def _spans(self, viewer: Viewer, low_ms: int, high_ms: int, *, snapshots: bool = False) -> list[_Span]:
        """Return what touches a range, oldest first: nothing before the consent, of the future, or without a plan."""
        if not self._switches.ring_plan:
            return []
        low_ms, high_ms = max(low_ms, viewer.since_ms), min(high_ms, self.now_ms)
        spans = list(self._snapshots.get(viewer.device.id, ())) if snapshots else []
        for row in self._history.rows(viewer.device.id):
            # A live view is recorded as long as it was, whatever else also from before it began.
            before_ms, after_ms = (0, 0) if row.event_type == LIVE_VIEW else (BEFORE_MS, _AFTER_MS)
            start_ms, end_ms = row.start_ms - before_ms, row.end_ms + after_ms
            if row.recorded and start_ms <= high_ms and low_ms <= end_ms:
                spans.append(_Span(max(start_ms, viewer.since_ms), min(end_ms, self.now_ms), row))
        return sorted((span for span in spans if low_ms <= span.end_ms and span.start_ms <= high_ms), key=_start_ms)

    def _is_early(self, what: str, rows: Sequence[Row], recorded_ms: int) -> bool:
        """Say whether it is not ready: for some time after `recorded_ms`, and for some requests for each recording."""
        after, requests = self._switches.recording_ready_after, self._switches.recording_ready_requests
        early = bool(rows) and after > 0 and self._now() < recorded_ms / 1000 + after
        for key in (f"{what} {row.id}" for row in rows):
            if self._asked_early[key] < requests:
                self._asked_early[key] += 1
                early = True
        return early

    def _early_error(self) -> MediaError:
        answer = EarlyAnswer(self._switches.recording_early_answer)
        return MediaError(*_EARLY[answer], silent=answer is EarlyAnswer.EMPTY)

    def _check_readable(self, device: Device) -> None:
        if device.e2ee and EncryptedMedia(self._switches.e2ee_media) is EncryptedMedia.NO_KEY:
            raise MediaError(*_NO_KEY)
        count = self._unreadable.get(device.id, 0)
        if count is None:
            raise MediaError("CORRUPT_RECORDING", "The recording cannot be read")
        if count > 0:
            self._unreadable[device.id] = count - 1
            raise MediaError(*_NO_KEY)


def _start_ms(span: _Span) -> int:
    return span.start_ms


def _happened_ms(row: Row) -> int:
    return max(row.start_ms, row.happened_ms)


def _scene(viewer: Viewer, asked: PictureRequest | ClipRequest, span: _Span) -> Scene:
    lens = f" ({asked.component_id})" if asked.component_id else ""
    kind = (span.row.sub_type or span.row.event_type) if span.row else ""
    start_ms = span.row.start_ms if span.row else span.start_ms
    return Scene(device=viewer.device.name + lens, app=viewer.app, kind=kind, start_ms=start_ms)
