"""The control interface and the page: what a person can do, and how nonsense is refused."""

import contextlib
from dataclasses import asdict
import io
import json
import logging
from pathlib import Path

import aiohttp
from hypothesis import HealthCheck, given, settings, strategies as st
import pytest
from yarl import URL

from ring_cloud import FAMILIES, RingCloud, Switches, control, control_events

from .conftest import CLIENT_ID, INTEGRATIONS, Partner


async def state(partner: Partner) -> dict:
    answer = await partner.ask("GET", "/control/state")
    assert answer.status == 200
    return answer.json


async def test_the_state_tells_all_but_secrets(cloud, partner, account, app, token):
    await cloud.enable_app(account, app)
    cloud.confirm(account, app)
    fresh = (await partner.exchange(partner.codes[-1])).json
    await partner.call(fresh, "/v1/users/me")
    cloud.faults.add("/v1/*", status=503)

    answer = await partner.ask("GET", "/control/state")

    shown = answer.json
    assert shown["url"] == cloud.url
    assert shown["apps"][0]["client_id"] == CLIENT_ID
    assert [device["family"] for device in shown["accounts"][0]["devices"]] == list(FAMILIES)
    link = shown["accounts"][0]["links"][0]
    assert (link["status"], link["refreshes"]) == ("awaiting", 0)
    assert link["access_token_expires_at"] == shown["time"] + 14400
    assert shown["faults"][0]["kind"] == "status 503"
    assert shown["requests"][0]["path"] == "/v1/users/me"
    assert len(cloud.secrets()) >= 7
    assert not [secret for secret in cloud.secrets() if secret in answer.body.decode()]


async def test_a_person_links_an_account_by_hand(cloud, partner, account, app):
    await partner.control("POST", "/apps", {"client_id": CLIENT_ID, "name": "My home"})
    path = f"/accounts/{account.id}"
    chosen = [account.devices[0].id]

    enabled = await partner.control("POST", f"{path}/enable", {"client_id": CLIENT_ID, "device_ids": chosen})
    assert (enabled.status, enabled.json) == (200, {"delivered": True, "status": 200})
    token = (await partner.exchange(partner.codes[-1])).json
    confirmed = await partner.control("POST", f"{path}/confirm", {"client_id": CLIENT_ID})
    nonce = URL(confirmed.json["location"]).query["nonce"]
    await partner.call(token, INTEGRATIONS, "POST", json={"nonce": nonce})
    await partner.call(token, INTEGRATIONS, "PATCH", json={"status": "completed"})

    link = (await state(partner))["accounts"][0]["links"][0]
    assert (link["status"], link["device_ids"]) == ("completed", chosen)
    assert (await partner.control("POST", f"{path}/confirm", {"client_id": CLIENT_ID})).status == 409
    assert (await partner.control("POST", f"{path}/disable", {"client_id": CLIENT_ID})).status == 200
    assert (await state(partner))["accounts"][0]["links"][0]["status"] == "none"


async def test_enabling_says_why_it_failed(cloud, partner, account, app, unused_tcp_port):
    path = f"/accounts/{account.id}/enable"
    partner.answers_codes_with = 500
    refused = await partner.control("POST", path, {"client_id": CLIENT_ID})
    app.token_exchange_url = f"http://127.0.0.1:{unused_tcp_port}/"
    silent = await partner.control("POST", path, {"client_id": CLIENT_ID})
    app.token_exchange_url = ""
    missing = await partner.control("POST", path, {"client_id": CLIENT_ID})

    assert (refused.status, silent.status, missing.status) == (409, 409, 409)
    assert refused.json == {"error": "the Token Exchange URL answered 500"}
    assert silent.json == {"error": "the Token Exchange URL did not answer"}
    assert missing.json == {"error": "the app has no Token Exchange URL in the developer portal"}


async def test_an_app_keeps_what_is_not_given_again(cloud, partner, app):
    secret = app.client_secret
    answer = await partner.control("POST", "/apps", {"client_id": CLIENT_ID, "homepage_url": "https://x.example/"})

    assert answer.json["homepage_url"] == "https://x.example/"
    assert answer.json["account_link_url"] == "https://partner.example.com/link?region=us"
    assert (answer.json["has_client_secret"], app.client_secret) == (True, secret)


