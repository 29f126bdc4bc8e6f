"""What the user has to mend, and how."""

from collections.abc import Iterable

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DEVELOPER_PORTAL_URL, DOMAIN, ISSUE_SCOPE, PermissionGroup
from .models import RingConfigEntry

# Stands for a group where it is not one, but all of them that are missing.
_ALL = "devices"


@callback
def report_out_of_scope(hass: HomeAssistant, entry: RingConfigEntry, group: PermissionGroup | None) -> None:
    """The Ring app lacks a permission group, or (None) every group with devices in it."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        _scope_issue_id(entry, group),
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING if group else ir.IssueSeverity.ERROR,
        translation_key=f"{ISSUE_SCOPE}_{group or _ALL}",
        translation_placeholders={"account": entry.title, "portal_url": DEVELOPER_PORTAL_URL},
        learn_more_url=DEVELOPER_PORTAL_URL,
    )


@callback
def clear_out_of_scope(
    hass: HomeAssistant, entry: RingConfigEntry, groups: Iterable[PermissionGroup] = PermissionGroup
) -> None:
    """Ring allows the app something, and (again) these groups."""
    for group in (None, *groups):
        ir.async_delete_issue(hass, DOMAIN, _scope_issue_id(entry, group))


def _scope_issue_id(entry: RingConfigEntry, group: PermissionGroup | None) -> str:
    return f"{ISSUE_SCOPE}_{group or _ALL}_{entry.entry_id}"
