"""What every way to link an account shares: the checks, the confirmation at Ring, and the entry at the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import logging
import re
import time
from typing import TYPE_CHECKING, Any, override

from homeassistant.components.http import KEY_HASS_USER
from homeassistant.config_entries import (
    SOURCE_INTEGRATION_DISCOVERY,
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigFlowResult,
)
from homeassistant.const import CONF_TOKEN
from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.data_entry_flow import AbortFlow, UnknownFlow
from homeassistant.exceptions import ConfigEntryNotReady
from homeassistant.helpers import http
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.config_entry_oauth2_flow import AbstractOAuth2FlowHandler
from homeassistant.util import dt as dt_util

from .api import (
    RingAuthError,
    RingClient,
    RingClientCredentialsError,
    RingError,
    RingForbiddenError,
    RingHosts,
    RingNotFoundError,
    RingRateLimitError,
    RingRequestError,
    RingUnavailableError,
    StaticAuth,
    Token,
    User,
    mask_identifier,
)
from .application_credentials import RingOAuth2Implementation
from .claim import Claim, NonceMismatchError
from .const import (
    CONF_IMPLEMENTATION,
    CONF_LINK_METHOD,
    CONF_LINKED_AT,
    CONF_SIGNING_KEY,
    CONF_TEMPORARY_URL,
    DEVELOPER_PORTAL_URL,
    DOMAIN,
    LinkMethod,
)
from .credentials import async_delete_replaced, find_signing_key
from .endpoints import PORTAL_FIELDS, async_urls, temporary_urls
from .linking import LinkListener, async_acquire_listener, linked_entry
from .pasted import PastedToken, TokenNotSavedError
from .session import async_newest_record, new_link
from .unlink import async_implementation_of, async_unlink
from .visits import async_describe_visits

_LOGGER = logging.getLogger(__name__)

MIN_KEY_LENGTH = 8

MIN_TOKEN_LENGTH = 8


class InvalidTokenError(RingError):
    """A pasted text is no token."""


class ExpiredTokenError(RingError):
    """A pasted token says itself that it has ended."""


# The first that fits names the text the user reads.
ERRORS: tuple[tuple[type[RingError], str], ...] = (
    (RingClientCredentialsError, "invalid_client"),
    (RingAuthError, "invalid_auth"),
    (RingRateLimitError, "rate_limited"),
    (RingUnavailableError, "cannot_connect"),
    (RingForbiddenError, "forbidden"),
    (RingNotFoundError, "no_integration"),
    (RingRequestError, "refused"),
    (NonceMismatchError, "wrong_signing_key"),
    (InvalidTokenError, "invalid_token"),
    (ExpiredTokenError, "expired_token"),
    (TokenNotSavedError, "token_not_saved"),
    (RingError, "unknown"),
)


def error_key(err: RingError) -> str:
    """Return the key of the text that tells the user about an error."""
    return next(key for kind, key in ERRORS if isinstance(err, kind))


class RingLinkFlow(AbstractOAuth2FlowHandler):
    """The state of one attempt to link, and how it ends."""

    DOMAIN = DOMAIN

    def __init__(self) -> None:
        """Start with nothing known."""
        super().__init__()
        self._method = LinkMethod.RING_APP
        self._signing_key: str | None = None
        # What was entered in this dialog, by client id: another private app has another key.
        self._keys: dict[str, str] = {}
        self._listener: LinkListener | None = None
        self._close_listener: CALLBACK_TYPE | None = None
        self._opened_at = dt_util.utcnow()
        self._stop_visits: CALLBACK_TYPE | None = None
        self._urls: dict[str, str] = {}
        # Where Ring reaches Home Assistant until the account is linked, if there is no public URL.
        self._temporary_url: str | None = None
        self._waiting: asyncio.Task[None] | None = None
        self._waiting_since: float | None = None
        self._seen_failure: RingError | None = None
        self._wait_error: str | None = None
        self._claim: Claim | None = None
        self._entered_token = ""
        self._pasted: PastedToken | None = None
        self._submitting = asyncio.Lock()
        self._removed = False
        self._finished = False

    @property
    @override
    def logger(self) -> logging.Logger:
        """The logger Home Assistant's OAuth2 steps use."""
        return _LOGGER

    @callback
    @override
    def async_remove(self) -> None:
        """The dialog is gone: stop waiting, and take the endpoints away if nobody else needs them."""
        self._removed = True
        if self._waiting is not None:
            self._waiting.cancel()
        if self._claim is not None:
            self._claim.dialogs.discard(self.flow_id)
        self._stop_listening()

    @override
    async def async_on_create_entry(self, result: ConfigFlowResult) -> ConfigFlowResult:
        """The new entry holds the token: no other copy is needed."""
        await self._async_forget_copies()
        return result

    @callback
    def _on_visit(self) -> None:
        """The user has opened the test page: show it where the dialog waits."""
        if self._waiting is not None:
            self.async_notify_flow_changed()

    async def _async_reached(self) -> str:
        """Say how the test page was reached since this dialog was opened."""
        visits = self._listener.visits.since(self._opened_at) if self._listener is not None else ()
        return await async_describe_visits(self.hass, visits)

    @callback
    def _stop_listening(self) -> None:
        if self._stop_visits is not None:
            self._stop_visits()
            self._stop_visits = None
        if self._close_listener is not None:
            self._close_listener()
            self._close_listener = None

    @asynccontextmanager
    async def _one_submit(self) -> AsyncIterator[None]:
        """Let one submit work at a time; the second of a double click finds the flow ended, as it is for any other."""
        async with self._submitting:
            if self._finished:
                raise UnknownFlow
            yield

    def _account_id(self) -> str | None:
        """The account that this dialog is for; None stands for any that is not linked."""
        if (entry := self._entry()) is not None:
            return entry.unique_id
        return self.unique_id if self.source == SOURCE_INTEGRATION_DISCOVERY else None

    def _claims(self) -> list[Claim]:
        """The accounts that this dialog could link, the latest at the end."""
        if TYPE_CHECKING:
            assert self._listener is not None
        wanted = self._account_id()
        return [
            claim
            for claim in self._listener.claims
            if (claim.user.id == wanted if wanted else linked_entry(self.hass, claim.user.id) is None)
        ]

    def _find_claim(self) -> Claim | None:
        """Return the account to show: the one that is shown already, else the one whose browser came last."""
        ready = [claim for claim in self._claims() if claim.is_ready]
        if self._claim not in ready:
            self._set_claim(ready[-1] if ready else None)
        return self._claim

    def _find_linked(self) -> Claim | None:
        """Return an account that is linked already, and which only this dialog can have been meant for."""
        if self._listener is None or self._account_id() is not None or self._waiting_since is None:
            return None
        since = self._waiting_since
        claims = (claim for claim in self._listener.claims if claim.is_ready and not claim.is_expected)
        return next((claim for claim in claims if claim.arrived >= since), None)

    def _set_claim(self, claim: Claim | None) -> None:
        if self._claim is not None:
            self._claim.dialogs.discard(self.flow_id)
        self._claim = claim

    async def _async_forget_copies(self) -> None:
        """Delete the other copy of a token that an entry holds."""
        if self._pasted is not None:
            await self._pasted.async_forget()
        if self._claim is not None and self._claim.ended is not None and self._listener is not None:
            await self._listener.async_forget(self._claim)

    async def _async_confirm(self, claim: Claim) -> None:
        """Confirm with the nonce, which Ring takes once, then complete, which may be repeated."""
        client = self._client(claim.token.access_token)
        if not claim.is_confirmed:
            try:
                await client.async_confirm_link(claim.nonce, self._identifier())
            except RingUnavailableError:
                claim.maybe_confirmed = True
                raise
            except RingRequestError:
                # Perhaps it was taken and only the answer got lost; then the link can be completed.
                if not claim.maybe_confirmed:
                    raise
            claim.is_confirmed = True
            if TYPE_CHECKING:
                assert self._listener is not None
            await self._listener.async_save()
        await client.async_set_link_status("completed")

    async def _async_link_token(self, token: Token) -> ConfigFlowResult:
        """Learn whose token it is, complete the link, and finish."""
        client = self._client(token.access_token)
        user = await client.async_get_user()
        self._check_account(user)
        if self._method is not LinkMethod.PLAYGROUND:
            await client.async_set_link_status("completed", self._identifier())
        return await self._async_finish(user, token)

    @property
    def _implementation(self) -> RingOAuth2Implementation:
        if TYPE_CHECKING:
            assert isinstance(self.flow_impl, RingOAuth2Implementation)
        return self.flow_impl

    def _client(self, access_token: str) -> RingClient:
        limits = None if self._method is LinkMethod.PLAYGROUND else self._implementation.rate_limits
        return RingClient(
            async_get_clientsession(self.hass),
            StaticAuth(access_token),
            RingHosts.from_environment(),
            limiter=None if limits is None else limits.account(),
        )

    def _entry(self) -> ConfigEntry | None:
        """The entry that is linked anew, if any."""
        if self.source == SOURCE_REAUTH:
            return self._get_reauth_entry()
        return self._get_reconfigure_entry() if self.source == SOURCE_RECONFIGURE else None

    def _identifier(self) -> str:
        """Who links, as Ring shows it to its user: the signed-in Home Assistant user, masked."""
        request = http.current_request.get()
        user = request.get(KEY_HASS_USER) if request is not None else None
        return mask_identifier(user.name if user is not None and user.name else self.hass.config.location_name)

    def _known_key(self, client_id: str) -> str | None:
        """Return the signing key of a private app: entered in this dialog, or of an account linked with the app."""
        return self._keys.get(client_id) or find_signing_key(self.hass, client_id, self._entry())

    async def _async_listen(self, signing_key: str) -> bool:
        """Open the endpoints of this Ring app; False where Ring could not reach them."""
        self._stop_listening()
        self._signing_key = signing_key
        self._listener, self._close_listener = await async_acquire_listener(
            self.hass, self._implementation, signing_key
        )
        self._stop_visits = self._listener.visits.listen(self._on_visit)
        if self._removed:
            # The dialog was closed meanwhile.
            self._stop_listening()
        return await self._async_find_urls(signing_key)

    async def _async_find_urls(self, signing_key: str) -> bool:
        if self._temporary_url is None:
            self._urls = await async_urls(self.hass, signing_key)
        else:
            self._urls = temporary_urls(signing_key, self._temporary_url)
        return self._urls.keys() == PORTAL_FIELDS.keys()

    def _portal(self) -> dict[str, str]:
        """Return what the texts about Ring's developer console name."""
        return self._urls | {"portal_url": DEVELOPER_PORTAL_URL}

    def _check_account(self, user: User) -> None:
        """Refuse a second entry of an account, and another account for an entry."""
        placeholders = {"account": as_markdown(describe(user))}
        entry = self._entry()
        if entry is None and linked_entry(self.hass, user.id) is not None:
            raise AbortFlow("already_configured", placeholders)
        if entry is not None and entry.unique_id != user.id:
            raise AbortFlow("wrong_account", placeholders)

    async def _async_renew(self, entry: ConfigEntry, data: dict[str, Any]) -> ConfigFlowResult:
        """Give an entry its new link, and leave nothing of the one before."""
        replaced = await self._async_replaced_link(entry)
        result = self.async_update_reload_and_abort(entry, data=data)
        await self._async_forget_copies()
        if replaced is not None:
            self.hass.async_create_task(async_unlink(self.hass, *replaced, entry.unique_id), "ring_partner unlink")
        await async_delete_replaced(self.hass, data.get(CONF_IMPLEMENTATION))
        return result

    async def _async_replaced_link(self, entry: ConfigEntry) -> tuple[Token, RingOAuth2Implementation] | None:
        """Return the link that the new one replaces, if it is another private app's: at Ring, it goes on."""
        old = await async_implementation_of(self.hass, entry)
        new = None if self._method is LinkMethod.PLAYGROUND else self._implementation.client_id
        if old is None or old.client_id == new:
            return None
        try:
            return (await async_newest_record(self.hass, entry)).token, old
        except RingAuthError, ConfigEntryNotReady:
            # The link has ended, or the newest token cannot be read.
            return None

    async def _async_finish(self, user: User, token: Token) -> ConfigFlowResult:
        """Create the entry, or give the existing one its new link."""
        entry = self._entry()
        data: dict[str, Any] = {
            CONF_LINK_METHOD: self._method.value,
            CONF_LINKED_AT: time.time(),
            CONF_TOKEN: new_link(token),
        }
        key = None
        if self._method is not LinkMethod.PLAYGROUND:
            data[CONF_IMPLEMENTATION] = self._implementation.domain
            key = self._signing_key or self._known_key(self._implementation.client_id)
        if key:
            data[CONF_SIGNING_KEY] = key
        self._finished = True
        known = entry.data if entry is not None and entry.data.get(CONF_SIGNING_KEY) == key else {}
        if self._urls:
            data |= self._urls
            if self._temporary_url is not None:
                data[CONF_TEMPORARY_URL] = self._temporary_url
        else:
            data |= {name: known[name] for name in (*PORTAL_FIELDS, CONF_TEMPORARY_URL) if name in known}
        if entry is not None:
            return await self._async_renew(entry, data)
        # Not before: Home Assistant removes other dialogs of the same account without a word, once this one has ended.
        await self.async_set_unique_id(user.id, raise_on_progress=False)
        # Another dialog may have been faster.
        self._check_account(user)
        if self._method is not LinkMethod.PLAYGROUND:
            return self.async_create_entry(title=account_name(user), data=data)
        return self.async_create_entry(
            title=account_name(user),
            data=data,
            description="playground",
            description_placeholders={"minutes": str(round(token.expires_in(time.time()) / 60))},
        )


