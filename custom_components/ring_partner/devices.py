"""The device registry: devices appear, change their names, and go."""

from collections.abc import Mapping
from datetime import timedelta

from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util

from .api import Device
from .const import DOMAIN, MANUFACTURER, OPTION_DOORBELLS, STALE_AFTER
from .identifiers import CameraId, registry_id
from .kinds import model_name
from .models import RingConfigEntry
from .storage import TolerantStore, as_times


def account_identifier(entry: RingConfigEntry) -> str:
    """Return the identifier of the account, to which all of its devices belong."""
    return entry.unique_id or entry.entry_id


def device_identifier(entry: RingConfigEntry, device_id: str, component_id: str | None = None) -> str:
    """Return the identifier of a device, or of one of its cameras, as one account has it: others may share it."""
    return registry_id(account_identifier(entry), CameraId(device_id, component_id))


def identifiers(entry: RingConfigEntry, devices: Mapping[str, Device]) -> set[tuple[str, str]]:
    """Return the identifiers of everything an account has now."""
    return (
        {(DOMAIN, account_identifier(entry))}
        | {(DOMAIN, device_identifier(entry, device_id)) for device_id in devices}
        | {
            (DOMAIN, device_identifier(entry, device.id, component.component_id))
            for device in devices.values()
            for component in device.capabilities.components
        }
    )


def removed_cameras(entry: RingConfigEntry, event: Event[dr.EventDeviceRegistryUpdatedData]) -> set[CameraId]:
    """Return the device, or the camera, that has been removed from an account; its account itself is none."""
    if event.data["action"] != "remove" or event.data["device"]["config_entry_id"] != entry.entry_id:
        return set()
    ours = (identifier[1] for identifier in event.data["device"]["identifiers"] if identifier[0] == DOMAIN)
    before = device_identifier(entry, "")
    return {CameraId.parse(found.removeprefix(before)) for found in ours if found.startswith(before)}


def missing_store(hass: HomeAssistant, entry_id: str) -> TolerantStore:
    """Return where it is kept since when devices have been missing."""
    return TolerantStore(hass, f"{DOMAIN}.{entry_id}.missing")


class DeviceKeeper:
    """Keeps the registry in step with the account's list."""

    def __init__(self, hass: HomeAssistant, entry: RingConfigEntry) -> None:
        """Register the account, to which every device belongs."""
        self._hass = hass
        self._registry = dr.async_get(hass)
        self._entry = entry
        self._registered: dict[str, tuple[object, ...]] = {}
        # By ids of the registry, as the event loop counts: a clock that is set removes nothing.
        self._missing_since: dict[str, float] = {}
        self._store = missing_store(hass, entry.entry_id)
        self._account = self._registry.async_get_or_create(
            config_entry_id=entry.entry_id,
            identifiers={(DOMAIN, account_identifier(entry))},
            entry_type=dr.DeviceEntryType.SERVICE,
            manufacturer=MANUFACTURER,
            model="Account",
            translation_key="account",
            translation_placeholders={"name": entry.title},
        )

    async def async_load(self) -> None:
        """Go on counting from before a restart or reload."""
        now, now_loop = dt_util.utcnow(), self._hass.loop.time()
        for device, since in as_times(await self._store.async_load()).items():
            self._missing_since[device] = now_loop - max((now - since).total_seconds(), 0)

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
            identifiers={(DOMAIN, device_identifier(self._entry, device.id))},
            manufacturer=MANUFACTURER,
            model=model,
            name=device.name or model or "Ring device",
            via_device_id=self._account.id,
        )
        for number, component in enumerate(device.capabilities.components, start=1):
            self._registry.async_get_or_create_child(
                config_entry_id=self._entry.entry_id,
                identifiers={(DOMAIN, device_identifier(self._entry, device.id, component.component_id))},
                parent_device_id=parent.id,
                translation_key="component",
                translation_placeholders={"number": str(number)},
            )

    @callback
    def remove(self, device_id: str) -> None:
        """Remove a device that is known to be gone."""
        identifier = (DOMAIN, device_identifier(self._entry, device_id))
        entry = self._registry.async_get_device_by_identifier(identifier, self._entry.entry_id)
        if entry is not None:
            self._registry.async_remove_device(entry.id)
        self._registered.pop(device_id, None)

    def _retire(self, devices: Mapping[str, Device]) -> None:
        """Remove what stays missing.

        A device that switches to end-to-end encryption leaves the list without a word and may come back.
        """
        now, missing = self._hass.loop.time(), set(self._missing_since)
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
        if self._missing_since.keys() != missing:
            self._hass.async_create_task(self._async_save(), "ring_partner missing devices")

    async def _async_save(self) -> None:
        now, now_loop = dt_util.utcnow(), self._hass.loop.time()
        data = {
            device: (now - timedelta(seconds=now_loop - since)).timestamp()
            for device, since in self._missing_since.items()
        }
        if data:
            await self._store.async_save(data)
        else:
            await self._store.async_remove()
