"""What the user has to mend, and how."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import (
    CONF_TEMPORARY_URL,
    DEVELOPER_PORTAL_URL,
    DOMAIN,
    ISSUE_SCOPE,
    PermissionGroup,
)
from .endpoints import PORTAL_FIELDS
from .models import RingConfigEntry

# Stands for a group where it is not one, but all of them that are missing.
_ALL = "devices"


class AccountIssue(StrEnum):
    """What can be wrong with how an account's events arrive."""

    WEBHOOKS_MISSING = "webhooks_missing"
    """Ring's history shows events that were never pushed."""
    NO_PUBLIC_URL = "no_public_url"
    """The account was linked from the Ring app, and Ring can no longer reach Home Assistant."""
    URL_CHANGED = "url_changed"
    """A URL in Ring's developer console no longer leads here."""
    SIGNATURES = "signature_failures"
    """Somebody sends what Ring did not sign, or the signing key is wrong."""
    LINK_REFUSED = "link_refused"
    """Ring has refused to renew the token for hours, and does not say why."""
    LONG_WAIT = "long_wait"
    """Ring asked to send nothing for more than an hour."""
    SUBSCRIPTION_MISSING = "subscription_missing"
    """The account's plan for the app has ended."""
    ENCRYPTED_DEVICES = "encrypted_devices"
    """Devices say that they are end-to-end encrypted."""


# Mended by the user and confirmed here; the others go away by themselves once they are.
_CONFIRMED: Final = frozenset({AccountIssue.URL_CHANGED, AccountIssue.SIGNATURES})


@callback
def report(
    hass: HomeAssistant,
    entry: RingConfigEntry,
    issue: AccountIssue,
    url: str = "",
    urls: Mapping[str, str] = MappingProxyType({}),
    *,
    until: str = "",
    devices: str = "",
) -> None:
    """Tell the user what is wrong and what to do.

    `url` is the webhook's URL, `urls` those to replace in Ring's developer console, by the names of its fields, `until`
    the time when it is over, `devices` the names of those concerned.
    """
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{issue}_{entry.entry_id}",
        data={"entry_id": entry.entry_id, "issue": issue, "url": url, **urls},
        is_fixable=issue in _CONFIRMED,
        severity=ir.IssueSeverity.WARNING,
        translation_key=issue,
        translation_placeholders={
            "account": entry.title,
            "url": url,
            "until": until,
            "devices": devices,
            "portal_url": DEVELOPER_PORTAL_URL,
        },
    )


@callback
def clear(hass: HomeAssistant, entry: RingConfigEntry, *issues: AccountIssue) -> None:
    """It is mended."""
    for issue in issues:
        ir.async_delete_issue(hass, DOMAIN, f"{issue}_{entry.entry_id}")


@callback
def open_repairs(hass: HomeAssistant, entry: RingConfigEntry) -> list[str]:
    """Return what an account's user is told to mend, by the keys of the texts."""
    issues = ir.async_get(hass).issues.values()
    ours = (issue for issue in issues if issue.domain == DOMAIN and issue.issue_id.endswith(entry.entry_id))
    return sorted(issue.translation_key or "" for issue in ours if issue.active)


@callback
def name_url(hass: HomeAssistant, entry: RingConfigEntry, issue: AccountIssue, url: str) -> None:
    """Let a repair that is there name the address that counts now."""
    if ir.async_get(hass).async_get_issue(DOMAIN, f"{issue}_{entry.entry_id}") is not None:
        report(hass, entry, issue, url)


def _as_markdown(urls: Mapping[str, str]) -> str:
    """Return URLs below the names of their fields, each to be copied."""
    return "\n\n".join(f"**{PORTAL_FIELDS[name]}**\n`{url}`" for name, url in urls.items())


class ConfirmedRepairFlow(RepairsFlow):
    """Says what to do, and takes the user's word that it is done."""

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Go on to the one step."""
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Show what to do; remember the address that has been pasted."""
        data = self.data or {}
        entry = self.hass.config_entries.async_get_entry(str(data["entry_id"]))
        if user_input is None:
            placeholders = {
                "account": entry.title if entry else "",
                "url": str(data["url"]),
                "urls": _as_markdown({name: str(data[name]) for name in PORTAL_FIELDS if name in data}),
                "portal_url": DEVELOPER_PORTAL_URL,
            }
            return self.async_show_form(step_id="confirm", description_placeholders=placeholders)
        if entry is not None and data["issue"] == AccountIssue.URL_CHANGED:
            kept = {key: value for key, value in entry.data.items() if key != CONF_TEMPORARY_URL}
            pasted = {name: data[name] for name in PORTAL_FIELDS if name in data}
            self.hass.config_entries.async_update_entry(entry, data=kept | pasted)
        return self.async_create_entry(data={})


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return the flow of a repair that the user confirms."""
    return ConfirmedRepairFlow()


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
