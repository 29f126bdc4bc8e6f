"""Sounds on chimes: a partner app plays what stands in its own slots, and nothing else."""

from dataclasses import dataclass
from typing import Final

from homeassistant.exceptions import HomeAssistantError

from .api import Device, RingClient, RingRequestError
from .const import DOMAIN, PermissionGroup
from .coordinator import RingCoordinator
from .errors import ring_errors

_PLAY: Final = "chime.play"


@dataclass(frozen=True, slots=True)
class Sound:
    """What stands in a slot; `audio_ref` is how Ring calls it."""

    audio_ref: str
    name: str | None = None
    is_enabled: bool = True


def sounds_of(device: Device) -> dict[str, Sound]:
    """Return the sounds of a chime by their slots, in Ring's order; other devices have none."""
    actions = device.capabilities.supported_actions
    if actions and _PLAY not in actions:
        return {}
    return {
        slot.event or str(number): Sound(slot.audio_ref, slot.audio_name, not slot.disabled)
        for number, slot in enumerate(device.configurations.chime_slots, start=1)
        if slot.audio_ref is not None
    }


async def async_play(coordinator: RingCoordinator, client: RingClient, device_id: str, sound: Sound) -> None:
    """Play a sound, once: asking again could be heard twice. Raises HomeAssistantError."""
    with ring_errors(coordinator, PermissionGroup.CHIMES):
        try:
            await client.async_play_sound(device_id, sound.audio_ref)
        except RingRequestError as err:
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="sound_refused") from err
