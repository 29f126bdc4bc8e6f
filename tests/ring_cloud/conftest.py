"""A Ring cloud whose clock stands still, and a partner that talks to it over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
import hmac
import json

import aiohttp
from aiohttp import web
import pytest

from ring_cloud import Account, App, Clock, RingCloud

CLIENT_ID = "fake-client-1"
CLIENT_SECRET = "fake-client-secret-1"
SIGNING_KEY = "example-hmac-signing-key"
EVERYTHING = "/v1/devices?include=status,capabilities,configurations,location"
INTEGRATIONS = "/v1/accounts/me/app-integrations"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict:
        return json.loads(self.body)

    @property
    def title(self) -> str:
        return self.json["errors"][0]["title"]


@dataclass(frozen=True)
class Webhook:
    headers: Mapping[str, str]
    body: bytes

    @property
    def meta(self) -> dict:
        return json.loads(self.body)["meta"]

    @property
    def data(self) -> dict:
        return json.loads(self.body)["data"]

    @property
    def is_signed(self) -> bool:
        digest = hmac.new(SIGNING_KEY.encode(), self.body, "sha256").hexdigest()
        return self.headers["X-Signature"] == f"sha256={digest}"


@dataclass
class Partner:
    """A partner's backend: it exchanges codes, calls the API and receives webhooks."""

    session: aiohttp.ClientSession
    cloud: RingCloud
    codes: list[str] = field(default_factory=list)
    answers_codes_with: int = 200
    webhooks: list[Webhook] = field(default_factory=list)
    answers_webhooks_with: int = 200
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, method: str, path: str, **options) -> Answer:
        url = self.cloud.url + path
        async with self.session.request(method, url, allow_redirects=False, **options) as response:
            return Answer(response.status, response.headers, await response.read())

    async def call(self, token: Mapping | str, path: str, method: str = "GET", **options) -> Answer:
        bearer = token if isinstance(token, str) else token["access_token"]
        return await self.ask(method, path, headers={"Authorization": f"Bearer {bearer}"}, **options)

    async def token(self, grant_type: str, **form: str) -> Answer:
        client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        return await self.ask("POST", "/oauth/token", data={"grant_type": grant_type, **client, **form})

    async def refresh(self, token: Mapping, **form: str) -> Answer:
        return await self.token("refresh_token", refresh_token=token["refresh_token"], **form)

    async def exchange(self, code: str, **form: str) -> Answer:
        return await self.token("authorization_code", code=code, **form)

    async def names(self, token: Mapping | str) -> list[str]:
        answer = await self.call(token, "/v1/devices")
        return [device["attributes"]["name"] for device in answer.json["data"]]

    async def control(self, method: str, path: str, body: object = None) -> Answer:
        return await self.ask(method, f"/control{path}", json={} if body is None else body)

    async def receive_code(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert list(form) == ["code"]
        self.codes.append(form["code"])
        return web.Response(status=self.answers_codes_with)

    async def receive_webhook(self, request: web.Request) -> web.Response:
        self.webhooks.append(Webhook(request.headers, await request.read()))
        await self.may_answer.wait()
        return web.Response(status=self.answers_webhooks_with)

    async def told(self) -> list[str]:
        """What the webhooks told so far, once all that are due have arrived."""
        await self.cloud.deliveries.settle()
        return [webhook.data["type"] for webhook in self.webhooks]


@pytest.fixture(autouse=True)
def _sockets(socket_enabled: None) -> None:
    """Loopback is what these tests are about."""


@pytest.fixture
def clock() -> Clock:
    return Clock(start=1_790_000_000)


@pytest.fixture
async def cloud(clock: Clock) -> AsyncIterator[RingCloud]:
    async with RingCloud(clock=clock) as running:
        yield running


@pytest.fixture
async def partner(cloud: RingCloud) -> AsyncIterator[Partner]:
    async with aiohttp.ClientSession() as session:
        partner = Partner(session, cloud)
        partner.may_answer.set()
        yield partner


@pytest.fixture
async def app(cloud: RingCloud, partner: Partner) -> AsyncIterator[App]:
    """An app whose Token Exchange URL is answered by the partner."""
    application = web.Application()
    application.router.add_post("/exchange", partner.receive_code)
    application.router.add_post("/webhook", partner.receive_webhook)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    yield cloud.add_app(
        CLIENT_ID,
        client_secret=CLIENT_SECRET,
        signing_key=SIGNING_KEY,
        token_exchange_url=f"http://127.0.0.1:{port}/exchange",
        account_link_url="https://partner.example.com/link?region=us",
        redirect_uris=["https://partner.example.com/callback"],
    )
    await runner.cleanup()


@pytest.fixture
def webhook_url(cloud: RingCloud, app: App) -> str:
    """Where the partner wants to be told, from now on."""
    url = app.token_exchange_url.replace("/exchange", "/webhook")
    cloud.add_app(CLIENT_ID, webhook_url=url)
    return url


@pytest.fixture
def account(cloud: RingCloud) -> Account:
    return cloud.add_account()


@pytest.fixture
def token(cloud: RingCloud, account: Account, app: App) -> Mapping:
    """The tokens of a finished link."""
    return cloud.link_directly(account, app)
