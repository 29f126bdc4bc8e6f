"""Ways to link a Ring account; the same ways again for reauthentication and reconfiguration; options."""

import asyncio
from collections.abc import Mapping
import time
from typing import TYPE_CHECKING, Any, override

import voluptuous as vol

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry, ConfigFlowResult, OptionsFlow
from homeassistant.const import CONF_ACCESS_TOKEN
from homeassistant.core import callback
from homeassistant.data_entry_flow import AbortFlow, FlowResultType
from homeassistant.helpers.selector import TextSelector, TextSelectorConfig, TextSelectorType

from .api import RingAuthError, RingError, RingUnavailableError, Token
from .const import (
    CONF_ACCOUNT,
    CONF_IMPLEMENTATION,
    CONF_LINK_METHOD,
    CONF_REFRESH_TOKEN,
    CONF_SIGNING_KEY,
    CONF_WEBHOOK_URL,
    DEVELOPER_PORTAL_URL,
    DOMAIN,
    PLAYGROUND_URL,
    LinkMethod,
)
from .link_flow import RingLinkFlow, as_markdown, describe, error_key, signing_key_errors, signing_key_from
from .linking import ATTR_LISTENER, Claim, LinkListener, find_listener
from .options_flow import RingOptionsFlow

WAIT_SECONDS = 1800

# In the order of the menu: what a hobbyist gets first, what needs Ring's invitation last.
METHODS = (LinkMethod.RING_APP, LinkMethod.TOKENS, LinkMethod.PLAYGROUND, LinkMethod.PARTNER)

SECRET = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off"))


