"""The account's token: refreshed early, once at a time, and written down before it is used.

A refresh at Ring returns a new refresh token and may kill the old one at once, while Home Assistant writes config
entries about a second late. So a new pair goes to a journal first; whichever of journal and entry is newer wins.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
import logging
import secrets
import time
from typing import Any, NoReturn, TypedDict, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_TOKEN
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_point_in_utc_time
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from .api import AbstractAuth, OAuthClient, RingAuthError, RingError, RingUnavailableError, Token
from .const import DOMAIN

_LOGGER = logging.getLogger(__name__)

REFRESH_EARLY = timedelta(minutes=5)
# An idle link must never reach the 30-day end of its refresh token, whatever lifetime Ring gives the access token.
REFRESH_AT_LEAST = timedelta(days=1)
RETRY_FIRST = timedelta(seconds=30)
RETRY_LONGEST = timedelta(minutes=15)

ATTR_LINK = "link"
ATTR_GENERATION = "generation"


class _Journal(TypedDict):
    """What the journal holds: the newest token, and the refresh token it replaced."""

    token: dict[str, Any]
    previous_refresh_token: str | None


def new_link(token: Token) -> dict[str, Any]:
    """Return the entry's form of a token that was just obtained by linking.

    `link` tells this link from any earlier one of the account, `generation` counts its refreshes: together they say
    whether the journal or the entry is newer, independently of the clock.
    """
    return token.as_dict() | {ATTR_LINK: secrets.token_hex(8), ATTR_GENERATION: 0}


def journal_store(hass: HomeAssistant, entry_id: str) -> Store[_Journal]:
    """Return the journal of an entry: readable by Home Assistant's user only, written atomically."""
    return Store(hass, 1, f"{DOMAIN}.{entry_id}.token", private=True, atomic_writes=True)


