"""What goes wrong at Ring, said to whoever asked for it: an action, a button, a viewer."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from math import ceil
from typing import Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .api import (
    RingAuthError,
    RingError,
    RingForbiddenError,
    RingMediaNotFoundError,
    RingMediaNotReadyError,
    RingMediaTooEarlyError,
    RingMediaUnreadableError,
    RingNotFoundError,
    RingRequestError,
    RingUnavailableError,
)
from .const import DOMAIN, PermissionGroup
from .coordinator import RingCoordinator
from .history_index import TooFarBackError
from .models import RingConfigEntry

# The first that fits.
_TEXTS: Final[tuple[tuple[type[RingError], str], ...]] = (
    (RingAuthError, "link_lost"),
    (RingUnavailableError, "cannot_connect"),
    (RingForbiddenError, "not_allowed"),
    (RingNotFoundError, "unknown_device"),
    (RingRequestError, "request_refused"),
    (RingMediaTooEarlyError, "before_consent"),
    (RingMediaNotReadyError, "media_not_ready"),
    (RingMediaNotFoundError, "media_not_found"),
    (RingMediaUnreadableError, "media_unreadable"),
    (TooFarBackError, "too_far_back"),
    (RingError, "unexpected"),
)
# As they are called in Ring's developer console, which is English.
_GROUPS: Final = {
    PermissionGroup.CAMERAS: "Cameras and Doorbells",
    PermissionGroup.SENSORS: "Sensors",
    PermissionGroup.CHIMES: "Chimes",
}


def as_home_assistant_error(err: RingError, group: PermissionGroup = PermissionGroup.CAMERAS) -> HomeAssistantError:
    """Return the error in words for a user; `group` is the permission that the request needed."""
    kind = ServiceValidationError if isinstance(err, RingMediaTooEarlyError) else HomeAssistantError
    return kind(
        translation_domain=DOMAIN,
        translation_key=_text_of(err),
        # The texts of RingError hold no secret.
        translation_placeholders={"error": str(err), "group": _GROUPS[group], "seconds": str(_seconds(err))},
    )


def not_loaded(entry: RingConfigEntry) -> HomeAssistantError:
    """Return the error of an account that is not loaded, or no longer."""
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key="account_not_loaded",
        translation_placeholders={"name": entry.title},
    )


def account_error(
    entry: RingConfigEntry, err: RingError, group: PermissionGroup = PermissionGroup.CAMERAS
) -> HomeAssistantError:
    """Return the error in words; that of an account which was unloaded meanwhile is just that."""
    return as_home_assistant_error(err, group) if entry.state is ConfigEntryState.LOADED else not_loaded(entry)


@contextmanager
def ring_errors(coordinator: RingCoordinator, group: PermissionGroup = PermissionGroup.CAMERAS) -> Iterator[None]:
    """Turn RingError into what Home Assistant shows."""
    try:
        yield
    except RingError as err:
        raise account_error(coordinator.config_entry, err, group) from err


def _text_of(err: RingError) -> str:
    if isinstance(err, RingForbiddenError) and err.out_of_scope:
        return "out_of_scope"
    if _seconds(err) > 0:
        return "wait"
    if err.status == HTTPStatus.SERVICE_UNAVAILABLE:
        # Ring says so of a device that is offline, and of itself.
        return "busy_or_offline"
    return next(key for kind, key in _TEXTS if isinstance(err, kind))


def _seconds(err: RingError) -> int:
    return ceil(err.retry_after or 0) if isinstance(err, RingUnavailableError) else 0
