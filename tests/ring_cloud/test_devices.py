"""The device documents: families, nulls, sentinels, joins, components, consent and permissions."""

import pytest
from yarl import URL

from ring_cloud import FAMILIES, InputError

from .conftest import EVERYTHING, INTEGRATIONS


async def everything(partner, token) -> dict[str, dict]:
    """Each device by name, with the attributes of its parts, joined as a client must."""
    document = (await partner.call(token, EVERYTHING)).json
    included = {(item["type"], item["id"]): item["attributes"] for item in document["included"]}
    assert len(included) == len(document["included"]), "a resource stands in a document once"
    return {
        device["attributes"]["name"]: {
            name: included[related["data"]["type"], related["data"]["id"]]
            for name, related in device["relationships"].items()
        }
        for device in document["data"]
    }


async def test_the_default_household_has_every_family(cloud, partner, account, token):
    assert [device.family.key for device in account.devices] == list(FAMILIES)
    assert await partner.names(token) == [family.default_name for family in FAMILIES.values()]


async def test_families_repeat_for_more_devices(cloud):
    account = cloud.add_account(devices=2 * len(FAMILIES))

    assert account.devices[len(FAMILIES)].name == "Front Door 2"
    assert len({device.name for device in account.devices}) == 2 * len(FAMILIES)


async def test_the_answers_look_like_rings(partner, token):
    answer = await partner.call(token, "/v1/devices")

    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Server"] == "envoy"
    assert answer.headers["x-request-id"]
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert answer.json["meta"] == {"time": "2026-09-21T14:13:20Z"}
    assert "included" not in answer.json
    front = answer.json["data"][0]
    assert front["attributes"]["image_url"].endswith("/DoorbellPro/rvdp_3x.png")
    for name, related in front["relationships"].items():
        assert related["links"]["related"] == f"/v1/devices/{front['id']}/{name}"


async def test_ids_cannot_be_derived_from_each_other(partner, token):
    document = (await partner.call(token, EVERYTHING)).json

    ids = [item["id"].rsplit(".", 1)[-1] for item in (*document["data"], *document["included"])]

    assert len(set(ids)) == len(ids)
    assert {len(identifier) for identifier in ids} == {80}


@pytest.mark.parametrize(
    ("include", "types"),
    [
        ("status", {"device-status"}),
        ("status,location", {"device-status", "locations"}),
        ("capabilities, configurations", {"device-capabilities", "device-configurations"}),
        ("nonsense,status", {"device-status"}),
    ],
)
async def test_only_what_is_asked_for_is_included(partner, token, account, include, types):
    for path in ("/v1/devices", f"/v1/devices/{account.devices[0].id}"):
        document = (await partner.call(token, str(URL(path).with_query(include=include)))).json
        assert {item["type"] for item in document["included"]} == types


async def test_a_sub_resource_says_the_same_as_what_is_included(partner, token, account):
    parts = (await everything(partner, token))["Basement"]
    device = account.device("Basement")

    for kind in ("status", "capabilities", "configurations", "location"):
        alone = await partner.call(token, f"/v1/devices/{device.id}/{kind}")
        assert alone.json["data"]["attributes"] == parts[kind]
        assert alone.json["meta"]["time"]


async def test_what_a_device_cannot_do_is_null(partner, token):
    devices = await everything(partner, token)

    front = devices["Front Door"]
    assert front["capabilities"]["contact_detection"] is None
    assert front["capabilities"]["audio"] == {"customizable_slots": None, "supported_actions": None}
    assert "battery_status" not in front["status"]
    assert front["configurations"]["e2e_encryption"] == {"enabled": False}
    assert front["configurations"]["motion_detection"]["enabled"] == "on"
    assert devices["Hallway Chime"]["capabilities"]["audio"]["supported_actions"] == ["chime.play"]


_NO_VIDEO = dict.fromkeys(("configurations", "codecs", "ratio", "max_resolution", "supported_resolutions"))


