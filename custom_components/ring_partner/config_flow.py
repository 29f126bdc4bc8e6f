"""Ways to link a Ring account; the same ways again for reauthentication and reconfiguration; options."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
import time
from typing import TYPE_CHECKING, Any, override

import voluptuous as vol

from homeassistant.config_entries import SOURCE_REAUTH, SOURCE_RECONFIGURE, ConfigEntry, ConfigFlowResult, OptionsFlow
from homeassistant.const import CONF_ACCESS_TOKEN
from homeassistant.core import callback
from homeassistant.data_entry_flow import FlowResultType, UnknownFlow
from homeassistant.util.async_ import create_eager_task

from .api import RingClientCredentialsError, RingError, RingRequestError, RingUnavailableError, Token
from .claim import Claim
from .cleanup import clean_up_once
from .const import (
    CONF_ACCOUNT,
    CONF_IMPLEMENTATION,
    CONF_LINK_METHOD,
    CONF_REFRESH_TOKEN,
    CONF_SIGNING_KEY,
    CONF_TEMPORARY_URL,
    DEVELOPER_PORTAL_URL,
    DOMAIN,
    PLAYGROUND_URL,
    LinkMethod,
)
from .credential_flow import SECRET, RingCredentialFlow
from .credentials import has_stored_credentials
from .link_flow import (
    ExpiredTokenError,
    InvalidTokenError,
    as_markdown,
    describe,
    error_key,
    signing_key_errors,
    signing_key_from,
    token_from,
)
from .linking import ATTR_LISTENER, LinkListener, find_listener
from .options_flow import RingOptionsFlow
from .pasted import PastedToken
from .public_url_flow import RingPublicUrlFlow

WAIT_SECONDS = 1800

# Where an error that Ring's call led to can be fixed; the others are fixed in the Ring app.
FIXED_IN = {"invalid_client": "refused_credentials", "wrong_signing_key": "correct_key"}
# A token that one of these is about cannot be used again.
TOKEN_ERRORS = frozenset({"invalid_auth", "invalid_token", "expired_token"})

# In the order of the menu: what a hobbyist gets first, what needs Ring's invitation last.
METHODS = (LinkMethod.RING_APP, LinkMethod.TOKENS, LinkMethod.PLAYGROUND, LinkMethod.PARTNER)


class RingConfigFlow(RingPublicUrlFlow, RingCredentialFlow, domain=DOMAIN):
    """Link a Ring account."""

    VERSION = 1
    MINOR_VERSION = 1

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        """Return the options flow."""
        return RingOptionsFlow()

    # Where flows start.

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Offer the ways to link."""
        clean_up_once(self.hass)
        other = ["other_app"] if has_stored_credentials(self.hass) else []
        return self.async_show_menu(
            step_id="user",
            menu_options=[*METHODS, *other],
            description_placeholders={"portal_url": DEVELOPER_PORTAL_URL},
        )

    @override
    async def _async_begin(self) -> ConfigFlowResult:
        if self.source == SOURCE_REAUTH:
            return await self.async_step_reauth_confirm()
        if self.source == SOURCE_RECONFIGURE:
            return await self.async_step_reconfigure()
        return await self.async_step_user()

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Ring no longer accepts the link."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Offer the way that was used before first."""
        entry = self._get_reauth_entry()
        before = LinkMethod(entry.data[CONF_LINK_METHOD])
        return self.async_show_menu(
            step_id="reauth_confirm",
            menu_options=[before, *(method for method in _methods(entry) if method is not before), "other_app"],
            description_placeholders={"account": as_markdown(entry.title), "portal_url": DEVELOPER_PORTAL_URL},
        )

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the URLs again, change the signing key, or link the same account again."""
        entry = self._get_reconfigure_entry()
        # A Playground token belongs to no private app, so there are no URLs to enter anywhere.
        addresses = ["addresses", "new_key"] if CONF_IMPLEMENTATION in entry.data else []
        return self.async_show_menu(
            step_id="reconfigure",
            menu_options=[*addresses, *_methods(entry), "other_app"],
            description_placeholders={"account": as_markdown(entry.title)},
        )

    @override
    async def async_step_integration_discovery(self, discovery_info: dict[str, Any]) -> ConfigFlowResult:
        """The user enabled the app in the Ring app while no flow was waiting."""
        # Raises when a flow for this account is open: it takes the newer claim when it is submitted.
        await self.async_set_unique_id(discovery_info[CONF_ACCOUNT])
        found = find_listener(self.hass, discovery_info[ATTR_LISTENER])
        if found is None:
            return self.async_abort(reason="link_expired")
        self.flow_impl = found.implementation
        await self._async_listen(found.signing_key)
        if (claim := self._find_claim()) is None:
            return self.async_abort(reason="link_expired")
        self.context["title_placeholders"] = {"name": describe(claim.user)}
        return await self.async_step_confirm()

    # The four ways. Three need the credentials of a private app first (credential_flow.py).

    async def async_step_ring_app(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """One-way linking, started in the Ring app. Ring has to reach Home Assistant: checked before anything else."""
        self._method = LinkMethod.RING_APP
        return await self._async_with_public_url(self._async_choose)

    async def async_step_other_app(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Link from the Ring app, with another private app than those that are stored."""
        self._method = LinkMethod.RING_APP
        return await self._async_with_public_url(self.async_step_credentials)

    async def async_step_tokens(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """A refresh token that was obtained elsewhere."""
        self._method = LinkMethod.TOKENS
        return await self._async_choose()

    async def async_step_partner(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Partner-initiated OAuth 2.0 with PKCE."""
        self._method = LinkMethod.PARTNER
        return await self._async_choose()

    @override
    async def async_step_auth(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """The credentials are known: go on with the chosen way."""
        if self._method is LinkMethod.RING_APP:
            return await self.async_step_signing_key()
        if self._method is LinkMethod.TOKENS:
            return await self.async_step_refresh_token()
        result = await super().async_step_auth(user_input)
        if result["type"] is FlowResultType.EXTERNAL_STEP:
            result["description_placeholders"] = {"redirect_uri": self._implementation.redirect_uri}
        return result

    # From the Ring app.

    async def async_step_signing_key(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take the key that signs nonces and webhooks from what is known of the private app, or ask for it."""
        client_id = self._implementation.client_id
        key = self._known_key(client_id) if user_input is None else signing_key_from(user_input)
        errors = signing_key_errors(key)
        if key is not None and not errors:
            self._keys[client_id] = key
            if not await self._async_listen(key):
                return await self._async_without_url(partial(self.async_step_signing_key, {CONF_SIGNING_KEY: key}))
            return await self.async_step_portal()
        return self._show_signing_key("signing_key", vol.Required(CONF_SIGNING_KEY), errors)

    async def async_step_correct_key(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the key again; left empty, the one that was entered stays."""
        if user_input is None:
            errors = {CONF_SIGNING_KEY: "wrong_signing_key"}
        else:
            key = signing_key_from(user_input)
            if not (errors := signing_key_errors(key)):
                return await self.async_step_signing_key({CONF_SIGNING_KEY: key or self._signing_key})
        return self._show_signing_key("correct_key", vol.Optional(CONF_SIGNING_KEY), errors)

    def _show_signing_key(self, step_id: str, field: vol.Marker, errors: dict[str, str]) -> ConfigFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=vol.Schema({field: SECRET}),
            errors=errors,
            description_placeholders={"portal_url": DEVELOPER_PORTAL_URL},
        )

    async def async_step_portal(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the addresses to paste into Ring's developer portal."""
        if user_input is not None:
            return await self.async_step_wait()
        return self.async_show_form(step_id="portal", description_placeholders=self._portal())

    async def async_step_wait(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Wait until the browser of an account that this dialog can link has come."""
        if TYPE_CHECKING:
            assert self._listener is not None
        if self._waiting_since is None:
            self._waiting_since = time.time()
            self._seen_failure = self._listener.failure
        if self._find_claim() is not None:
            return await self._async_end_waiting("confirm")
        if (linked := self._find_linked()) is not None:
            self._set_claim(linked)
            return await self._async_end_waiting("confirm")
        if (failure := self._listener.failure) is not None and failure is not self._seen_failure:
            self._wait_error = error_key(failure)
            return await self._async_end_waiting(FIXED_IN.get(self._wait_error, "wait_failed"))
        if self._waiting is None or self._waiting.done():
            try:
                self._waiting = self._wait_on()
            except TimeoutError:
                return await self._async_end_waiting("wait_timeout")
        return self.async_show_progress(
            step_id="wait",
            progress_action="confirm_in_ring_app" if self._claims() else "enable_in_ring_app",
            description_placeholders=self._portal() | {"reached": await self._async_reached()},
            progress_task=self._waiting,
        )

    def _wait_on(self) -> asyncio.Task[None]:
        """Wait for something new; raises TimeoutError when nothing came for too long."""
        if self._waiting is not None:
            self._waiting.result()
        # Not a task of Home Assistant's: nothing has to wait for half an hour of waiting.
        return create_eager_task(self._async_wait(), name="ring_partner link", loop=self.hass.loop)

    async def _async_wait(self) -> None:
        if TYPE_CHECKING:
            assert self._listener is not None
        async with asyncio.timeout(WAIT_SECONDS):
            await self._listener.async_wait(self._account_id())

    async def _async_end_waiting(self, next_step_id: str) -> ConfigFlowResult:
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = self._waiting_since = None
        if self.cur_step is not None and self.cur_step["type"] is FlowResultType.SHOW_PROGRESS:
            return self.async_show_progress_done(next_step_id=next_step_id)
        # Home Assistant would submit the form of the step before once more, to the next one.
        step: Callable[[], Awaitable[ConfigFlowResult]] = getattr(self, f"async_step_{next_step_id}")
        return await step()

    async def async_step_wait_timeout(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Nothing came: say what to check, and wait again if wanted."""
        if user_input is not None:
            return await self.async_step_wait()
        return self.async_show_form(step_id="wait_timeout", description_placeholders=self._portal())

    async def async_step_wait_failed(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ring has called, but it led to nothing: say why, and wait again if wanted."""
        if user_input is not None:
            return await self.async_step_wait()
        errors = {} if self._wait_error is None else {"base": self._wait_error}
        return self.async_show_form(step_id="wait_failed", errors=errors, description_placeholders=self._portal())

    async def async_step_refused_credentials(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ring refused the credentials when it had called: lead back to where they are entered."""
        return self._show_refused()

    async def async_step_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Let the signed-in Home Assistant user confirm that it is this Ring account."""
        if TYPE_CHECKING:
            assert self._listener is not None
        shown = self._claim
        if (claim := self._find_claim()) is None:
            if TYPE_CHECKING:
                assert shown is not None
            return await self._async_without_claim(shown)
        if user_input is not None and claim is shown and self.flow_id in claim.dialogs:
            async with self._one_submit(), self._listener.submitting:
                return await self._async_submit(claim, self._listener)
        return self._show_confirm(claim)

    def _show_confirm(self, claim: Claim, error: str | None = None) -> ConfigFlowResult:
        claim.dialogs.add(self.flow_id)
        self._set_confirm_only()
        return self.async_show_form(
            step_id="confirm",
            errors={} if error is None else {"base": error},
            description_placeholders={"account": as_markdown(describe(claim.user))},
        )

    async def _async_without_claim(self, shown: Claim, reason: str = "link_expired") -> ConfigFlowResult:
        """Say why the account can no longer be linked here; a reauthentication goes on waiting."""
        self._check_account(shown.user)
        if shown.ended is not None:
            reason = shown.ended
        if self.source == SOURCE_REAUTH and reason != "already_configured":
            return await self.async_step_wait()
        placeholders = {"account": as_markdown(describe(shown.user))}
        return self.async_abort(reason=reason, description_placeholders=placeholders)

    async def _async_submit(self, claim: Claim, listener: LinkListener) -> ConfigFlowResult:
        if not claim.is_ready:
            # Another dialog was faster.
            return await self._async_without_claim(claim)
        self._check_account(claim.user)
        try:
            await self._async_confirm(claim)
        except RingUnavailableError as err:
            return self._show_confirm(claim, error_key(err))
        except RingRequestError:
            # Only this nonce: "Sign in again" in the Ring app makes another.
            claim.nonce = ""
            return await self._async_without_claim(claim, reason="link_refused")
        except RingError:
            claim.ended = "link_refused"
            await listener.async_forget(claim)
            return await self._async_without_claim(claim)
        if self._removed and self._entry() is None:
            # The dialog was closed meanwhile, so that no entry will be made: the next dialog finds the claim.
            raise UnknownFlow
        claim.ended = "already_configured"
        return await self._async_finish(claim.user, claim.token)

    # The other ways end in a token at once.

    async def async_step_playground(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take a token of Ring's Developers Playground: 30 minutes, one simulated device."""
        self._method = LinkMethod.PLAYGROUND
        return await self._async_token_form("playground", CONF_ACCESS_TOKEN, user_input)

    async def async_step_refresh_token(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take a refresh token, and rotate it so that the copy elsewhere is of no more use."""
        return await self._async_token_form("refresh_token", CONF_REFRESH_TOKEN, user_input)

    async def async_step_playground_again(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the Playground token again; left empty, the one that was entered stays."""
        return await self.async_step_playground(user_input)

    async def async_step_refresh_token_again(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the refresh token again; left empty, the one that was entered stays."""
        return await self.async_step_refresh_token(user_input)

    async def _async_token_form(self, step_id: str, name: str, user_input: dict[str, Any] | None) -> ConfigFlowResult:
        key = signing_key_from(user_input or {})
        errors = signing_key_errors(key)
        if user_input is not None:
            self._entered_token = user_input.get(name, "").strip() or self._entered_token
            if not errors:
                if key is not None:
                    self._keys[self._implementation.client_id] = key
                async with self._one_submit():
                    try:
                        return await self._async_link_token(await self._async_obtain(self._entered_token))
                    except RingClientCredentialsError:
                        return self._show_refused()
                    except RingError as err:
                        errors["base"] = error_key(err)
        return self._show_token_form(step_id, name, errors)

    def _show_token_form(self, step_id: str, name: str, errors: dict[str, str]) -> ConfigFlowResult:
        # The frontend empties a form that is shown again. What was refused is not worth keeping.
        if errors.get("base") in TOKEN_ERRORS:
            self._entered_token = ""
        is_kept = bool(self._entered_token)
        schema: dict[vol.Marker, object] = {vol.Optional(name) if is_kept else vol.Required(name): SECRET}
        if self._method is not LinkMethod.PLAYGROUND:
            schema[vol.Optional(CONF_SIGNING_KEY)] = SECRET
        return self.async_show_form(
            step_id=f"{step_id}_again" if is_kept else step_id,
            data_schema=vol.Schema(schema),
            errors=errors,
            description_placeholders={"playground_url": PLAYGROUND_URL},
        )

    async def _async_obtain(self, text: str) -> Token:
        """Return the token of a form. Once rotated it is kept: the one the user pasted is dead by then."""
        pasted = token_from(text)
        if self._method is LinkMethod.PLAYGROUND:
            return _playground_token(pasted)
        self._pasted = PastedToken(self.hass, self._implementation, pasted)
        return await self._pasted.async_obtain()

    @override
    async def async_step_creation(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Exchange the code of a partner-initiated sign-in."""
        implementation = self._implementation
        async with self._one_submit():
            try:
                token = await implementation.client.exchange_code(
                    self.external_data["code"], implementation.code_verifier
                )
                return await self._async_link_token(token)
            except RingClientCredentialsError:
                return self._show_refused()
            except RingError as err:
                return self.async_abort(reason=error_key(err))

    # Showing the URLs again.

    async def async_step_addresses(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what to paste into the developer console."""
        if user_input is not None:
            return await self.async_step_addresses_done()
        entry = self._get_reconfigure_entry()
        key: str | None = self._signing_key or entry.data.get(CONF_SIGNING_KEY)
        if key is None:
            return await self.async_step_new_key()
        if not await self._async_find_urls(key):
            return self.async_abort(reason="no_public_url")
        self._signing_key = key
        return self.async_show_form(step_id="addresses", description_placeholders=self._portal())

    async def async_step_new_key(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for another signing key, and show the URLs that are made from it."""
        key = signing_key_from(user_input or {})
        errors = signing_key_errors(key)
        if key is not None and not errors:
            self._signing_key = key
            return await self.async_step_addresses()
        return self._show_signing_key("new_key", vol.Required(CONF_SIGNING_KEY), errors)

    async def async_step_addresses_done(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Say how to check the URLs, and keep the key."""
        if user_input is None:
            return self.async_show_form(step_id="addresses_done", description_placeholders=self._portal())
        entry = self._get_reconfigure_entry()
        kept = {name: value for name, value in entry.data.items() if name != CONF_TEMPORARY_URL}
        return self.async_update_reload_and_abort(
            entry,
            data=kept | {CONF_SIGNING_KEY: self._signing_key} | self._urls,
            reload_even_if_entry_is_unchanged=False,
        )


def _playground_token(text: str) -> Token:
    """Return the Playground token that was pasted. Raises InvalidTokenError or ExpiredTokenError."""
    if not text.startswith("eyJ") or text.count(".") != 2:
        raise InvalidTokenError("This is not a token of the Playground")
    token = Token.playground(text, time.time())
    if token.expires_in(time.time()) <= 0:
        raise ExpiredTokenError("The token has ended")
    return token


def _methods(entry: ConfigEntry) -> list[LinkMethod]:
    """Return the ways to link an account again: a Playground token would end a real link after 30 minutes."""
    is_real = entry.data[CONF_LINK_METHOD] != LinkMethod.PLAYGROUND
    return [method for method in METHODS if not (is_real and method is LinkMethod.PLAYGROUND)]
