"""The steps that ask for the client id, client secret and signing key of a private app."""

from abc import abstractmethod
import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, override

import voluptuous as vol

from homeassistant.components.application_credentials import ClientCredential
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.const import CONF_CLIENT_ID, CONF_CLIENT_SECRET
from homeassistant.data_entry_flow import section
from homeassistant.helpers.config_entry_oauth2_flow import (
    AbstractOAuth2Implementation,
    ImplementationUnavailableError,
    async_get_implementations,
)
from homeassistant.helpers.selector import (
    FileSelector,
    FileSelectorConfig,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

from .api import RingError
from .application_credentials import RingOAuth2Implementation
from .const import CONF_IMPLEMENTATION, CONF_SIGNING_KEY, DEVELOPER_PORTAL_URL, DOMAIN, LinkMethod
from .credentials import (
    AppCredentials,
    CredentialsFileError,
    async_read_upload,
    async_store_credentials,
    parse_csv,
)
from .link_flow import RingLinkFlow, is_signing_key

_LOGGER = logging.getLogger(__name__)

CONF_CSV: Final = "csv"
CONF_CSV_FILE: Final = "file"
CONF_CSV_TEXT: Final = "text"
OTHER_APP: Final = "other"
CHECK_SECONDS: Final = 15

SECRET = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off"))
_TEXT = TextSelector(TextSelectorConfig(autocomplete="off"))
_CSV = section(
    vol.Schema(
        {
            vol.Optional(CONF_CSV_FILE): FileSelector(FileSelectorConfig(accept=".csv,.txt,text/csv,text/plain")),
            vol.Optional(CONF_CSV_TEXT): TextSelector(TextSelectorConfig(multiline=True, autocomplete="off")),
        }
    ),
    {"collapsed": True},
)


class RingCredentialFlow(RingLinkFlow):
    """Choose, enter, check and correct the credentials of a private app, before any way that needs them."""

    def __init__(self) -> None:
        """Start with nothing entered."""
        super().__init__()
        self._entered = AppCredentials()
        self._read_uploads: set[str] = set()

    @override
    async def async_step_pick_implementation(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take the choice between stored credentials. A dialog that is opened again here begins at its menu."""
        if user_input is None:
            return await self._async_begin()
        return await self._async_choose(user_input["implementation"])

    @abstractmethod
    async def _async_begin(self) -> ConfigFlowResult:
        """Show the menu that the dialog begins with."""

    async def _async_choose(self, choice: str | None = None) -> ConfigFlowResult:
        """Use the stored credentials, or ask which: those of several private apps, or new ones."""
        try:
            stored = await async_get_implementations(self.hass, self.DOMAIN)
        except ImplementationUnavailableError:
            # Home Assistant's own step says so.
            return await super().async_step_pick_implementation()
        if not stored or choice == OTHER_APP:
            return await self.async_step_credentials()
        if choice is None and len(stored) == 1:
            choice = next(iter(stored))
        if choice in stored:
            return await self._async_use(stored[choice])
        return self._show_stored(stored)

    def _show_stored(self, stored: dict[str, AbstractOAuth2Implementation]) -> ConfigFlowResult:
        options = [SelectOptionDict(value=key, label=label) for key, label in _labels(stored).items()]
        options.append(SelectOptionDict(value=OTHER_APP, label=OTHER_APP))
        config = SelectSelectorConfig(
            options=options, mode=SelectSelectorMode.LIST, translation_key="implementation", sort=False
        )
        entry = self._entry()
        current = entry.data.get(CONF_IMPLEMENTATION) if entry else None
        field = vol.Required("implementation", default=current if current in stored else next(iter(stored)))
        return self.async_show_form(
            step_id="pick_implementation",
            data_schema=vol.Schema({field: SelectSelector(config)}),
            description_placeholders={"portal_url": DEVELOPER_PORTAL_URL},
        )

    async def _async_use(self, implementation: AbstractOAuth2Implementation) -> ConfigFlowResult:
        """Go on with credentials, unless Ring refuses them."""
        if TYPE_CHECKING:
            assert isinstance(implementation, RingOAuth2Implementation)
        self.flow_impl = implementation
        app = AppCredentials(client_id=implementation.client_id, client_secret=implementation.client_secret)
        if await self._async_is_refused(app):
            return self._show_refused()
        return await self.async_step_auth()

    def _show_refused(self) -> ConfigFlowResult:
        """Ring refuses the credentials: lead back to where they are entered."""
        if self._entered.client_id != self._implementation.client_id:
            self._entered = AppCredentials(client_id=self._implementation.client_id)
        return self._show_credentials({"base": "invalid_client"})

    async def async_step_credentials(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the values that Ring showed when the private app was created."""
        if user_input is None:
            return self._show_credentials({})
        async with self._one_submit():
            if errors := await self._async_take(user_input):
                return self._show_credentials(errors)
            app = self._entered
            if await self._async_is_refused(app):
                return self._show_credentials({"base": "invalid_client"})
            stored = await async_store_credentials(self.hass, app)
            self.flow_impl = (await async_get_implementations(self.hass, self.DOMAIN))[stored]
            if app.signing_key:
                self._keys[app.client_id] = app.signing_key
            return await self.async_step_auth()

    async def async_step_correct_credentials(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask again for what was wrong or missing; what was entered before is kept."""
        return await self.async_step_credentials(user_input)

    def _show_credentials(self, errors: dict[str, str]) -> ConfigFlowResult:
        # The frontend empties a form that is shown again, and a step's texts cannot depend on what was entered.
        is_kept = bool(self._entered.client_secret or self._entered.signing_key)
        client_id = {"suggested_value": self._entered.client_id} if self._entered.client_id else None
        return self.async_show_form(
            step_id="correct_credentials" if is_kept else "credentials",
            data_schema=vol.Schema(
                {
                    vol.Optional(CONF_CLIENT_ID, description=client_id): _TEXT,
                    vol.Optional(CONF_CLIENT_SECRET): SECRET,
                    vol.Optional(CONF_SIGNING_KEY): SECRET,
                    vol.Required(CONF_CSV): _CSV,
                }
            ),
            errors=errors,
            description_placeholders={"portal_url": DEVELOPER_PORTAL_URL},
        )

    async def _async_take(self, user_input: dict[str, Any]) -> dict[str, str]:
        """Keep what a form holds, and return what is wrong with it. A file completes what was typed."""
        typed = AppCredentials(
            client_id=user_input.get(CONF_CLIENT_ID, "").strip(),
            client_secret=user_input.get(CONF_CLIENT_SECRET, "").strip(),
            signing_key=user_input.get(CONF_SIGNING_KEY, "").strip(),
        )
        try:
            read = await self._async_read_csv(user_input[CONF_CSV])
        except CredentialsFileError as err:
            self._entered = typed.or_else(self._entered)
            return {"base": str(err)}
        self._entered = typed.or_else(self._entered) if read is None else read.or_else(typed)
        return self._missing()

    async def _async_read_csv(self, given: dict[str, str]) -> AppCredentials | None:
        """Read the file or the text; None without, and for the file of a form that is submitted again."""
        if text := given.get(CONF_CSV_TEXT, "").strip():
            return parse_csv(text)
        file_id = given.get(CONF_CSV_FILE)
        if file_id is None or file_id in self._read_uploads:
            return None
        self._read_uploads.add(file_id)
        return await async_read_upload(self.hass, file_id)

    def _missing(self) -> dict[str, str]:
        app = self._entered
        errors = {
            name: "required"
            for name, value in ((CONF_CLIENT_ID, app.client_id), (CONF_CLIENT_SECRET, app.client_secret))
            if not value
        }
        if app.signing_key and not is_signing_key(app.signing_key):
            errors[CONF_SIGNING_KEY] = "invalid_signing_key"
        elif not app.signing_key and self._method is LinkMethod.RING_APP and self._known_key(app.client_id) is None:
            errors[CONF_SIGNING_KEY] = "required"
        return errors

    async def _async_is_refused(self, app: AppCredentials) -> bool:
        """Ask Ring about a pair. Only a refusal in OAuth's words counts; an outage stops no dialog."""
        credential = ClientCredential(app.client_id, app.client_secret)
        client = RingOAuth2Implementation(self.hass, DOMAIN, credential).client
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                return await client.refuses_client()
        except (RingError, TimeoutError) as err:
            _LOGGER.debug("The credentials could not be checked: %s", type(err).__name__)
            return False


def _labels(stored: dict[str, AbstractOAuth2Implementation]) -> dict[str, str]:
    """Name the stored credentials so that no two look alike."""
    names = [implementation.name for implementation in stored.values()]
    return {key: name if names.count(name) == 1 else f"{name} ({key})" for key, name in zip(stored, names, strict=True)}
