"""The token endpoint: codes, rotation, expiry, and how it refuses."""

import gc
import pickle

import pytest

from ring_cloud import Account, App, Clock, RingCloud
from ring_cloud.grants import _RefreshToken

from .conftest import CLIENT_ID, CLIENT_SECRET, Partner

DAY = 86400


async def code(cloud: RingCloud, partner: Partner, account: Account, app: App) -> str:
    assert await cloud.enable_app(account, app) == 200
    return partner.codes[-1]


async def test_a_code_becomes_tokens_that_belong_to_the_account(cloud, partner, account, app):
    answer = await partner.exchange(await code(cloud, partner, account, app))

    assert answer.status == 200
    assert answer.json.keys() == {"access_token", "refresh_token", "scope", "expires_in", "token_type"}
    assert (answer.json["expires_in"], answer.json["token_type"]) == (14400, "Bearer")
    assert answer.headers["Cache-Control"] == "no-store"
    user = await partner.call(answer.json, "/v1/users/me")
    assert user.json == {
        "data": {
            "type": "users",
            "id": account.id,
            "attributes": {"first_name": "John", "last_name": "Doe", "email": "johndoe@example.com"},
        }
    }


async def test_a_code_lives_a_minute(cloud, partner, account, app, clock: Clock):
    first = await code(cloud, partner, account, app)
    clock.advance(59.9)
    assert (await partner.exchange(first)).status == 200

    second = await code(cloud, partner, account, app)
    clock.advance(60)
    late = await partner.exchange(second)
    assert (late.status, late.json["error"]) == (400, "invalid_grant")


async def test_a_code_used_twice_kills_what_it_was_exchanged_for(cloud, partner, account, app):
    stolen = await code(cloud, partner, account, app)
    tokens = (await partner.exchange(stolen)).json

    again = await partner.exchange(stolen)

    assert (again.status, again.json["error"]) == (400, "invalid_grant")
    assert (await partner.call(tokens, "/v1/users/me")).status == 401
    assert (await partner.refresh(tokens)).json["error"] == "invalid_grant"


async def test_a_code_is_good_for_its_own_client_only(cloud, partner, account, app):
    cloud.add_app("fake-client-2", client_secret="fake-client-secret-2")
    stolen = await code(cloud, partner, account, app)

    answer = await partner.exchange(stolen, client_id="fake-client-2", client_secret="fake-client-secret-2")

    assert answer.json["error"] == "invalid_grant"
    assert (await partner.exchange(stolen)).status == 200


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"grant_type": "client_credentials"}, 401, "unsupported_grant_type"),
        ({"grant_type": "password"}, 401, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"grant_type": "refresh_token"}, 400, "invalid_request"),
        ({"grant_type": "authorization_code"}, 400, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "fake-code"}, 400, "invalid_grant"),
        ({"grant_type": "authorization_code", "code": "fake-code", "code_verifier": "x"}, 400, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "fake-refresh-token"}, 400, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "x", "client_secret": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "refresh_token", "refresh_token": "x", "client_secret": ""}, 401, "invalid_client"),
        ({"grant_type": "refresh_token", "refresh_token": "x", "client_id": "nobody"}, 401, "invalid_client"),
    ],
)
async def test_the_token_endpoint_refuses_in_the_words_of_oauth(partner, app, form, status, error):
    answer = await partner.token(**form)

    assert (answer.status, answer.json["error"]) == (status, error)
    assert answer.json["error_description"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"grant_type": "refresh_token"}'),
        ("application/x-www-form-urlencoded", b"grant_type=refresh_token&grant_type=refresh_token"),
        ("application/x-www-form-urlencoded", b"\xff\xfe=\x00"),
        ("application/x-www-form-urlencoded; charset=no-such-charset", b"grant_type=refresh_token"),
        ("multipart/form-data; boundary=x", b"--y"),
        ("application/x-www-form-urlencoded", b""),
    ],
)
async def test_a_form_that_cannot_be_read_is_an_invalid_request(partner, app, content_type, body):
    answer = await partner.ask("POST", "/oauth/token", data=body, headers={"Content-Type": content_type})

    assert (answer.status, answer.json["error"]) == (400, "invalid_request")


