"""What a webhook changes in one account."""

from collections.abc import Callable, Mapping
from datetime import datetime
import logging
from typing import Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .api import WebhookEvent
from .const import CONF_LINKED_AT, CONF_SIGNING_KEY
from .delivery import DeliveryWatch
from .devices import account_identifier
from .events import STALE_AFTER, event_from_webhook, readings_from_webhook, status_from_webhook
from .history import HistoryReader
from .kinds import is_camera
from .models import RingConfigEntry
from .repairs import AccountIssue, clear, name_url
from .url_watch import async_webhook_url, watch_urls
from .webhook import receiver_of

_LOGGER = logging.getLogger(__name__)

_SUBSCRIPTIONS: Final = ("subscription_activated", "subscription_deactivated")


class PushedEvents:
    """The recipient of an account's webhooks."""

    def __init__(self, hass: HomeAssistant, entry: RingConfigEntry, delivery: DeliveryWatch) -> None:
        """Know what to do with each type; what is not listed is an event, a status, or news to us."""
        self._hass = hass
        self._entry = entry
        self._coordinator = entry.runtime_data.coordinator
        self._session = entry.runtime_data.session
        self._activity = entry.runtime_data.activity
        self._delivery = delivery
        self._actions: Mapping[str, Callable[[WebhookEvent], None]] = {
            "device_added": self._device_added,
            "device_removed": self._device_removed,
            "app_integration_removed": self._link_removed,
            **dict.fromkeys(_SUBSCRIPTIONS, self._account_changed),
        }

    @property
    def account_id(self) -> str:
        """Ring's id of the account."""
        return account_identifier(self._entry)

    @property
    def is_leaving(self) -> bool:
        """Whether the entities are gone, going, or unavailable for want of a link: an event would be lost."""
        return self._entry.state is ConfigEntryState.UNLOAD_IN_PROGRESS or self._session.is_lost

    def has_device(self, device_id: str | None) -> bool:
        """Whether the account has a device."""
        return device_id in self._coordinator.data.devices

    @callback
    def refuse(self) -> None:
        """Somebody sent what Ring did not sign."""
        self._delivery.refused()

    @callback
    def receive(self, webhook: WebhookEvent) -> None:
        """Deal with a delivery once; one that raises is not dealt with, and Ring will repeat it."""
        ledger = self._activity.ledger
        if ledger.is_repeated(webhook.delivery_id):
            self._delivery.repeated()
            return
        # Should this raise, Ring repeats it.
        self._work_on(webhook)
        ledger.note_request(webhook.delivery_id)
        self._activity.save_soon()

    def _work_on(self, webhook: WebhookEvent) -> None:
        received = dt_util.utcnow()
        event = event_from_webhook(webhook, received)
        if event is not None:
            self._activity.handle(event)
            if not self.has_device(event.device_id):
                self._coordinator.async_poll_now()
        elif received - (webhook.at or webhook.sent_at or received) > STALE_AFTER:
            self._late(webhook)
        else:
            self._apply(webhook, received)
        device = None if event is None else self._coordinator.data.devices.get(event.device_id)
        self._delivery.accepted(event if device is not None and is_camera(device) else None)

    def _apply(self, webhook: WebhookEvent, received: datetime) -> None:
        """Show what has just changed."""
        for reading in readings_from_webhook(webhook, received):
            self._coordinator.apply_status(reading)
        if (change := status_from_webhook(webhook, received)) is not None:
            self._coordinator.apply_status(change)
            # Ring's own state is the authority.
            self._coordinator.async_confirm_soon()
        else:
            self._actions.get(webhook.type, self._poll)(webhook)

    def _late(self, webhook: WebhookEvent) -> None:
        """Ask Ring how it is now: the device may be back since, the flood be dry.

        However many are late, they cost one poll. The link is never completed again because of one: Ring may tell of
        that, and where the clock of this computer is ahead, this seems to be late as well.
        """
        self._coordinator.async_confirm_soon()
        if webhook.type == "app_integration_removed":
            self._coordinator.async_poll_now()
        elif webhook.type in _SUBSCRIPTIONS:
            self._coordinator.async_confirm_account_soon()

    def _poll(self, _webhook: WebhookEvent) -> None:
        """Learn what was only hinted at: a temperature out of its range, or something new of Ring's."""
        self._coordinator.async_poll_now()

    def _device_added(self, webhook: WebhookEvent) -> None:
        if self._is_latest(webhook):
            self._coordinator.expect_device(webhook.source or "")
        else:
            self._coordinator.async_confirm_soon()

    def _device_removed(self, webhook: WebhookEvent) -> None:
        if webhook.source is not None and self._is_latest(webhook):
            self._coordinator.remove_device(webhook.source)
            self._activity.forget(webhook.source)
        else:
            self._coordinator.async_confirm_soon()

    def _is_latest(self, webhook: WebhookEvent) -> bool:
        """Return whether nothing later is known of the device; Ring guarantees no order."""
        at = webhook.at or webhook.sent_at or dt_util.utcnow()
        return self._activity.ledger.is_latest(webhook.source or "", at)

    def _account_changed(self, _webhook: WebhookEvent) -> None:
        """Not for `app_integration_added`: this completes the link again, which could be what Ring tells of."""
        self._coordinator.async_refresh_account_soon()

    def _link_removed(self, webhook: WebhookEvent) -> None:
        """Ring has revoked the tokens already; they are of no use, and nothing may be sent with them."""
        linked_at = self._entry.data.get(CONF_LINKED_AT, 0)
        if webhook.at is not None and webhook.at.timestamp() < linked_at:
            # That was the link before this one; if it was not, the next poll finds out.
            self._coordinator.async_confirm_soon()
            return
        _LOGGER.warning("The app was removed in the Ring app; the account has to be linked again")
        self._session.revoke()


async def async_listen(hass: HomeAssistant, entry: RingConfigEntry) -> None:
    """Take events from now on: those Ring pushes, and those its history tells."""
    data = entry.runtime_data
    key: str | None = entry.data.get(CONF_SIGNING_KEY)
    url = await async_webhook_url(hass, entry)
    # Of another key, or with another address; the user may have reloaded to see whether it is mended.
    clear(hass, entry, AccountIssue.SIGNATURES)
    name_url(hass, entry, AccountIssue.WEBHOOKS_MISSING, url or "")
    delivery = DeliveryWatch(hass, entry, data.coordinator, data.activity, url)
    if key is not None:
        entry.async_on_unload(receiver_of(hass, key).add(PushedEvents(hass, entry, delivery)))
    HistoryReader(hass, entry, delivery).async_start()
    watch_urls(hass, entry, url)
