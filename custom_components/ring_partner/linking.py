"""Ring's half of one-way linking: the code it posts, the browser it sends, and the accounts that wait in between.

One listener serves one Ring app, for as long as a flow waits or an entry of that app wants to be loaded.
Ring documentation: "Account linking", one-way flow.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
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
from homeassistant.config_entries import SOURCE_IGNORE, SOURCE_INTEGRATION_DISCOVERY, ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.event import async_call_later
from homeassistant.util.hass_dict import HassKey

from .api import (
    RingAuthError,
    RingClient,
    RingClientCredentialsError,
    RingError,
    RingHosts,
    RingRequestError,
    RingUnavailableError,
    StaticAuth,
    Token,
    User,
    is_fresh,
    nonce_matches,
)
from .application_credentials import RingOAuth2Implementation
from .claim import UNCLAIMED_SECONDS, Claim, NonceMismatchError
from .const import CONF_ACCOUNT, CONF_IMPLEMENTATION, CONF_SIGNING_KEY, DOMAIN
from .endpoints import Endpoint, async_delete_cloudhooks, async_read_body, endpoint_id
from .link_pages import async_page
from .storage import TolerantStore
from .unlink import async_unlink
from .visits import VisitLog, visit_of

_LOGGER = logging.getLogger(__name__)

MAX_BODY_BYTES = 8192
MAX_CODE_LENGTH = 2048
MAX_EXCHANGES = 5
SEEN_CODES = 64
# A code lives 60 s. Asking again loses nothing: what Ring granted in an answer that got lost, nobody can ever use.
RETRY_SECONDS = (1, 3, 10, 20)
# How often Ring is asked whose tokens it granted, once that has failed for as long.
ASK_AGAIN_SECONDS = 60
# What a nonce looks like; anything else is a stranger's.
NONCE_LENGTH = 43
# The browser may arrive while the code is still being exchanged.
EXCHANGE_PATIENCE_SECONDS = 10

# How long a dialog that waits has to show a new claim, before the claim is offered as a discovery or reauthentication.
SHOW_SECONDS = 20

ATTR_LISTENER = "listener"

BROWSER_METHODS = (METH_GET, METH_HEAD, METH_POST, METH_PUT)

_LISTENERS: HassKey[dict[str, LinkListener]] = HassKey(f"{DOMAIN}_link_listeners")


@dataclass(slots=True, eq=False)
class _Waiter:
    """A dialog that waits for one account, or for any new one."""

    account_id: str | None
    changed: asyncio.Event = field(default_factory=asyncio.Event)


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
        self.submitting = asyncio.Lock()
        """Held by the dialog that uses a claim; a second one then finds it used."""
        self.failure: RingError | None = None
        """Why the last call of Ring led to nothing, until one leads to an account; every waiting dialog shows it."""
        self._account_link_id = endpoint_id(signing_key, Endpoint.ACCOUNT_LINK)
        self._store = TolerantStore(hass, f"{DOMAIN}.{file_id(signing_key)}.unclaimed")
        self._loading = asyncio.Lock()
        self._loaded = False
        self._is_open = False
        # The credentials of each flow and entry that needs the endpoints.
        self._users: list[RingOAuth2Implementation] = []
        self._claims: dict[str, Claim] = {}
        self._waiters: list[_Waiter] = []
        self._exchanges: set[asyncio.Task[None]] = set()
        self._seen_codes: deque[bytes] = deque(maxlen=SEEN_CODES)
        self._is_code_warned = False
        self._expiry = HassJob(self._async_expire, "ring_partner unclaimed accounts", cancel_on_shutdown=True)
        self._cancel_expiry: CALLBACK_TYPE | None = None

    @override
    def __repr__(self) -> str:
        """Show no key."""
        return f"<LinkListener users={len(self._users)} unclaimed={len(self._claims)}>"

    @property
    def claims(self) -> list[Claim]:
        """The accounts that may still be linked, the one whose browser came last at the end."""
        now = time.time()
        return sorted(
            (claim for claim in self._claims.values() if now < claim.ends_at), key=lambda claim: claim.arrived
        )

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
            await self._async_drop_expired()

    async def _async_load(self) -> None:
        stored = await self._store.async_load() or {}
        for item in stored.values():
            # What cannot be read costs no other account.
            with suppress(AttributeError, KeyError, TypeError, ValueError, RingAuthError):
                claim = Claim.from_dict(item)
                self._claims.setdefault(claim.user.id, claim)
        self._plan_expiry()
        if len(self._claims) < len(stored):
            await self.async_save()

    @callback
    def release(self, implementation: RingOAuth2Implementation) -> None:
        """One user less."""
        self._users.remove(implementation)
        if self._users:
            self.implementation = self._users[-1]
        self.close_if_unneeded()

    @callback
    def close_if_unneeded(self) -> None:
        """Take the endpoints away, unless an account is being reloaded, is not linked yet, or has lost its link.

        Its owner may enable the app again at any moment, and what has arrived so far must not be lost.
        """
        entries = self.hass.config_entries.async_entries(DOMAIN, include_disabled=False, include_ignore=False)
        if (
            not self._is_open
            or self._users
            or any(entry.data.get(CONF_SIGNING_KEY) == self.signing_key for entry in entries)
        ):
            return
        if self._claims or self._exchanges:
            # A closed dialog loses nothing: it can be opened again. `_async_expire` ends this.
            return
        self._is_open = False
        webhook.async_unregister(self.hass, self.key)
        webhook.async_unregister(self.hass, self._account_link_id)
        webhook.async_register(
            self.hass, DOMAIN, "Ring account link", self._account_link_id, _show_closed, allowed_methods=BROWSER_METHODS
        )
        self.hass.data[_LISTENERS].pop(self.key, None)
        delete_cloudhooks_later(self.hass, self.signing_key)

    async def async_wait(self, account_id: str | None) -> None:
        """Wait until there is something new for a dialog: a code, a browser, a failure.

        `account_id` is the account that the dialog is for; None stands for any new one.
        """
        waiter = _Waiter(account_id)
        self._waiters.append(waiter)
        try:
            await waiter.changed.wait()
        finally:
            self._waiters.remove(waiter)

    def _wake(self) -> None:
        for waiter in self._waiters:
            waiter.changed.set()

    def _fail(self, failure: RingError) -> None:
        """Let every waiting dialog show what is wrong with this app."""
        self.failure = failure
        self._wake()

    async def async_forget(self, claim: Claim) -> None:
        """Drop an account that has been linked, or cannot be."""
        if self._claims.get(claim.user.id) is claim:
            del self._claims[claim.user.id]
            await self.async_save()
            self.close_if_unneeded()

    async def async_give_up(self) -> None:
        """Drop every account, because nothing can be linked any more, unless a dialog is open."""
        if not self._users:
            await self._async_drop(list(self._claims.values()))

    async def _async_drop_expired(self) -> None:
        current = self.claims
        await self._async_drop([claim for claim in self._claims.values() if claim not in current])

    async def _async_drop(self, claims: list[Claim]) -> None:
        """Delete tokens that no dialog may use any more, and end their links at Ring."""
        if not claims:
            return
        for claim in claims:
            claim.ended = "link_expired"
            del self._claims[claim.user.id]
            self.hass.async_create_task(
                async_unlink(self.hass, claim.token, self.implementation, claim.user.id), "ring_partner unlink"
            )
        await self.async_save()

    async def async_save(self) -> None:
        """Write down what a restart must not lose."""
        if not self._claims:
            await self._store.async_remove()
            return
        implementation_id = self.implementation.domain
        await self._store.async_save(
            {
                account_id: claim.as_dict() | {CONF_IMPLEMENTATION: implementation_id}
                for account_id, claim in self._claims.items()
            }
        )

    def _plan_expiry(self) -> None:
        """Look again when the oldest account can no longer be claimed."""
        if self._cancel_expiry is not None:
            self._cancel_expiry()
            self._cancel_expiry = None
        if self._claims:
            left = min(claim.ends_at for claim in self._claims.values()) - time.time()
            self._cancel_expiry = async_call_later(self.hass, max(left + 1, 60), self._expiry)

    async def _async_expire(self, _now: datetime) -> None:
        """Delete the tokens that can no longer be claimed."""
        self._cancel_expiry = None
        await self._async_drop_expired()
        self._plan_expiry()
        self.close_if_unneeded()

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
        self._track(hass.async_create_task(self._async_exchange(code), "ring_partner token exchange"))
        return Response(status=HTTPStatus.OK)

    @callback
    def _exchange_done(self, task: asyncio.Task[None]) -> None:
        self._exchanges.discard(task)
        self.close_if_unneeded()

    def _track(self, task: asyncio.Task[None]) -> None:
        self._exchanges.add(task)
        task.add_done_callback(self._exchange_done)

    async def _async_exchange(self, code: str) -> None:
        """Turn the code into an unclaimed account."""
        implementation = self.implementation
        try:
            token = await _patiently(partial(implementation.client.exchange_code, code))
        except RingError as err:
            self._note_refused_code(err)
            return
        client = RingClient(
            async_get_clientsession(self.hass),
            StaticAuth(token.access_token),
            RingHosts.from_environment(),
            limiter=implementation.rate_limits.account(),
        )
        try:
            user = await _patiently(client.async_get_user)
        except RingUnavailableError as err:
            # A code can be exchanged once: the tokens are kept until Ring says whose they are.
            self._fail(err)
            later = self._async_ask_later(client, token, implementation, err)
            self._track(self.hass.async_create_background_task(later, "ring_partner account of a code"))
        except RingError as err:
            self._note_unnamed(err)
        else:
            await self._async_add(user, token)

    async def _async_ask_later(
        self, client: RingClient, token: Token, implementation: RingOAuth2Implementation, err: RingError
    ) -> None:
        """Ask whose a token is whenever Ring allows, until it could no longer be claimed."""
        ends_at = time.time() + UNCLAIMED_SECONDS
        while isinstance(err, RingUnavailableError):
            pause = max(err.retry_after or 0, ASK_AGAIN_SECONDS)
            if time.time() + pause > ends_at:
                break
            await asyncio.sleep(pause)
            try:
                user = await client.async_get_user()
            except RingError as again:
                err = again
            else:
                await self._async_add(user, token)
                return
        self._note_unnamed(err)
        await async_unlink(self.hass, token, implementation)

    def _note_unnamed(self, err: RingError) -> None:
        _LOGGER.warning("Ring sent an authorization code, but did not say whose it is: %s", err)
        self._fail(err)

    async def _async_add(self, user: User, token: Token) -> None:
        self.failure = None
        self._is_code_warned = False
        self._claims[user.id] = Claim(user, token, time.time())
        await self.async_save()
        self._plan_expiry()
        self._wake()

    def _note_refused_code(self, err: RingError) -> None:
        """Log the first of a row; tell the dialogs what is wrong with the app or Ring, but not what is with a code.

        Anyone who knows the URL can make up codes, and Ring refuses each of them.
        """
        level = logging.DEBUG if self._is_code_warned else logging.WARNING
        self._is_code_warned = True
        _LOGGER.log(level, "An authorization code could not be exchanged: %s", err)
        if isinstance(err, RingClientCredentialsError) or not isinstance(err, RingAuthError | RingRequestError):
            self._fail(err)

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
        is_shown = bool(claim.dialogs)
        self._arrive(claim, nonce, time_ms)
        text = "confirm_dialog" if is_shown or claim.is_expected else "confirm_discovered"
        return await async_page(hass, request, "confirm", text)

    async def _async_test_page(self, request: Request) -> Response:
        """Show a user who opens the address that it works, and how it was reached."""
        visit = visit_of(self.hass, request)
        self.visits.add(visit)
        paragraphs = ["test_local"] if visit.is_local else ["test_text"]
        paragraphs.append("test_dialog" if self._waiters else "test_start")
        return await async_page(self.hass, request, "test", *paragraphs)

    def _find_claim(self, nonce: str, time_ms: str) -> Claim | None:
        """Find the account that the nonce is for; if there is none, those who wait want to know."""
        if not is_fresh(time_ms, time.time()):
            return None
        claims = self.claims
        for claim in claims:
            if nonce_matches(nonce, self.signing_key, time_ms, claim.user.id):
                return claim
        if claims and len(nonce) == NONCE_LENGTH:
            self._fail(NonceMismatchError("The nonce fits no account"))
        return None

    @callback
    def _arrive(self, claim: Claim, nonce: str, time_ms: str) -> None:
        """Let every dialog for this account show the claim; where there is none, start one."""
        if nonce != claim.nonce:
            # Only the newest nonce counts at Ring, and it has not been confirmed yet.
            claim.is_confirmed = claim.maybe_confirmed = False
        claim.nonce, claim.time_ms, claim.arrived = nonce, time_ms, time.time()
        is_new = linked_entry(self.hass, claim.user.id) is None
        claim.is_expected = any(
            waiter.account_id == claim.user.id or (waiter.account_id is None and is_new) for waiter in self._waiters
        )
        self.failure = None
        self.hass.async_create_task(self.async_save(), "ring_partner claim")
        self._wake()
        if claim.is_expected:
            # The window of a dialog may be gone: Home Assistant is not told when a page is reloaded.
            job = HassJob(partial(self._start_flow, claim), "ring_partner claim", cancel_on_shutdown=True)
            async_call_later(self.hass, SHOW_SECONDS, job)
        else:
            self._start_flow(claim)

    @callback
    def _start_flow(self, claim: Claim, _now: datetime | None = None) -> None:
        """Ask for a claim that no dialog shows: as a discovery, or to link again."""
        if claim.dialogs or not claim.is_ready:
            return
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
        )


def linked_entry(hass: HomeAssistant, account_id: str) -> ConfigEntry | None:
    """Return the entry of an account; one that the user ignores can still be linked."""
    entry = hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, account_id)
    return None if entry is None or entry.source == SOURCE_IGNORE else entry


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
    """Stop listening for a private app that nothing needs any more."""
    if (listener := find_listener(hass, endpoint_id(signing_key, Endpoint.TOKEN_EXCHANGE))) is not None:
        listener.close_if_unneeded()


async def async_remove_listener(hass: HomeAssistant, signing_key: str) -> None:
    """Leave nothing of a private app that no entry uses any more, unless a dialog does."""
    key = endpoint_id(signing_key, Endpoint.TOKEN_EXCHANGE)
    if (listener := find_listener(hass, key)) is not None:
        await listener.async_give_up()
        listener.close_if_unneeded()
    if find_listener(hass, key) is None:
        await async_delete_cloudhooks(hass, signing_key)


@callback
def delete_cloudhooks_later(hass: HomeAssistant, signing_key: str) -> None:
    """Delete the cloudhooks of a dialog that led to nothing; not at once, as their URLs may be at Ring already."""

    async def delete(_now: datetime) -> None:
        entries = hass.config_entries.async_entries(DOMAIN)
        is_used = any(entry.data.get(CONF_SIGNING_KEY) == signing_key for entry in entries)
        if not is_used and find_listener(hass, endpoint_id(signing_key, Endpoint.TOKEN_EXCHANGE)) is None:
            await async_delete_cloudhooks(hass, signing_key)

    if "cloud" in hass.config.components:
        job = HassJob(delete, "ring_partner cloudhooks", cancel_on_shutdown=True)
        async_call_later(hass, UNCLAIMED_SECONDS, job)


def file_id(signing_key: str) -> str:
    """Return what names the file of the unclaimed accounts of a private app."""
    return endpoint_id(signing_key, Endpoint.TOKEN_EXCHANGE)[:16]


def open_listener_files(hass: HomeAssistant) -> set[str]:
    """Return what names the files of the listeners that are open."""
    return {file_id(listener.signing_key) for listener in hass.data.get(_LISTENERS, {}).values()}


def find_listener(hass: HomeAssistant, key: str) -> LinkListener | None:
    """Return the listener that a discovery came from."""
    return hass.data.get(_LISTENERS, {}).get(key)


async def _show_closed(hass: HomeAssistant, webhook_id: str, request: Request) -> Response:
    """Tell a user whom Ring sends while nothing waits what to do; until Home Assistant restarts."""
    return await async_page(hass, request, "closed", "closed_text")


async def _patiently[T](request: Callable[[], Awaitable[T]]) -> T:
    """Ask again through a short outage, but not before Ring allows."""
    for pause in RETRY_SECONDS:
        try:
            return await request()
        except RingUnavailableError as err:
            if (wait := err.retry_after or 0) > max(RETRY_SECONDS):
                raise
            await asyncio.sleep(max(pause, wait))
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
