"""Links between accounts and apps: what the Ring app does, and what a partner may do to them over the API."""

from collections import deque
from collections.abc import Collection
import hashlib
import hmac
from http import HTTPStatus

from yarl import URL

from .clock import Clock
from .grants import SECRETS_KEPT, Grants
from .ids import base64url
from .model import Account, App, Device, Flow, Link, LinkStatus
from .refusals import ApiError
from .values import ConflictError, InputError, JsonObject

NONCE_LIFETIME = 600.0


def compute_nonce(signing_key: str, time_ms: str, account_id: str) -> str:
    """Return the nonce that proves to a partner which account confirmed, and when."""
    mac = hmac.digest(signing_key.encode(), f"{time_ms}:{account_id}".encode(), hashlib.sha256)
    return base64url(mac)


class Links:
    """Every link between an account and an app."""

    def __init__(self, clock: Clock, grants: Grants) -> None:
        self._clock = clock
        self._grants = grants
        self._links: dict[tuple[Account, App], Link] = {}
        self._nonces: deque[str] = deque(maxlen=SECRETS_KEPT)

    def secrets(self) -> frozenset[str]:
        """Return every nonce made, up to a bearable number, for tests that search logs for them."""
        return frozenset(self._nonces)

    def get(self, account: Account, app: App) -> Link | None:
        """Return the link of an account and an app."""
        return self._links.get((account, app))

    def of(self, account: Account) -> list[Link]:
        """Return the links of an account."""
        return [link for link in self._links.values() if link.account is account]

    def open(self, account: Account, app: App, flow: Flow, device_ids: Collection[str] | None) -> Link:
        """Start a link over: whatever the app held for this account before is void."""
        chosen = {device.id for device in account.devices} if device_ids is None else set(device_ids)
        self._check_own(account, chosen)
        self.close(account, app)
        link = Link(account, app, flow, chosen)
        self._links[account, app] = link
        return link

    def close(self, account: Account, app: App) -> None:
        """End a link and revoke its tokens."""
        self._links.pop((account, app), None)
        self._grants.revoke(account, app)

    def forget(self, account: Account, app: App) -> None:
        """Drop the integration but leave the tokens alive, as when the user backs out before confirming."""
        self._links.pop((account, app), None)

    def confirm(self, account: Account, app: App) -> str:
        """Press Confirm in the Ring app: return where the browser is sent."""
        link = self.get(account, app)
        if link is None or link.flow is not Flow.ONE_WAY:
            raise ConflictError("enable the app in the Ring app first")
        if link.status is LinkStatus.COMPLETED:
            raise ConflictError("the account is already linked")
        if not app.account_link_url or not app.signing_key:
            raise ConflictError("the app has no Account Link URL or no signing key in the developer portal")
        # Each press of "Sign in" makes another URL, however soon.
        link.confirmed_ms = max(int(self._clock.time() * 1000), link.confirmed_ms + 1)
        time_ms = str(link.confirmed_ms)
        link.nonce = compute_nonce(app.signing_key, time_ms, account.id)
        link.nonce_expires_at = self._clock.time() + NONCE_LIFETIME
        link.status = LinkStatus.AWAITING
        self._nonces.append(link.nonce)
        return str(URL(app.account_link_url).update_query(nonce=link.nonce, time=time_ms))

    def share(self, device: Device, account: Account) -> None:
        """Share a new device with every app of the account."""
        for link in self.of(account):
            link.device_ids.add(device.id)

    def chosen(self, account: Account, app: App, device_ids: Collection[str]) -> tuple[Link, list[Device]]:
        """Return the link, and the devices that are picked or un-picked, which have to be the account's."""
        link = self.get(account, app)
        if link is None:
            raise ConflictError("enable the app in the Ring app first")
        self._check_own(account, device_ids)
        return link, [device for device in account.devices if device.id in device_ids]

    @staticmethod
    def _check_own(account: Account, device_ids: Collection[str]) -> None:
        if not set(device_ids) <= {device.id for device in account.devices}:
            raise InputError("a chosen device does not belong to the account")

    # The app-integrations API

    def claim(self, account: Account, app: App, nonce: str | None, identifier: str | None) -> Link:
        """POST: the partner says who confirmed, and proves it with the nonce."""
        link = self._existing(account, app)
        if nonce is None:
            raise ApiError(HTTPStatus.BAD_REQUEST, "nonce is required", "Missing Required Fields")
        fresh = self._clock.time() < link.nonce_expires_at
        if link.nonce is None or not fresh or not hmac.compare_digest(nonce.encode(), link.nonce.encode()):
            raise ApiError(HTTPStatus.BAD_REQUEST, "The nonce is invalid or has expired", "Invalid Nonce")
        link.nonce = None
        link.claimed = True
        link.account_identifier = identifier or link.account_identifier
        return link

    def update(self, account: Account, app: App, status: LinkStatus | None, identifier: str | None) -> Link:
        """PATCH: the partner's side of the link is done (or not any more)."""
        link = self._existing(account, app)
        if status is None and identifier is None:
            raise ApiError(HTTPStatus.BAD_REQUEST, "At least one field is required", "Missing Required Fields")
        if status is not None:
            if not link.claimed or link.status is LinkStatus.UNCLAIMED:
                detail = f"{link.status} to {status} is not allowed"
                raise ApiError(HTTPStatus.BAD_REQUEST, detail, "Invalid Status Transition")
            link.status = status
            if status is LinkStatus.COMPLETED:
                self._consent(link)
        link.account_identifier = identifier or link.account_identifier
        return link

    def unlink(self, account: Account, app: App) -> None:
        """DELETE: only apps that may start a link may end it."""
        self._existing(account, app)
        if not app.unlink_allowed:
            raise ApiError(HTTPStatus.FORBIDDEN, "This app cannot end its integration")
        self.close(account, app)

    def _consent(self, link: Link) -> None:
        """Open history and media from this moment on; a second consent changes nothing."""
        if link.consented_at is None:
            link.consented_at = self._clock.time()

    def _existing(self, account: Account, app: App) -> Link:
        link = self.get(account, app)
        if link is None:
            raise ApiError(HTTPStatus.NOT_FOUND, "No integration exists for this token")
        return link

    # Links made without the partner's or without the Ring app's part

    def link_directly(
        self, account: Account, app: App, *, completed: bool, device_ids: Collection[str] | None
    ) -> JsonObject:
        """Return the token response of a one-way link that needed no HTTP."""
        link = self.open(account, app, Flow.ONE_WAY, device_ids)
        link.claimed = True
        link.status = LinkStatus.AWAITING
        if completed:
            link.status = LinkStatus.COMPLETED
            self._consent(link)
        return self._grants.new_grant(account, app, Flow.ONE_WAY)

    def open_partner(self, account: Account, app: App, challenge: str) -> str:
        """Start a partner-initiated link, dormant until the PATCH: return the authorization code."""
        link = self.open(account, app, Flow.PARTNER, None)
        link.claimed = True
        link.status = LinkStatus.AWAITING
        return self._grants.new_code(account, app, Flow.PARTNER, challenge)
