"""Partner-initiated linking: the authorize page, PKCE, and the dormant link."""

import hashlib
import re

import pytest
from yarl import URL

from ring_cloud import CloudError
from ring_cloud.ids import base64url

from .conftest import CLIENT_ID, INTEGRATIONS

PATH = "/account/integrations/partner-link/authorize"
SIGN_IN = "/account/integrations/partner-link/sign-in"
CALLBACK = "https://partner.example.com/callback"
VERIFIER = "fake-code-verifier-of-forty-three-characters"
CHALLENGE = base64url(hashlib.sha256(VERIFIER.encode()).digest())


def address(path: str = PATH, **changes: str | None) -> str:
    query = {
        "client_id": CLIENT_ID,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "ava.v1:read",
        "state": "fake state & more",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    } | changes
    return str(URL(path).with_query({key: value for key, value in query.items() if value is not None}))


async def allowed(partner, account) -> URL:
    answer = await partner.ask("POST", address(), data={"account": account.id, "decision": "allow"})
    assert answer.status == 302
    return URL(answer.headers["Location"])


async def test_the_page_offers_the_accounts_escaped(cloud, partner, account, app):
    cloud.add_account("<b>Eve</b>", "Example", "eve@example.com")
    app.name = "Home & Garden"

    answer = await partner.ask("GET", address(SIGN_IN))

    assert answer.status == 200
    page = answer.body.decode()
    assert account.id in page
    assert "Home &amp; Garden" in page
    assert "&lt;b&gt;Eve&lt;/b&gt;" in page
    assert "<b>" not in page
    assert not re.search(r"<script|https?://", page)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"client_id": "nobody"},
        {"redirect_uri": "https://evil.example.com/"},
        {"redirect_uri": None},
        {"scope": "ava.v1:write"},
        {"code_challenge_method": "plain"},
    ],
)
async def test_before_the_sign_in_anything_with_a_challenge_is_sent_there(partner, account, app, changes):
    answer = await partner.ask("GET", address(**changes))

    assert answer.status == 302
    assert URL(answer.headers["Location"]) == URL(address(SIGN_IN, **changes)), "all that was asked goes along"


@pytest.mark.parametrize("challenge", [CHALLENGE[:-1], "", None])
async def test_a_challenge_that_is_too_short_is_refused_before_the_sign_in(partner, account, app, challenge):
    answer = await partner.ask("GET", address(code_challenge=challenge))

    assert (answer.status, answer.headers.get("Location")) == (400, None)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_app_that_ring_has_not_invited_ends_on_a_page(cloud, partner, account, app, method):
    cloud.add_app(CLIENT_ID, partner_allowlisted=False)
    form = {"data": {"account": account.id, "decision": "allow"}} if method == "POST" else {}

    assert (await partner.ask("GET", address())).status == 302
    answer = await partner.ask(method, address(SIGN_IN), **form)

    assert (answer.status, answer.headers.get("Location")) == (400, None)
    assert b"We could not continue" in answer.body
    assert cloud.links.get(account, app) is None


@pytest.mark.parametrize("path", [PATH, SIGN_IN])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example.com"},
        {"Origin": "null"},
        {"Host": "evil.example.com:8080", "Origin": "http://evil.example.com:8080"},
    ],
)
async def test_another_web_page_cannot_allow_an_app(cloud, partner, account, app, path, headers):
    form = {"account": account.id, "decision": "allow"}

    refused = await partner.ask("POST", address(path), data=form, headers=headers)

    assert (refused.status, refused.headers.get("Location"), cloud.links.get(account, app)) == (400, None, None)
    own = await partner.ask("POST", address(path), data=form, headers={"Origin": cloud.url})
    assert own.status == 302


async def test_another_name_of_this_machine_is_not_shown_the_accounts(partner, account, app):
    answer = await partner.ask("GET", address(SIGN_IN), headers={"Host": "evil.example.com"})

    assert answer.status == 400
    assert account.email.encode() not in answer.body