@pytest.mark.parametrize(
    ("absent", "of_chime", "of_camera"),
    [
        ("blocks", _NO_VIDEO, None),
        ("all_blocks", _NO_VIDEO, {"configurations": None}),
        ("null", None, None),
        ("missing", "missing", "missing"),
    ],
)
async def test_an_absent_capability_is_written_as_switched_and_as_a_block_of_nulls_by_default(
    cloud, partner, token, absent, of_chime, of_camera
):
    assert cloud.switches.absent_capabilities == "blocks"
    await partner.control("POST", "/switches", {"absent_capabilities": absent})

    devices = await everything(partner, token)

    assert devices["Hallway Chime"]["capabilities"].get("video", "missing") == of_chime
    assert devices["Basement"]["capabilities"].get("video", "missing") == of_chime
    assert devices["Front Door"]["capabilities"].get("contact_detection", "missing") == of_camera
    assert devices["Hallway Chime"]["capabilities"]["audio"]["supported_actions"] == ["chime.play"]
    assert devices["Basement"]["capabilities"]["flood_detection"] == {"configurations": []}


async def test_the_traps_are_all_there(partner, token, account):
    devices = await everything(partner, token)

    assert devices["Boiler Room"]["status"]["battery_status"] == {"percentage": 255}
    assert devices["Boiler Room"]["capabilities"]["battery_status"] == {"supported": True}
    assert devices["Patio Window"]["capabilities"].keys() == {
        "glass_break_detection",
        "tamper_detection",
        "battery_status",
    }, "what it cannot do is missing"
    never = devices["Attic Window"]["status"]
    assert never["reported_at"] == "1970-01-01T00:00:00Z"
    assert never["sensor_reporting_state"] == {"value": "active"}
    assert not never.keys() & {"battery_status", "signal_strength"}
    assert account.device("Garden").family.image_url is None
    future = devices["Shed"]
    assert future["capabilities"]["scent_detection"]["levels"] == [1, 2, 3]
    assert future["capabilities"]["video"] == "unsupported"
    assert future["status"]["temperature"] == "mild"


async def test_a_sensor_that_reports_for_the_first_time_has_a_battery(partner, token, account):
    account.device("Attic Window").set(contact=True)

    status = (await everything(partner, token))["Attic Window"]["status"]

    assert status["contact_detection"] == {"faulted": True}
    assert status["battery_status"] == {"percentage": 90}
    assert status["reported_at"] == "2026-09-21T14:13:20Z"


CHANGES = [
    ("Back Door", {"contact": True}, "status", ("contact_detection", "faulted"), True),
    ("Back Door", {"tamper": True}, "status", ("tamper_detection", "detected"), True),
    ("Back Door", {"battery": 12}, "status", ("battery_status", "percentage"), 12),
    ("Back Door", {"signal_strength": "poor"}, "status", ("signal_strength", "value"), "poor"),
    ("Basement", {"flood": True}, "status", ("flood_detection", "faulted"), True),
    ("Basement", {"freeze": True}, "status", ("freeze_detection", "faulted"), True),
    ("Nursery", {"temperature": -3.5}, "status", ("temperature", "value"), -3.5),
    ("Nursery", {"humidity": 77}, "status", ("humidity", "value"), 77),
    ("Living Room", {"pm25": 250}, "status", ("pm25", "value"), 250),
    ("Living Room", {"co_concentration": 40}, "status", ("co_concentration", "value"), 40),
    ("Kitchen Listener", {"smoke": True}, "status", ("smoke_detection", "detected"), True),
    ("Kitchen Listener", {"co": True}, "status", ("co_detection_listener", "detected"), True),
    ("Patio Window", {"glass_break": True}, "status", ("glass_break_detection", "detected"), True),
    ("Driveway", {"motion_detection": False}, "configurations", ("motion_detection", "enabled"), "off"),
    ("Driveway", {"hdr": False}, "configurations", ("image_enhancements", "hdr"), "off"),
    ("Driveway", {"volume": 3}, "configurations", ("audio", "volume"), 3),
]