async def test_client_credentials_in_a_header_do_not_count(partner, token, app):
    form = {"grant_type": "refresh_token", "refresh_token": token["refresh_token"]}
    basic = {"Authorization": "Basic ZmFrZTpmYWtl"}

    answer = await partner.ask("POST", "/oauth/token", data=form, headers=basic)

    assert (answer.status, answer.json["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("agent", ["Python-urllib/3.14", ""])
async def test_the_edge_turns_away_who_does_not_say_who_it_is(cloud, partner, token, agent):
    form = {"grant_type": "refresh_token", "refresh_token": token["refresh_token"], "client_id": CLIENT_ID}

    answer = await partner.ask("POST", "/oauth/token", data=form, headers={"User-Agent": agent})

    assert answer.status == 403
    assert answer.headers["Content-Type"].startswith("text/html")
    assert b"1010" in answer.body
    assert (await partner.refresh(token)).status == 200, "the refused request must not have used the token up"


async def test_a_refresh_replaces_both_tokens(partner, token):
    answer = await partner.refresh(token)

    assert answer.status == 200
    assert answer.json["access_token"] != token["access_token"]
    assert answer.json["refresh_token"] != token["refresh_token"]
    assert (await partner.call(answer.json, "/v1/users/me")).status == 200


async def test_presenting_a_used_refresh_token_loses_the_link(partner, token):
    newer = (await partner.refresh(token)).json

    again = await partner.refresh(token)

    assert (again.status, again.json["error"]) == (400, "invalid_grant")
    assert (await partner.refresh(newer)).json["error"] == "invalid_grant"
    assert (await partner.call(newer, "/v1/users/me")).status == 401


async def test_reuse_can_be_forgiven(cloud, partner, token):
    cloud.grants.reuse_revokes = False
    newer = (await partner.refresh(token)).json

    assert (await partner.refresh(token)).json["error"] == "invalid_grant"
    assert (await partner.refresh(newer)).status == 200


async def test_with_grace_a_lost_answer_can_be_asked_for_again(cloud, partner, token):
    cloud.grants.rotation = "grace"
    await partner.refresh(token)

    again = await partner.refresh(token)

    assert again.status == 200
    assert (await partner.call(again.json, "/v1/users/me")).status == 200
    assert (await partner.refresh(token)).json["error"] == "invalid_grant", "grace ends with the first use"


async def test_with_grace_refreshing_with_the_new_token_ends_the_grace(cloud, partner, token):
    cloud.grants.rotation = "grace"
    newer = (await partner.refresh(token)).json

    assert (await partner.refresh(newer)).status == 200
    assert (await partner.refresh(token)).json["error"] == "invalid_grant"


async def test_a_refresh_token_lives_thirty_days_from_its_making(partner, token, clock):
    clock.advance(30 * DAY - 1)
    newer = await partner.refresh(token)
    assert newer.status == 200

    clock.advance(30 * DAY)
    assert (await partner.refresh(newer.json)).json["error"] == "invalid_grant"


async def test_with_an_absolute_lifetime_thirty_days_after_the_consent_all_is_over(cloud, partner, token, clock):
    cloud.switches.refresh_lifetime = "absolute"
    for _ in range(29):
        clock.advance(DAY)
        token = (await partner.refresh(token)).json
    clock.advance(DAY - 1)
    newest = await partner.refresh(token)
    assert newest.status == 200

    clock.advance(1)
    answer = await partner.refresh(newest.json)
    assert (answer.status, answer.json["error"]) == (400, "invalid_grant")
    assert (await partner.call(newest.json, "/v1/users/me")).status == 200, "the access token lives out its time"


@pytest.mark.parametrize(("ends", "status"), [(False, 200), (True, 401)])
async def test_the_access_token_before_dies_with_a_refresh_only_when_switched_so(cloud, partner, token, ends, status):
    cloud.switches.refresh_ends_access = ends

    newer = (await partner.refresh(token)).json

    assert (await partner.call(token, "/v1/users/me")).status == status
    assert (await partner.call(newer, "/v1/users/me")).status == 200


async def test_the_switches_of_tokens_reach_a_cloud_that_was_written_down(cloud, partner, token):
    written = {name: getattr(cloud, name) for name in ("clock", "grants", "links", "apps", "accounts")}
    kept = pickle.loads(pickle.dumps(written))
    async with RingCloud(clock=kept["clock"]) as later:
        for name, value in kept.items():
            setattr(later, name, value)
        await later.stop()
        await later.start()
        later.switches.refresh_ends_access = True
        again = Partner(partner.session, later)
        assert (await again.refresh(token)).status == 200
        assert (await again.call(token, "/v1/users/me")).status == 401


@pytest.mark.parametrize("form", [{"refresh_token": "unknown"}, {"refresh_token": "x", "client_secret": "wrong"}])
async def test_a_refusal_can_be_said_in_the_form_of_the_api(cloud, partner, app, form):
    await partner.control("POST", "/switches", {"token_refusal": "jsonapi"})

    answer = await partner.token("refresh_token", **form)

    (error,) = answer.json["errors"]
    wrong_client = "client_secret" in form
    assert (answer.status, error["status"]) == ((401, "401") if wrong_client else (400, "400"))
    assert error["title"] == ("Invalid Client" if wrong_client else "Bad Request")
    assert error["detail"].startswith("invalid_client: " if wrong_client else "invalid_grant: ")


@pytest.mark.parametrize("form", [{"refresh_token": "unknown"}, {"refresh_token": "x", "client_secret": "wrong"}])
async def test_a_refusal_can_be_an_empty_401(cloud, partner, app, form):
    await partner.control("POST", "/switches", {"token_refusal": "empty"})

    answer = await partner.token("refresh_token", **form)

    assert (answer.status, answer.body) == (401, b"")


async def test_the_token_endpoint_counts_against_the_limit_of_all_endpoints(cloud, partner, token, clock):
    first = await partner.call(token, "/v1/users/me")
    second = await partner.refresh(token)
    assert (second.headers["X-RateLimit-Limit"], second.headers["X-RateLimit-Remaining"]) == ("100", "98")
    assert first.headers["X-RateLimit-Remaining"] == "99"
    refused = await partner.refresh(token, client_secret="wrong")
    assert refused.headers["X-RateLimit-Limit"] == "100", "also on a refusal"

    cloud.limits.per_second = 2
    limited = await partner.refresh(second.json)
    assert (limited.status, limited.title, limited.headers["Retry-After"]) == (429, "Rate Limit Exceeded", "1")
    assert limited.headers["X-RateLimit-Remaining"] == "0"

    clock.advance(1)
    assert (await partner.refresh(second.json)).status == 200, "a refusal by the limit uses no token up"


async def test_a_wrong_secret_cannot_use_up_the_limit_of_a_client(cloud, partner, token):
    cloud.limits.per_second = 1
    for _ in range(3):
        assert (await partner.refresh(token, client_secret="wrong")).status == 401

    assert (await partner.refresh(token)).status == 200


@pytest.mark.parametrize(("status", "body"), [(401, False), (403, True)])
async def test_a_bad_token_is_refused_at_the_user_as_switched_and_elsewhere_with_401(
    cloud, partner, token, status, body
):
    await partner.control("POST", "/switches", {"users_me_unauthorized": status})

    user = await partner.call("unknown", "/v1/users/me")

    assert (user.status, bool(user.body)) == (status, body)
    assert (await partner.call("unknown", "/v1/devices")).status == 401
    assert (await partner.call(token, "/v1/users/me")).status == 200


async def test_what_ended_long_ago_is_forgotten_but_stays_a_secret(cloud, partner, account, token, clock):
    for _ in range(200):
        clock.advance(DAY)
        token = (await partner.refresh(token)).json
        cloud.playground_token(account)

    grants = cloud.grants
    assert len(grants._refresh) < 40
    assert len(grants._access) < 8
    gc.collect()
    tokens = [item for item in gc.get_objects() if isinstance(item, _RefreshToken) and item.grant.account is account]
    assert len(tokens) <= len(grants._refresh) + 1, "no token holds on to those that were before it"
    assert len(cloud.secrets()) > 600
    assert (await partner.call(token, "/v1/users/me")).status == 200
    state = (await partner.control("GET", "/state")).json
    assert state["accounts"][0]["links"][0]["refreshes"] == 200


async def test_an_expired_access_token_is_answered_with_an_empty_401(partner, token, clock):
    clock.advance(14399)
    assert (await partner.call(token, "/v1/users/me")).status == 200

    clock.advance(1)
    answer = await partner.call(token, "/v1/users/me")
    assert (answer.status, answer.body) == (401, b"")


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer unknown", "Basic ZmFrZQ=="])
async def test_an_unknown_token_is_answered_with_an_empty_401(partner, account, app, header):
    answer = await partner.ask("GET", "/v1/devices", headers={"Authorization": header} if header else {})

    assert (answer.status, answer.body) == (401, b"")


async def test_a_refresh_token_is_no_access_token(partner, token):
    answer = await partner.call(token["refresh_token"], "/v1/users/me")

    assert (answer.status, answer.body) == (401, b"")


async def test_an_access_token_is_no_refresh_token(partner, token):
    answer = await partner.token("refresh_token", refresh_token=token["access_token"])

    assert answer.json["error"] == "invalid_grant"


async def test_lifetimes_can_be_shortened(cloud, partner, account, app, token, clock):
    cloud.grants.set_lifetime(account, app, 60)
    shorter = (await partner.refresh(token)).json
    assert shorter["expires_in"] == 60

    clock.advance(60)
    assert (await partner.call(shorter, "/v1/users/me")).status == 401


async def test_tokens_never_show_in_what_python_prints(cloud, partner, account, app, token):
    known = (*cloud.grants._codes.values(), *cloud.grants._access.values(), *cloud.grants._refresh.values(), app)

    printed = repr(known)

    assert not [secret for secret in cloud.secrets() if secret in printed]
    assert {CLIENT_SECRET, token["access_token"], token["refresh_token"]} <= cloud.secrets()
