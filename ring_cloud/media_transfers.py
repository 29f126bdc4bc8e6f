"""How files travel: in ranges, slowly, and sometimes not to the end."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import hdrs, web

from .switches import Switches

_CHUNK = 65_536
_STEPS_PER_SECOND = 20
_WHOLE = (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT)


@dataclass(slots=True, kw_only=True, eq=False)
class Break:
    """What happens to a download after so many bytes of its body: the connection is cut, or nothing more comes."""

    after: int
    cut: bool
    _reached: asyncio.Event = field(default_factory=asyncio.Event)
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    async def reached(self) -> None:
        """Wait until a download has come so far."""
        await self._reached.wait()

    def release(self) -> None:
        """Let a held download go on."""
        self._released.set()

    async def happen(self, transport: asyncio.Transport) -> None:
        """Cut the connection, what was sent before still arrives; or hold it until it is released."""
        self._reached.set()
        if self.cut:
            transport.close()
        else:
            await self._released.wait()


class Transfers:
    """What befalls the next downloads."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        self._breaks: deque[Break] = deque()
        self._holding: list[Break] = []

    def cut_after(self, size: int, count: int = 1) -> None:
        """Break the connection of the next `count` downloads after so many bytes of the body."""
        self._breaks.extend(Break(after=size, cut=True) for _ in range(count))

    def hold_after(self, size: int) -> Break:
        """Send nothing of the next download after so many bytes, until it is released."""
        held = Break(after=size, cut=False)
        self._breaks.append(held)
        self._holding.append(held)
        return held

    def clear(self) -> None:
        """Let everything pass from now on."""
        self._breaks.clear()
        for held in self._holding:
            held.release()
        self._holding.clear()

    async def send(self, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
        """Send a file as slowly and as far as is set; return any other answer as it is."""
        if not isinstance(response, web.Response) or response.status not in _WHOLE:
            return response
        body, broken = response.body, self._breaks.popleft() if self._breaks else None
        rate = self._switches.media_bytes_per_second
        if not isinstance(body, bytes) or (broken is None and not rate):
            return response
        stream = web.StreamResponse(status=response.status, headers=response.headers)
        stream.content_length = len(body)
        await stream.prepare(request)
        place = 0 if broken is None else min(broken.after, len(body))
        await self._write(stream, body[:place], rate)
        if broken is not None and request.transport is not None:
            await broken.happen(request.transport)
        if request.transport is not None and not request.transport.is_closing():
            await self._write(stream, body[place:], rate)
        return stream

    @staticmethod
    async def _write(stream: web.StreamResponse, data: bytes, rate: int) -> None:
        size = min(_CHUNK, max(1, rate // _STEPS_PER_SECOND)) if rate else _CHUNK
        for start in range(0, len(data), size):
            chunk = data[start : start + size]
            await stream.write(chunk)
            if rate:
                await asyncio.sleep(len(chunk) / rate)


def file_response(request: web.Request, data: bytes, tag: str, status: HTTPStatus) -> web.Response:
    """Return a file, or the range of it that is asked for."""
    headers = {hdrs.ACCEPT_RANGES: "bytes", hdrs.ETAG: tag}
    if hdrs.RANGE not in request.headers or request.headers.get(hdrs.IF_RANGE, tag) != tag:
        return web.Response(body=data, status=status, headers=headers)
    size = len(data)
    try:
        start, stop, _ = request.http_range.indices(size)
    except ValueError:
        start = stop = 0
    if start >= stop:
        headers[hdrs.CONTENT_RANGE] = f"bytes */{size}"
        return web.Response(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)
    headers[hdrs.CONTENT_RANGE] = f"bytes {start}-{stop - 1}/{size}"
    return web.Response(body=data[start:stop], status=HTTPStatus.PARTIAL_CONTENT, headers=headers)
