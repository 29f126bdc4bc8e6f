"""The account's state: one request a poll, whatever the number of devices."""

from collections.abc import Awaitable
from dataclasses import replace
from datetime import datetime, timedelta
import logging
from typing import override

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util import dt as dt_util

from .api import (
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
from .models import Account, RingConfigEntry, RingData
from .repairs import clear_out_of_scope, report_out_of_scope
from .session import RingSession

_LOGGER = logging.getLogger(__name__)


class RingCoordinator(DataUpdateCoordinator[RingData]):
    """Polls one account."""

    config_entry: RingConfigEntry

    def __init__(
        self, hass: HomeAssistant, entry: RingConfigEntry, client: RingClient, session: RingSession
    ) -> None:
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
        self._account_due: datetime = dt_util.utcnow()
        session.async_add_listener(self._publish_account)

    @override
    async def _async_update_data(self) -> RingData:
        """Read the whole account."""
        try:
            devices = await self._client.async_get_devices()
        except RingAuthError as err:
            raise ConfigEntryAuthFailed(translation_domain=DOMAIN, translation_key="link_lost") from err
        except RingForbiddenError as err:
            if err.out_of_scope:
                for group in PermissionGroup:
                    report_out_of_scope(self.hass, self.config_entry, group)
            raise UpdateFailed(translation_domain=DOMAIN, translation_key="forbidden") from err
        except RingRateLimitError as err:
            raise UpdateFailed(
                translation_domain=DOMAIN,
                translation_key="rate_limited",
                retry_after=None if err.retry_after is None else err.retry_after + 1,
            ) from err
        except RingError as err:
            raise UpdateFailed(
                translation_domain=DOMAIN,
                translation_key="cannot_connect",
                translation_placeholders={"error": str(err)},
                retry_after=getattr(err, "retry_after", None),
            ) from err
        for group in PermissionGroup:
            clear_out_of_scope(self.hass, self.config_entry, group)
        self._keeper.update(devices)
        self._refresh_account_if_due()
        return RingData(self._current_account(), devices)

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
        if self.data is not None:
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
        """Complete the link again and read the subscription: seldom, and never in the way of the devices.

        Without "completed" everything looks linked and Ring pushes nothing, so it is repeated at every start.
        """
        try:
            self._account = replace(
                self._account,
                link_status=await self._async_link_status(),
                subscription=await self._async_subscription(),
            )
        except RingUnavailableError as err:
            _LOGGER.debug("Could not refresh the account: %s", err)
            self._account_due = dt_util.utcnow() + ACCOUNT_RETRY
        except RingAuthError:
            return
        self._publish_account()

    async def _async_link_status(self) -> str | None:
        if self.config_entry.data[CONF_LINK_METHOD] == LinkMethod.PLAYGROUND:
            return None
        integration = await _unless_refused(self._client.async_set_link_status("completed"))
        return None if integration is None else integration.status

    async def _async_subscription(self) -> Subscription | None:
        found = await _unless_refused(self._client.async_get_subscriptions()) or ()
        return min(found, key=lambda item: item.status != "active", default=None)


async def _unless_refused[T](request: Awaitable[T]) -> T | None:
    """Return None where Ring does not offer this to the app: private apps have no plans, the Playground no link."""
    try:
        return await request
    except RingAuthError, RingUnavailableError:
        raise
    except RingError as err:
        _LOGGER.debug("Ring does not offer this: %s", err)
        return None