@pytest.mark.parametrize(("name", "change", "kind", "place", "value"), CHANGES)
async def test_a_change_shows_in_the_document(partner, token, account, name, change, kind, place, value):
    account.device(name).set(**change)

    block, member = place
    assert (await everything(partner, token))[name][kind][block][member] == value


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("Nursery", {"contact": True}),
        ("Back Door", {"contact": "yes"}),
        ("Back Door", {"contact": 1}),
        ("Back Door", {"battery": 256}),
        ("Back Door", {"battery": float("nan")}),
        ("Back Door", {"battery": True}),
        ("Back Door", {"battery": 10**400}),
        ("Back Door", {"signal_strength": "superb"}),
        ("Back Door", {"e2ee": True}),
        ("Back Door", {"name": " "}),
        ("Back Door", {"colour": "red"}),
        ("Back Door", {"online": None}),
        ("Back Door", {"id": "mine"}),
    ],
)
async def test_a_device_takes_no_nonsense_and_nothing_by_halves(account, name, change):
    device = account.device(name)
    before = (device.name, device.online, dict(device.values))

    with pytest.raises(InputError):
        device.set(**{"online": False, "tamper": True} | change)

    assert (device.name, device.online, device.values) == before


async def test_the_heartbeat_moves_and_stops_when_the_device_goes_offline(partner, token, account, clock):
    async def reported(name: str) -> str:
        return (await everything(partner, token))[name]["status"]["reported_at"]

    clock.advance(90)
    assert await reported("Driveway") == "2026-09-21T14:14:20Z"
    account.device("Driveway").set(online=False)
    clock.advance(3600)
    assert await reported("Driveway") == "2026-09-21T14:14:20Z"
    assert (await everything(partner, token))["Driveway"]["status"]["online"] is False
    account.device("Driveway").set(online=True)
    assert await reported("Driveway") == "2026-09-21T15:14:20Z"


async def test_a_device_encrypted_end_to_end_stays_listed_and_says_so(partner, token, account):
    account.device("Driveway").set(e2ee=True)

    driveway = (await everything(partner, token))["Driveway"]

    assert driveway["configurations"]["e2e_encryption"] == {"enabled": True}


async def test_a_device_encrypted_end_to_end_vanishes_and_returns_by_switch(cloud, partner, token, account):
    cloud.switches.e2ee_devices = "hidden"
    device = account.device("Driveway")
    device.set(e2ee=True)

    assert "Driveway" not in await partner.names(token)
    assert (await partner.call(token, f"/v1/devices/{device.id}/status")).status == 404

    device.set(e2ee=False)
    assert "Driveway" in await partner.names(token)


async def test_a_removed_device_is_gone_from_every_route(cloud, partner, token, account):
    device = account.device("Driveway")
    cloud.remove_device(device)

    assert "Driveway" not in await partner.names(token)
    for tail in ("", "/status", "/capabilities", "/configurations", "/location"):
        answer = await partner.call(token, f"/v1/devices/{device.id}{tail}")
        assert (answer.status, answer.title) == (404, "Not Found")


async def test_a_new_device_is_shared_with_the_apps_of_the_account(cloud, partner, token, account):
    cloud.add_device(account, "camera", "Pool")

    assert (await partner.names(token))[-1] == "Pool"


async def test_the_lenses_of_a_multi_camera_are_asked_for_one_by_one(partner, token, account):
    device = account.device("Garage")
    path = f"/v1/devices/{device.id}"

    async def attributes(tail: str) -> dict:
        return (await partner.call(token, path + tail)).json["data"]["attributes"]

    whole = await attributes("/capabilities")
    assert whole["video"] is None
    assert [item["component_id"] for item in whole["components"]["items"]] == ["1", "2"]
    assert (await attributes("/capabilities?component_id=1"))["video"]["max_resolution"] == 2160
    assert (await attributes("/capabilities?component_id=2"))["video"]["max_resolution"] == 1080
    assert (await attributes("/configurations?component_id=2"))["motion_detection"]["enabled"] == "off"
    assert (await partner.call(token, path + "/capabilities?component_id=3")).status == 404
    driveway = account.device("Driveway")
    assert (await partner.call(token, f"/v1/devices/{driveway.id}/capabilities?component_id=1")).status == 404


