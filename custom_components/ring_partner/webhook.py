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
        self._is_failing = False
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
            status = await self._async_receive(request)
        except TimeoutError:
            # Not a 4xx: those are final, and it may well be our own line that was slow.
            return Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        except Exception:
            # Ring repeats each webhook six times.
            if not self._is_failing:
                _LOGGER.exception("Could not receive a webhook; Ring will send it again")
            self._is_failing = True
            return Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        if status is HTTPStatus.OK:
            self._is_failing = False
        return Response(status=status)

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
        if event is None:
            self.strangers += 1
            return HTTPStatus.OK
        return self._pass_on(event)

    def _pass_on(self, event: WebhookEvent) -> HTTPStatus:
        """Let every account that an event is for deal with it; what one of them cannot do now, Ring repeats for it."""
        recipients = self._recipients_of(event)
        is_coming = self._is_coming(event.account_id)
        if not recipients and not is_coming:
            self.strangers += 1
            _LOGGER.debug("No account for a webhook")
        ready = [recipient for recipient in recipients if not recipient.is_leaving]
        for recipient in ready:
            recipient.receive(event)
        return HTTPStatus.SERVICE_UNAVAILABLE if is_coming or len(ready) < len(recipients) else HTTPStatus.OK

    def _entries(self) -> Iterator[ConfigEntry]:
        """The accounts of this Ring app, loaded or not."""
        for entry in self._hass.config_entries.async_entries(DOMAIN, include_disabled=False, include_ignore=False):
            if entry.data.get(CONF_SIGNING_KEY) == self._signing_key:
                yield entry

    def _is_coming(self, account_id: str | None) -> bool:
        """Return whether the account is not set up yet, or cannot be for now: Ring repeats it for 73 minutes.

        An envelope of version 1.0 may be for any such account.
        """
        return any(
            entry.state is not ConfigEntryState.LOADED and account_id in (None, entry.unique_id)
            for entry in self._entries()
        )

    def _recipients_of(self, event: WebhookEvent) -> list[Recipient]:
        """Return the accounts that a webhook is for.

        Envelopes of version 1.0 name none: then it is every account that has the device, and two may share one.
        """
        named = [item for item in self._recipients if item.account_id in (event.account_id, event.source)]
        if named or event.account_id is not None:
            return named
        # A device that was added is not known yet.
        is_only_one = len(self._recipients) == 1 and not self._is_coming(None)
        return [item for item in self._recipients if is_only_one or item.has_device(event.source)]


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