async def test_accounts_and_devices_come_and_go(partner):
    account = (await partner.control("POST", "/accounts", {"first_name": "Ada", "devices": 3})).json
    assert (account["first_name"], len(account["devices"])) == ("Ada", 3)

    path = f"/accounts/{account['id']}/devices"
    device = (await partner.control("POST", path, {"family": "contact", "name": "Pantry"})).json
    changed = await partner.control("POST", f"/devices/{device['id']}", {"contact": True, "online": False})
    controls = {control["key"]: control for control in changed.json["controls"]}
    assert controls["contact"] == {"key": "contact", "label": "Contact open", "type": "boolean", "value": True}
    assert controls["battery"]["max"] == 255
    assert changed.json["online"] is False

    assert (await partner.control("DELETE", f"/devices/{device['id']}")).status == 200
    assert (await partner.control("DELETE", f"/devices/{device['id']}")).status == 404


@pytest.mark.parametrize(
    ("action", "access", "refresh"),
    [("expire", 401, 200), ("revoke", 401, 400), ("revoke_refresh", 200, 400)],
)
async def test_tokens_die_as_asked(partner, account, token, action, access, refresh):
    await partner.control("POST", f"/accounts/{account.id}/tokens", {"client_id": CLIENT_ID, "action": action})

    assert (await partner.call(token, "/v1/users/me")).status == access
    assert (await partner.refresh(token)).status == refresh


async def test_tokens_live_shorter_from_now_on(partner, account, token):
    body = {"client_id": CLIENT_ID, "action": "lifetime", "seconds": 30}
    await partner.control("POST", f"/accounts/{account.id}/tokens", body)

    assert (await partner.refresh(token)).json["expires_in"] == 30
    link = (await state(partner))["accounts"][0]["links"][0]
    assert link["refreshes"] == 1


async def test_a_playground_token_is_handed_out(partner, account, app):
    answer = await partner.control("POST", f"/accounts/{account.id}/playground")

    assert answer.json["expires_in"] == 1800
    assert await partner.names(answer.json) == ["Playground Device"]


async def test_faults_come_and_go(partner, token):
    fault = {"route": "/v1/devices*", "method": "get", "count": 0, "status": 429, "headers": {"Retry-After": "7"}}
    added = (await partner.control("POST", "/faults", fault)).json
    assert (added["kind"], added["count"]) == ("status 429", None)
    assert (await partner.call(token, "/v1/devices")).headers["Retry-After"] == "7"
    assert (await state(partner))["faults"][0]["hits"] == 1

    await partner.control("POST", "/faults", {"cut": True})
    await partner.control("DELETE", f"/faults/{added['id']}")
    assert [item["kind"] for item in (await state(partner))["faults"]] == ["cut before"]
    await partner.control("DELETE", "/faults")
    assert (await partner.call(token, "/v1/devices")).status == 200


async def test_the_clock_moves(partner, token, clock):
    before = clock.time()
    assert (await partner.control("POST", "/clock", {"advance": 14400})).json == {"time": before + 14400}

    assert (await partner.call(token, "/v1/users/me")).status == 401


async def test_what_happens_and_what_became_of_it_is_shown(cloud, partner, account, token, webhook_url):
    bell = account.device("Front Door")
    path = f"/devices/{bell.id}/happen"
    partner.answers_webhooks_with = 503
    (action,) = [item for item in (await device_shown(partner, bell))["actions"] if item["label"] == "Person"]
    assert (await partner.control("POST", path, {key: action[key] for key in ("type", "sub_type")})).status == 200
    await cloud.deliveries.settle()

    shown = await state(partner)
    delivery = shown["deliveries"][0]
    assert delivery.pop("milliseconds") > 0
    assert delivery == {
        "id": 1,
        "time": shown["time"],
        "type": "motion_detected",
        "sub_type": "human",
        "device": "Front Door",
        "client_id": CLIENT_ID,
        "state": "waiting",
        "status": 503,
        "attempt": 1,
        "next_retry": shown["time"] + 1,
        "mischief": [],
    }
    partner.answers_webhooks_with = 200
    await partner.control("POST", "/clock", {"advance": 1})
    await cloud.deliveries.settle()
    assert (await state(partner))["deliveries"][0]["state"] == "delivered"


async def device_shown(partner: Partner, device) -> dict:
    devices = (await state(partner))["accounts"][0]["devices"]
    return next(shown for shown in devices if shown["id"] == device.id)


