"""Ring's half of one-way linking: the code it posts, the browser it sends, and the accounts that wait in between.

One listener serves one Ring app, for as long as a flow waits or an entry of that app wants to be loaded.
Ring documentation: "Account linking", one-way flow.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
import hashlib
from http import HTTPStatus
import json
import logging
import time
from typing import Any, override
from urllib.parse import parse_qsl

from aiohttp.hdrs import METH_GET, METH_HEAD, METH_POST, METH_PUT
from aiohttp.web import Request, Response

from homeassistant.components import webhook
from homeassistant.config_entries import SOURCE_IGNORE, SOURCE_INTEGRATION_DISCOVERY
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey

from .api import (
    RingClient,
    RingError,
    RingHosts,
    RingUnavailableError,
    StaticAuth,
    Token,
    User,
    is_fresh,
    nonce_matches,
)
from .application_credentials import RingOAuth2Implementation
from .const import CONF_ACCOUNT, CONF_SIGNING_KEY, DOMAIN
from .endpoints import Endpoint, async_read_body, endpoint_id
from .link_pages import async_page
from .visits import VisitLog, visit_of

_LOGGER = logging.getLogger(__name__)

MAX_BODY_BYTES = 8192
MAX_CODE_LENGTH = 2048
MAX_EXCHANGES = 5
SEEN_CODES = 64
# A code lives 60 s. Asking again loses nothing: what Ring granted in an answer that got lost, nobody can ever use.
RETRY_SECONDS = (1, 3, 10, 20)
# What a nonce looks like; anything else is a stranger's.
NONCE_LENGTH = 43
# The browser may arrive while the code is still being exchanged.
EXCHANGE_PATIENCE_SECONDS = 10
# Shorter than any access token lives, so that an unclaimed one never needs a refresh.
UNCLAIMED_SECONDS = 3600

ATTR_LISTENER = "listener"

BROWSER_METHODS = (METH_GET, METH_HEAD, METH_POST, METH_PUT)

_LISTENERS: HassKey[dict[str, LinkListener]] = HassKey(f"{DOMAIN}_link_listeners")


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """An account whose owner enabled the app and has not confirmed it yet."""

    user: User
    token: Token
    received: float


@dataclass(frozen=True, slots=True)
class Claim:
    """An account whose owner's browser has arrived with a valid nonce."""

    user: User
    token: Token
    nonce: str = field(repr=False)
    time_ms: str = field(repr=False)

    def is_fresh(self) -> bool:
        """Whether Ring still accepts the nonce."""
        return is_fresh(self.time_ms, time.time())


class NonceMismatchError(RingError):
    """A browser came with a nonce that fits no account: the signing key is another app's, or the code never came."""


@dataclass(slots=True, eq=False)
class _Waiter:
    """Somebody who waits for a browser; the result is None when one came whose nonce fits no account."""

    account_id: str | None
    claim: asyncio.Future[Claim | None]


