"""Options: how often to poll, which unidentified cameras are doorbells, and how much of their clips is kept."""

from collections.abc import Iterable
from itertools import product
from math import isfinite
from typing import Any

import voluptuous as vol

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult, OptionsFlowWithReload
from homeassistant.const import Platform
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
)

from .const import (
    DEFAULT_CACHE_DAYS,
    DEFAULT_CACHE_MEGABYTES,
    DEFAULT_MOTION_HOLD_SECONDS,
    DEFAULT_POLLING_SECONDS,
    DOMAIN,
    MAX_CACHE_DAYS,
    MAX_CACHE_MEGABYTES,
    MAX_MOTION_HOLD_SECONDS,
    MAX_POLLING_SECONDS,
    MIN_CACHE_MEGABYTES,
    MIN_MOTION_HOLD_SECONDS,
    MIN_POLLING_SECONDS,
    OPTION_CACHE_DAYS,
    OPTION_CACHE_MEGABYTES,
    OPTION_DOORBELLS,
    OPTION_MOTION_HOLD,
    OPTION_POLLING_INTERVAL,
)
from .devices import device_identifier
from .kinds import is_camera, is_unidentified_camera

POLLING = NumberSelector(
    NumberSelectorConfig(min=MIN_POLLING_SECONDS, max=MAX_POLLING_SECONDS, step=10, unit_of_measurement="s")
)
MOTION_HOLD = NumberSelector(
    NumberSelectorConfig(min=MIN_MOTION_HOLD_SECONDS, max=MAX_MOTION_HOLD_SECONDS, step=5, unit_of_measurement="s")
)

DOORBELL_ENTITIES = ((Platform.EVENT, "doorbell"), (Platform.SENSOR, "last_ring"))
CACHE_SIZE = NumberSelector(
    NumberSelectorConfig(
        min=MIN_CACHE_MEGABYTES, max=MAX_CACHE_MEGABYTES, mode=NumberSelectorMode.BOX, unit_of_measurement="MB"
    )
)
CACHE_AGE = NumberSelector(
    NumberSelectorConfig(min=1, max=MAX_CACHE_DAYS, mode=NumberSelectorMode.BOX, unit_of_measurement="d")
)
NUMBERS = (OPTION_POLLING_INTERVAL, OPTION_MOTION_HOLD, OPTION_CACHE_MEGABYTES, OPTION_CACHE_DAYS)


class RingOptionsFlow(OptionsFlowWithReload):
    """Change the options of an account."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show and take the options."""
        choices = self._cameras()
        chosen: list[str] = self.config_entry.options.get(OPTION_DOORBELLS, [])
        # What is not offered now (hidden by encryption, say) stays chosen.
        kept = [device_id for device_id in chosen if device_id not in choices]
        # What is no number at all is within all bounds for Home Assistant's selector.
        if user_input is not None and all(isfinite(user_input.get(name, 0)) for name in NUMBERS):
            # A number that was not asked for, because no camera is to be seen now, stays as it is.
            numbers = {**self.config_entry.options, **user_input}
            options: dict[str, Any] = {name: int(numbers[name]) for name in NUMBERS if name in numbers}
            if doorbells := [*user_input.get(OPTION_DOORBELLS, []), *kept]:
                options[OPTION_DOORBELLS] = doorbells
            self._remove_bells(set(chosen) - set(doorbells))
            return self.async_create_entry(data=options)
        fields: dict[vol.Marker, Any] = {
            vol.Required(OPTION_POLLING_INTERVAL, default=DEFAULT_POLLING_SECONDS): POLLING,
            vol.Required(OPTION_MOTION_HOLD, default=DEFAULT_MOTION_HOLD_SECONDS): MOTION_HOLD,
        }
        if self._has_cameras():
            fields |= {
                vol.Required(OPTION_CACHE_MEGABYTES, default=DEFAULT_CACHE_MEGABYTES): CACHE_SIZE,
                vol.Required(OPTION_CACHE_DAYS, default=DEFAULT_CACHE_DAYS): CACHE_AGE,
            }
        if choices:
            labels = [SelectOptionDict(value=value, label=label) for value, label in choices.items()]
            fields[vol.Optional(OPTION_DOORBELLS, default=[])] = SelectSelector(
                SelectSelectorConfig(options=labels, multiple=True)
            )
        suggested = {**self.config_entry.options, OPTION_DOORBELLS: [one for one in chosen if one in choices]}
        return self.async_show_form(
            step_id="init", data_schema=self.add_suggested_values_to_schema(vol.Schema(fields), suggested)
        )

    def _remove_bells(self, cameras: Iterable[str]) -> None:
        """Remove what only doorbells have: nothing else would, and it would be unavailable for ever."""
        registry = er.async_get(self.hass)
        for camera, (platform, key) in product(cameras, DOORBELL_ENTITIES):
            unique_id = f"{device_identifier(self.config_entry, camera)}_{key}"
            if entity_id := registry.async_get_entity_id(platform, DOMAIN, unique_id):
                registry.async_remove(entity_id)

    def _has_cameras(self) -> bool:
        """Whether there is anything to be kept."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return False
        return any(map(is_camera, self.config_entry.runtime_data.coordinator.data.devices.values()))

    def _cameras(self) -> dict[str, str]:
        """Id and name of the devices with video of which Ring does not say what they are."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return {}
        devices = self.config_entry.runtime_data.coordinator.data.devices
        return {
            device.id: device.name or device.id[-6:] for device in devices.values() if is_unidentified_camera(device)
        }
