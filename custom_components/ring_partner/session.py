"""The account's token: refreshed early, once at a time, and written down before it is used.

A refresh at Ring returns a new refresh token and may kill the old one at once, while Home Assistant writes config
entries about a second late. So a new pair goes to a journal first; whichever of journal and entry is newer wins.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
import logging
import math
import secrets
import time
from typing import Any, NoReturn, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_TOKEN, EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CALLBACK_TYPE, Event, HassJob, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryNotReady
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .api import (
    AbstractAuth,
    OAuthClient,
    RingAuthError,
    RingClientCredentialsError,
    RingError,
    RingRateLimitError,
    RingRequestError,
    RingUnavailableError,
    Token,
)
from .const import DOMAIN
from .journal import ATTR_GENERATION, ATTR_LINK, Record, TokenJournal
from .repairs import AccountIssue, clear, report

_LOGGER = logging.getLogger(__name__)

REFRESH_EARLY = timedelta(minutes=5)
# An idle link must never reach the 30-day end of its refresh token, whatever lifetime Ring gives the access token.
REFRESH_AT_LEAST = timedelta(days=1)
RETRY_FIRST = timedelta(seconds=30)
RETRY_LONGEST = timedelta(minutes=5)
# Ring documents no errors here. What it refuses for so long, in whatever words, the user should know of.
REFUSED_FOR = timedelta(hours=6)
# A token that Ring issued and its API refuses all the same is replaced after so long, then less and less often.
REJECTED_FIRST_SECONDS = 60.0
REJECTED_LONGEST_SECONDS = 3600.0

ISSUE_NOT_SAVED = "token_not_saved"

# By entry, not by session: a reloaded entry must not send a refresh token that the session before has just sent.
_REFRESHES: HassKey[dict[str, asyncio.Task[None]]] = HassKey(f"{DOMAIN}_refreshes")


@dataclass(slots=True)
class _Trouble:
    """What Ring has refused a link, by the event loop's clock; attempts to set the entry up come and go."""

    link: str | None
    refused_since: float | None = None
    """Since when the token endpoint has refused to refresh, without saying that the link has ended."""
    rejected_since: float | None = None
    """Since when the API has refused tokens that the token endpoint issued."""
    issued_at: float = -math.inf
    pause: float = REJECTED_FIRST_SECONDS
    """How long after `issued_at` a token is not replaced."""

    def note_issued(self, now: float) -> None:
        """Count from the newest token; where the API refuses one after the other, they are replaced less often."""
        self.issued_at = now
        is_again = self.rejected_since is not None
        self.pause = min(self.pause * 2, REJECTED_LONGEST_SECONDS) if is_again else REJECTED_FIRST_SECONDS


_TROUBLES: HassKey[dict[str, _Trouble]] = HassKey(f"{DOMAIN}_troubles")


def new_link(token: Token) -> dict[str, Any]:
    """Return the entry's form of a token that was just obtained by linking."""
    return token.as_dict() | {ATTR_LINK: secrets.token_hex(8), ATTR_GENERATION: 0}


def not_saved_issue_id(entry: ConfigEntry[Any]) -> str:
    """Return the id of the repair that says that the token cannot be saved."""
    return f"{ISSUE_NOT_SAVED}_{entry.entry_id}"


async def async_newest_record(hass: HomeAssistant, entry: ConfigEntry[Any]) -> Record:
    """Return the entry's token, or the journal's where that is a newer one of the same link.

    Raises RingAuthError for an entry without a token, ConfigEntryNotReady when the journal cannot be read.
    """
    await async_wait_for_refresh(hass, entry.entry_id)
    record = Record(entry.data[CONF_TOKEN])
    try:
        journal = await TokenJournal(hass, entry.entry_id).async_read(record.link)
    except OSError as err:
        # Going on with the entry's token alone could mean sending one that Ring has replaced, which may end the link.
        raise ConfigEntryNotReady(
            translation_domain=DOMAIN,
            translation_key="journal_unreadable",
            translation_placeholders={"error": err.strerror or type(err).__name__},
        ) from err
    return record if journal is None or journal.generation < record.generation else journal