class LinkListener:
    """Receives the code and the browser of one Ring app."""

    def __init__(self, hass: HomeAssistant, signing_key: str, implementation: RingOAuth2Implementation) -> None:
        """Prepare; the endpoints exist from `async_acquire_listener` on."""
        self.hass = hass
        # What a code is exchanged with: the credentials of the latest flow, as its user has just chosen them.
        self.implementation = implementation
        self.key = endpoint_id(signing_key, Endpoint.TOKEN_EXCHANGE)
        self.signing_key = signing_key
        self.visits = VisitLog()
        self._account_link_id = endpoint_id(signing_key, Endpoint.ACCOUNT_LINK)
        self._store: Store[dict[str, Any]] = Store(
            hass, 1, f"{DOMAIN}.{self.key[:16]}.unclaimed", private=True, atomic_writes=True
        )
        self._loading = asyncio.Lock()
        self._loaded = False
        self._is_open = False
        # The credentials of each flow and entry that needs the endpoints.
        self._users: list[RingOAuth2Implementation] = []
        self._unclaimed: dict[str, Unclaimed] = {}
        self._claims: dict[str, Claim] = {}
        self._code_waiters: list[asyncio.Future[RingError | None]] = []
        self._waiters: list[_Waiter] = []
        self._exchanges: set[asyncio.Task[None]] = set()
        self._seen_codes: deque[bytes] = deque(maxlen=SEEN_CODES)

    @override
    def __repr__(self) -> str:
        """Show no key."""
        return f"<LinkListener users={len(self._users)} unclaimed={len(self._unclaimed)}>"

    async def async_open(self, implementation: RingOAuth2Implementation) -> None:
        """Register the endpoints and remember the accounts that waited before a restart."""
        self._users.append(implementation)
        self.implementation = implementation
        if not self._is_open:
            self._is_open = True
            # The page of a listener that was closed before.
            webhook.async_unregister(self.hass, self._account_link_id)
            for webhook_id, name, handler, methods in (
                (self.key, "Ring token exchange", self._handle_code, (METH_POST,)),
                # With every method, so that a browser never gets the blank page of Home Assistant's refusal.
                (self._account_link_id, "Ring account link", self._handle_browser, BROWSER_METHODS),
            ):
                webhook.async_register(self.hass, DOMAIN, name, webhook_id, handler, allowed_methods=methods)
        async with self._loading:
            if not self._loaded:
                await self._async_load()
                self._loaded = True

    async def _async_load(self) -> None:
        stored = await self._store.async_load() or {}
        for account_id, item in stored.items():
            unclaimed = Unclaimed(User(**item["user"]), Token.from_dict(item["token"]), item["received"])
            self._unclaimed.setdefault(account_id, unclaimed)
        if stored.keys() - self._current_unclaimed():
            await self._async_save()

    @callback
    def release(self, implementation: RingOAuth2Implementation) -> None:
        """One user less."""
        self._users.remove(implementation)
        if self._users:
            self.implementation = self._users[-1]
        self.close_if_unneeded()

    @callback
    def close_if_unneeded(self) -> None:
        """Take the endpoints away, unless an account is being reloaded, waits for Ring, or has lost its link.

        Its owner may enable the app again at any moment, and what has arrived so far must not be lost.
        """
        entries = self.hass.config_entries.async_entries(DOMAIN, include_disabled=False, include_ignore=False)
        if self._users or any(entry.data.get(CONF_SIGNING_KEY) == self.signing_key for entry in entries):
            return
        webhook.async_unregister(self.hass, self.key)
        webhook.async_unregister(self.hass, self._account_link_id)
        webhook.async_register(
            self.hass, DOMAIN, "Ring account link", self._account_link_id, _show_closed, allowed_methods=BROWSER_METHODS
        )
        self.hass.data[_LISTENERS].pop(self.key, None)

    async def async_wait_for_code(self) -> None:
        """Wait until the user has enabled the app in the Ring app. Raises RingError if the code was of no use."""
        if self._current_unclaimed():
            return
        waiter: asyncio.Future[RingError | None] = self.hass.loop.create_future()
        self._code_waiters.append(waiter)
        try:
            if (err := await waiter) is not None:
                raise err
        finally:
            self._code_waiters.remove(waiter)

    async def async_wait_for_claim(self, account_id: str | None) -> Claim:
        """Wait until a browser has arrived; `account_id` is the account one would rather see.

        Raises NonceMismatchError if the browser's nonce fits no account.
        """
        fresh = {key: claim for key, claim in self._claims.items() if claim.is_fresh()}
        self._claims = fresh
        if fresh:
            return fresh.pop(account_id) if account_id in fresh else fresh.popitem()[1]
        waiter = _Waiter(account_id, self.hass.loop.create_future())
        self._waiters.append(waiter)
        try:
            claim = await waiter.claim
        finally:
            self._waiters.remove(waiter)
        if claim is None:
            raise NonceMismatchError("The nonce fits no account")
        return claim

    def take_claim(self, account_id: str) -> Claim | None:
        """Return the claim of an account that nobody waited for."""
        claim = self._claims.pop(account_id, None)
        return claim if claim is not None and claim.is_fresh() else None

    async def async_forget(self, account_id: str) -> None:
        """Drop an account that has been linked, or will not be."""
        self._unclaimed.pop(account_id, None)
        self._claims.pop(account_id, None)
        await self._async_save()

    def _current_unclaimed(self) -> dict[str, Unclaimed]:
        """The accounts that may still be claimed."""
        oldest = time.time() - UNCLAIMED_SECONDS
        self._unclaimed = {key: item for key, item in self._unclaimed.items() if item.received > oldest}
        return self._unclaimed

    async def _async_save(self) -> None:
        if not self._current_unclaimed():
            await self._store.async_remove()
            return
        await self._store.async_save(
            {
                account_id: {"user": asdict(item.user), "token": item.token.as_dict(), "received": item.received}
                for account_id, item in self._unclaimed.items()
            }
        )

    async def _handle_code(self, hass: HomeAssistant, webhook_id: str, request: Request) -> Response:
        """Ring's backend posts an authorization code; it lives 60 s and is answered before it is used."""
        code = await _read_code(request)
        if code is None:
            return Response(status=HTTPStatus.BAD_REQUEST)
        digest = hashlib.sha256(code.encode()).digest()
        if digest in self._seen_codes:
            # A code that is presented twice at Ring revokes what the first use granted.
            return Response(status=HTTPStatus.OK)
        if len(self._exchanges) >= MAX_EXCHANGES:
            return Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        self._seen_codes.append(digest)
        task = hass.async_create_task(self._async_exchange(code), "ring_partner token exchange")
        self._exchanges.add(task)
        task.add_done_callback(self._exchanges.discard)
        return Response(status=HTTPStatus.OK)

    async def _async_exchange(self, code: str) -> None:
        """Turn the code into an unclaimed account."""
        oauth = self.implementation.client
        failure: RingError | None = None
        try:
            token = await _patiently(partial(oauth.exchange_code, code))
            client = RingClient(
                async_get_clientsession(self.hass), StaticAuth(token.access_token), RingHosts.from_environment()
            )
            user = await _patiently(client.async_get_user)
        except RingError as err:
            _LOGGER.warning("Ring sent an authorization code that could not be exchanged: %s", err)
            failure = err
        else:
            self._unclaimed[user.id] = Unclaimed(user, token, time.time())
            await self._async_save()
        for waiter in self._code_waiters:
            if not waiter.done():
                waiter.set_result(failure)

    async def _handle_browser(self, hass: HomeAssistant, webhook_id: str, request: Request) -> Response:
        """The user's browser comes from the Ring app with a nonce that names the account to who knows the key."""
        nonce, time_ms = request.query.get("nonce", ""), request.query.get("time", "")
        if request.method != METH_GET:
            # A preview of the link, which uses nothing up, or something else than a browser.
            is_head = request.method == METH_HEAD
            status = HTTPStatus.OK if is_head else HTTPStatus.METHOD_NOT_ALLOWED
            return await async_page(hass, request, "method", "method_text", status=status)
        if not nonce:
            return await self._async_test_page(request)
        if self._exchanges:
            await asyncio.wait(self._exchanges, timeout=EXCHANGE_PATIENCE_SECONDS)
        claim = self._find_claim(nonce, time_ms)
        if claim is None:
            return await async_page(hass, request, "invalid", "invalid_text", status=HTTPStatus.BAD_REQUEST)
        text = "confirm_dialog" if self._is_awaited else "confirm_discovered"
        self.offer(claim)
        return await async_page(hass, request, "confirm", text)

    async def _async_test_page(self, request: Request) -> Response:
        """Show a user who opens the address that it works, and how it was reached."""
        visit = visit_of(self.hass, request)
        self.visits.add(visit)
        paragraphs = ["test_local"] if visit.is_local else ["test_text"]
        paragraphs.append("test_dialog" if self._is_awaited else "test_start")
        return await async_page(self.hass, request, "test", *paragraphs)

    @property
    def _is_awaited(self) -> bool:
        """Whether a dialog waits for Ring."""
        return bool(self._code_waiters or self._open_waiters())

    def _find_claim(self, nonce: str, time_ms: str) -> Claim | None:
        """Find the account that the nonce is for; if there is none, those who wait want to know."""
        if not is_fresh(time_ms, time.time()):
            return None
        unclaimed = self._current_unclaimed().values()
        for item in unclaimed:
            if nonce_matches(nonce, self.signing_key, time_ms, item.user.id):
                return Claim(item.user, item.token, nonce, time_ms)
        if unclaimed and len(nonce) == NONCE_LENGTH:
            for waiter in self._open_waiters():
                waiter.claim.set_result(None)
        return None

    def _open_waiters(self) -> list[_Waiter]:
        return [waiter for waiter in self._waiters if not waiter.claim.done()]

    @callback
    def offer(self, claim: Claim) -> None:
        """Hand a claim to the flow that waits for this account, else to any that waits, else start one."""
        open_waiters = self._open_waiters()
        order: tuple[Callable[[_Waiter], bool], ...] = (
            lambda waiter: waiter.account_id == claim.user.id,
            lambda waiter: waiter.account_id is None,
            lambda _: True,
        )
        for wanted in order:
            for waiter in open_waiters:
                if wanted(waiter):
                    waiter.claim.set_result(claim)
                    return
        self._claims[claim.user.id] = claim
        self._start_flow(claim)

    def _start_flow(self, claim: Claim) -> None:
        """Nobody waits: the app was enabled first, or again after it had been removed."""
        entry = self.hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, claim.user.id)
        if entry is not None:
            # What the user has switched off or does not want to see stays so.
            if entry.source != SOURCE_IGNORE and entry.disabled_by is None:
                entry.async_start_reauth(self.hass)
            return
        self.hass.async_create_task(
            self.hass.config_entries.flow.async_init(
                DOMAIN,
                context={"source": SOURCE_INTEGRATION_DISCOVERY},
                data={ATTR_LISTENER: self.key, CONF_ACCOUNT: claim.user.id},
            ),
            "ring_partner discovery",
            # A flow that hands its claim on still counts as being about this account until it has ended.
            eager_start=False,
        )


