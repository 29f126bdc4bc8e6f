"""The rate limits of the private apps: they outlive a reload, and a wait of more than an hour is shown as a repair."""

from datetime import datetime, timedelta

from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .api import AppRateLimits
from .const import DOMAIN
from .models import RingConfigEntry
from .repairs import AccountIssue, clear, report

REPORT_AFTER = timedelta(hours=1)

_APPS: HassKey[dict[str, AppRateLimits]] = HassKey(f"{DOMAIN}_rate_limits")


@callback
def app_rate_limits(hass: HomeAssistant, client_id: str) -> AppRateLimits:
    """Return the limits of a private app, by its client id."""
    return hass.data.setdefault(_APPS, {}).setdefault(client_id, AppRateLimits())


class LongWaitReport:
    """Shows as a repair that Ring asked an account to wait for more than an hour, until that is over."""

    def __init__(self, hass: HomeAssistant, entry: RingConfigEntry, limits: AppRateLimits) -> None:
        """Prepare; `async_start` looks and goes on looking until the entry is unloaded."""
        self._hass = hass
        self._entry = entry
        self._limiters = limits.account(entry.unique_id or entry.entry_id), limits.tokens
        self._cancel_timer: CALLBACK_TYPE | None = None

    @callback
    def async_start(self) -> None:
        """Show a wait that is on, also one from before a reload."""
        for limiter in self._limiters:
            self._entry.async_on_unload(limiter.add_listener(self._review))
        self._entry.async_on_unload(self._stop_timer)
        self._review()

    @callback
    def _review(self, _now: datetime | None = None) -> None:
        wait = timedelta(seconds=max(limiter.seconds_to_wait() for limiter in self._limiters))
        if wait <= timedelta():
            clear(self._hass, self._entry, AccountIssue.LONG_WAIT)
            return
        if wait > REPORT_AFTER:
            until = dt_util.as_local(dt_util.utcnow() + wait)
            report(self._hass, self._entry, AccountIssue.LONG_WAIT, until=until.strftime("%Y-%m-%d %H:%M"))
        self._stop_timer()
        job = HassJob(self._review, "ring_partner end of the wait", cancel_on_shutdown=True)
        self._cancel_timer = async_call_later(self._hass, wait, job)

    def _stop_timer(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None
