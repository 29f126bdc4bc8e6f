"""Linking with a refresh token that was obtained elsewhere."""

import asyncio

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.ring_partner.const import DOMAIN
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from ring_cloud import Account, App, RingCloud
from ring_cloud.grants import OAuthError
from ring_cloud.model import LinkStatus

from .conftest import SIGNING_KEY
from .dialog import CREDENTIALS_CHECK, Dialog, another, dialog, frontend

__all__ = ["dialog", "frontend"]

TOKEN = "/oauth/token"


@pytest.fixture
def pasted(cloud: RingCloud, app: App, account: Account) -> str:
    """A refresh token that another tool got, and that it has not completed the link for."""
    return str(cloud.link_directly(account, app, completed=False)["refresh_token"])


@pytest.fixture
async def form(dialog: Dialog) -> Dialog:
    """The form that asks for it."""
    assert (await dialog.open("tokens"))["step_id"] == "refresh_token"
    return dialog


async def test_the_pasted_token_dies_and_the_rotation_is_ours(
    hass: HomeAssistant, form: Dialog, cloud: RingCloud, app: App, account: Account, pasted: str
) -> None:
    assert (await form.submit(refresh_token=f"  {pasted}\n"))["title"] == "Jane Doe"
    await hass.async_block_till_done(wait_background_tasks=True)
    [entry] = hass.config_entries.async_entries(DOMAIN)
    assert entry.state is ConfigEntryState.LOADED
    assert entry.data["link_method"] == "tokens"
    assert entry.data["token"]["refresh_token"] != pasted
    assert "signing_key" not in entry.data
    assert cloud.deliverable(account, app)
    cloud.grants.reuse_revokes = False
    with pytest.raises(OAuthError, match="invalid_grant"):
        cloud.grants.refresh(app, pasted)
    assert cloud.grants.refresh(app, entry.data["token"]["refresh_token"])


@pytest.mark.parametrize(
    ("key", "stored"), [(f" {SIGNING_KEY} ", SIGNING_KEY), ("", None), ("   ", None)], ids=["given", "empty", "blank"]
)
async def test_the_signing_key_is_optional(
    hass: HomeAssistant, form: Dialog, pasted: str, key: str, stored: str | None
) -> None:
    await form.submit(refresh_token=pasted, signing_key=key)
    [entry] = hass.config_entries.async_entries(DOMAIN)
    assert entry.data.get("signing_key") == stored


async def test_a_key_that_is_too_short_is_asked_for_again_before_the_token_is_used(
    form: Dialog, cloud: RingCloud, pasted: str
) -> None:
    step = await form.submit(refresh_token=pasted, signing_key="short")
    assert step["errors"] == {"signing_key": "invalid_signing_key"}
    assert cloud.count("POST", TOKEN) == CREDENTIALS_CHECK
    assert (await form.submit(refresh_token=pasted))["type"] == "create_entry"


@pytest.mark.parametrize("token", ["two words", "", "übung-übung", "short", "Bearer ", "line\nbreak-in-it"])
async def test_text_that_is_no_token_is_invalid(form: Dialog, cloud: RingCloud, token: str, pasted: str) -> None:
    before = cloud.count("POST", TOKEN)
    assert (await form.submit(refresh_token=token))["errors"] == {"base": "invalid_token"}
    assert cloud.count("POST", TOKEN) == before
    assert (await form.submit(refresh_token=pasted))["type"] == "create_entry"


@pytest.mark.parametrize("prefix", ["Bearer ", "bearer  ", "Authorization: Bearer ", '"'])
async def test_token_copied_with_its_header_links(form: Dialog, prefix: str, pasted: str) -> None:
    assert (await form.submit(refresh_token=f"{prefix}{pasted}"))["type"] == "create_entry"


async def test_token_of_another_app_is_refused(form: Dialog, pasted: str) -> None:
    assert (await form.submit(refresh_token="fake-unknown-token"))["errors"] == {"base": "invalid_auth"}
    assert (await form.submit(refresh_token=pasted))["type"] == "create_entry"


