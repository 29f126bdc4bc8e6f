"""Whatever arrives at Ring's routes, the answer is a refusal and never a crash."""

import json
import logging
from urllib.parse import urlencode

import aiohttp
from hypothesis import HealthCheck, given, settings, strategies as st
import pytest
from yarl import URL

from ring_cloud import RingCloud
from ring_cloud.authorize import PATH
from ring_cloud.model import Flow

from .conftest import CLIENT_ID, CLIENT_SECRET, INTEGRATIONS

words = st.text(max_size=60)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | words
bodies = st.dictionaries(st.sampled_from(["nonce", "status", "account_identifier", "x"]), scalars | st.lists(scalars))
parameters = st.dictionaries(
    st.sampled_from(
        [
            "event_types",
            "page[key]",
            "include",
            "component_id",
            "page[cursor]",
            "client_id",
            "redirect_uri",
            "state",
            "scope",
            "code_challenge",
        ]
    ),
    words,
)
forms = st.dictionaries(
    st.sampled_from(["grant_type", "client_id", "client_secret", "code", "refresh_token", "code_verifier"]), words
)
calls = st.one_of(
    st.tuples(st.sampled_from(["POST", "PATCH", "DELETE"]), st.just(INTEGRATIONS), st.just({}), bodies.map(json.dumps)),
    st.tuples(st.just("GET"), st.sampled_from(["/v1/devices", "/v1/locations", PATH]), parameters, st.none()),
    st.tuples(st.just("GET"), words.map(lambda text: f"/v1/{text}"), parameters, st.none()),
    st.tuples(st.just("GET"), st.just("/v1/accounts/me/subscriptions"), parameters, st.none()),
    st.tuples(st.just("GET"), st.just("/v1/history/devices/BELL/events"), parameters, st.none()),
    st.tuples(st.just("POST"), st.sampled_from(["/oauth/token", PATH]), parameters, forms),
    st.tuples(st.just("POST"), st.sampled_from(["/oauth/token", PATH]), st.just({}), st.binary(max_size=60)),
)

LONE_SURROGATE = "application/x-www-form-urlencoded; charset=raw_unicode_escape"


@pytest.mark.parametrize(
    "field", ["client_id", "client_secret", "code", "code_verifier", "refresh_token", "grant_type"]
)
@pytest.mark.parametrize("grant_type", ["authorization_code", "refresh_token"])
async def test_half_a_character_in_a_form_is_refused(cloud, partner, account, app, caplog, field, grant_type):
    code = cloud.grants.new_code(account, app, Flow.PARTNER, "A" * 43)
    form = {"grant_type": grant_type, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "code": code}
    body = urlencode(form | {"refresh_token": "x", field: "%s"}).replace("%25s", r"\ud800")

    answer = await partner.ask("POST", "/oauth/token", data=body, headers={"Content-Type": LONE_SURROGATE})

    assert answer.status in (400, 401)
    assert answer.json["error"]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("path", ["/v1/users/me", "/oauth/token"])
async def test_a_mistake_of_the_cloud_itself_looks_like_one_of_rings(cloud, partner, token, monkeypatch, path):
    def stumble(*_: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(cloud.grants, "authenticate", stumble)
    monkeypatch.setattr(cloud.grants, "refresh", stumble)

    answer = await (partner.refresh(token) if path == "/oauth/token" else partner.call(token, path))

    assert (answer.status, answer.title) == (500, "Internal Server Error")
    assert (answer.headers["Server"], len(answer.headers["x-request-id"])) == ("envoy", 32)
    assert cloud.count("*", path, 500) == 1


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=st.lists(calls, min_size=10, max_size=20))
async def test_no_request_brings_the_cloud_down(socket_enabled, caplog, sent):
    async with RingCloud() as cloud, aiohttp.ClientSession() as session:
        app = cloud.add_app(CLIENT_ID, client_secret=CLIENT_SECRET, redirect_uris=["https://partner.example.com/"])
        account = cloud.add_account(devices=2)
        token = cloud.link_directly(account, app)
        cloud.happen(account.devices[0], "button_press")
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        for method, path, query, data in sent:
            url = URL(cloud.url).with_path(path.replace("BELL", account.devices[0].id)).with_query(query)
            async with session.request(method, url, data=data, headers=headers, allow_redirects=False) as response:
                await response.read()
                assert response.status < 500
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
