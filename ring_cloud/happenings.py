"""What happens is written into the history and told to the apps that may know."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from . import events
from .deliveries import Deliveries
from .device_documents import is_hidden
from .events import Event
from .history import History
from .model import Account, App, Device, Link, LinkStatus, Subscription
from .switches import Switches, WebhookLag
from .values import ConflictError

# The client id under which a token of the developers' playground asks.
_PLAYGROUND = "playground"
# Seconds from `app_integration_added` to `device_added`, where that comes later.
_DEVICES_FOLLOW = 0.35


class Happenings:
    """Decides who hears of what."""

    def __init__(self, now: Callable[[], float], history: History, deliveries: Deliveries) -> None:
        self._now = now
        self._history = history
        self._deliveries = deliveries
        self._last_ms: dict[str, int] = {}
        self._switches = history.switches
        history.now = now

    def at_device(
        self,
        device: Device,
        account: Account,
        links: Iterable[Link],
        event_type: str,
        *,
        sub_type: str | None = None,
        component_ids: Sequence[str] = (),
    ) -> Event:
        """Let something happen at a device; a live view is told to nobody."""
        _check_possible(device, event_type)
        event = Event(
            type=event_type,
            account=account,
            timestamp_ms=self._next_ms(device.id),
            device=device,
            sub_type=sub_type or ("motion" if event_type == events.MOTION else None),
            component_ids=tuple(component_ids),
        )
        row = None if is_hidden(device, self._switches) else self._history.record(event)
        if row is not None and device not in account.devices:
            # The playground's device is nobody's: whoever makes something happen there has seen it, as was observed.
            row.reviewed_by.add(_PLAYGROUND)
        if event_type != events.LIVE_VIEW:
            self._send(event, (link for link in links if _may_hear(link, device, event_type, self._switches)))
        return event

    def added(self, device: Device, link: Link, *, follows: bool = False) -> None:
        """Tell one app that it got access to a device; `follows`: a moment after it was told of the link."""
        if _may_hear(link, device, events.ADDED, self._switches):
            lag = _DEVICES_FOLLOW if follows else 0
            at_ms = self._next_ms(device.id) + int(lag * 1000)
            event = Event(type=events.ADDED, account=link.account, timestamp_ms=at_ms, device=device)
            self._send(event, [link], lag=lag)

    def integration(self, account: Account, app: App, event_type: str) -> None:
        """Tell an app what became of its link."""
        self._tell(Event(type=event_type, account=account, timestamp_ms=self._next_ms(account.id)), app)

    def subscription(
        self, subscription: Subscription, account: Account, links: Iterable[Link], event_type: str
    ) -> None:
        """Tell what became of a subscription."""
        now_ms = self._next_ms(account.id)
        event = Event(type=event_type, account=account, timestamp_ms=now_ms, subscription=subscription)
        self._send(event, (link for link in links if link.status is LinkStatus.COMPLETED))

    def _send(self, event: Event, links: Iterable[Link], *, lag: float = 0) -> None:
        """Tell the apps of these links; a device that two accounts have is told of to each under its own name."""
        for link in links:
            self._tell(replace(event, account=link.account), link.app, lag=lag)

    def _tell(self, event: Event, app: App, *, lag: float = 0) -> None:
        recorded = WebhookLag(self._switches.webhook_lags) is WebhookLag.RECORDED
        lag += self._switches.webhook_lag + (events.recorded_lag(event) if recorded else 0)
        self._deliveries.send(event, app, lag=lag)

    def _next_ms(self, source: str) -> int:
        """Return the time, and never twice the same for one source: ids and cursors are made of it."""
        now_ms = max(int(self._now() * 1000), self._last_ms.get(source, 0) + 1)
        self._last_ms[source] = now_ms
        return now_ms


def _check_possible(device: Device, event_type: str) -> None:
    if not device.online and event_type not in events.ABOUT_A_DEVICE:
        raise ConflictError(f"{device.name} is offline")
    if event_type == events.MOTION and device.values.get("motion_detection") is False:
        raise ConflictError(f"motion detection of {device.name} is off")


def _may_hear(link: Link, device: Device, event_type: str, switches: Switches) -> bool:
    """Say whether the app may know: a shared device, a permission, a completed link.

    Of a device that was added it hears earlier: while the user is still choosing, before the account is claimed.
    """
    early = event_type == events.ADDED and link.status is LinkStatus.UNCLAIMED
    shared = device.id in link.device_ids and not is_hidden(device, switches)
    return (
        (early or link.status is LinkStatus.COMPLETED) and shared and device.family.permission in link.app.permissions
    )