async def async_acquire_listener(
    hass: HomeAssistant, implementation: RingOAuth2Implementation, signing_key: str
) -> tuple[LinkListener, CALLBACK_TYPE]:
    """Return the listener of a Ring app, and what to call when it is no longer needed."""
    listeners = hass.data.setdefault(_LISTENERS, {})
    key = endpoint_id(signing_key, Endpoint.TOKEN_EXCHANGE)
    if (listener := listeners.get(key)) is None:
        listener = listeners[key] = LinkListener(hass, signing_key, implementation)
    await listener.async_open(implementation)
    return listener, partial(listener.release, implementation)


@callback
def close_listener(hass: HomeAssistant, signing_key: str) -> None:
    """Stop listening for a Ring app that nobody uses any more."""
    if (listener := find_listener(hass, endpoint_id(signing_key, Endpoint.TOKEN_EXCHANGE))) is not None:
        listener.close_if_unneeded()


def find_listener(hass: HomeAssistant, key: str) -> LinkListener | None:
    """Return the listener that a discovery came from."""
    return hass.data.get(_LISTENERS, {}).get(key)


async def _show_closed(hass: HomeAssistant, webhook_id: str, request: Request) -> Response:
    """Tell a user whom Ring sends while nothing waits what to do; until Home Assistant restarts."""
    return await async_page(hass, request, "closed", "closed_text")


async def _patiently[T](request: Callable[[], Awaitable[T]]) -> T:
    """Ask again through a short outage."""
    for pause in RETRY_SECONDS:
        try:
            return await request()
        except RingUnavailableError:
            await asyncio.sleep(pause)
    return await request()


async def _read_code(request: Request) -> str | None:
    """Find the code: Ring's documentation shows no request, so a form, JSON and the query are all accepted."""
    if (body := await async_read_body(request, MAX_BODY_BYTES)) is None:
        return None
    code = _fields(body).get("code") or request.query.get("code")
    if not isinstance(code, str) or not 0 < len(code) <= MAX_CODE_LENGTH or not code.isprintable():
        return None
    return code


def _fields(body: bytes) -> Mapping[str, Any]:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return {}
    if text.lstrip().startswith("{"):
        try:
            document = json.loads(text)
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}
    return dict(parse_qsl(text))
