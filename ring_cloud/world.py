"""The state of the cloud, and what its users can do: the part of the Python API that needs no network."""

from collections.abc import Collection, Iterator, Sequence
from itertools import count, cycle, islice
from typing import TypedDict, Unpack

from . import events
from .chimes import Played
from .clock import Clock
from .deliveries import Deliveries
from .events import Event
from .families import FAMILIES, PLAYGROUND_FAMILY, Permission
from .faults import Faults
from .grants import Grant, Grants
from .happenings import Happenings
from .history import History, Row
from .ids import resource_id
from .journal import Journal
from .limits import Limits
from .linking import Links
from .live import Live
from .media import Media
from .media_journal import MediaJournal
from .model import Account, App, Device, Flow, Link, LinkStatus, Location, Readings, Subscription
from .sender import Sender, is_success
from .switches import DeviceAdded, Switches
from .values import ConflictError, InputError, JsonObject, UnknownError, check_url

MAX_DEVICES = 1000
# Nothing is older than this: who has not consented sees nothing of the past.
_NOT_YET_MS = 2**53
_URLS = frozenset({"token_exchange_url", "account_link_url", "webhook_url", "homepage_url"})


class AppSettings(TypedDict, total=False):
    """What a developer sets in the portal."""

    name: str
    client_secret: str
    signing_key: str
    token_exchange_url: str
    account_link_url: str
    webhook_url: str
    homepage_url: str
    redirect_uris: Sequence[str]
    unlink_allowed: bool
    partner_allowlisted: bool
    permissions: Collection[str]