_SEEN = [
    "Person",
    "Vehicle",
    "Package",
    "Package delivery",
    "Animal",
    "Other",
    "Something not yet invented",
    "Start live view",
]


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("Front Door", ["Ring the bell", *_SEEN]),
        ("Garden", ["Ring the bell", *_SEEN]),
        ("Driveway", _SEEN),
        ("Back Door", []),
        ("Hallway Chime", []),
    ],
)
async def test_a_device_offers_what_can_be_done_at_it(cloud, partner, account, name, labels):
    device = account.device(name)
    if labels:
        device.set(motion_detection=True)
    offered = (await device_shown(partner, device))["actions"]

    assert [action["label"] for action in offered] == labels
    for action in offered:
        body = {key: value for key, value in action.items() if key != "label" and value is not None}
        assert (await partner.control("POST", f"/devices/{device.id}/happen", body)).status == 200
    assert len(cloud.history.rows(device.id)) == len(labels)


async def test_mischief_is_made_shown_and_ended(cloud, partner, account, token, webhook_url):
    await partner.control("POST", "/mischief", {"kind": "hold", "types": "button*", "count": 0})
    doubled = await partner.control("POST", "/mischief", {"kind": "duplicate", "copies": 3})
    assert doubled.json == {
        "id": 2,
        "kind": "duplicate",
        "types": "*",
        "count": 1,
        "copies": 3,
        "seconds": 30,
        "hits": 0,
    }
    await partner.control("POST", f"/devices/{account.device('Front Door').id}/happen", {"type": "button_press"})
    shown = await state(partner)
    assert (shown["letters"], [prank["hits"] for prank in shown["mischief"]]) == ({"held": 3, "dead": 0}, [1, 1])

    assert (await partner.control("POST", "/deliveries/release", {"reverse": False})).json == {"released": 3}
    assert await partner.told() == ["button_press"] * 3
    await partner.control("DELETE", "/mischief/2")
    assert [prank["kind"] for prank in (await state(partner))["mischief"]] == ["hold"]
    await partner.control("DELETE", "/mischief")
    assert (await state(partner))["mischief"] == []


async def test_dead_letters_are_replayed_by_hand(cloud, partner, account, clock, token, webhook_url):
    partner.answers_webhooks_with = 503
    account.device("Basement").set(flood=True)
    for _ in range(7):
        await cloud.deliveries.settle()
        clock.advance(3600)
    assert (await state(partner))["letters"]["dead"] == 1
    partner.answers_webhooks_with = 200

    assert (await partner.control("POST", "/deliveries/replay")).json == {"replayed": 1}
    assert (await state(partner))["deliveries"][0]["state"] == "delivered"


async def test_switches_are_moved_all_or_none(cloud, partner):
    changes = {"envelope": "1.0", "history_page_size": 3, "history_next": "trailing", "disables_endpoints": False}
    answer = await partner.control("POST", "/switches", changes)
    assert answer.json == (await state(partner))["switches"] == asdict(Switches()) | changes

    refused = await partner.control("POST", "/switches", {"envelope": "1.1", "history_next": "sideways"})
    assert (refused.status, cloud.switches.envelope) == (400, "1.0")


async def test_a_disabled_endpoint_is_shown_and_enabled_by_saving_its_url(cloud, partner, account, token, webhook_url):
    partner.answers_webhooks_with = 400
    for _ in range(10):
        cloud.happen(account.device("Front Door"), "button_press")
    await cloud.deliveries.settle()
    assert (await state(partner))["apps"][0]["webhook_disabled"] is True

    renamed = await partner.control("POST", "/apps", {"client_id": CLIENT_ID, "name": "My home"})
    assert renamed.json["webhook_disabled"] is True
    saved = await partner.control("POST", "/apps", {"client_id": CLIENT_ID, "webhook_url": webhook_url})
    assert (saved.json["webhook_disabled"], saved.json["webhook_url"]) == (False, webhook_url)


async def test_subscriptions_come_and_go(partner, account, token, webhook_url):
    path = f"/accounts/{account.id}/subscriptions"
    trial = (await partner.control("POST", path, {"sub_type": "trial", "days": 7})).json["subscriptions"][-1]
    ended = (await partner.control("DELETE", f"{path}/{trial['id']}")).json["subscriptions"][-1]

    assert (trial["sub_type"], trial["status"], ended["status"]) == ("trial", "active", "inactive")
    assert await partner.told() == ["subscription_activated", "subscription_deactivated"]
    assert (await partner.control("DELETE", f"{path}/unknown")).status == 404


