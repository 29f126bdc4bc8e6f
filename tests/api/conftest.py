"""Two Rings on real sockets: one that says what a test tells it to say, byte for byte, and the local Ring cloud."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
import json

import aiohttp
import pytest

from custom_components.ring_partner.api import AbstractAuth, RingClient, RingHosts, StaticAuth
from ring_cloud import Account, App, Clock, RingCloud

type MakeClient = Callable[..., RingClient]

CUT = b""
KEY = "fake-hmac-signing-key"
NOW = 1_790_000_000.0


def answer(
    status: int = 200, body: object = b"", content_type: str = "application/json", **headers: str | bytes
) -> bytes:
    """An HTTP answer; header names are written with underscores."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = {"content-type": content_type, "content-length": str(len(payload)), "connection": "close", **headers}
    lines = [name.replace("_", "-").encode() + b": " + _bytes(value) for name, value in head.items()]
    return b"\r\n".join([f"HTTP/1.1 {status} Said".encode(), *lines, b"", payload])


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


USER = answer(
    body={
        "data": {
            "type": "users",
            "id": "ava1.ring.account.XXXYYY",
            "attributes": {"first_name": "John", "last_name": "Doe", "email": "johndoe@example.com"},
        }
    }
)


@dataclass(frozen=True)
class Seen:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


@dataclass
class ScriptedRing:
    """Gives the answers in order, then the last one for ever."""

    url: str = ""
    script: list[bytes] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)

    def says(self, *answers: bytes) -> None:
        self.script[:] = answers
        self.seen.clear()

    @property
    def hosts(self) -> RingHosts:
        return RingHosts.from_environment({"RING_PARTNER_CLOUD": self.url})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, target, _ = first.split(" ")
        self.seen.append(Seen(method, target, headers, body))
        said = self.script[min(len(self.seen), len(self.script)) - 1]
        if said == CUT:
            writer.transport.abort()
            return
        writer.write(said)
        await writer.drain()
        writer.close()


@dataclass
class Sleeper:
    """Lets no time pass and remembers how long it was asked to wait."""

    slept: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture(autouse=True)
def _sockets(socket_enabled: None) -> None:
    """Loopback is what these tests are about."""


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
async def ring() -> AsyncIterator[ScriptedRing]:
    scripted = ScriptedRing()
    server = await asyncio.start_server(scripted.serve, "127.0.0.1", 0)
    scripted.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield scripted
    finally:
        server.close()
        await server.wait_closed()


@pytest.fixture
def sleeper() -> Sleeper:
    return Sleeper()


@pytest.fixture
def make_client(session: aiohttp.ClientSession, ring: ScriptedRing, sleeper: Sleeper) -> MakeClient:
    def make(auth: AbstractAuth | None = None, **options: object) -> RingClient:
        return RingClient(session, auth or StaticAuth("fake-access-token-1"), ring.hosts, sleep=sleeper, **options)

    return make


@pytest.fixture
def client(make_client: MakeClient) -> RingClient:
    return make_client()


@pytest.fixture
async def cloud() -> AsyncIterator[RingCloud]:
    async with RingCloud(clock=Clock(NOW)) as running:
        yield running


@pytest.fixture
def app(cloud: RingCloud) -> App:
    return cloud.add_app(client_id="fake-client", client_secret="fake-secret", signing_key=KEY)


@pytest.fixture
def account(cloud: RingCloud) -> Account:
    return cloud.add_account()


def hosts(cloud: RingCloud) -> RingHosts:
    return RingHosts.from_environment({"RING_PARTNER_CLOUD": cloud.url})