async def test_an_app_sees_only_the_kinds_it_asked_for(cloud, partner, account, app, token):
    cloud.add_app(app.client_id, permissions=["sensors"])

    names = await partner.names(token)
    assert "Basement" in names
    assert not {"Front Door", "Hallway Chime"} & set(names)
    answer = await partner.call(token, f"/v1/devices/{account.device('Front Door').id}/status")
    assert (answer.status, answer.title) == (403, "Out of Scope Access")

    cloud.add_app(app.client_id, permissions=[])
    answer = await partner.call(token, "/v1/devices")
    assert (answer.status, answer.title) == (403, "Out of Scope Access")
    assert (await partner.call(token, "/v1/users/me")).status == 200


async def test_locations_are_told_although_undocumented(partner, token):
    answer = await partner.call(token, "/v1/locations")

    assert [item["attributes"] for item in answer.json["data"]] == [{"state": "CA", "country": "US"}]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/chimes", 404),
        ("GET", "/v1/devices/x/snapshot", 404),
        ("POST", "/v1/devices", 404),
        ("OPTIONS", "/v1/devices", 404),
        ("GET", "/v1/devices/x/events", 403),
        ("GET", "/v1/nowhere/%FF/%00", 404),
        ("GET", "/oauth/token", 404),
        ("GET", "/oauth/revoke", 404),
    ],
)
async def test_a_route_that_does_not_exist_is_answered_with_nothing(partner, method, path, status):
    answer = await partner.ask(method, path)

    assert (answer.status, answer.body) == (status, b"")


async def test_subscriptions_come_in_pages_of_twenty_five(partner, token, account):
    account.add_subscription()
    for _ in range(59):
        account.add_subscription("trial")
    pages, path = [], "/v1/accounts/me/subscriptions"

    while path:
        document = (await partner.call(token, path)).json
        pages.append(document["data"])
        path = document.get("links", {}).get("next")

    assert [len(page) for page in pages] == [25, 25, 10]
    assert len({item["id"] for page in pages for item in page}) == 60
    assert pages[0][0]["attributes"]["sub_type"] == "paid"
    assert pages[2][0]["attributes"]["plan_id"] is None


async def test_a_subscription_ends(partner, token, account, cloud, clock, app):
    account.add_subscription()
    cloud.grants.access_lifetime = 90 * 86400
    token = cloud.link_directly(account, app)
    clock.advance(31 * 86400)

    answer = await partner.call(token, "/v1/accounts/me/subscriptions")

    assert answer.json["data"][0]["attributes"]["status"] == "inactive"


@pytest.mark.parametrize("path", ["/v1/accounts/me/subscriptions?page[cursor]=bogus", "/v1/accounts/you/subscriptions"])
async def test_a_wrong_question_about_subscriptions_is_refused(partner, token, path):
    answer = await partner.call(token, path)

    assert (answer.status, answer.title) == (400, "Bad Request")


async def test_a_second_holds_a_hundred_requests_per_client(cloud, partner, account, token, app, clock):
    other = cloud.add_app("fake-client-2", client_secret="fake-client-secret-2")
    unhurried = cloud.link_directly(account, other)
    first = await partner.call(token, "/v1/users/me")
    assert (first.headers["X-RateLimit-Limit"], first.headers["X-RateLimit-Remaining"]) == ("100", "99")
    for _ in range(99):
        last = await partner.call(token, "/v1/users/me")
    assert (last.status, last.headers["X-RateLimit-Remaining"]) == (200, "0")

    refused = await partner.call(token, "/v1/users/me")
    assert (refused.status, refused.title) == (429, "Rate Limit Exceeded")
    assert refused.headers["Retry-After"] == "1"
    assert (await partner.call(unhurried, "/v1/users/me")).status == 200
    assert "X-RateLimit-Limit" in (await partner.call("unknown", "/v1/users/me")).headers

    clock.advance(1)
    assert (await partner.call(token, "/v1/users/me")).status == 200


async def test_a_head_request_is_not_a_route(partner, token):
    assert (await partner.call(token, INTEGRATIONS, "HEAD")).status == 404