def account_name(user: User) -> str:
    """An account as its entry is called."""
    name = " ".join(part for part in (user.first_name, user.last_name) if part)
    return name or user.masked_email or "Ring"


def describe(user: User) -> str:
    """An account as a person recognises it, without giving the address away."""
    name = account_name(user)
    return name if user.masked_email in (None, name) else f"{name} · {user.masked_email}"


def as_markdown(text: str) -> str:
    """Return text so that the frontend shows it as it is: a masked address is neither emphasis nor a link."""
    return re.sub(r"([\\`*_\[\]<>])", r"\\\1", text).replace("@", "&#64;")


def signing_key_from(user_input: dict[str, Any]) -> str | None:
    """Return the signing key of a form, or None where the field was left empty."""
    return user_input.get(CONF_SIGNING_KEY, "").strip() or None


def is_signing_key(key: str) -> bool:
    """Return whether a text can be a signing key."""
    return len(key) >= MIN_KEY_LENGTH


def signing_key_errors(key: str | None) -> dict[str, str]:
    """Say what is wrong with a signing key, if one was given."""
    return {} if key is None or is_signing_key(key) else {CONF_SIGNING_KEY: "invalid_signing_key"}


def token_from(text: str) -> str:
    """Return the token of a pasted text: without quotes, and without the name of the header it was copied with.

    Raises InvalidTokenError for a text that is no token.
    """
    token = re.sub(r"^(authorization:)?\s*bearer\s+", "", text.strip().strip("\"'"), flags=re.IGNORECASE).strip()
    if len(token) < MIN_TOKEN_LENGTH or not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidTokenError("This is not a token")
    return token
