"""The device registry: devices appear, change their names, and go."""

from collections.abc import Mapping

from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr

from .api import Device
from .const import DOMAIN, MANUFACTURER, OPTION_DOORBELLS, STALE_AFTER
from .identifiers import CameraId
from .kinds import model_name
from .models import RingConfigEntry


def component_id(device_id: str, component: str) -> str:
    """Return the identifier of one camera of a device that has several."""
    return f"{device_id}_{component}"


def camera_identifier(camera: CameraId) -> str:
    """Return the identifier of a camera: that of its device, unless it is one of several."""
    return camera.device_id if camera.component_id is None else component_id(camera.device_id, camera.component_id)


def account_identifier(entry: RingConfigEntry) -> str:
    """Return the identifier of the account, to which all of its devices belong."""
    return entry.unique_id or entry.entry_id


def identifiers(entry: RingConfigEntry, devices: Mapping[str, Device]) -> set[tuple[str, str]]:
    """Return the identifiers of everything an account has now."""
    return (
        {(DOMAIN, account_identifier(entry))}
        | {(DOMAIN, device_id) for device_id in devices}
        | {
            (DOMAIN, component_id(device.id, component.component_id))
            for device in devices.values()
            for component in device.capabilities.components
        }
    )


def removed_identifiers(event: Event[dr.EventDeviceRegistryUpdatedData]) -> set[str]:
    """Return our identifiers of a device that has been removed; others' may have another shape."""
    if event.data["action"] != "remove":
        return set()
    return {identifier[1] for identifier in event.data["device"]["identifiers"] if identifier[0] == DOMAIN}


class DeviceKeeper:
    """Keeps the registry in step with the account's list."""

    def __init__(self, hass: HomeAssistant, entry: RingConfigEntry) -> None:
        """Register the account, to which every device belongs."""
        self._hass = hass
        self._registry = dr.async_get(hass)
        self._entry = entry
        self._registered: dict[str, tuple[object, ...]] = {}
        self._missing_since: dict[str, float] = {}
        self._account = self._registry.async_get_or_create(
            config_entry_id=entry.entry_id,
            identifiers={(DOMAIN, account_identifier(entry))},
            entry_type=dr.DeviceEntryType.SERVICE,
            manufacturer=MANUFACTURER,
            model="Account",
            translation_key="account",
            translation_placeholders={"name": entry.title},
        )

    def update(self, devices: Mapping[str, Device]) -> None:
        """Take over the account's current list."""
        for device in devices.values():
            seen = (device.name, device.model, device.features, device.capabilities.components)
            if self._registered.get(device.id) != seen:
                self._register(device)
                self._registered[device.id] = seen
        self._retire(devices)

    def _register(self, device: Device) -> None:
        model = model_name(device, self._entry.options.get(OPTION_DOORBELLS, ()))
        parent = self._registry.async_get_or_create(
            config_entry_id=self._entry.entry_id,
            identifiers={(DOMAIN, device.id)},
            manufacturer=MANUFACTURER,
            model=model,
            name=device.name or model or "Ring device",
            via_device_id=self._account.id,
        )
        for number, component in enumerate(device.capabilities.components, start=1):
            self._registry.async_get_or_create_child(
                config_entry_id=self._entry.entry_id,
                identifiers={(DOMAIN, component_id(device.id, component.component_id))},
                parent_device_id=parent.id,
                translation_key="component",
                translation_placeholders={"number": str(number)},
            )

    @callback
    def remove(self, device_id: str) -> None:
        """Remove a device that is known to be gone."""
        entry = self._registry.async_get_device_by_identifier((DOMAIN, device_id), self._entry.entry_id)
        if entry is not None:
            self._registry.async_remove_device(entry.id)
        self._registered.pop(device_id, None)

    def _retire(self, devices: Mapping[str, Device]) -> None:
        """Remove what stays missing.

        A device that switches to end-to-end encryption leaves the list without a word and may come back.
        """
        now = self._hass.loop.time()
        present = identifiers(self._entry, devices)
        # Children first: the registry removes them together with their parent.
        for entry in (
            *dr.async_child_entries_for_config_entry(self._registry, self._entry.entry_id),
            *dr.async_entries_for_config_entry(self._registry, self._entry.entry_id),
        ):
            if not entry.identifiers.isdisjoint(present):
                self._missing_since.pop(entry.id, None)
            elif now - self._missing_since.setdefault(entry.id, now) >= STALE_AFTER.total_seconds():
                self._registry.async_remove_device(entry.id)
                del self._missing_since[entry.id]
        self._registered = {key: seen for key, seen in self._registered.items() if key in devices}