async def test_the_playground_simulates_a_live_view(partner, account):
    token = (await partner.control("POST", f"/accounts/{account.id}/playground")).json["access_token"]

    answer = await partner.control("POST", "/playground/simulate", {"access_token": token})
    assert (answer.status, answer.json["type"]) == (200, "on_demand")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "/clock", {"advance": -1}, 400, "advance must be a number"),
        ("POST", "/clock", {"advance": 1, "backwards": True}, 400, "unknown field: backwards"),
        ("POST", "/clock", {"advance": 1e11}, 400, "advance must be a number"),
        ("POST", "/apps", {}, 400, "client_id must be a text"),
        ("POST", "/apps", {"client_id": "x", "webhook_url": "http://evil.example/"}, 400, "must be an https URL"),
        ("POST", "/apps", {"client_id": "x", "webhook_url": "http://127.evil.example/"}, 400, "must be an https URL"),
        ("POST", "/apps", {"client_id": "x", "webhook_url": "ftp://127.0.0.1/"}, 400, "must be an https URL"),
        ("POST", "/apps", {"client_id": "x", "redirect_uris": "https://x.example"}, 400, "list of texts"),
        ("POST", "/apps", {"client_id": "x", "permissions": ["world"]}, 400, "permissions are"),
        ("POST", "/accounts", {"devices": 10**9}, 400, "devices must be"),
        ("POST", "/accounts", {"devices": 1.5}, 400, "whole number"),
        ("POST", "/accounts/nobody/enable", {"client_id": "x"}, 404, "no such account"),
        ("POST", "/devices/nothing", {"online": True}, 404, "no such device"),
        ("POST", "/faults", {"status": 500, "cut": True}, 400, "exactly one"),
        ("POST", "/faults", {"status": 500, "headers": {"Content-Length": "1"}}, 400, "headers must be"),
        ("POST", "/faults", {"garbage": False}, 400, "garbage must be"),
        ("DELETE", "/faults/99", {}, 404, "no such fault"),
        ("GET", "/nowhere", {}, 404, "there is no GET here"),
        ("POST", "/devices/nothing/happen", {"type": "button_press"}, 404, "no such device"),
        ("POST", "/playground/simulate", {"access_token": "unknown"}, 404, "no live token"),
        ("POST", "/mischief", {"kind": "theft"}, 400, "kind must be one of duplicate"),
        ("POST", "/mischief", {"kind": "duplicate", "copies": 1}, 400, "copies must be"),
        ("DELETE", "/mischief/7", {}, 404, "no such mischief"),
        ("POST", "/switches", {"envelope": "2.0"}, 400, "envelope must be one of 1.1, 1.0"),
        ("POST", "/switches", {"history_page_size": 0}, 400, "history_page_size must be"),
        ("POST", "/switches", {"kindness": True}, 400, "unknown field: kindness"),
    ],
)
async def test_nonsense_is_refused_in_words(partner, method, path, body, status, words):
    answer = await partner.control(method, path, body)

    assert answer.status == status
    assert words in answer.json["error"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b"x" * 2_000_000], ids=range(6))
async def test_a_body_that_is_no_object_is_refused(partner, body):
    answer = await partner.ask("POST", "/control/clock", data=io.BytesIO(body))

    assert answer.status == 400
    assert answer.json["error"]


async def test_other_web_pages_are_kept_out(partner, cloud):
    foreign = await partner.ask("POST", "/control/faults", headers={"Origin": "https://evil.example"}, data=b"{}")
    own = await partner.ask("DELETE", "/control/faults", headers={"Origin": cloud.url})

    assert (foreign.status, own.status) == (400, 200)
    assert "Access-Control-Allow-Origin" not in own.headers


@pytest.mark.parametrize("host", ["evil.example.com", "127.0.0.1.evil.example.com", "192.0.2.1", "localhost.evil", ""])
async def test_a_name_that_was_pointed_at_this_machine_is_kept_out(partner, cloud, host):
    port = URL(cloud.url).port
    for headers in ({"Host": f"{host}:{port}", "Origin": f"http://{host}:{port}"}, {"Host": host}):
        changed = await partner.ask("POST", "/control/faults", headers=headers, json={"status": 500})
        read = await partner.ask("GET", "/control/state", headers=headers)
        assert (changed.status, read.status) == (400, 400)
        assert read.json.keys() == {"error"}
    assert list(cloud.faults) == []


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]"])
async def test_this_machine_may_be_called_by_any_of_its_names(partner, cloud, name):
    host = f"{name}:{URL(cloud.url).port}"
    answer = await partner.ask("DELETE", "/control/faults", headers={"Host": host, "Origin": f"http://{host}"})

    assert answer.status == 200


