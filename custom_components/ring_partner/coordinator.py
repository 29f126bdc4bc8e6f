"""The account's state: one request a poll, whatever the number of devices."""

from collections.abc import Awaitable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
import logging
from typing import override

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed
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
    LinkMethod,
    PermissionGroup,
)
from .devices import DeviceKeeper
from .kinds import permission_group
from .models import Account, RingConfigEntry, RingData
from .repairs import clear_out_of_scope, report_out_of_scope
from .session import RingSession

_LOGGER = logging.getLogger(__name__)

# Beside Ring's "awaiting" and "completed": Ring no longer accepts the link.
LINK_LOST = "lost"


class RingCoordinator(DataUpdateCoordinator[RingData]):
    """Polls one account."""

    config_entry: RingConfigEntry

    def __init__(self, hass: HomeAssistant, entry: RingConfigEntry, client: RingClient, session: RingSession) -> None:
        """Prepare; nothing is requested before the first refresh."""
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=DOMAIN,
            update_interval=timedelta(seconds=entry.options.get(OPTION_POLLING_INTERVAL, DEFAULT_POLLING_SECONDS)),
            # A poll that changes nothing writes nothing.
            always_update=False,
        )
        self._client = client
        self._session = session
        self._keeper = DeviceKeeper(hass, entry)
        self._account = Account(token_expires_at=session.expires_at, scopes=session.scopes)
        self.data = RingData(self._account, {})
        self._account_due: datetime = dt_util.utcnow()
        self._not_before: datetime = dt_util.utcnow()
        self._listed: Mapping[str, Device] = {}
        # Whether the last poll had worked, and what it had found, when the listeners were told last.
        self._told: tuple[bool, Mapping[str, Device]] = (True, {})
        session.async_add_listener(self._publish_account)

    def current_device(self, device_id: str) -> Device | None:
        """Return a device as the last poll found it, or None if that is not known."""
        return self.data.devices.get(device_id) if self.last_update_success else None

    @callback
    @override
    def async_update_listeners(self) -> None:
        """Tell whom it concerns: listeners without a device always, those of a device when it has changed.

        After a failed poll, and when polls succeed again, that is everybody.
        """
        was_up, before = self._told
        now = self.data.devices
        self._told = self.last_update_success, now
        changed = {key for key in before.keys() | now.keys() if before.get(key) != now.get(key)}
        for listener, device_id in list(self._listeners.values()):
            if device_id is None or device_id in changed or was_up != self.last_update_success:
                try:
                    listener()
                except Exception:
                    # As in the original: what goes wrong with one entity is not for others to suffer.
                    _LOGGER.exception("Unexpected error in a listener")

    @override
    async def _async_update_data(self) -> RingData:
        """Read the whole account."""
        if (wait := (self._not_before - dt_util.utcnow()).total_seconds()) > 0:
            # Ring asked for it. The timer is set from the last full second, hence one more.
            raise UpdateFailed(translation_domain=DOMAIN, translation_key="rate_limited", retry_after=wait + 1)
        try:
            devices = await self._client.async_get_devices()
        except RingError as err:
            raise self._failure(err) from err
        self._keeper.update(devices)
        self._check_permissions(devices)
        self._refresh_account_if_due()
        return RingData(self._current_account(), devices)

    def _failure(self, err: RingError) -> ConfigEntryAuthFailed | UpdateFailed:
        """Say in Home Assistant's terms why there are no devices."""
        if isinstance(err, RingAuthError):
            self._account = replace(self._account, link_status=LINK_LOST)
            self._publish_account()
            return ConfigEntryAuthFailed(translation_domain=DOMAIN, translation_key="link_lost")
        if isinstance(err, RingForbiddenError):
            if err.out_of_scope:
                report_out_of_scope(self.hass, self.config_entry, None)
            return UpdateFailed(translation_domain=DOMAIN, translation_key="forbidden")
        if isinstance(err, RingUnavailableError) and err.retry_after is not None:
            self._not_before = dt_util.utcnow() + timedelta(seconds=err.retry_after)
        return UpdateFailed(
            translation_domain=DOMAIN,
            translation_key="rate_limited" if isinstance(err, RingRateLimitError) else "cannot_connect",
            translation_placeholders={"error": str(err)},
        )

    def _check_permissions(self, devices: Mapping[str, Device]) -> None:
        """Clear what Ring allows (again), and look into devices that have left the list.

        An app that loses a permission group is not told so: the devices of that group are listed no more.
        """
        clear_out_of_scope(self.hass, self.config_entry, {permission_group(device) for device in devices.values()})
        gone = {permission_group(device): key for key, device in self._listed.items() if key not in devices}
        self._listed = devices
        for group, device_id in gone.items():
            self.config_entry.async_create_background_task(
                self.hass, self._async_ask_for(group, device_id), "ring_partner missing device"
            )

    async def _async_ask_for(self, group: PermissionGroup, device_id: str) -> None:
        """Find out whether a device has gone, or the permission to see it."""
        try:
            await self._client.async_get_device(device_id)
        except RingForbiddenError as err:
            if err.out_of_scope:
                report_out_of_scope(self.hass, self.config_entry, group)
        except RingError as err:
            _LOGGER.debug("A device is no longer listed: %s", err)

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
        if now >= self._account_due:
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
        except RingUnavailableError as err:
            _LOGGER.debug("Could not refresh the account: %s", err)
            self._account_due = dt_util.utcnow() + ACCOUNT_RETRY
        except RingAuthError:
            # The next poll meets it, too, and asks the user to link again.
            return
        self._publish_account()

    async def _async_link_status(self) -> str | None:
        if self.config_entry.data[CONF_LINK_METHOD] == LinkMethod.PLAYGROUND:
            return None
        integration = await _unless_refused(self._client.async_set_link_status("completed"))
        return None if integration is None else integration.status

    async def _async_subscriptions(self) -> tuple[Subscription, ...]:
        return await _unless_refused(self._client.async_get_subscriptions()) or ()


async def _unless_refused[T](request: Awaitable[T]) -> T | None:
    """Return None where Ring does not offer this to the app: private apps have no plans, the Playground no link."""
    try:
        return await request
    except RingAuthError, RingUnavailableError:
        raise
    except RingError as err:
        _LOGGER.debug("Ring does not offer this: %s", err)
        return None
