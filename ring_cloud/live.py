"""Live views: a fact of the cloud's from the offer to the end, whoever watches."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
import secrets
import time
import uuid

from .controls import CONTROLS
from .device_documents import is_hidden
from .families import Permission
from .grants import Grant
from .history import Row
from .live_peer import Peer
from .live_tracks import AudioTrack, VideoTrack
from .model import Account, Device
from .pictures import Scene
from .refusals import ApiError
from .sdp import Offer, answer_without_media, shaped
from .switches import LiveEnd, OneSession, Switches, WhepMedia
from .values import InputError, Json, JsonObject

BATTERY, MAINS = "battery", "mains"
CAP_SECONDS: Mapping[str, float] = {BATTERY: 30, MAINS: 60}
SECONDS_PER_PERCENT = 10
# Of this one nothing says that it has a battery: no client can know, and it ends early all the same.
_HIDES_ITS_BATTERY = frozenset({"plain_camera"})
_TICK = 0.2
# How long a connection that is silent but not closed is kept for a viewer who does not notice.
_LINGER = 120


def _monotonic() -> float:
    # Not time.monotonic(): test harnesses that freeze time replace that one.
    return time.clock_gettime(time.CLOCK_MONOTONIC)


@dataclass(slots=True, eq=False, kw_only=True)
class Session:
    """One live view, open until it is ended."""

    device: Device
    component_id: str | None
    grant: Grant
    opened_at: float
    opened_monotonic: float
    cap: float
    offer: Offer = field(repr=False)
    encrypted: bool = False
    place: str = field(default_factory=lambda: secrets.token_hex(6))
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    peer: Peer | None = None
    row: Row | None = None
    """Where the history tells of it; as long as it lasts, the row says when it ends at the latest."""
    drained: int = 0

    def age(self, now: float) -> float:
        """Return how long it lasts: by the cloud's clock or in real time, whichever is longer."""
        return max(now - self.opened_at, _monotonic() - self.opened_monotonic)


