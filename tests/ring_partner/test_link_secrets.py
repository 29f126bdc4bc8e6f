"""No secret leaves the flows: whatever is logged, shown, kept as a state, or raised."""

import asyncio
from collections.abc import Iterable
import logging

import pytest

from custom_components.ring_partner.const import DOMAIN
from custom_components.ring_partner.linking import find_listener
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from ring_cloud import Account, App, RingCloud

from .conftest import SIGNING_KEY
from .dialog import Dialog, another, dialog, frontend, press_confirm
from .test_reauth import WAYS, obtain

__all__ = ["dialog", "frontend"]

# The harness' own: a file system in memory that logs what is written, and servers that log every request line, which
# Home Assistant's bootstrap switches off.
HARNESS = {"aiohttp.access", "pytest_homeassistant_custom_component.common"}


# What a dialog keeps as plain text while it is open; no exception text or log line shows a flow's attributes.
HELD_SECRETS = {"_signing_key", "_keys", "_pasted", "_entered_token"}


def everything(hass: HomeAssistant, caplog: pytest.LogCaptureFixture, dialogs: Iterable[Dialog]) -> str:
    """Return all that a person could read."""
    formatter = logging.Formatter("%(name)s %(message)s")
    logged = [formatter.format(record) for record in caplog.records if record.name not in HARNESS]
    entries = [(entry.title, entry.reason, repr(entry.options)) for entry in hass.config_entries.async_entries(DOMAIN)]
    states = [repr(state.as_dict()) for state in hass.states.async_all()]
    flows = [repr(flow) for flow in hass.config_entries.flow.async_progress()]
    tasks = [repr(task) for task in asyncio.all_tasks()]
    shown = [text for dialog in dialogs for text in (*dialog.raw, *dialog.shown)]
    return "\n".join([*logged, *map(repr, entries), *states, *flows, *tasks, *shown])


def leaked(cloud: RingCloud, text: str) -> set[str]:
    """Return the secrets in a text."""
    lines = text.split("\n")
    return {
        f"{secret[:4]}… in {line[:80]}"
        for secret in cloud.secrets() | {SIGNING_KEY}
        for line in lines
        if secret in line
    }


@pytest.fixture(autouse=True)
def _log_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def test_the_search_finds_what_it_looks_for(cloud: RingCloud, app: App, account: Account) -> None:
    token = cloud.link_directly(account, app)
    text = f"nothing\naccess {token['access_token']}\nsecret {app.client_secret}"
    assert {one.split()[-2] for one in leaked(cloud, text)} == {"access", "secret"}


@pytest.mark.parametrize("method", WAYS)
async def test_a_link_and_another_one_in_its_place(
    hass: HomeAssistant,
    dialog: Dialog,
    cloud: RingCloud,
    app: App,
    account: Account,
    method: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await dialog.open()
    assert (await obtain(dialog, cloud, app, account, method))["type"] == "create_entry"
    await hass.async_block_till_done(wait_background_tasks=True)
    [entry] = hass.config_entries.async_entries(DOMAIN)
    entry.async_start_reauth(hass)
    await hass.async_block_till_done()
    again = another(dialog)
    await again.join("reauth")
    assert (await obtain(again, cloud, app, account, method))["reason"] == "reauth_successful"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert len(cloud.grants.secrets()) >= 2
    assert not leaked(cloud, everything(hass, caplog, [dialog, again]))


@pytest.mark.parametrize(
    ("route", "fault"),
    [
        ("/oauth/token", {"status": 400, "body": '{"error": "invalid_grant", "error_description": "%s"}'}),
        ("/oauth/token", {"status": 403, "body": "<html>%s</html>"}),
        ("/oauth/token", {"garbage": "truncated"}),
        ("/v1/*", {"status": 400, "body": '{"errors": [{"status": "400", "title": "%s", "detail": "%s"}]}'}),
        ("/v1/*", {"status": 401}),
        ("/v1/*", {"cut": "body"}),
    ],
)
@pytest.mark.parametrize("method", ["ring_app", "tokens"])
async def test_a_link_that_goes_wrong(
    hass: HomeAssistant,
    dialog: Dialog,
    cloud: RingCloud,
    app: App,
    account: Account,
    route: str,
    fault: dict[str, str],
    method: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Ring may echo what was sent."""
    if "body" in fault:
        fault = fault | {"body": fault["body"].replace("%s", app.client_secret)}
    await dialog.open(method)
    token = cloud.link_directly(account, app)["refresh_token"]
    if method == "ring_app":
        await dialog.wait_for_ring(cloud, app)
    # The code of the Ring app is tried again after a pause; a form is not.
    cloud.faults.add(route, **fault, count=None if method == "tokens" else 1)
    if method == "tokens":
        assert (await dialog.submit(refresh_token=token))["errors"]
    else:
        await cloud.enable_app(account, app)
        await hass.async_block_till_done()
        await dialog.look()
    assert not leaked(cloud, everything(hass, caplog, [dialog]))


async def test_what_waits_shows_no_secret_when_it_is_printed(
    hass: HomeAssistant,
    dialog: Dialog,
    linked: ConfigEntry,
    cloud: RingCloud,
    app: App,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A debugger's and an exception's view of what holds tokens, nonces and keys."""
    await dialog.wait_for_ring(cloud, app)
    bob = cloud.add_account("Bob", "Roe", "bob@example.com", devices=1)
    await cloud.enable_app(bob, app)
    await dialog.look()
    await press_confirm(dialog.browser, cloud, bob, app)
    assert (await dialog.look())["step_id"] == "confirm"
    listener = find_listener(hass, app.token_exchange_url.rpartition("/")[2])
    assert listener is not None
    held = [repr(listener), *map(repr, listener.claims), repr(listener.implementation.client)]
    flow = hass.config_entries.flow._progress[dialog.step["flow_id"]]
    held += [repr(value) for name, value in vars(flow).items() if name not in HELD_SECRETS]
    assert "Bob" in " ".join(held)
    assert not leaked(cloud, " ".join(held))
