"""What may stand between the internet and Home Assistant: Home Assistant Cloud, and a tunnel or reverse proxy."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import sys

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
import pytest

import homeassistant.components
from homeassistant.components.webhook import async_handle_webhook
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util.aiohttp import MockRequest, serialize_response

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serve(handler: Handler) -> AsyncIterator[str]:
    """Serve every method and path; return the URL."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


async def set_urls(hass: HomeAssistant, external: str | None, internal: str | None = None) -> None:
    """Change Settings > System > Network; without any, Home Assistant knows no URL of its own."""
    hass.config.api = None
    await hass.config.async_update(external_url=external, internal_url=internal)
    await hass.async_block_till_done(wait_background_tasks=True)


class HomeAssistantCloud:
    """A stand-in for core's `cloud` component, whose own packages are not installed here, with a relay for cloudhooks.

    Every switch is public. The relay does what Home Assistant's client does with a message of the real one.
    """

    class CloudNotAvailable(HomeAssistantError):
        """Raised where Home Assistant Cloud cannot be used."""

    def __init__(self, hass: HomeAssistant, relay_url: str = "https://hooks.example.com") -> None:
        self.is_subscribed = True
        self.is_connected = True
        self.remote_url: str | None = None
        self.passes_get = True
        self.error: Exception | None = None
        self.hooks: dict[str, str] = {}
        self.relay_url = relay_url
        self.generation = 0
        self.hook_listeners: list[tuple[str, Callable[[object], None]]] = []
        self.listeners: list[Callable[[object], None]] = []
        self._hass = hass

    # What the integration calls

    def async_active_subscription(self, hass: HomeAssistant) -> bool:
        return self.is_subscribed

    def async_remote_ui_url(self, hass: HomeAssistant) -> str:
        if self.remote_url is None:
            raise self.CloudNotAvailable
        return self.remote_url

    async def async_get_or_create_cloudhook(self, hass: HomeAssistant, webhook_id: str) -> str:
        if self.error is not None:
            raise self.error
        if not self.is_connected:
            raise self.CloudNotAvailable
        again = f"-{self.generation}" if self.generation else ""
        hook = self.hooks.setdefault(webhook_id, f"hook-{webhook_id[:8]}{again}")
        return f"{self.relay_url}/{hook}"

    async def async_delete_cloudhook(self, hass: HomeAssistant, webhook_id: str) -> None:
        del self.hooks[webhook_id]

    def async_listen_connection_change(
        self, hass: HomeAssistant, target: Callable[[object], None]
    ) -> Callable[[], None]:
        self.listeners.append(target)
        return lambda: self.listeners.remove(target)

    def async_listen_cloudhook_change(
        self, hass: HomeAssistant, webhook_id: str, on_change: Callable[[object], None]
    ) -> Callable[[], None]:
        listening = (webhook_id, on_change)
        self.hook_listeners.append(listening)
        return lambda: self.hook_listeners.remove(listening)

    # What happens in the cloud

    async def delete_hook(self, webhook_id: str) -> None:
        """Delete a cloudhook in Home Assistant Cloud's settings; the next one has another URL."""
        del self.hooks[webhook_id]
        self.generation += 1
        for listening, on_change in list(self.hook_listeners):
            if listening == webhook_id:
                on_change(None)
        await self._hass.async_block_till_done(wait_background_tasks=True)

    async def connect(self, *, is_connected: bool = True) -> None:
        """Connect or disconnect, and wait until everything that follows from it is done."""
        self.is_connected = is_connected
        for listener in list(self.listeners):
            listener(None)
        await self._hass.async_block_till_done(wait_background_tasks=True)

    async def relay(self, request: web.Request) -> web.Response:
        """Hand a request on, as `cloud.client.async_webhook_message` does; perhaps no GET."""
        if request.method in {"GET", "HEAD"} and not self.passes_get:
            return web.Response(status=405)
        webhook_id = next((key for key, hook in self.hooks.items() if request.path == f"/{hook}"), None)
        if webhook_id is None:
            return web.Response(status=404)
        message = MockRequest(
            content=await request.read(),
            headers=dict(request.headers),
            method=request.method,
            query_string=request.query_string,
            mock_source="cloud",
        )
        answer = serialize_response(await async_handle_webhook(self._hass, webhook_id, message))
        headers = {"Content-Type": answer["headers"].get("Content-Type", "text/plain")}
        return web.Response(status=answer["status"], text=answer["body"], headers=headers)


@pytest.fixture
async def home_assistant_cloud(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[HomeAssistantCloud]:
    """Home Assistant Cloud, signed in and connected, remote UI off."""
    component = HomeAssistantCloud(hass)
    hass.config.components.add("cloud")
    monkeypatch.setitem(sys.modules, "homeassistant.components.cloud", component)
    monkeypatch.setattr(homeassistant.components, "cloud", component, raising=False)
    async with serve(component.relay) as component.relay_url:
        yield component


@dataclass(slots=True)
class Tunnel:
    """A reverse proxy that the internet reaches and that forwards only webhooks, with the headers of one."""

    target: str
    client: str = "203.0.113.7"
    host: str = "quick-tunnel.example.net"
    url: str = ""
    source: str = "127.0.0.1"
    refused: list[str] = field(default_factory=list)

    async def forward(self, request: web.Request) -> web.Response:
        if not request.path.startswith("/api/webhook/"):
            self.refused.append(request.path)
            return web.Response(status=404)
        headers = {
            key: value for key, value in request.headers.items() if key not in {"Host", "Content-Length", "Accept"}
        }
        headers |= {"X-Forwarded-For": self.client, "X-Forwarded-Proto": "https", "X-Forwarded-Host": self.host}
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=(self.source, 0))) as session,
            session.request(
                request.method, self.target + request.raw_path, data=await request.read(), headers=headers
            ) as answer,
        ):
            body = await answer.read()
            kind = answer.headers.get("Content-Type", "text/plain")
            return web.Response(status=answer.status, body=body, headers={"Content-Type": kind})


@asynccontextmanager
async def open_tunnel(target: str, source: str = "127.0.0.1") -> AsyncIterator[Tunnel]:
    """Open a tunnel to Home Assistant, which sees it call from `source`."""
    tunnel = Tunnel(target, source=source)
    async with serve(tunnel.forward) as tunnel.url:
        yield tunnel
