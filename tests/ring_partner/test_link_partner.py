"""Signing in with Ring: partner-initiated OAuth 2.0 with PKCE, in the user's browser."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from freezegun.api import FrozenDateTimeFactory
import pytest
from yarl import URL

from custom_components.ring_partner.const import DOMAIN
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers.config_entry_oauth2_flow import (
    AbstractOAuth2Implementation,
    ImplementationUnavailableError,
    async_add_implementation_provider,
)
from homeassistant.setup import async_setup_component
from ring_cloud import Account, App, RingCloud, oauth

from .dialog import Dialog, another, dialog, frontend
from .test_reauth import WAYS

__all__ = ["dialog", "frontend"]

TOKEN = "/oauth/token"
INTEGRATIONS = "/v1/accounts/me/app-integrations"


@pytest.fixture
async def signing_in(dialog: Dialog, cloud: RingCloud, app: App) -> Dialog:
    """A dialog that has sent the browser to Ring."""
    cloud.add_app(app.client_id, redirect_uris=[f"{dialog.address}/auth/external/callback"], unlink_allowed=True)
    assert (await dialog.open("partner"))["type"] == "external"
    return dialog


async def decide(dialog: Dialog, account: Account, decision: str = "allow") -> URL:
    """Sign in on Ring's page, and decide there: return where Ring sends the browser."""
    url = dialog.step["url"]
    async with dialog.browser.get(url) as page:
        assert page.status == 200
        assert "Allow My home to use your Ring account?" in await page.text()
    form = {"decision": decision, "account": account.id}
    async with dialog.browser.post(url, data=form, allow_redirects=False) as answer:
        assert answer.status == 302
        return URL(answer.headers["Location"])


async def come_back(dialog: Dialog, location: URL) -> dict[str, object]:
    """Follow Ring's redirect to Home Assistant, and look at the dialog again."""
    async with dialog.browser.get(location) as page:
        assert "window.close()" in await page.text()
    return await dialog.look()


async def test_the_whole_way(
    hass: HomeAssistant,
    signing_in: Dialog,
    cloud: RingCloud,
    app: App,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forms: list[dict[str, str]] = []
    read_form: Callable[[web.Request], Awaitable[dict[str, str]]] = oauth.read_form

    async def recording(request: web.Request) -> dict[str, str]:
        forms.append(await read_form(request))
        return forms[-1]

    monkeypatch.setattr(oauth, "read_form", recording)
    query = URL(signing_in.step["url"]).query
    assert query["code_challenge_method"] == "S256"
    assert query["scope"] == "ava.v1:read"
    assert query["response_type"] == "code"
    assert query["redirect_uri"] in signing_in.shown[-1]

    step = await come_back(signing_in, await decide(signing_in, account))
    assert (step["type"], step["title"]) == ("create_entry", "Jane Doe")
    await hass.async_block_till_done(wait_background_tasks=True)
    [form] = forms
    assert form.keys() == {"grant_type", "code", "code_verifier", "client_id", "client_secret"}
    [entry] = hass.config_entries.async_entries(DOMAIN)
    assert entry.state is ConfigEntryState.LOADED
    assert entry.unique_id == account.id
    assert entry.data["link_method"] == "partner"
    assert "signing_key" not in entry.data
    assert cloud.deliverable(account, app)
    assert cloud.count("POST", INTEGRATIONS) == 0
    link = cloud.links.get(account, app)
    assert link is not None
    assert link.account_identifier == "M***r"


async def test_a_code_somebody_else_asked_for_is_worth_nothing(
    signing_in: Dialog, cloud: RingCloud, app: App, account: Account
) -> None:
    """PKCE: the code belongs to whoever knows the verifier."""
    signing_in.step["url"] = str(URL(signing_in.step["url"]).update_query(code_challenge="A" * 43))
    step = await come_back(signing_in, await decide(signing_in, account))
    assert step["reason"] == "invalid_auth"
    assert not cloud.deliverable(account, app)


async def test_denying_it_at_ring_ends_it(signing_in: Dialog, account: Account) -> None:
    step = await come_back(signing_in, await decide(signing_in, account, "deny"))
    assert step["reason"] == "user_rejected_authorize"


async def test_a_code_that_has_expired_ends_it(
    freezer: FrozenDateTimeFactory, signing_in: Dialog, account: Account
) -> None:
    location = await decide(signing_in, account)
    freezer.tick(601)
    assert (await come_back(signing_in, location))["reason"] == "invalid_auth"


@pytest.mark.parametrize(
    ("route", "fault", "reason"),
    [
        (TOKEN, {"status": 503}, "cannot_connect"),
        (TOKEN, {"status": 403, "body": "<html>Error 1010</html>"}, "cannot_connect"),
        (TOKEN, {"cut": "before"}, "cannot_connect"),
        (TOKEN, {"status": 429}, "rate_limited"),
        (TOKEN, {"status": 400, "body": '{"error": "invalid_request"}'}, "refused"),
        ("/v1/users/me", {"status": 429}, "rate_limited"),
        ("/v1/users/me", {"status": 404}, "no_integration"),
        (INTEGRATIONS, {"status": 403}, "forbidden"),
        (INTEGRATIONS, {"status": 400}, "refused"),
    ],
)
async def test_what_goes_wrong_is_told_and_starting_over_works(
    freezer: FrozenDateTimeFactory,
    signing_in: Dialog,
    cloud: RingCloud,
    app: App,
    account: Account,
    route: str,
    fault: dict[str, object],
    reason: str,
) -> None:
    cloud.faults.add(route, **fault)
    assert (await come_back(signing_in, await decide(signing_in, account)))["reason"] == reason
    # Ring may have asked to wait.
    freezer.tick(61)
    again = another(signing_in)
    await again.open("partner")
    assert (await come_back(again, await decide(again, account)))["type"] == "create_entry"
    assert cloud.deliverable(account, app)


async def test_refused_credentials_lead_back_to_where_they_are_entered(
    signing_in: Dialog, app: App, account: Account
) -> None:
    app.client_secret = "fake-other-secret"
    step = await come_back(signing_in, await decide(signing_in, account))
    assert (step["step_id"], step["errors"]) == ("credentials", {"base": "invalid_client"})
    step = await signing_in.submit(client_id=app.client_id, client_secret=app.client_secret, csv={})
    assert step["type"] == "external"
    assert (await come_back(signing_in, await decide(signing_in, account)))["type"] == "create_entry"


class TestWithoutCredentials:
    """The client id and secret of a Ring app have to be known first."""

    @pytest.fixture
    async def credentials(self, hass: HomeAssistant, app: App) -> App:
        """No client id and secret is known yet."""
        assert await async_setup_component(hass, "application_credentials", {})
        return app

    @pytest.mark.parametrize("method", ["ring_app", "tokens", "partner"])
    async def test_the_dialog_asks_for_them(self, dialog: Dialog, method: str) -> None:
        assert (await dialog.open())["menu_options"] == WAYS
        assert (await dialog.choose(method))["step_id"] == "credentials"

    async def test_it_says_so_when_it_cannot_tell(self, hass: HomeAssistant, dialog: Dialog) -> None:
        async def unavailable(_hass: HomeAssistant, _domain: str) -> list[AbstractOAuth2Implementation]:
            raise ImplementationUnavailableError("not connected")

        async_add_implementation_provider(hass, "elsewhere", unavailable)
        assert (await dialog.open("partner"))["reason"] == "oauth_implementation_unavailable"
