"""Ring's webhooks: verified, told apart, worked on in memory, and answered.

One receiver serves all accounts of one Ring app, because they share its signing key and so its address.
Ring documentation: "Notifications".
"""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from http import HTTPStatus
import logging
from typing import Protocol, override

from aiohttp.hdrs import METH_POST
from aiohttp.web import Request, Response

from homeassistant.components import webhook
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util.hass_dict import HassKey

from .api import WebhookEvent, parse_webhook, verify_signature
from .const import CONF_SIGNING_KEY, DOMAIN
from .endpoints import Endpoint, async_read_body, endpoint_id

_LOGGER = logging.getLogger(__name__)

# Ring's bodies have a few hundred bytes.
MAX_BODY_BYTES = 65_536
# Ring itself counts an answer after 5 s as a failure.
READ_SECONDS = 4.0
# How often to see whether anybody is left to listen for.
CLOSE_SECONDS = 60.0

# Accounts that are on their way: Ring asks again after 1, 5, 30 and 120 s, and later.
_COMING = frozenset(
    {
        ConfigEntryState.NOT_LOADED,
        ConfigEntryState.SETUP_IN_PROGRESS,
        ConfigEntryState.SETUP_RETRY,
        ConfigEntryState.UNLOAD_IN_PROGRESS,
    }
)

_RECEIVERS: HassKey[dict[str, WebhookReceiver]] = HassKey(f"{DOMAIN}_receivers")


class Recipient(Protocol):
    """An account that webhooks are for."""

    @property
    def account_id(self) -> str:
        """Ring's id of the account."""

    @property
    def is_leaving(self) -> bool:
        """Whether nobody would hear of an event any more, and of its repetition somebody may."""

    def has_device(self, device_id: str | None) -> bool:
        """Whether the account has a device; envelopes of version 1.0 name no account."""

    def receive(self, event: WebhookEvent) -> None:
        """Deal with an event, once and at once: Ring waits for its answer."""

    def refuse(self) -> None:
        """Somebody sent what Ring did not sign."""


class WebhookReceiver:
    """The HTTP side of one Ring app's webhook."""

    def __init__(self, hass: HomeAssistant, signing_key: str) -> None:
        """Listen from now on: to an unknown webhook Home Assistant answers 200, and the event is lost."""
        self._hass = hass
        self._signing_key = signing_key
        self._recipients: list[Recipient] = []
        self._cancel_close: CALLBACK_TYPE | None = None
        self.webhook_id = endpoint_id(signing_key, Endpoint.EVENTS)
        self.strangers = 0
        webhook.async_register(hass, DOMAIN, "Ring webhook", self.webhook_id, self._handle, allowed_methods=[METH_POST])
        self._close_in_time()

    @override
    def __repr__(self) -> str:
        """Show no key."""
        return f"<WebhookReceiver accounts={len(self._recipients)}>"

    @callback
    def add(self, recipient: Recipient) -> CALLBACK_TYPE:
        """Serve an account until the returned function is called."""
        self._recipients.append(recipient)
        if self._cancel_close is not None:
            self._cancel_close()
            self._cancel_close = None
        return partial(self._remove, recipient)

    @callback
    def _remove(self, recipient: Recipient) -> None:
        self._recipients.remove(recipient)
        if not self._recipients:
            self._close_in_time()

    def _close_in_time(self) -> None:
        close = HassJob(self._close, "ring_partner webhook", cancel_on_shutdown=True)
        self._cancel_close = async_call_later(self._hass, CLOSE_SECONDS, close)

    @callback
    def _close(self, _now: datetime) -> None:
        """Stop listening, unless an account waits for Ring, or for its user."""
        if any(self._entries()):
            self._close_in_time()
        else:
            webhook.async_unregister(self._hass, self.webhook_id)
            self._hass.data[_RECEIVERS].pop(self.webhook_id, None)

    async def _handle(self, hass: HomeAssistant, webhook_id: str, request: Request) -> Response:
        """Answer; Home Assistant itself would answer 200 to what raises, and Ring would not send it again."""
        try:
            return Response(status=await self._async_receive(request))
        except TimeoutError:
            # Not a 4xx: those are final, and it may well be our own line that was slow.
            return Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        except Exception:
            _LOGGER.exception("Could not receive a webhook; Ring will send it again")
            return Response(status=HTTPStatus.SERVICE_UNAVAILABLE)

    async def _async_receive(self, request: Request) -> HTTPStatus:
        async with asyncio.timeout(READ_SECONDS):
            body = await async_read_body(request, MAX_BODY_BYTES)
        if body is None:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        if not verify_signature(self._signing_key, body, request.headers.get("X-Signature")):
            for recipient in self._recipients:
                recipient.refuse()
            return HTTPStatus.UNAUTHORIZED
        # Whatever Ring signed is taken: a 4xx would be final, and ten of them end all deliveries.
        event = parse_webhook(body)
        addressee = None if event is None else self._addressee(event)
        if addressee is None and event is not None and self._is_coming(event.account_id):
            return HTTPStatus.SERVICE_UNAVAILABLE
        if event is None or addressee is None:
            self.strangers += 1
            _LOGGER.debug("A webhook for nobody here")
        elif addressee.is_leaving:
            return HTTPStatus.SERVICE_UNAVAILABLE
        else:
            addressee.receive(event)
        return HTTPStatus.OK

    def _entries(self) -> Iterator[ConfigEntry]:
        """The accounts of this Ring app, loaded or not."""
        for entry in self._hass.config_entries.async_entries(DOMAIN, include_disabled=False, include_ignore=False):
            if entry.data.get(CONF_SIGNING_KEY) == self._signing_key:
                yield entry

    def _is_coming(self, account_id: str | None) -> bool:
        """Whether the account is being set up; an envelope of version 1.0 may be for any that is."""
        return any(entry.state in _COMING and account_id in (None, entry.unique_id) for entry in self._entries())

    def _addressee(self, event: WebhookEvent) -> Recipient | None:
        """Return whom a webhook is for."""
        for recipient in self._recipients:
            if recipient.account_id in (event.account_id, event.source):
                return recipient
            if event.account_id is None and recipient.has_device(event.source):
                return recipient
        # Envelopes of version 1.0 name no account, and a device that was added is not known yet.
        is_only_one = len(self._recipients) == 1 and not self._is_coming(None)
        return self._recipients[0] if event.account_id is None and is_only_one else None


@callback
def receiver_of(hass: HomeAssistant, signing_key: str) -> WebhookReceiver:
    """Return the receiver of a Ring app."""
    receivers = hass.data.setdefault(_RECEIVERS, {})
    webhook_id = endpoint_id(signing_key, Endpoint.EVENTS)
    if webhook_id not in receivers:
        receivers[webhook_id] = WebhookReceiver(hass, signing_key)
    return receivers[webhook_id]


@callback
def expect(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Let Ring repeat what it pushes before the account is set up."""
    if (key := entry.data.get(CONF_SIGNING_KEY)) is not None:
        receiver_of(hass, key)
