"""What the user has to mend is said with what it takes, goes when it is mended, and leaves nothing behind."""

import json
from pathlib import Path

import pytest

from custom_components.ring_partner import DOMAIN
from custom_components.ring_partner.repairs import AccountIssue, report
from custom_components.ring_partner.session import REFUSED_FOR
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component

from .polls import async_set_up, issues, reauths
from .pushes import (
    HOUR,
    MINUTE,
    SECOND,
    async_arrive,
    async_pass_in_steps,
    async_press,
    async_set_up_pushed,
    webhook_url,
)
from .tokens import LIFETIME, pass_time

TEXTS = json.loads(Path("custom_components/ring_partner/translations/en.json").read_text(encoding="utf-8"))["issues"]


@pytest.fixture(autouse=True)
def _frozen(freezer) -> None:
    """Let time pass only when a test says so."""


@pytest.fixture(autouse=True)
async def _repairs(_frozen, hass) -> None:
    """Before the HTTP server starts: after that it takes no more paths."""
    assert await async_setup_component(hass, "repairs", {})


async def confirm(hass, hass_client, issue_id: str) -> str:
    """Go through a repair's fix as the frontend does; return what it says."""
    client = await hass_client()
    answer = await client.post("/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": issue_id})
    form = await answer.json()
    assert form["step_id"] == "confirm"
    text = TEXTS[issue_id.rsplit("_", 1)[0]]
    shown = text["fix_flow"]["step"]["confirm"]["description"].format(**form["description_placeholders"])
    done = await client.post(f"/api/repairs/issues/fix/{form['flow_id']}", json={})
    assert (await done.json())["type"] == "create_entry"
    return shown


@pytest.mark.parametrize("issue", AccountIssue)
async def test_every_text_can_be_shown_and_goes_with_the_entry(freezer, hass, entry, issue) -> None:
    report(hass, entry, issue, "https://example.com/hook")
    (found,) = (item for item in ir.async_get(hass).issues.values() if item.domain == DOMAIN)
    text = TEXTS[found.translation_key]
    parts = [text["title"], *([] if found.is_fixable else [text["description"]])]
    assert all(part.format(**found.translation_placeholders) for part in parts)
    await hass.config_entries.async_remove(entry.entry_id)
    assert issues(hass) == set()


async def test_a_changed_address_is_shown_and_remembered(
    freezer, hass, cloud, app, entry, address, hass_client
) -> None:
    data = {**entry.data, "webhook_url": "https://before.example.com/hook"}
    hass.config_entries.async_update_entry(entry, data=data)
    await async_set_up_pushed(hass, cloud, app, entry, webhook_url(address))
    assert issues(hass) == {"url_changed"}
    assert webhook_url(address) in await confirm(hass, hass_client, f"url_changed_{entry.entry_id}")
    assert issues(hass) == set()
    await hass.config_entries.async_reload(entry.entry_id)
    assert issues(hass) == set()


async def test_ten_forged_calls_are_told_and_it_takes_ten_more_after_that(
    freezer, hass, cloud, app, account, entry, address, hass_client
) -> None:
    await async_set_up_pushed(hass, cloud, app, entry, webhook_url(address))
    cloud.switches.disables_endpoints = False
    cloud.deliveries.mischief("wrong_signature", count=None)
    for told in (set(), {"signature_failures"}):
        for _ in range(9 if not told else 1):
            await async_press(hass, cloud, account.device("Front Door"))
        assert issues(hass) == told
    await confirm(hass, hass_client, f"signature_failures_{entry.entry_id}")
    await async_press(hass, cloud, account.device("Front Door"))
    assert issues(hass) == set()


async def link_again(hass, cloud, account, app) -> None:
    """Do what Home Assistant asks for."""
    flows = hass.config_entries.flow
    (asked,) = (flow for flow in flows.async_progress_by_handler(DOMAIN) if flow["context"]["source"] == "reauth")
    step = await flows.async_configure(asked["flow_id"], {})
    assert step["type"] == "menu"
    await flows.async_configure(asked["flow_id"], {"next_step_id": "tokens"})
    token = cloud.link_directly(account, app)["refresh_token"]
    done = await flows.async_configure(asked["flow_id"], {"refresh_token": token})
    assert done["reason"] == "reauth_successful"
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_link_that_ring_ended_asks_once_and_reports_nothing_else(
    freezer, hass, cloud, account, app, entry
) -> None:
    await async_set_up(hass, entry)
    cloud.grants.revoke(account, app)
    await pass_time(hass, freezer, LIFETIME)
    assert (reauths(hass), issues(hass)) == (1, set())
    await link_again(hass, cloud, account, app)
    assert (reauths(hass), issues(hass)) == (0, set())


async def test_a_refusal_that_ring_does_not_explain_is_told_when_it_lasts(freezer, hass, cloud, entry) -> None:
    """It does not end the link: as soon as Ring renews it, all is well."""
    await async_set_up(hass, entry)
    cloud.faults.add("/oauth/token", status=401, body="", count=None)
    await async_pass_in_steps(hass, freezer, 4 * HOUR + REFUSED_FOR - HOUR, 4 * MINUTE)
    assert issues(hass) == set()
    await async_pass_in_steps(hass, freezer, HOUR + 10 * MINUTE, 4 * MINUTE)
    assert issues(hass) == {"link_refused"}
    assert reauths(hass) == 0
    cloud.faults.clear()
    await async_pass_in_steps(hass, freezer, 10 * MINUTE, MINUTE)
    assert issues(hass) == set()


async def test_removal_that_ring_pushed_asks_once_and_reports_nothing_else(
    freezer, hass, cloud, account, app, entry, address
) -> None:
    await async_set_up_pushed(hass, cloud, app, entry, webhook_url(address))
    await cloud.disable_app(account, app)
    await async_arrive(hass, cloud)
    await async_pass_in_steps(hass, freezer, 10 * SECOND)
    assert (reauths(hass), issues(hass)) == (1, set())
    await link_again(hass, cloud, account, app)
    assert (reauths(hass), issues(hass)) == (0, set())
