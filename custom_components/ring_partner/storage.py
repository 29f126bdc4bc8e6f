"""Files of our own in Home Assistant's storage, read whichever release wrote them."""

from collections.abc import Mapping
from datetime import UTC, datetime
import logging
from typing import Any, Final, override

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import Store

_LOGGER = logging.getLogger(__name__)

_VERSION: Final = 1
_ANY_VERSION: Final = 1_000_000
# The year 3000: a later time is none.
_LATEST: Final = 32_503_680_000


class TolerantStore(Store[dict[str, Any]]):
    """A private file that is read in every version; its reader checks each item.

    A file of a newer release, or a damaged one, must not keep an account from being set up.
    """

    def __init__(self, hass: HomeAssistant, key: str) -> None:
        """Name the file."""
        super().__init__(
            hass,
            _VERSION,
            key,
            private=True,
            atomic_writes=True,
            max_readable_version=_ANY_VERSION,
            serialize_in_event_loop=False,
        )

    @override
    async def async_load(self) -> dict[str, Any] | None:
        """Return what was stored, or None where that cannot be read or is no object."""
        try:
            stored: object = await super().async_load()
        except (HomeAssistantError, OSError, KeyError, TypeError) as err:
            # Damaged: JSON, but not what Home Assistant writes; or no file that can be read.
            _LOGGER.warning("The file %s cannot be read, and is replaced: %s", self.key, type(err).__name__)
            return None
        return stored if isinstance(stored, dict) else None

    @override
    async def _async_migrate_func(
        self, old_major_version: int, old_minor_version: int, old_data: dict[str, Any]
    ) -> dict[str, Any]:
        return old_data


def as_mapping(value: object) -> Mapping[str, object]:
    """Return an object of JSON, or an empty one."""
    return value if isinstance(value, dict) else {}


def as_items(value: object) -> list[object]:
    """Return an array of JSON, or an empty one."""
    return value if isinstance(value, list) else []


def as_time(value: object) -> datetime | None:
    """Return a time that was written as a timestamp."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
        return None
    return datetime.fromtimestamp(value, UTC)


def as_times(value: object) -> dict[str, datetime]:
    """Return times by their keys, without what is none."""
    return {key: at for key, item in as_mapping(value).items() if (at := as_time(item)) is not None}
