"""What a pasted refresh token was exchanged for: on disk from the exchange on, until an entry holds it."""

import asyncio
from contextlib import suppress
import hashlib
import time

from homeassistant.core import HomeAssistant
from homeassistant.util.hass_dict import HassKey

from .api import RingAuthError, RingError, Token
from .application_credentials import RingOAuth2Implementation
from .const import CONF_IMPLEMENTATION, DOMAIN
from .journal import ATTR_GENERATION, Record, TokenJournal

PASTED_PREFIX = "pasted-"

_LOCKS: HassKey[dict[str, asyncio.Lock]] = HassKey(f"{DOMAIN}_pasted_locks")


class TokenNotSavedError(RingError):
    """A token was not exchanged, because the new one could not be kept."""


class PastedToken:
    """A refresh token that the user pasted. Exchanged once; pasted again in any dialog, it is what it became."""

    def __init__(self, hass: HomeAssistant, implementation: RingOAuth2Implementation, pasted: str) -> None:
        """Find its file by what was pasted, and by the private app it belongs to."""
        self._hass = hass
        self._implementation = implementation
        self._pasted = pasted
        digest = hashlib.sha256(f"{implementation.client_id}\n{pasted}".encode()).hexdigest()[:32]
        self._lock = hass.data.setdefault(_LOCKS, {}).setdefault(digest, asyncio.Lock())
        self._journal = TokenJournal(hass, f"{PASTED_PREFIX}{digest}")

    async def async_obtain(self) -> Token:
        """Return the newest tokens. Raises RingError.

        A dialog that is closed meanwhile does not end the exchange: its answer is the only copy of the new token.
        """
        task = self._hass.async_create_task(self._async_obtain(), "ring_partner pasted token")
        return await asyncio.shield(task)

    async def _async_obtain(self) -> Token:
        async with self._lock:
            try:
                record = await self._journal.async_read(None) or Record(self._stored(_unused(self._pasted), 0))
                if record.token.expires_in(time.time()) > 0:
                    return record.token
                # Ring's answer kills the old token: none is asked for while a new one could not be kept.
                await self._journal.async_write(record)
            except OSError as err:
                raise TokenNotSavedError(err.strerror or type(err).__name__) from err
            token = await self._async_refresh(record)
            # Should the disk have filled up just now, the dialog still holds the token.
            with suppress(OSError):
                await self._journal.async_write(Record(self._stored(token, record.generation + 1)))
            return token

    async def _async_refresh(self, record: Record) -> Token:
        try:
            return await self._implementation.client.refresh(record.token.refresh_token or "")
        except RingAuthError:
            await self._journal.async_remove()
            raise

    def _stored(self, token: Token, generation: int) -> dict[str, str | int | float | None]:
        return token.as_dict() | {ATTR_GENERATION: generation, CONF_IMPLEMENTATION: self._implementation.domain}

    async def async_forget(self) -> None:
        """Delete the file: an entry holds the tokens."""
        await self._journal.async_remove()


def _unused(pasted: str) -> Token:
    """Return a token whose access token has never been issued: the next use refreshes."""
    return Token(access_token="none", refresh_token=pasted, expires_at=0.0)