class Live:
    """The live views of one cloud. `cap_seconds` of `battery` or `mains`, where given, replaces Ring's."""

    def __init__(
        self, now: Callable[[], float], switches: Switches, record: Callable[[Account, Device], object]
    ) -> None:
        self.cap_seconds: Mapping[str, float] | None = None
        self.opened = 0
        self.closed = 0
        self._now = now
        self._switches = switches
        self._record = record
        self._open: dict[str, Session] = {}
        self._fading: dict[Peer, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ticker: asyncio.Task[None] | None = None

    @property
    def open_sessions(self) -> tuple[Session, ...]:
        """Return the sessions that are open now, oldest first."""
        self._sweep()
        return tuple(self._open.values())

    def put_on_battery(self, device: Device, percentage: float = 90) -> None:
        """Give a camera a battery: its status tells the level, and a live view ends earlier and drains it."""
        if device.family.permission is not Permission.CAMERAS:
            raise InputError("only a camera can be put on battery")
        device.values[BATTERY] = CONTROLS[BATTERY].parse(percentage)

    def cap(self, device: Device) -> float:
        """Return after how many seconds a live view of the device ends."""
        power = BATTERY if BATTERY in device.values or device.family.key in _HIDES_ITS_BATTERY else MAINS
        return (self.cap_seconds or {}).get(power, CAP_SECONDS[power])

    async def open(
        self, grant: Grant, device: Device, component_id: str | None, offer: Offer, *, encrypted: bool = False
    ) -> tuple[Session, str]:
        """Open a session: return it and the answer. Of what is encrypted packets arrive, and nothing to decode."""
        taken = any(session.device is device for session in self.open_sessions)
        one = OneSession(self._switches.whep_one_session)
        if taken and one is OneSession.REFUSED:
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "Device Unavailable")
        session = Session(
            device=device,
            component_id=component_id,
            grant=grant,
            opened_at=self._now(),
            opened_monotonic=_monotonic(),
            cap=self.cap(device),
            offer=offer,
            encrypted=encrypted,
        )
        # Before the answer is ready: another viewer may come meanwhile.
        self._open[session.id] = session
        self.opened += 1
        try:
            answer = await self._answer(session, offer, silent=taken and one is OneSession.SILENT)
        except BaseException:
            self._forget(session)
            raise
        self._watch()
        # It may have gone offline meanwhile; then nothing happens there any more.
        if device.online:
            self._record(grant.account, device)
        return session, shaped(answer, self._switches)

    async def _answer(self, session: Session, offer: Offer, *, silent: bool) -> str:
        if WhepMedia(self._switches.whep_media) is WhepMedia.NONE:
            return answer_without_media(offer)
        lens = f" · lens {session.component_id}" if session.component_id else ""
        app = session.grant.app.name if session.grant.app else session.grant.client_id
        start_ms = int(session.opened_at * 1000)
        scene = Scene(device=f"{session.device.name}{lens}", app=app, kind="human", start_ms=start_ms)
        video = VideoTrack(scene, lambda: int(self._now() * 1000), decodable=not session.encrypted)
        session.peer = Peer(video, AudioTrack(decodable=not session.encrypted))
        if silent:
            session.peer.silence()
        return await session.peer.answer(offer)

    def _forget(self, session: Session) -> None:
        """Let a session that came to nothing never have been."""
        if self._open.pop(session.id, None) is not None:
            self.opened -= 1
            if session.peer is not None:
                self._close(session.peer)

    @staticmethod
    def tell(session: Session, row: Row) -> None:
        """Let a row of the history be as long as the session; whoever watches has seen what is recorded of it."""
        row.end_ms = row.start_ms + int(session.cap * 1000)
        row.reviewed_by.add(session.grant.client_id)
        session.row = row

    def find(self, grant: Grant, device_id: str, session_id: str, place: str | None) -> Session:
        """Return an open session of this app and account; the place that its `Location` named must be right, too."""
        self._sweep()
        session = self._open.get(session_id)
        if session is not None and (session.device.id, session.place) == (device_id, place):
            theirs = session.grant
            if theirs.account is grant.account and theirs.client_id == grant.client_id:
                return session
        raise ApiError(HTTPStatus.NOT_FOUND, "There is no such session")

    def close(self, session: Session) -> None:
        """End a session as the viewer asked: the connection is closed, too."""
        self._end(session, LiveEnd.CLOSE)

    def end(self, device: Device, how: LiveEnd | str | None = None) -> int:
        """End every session of a device from this side, by default as the switch says; return how many."""
        ending = LiveEnd(how or self._switches.whep_end)
        sessions = [session for session in self.open_sessions if session.device is device]
        for session in sessions:
            self._end(session, ending)
        return len(sessions)

    async def stop(self) -> None:
        """End everything."""
        for session in tuple(self._open.values()):
            self._end(session, LiveEnd.CLOSE)
        for peer in tuple(self._fading):
            self._close(peer)
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.wait([self._ticker])
            self._ticker = None
        if self._tasks:
            await asyncio.wait(self._tasks)

    def describe(self) -> JsonObject:
        """Return what the page shows."""
        now = self._now()
        sessions: list[Json] = [
            {
                "device": session.device.name,
                "device_id": session.device.id,
                "component_id": session.component_id,
                "client_id": session.grant.client_id,
                "age": round(session.age(now), 3),
                "cap": session.cap,
            }
            for session in self.open_sessions
        ]
        caps: JsonObject = {**CAP_SECONDS, **(self.cap_seconds or {})}
        return {"live": sessions, "live_views": {"opened": self.opened, "closed": self.closed, "cap_seconds": caps}}

    # What time does

    def _watch(self) -> None:
        if self._ticker is None or self._ticker.done():
            self._ticker = asyncio.create_task(self._tick(), name="live views")

    async def _tick(self) -> None:
        while self._open or self._fading:
            await asyncio.sleep(_TICK)
            self._sweep()

    def _sweep(self) -> None:
        """End what is over. Called whenever somebody looks, too: the cloud's clock may have been moved."""
        now = self._now()
        for session in tuple(self._open.values()):
            self._drain(session, now)
            stalls_after = self._switches.whep_stalls_after
            if stalls_after and session.peer is not None and session.age(now) >= stalls_after:
                # The session goes on: nothing says that there will be no other frame.
                session.peer.silence()
            gone = not session.device.online or is_hidden(session.device, self._switches)
            if gone or session.age(now) >= session.cap:
                self._end(session, LiveEnd(self._switches.whep_end))
        for peer in tuple(self._overdue()):
            self._close(peer)

    def _overdue(self) -> Iterator[Peer]:
        for peer, since in self._fading.items():
            if peer.is_closed or _monotonic() - since >= _LINGER:
                yield peer

    @staticmethod
    def _drain(session: Session, now: float) -> None:
        level = session.device.values.get(BATTERY)
        due = int(min(session.age(now), session.cap) / SECONDS_PER_PERCENT)
        if level is not None and due > session.drained:
            session.device.set(battery=max(0, float(level) - (due - session.drained)))
            session.drained = due

    def _end(self, session: Session, how: LiveEnd) -> None:
        now = self._now()
        self._drain(session, now)
        if self._open.pop(session.id, None) is None:
            return
        self.closed += 1
        if session.row is not None:
            session.row.end_ms = max(session.row.start_ms, int(min(now, session.opened_at + session.cap) * 1000))
        if session.peer is None:
            return
        session.peer.silence()
        self._fading[session.peer] = _monotonic()
        if how is LiveEnd.CLOSE:
            self._close(session.peer)

    def _close(self, peer: Peer) -> None:
        self._fading.pop(peer, None)
        task = asyncio.create_task(peer.close(), name="end of a live view")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