async def test_a_camera_is_given_a_battery(partner, account, token):
    camera = account.device("Driveway")
    path = f"/v1/devices/{camera.id}/status"
    assert "battery_status" not in (await partner.call(token, path)).json["data"]["attributes"]

    for level in (80, 15):
        answer = await partner.control("POST", f"/devices/{camera.id}", {"battery": level, "online": True})
        shown = {control["key"]: control for control in answer.json["controls"]}
        assert (answer.status, shown["battery"]["value"]) == (200, level)
        status = (await partner.call(token, path)).json["data"]["attributes"]
        assert status["battery_status"] == {"percentage": level}

    assert (await partner.control("POST", f"/devices/{camera.id}", {"battery": 300})).status == 400
    chime = account.device("Hallway Chime")
    assert (await partner.control("POST", f"/devices/{chime.id}", {"battery": 80})).status == 400


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=6,
)
FIELDS = [
    *("client_id", "name", "client_secret", "signing_key", "token_exchange_url", "webhook_url", "redirect_uris"),
    *("permissions", "first_name", "email", "devices", "device_ids", "family", "action", "seconds", "online"),
    *("battery", "contact", "e2ee", "route", "method", "nth", "count", "status", "body", "headers", "delay"),
    *("cut", "garbage", "advance", "type", "sub_type", "component_ids", "days", "access_token", "kind", "types"),
    *("copies", "reverse", "plan", "partner_allowlisted", *asdict(Switches())),
]


bodies = st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=4)
requests = st.tuples(st.sampled_from([*control.ROUTES, *control_events.ROUTES]), bodies)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=st.lists(requests, min_size=10, max_size=20))
async def test_no_input_brings_the_control_interface_down(socket_enabled, caplog, sent):
    async with RingCloud() as cloud, aiohttp.ClientSession() as session:
        account, app = cloud.add_account(devices=2, plan=True), cloud.add_app("x")
        parts = {"account_id": account.id, "device_id": account.devices[0].id, "fault_id": "1", "prank_id": "1"}
        parts["subscription_id"] = account.subscriptions[0].id
        for (method, path, _), body in sent:
            data = json.dumps({"client_id": app.client_id, **body} if "accounts/" in path else body)
            async with session.request(method, cloud.url + path.format_map(parts), data=data) as response:
                assert response.status in (200, 400, 404, 409)
                assert isinstance(await response.json(), dict)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_the_page_is_served_with_its_parts_and_nothing_else(partner):
    for name, content_type in (("", "text/html"), ("page/style.css", "text/css"), ("page/app.js", "text/javascript")):
        answer = await partner.ask("GET", f"/{name}")
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
        assert answer.headers["Content-Type"].startswith(content_type)
    for name in ("page/nothing.js", "page/..%2Fserver.py", "page/%2e%2e/server.py", "server.py"):
        assert (await partner.ask("GET", f"/{name}")).status == 404


async def test_nothing_secret_is_logged(cloud, partner, account, app, token, caplog):
    caplog.set_level(logging.DEBUG)
    await cloud.enable_app(account, app)
    fresh = (await partner.exchange(partner.codes[-1])).json
    nonce = URL(cloud.confirm(account, app)).query["nonce"]
    await partner.call(fresh, INTEGRATIONS, "POST", json={"nonce": nonce})
    await partner.call(fresh, INTEGRATIONS, "PATCH", json={"status": "completed"})
    cloud.faults.add(cut="after")
    with contextlib.suppress(aiohttp.ClientError):
        await partner.refresh(fresh)

    assert not [secret for secret in cloud.secrets() if secret in caplog.text]


def test_the_cloud_shares_no_code_with_what_it_tests():
    room = Path(__file__).parents[2] / "ring_cloud"
    texts = [file.read_text() for file in room.glob("*.py")]

    assert len(texts) > 10
    assert not [text for text in texts if "custom_components" in text or "import homeassistant" in text]
