"""Live video over WHEP: one offer, one answer, one session that has to be ended.

Ring documentation: "Live video".
"""

import asyncio
from dataclasses import dataclass, field, replace
from http import HTTPStatus
import re
from typing import Final

from yarl import URL

from .client import RingClient, segment
from .errors import RingNotFoundError, RingRequestError, RingUnavailableError
from .transport import Answer

# An answer that comes later comes too late: whoever closes the account waits for it, to end what it opens.
START_SECONDS: Final = 9.0

# Possessive throughout: whatever a header holds, it is read in one go. A quoted text may hold commas and brackets.
_VALUE: Final = r'"(?:[^"\\]|\\.)*+"|[^\s;,"]*+'
_PARAMETER: Final = re.compile(rf";\s*+([\w-]++)\s*+=\s*+({_VALUE})")
_LINK: Final = re.compile(rf"<([^>]{{1,512}})>((?:\s*+;\s*+(?:[\w-]++\s*+(?:=\s*+(?:{_VALUE}))?+)?+)*+)")
_SERVER: Final = re.compile(r"(?:stun|turn)s?:[^\s<>]+")


@dataclass(frozen=True, slots=True)
class IceServer:
    """A STUN or TURN server that Ring names."""

    url: str
    username: str | None = field(default=None, repr=False)
    credential: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class LiveSession:
    """An open session: `url` ends it, and is kept with its query; `answer` is Ring's SDP."""

    url: URL = field(repr=False)
    answer: str = field(repr=False)
    ice_servers: tuple[IceServer, ...] = ()


class Whep:
    """Starts and ends live views; a view wakes the camera, is recorded, and drains a battery until it is ended."""

    def __init__(self, client: RingClient) -> None:
        """Ask over the account's client."""
        self._client = client

    async def async_start(self, device_id: str, offer: str, component_id: str | None = None) -> LiveSession:
        """Pass on an SDP offer that holds its candidates: Ring takes none later.

        Raises RingUnavailableError (503) for a camera that is offline, and after nine seconds without an answer,
        RingRequestError for an offer that Ring does not take, and what RingClient raises. Never repeated by itself:
        each attempt wakes the camera.
        """
        path = f"v1/devices/{segment(device_id)}/media/streaming/whep/sessions"
        query = None if component_id is None else {"component_id": component_id}
        request = self._client.request("POST", path, "live view", sdp=offer, query=query)
        try:
            async with asyncio.timeout(START_SECONDS):
                answer = await self._client.send(request)
        except TimeoutError as err:
            raise RingUnavailableError(f"{request.label}: Ring took too long") from err
        except RingUnavailableError as err:
            if err.status == HTTPStatus.INTERNAL_SERVER_ERROR:
                # What Ring answers to offers without candidates, or without H264 that it can send.
                raise RingRequestError(str(err), status=err.status, request_id=err.request_id) from err
            raise
        url = self._session_url(request.url, answer)
        if url is None:
            raise answer.unusable("no address of the live view in the answer")
        sdp = answer.body.decode("utf-8", "replace")
        links = (value for name, value in answer.headers.items() if name.lower() == "link")
        return LiveSession(url, sdp, ice_servers_from(*links))

    async def async_end(self, session: LiveSession) -> bool:
        """End a session, and return whether it was still open; one that has ended by itself is fine.

        Raises what RingClient raises, and may be tried again. Sent also while Ring asks to wait: an open session keeps
        the camera awake. Not repeated by itself: when the answer to a request got
        lost that had ended the session, the next would be told that it had ended by itself.
        """
        request = replace(self._client.request("DELETE", "", "live view"), url=session.url, is_limited=False)
        try:
            await self._client.send(request)
        except RingNotFoundError:
            return False
        return True

    def _session_url(self, request_url: URL, answer: Answer) -> URL | None:
        """Return where the session is: the token goes there, so it has to be Ring's API."""
        try:
            url = request_url.join(URL(answer.headers.get("location", ""), encoded=True))
            is_at_ring = url.origin() == request_url.origin()
        except ValueError:
            return None
        return url if is_at_ring and url.raw_path.startswith(f"{request_url.raw_path}/") else None


def ice_servers_from(*links: str) -> tuple[IceServer, ...]:
    """Return the ICE servers of the `Link` headers, which Ring may or may not send.

    One that no browser would take is left out: it would refuse the others, too.
    """
    servers = []
    for match in _LINK.finditer(", ".join(links)[:8192]):
        parameters = {name.lower(): _unquoted(value) for name, value in _PARAMETER.findall(match[2])}
        if "ice-server" in parameters.get("rel", "").split() and _SERVER.fullmatch(match[1]):
            server = IceServer(match[1], parameters.get("username"), parameters.get("credential"))
            if server.url.startswith("stun") or None not in (server.username, server.credential):
                servers.append(server)
    return tuple(servers)


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
