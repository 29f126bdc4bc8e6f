"""The demo's way to talk to both sides: as Home Assistant's frontend does, and as the Ring cloud's page does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from .processes import DemoError

type Document = dict[str, Any]

_TIMEOUT = aiohttp.ClientTimeout(total=20)


class RingCloudClient:
    """The control interface of the Ring cloud (ring_cloud/README.md)."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        """Talk to the cloud at `url`."""
        self.url = url
        self._session = session

    async def state(self) -> Document:
        """Return everything the cloud may tell."""
        return await self._request("GET", "state")

    async def post(self, path: str, **fields: object) -> Document:
        """Do something as the user, the developer or the weather."""
        return await self._request("POST", path, fields)

    async def account(self, email: str) -> Document:
        """Return a person's account."""
        accounts: list[Document] = (await self.state())["accounts"]
        for account in accounts:
            if account["email"] == email:
                return account
        raise DemoError(f"The Ring cloud knows nobody with the address {email}.")

    async def _request(self, method: str, path: str, fields: Mapping[str, object] | None = None) -> Document:
        async with self._session.request(
            method, f"{self.url}/control/{path}", json=fields, timeout=_TIMEOUT
        ) as response:
            answer: Document = await response.json()
            if not response.ok:
                raise DemoError(f"The Ring cloud refuses {path}: {answer.get('error')}")
            return answer


class HomeAssistantClient:
    """Home Assistant's REST and WebSocket API, as the user who is logged in."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        """Talk to the Home Assistant at `url`; `log_in` comes first."""
        self.url = url
        self._session = session
        self._token = ""

    async def is_running(self) -> bool:
        """Whether it answers, and has started everything."""
        try:
            if not self._token:
                await self.log_in()
            config = await self.get("config")
        except aiohttp.ClientError, TimeoutError:
            return False
        return bool(config["state"] == "RUNNING")

    async def log_in(self) -> None:
        """Log in as the browser on this machine does: without a password."""
        client_id = f"{self.url}/"
        flow = await self._json(
            "POST",
            "/auth/login_flow",
            {
                "client_id": client_id,
                "handler": ["trusted_networks", None],
                "redirect_uri": client_id,
            },
        )
        if flow["type"] != "create_entry":
            raise DemoError("Home Assistant does not let this machine in without a password.")
        form = {"grant_type": "authorization_code", "code": flow["result"], "client_id": client_id}
        async with self._session.post(f"{self.url}/auth/token", data=form, timeout=_TIMEOUT) as response:
            response.raise_for_status()
            self._token = (await response.json())["access_token"]

    async def get(self, path: str) -> Document:
        """GET one thing from the REST API."""
        answer: Document = await self._json("GET", f"/api/{path}")
        return answer

    async def get_list(self, path: str) -> list[Document]:
        """GET several things from the REST API."""
        answer: list[Document] = await self._json("GET", f"/api/{path}")
        return answer

    async def post(self, path: str, **fields: object) -> Document:
        """POST to the REST API."""
        answer: Document = await self._json("POST", f"/api/{path}", fields)
        return answer

    async def delete(self, path: str) -> Document:
        """DELETE over the REST API."""
        answer: Document = await self._json("DELETE", f"/api/{path}")
        return answer

    async def fetch(self, path: str) -> tuple[str, bytes]:
        """GET a picture or a clip; return its content type, and the whole of it."""
        headers = {"Authorization": f"Bearer {self._token}"}
        async with self._session.get(self.url + path, headers=headers, timeout=_TIMEOUT) as response:
            response.raise_for_status()
            return response.content_type, await response.read()

    async def states(self) -> dict[str, Document]:
        """Return every entity's state."""
        return {state["entity_id"]: state for state in await self.get_list("states")}

    async def command(self, command: str, **fields: object) -> list[Document]:
        """Send one command over the WebSocket API."""
        async with self.connection() as socket:
            await socket.send_json({"id": 1, "type": command, **fields})
            answer: Document = await socket.receive_json()
            if not answer["success"]:
                raise DemoError(f"Home Assistant refuses {command}: {answer['error']['message']}")
            result = answer["result"]
            return result if isinstance(result, list) else [result]

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A WebSocket that has logged in."""
        async with self._session.ws_connect(f"{self.url}/api/websocket", max_msg_size=0) as socket:
            await socket.receive_json()
            await socket.send_json({"type": "auth", "access_token": self._token})
            if (await socket.receive_json())["type"] != "auth_ok":
                raise DemoError("Home Assistant refuses its own token.")
            yield socket

    async def _json(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401 - parsed by the callers
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        async with self._session.request(
            method, self.url + path, json=body, headers=headers, timeout=_TIMEOUT
        ) as response:
            if response.status == 400:
                raise DemoError(f"Home Assistant refuses {path}: {await response.text()}")
            response.raise_for_status()
            return await response.json()


async def until(condition: Callable[[], Awaitable[bool]], seconds: float, what: str, every: float = 0.1) -> None:
    """Ask again and again until it is so, for so many seconds at most."""
    try:
        async with asyncio.timeout(seconds):
            # What is waited for happens in another process.
            while not await condition():  # noqa: ASYNC110
                await asyncio.sleep(every)
    except TimeoutError:
        raise DemoError(f"Waited {seconds:g} s in vain until {what}.") from None