async def async_wait_for_refresh(hass: HomeAssistant, entry_id: str) -> None:
    """Wait for an answer that is under way: it may be the only copy of a new token."""
    if (refresh := hass.data.get(_REFRESHES, {}).get(entry_id)) is not None:
        await asyncio.wait((refresh,))


class RingSession(AbstractAuth):
    """Keeps one account's access token valid."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], oauth: OAuthClient | None, record: Record) -> None:
        """Start from a token; a Playground link has no client and is never refreshed."""
        self.hass = hass
        self.entry = entry
        self._oauth = oauth if record.token.refresh_token is not None else None
        self._journal = TokenJournal(hass, entry.entry_id)
        self._record = record
        self._lost = False
        self._closed = False
        self._pause = RETRY_FIRST
        self._failure = ""
        self._retry_at = 0.0
        troubles = hass.data.setdefault(_TROUBLES, {})
        trouble = troubles.get(entry.entry_id)
        if trouble is None or trouble.link != record.link:
            trouble = troubles[entry.entry_id] = _Trouble(record.link)
        self._trouble = trouble
        self._cancel_timer: CALLBACK_TYPE | None = None
        self._timer = HassJob(self._async_timer, "ring_partner token timer", cancel_on_shutdown=True)
        self._listeners: list[Callable[[], None]] = []

    @override
    def __repr__(self) -> str:
        """Show no secret."""
        return f"<RingSession {self.entry.entry_id} generation {self.refreshes}>"

    @property
    def expires_at(self) -> datetime:
        """When the access token ends."""
        return dt_util.utc_from_timestamp(self._record.token.expires_at)

    @property
    def scopes(self) -> frozenset[str]:
        """What the token was granted."""
        return self._record.token.scopes

    @property
    def refreshes(self) -> int:
        """How often this link has been refreshed."""
        return self._record.generation

    @property
    def is_lost(self) -> bool:
        """Whether the user has to link again; nothing is sent any more."""
        return self._lost

    @callback
    def async_start(self) -> None:
        """Bring the entry up to date with the journal, and start the timer."""
        self._publish()
        self.entry.async_on_unload(self._close)
        self.entry.async_on_unload(self.hass.bus.async_listen(EVENT_HOMEASSISTANT_STOP, self._async_stop))
        self._schedule()

    async def async_close(self) -> None:
        """Send nothing more, and keep what is still coming."""
        self._close()
        await async_wait_for_refresh(self.hass, self.entry.entry_id)

    async def _async_stop(self, _event: Event) -> None:
        """Home Assistant waits for its listeners, but would cancel the refresh itself."""
        await self.async_close()

    @callback
    def _close(self) -> None:
        self._closed = True
        self._stop_timer()

    @callback
    def async_add_listener(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every refresh, and when the link is lost."""
        self._listeners.append(listener)

    @override
    async def async_get_access_token(self) -> str:
        """Return an access token that has not expired."""
        if self._lost or self._record.token.expires_in(time.time()) <= 0:
            await self._async_refresh()
        return self._record.token.access_token

    @override
    async def async_renew(self, rejected: str) -> str:
        """Return another token than `rejected`; one that has been replaced meanwhile costs no refresh.

        A token that the token endpoint issued a moment ago is not replaced: it is the API that has an outage.
        """
        if self._lost or self._record.token.access_token == rejected:
            since_issued = self.hass.loop.time() - self._trouble.issued_at
            if since_issued < self._trouble.pause and not self._lost:
                raise RingUnavailableError("Ring refuses a token that it has just issued", status=401)
            await self._async_refresh()
        return self._record.token.access_token

    @callback
    def note_poll(self, err: RingError | None) -> None:
        """Learn whether Ring's API takes the tokens that its token endpoint issues."""
        if err is None:
            if self._trouble.rejected_since is not None:
                self._trouble.rejected_since = None
                self._clear_refusal()
        elif err.status == HTTPStatus.UNAUTHORIZED and isinstance(err, RingUnavailableError):
            self._trouble.rejected_since = self._trouble.rejected_since or self.hass.loop.time()
            self._report_if_refused_for_long(self._trouble.rejected_since)

    def _clear_refusal(self) -> None:
        if self._trouble.refused_since is None and self._trouble.rejected_since is None:
            clear(self.hass, self.entry, AccountIssue.LINK_REFUSED)

    def _report_if_refused_for_long(self, since: float) -> None:
        if self.hass.loop.time() - since >= REFUSED_FOR.total_seconds():
            report(self.hass, self.entry, AccountIssue.LINK_REFUSED)

    async def _async_refresh(self) -> None:
        """Refresh once, however many callers wait; a caller that is cancelled does not cancel it."""
        if self._closed or self.hass.is_stopping:
            raise RingUnavailableError("The account is being unloaded")
        if self._lost or self._oauth is None:
            self._give_up()
        refreshes = self.hass.data.setdefault(_REFRESHES, {})
        entry_id = self.entry.entry_id
        if (refresh := refreshes.get(entry_id)) is None:
            self._check_pause(self._oauth)
            # Not a background task: those are cancelled on unload, and the answer with them.
            refresh = self.entry.async_create_task(
                self.hass, self._async_refresh_once(self._oauth), "ring_partner token refresh"
            )
            refreshes[entry_id] = refresh
            refresh.add_done_callback(lambda task: self._refresh_done(task, refreshes))
        await asyncio.shield(refresh)

    def _check_pause(self, oauth: OAuthClient) -> None:
        """Raise where it is too early to try again; only what Ring asked for is told to wait."""
        if (wait := self._retry_at - self.hass.loop.time()) <= 0:
            return
        message = f"{self._failure}; the next try is in {wait:.0f} s"
        if (asked := oauth.limiter.seconds_to_wait()) > 0:
            raise RingRateLimitError(message, retry_after=asked)
        raise RingUnavailableError(message)

    def _refresh_done(self, task: asyncio.Task[None], refreshes: dict[str, asyncio.Task[None]]) -> None:
        del refreshes[self.entry.entry_id]
        if not task.cancelled():
            task.exception()  # Retrieved: the callers that still wait raise it.

    async def _async_refresh_once(self, oauth: OAuthClient) -> None:
        """Rotate the pair; an outage is tried again with growing pauses, and never asks for a new link."""
        try:
            await self._async_rotate(oauth)
        except RingAuthError:
            self._give_up()
        except RingError as err:
            self._postpone(err)
            self._note_refusal(err)
            raise
        self._pause = RETRY_FIRST
        self._trouble.refused_since = None
        self._clear_refusal()
        self._schedule()

    async def _async_rotate(self, oauth: OAuthClient) -> None:
        """Ask Ring, write the journal, then use and publish the new pair."""
        # Ring's answer kills the old token: none is asked for while a new one could not be kept.
        await self._async_save(self._record)
        record = self._record.replaced_by(await self._async_request(oauth))
        try:
            await self._async_save(record)
        finally:
            # Even if the disk has filled up just now: this pair is the only one left. The next try saves it first.
            self._record = record
            self._trouble.note_issued(self.hass.loop.time())
            self._publish()
            self._notify()

    async def _async_request(self, oauth: OAuthClient) -> Token:
        """Ask for a new pair; as a last resort with the token before, should Ring have lost the newest one."""
        newest, previous = self._record.token.refresh_token or "", self._record.previous_refresh_token
        try:
            return await oauth.refresh(newest)
        except RingClientCredentialsError:
            raise
        except RingAuthError:
            if previous is None or previous == newest:
                raise
            _LOGGER.debug("Ring refused the newest refresh token; trying the one before it")
            return await oauth.refresh(previous)

    async def _async_save(self, record: Record) -> None:
        """Write the journal; tell the user what only the user can mend."""
        issue_id = not_saved_issue_id(self.entry)
        try:
            await self._journal.async_write(record)
        except OSError as err:
            reason = err.strerror or type(err).__name__
            ir.async_create_issue(
                self.hass,
                DOMAIN,
                issue_id,
                is_fixable=False,
                severity=ir.IssueSeverity.ERROR,
                translation_key=ISSUE_NOT_SAVED,
                translation_placeholders={"account": self.entry.title, "error": reason},
            )
            raise RingUnavailableError(f"The token cannot be saved: {reason}") from err
        ir.async_delete_issue(self.hass, DOMAIN, issue_id)

    @property
    def _is_current(self) -> bool:
        """Whether this is still the entry's link: it may have been linked anew, or removed, while Ring answered."""
        entry = self.hass.config_entries.async_get_entry(self.entry.entry_id)
        return entry is not None and entry.data[CONF_TOKEN].get(ATTR_LINK) == self._record.link

    def _publish(self) -> None:
        """Take the token over into the entry, which Home Assistant writes in its own time."""
        if self._is_current:
            data = {**self.entry.data, CONF_TOKEN: dict(self._record.stored)}
            self.hass.config_entries.async_update_entry(self.entry, data=data)

    def _notify(self) -> None:
        for listener in self._listeners:
            listener()

    @callback
    def revoke(self) -> None:
        """Ring says that the user has ended the link: forget the tokens, which are void, and ask for a new link."""
        if not self._is_current:
            return
        data = {**self.entry.data, CONF_TOKEN: {ATTR_LINK: self._record.link}}
        self.hass.config_entries.async_update_entry(self.entry, data=data)
        self.entry.async_create_task(self.hass, self._journal.async_remove(), "ring_partner token removal")
        with suppress(RingAuthError):
            self._give_up()

    def _give_up(self) -> NoReturn:
        """The link is lost: ask the user once, and send nothing more.

        Of a link that has been replaced meanwhile nothing is said: Home Assistant would start a reauth for a
        RingAuthError in a poll.
        """
        if not self._is_current:
            self._stop_timer()
            raise RingUnavailableError("The account has been linked again")
        if not self._lost:
            self._lost = True
            self._stop_timer()
            self.entry.async_start_reauth(self.hass)
            self._notify()
        raise RingAuthError("Ring no longer accepts this link")

    def _postpone(self, err: RingError) -> None:
        asked = (err.retry_after or 0) if isinstance(err, RingUnavailableError) else 0
        pause = max(self._pause, timedelta(seconds=asked))
        self._pause = min(self._pause * 2, RETRY_LONGEST)
        self._failure = str(err)
        self._retry_at = self.hass.loop.time() + pause.total_seconds()
        _LOGGER.debug("Could not refresh the token, next try in %s: %s", pause, err)
        self._set_timer(pause)

    def _note_refusal(self, err: RingError) -> None:
        """Tell the user of a refusal that lasts; it may yet be an outage, so the link is kept and tried on."""
        is_client_error = err.status is not None and 400 <= err.status < 500 and err.status not in (408, 429)
        # An error of OAuth, whatever its status.
        if not is_client_error and not isinstance(err, RingRequestError):
            self._trouble.refused_since = None
            return
        self._trouble.refused_since = self._trouble.refused_since or self.hass.loop.time()
        self._report_if_refused_for_long(self._trouble.refused_since)

    def _schedule(self) -> None:
        """Set the timer ahead of the token's end; where there is no refresh token, at its end."""
        token = self._record.token
        left = timedelta(seconds=token.expires_in(time.time()))
        if self._oauth is not None:
            lifetime = timedelta(seconds=token.lifetime)
            early = max(min(REFRESH_EARLY, lifetime / 2), lifetime - REFRESH_AT_LEAST)
            # A clock that was set back makes a token seem to live longer than it does.
            left = min(left - early, REFRESH_AT_LEAST)
        self._set_timer(max(left, timedelta()))

    def _set_timer(self, delay: timedelta) -> None:
        self._stop_timer()
        if not self._closed:
            self._cancel_timer = async_call_later(self.hass, delay, self._timer)

    def _stop_timer(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None

    async def _async_timer(self, _now: datetime) -> None:
        """Refresh ahead of time; what goes wrong has set the next timer already."""
        self._cancel_timer = None
        self._retry_at = 0.0
        try:
            await self._async_refresh()
        except RingError as err:
            _LOGGER.debug("The token was not refreshed: %s", err)
