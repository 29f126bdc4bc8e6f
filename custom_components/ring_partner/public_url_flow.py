"""The step of a home that Ring cannot reach: a temporary public URL, such as a tunnel's, to link through."""

from collections.abc import Awaitable, Callable
from typing import Any

import voluptuous as vol

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import TextSelector, TextSelectorConfig, TextSelectorType
from homeassistant.loader import async_get_integration

from .const import CONF_PUBLIC_URL, DOMAIN, TUNNEL_DOCS
from .endpoints import has_public_url, parse_public_url
from .link_flow import RingLinkFlow

SCHEMA = vol.Schema({vol.Optional(CONF_PUBLIC_URL): TextSelector(TextSelectorConfig(type=TextSelectorType.URL))})

type Step = Callable[[], Awaitable[ConfigFlowResult]]


class RingPublicUrlFlow(RingLinkFlow):
    """Knows how Ring reaches Home Assistant before anything else is asked."""

    _go_on: Step

    async def _async_with_public_url(self, go_on: Step) -> ConfigFlowResult:
        """Go on where Ring can reach Home Assistant; ask for a temporary public URL first where it cannot."""
        self._go_on = go_on
        if self._temporary_url is None and not has_public_url(self.hass):
            return await self._async_show_public_url()
        return await go_on()

    async def _async_without_url(self, try_again: Step) -> ConfigFlowResult:
        """Ask for a temporary public URL: Home Assistant Cloud makes no cloudhook now."""
        self._go_on = try_again
        return await self._async_show_public_url("no_public_url")

    async def async_step_public_url(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take a temporary public URL; left empty, look again whether there is another."""
        if user_input is None:
            return await self._async_show_public_url()
        try:
            self._temporary_url = parse_public_url(self.hass, user_input.get(CONF_PUBLIC_URL, ""))
        except ValueError as err:
            return await self._async_show_public_url(str(err), user_input)
        return await self._go_on()

    async def _async_show_public_url(
        self, error: str | None = None, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        documentation = (await async_get_integration(self.hass, DOMAIN)).documentation
        return self.async_show_form(
            step_id="public_url",
            data_schema=self.add_suggested_values_to_schema(SCHEMA, user_input),
            errors={} if error is None else {CONF_PUBLIC_URL: error},
            description_placeholders={"docs_url": f"{documentation}/{TUNNEL_DOCS}"},
        )
