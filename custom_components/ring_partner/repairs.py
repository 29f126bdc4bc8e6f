"""What the user has to mend, and how."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from .const import DEVELOPER_PORTAL_URL, DOMAIN, ISSUE_SCOPE, PermissionGroup
from .models import RingConfigEntry


def report_out_of_scope(hass: HomeAssistant, entry: RingConfigEntry, group: PermissionGroup) -> None:
    """The Ring app lacks a permission group; only what needs it is off."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        _scope_issue_id(entry, group),
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key=f"{ISSUE_SCOPE}_{group}",
        translation_placeholders={"account": entry.title, "portal_url": DEVELOPER_PORTAL_URL},
        learn_more_url=DEVELOPER_PORTAL_URL,
    )


def clear_out_of_scope(hass: HomeAssistant, entry: RingConfigEntry, group: PermissionGroup) -> None:
    """Ring allows it (again)."""
    ir.async_delete_issue(hass, DOMAIN, _scope_issue_id(entry, group))


def _scope_issue_id(entry: RingConfigEntry, group: PermissionGroup) -> str:
    return f"{ISSUE_SCOPE}_{group}_{entry.entry_id}"