class World:
    """Accounts, apps, links and tokens of one cloud."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.switches = Switches()
        self.grants = Grants(self.clock, self.switches)
        self.links = Links(self.clock, self.grants)
        self.limits = Limits(self.clock)
        self.faults = Faults()
        self.requests = Journal()
        self.apps: dict[str, App] = {}
        self.accounts: dict[str, Account] = {}
        self.sender = Sender()
        self.deliveries = Deliveries(self._now, self.sender, self.switches, self._end_what_ran_out)
        self.history = History(self.switches)
        self._happenings = Happenings(self._now, self.history, self.deliveries)
        self.media = Media(self._now, self.history, self.switches)
        self.media_requests = MediaJournal()
        self.live = Live(self._now, self.switches, self._watched)
        self.played: list[Played] = []
        """What was heard on chimes, oldest first."""
        self.url = ""
        self.media_url = ""
        """Where media are; `media_urls` are those of all regions, this one first."""
        self.media_urls: tuple[str, ...] = ()

    def _now(self) -> float:
        return self.clock.time()

    def count(self, method: str = "*", path: str = "*", status: int | None = None) -> int:
        """Count requests, for example `count("POST", "/oauth/token")`."""
        return self.requests.count(method, path, status)

    def count_media(self, method: str = "*", path: str = "*", status: int | None = None) -> int:
        """Count requests to the media origin."""
        return self.media_requests.count(method, path, status)

    def secrets(self) -> frozenset[str]:
        """Return all that must never appear in a log: tokens, codes, nonces, client secrets, signing keys."""
        of_apps = {text for app in self.apps.values() for text in (app.client_secret, app.signing_key) if text}
        return self.grants.secrets() | self.links.secrets() | self.media.secrets() | of_apps

    # The developer portal

    def add_app(self, client_id: str, **settings: Unpack[AppSettings]) -> App:
        """Register an app, or change what is given of a registered one."""
        if not client_id:
            raise InputError("client_id must not be empty")
        for key, value in settings.items():
            if key in _URLS and isinstance(value, str) and value:
                check_url(key, value)
        redirect_uris = tuple(check_url("redirect_uris", uri) for uri in settings.get("redirect_uris", ()))
        permissions = _permissions(settings.get("permissions", tuple(Permission)))
        app = self.apps.setdefault(client_id, App(client_id=client_id, name=client_id))
        if "webhook_url" in settings:
            self.deliveries.enable_endpoint(app)
        for key, value in settings.items():
            setattr(app, key, {"redirect_uris": redirect_uris, "permissions": permissions}.get(key, value))
        return app

    def app(self, client_id: str) -> App:
        """Return a registered app."""
        if client_id not in self.apps:
            raise UnknownError("there is no app with this client id")
        return self.apps[client_id]

    # People and their devices

    def add_account(
        self,
        first_name: str = "John",
        last_name: str = "Doe",
        email: str = "johndoe@example.com",
        devices: int | Sequence[str] = len(FAMILIES),
        *,
        plan: bool = False,
        country: str = "US",
        state: str | None = "CA",
    ) -> Account:
        """Add an account with so many devices (families in turn), or one of each family named.

        `plan`: with a paid plan of every app; a private app has none.
        """
        families = list(islice(cycle(FAMILIES), devices)) if isinstance(devices, int) else devices
        if len(families) > MAX_DEVICES:
            raise InputError(f"an account has at most {MAX_DEVICES} devices")
        location = Location(resource_id("location"), country, state)
        account = Account(self.clock, first_name, last_name, email, location)
        for family in families:
            self._new_device(account, family)
        if plan:
            account.add_subscription()
        self.accounts[account.id] = account
        return account

    def account(self, account_id: str) -> Account:
        """Return an account."""
        if account_id not in self.accounts:
            raise UnknownError("there is no such account")
        return self.accounts[account_id]

    def add_device(self, account: Account, family: str, name: str | None = None) -> Device:
        """Add a device; every app that the account enabled sees it, and is told."""
        device = self._new_device(account, family, name)
        self.links.share(device, account)
        self.happen(device, events.ADDED)
        return device

    def share_device(self, device: Device, account: Account) -> None:
        """Let another account have the device, too, as Ring's shared users do: under the same id."""
        if device in account.devices:
            raise ConflictError("the account already has this device")
        account.devices.append(device)
        for link in self.links.of(account):
            link.device_ids.add(device.id)
            self._happenings.added(device, link)

    def _new_device(self, account: Account, family: str, name: str | None = None) -> Device:
        if family not in FAMILIES:
            raise InputError(f"family must be one of {', '.join(FAMILIES)}")
        device = Device(self.clock, FAMILIES[family], "", account.location)
        device.set(name=name if name is not None else _free_name(account, FAMILIES[family].default_name))
        account.devices.append(device)
        device.on_change = self._changed
        return device

    def remove_device(self, device: Device) -> None:
        """Remove a device from every account that has it and from every app, and tell them."""
        self.happen(device, events.REMOVED)
        for account in self._owners(device):
            account.devices.remove(device)

    def _owners(self, device: Device) -> list[Account]:
        """Return the accounts that have the device, the oldest first."""
        return [account for account in self.accounts.values() if device in account.devices]

    def find_device(self, device_id: str) -> tuple[Account, Device]:
        """Return a device and whose it is."""
        for account in self.accounts.values():
            for device in account.devices:
                if device.id == device_id:
                    return account, device
        raise UnknownError("there is no such device")

    # What happens

    def happen(
        self, device: Device, event_type: str, *, sub_type: str | None = None, component_ids: Sequence[str] = ()
    ) -> Event:
        """Let something happen, for example `happen(device, "motion_detected", sub_type="human")`.

        It is in the history at once; webhooks leave by themselves, `await deliveries.settle()` waits for them.
        """
        account, _ = self.find_device(device.id)
        links = [link for owner in self._owners(device) for link in self.links.of(owner)]
        return self._happenings.at_device(
            device, account, links, event_type, sub_type=sub_type, component_ids=component_ids
        )

    def remember(
        self,
        device: Device,
        event_type: str,
        *,
        at: float,
        sub_type: str | None = None,
        duration: float | None = None,
    ) -> Row:
        """Let something have happened in the past: a row of the history with its recording, and no webhook."""
        self.check_past(device, event_type, at)
        return self.history.remember(device, event_type, sub_type, at, duration)

    def check_past(self, device: Device, event_type: str, at: float) -> None:
        """Raise InputError for what cannot be remembered."""
        self.history.check(device, event_type)
        if at >= self.clock.time():
            raise InputError("the past lies before now")

    def view_live(self, device: Device) -> Event:
        """Start a live view: a row of the history, and no webhook."""
        return self.happen(device, events.LIVE_VIEW)

    def _watched(self, account: Account, device: Device) -> None:
        # Not `happen`: the device of the playground belongs to no account.
        self._happenings.at_device(device, account, (), events.LIVE_VIEW)

    def simulate_playground(self, token: str) -> Event:
        """Press a button of the developers' playground: whatever it says, it is a live view."""
        grant = self.grants.authenticate(token)
        if grant is None or not grant.playground_devices:
            raise UnknownError("this is no live token of the playground")
        return self._happenings.at_device(grant.playground_devices[0], grant.account, (), events.LIVE_VIEW)

    def subscribe(
        self, account: Account, sub_type: str = "paid", *, days: float = 31, app: App | None = None
    ) -> Subscription:
        """Buy the plan of an app (by default one of every app), or start its trial."""
        subscription = account.add_subscription(sub_type, days=days, client_id=app.client_id if app else None)
        self._tell_of(subscription, account, events.SUBSCRIBED)
        # It may end before anything else is due.
        self.deliveries.wake()
        return subscription

    def unsubscribe(self, account: Account, subscription: Subscription) -> None:
        """End a subscription now; of one that is over everybody has been told."""
        if not subscription.end_told:
            self._tell_of(account.end_subscription(subscription), account, events.UNSUBSCRIBED)

    def _tell_of(self, subscription: Subscription, account: Account, event_type: str) -> None:
        links = [link for link in self.links.of(account) if subscription.is_of(link.app.client_id)]
        self._happenings.subscription(subscription, account, links, event_type)

    def _end_what_ran_out(self) -> float | None:
        """Tell of the subscriptions that ran out; return when the next one does."""
        for account in self.accounts.values():
            for subscription in account.run_out():
                self._tell_of(subscription, account, events.UNSUBSCRIBED)
        return min((end for account in self.accounts.values() if (end := account.next_end()) is not None), default=None)

    def _changed(self, device: Device, before: Readings, after: Readings) -> None:
        for event_type in events.of_change(before, after):
            # What a device notices while it is offline it tells nobody.
            if device.online or event_type in events.ABOUT_A_DEVICE:
                self.happen(device, event_type)

    def listen(self) -> None:
        """Hear of every change; devices that come out of a file have forgotten who listened, grants who decides."""
        self.grants.switches = self.switches
        for account in self.accounts.values():
            for device in account.devices:
                device.on_change = self._changed

    # The Ring app and the playground

    async def enable_app(self, account: Account, app: App, device_ids: Collection[str] | None = None) -> int:
        """Enable the app: post a code to its Token Exchange URL and return the HTTP status; a refusal ends the link."""
        if not app.token_exchange_url:
            raise ConflictError("the app has no Token Exchange URL in the developer portal")
        link = self.links.open(account, app, Flow.ONE_WAY, device_ids)
        code = self.grants.new_code(account, app, Flow.ONE_WAY)
        status = 0
        try:
            status = await self.sender.post_code(app.token_exchange_url, code)
            for _ in range(self.switches.codes_posted - 1) if is_success(status) else ():
                await self.sender.post_code(app.token_exchange_url, code)
        finally:
            # Pressed twice, the second link is not the first one's to close.
            if not is_success(status) and self.links.get(account, app) is link:
                self.links.close(account, app)
        # The partner hears of the devices before it has claimed the account.
        if self.links.get(account, app) is link and DeviceAdded(self.switches.device_added) is DeviceAdded.BEFORE:
            for device in account.devices:
                self._happenings.added(device, link)
        return status

    def share(self, account: Account, app: App, device_ids: Collection[str]) -> None:
        """Pick more devices for an app: it is told, and sees them under the ids they always had."""
        link, devices = self.links.chosen(account, app, device_ids)
        for device in devices:
            if device.id not in link.device_ids:
                link.device_ids.add(device.id)
                self._happenings.added(device, link)

    def unshare(self, account: Account, app: App, device_ids: Collection[str]) -> None:
        """Take devices away from an app: it is told, and they are not there for it any more."""
        link, devices = self.links.chosen(account, app, device_ids)
        for device in devices:
            if device.id in link.device_ids:
                self._happenings.at_device(device, account, [link], events.REMOVED)
                link.device_ids.discard(device.id)

    def confirm(self, account: Account, app: App) -> str:
        """Press Confirm: return the Account Link URL with nonce and time, where the browser goes."""
        return self.links.confirm(account, app)

    async def disable_app(self, account: Account, app: App) -> None:
        """Remove the app in the Ring app: tokens are revoked, and the app is told."""
        told = self.deliverable(account, app)
        self.links.close(account, app)
        if told:
            self._happenings.integration(account, app, events.INTEGRATION_REMOVED)

    def update_link(self, account: Account, app: App, status: LinkStatus | None, identifier: str | None) -> Link:
        """PATCH of the partner: once it has completed the link, it is told so."""
        before = self.deliverable(account, app)
        link = self.links.update(account, app, status, identifier)
        if self.deliverable(account, app) and not before:
            self._happenings.integration(account, app, events.INTEGRATION_ADDED)
            if DeviceAdded(self.switches.device_added) is DeviceAdded.AFTER:
                for device in account.devices:
                    self._happenings.added(device, link, follows=True)
        return link

    def unlink(self, account: Account, app: App) -> None:
        """DELETE of the partner: it is told what it has just done."""
        told = self.deliverable(account, app)
        self.links.unlink(account, app)
        if told:
            self._happenings.integration(account, app, events.INTEGRATION_REMOVED)

    def link_directly(
        self, account: Account, app: App, *, completed: bool = True, device_ids: Collection[str] | None = None
    ) -> JsonObject:
        """Return the token response of a finished one-way link, without any HTTP."""
        return self.links.link_directly(account, app, completed=completed, device_ids=device_ids)

    def backdate_consent(self, account: Account, app: App, seconds: float) -> float:
        """Let the user have consented so many seconds ago; return when that was."""
        link = self.links.get(account, app)
        if link is None or link.consented_at is None:
            raise ConflictError("the user has not consented")
        link.consented_at = min(link.consented_at, self.clock.time() - seconds)
        return link.consented_at

    def seen_since_ms(self, grant: Grant) -> int:
        """Return from when on a partner may see what was recorded: since the consent, or the playground's token."""
        link = self.links.get(grant.account, grant.app) if grant.app else None
        if link is None:
            return self.media.shared_since_ms(grant.playground_devices)
        return _NOT_YET_MS if link.consented_at is None else int(link.consented_at * 1000)

    def deliverable(self, account: Account, app: App) -> bool:
        """Say whether anything may be pushed to the app: only once the partner has completed the link."""
        link = self.links.get(account, app)
        return link is not None and link.status is LinkStatus.COMPLETED

    def playground_token(self, account: Account) -> str:
        """Return a token of the developers' playground; its device has new ids each time."""
        location = Location(resource_id("location"), "US", "CA")
        device = Device(self.clock, PLAYGROUND_FAMILY, "Playground Device", location)
        self.media.share_from_now(device)
        return self.grants.playground_token(account, device)


def _permissions(names: Collection[str]) -> frozenset[Permission]:
    try:
        return frozenset(Permission(name) for name in names) | {Permission.ACCOUNT}
    except ValueError as error:
        raise InputError(f"permissions are {', '.join(Permission)}") from error


def _free_name(account: Account, name: str) -> str:
    taken = {device.name for device in account.devices}
    return next(candidate for candidate in _names(name) if candidate not in taken)


def _names(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name} {number}" for number in count(2))
