"""Buttons: one for each sound that a chime keeps for this app."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .api import Device, RingClient
from .chimes import Sound, async_play, sounds_of
from .coordinator import RingCoordinator
from .entity import DeviceEntity, async_add_as_devices_appear
from .models import RingConfigEntry

# One sound after the other.
PARALLEL_UPDATES = 1


async def async_setup_entry(
    hass: HomeAssistant, entry: RingConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Set up the buttons of chimes, also of sounds that are added later."""
    coordinator, client = entry.runtime_data.coordinator, entry.runtime_data.client

    def build(device: Device) -> Iterator[SoundButton]:
        for number, slot in enumerate(sounds_of(device), start=1):
            yield SoundButton(coordinator, client, device, slot, number)

    await async_add_as_devices_appear(entry, async_add_entities, build)


class SoundButton(DeviceEntity[Sound], ButtonEntity):
    """Plays the sound in one slot of a chime."""

    def __init__(
        self, coordinator: RingCoordinator, client: RingClient, device: Device, slot: str, number: int
    ) -> None:
        """Follow the slot: what stands in it may change."""
        self._client = client
        self._slot = slot
        name = sounds_of(device)[slot].name
        description = ButtonEntityDescription(key=f"sound_{slot}", translation_key="sound")
        super().__init__(coordinator, device, description, lambda device: sounds_of(device).get(slot))
        if name is None:
            self._attr_translation_placeholders = {"number": str(number)}
        else:
            self._attr_name = name

    @override
    def _subject(self) -> Device | None:
        device = super()._subject()
        sound = None if device is None else sounds_of(device).get(self._slot)
        return device if sound is not None and sound.is_enabled else None

    @override
    async def async_press(self) -> None:
        """Play it."""
        if TYPE_CHECKING:
            # Home Assistant presses only what is available.
            assert self._value is not None
        await async_play(self.coordinator, self._client, self._device_id, self._value)
