"""The account's state: one request a poll, whatever the number of devices."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
import logging
from typing import override

from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util import dt as dt_util

from .api import (
    Device,
    RingAuthError,
    RingClient,
    RingError,
    RingForbiddenError,
    RingRateLimitError,
    RingUnavailableError,
    Subscription,
)
from .const import (
    ACCOUNT_INTERVAL,
    ACCOUNT_RETRY,
    CONF_LINK_METHOD,
    DEFAULT_POLLING_SECONDS,
    DOMAIN,
    OPTION_POLLING_INTERVAL,
    PUSHED_POLLING_SECONDS,
    LinkMethod,
    PermissionGroup,
)
from .devices import DeviceKeeper
from .events import Activity, StatusChange
from .kinds import permission_group
from .models import Account, Delivery, DeliveryMode, RingConfigEntry, RingData
from .repairs import AccountIssue, clear, clear_out_of_scope, report, report_out_of_scope
from .session import RingSession

_LOGGER = logging.getLogger(__name__)

# Beside Ring's "awaiting" and "completed": Ring no longer accepts the link.
LINK_LOST = "lost"


# How long after a push Ring is asked for its own state.
CONFIRM_AFTER_SECONDS = 15.0
# How long somebody waits for a Ring that wants to be left alone.
PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Pushed:
    change: StatusChange
    poll: int
    """The newest poll that had been sent by then: it knows nothing of the change, and the next one does."""


class RingCoordinator(DataUpdateCoordinator[RingData]):
    """Polls one account."""

    config_entry: RingConfigEntry

    def __init__(self, hass: HomeAssistant, entry: RingConfigEntry, client: RingClient, session: RingSession) -> None:
        """Prepare; nothing is requested before the first refresh."""
        self._polling_seconds: float = entry.options.get(OPTION_POLLING_INTERVAL, DEFAULT_POLLING_SECONDS)
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=DOMAIN,
            update_interval=timedelta(seconds=self._polling_seconds),
            # A poll that changes nothing writes nothing.
            always_update=False,
        )
        self._client = client
        self._session = session
        self._keeper = DeviceKeeper(hass, entry)
        self._account = Account(token_expires_at=session.expires_at, scopes=session.scopes)
        self.data = RingData(self._account, {})
        # Not before there are entities: they wait for one request only.
        self._account_due: datetime | None = None
        self._has_polled = False
        self._listed: Mapping[str, Device] = {}
        # A group may be listed and its history refused all the same.
        self.refused_history: set[PermissionGroup] = set()
        self._activity: Mapping[str, Activity] = {}
        self._pushed: dict[tuple[str, str], _Pushed] = {}
        # What has reported since the last poll that worked, and what was taken away after which poll had been sent.
        self._heard: frozenset[str] = frozenset()
        self._removed: dict[str, int] = {}
        # The numbers of the newest polls that were sent, and that were answered.
        self._sent = self._answered = 0
        self._cancel_confirm: CALLBACK_TYPE | None = None
        entry.async_on_unload(self._stop_confirming)
        # Whether the last poll had worked, and what was known, when the listeners were told last.
        self._told: tuple[bool, frozenset[str], RingData] = (True, self._heard, self.data)
        session.async_add_listener(self._publish_account)

    def current_device(self, device_id: str) -> Device | None:
        """Return a device as the last poll found it, or as it has reported since; None if neither is known."""
        is_known = self.last_update_success or device_id in self._heard
        return self.data.devices.get(device_id) if is_known else None

    def listening_device(self, device_id: str) -> Device | None:
        """Return a device even while polls fail: what Ring pushes arrives all the same, as long as there is a link."""
        return None if self.data.account.link_status == LINK_LOST else self.data.devices.get(device_id)

    @property
    def seconds_to_wait(self) -> float:
        """How long Ring has asked the private app, or this account of it, to send nothing more."""
        return self._client.limiter.seconds_to_wait()

    async def async_ask[ValueT](self, request: Callable[[], Awaitable[ValueT]]) -> ValueT:
        """Ask Ring for what somebody waits for; where Ring wants to be left alone for a moment, it is.

        Raises RingRateLimitError where it wants more than a moment, and what the request raises.
        """
        await self._async_wait_for_rate_limit()
        try:
            return await request()
        except RingRateLimitError:
            await self._async_wait_for_rate_limit()
        return await request()

    async def _async_wait_for_rate_limit(self) -> None:
        if (wait := self.seconds_to_wait) > PATIENCE_SECONDS:
            raise RingRateLimitError("Ring asks to wait", retry_after=wait)
        if wait > 0:
            over = asyncio.Event()
            stop = async_call_later(self.hass, wait, callback(lambda _now: over.set()))
            try:
                await over.wait()
            finally:
                stop()

    @callback
    @override
    def async_update_listeners(self) -> None:
        """Tell whom it concerns: listeners without a device always, those of a device when it has changed.

        After a failed poll, and when polls succeed again, that is everybody.
        """
        was_up, was_heard, before = self._told
        now = self.data
        self._told = self.last_update_success, self._heard, now
        changed = _changed(before.devices, now.devices) | _changed(before.activity, now.activity)
        changed |= self._heard - was_heard
        for listener, device_id in list(self._listeners.values()):
            if device_id is None or device_id in changed or was_up != self.last_update_success:
                try:
                    listener()
                except Exception:
                    # As in the original: what goes wrong with one entity is not for others to suffer.
                    _LOGGER.exception("Unexpected error in a listener")

    @override
    async def _async_setup(self) -> None:
        """Load what outlives a restart, before the first poll."""
        await self._keeper.async_load()

    @override
    async def _async_update_data(self) -> RingData:
        """Read the whole account."""
        is_known = self._has_polled and self.last_update_success and self._session.expires_at > dt_util.utcnow()
        if is_known and self.seconds_to_wait > 0:
            # It was the history that asked too much: the devices are as well known as before.
            return self.data
        self._sent += 1
        poll = self._sent
        try:
            listed = await self._client.async_get_devices()
        except RingError as err:
            self._session.note_poll(err)
            raise self._failure(err) from err
        self._session.note_poll(None)
        self._has_polled = True
        self._answered = poll
        devices = self._with_pushed(self._without_removed(listed))
        if devices != listed:
            # Only once the two agree is it confirmed.
            self.async_confirm_soon()
        devices = self._with_unreported(devices)
        self._heard = frozenset()
        self._keeper.update(devices)
        self._check_permissions(devices)
        self._check_encryption(devices)
        self._refresh_account_if_due()
        return RingData(self._current_account(), devices, self._activity)

    def _failure(self, err: RingError) -> ConfigEntryAuthFailed | UpdateFailed:
        """Say in Home Assistant's terms why there are no devices."""
        if isinstance(err, RingAuthError):
            self._account = replace(self._account, link_status=LINK_LOST)
            self._publish_account()
            return ConfigEntryAuthFailed(translation_domain=DOMAIN, translation_key="link_lost")
        if isinstance(err, RingForbiddenError):
            if err.out_of_scope:
                clear_out_of_scope(self.hass, self.config_entry)
                report_out_of_scope(self.hass, self.config_entry, None)
            return UpdateFailed(translation_domain=DOMAIN, translation_key="forbidden")
        return UpdateFailed(
            translation_domain=DOMAIN,
            translation_key="rate_limited" if isinstance(err, RingRateLimitError) else "cannot_connect",
            translation_placeholders={"error": str(err)},
            retry_after=self._next_poll_in(err),
        )

    def _next_poll_in(self, err: RingError) -> float | None:
        """Return the seconds until the next poll.

        While the account is set up only a wait that Ring asked for: from 2026.11 on Home Assistant delays set-up by it.
        """
        # The timer is set from the last full second, hence one more.
        asked = err.retry_after + 1 if isinstance(err, RingUnavailableError) and err.retry_after else None
        if not self._has_polled:
            return asked
        # Polls that only confirm what is pushed are far apart, and the end of an outage should not be missed as long.
        return max(self._polling_seconds, asked or 0)

    def _check_permissions(self, devices: Mapping[str, Device]) -> None:
        """Clear what Ring allows (again), and look into devices that have left the list.

        An app that loses a permission group is not told so: the devices of that group are listed no more.
        """
        listed = {permission_group(device) for device in devices.values()}
        self.refused_history &= listed
        clear_out_of_scope(self.hass, self.config_entry, listed - self.refused_history)
        gone = {permission_group(device): key for key, device in self._listed.items() if key not in devices}
        self._listed = devices
        for group, device_id in gone.items():
            self.config_entry.async_create_background_task(
                self.hass, self._async_ask_for(group, device_id), "ring_partner missing device"
            )

    def _check_encryption(self, devices: Mapping[str, Device]) -> None:
        """Name the devices whose pictures only the Ring app can show, in one repair."""
        names = sorted(device.name or key for key, device in devices.items() if device.configurations.e2e_encryption)
        if names:
            report(self.hass, self.config_entry, AccountIssue.ENCRYPTED_DEVICES, devices=", ".join(names))
        else:
            clear(self.hass, self.config_entry, AccountIssue.ENCRYPTED_DEVICES)

    async def _async_ask_for(self, group: PermissionGroup, device_id: str) -> None:
        """Find out whether a device has gone, or the permission to see it."""
        try:
            await self._client.async_get_device(device_id)
        except RingForbiddenError as err:
            if err.out_of_scope:
                report_out_of_scope(self.hass, self.config_entry, group)
        except RingError as err:
            _LOGGER.debug("A device is no longer listed: %s", err)

    @callback
    def set_activity(self, activity: Mapping[str, Activity]) -> None:
        """Show when something last happened."""
        self._activity = activity
        self.data = replace(self.data, activity=activity)
        self.async_update_listeners()

    @callback
    def set_delivery(self, delivery: Delivery) -> None:
        """Show how events arrive, and poll accordingly: while they are pushed, polling only confirms."""
        self._account = replace(self._account, delivery=delivery)
        seconds = self._polling_seconds
        if delivery.mode is DeliveryMode.PUSHED:
            seconds = max(seconds, PUSHED_POLLING_SECONDS)
        if self.update_interval != (interval := timedelta(seconds=seconds)):
            self.update_interval = interval
            self._schedule_refresh()
        self._publish_account()

    @callback
    def apply_status(self, change: StatusChange) -> None:
        """Show what a webhook tells ahead of the next poll, unless a later one has told otherwise."""
        key = change.device_id, change.name
        known = self._pushed.get(key)
        if known is not None and known.change.at > change.at:
            return
        self._pushed[key] = _Pushed(change, self._sent)
        if change.device_id in self.data.devices:
            if not self.last_update_success:
                # An alarm must not wait for a poll that works.
                self._heard |= {change.device_id}
            self.data = replace(self.data, devices=self._with_unreported(self._with_pushed(self.data.devices)))
            self.async_update_listeners()

    def _with_pushed(self, devices: Mapping[str, Device]) -> dict[str, Device]:
        """Return the devices with what was pushed after the poll had been sent."""
        patched = dict(devices)
        for pushed in self._pushed.values():
            change = pushed.change
            if pushed.poll >= self._answered and (device := patched.get(change.device_id)) is not None:
                patched[change.device_id] = change.shown_on(device)
        return patched

    def _with_unreported(self, devices: dict[str, Device]) -> dict[str, Device]:
        """Return the devices with what was pushed of values that their status says nothing of.

        Ring pushes alarms of sensors whose status has no block for them; without this they would show for seconds.
        """
        for pushed in self._pushed.values():
            change = pushed.change
            if (device := devices.get(change.device_id)) is not None and not change.is_reported_by(device):
                devices[change.device_id] = change.shown_on(device)
        return devices

    def _without_removed(self, devices: Mapping[str, Device]) -> Mapping[str, Device]:
        """Return the devices without what was taken away after the poll had been sent."""
        self._removed = {key: poll for key, poll in self._removed.items() if poll >= self._answered}
        return {key: device for key, device in devices.items() if key not in self._removed}

    @callback
    def async_confirm_soon(self) -> None:
        """Poll once the webhooks of this moment are all in: Ring's own state is the authority."""
        if self._cancel_confirm is None:
            confirm = HassJob(self._async_confirm, "ring_partner confirmation", cancel_on_shutdown=True)
            seconds = max(CONFIRM_AFTER_SECONDS, self.seconds_to_wait)
            self._cancel_confirm = async_call_later(self.hass, seconds, confirm)

    async def _async_confirm(self, _now: datetime) -> None:
        self._cancel_confirm = None
        if self.seconds_to_wait > 0:
            # A poll would not be sent, and the next one may be 15 minutes away.
            self.async_confirm_soon()
        else:
            await self.async_refresh()

    @callback
    def _stop_confirming(self) -> None:
        if self._cancel_confirm is not None:
            self._cancel_confirm()
            self._cancel_confirm = None

    @callback
    def async_poll_now(self) -> None:
        """Ask Ring what it only hinted at, and once more when it must know; a storm of hints costs few polls."""
        self.config_entry.async_create_background_task(self.hass, self.async_request_refresh(), "ring_partner poll")
        self.async_confirm_soon()

    @callback
    def remove_device(self, device_id: str) -> None:
        """Drop a device that the user has taken away from us: this one does not come back by itself."""
        self._pushed = {key: pushed for key, pushed in self._pushed.items() if key[0] != device_id}
        self._removed[device_id] = self._sent
        devices = {key: device for key, device in self.data.devices.items() if key != device_id}
        if len(devices) < len(self.data.devices):
            self._listed = devices
            self.data = replace(self.data, devices=devices)
            self._check_encryption(devices)
            self.async_update_listeners()
        self._keeper.remove(device_id)

    @callback
    def expect_device(self, device_id: str) -> None:
        """Look for a device that the user has shared with us, perhaps again."""
        self._removed.pop(device_id, None)
        self.async_poll_now()

    @callback
    def async_refresh_account_soon(self) -> None:
        """Read the link and the subscriptions anew: after set-up, and when Ring says that they have changed."""
        self._account_due = dt_util.utcnow()
        self._refresh_account_if_due()

    @callback
    def async_confirm_account_soon(self) -> None:
        """Read them with the next confirmation: however many late webhooks tell of them, once."""
        self._account_due = dt_util.utcnow()
        self.async_confirm_soon()

    def _current_account(self) -> Account:
        rate_limit = self._client.rate_limit
        self._account = replace(
            self._account,
            token_expires_at=self._session.expires_at,
            scopes=self._session.scopes,
            requests_left=None if rate_limit is None else rate_limit.remaining,
        )
        return self._account

    @callback
    def _publish_account(self) -> None:
        """Show a change of the link at once; it says nothing about whether the last poll worked."""
        self.data = replace(self.data, account=self._current_account())
        self.async_update_listeners()

    def _refresh_account_if_due(self) -> None:
        now = dt_util.utcnow()
        if self._account_due is not None and now >= self._account_due:
            self._account_due = now + ACCOUNT_INTERVAL
            self.config_entry.async_create_background_task(
                self.hass, self._async_refresh_account(), "ring_partner account"
            )

    async def _async_refresh_account(self) -> None:
        """Complete the link again and read the subscriptions: seldom, and never in the way of the devices.

        Without "completed" everything looks linked and Ring pushes nothing, so it is repeated at every start.
        """
        try:
            link_status = await self._async_link_status()
            self._account = replace(self._account, link_status=link_status)
            subscriptions = await self._async_subscriptions()
            self._account = replace(self._account, subscriptions=subscriptions)
            self._check_subscription()
        except RingUnavailableError as err:
            _LOGGER.debug("Could not refresh the account: %s", err)
            self._account_due = dt_util.utcnow() + ACCOUNT_RETRY
        except RingAuthError:
            # The next poll meets it, too, and asks the user to link again.
            return
        self._publish_account()

    def _check_subscription(self) -> None:
        """Say so when a plan has ended; most apps have none to begin with."""
        plan = self._account.subscription
        if plan is not None and plan.status == "inactive":
            report(self.hass, self.config_entry, AccountIssue.SUBSCRIPTION_MISSING)
        else:
            clear(self.hass, self.config_entry, AccountIssue.SUBSCRIPTION_MISSING)

    async def _async_link_status(self) -> str | None:
        if self.config_entry.data[CONF_LINK_METHOD] == LinkMethod.PLAYGROUND:
            return None
        integration = await _unless_refused(self._client.async_set_link_status("completed"))
        return None if integration is None else integration.status

    async def _async_subscriptions(self) -> tuple[Subscription, ...]:
        return await _unless_refused(self._client.async_get_subscriptions()) or ()


def _changed[T](before: Mapping[str, T], now: Mapping[str, T]) -> set[str]:
    """Return the keys whose values differ; most of the time it is the same mapping."""
    if before is now:
        return set()
    return {key for key in before.keys() | now.keys() if before.get(key) != now.get(key)}


async def _unless_refused[T](request: Awaitable[T]) -> T | None:
    """Return None where Ring does not offer this to the app: private apps have no plans, the Playground no link."""
    try:
        return await request
    except RingAuthError, RingUnavailableError:
        raise
    except RingError as err:
        _LOGGER.debug("Ring does not offer this: %s", err)
        return None