class RingConfigFlow(RingLinkFlow, domain=DOMAIN):
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
        return self.async_show_menu(step_id="user", menu_options=[*METHODS])

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Ring no longer accepts the link."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Offer the way that was used before first."""
        entry = self._get_reauth_entry()
        before = LinkMethod(entry.data[CONF_LINK_METHOD])
        return self.async_show_menu(
            step_id="reauth_confirm",
            menu_options=[before, *(method for method in METHODS if method is not before)],
            description_placeholders={"account": as_markdown(entry.title)},
        )

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the addresses again, or link the same account anew."""
        entry = self._get_reconfigure_entry()
        # A Playground token belongs to no Ring app, so there are no addresses to enter anywhere.
        addresses = ["addresses"] if CONF_IMPLEMENTATION in entry.data else []
        return self.async_show_menu(
            step_id="reconfigure",
            menu_options=[*addresses, *METHODS],
            description_placeholders={"account": as_markdown(entry.title)},
        )

    @override
    async def async_step_integration_discovery(self, discovery_info: dict[str, Any]) -> ConfigFlowResult:
        """The user enabled the app in the Ring app while no flow was waiting."""
        # Raises when a flow for this account is open: it takes the newer claim when it is submitted.
        await self.async_set_unique_id(discovery_info[CONF_ACCOUNT])
        found = find_listener(self.hass, discovery_info[ATTR_LISTENER])
        claim = found.take_claim(discovery_info[CONF_ACCOUNT]) if found else None
        if found is None or claim is None:
            return self.async_abort(reason="link_expired")
        self.flow_impl = found.implementation
        await self._async_listen(found.signing_key)
        self._claim = claim
        self.context["title_placeholders"] = {"name": describe(claim.user)}
        return await self.async_step_confirm()

    # The four ways. Three need the credentials of a Ring app first, which Home Assistant's OAuth2 steps ask for.

    async def async_step_ring_app(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """One-way linking, started in the Ring app."""
        return await self._async_with_credentials(LinkMethod.RING_APP)

    async def async_step_tokens(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """A refresh token that was obtained elsewhere."""
        return await self._async_with_credentials(LinkMethod.TOKENS)

    async def async_step_partner(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Partner-initiated OAuth 2.0 with PKCE."""
        return await self._async_with_credentials(LinkMethod.PARTNER)

    async def async_step_playground(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """A token of Ring's Developers Playground: half an hour, one pretend device."""
        self._method = LinkMethod.PLAYGROUND
        return await self._async_token_form(
            "playground",
            user_input,
            vol.Schema({vol.Required(CONF_ACCESS_TOKEN): SECRET}),
            {"playground_url": PLAYGROUND_URL},
        )

    async def _async_with_credentials(self, method: LinkMethod) -> ConfigFlowResult:
        self._method = method
        known = self._get_reauth_entry().data.get(CONF_IMPLEMENTATION) if self.source == SOURCE_REAUTH else None
        return await self.async_step_pick_implementation({"implementation": known} if known else None)

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
        """Ask for the key that signs nonces and webhooks; a link that is renewed has it already."""
        key = self._known_key() if user_input is None else signing_key_from(user_input)
        errors = signing_key_errors(key)
        if key is not None and not errors:
            if not await self._async_listen(key):
                return self.async_abort(reason="no_public_url")
            return await self.async_step_portal()
        return self.async_show_form(
            step_id="signing_key",
            data_schema=vol.Schema({vol.Required(CONF_SIGNING_KEY): SECRET}),
            errors=errors,
            description_placeholders={"portal_url": DEVELOPER_PORTAL_URL},
        )

    def _known_key(self) -> str | None:
        """The key of the link that is renewed, as long as it is renewed with the same Ring app."""
        if self.source != SOURCE_REAUTH:
            return None
        data = self._get_reauth_entry().data
        return data.get(CONF_SIGNING_KEY) if data.get(CONF_IMPLEMENTATION) == self._implementation.domain else None

    async def async_step_portal(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the addresses to paste into Ring's developer portal."""
        if user_input is not None:
            return await self.async_step_wait()
        return self.async_show_form(
            step_id="portal", description_placeholders=self._urls | {"portal_url": DEVELOPER_PORTAL_URL}
        )

    async def async_step_wait(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Wait for the code, then for the browser."""
        if self._waiting is None:
            self._waiting = self._start_waiting()
        if not self._waiting.done():
            return self._show_waiting(self._waiting)
        waiting, self._waiting = self._waiting, None
        try:
            claim = waiting.result()
        except TimeoutError:
            self._code_seen = False
            return self.async_show_progress_done(next_step_id="wait_timeout")
        except RingError as err:
            self._wait_error = error_key(err)
            return self.async_show_progress_done(next_step_id="wait_failed")
        if claim is None:
            self._code_seen = True
            self._waiting = self._start_waiting()
            return self._show_waiting(self._waiting)
        self._claim = claim
        return self.async_show_progress_done(next_step_id="confirm")

    def _start_waiting(self) -> asyncio.Task[Claim | None]:
        # In the background: half an hour of waiting must not delay a shutdown.
        return self.hass.async_create_background_task(self._async_wait(), "ring_partner link")

    def _show_waiting(self, task: asyncio.Task[Claim | None]) -> ConfigFlowResult:
        return self.async_show_progress(
            step_id="wait",
            progress_action="confirm_in_ring_app" if self._code_seen else "enable_in_ring_app",
            progress_task=task,
        )

    async def _async_wait(self) -> Claim | None:
        """Return None when the code has come, and the claim when the browser has."""
        if TYPE_CHECKING:
            assert self._listener is not None
        async with asyncio.timeout(WAIT_SECONDS):
            if not self._code_seen:
                await self._listener.async_wait_for_code()
                return None
            entry = self._entry()
            return await self._listener.async_wait_for_claim(entry.unique_id if entry else None)

    async def async_step_wait_timeout(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Nothing came: say what to check, and wait again if wanted."""
        if user_input is not None:
            return await self.async_step_wait()
        return self.async_show_form(step_id="wait_timeout", description_placeholders=self._urls)

    async def async_step_wait_failed(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ring has called, but it led to nothing: say why, and wait again if wanted."""
        if user_input is not None:
            return await self.async_step_wait()
        errors = {} if self._wait_error is None else {"base": self._wait_error}
        return self.async_show_form(step_id="wait_failed", errors=errors, description_placeholders=self._urls)

    async def async_step_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Let the signed-in Home Assistant user confirm that it is this Ring account."""
        if TYPE_CHECKING:
            assert self._claim is not None
            assert self._listener is not None
        # Whoever presses Confirm in the Ring app once more gets a new nonce, and the one before is void.
        claim = self._claim = self._listener.take_claim(self._claim.user.id) or self._claim
        try:
            await self._async_check_account(claim.user)
        except AbortFlow:
            # It is for another flow: the reauthentication of its entry, or a discovery.
            self._listener.offer(claim)
            raise
        if user_input is not None:
            async with self._one_submit():
                return await self._async_submit(claim, self._listener)
        return self._show_confirm(claim)

    def _show_confirm(self, claim: Claim, error: str | None = None) -> ConfigFlowResult:
        self._set_confirm_only()
        return self.async_show_form(
            step_id="confirm",
            errors={} if error is None else {"base": error},
            description_placeholders={"account": as_markdown(describe(claim.user))},
        )

    async def _async_submit(self, claim: Claim, listener: LinkListener) -> ConfigFlowResult:
        if not claim.is_fresh() and not self._confirmed:
            return self.async_abort(reason="link_expired")
        try:
            await self._async_confirm(claim)
        except RingUnavailableError as err:
            return self._show_confirm(claim, error_key(err))
        except RingError:
            await listener.async_forget(claim.user.id)
            return self.async_abort(reason="link_refused")
        await listener.async_forget(claim.user.id)
        return await self._async_finish(claim.user, claim.token)

    # The other ways end in a token at once.

    async def async_step_refresh_token(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take a refresh token, and rotate it so that the copy elsewhere is of no more use."""
        schema = vol.Schema({vol.Required(CONF_REFRESH_TOKEN): SECRET, vol.Optional(CONF_SIGNING_KEY): SECRET})
        return await self._async_token_form("refresh_token", user_input, schema, {})

    async def _async_token_form(
        self,
        step_id: str,
        user_input: dict[str, Any] | None,
        schema: vol.Schema,
        placeholders: dict[str, str],
    ) -> ConfigFlowResult:
        key = signing_key_from(user_input or {})
        errors = signing_key_errors(key)
        if user_input is not None and not errors:
            self._signing_key = key
            async with self._one_submit():
                try:
                    return await self._async_link_token(await self._async_obtain(user_input))
                except RingError as err:
                    errors["base"] = error_key(err)
        return self.async_show_form(
            step_id=step_id, data_schema=schema, errors=errors, description_placeholders=placeholders
        )

    async def _async_obtain(self, user_input: dict[str, Any]) -> Token:
        """Return the token of a form. Once rotated it is kept: the one the user pasted is dead by then."""
        if self._method is LinkMethod.PLAYGROUND:
            return Token.playground(user_input[CONF_ACCESS_TOKEN].strip(), time.time())
        pasted = user_input[CONF_REFRESH_TOKEN].strip()
        if not pasted:
            raise RingAuthError("There is no token in the form")
        if self._token is None or self._pasted != pasted:
            self._token = await self._implementation.client.refresh(pasted)
            self._pasted = pasted
        return self._token

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
            except RingError as err:
                return self.async_abort(reason=error_key(err))

    # Showing the addresses again.

    async def async_step_addresses(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what to paste into the developer portal; a new signing key may be given."""
        entry = self._get_reconfigure_entry()
        known: str | None = entry.data.get(CONF_SIGNING_KEY)
        key = signing_key_from(user_input or {})
        errors = signing_key_errors(key)
        key = key or known
        if user_input is not None and key is not None and not errors:
            if not await self._async_find_urls(key):
                return self.async_abort(reason="no_public_url")
            self._signing_key = key
            return await self.async_step_addresses_done()
        field = vol.Required(CONF_SIGNING_KEY) if known is None else vol.Optional(CONF_SIGNING_KEY)
        return self.async_show_form(step_id="addresses", data_schema=vol.Schema({field: SECRET}), errors=errors)

    async def async_step_addresses_done(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the addresses, and keep the key."""
        if user_input is None:
            return self.async_show_form(
                step_id="addresses_done", description_placeholders=self._urls | {"portal_url": DEVELOPER_PORTAL_URL}
            )
        return self.async_update_reload_and_abort(
            self._get_reconfigure_entry(),
            data_updates={CONF_SIGNING_KEY: self._signing_key, CONF_WEBHOOK_URL: self._urls["webhook_url"]},
            reload_even_if_entry_is_unchanged=False,
        )