async def test_a_link_from_the_page_to_completed(cloud, partner, account, app):
    back = await allowed(partner, account)
    assert (back.with_query(None), back.query["state"]) == (URL(CALLBACK), "fake state & more")

    answer = await partner.exchange(back.query["code"], code_verifier=VERIFIER)
    assert answer.status == 200
    assert await partner.names(answer.json) == [], "dormant until the PATCH"
    assert not cloud.deliverable(account, app)

    assert (await partner.call(answer.json, INTEGRATIONS, "PATCH", json={"status": "completed"})).status == 200
    assert len(await partner.names(answer.json)) == len(account.devices)
    assert cloud.deliverable(account, app)


async def test_a_wrong_verifier_spends_the_code(partner, account, app):
    code = (await allowed(partner, account)).query["code"]

    wrong = await partner.exchange(code, code_verifier=VERIFIER + "x")
    right = await partner.exchange(code, code_verifier=VERIFIER)

    assert wrong.json["error"] == right.json["error"] == "invalid_grant"


async def test_a_code_of_the_page_needs_its_verifier(partner, account, app):
    code = (await allowed(partner, account)).query["code"]

    answer = await partner.exchange(code)

    assert (answer.status, answer.json["error"]) == (400, "invalid_request")


async def test_a_code_of_the_page_lives_ten_minutes(partner, account, app, clock):
    first = (await allowed(partner, account)).query["code"]
    clock.advance(599)
    assert (await partner.exchange(first, code_verifier=VERIFIER)).status == 200

    second = (await allowed(partner, account)).query["code"]
    clock.advance(600)
    assert (await partner.exchange(second, code_verifier=VERIFIER)).json["error"] == "invalid_grant"


async def test_a_verifier_for_a_code_without_challenge_is_refused(cloud, partner, account, app):
    await cloud.enable_app(account, app)

    answer = await partner.exchange(partner.codes[-1], code_verifier=VERIFIER)

    assert answer.json["error"] == "invalid_request"


async def test_the_user_may_say_no(partner, account, app):
    answer = await partner.ask("POST", address(), data={"account": account.id, "decision": "deny"})

    query = URL(answer.headers["Location"]).query
    assert (query["error"], query["state"]) == ("access_denied", "fake state & more")
    assert "code" not in query


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": CHALLENGE[:-1]},
        {"code_challenge": None},
        {"code_challenge": CHALLENGE + "/"},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"client_id": "nobody"},
        {"client_id": None},
        {"redirect_uri": CALLBACK + "/more"},
        {"redirect_uri": "https://evil.example.com/"},
        {"redirect_uri": None},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_cannot_be_trusted_ends_on_a_page_and_not_at_the_partner(partner, account, app, changes, method):
    form = {"data": {"account": account.id, "decision": "allow"}} if method == "POST" else {}

    answer = await partner.ask(method, address(SIGN_IN, **changes), **form)

    assert answer.status == 400
    assert "Location" not in answer.headers
    assert b"We could not continue" in answer.body


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "ava.v1:write"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
    ],
)
async def test_other_mistakes_are_told_to_the_partner(partner, app, changes, error):
    answer = await partner.ask("GET", address(SIGN_IN, **changes))

    assert answer.status == 302
    assert URL(answer.headers["Location"]).query["error"] == error


@pytest.mark.parametrize("body", [b"", b"decision=allow&account=nobody", b"decision=allow&decision=allow", b"\xff"])
async def test_a_decision_that_makes_no_sense_grants_nothing(cloud, partner, account, app, body):
    answer = await partner.ask(
        "POST", address(), data=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )

    assert answer.status in (302, 400)
    assert b"code=" not in answer.headers.get("Location", "").encode()
    assert cloud.links.get(account, app) is None


async def test_a_test_may_allow_without_a_browser(cloud, partner, account, app):
    back = URL(cloud.authorize(account, cloud.url + address()))
    rejected = URL(cloud.authorize(account, cloud.url + address(scope="other")))

    assert (await partner.exchange(back.query["code"], code_verifier=VERIFIER)).status == 200
    assert rejected.query["error"] == "invalid_scope"
    with pytest.raises(CloudError):
        cloud.authorize(account, cloud.url + address(client_id="nobody"))