async def test_a_token_that_was_used_already_is_refused(form: Dialog, cloud: RingCloud, app: App, pasted: str) -> None:
    cloud.grants.refresh(app, pasted)
    assert (await form.submit(refresh_token=pasted))["errors"] == {"base": "invalid_auth"}


async def test_wrong_credentials_are_told(form: Dialog, app: App, pasted: str) -> None:
    app.client_secret = "fake-other-secret"
    step = await form.submit(refresh_token=pasted)
    assert (step["step_id"], step["errors"]) == ("credentials", {"base": "invalid_client"})
    step = await form.submit(client_id=app.client_id, client_secret=app.client_secret, csv={})
    assert step["step_id"] == "refresh_token_again"
    assert (await form.submit())["type"] == "create_entry"


@pytest.mark.parametrize("route", ["/v1/users/me", "/v1/accounts/me/app-integrations"])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 503, "headers": {"Retry-After": "5"}}, "cannot_connect"),
        ({"status": 429}, "rate_limited"),
        ({"garbage": "html"}, "cannot_connect"),
    ],
)
async def test_an_outage_after_the_rotation_loses_nothing(
    freezer: FrozenDateTimeFactory,
    form: Dialog,
    cloud: RingCloud,
    app: App,
    account: Account,
    pasted: str,
    route: str,
    fault: dict[str, object],
    error: str,
) -> None:
    """The pasted token is dead by then: only what it was exchanged for still links."""
    cloud.faults.add(route, **fault)
    step = await form.submit(refresh_token=pasted)
    assert (step["step_id"], step["errors"]) == ("refresh_token_again", {"base": error})
    # Ring has asked to wait.
    freezer.tick(61)
    assert (await form.submit())["type"] == "create_entry"
    assert cloud.count("POST", TOKEN) == CREDENTIALS_CHECK + 1
    assert cloud.deliverable(account, app)


async def test_another_token_in_the_same_form_is_another_token(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, form: Dialog, cloud: RingCloud, app: App, pasted: str
) -> None:
    bob = cloud.add_account("Bob", "Roe", "bob@example.com", devices=1)
    other = str(cloud.link_directly(bob, app)["refresh_token"])
    cloud.faults.add("/v1/users/me", status=429)
    await form.submit(refresh_token=pasted)
    freezer.tick(61)
    assert (await form.submit(refresh_token=other))["title"] == "Bob Roe"


async def test_a_link_that_was_never_confirmed_is_refused(
    form: Dialog, cloud: RingCloud, app: App, account: Account, pasted: str
) -> None:
    link = cloud.links.get(account, app)
    assert link is not None
    link.status, link.claimed = LinkStatus.UNCLAIMED, False
    assert (await form.submit(refresh_token=pasted))["errors"] == {"base": "refused"}


async def test_a_double_click_rotates_once(hass: HomeAssistant, form: Dialog, cloud: RingCloud, pasted: str) -> None:
    window = another(form)
    window.step = form.step
    outcomes = await asyncio.gather(
        form.submit(refresh_token=pasted), window.submit(refresh_token=pasted), return_exceptions=True
    )
    assert [one["type"] for one in outcomes if isinstance(one, dict)] == ["create_entry"]
    assert cloud.count("POST", TOKEN) == CREDENTIALS_CHECK + 1
    assert len(hass.config_entries.async_entries(DOMAIN)) == 1


async def test_an_account_that_is_linked_already_is_refused(
    hass: HomeAssistant, form: Dialog, cloud: RingCloud, app: App, account: Account, pasted: str
) -> None:
    await form.submit(refresh_token=pasted)
    await hass.async_block_till_done(wait_background_tasks=True)
    [entry] = hass.config_entries.async_entries(DOMAIN)
    before = dict(entry.data)
    window = another(form)
    await window.open("tokens")
    second = str(cloud.grants.new_grant(account, app, cloud.links.get(account, app).flow)["refresh_token"])
    assert (await window.submit(refresh_token=second))["reason"] == "already_configured"
    assert "Jane Doe · j***e@example.com" in window.shown[-1]
    assert dict(entry.data) == before