class RingSession(AbstractAuth):
    """Keeps one account's access token valid."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], oauth: OAuthClient | None) -> None:
        """Start from the entry's token; a Playground link has no client and is never refreshed."""
        self.hass = hass
        self.entry = entry
        self._oauth = oauth
        self._store = journal_store(hass, entry.entry_id)
        self._stored: dict[str, Any] = dict(entry.data[CONF_TOKEN])
        self._token = Token.from_dict(self._stored)
        self._previous: str | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._lost = False
        self._closed = False
        self._retry_delay = RETRY_FIRST
        self._cancel_timer: CALLBACK_TYPE | None = None
        self._listeners: list[Callable[[], None]] = []

    @override
    def __repr__(self) -> str:
        """Show no secret."""
        return f"<RingSession {self.entry.entry_id} generation {self._stored.get(ATTR_GENERATION)}>"

    @property
    def expires_at(self) -> datetime:
        """When the access token ends."""
        return dt_util.utc_from_timestamp(self._token.expires_at)

    @property
    def scopes(self) -> frozenset[str]:
        """What the token was granted."""
        return self._token.scopes

    @property
    def refreshes(self) -> int:
        """How often this link has been refreshed."""
        return int(self._stored.get(ATTR_GENERATION, 0))

    async def async_start(self) -> None:
        """Adopt a journal that is newer than the entry, and start the timer."""
        if (journal := await self._store.async_load()) is not None:
            token = journal["token"]
            self._previous = journal["previous_refresh_token"]
            if token.get(ATTR_LINK) != self._stored.get(ATTR_LINK):
                self._previous = None
            elif token[ATTR_GENERATION] > self._stored[ATTR_GENERATION]:
                _LOGGER.debug("The journal holds a newer token than the config entry")
                self._adopt(token)
        self.entry.async_on_unload(self._close)
        self._schedule()

    @callback
    def _close(self) -> None:
        self._closed = True
        self._stop_timer()

    @callback
    def async_add_listener(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every refresh."""
        self._listeners.append(listener)

    @override
    async def async_get_access_token(self) -> str:
        """Return an access token that has not expired."""
        if self._lost or self._token.expires_in(time.time()) <= 0:
            await self._async_refresh()
        return self._token.access_token

    @override
    async def async_renew(self, rejected: str) -> str:
        """Return another token than `rejected`; one that has been replaced meanwhile costs no refresh."""
        if self._lost or self._token.access_token == rejected:
            await self._async_refresh()
        return self._token.access_token

    async def _async_refresh(self) -> None:
        """Refresh once, however many callers wait; a caller that is cancelled does not cancel it.

        Not a background task: unloading the entry has to wait for an answer that may be the only copy of a new token.
        """
        if self._lost or self._oauth is None:
            self._give_up()
        if self.hass.is_stopping:
            raise RingUnavailableError("Home Assistant is stopping")
        if self._refreshing is None:
            self._refreshing = self.entry.async_create_task(
                self.hass, self._async_refresh_once(self._oauth), "ring_partner token refresh"
            )
            self._refreshing.add_done_callback(self._refresh_done)
        await asyncio.shield(self._refreshing)

    def _refresh_done(self, task: asyncio.Task[None]) -> None:
        self._refreshing = None
        if not task.cancelled():
            task.exception()  # Retrieved: the callers that still wait raise it.

    async def _async_refresh_once(self, oauth: OAuthClient) -> None:
        """Rotate the pair: ask Ring, write the journal, then use and publish it."""
        replaced = self._token.refresh_token or ""
        try:
            token = await self._async_request(oauth, replaced)
        except RingAuthError:
            self._give_up()
        stored = token.as_dict() | {
            ATTR_LINK: self._stored.get(ATTR_LINK),
            ATTR_GENERATION: self.refreshes + 1,
        }
        await self._store.async_save({"token": stored, "previous_refresh_token": replaced})
        self._previous = replaced
        self._adopt(stored)
        self._retry_delay = RETRY_FIRST
        self._schedule()
        for listener in self._listeners:
            listener()

    async def _async_request(self, oauth: OAuthClient, refresh_token: str) -> Token:
        """Ask for a new pair; as a last resort with the token before, should Ring have lost the newest one."""
        try:
            return await oauth.refresh(refresh_token)
        except RingAuthError:
            previous, self._previous = self._previous, None
            if not previous or previous == refresh_token:
                raise
            _LOGGER.debug("Ring refused the newest refresh token; trying the one before it")
            return await oauth.refresh(previous)

    def _adopt(self, stored: dict[str, Any]) -> None:
        self._stored = stored
        self._token = Token.from_dict(stored)
        # An answer that comes after the user linked anew must not overwrite the new link.
        if self.entry.data[CONF_TOKEN].get(ATTR_LINK) == stored[ATTR_LINK]:
            self.hass.config_entries.async_update_entry(self.entry, data={**self.entry.data, CONF_TOKEN: stored})

    def _give_up(self) -> NoReturn:
        """The link is lost: ask the user once, and send nothing more."""
        self._lost = True
        self._stop_timer()
        self.entry.async_start_reauth(self.hass)
        raise RingAuthError("Ring no longer accepts this link")

    @callback
    def _schedule(self, retry_in: timedelta | None = None) -> None:
        """Set the timer: ahead of the token's end, or for another try after an outage."""
        self._stop_timer()
        if self._closed:
            return
        if self._oauth is None:
            due = self.expires_at
        elif retry_in is not None:
            due = dt_util.utcnow() + retry_in
        else:
            due = min(self.expires_at - REFRESH_EARLY, dt_util.utcnow() + REFRESH_AT_LEAST)
        self._cancel_timer = async_track_point_in_utc_time(self.hass, self._async_timer, due)

    @callback
    def _stop_timer(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None

    async def _async_timer(self, _now: datetime) -> None:
        """Refresh ahead of time; an outage is tried again with growing pauses, and never asks for a new link."""
        self._cancel_timer = None
        try:
            await self._async_refresh()
        except RingAuthError:
            return
        except RingError as err:
            asked = (err.retry_after or 0) if isinstance(err, RingUnavailableError) else 0
            pause = max(self._retry_delay, timedelta(seconds=asked))
            self._retry_delay = min(self._retry_delay * 2, RETRY_LONGEST)
            _LOGGER.debug("Could not refresh the token, next try in %s: %s", pause, err)
            self._schedule(retry_in=pause)
