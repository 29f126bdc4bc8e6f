"""What was recorded of Ring, or claimed of it, in more than one way: each reading can be played over HTTP."""

import asyncio
import json
import math
import re

import pytest
from yarl import URL

from ring_cloud import RingCloud, Switches, read_time, read_times

from .cameras import Camera, error
from .conftest import CLIENT_ID, INTEGRATIONS
from .test_history import pages, path_of
from .test_whep import offer
from .whep_client import browser_offer


@pytest.fixture
def bell(account):
    return account.device("Front Door")


@pytest.fixture
def camera(partner, token, bell) -> Camera:
    return Camera(partner, token, bell.id)


@pytest.fixture
def ring_ms(cloud, bell, clock, token) -> int:
    clock.advance(60)
    event = cloud.happen(bell, "button_press")
    clock.advance(60)
    return event.timestamp_ms


# Clips and pictures


async def test_a_clip_is_shorter_than_asked_by_default_and_says_how_long_it_is(camera, ring_ms):
    answer = await camera.clip(ring_ms, 20_000)

    assert (answer.status, answer.headers["X-Media-Length"]) == (206, "18500")
    assert read_times(answer.body)[-1] < ring_ms + 18_500
    assert (await camera.clip(ring_ms, 1000)).headers["X-Media-Length"] == "750", "a quarter is missing at most"


@pytest.mark.parametrize("what", ["image", "video"])
async def test_a_camera_with_one_lens_may_be_asked_for_its_component_0(partner, camera, bell, token, ring_ms, what):
    body = {"type": "at_timestamp", "timestamp": ring_ms, "duration": 1000}

    answers = [await camera.ask(what, body | {"components": [{"component_id": number}]}) for number in ("0", "1")]

    assert [answer.status for answer in answers] == [303, 400]


async def test_a_live_view_of_one_lens_may_be_asked_for_as_component_0(cloud, partner, bell, token):
    cloud.switches.whep_media = "none"

    assert [(await offer(partner, token, bell, query=f"?component_id={number}")).status for number in "01"] == [
        201,
        404,
    ]


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("video", {"timestamp": 1_790_000_060, "duration": 5000}),
        ("image", {"type": "at_timestamp", "timestamp": 1_790_000_060}),
        ("image", {"type": "latest_in_range", "start_timestamp": 1_790_000_060}),
    ],
)
async def test_seconds_sent_for_milliseconds_are_a_time_before_the_consent(camera, ring_ms, what, body):
    assert error(await camera.ask(what, body)) == (403, "TIME_RANGE_NOT_AUTHORIZED")


@pytest.mark.parametrize(("margin_ms", "early_ms"), [(0, -1), (0, 0), (1000, 999), (1000, 1000)])
async def test_the_consent_is_a_floor_to_the_millisecond(
    cloud, partner, account, app, bell, clock, margin_ms, early_ms
):
    await partner.control("POST", "/switches", {"consent_margin_ms": margin_ms})
    clock.advance(0.25)
    token = cloud.link_directly(account, app)
    consent_ms = int(clock.time() * 1000)
    clock.advance(1)
    cloud.happen(bell, "button_press")
    clock.advance(9)

    answer = await Camera(partner, token, bell.id).ask(
        "image", {"type": "at_timestamp", "timestamp": consent_ms + early_ms}
    )

    assert answer.status == (303 if early_ms >= margin_ms else 403)


async def test_until_a_picture_is_ready_an_older_one_can_come(cloud, camera, bell, clock, token):
    cloud.switches.recording_ready_after, cloud.switches.recording_early_answer = 5, "older"
    clock.advance(60)
    ring_ms = cloud.happen(bell, "button_press").timestamp_ms

    early = await camera.picture(ring_ms)
    clock.advance(5)
    ready = await camera.picture(ring_ms)

    assert (read_time(early.body), early.headers["X-Media-Timestamp"]) == (ring_ms - 5000, str(ring_ms - 5000))
    assert read_time(ready.body) == ring_ms
    assert (await camera.clip(ring_ms, 1000)).status == 425, "of clips there is no older one"


async def test_there_is_no_older_picture_from_before_the_consent(cloud, partner, account, app, bell, clock):
    cloud.switches.recording_ready_after, cloud.switches.recording_early_answer = 5, "older"
    token = cloud.link_directly(account, app)
    clock.advance(1)
    ring_ms = cloud.happen(bell, "button_press").timestamp_ms

    assert error(await Camera(partner, token, bell.id).picture(ring_ms)) == (425, "RECORDING_NOT_READY")


async def test_an_older_snapshot_is_ready_whatever_happened_after_it(cloud, camera, bell, clock, token):
    cloud.switches.recording_ready_after, cloud.switches.recording_early_answer = 5, "older"
    clock.advance(60)
    stored_ms = cloud.media.store_snapshot(bell)

    assert read_time((await camera.picture(stored_ms)).body) == stored_ms


async def test_redirects_lead_to_varying_hosts(cloud, partner, camera, ring_ms):
    links = [URL(await camera.link(ring_ms)) for _ in range(4)]

    assert [str(link.origin()) for link in links] == list(cloud.media_urls) * 2
    assert len(set(cloud.media_urls)) == 2
    assert [(await camera.get(str(link))).status for link in links] == [200] * 4
    await partner.control("POST", "/switches", {"media_regions": 1})
    assert {str(URL(await camera.link(ring_ms)).origin()) for _ in range(3)} == {cloud.media_url}


@pytest.mark.parametrize(("media", "status"), [("bytes", 200), ("no_key", 422)])
async def test_files_of_a_listed_device_that_is_encrypted_end_to_end_cannot_be_read(
    cloud, camera, bell, ring_ms, media, status
):
    cloud.switches.e2ee_media = media
    bell.set(e2ee=True)

    picture = await camera.picture(ring_ms)

    assert picture.status == status
    assert not picture.body.startswith(b"\xff\xd8")


async def test_a_listed_device_that_is_encrypted_end_to_end_still_tells_what_happens(
    cloud, partner, bell, token, webhook_url
):
    bell.set(e2ee=True)
    cloud.happen(bell, "button_press")

    assert await partner.told() == ["button_press"]
    assert len((await pages(partner, token, path_of(bell)))[0]["data"]) == 1


# The history


@pytest.mark.parametrize("early_ms", [0, 1, 12_345, 30_000])
async def test_a_row_can_begin_before_its_webhook(cloud, partner, account, app, bell, clock, webhook_url, early_ms):
    await partner.control("POST", "/switches", {"history_early_ms": early_ms})
    token = cloud.link_directly(account, app)
    clock.advance(60)
    event = cloud.happen(bell, "button_press")
    await cloud.deliveries.settle()

    (page,) = await pages(partner, token, path_of(bell))
    (row,) = page["data"]
    assert row["attributes"]["start"] == event.timestamp_ms - early_ms
    assert partner.webhooks[0].data["attributes"]["timestamp"] == event.timestamp_ms


async def test_a_row_that_begins_early_appears_no_earlier(cloud, partner, bell, clock, token):
    cloud.switches.history_early_ms, cloud.switches.history_lag = 30_000, 3
    clock.advance(60)
    cloud.happen(bell, "button_press")
    clock.advance(2)
    assert (await pages(partner, token, path_of(bell)))[0]["data"] == []

    clock.advance(1)
    assert len((await pages(partner, token, path_of(bell)))[0]["data"]) == 1


async def test_rows_stand_by_their_beginning_and_a_live_view_begins_when_it_does(cloud, bell, clock, token):
    clock.advance(60)
    live = cloud.view_live(bell)
    cloud.switches.history_early_ms = 30_000
    clock.advance(10)
    ring = cloud.happen(bell, "button_press")
    later = cloud.view_live(bell)

    starts = [(row.event_type, row.start_ms) for row in cloud.history.rows(bell.id)]
    assert starts == [
        ("on_demand", later.timestamp_ms),
        ("on_demand", live.timestamp_ms),
        ("ding", ring.timestamp_ms - 30_000),
    ]


async def test_pages_can_be_empty_and_lead_on(cloud, partner, bell, clock, token):
    await partner.control("POST", "/switches", {"history_empty_pages": 2})
    for _ in range(3):
        clock.advance(60)
        cloud.happen(bell, "button_press")

    read = await pages(partner, token, path_of(bell))

    assert [len(page["data"]) for page in read] == [0, 0, 3]
    keys = [URL(page["links"]["next"]).query["page[key]"] for page in read[:2]]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", key) for key in keys), "times, as all of them"


async def test_a_page_can_be_full_and_have_no_link(cloud, partner, bell, clock, token):
    cloud.switches.history_next, cloud.switches.history_page_size = "never", 7
    for _ in range(9):
        clock.advance(60)
        cloud.happen(bell, "button_press")

    read = await pages(partner, token, path_of(bell))

    assert [(len(page["data"]), "links" in page) for page in read] == [(7, False)]


async def test_rows_name_no_lens(cloud, partner, account, token):
    garage = account.device("Garage")
    cloud.happen(garage, "motion_detected", component_ids=("2",))

    assert "component" not in json.dumps(await pages(partner, token, path_of(garage)))


# Webhooks


async def test_a_completed_link_is_told_with_the_client_in_its_id(cloud, partner, account, app, webhook_url):
    token = cloud.link_directly(account, app, completed=False)
    await partner.call(token, INTEGRATIONS, "PATCH", json={"status": "completed"})
    await cloud.deliveries.settle()

    (webhook,) = partner.webhooks
    assert re.fullmatch(rf"{CLIENT_ID}_client_created_17900000000\d{{8}}", webhook.data["id"])
    assert re.fullmatch(r"[\d:T-]+\.\d{9}Z", webhook.meta["time"])


@pytest.mark.parametrize("style", ["recorded", "cut", "uuid"])
async def test_request_ids_of_sensors_are_as_switched(cloud, partner, account, token, webhook_url, style):
    assert cloud.switches.request_ids == "recorded"
    await partner.control("POST", "/switches", {"request_ids": style})
    door = account.device("Back Door")
    for is_open in (True, False):
        door.set(contact=is_open)
    cloud.happen(account.device("Front Door"), "button_press")
    await cloud.deliveries.settle()

    opened, closed, press = [
        next(webhook.meta["request_id"] for webhook in partner.webhooks if webhook.data["type"] == event_type)
        for event_type in ("contact_sensor_faulted", "contact_sensor_cleared", "button_press")
    ]
    assert re.fullmatch(r"[0-9a-f-]{36}", press)
    assert (len(opened), opened == closed) == (36 if style == "uuid" else 64, style == "cut")


@pytest.mark.parametrize(
    ("style", "reading"), [("none", None), ("number", 40.0), ("block", {"value": 40.0, "unit": "ppm"})]
)
async def test_a_threshold_tells_its_reading_as_switched(cloud, partner, account, token, webhook_url, style, reading):
    await partner.control("POST", "/switches", {"threshold_reading": style})
    account.device("Living Room").set(co_concentration=40)
    account.device("Nursery").set(temperature=-3)
    await cloud.deliveries.settle()

    told = {webhook.data["type"]: webhook.data["attributes"] for webhook in partner.webhooks}
    expected = (None, None) if style == "none" else ("max", "min")
    assert told["co_exceeded"].get("co") == reading
    assert tuple(told[name].get("threshold_type") for name in ("co_exceeded", "temperature_exceeded")) == expected


async def test_a_threshold_of_a_device_without_that_reading_tells_one_too(cloud, partner, account, token, webhook_url):
    cloud.switches.threshold_reading = "number"
    cloud.happen(account.device("Kitchen Listener"), "co_exceeded")
    await cloud.deliveries.settle()

    attributes = partner.webhooks[0].data["attributes"]
    assert (attributes["co"], attributes["threshold_type"]) == (36, "max")


@pytest.mark.parametrize(
    ("name", "event_type", "low", "high"),
    [
        ("Front Door", "button_press", 0.33, 0.33),
        ("Driveway", "motion_detected", 2, 5),
        ("Basement", "flood_detected", 2.3, 2.9),
        ("Basement", "device_offline", 0, 0),
    ],
)
async def test_webhooks_lag_as_was_recorded(
    cloud, partner, account, clock, token, webhook_url, name, event_type, low, high
):
    await partner.control("POST", "/switches", {"webhook_lags": "recorded"})
    for _ in range(7):
        cloud.happen(account.device(name), event_type)
    began = clock.time()

    lags = [round(delivery.due_at - began, 3) for delivery in cloud.deliveries]
    assert (min(lags), max(lags)) == (low, high)
    clock.advance(high)
    assert await partner.told() == [event_type] * 7


@pytest.mark.parametrize("order", ["before", "after"])
async def test_devices_are_told_before_the_link_or_a_moment_after_it(
    cloud, partner, account, app, clock, webhook_url, order
):
    await partner.control("POST", "/switches", {"device_added": order})
    await cloud.enable_app(account, app, [account.device("Front Door").id])
    token = (await partner.exchange(partner.codes[-1])).json
    nonce = URL(cloud.confirm(account, app)).query["nonce"]
    await partner.call(token, INTEGRATIONS, "POST", json={"nonce": nonce})
    await partner.call(token, INTEGRATIONS, "PATCH", json={"status": "completed"})

    at_once = await partner.told()
    clock.advance(0.35)
    told = await partner.told()

    if order == "before":
        assert at_once == told == ["device_added", "app_integration_added"]
    else:
        assert (at_once, told) == (["app_integration_added"], ["app_integration_added", "device_added"])
        stamps = [webhook.data["attributes"]["timestamp"] for webhook in partner.webhooks]
        assert stamps[1] - stamps[0] == 350


@pytest.mark.parametrize("sub_type", ["package_delivery", "hot_air_balloon"])
async def test_motions_of_an_open_vocabulary_are_offered_and_told(
    cloud, partner, account, token, webhook_url, sub_type
):
    bell = account.device("Front Door")
    state = (await partner.control("GET", "/state")).json
    shown = next(device for device in state["accounts"][0]["devices"] if device["id"] == bell.id)
    assert sub_type in [action["sub_type"] for action in shown["actions"]]

    await partner.control("POST", f"/devices/{bell.id}/happen", {"type": "motion_detected", "sub_type": sub_type})
    await cloud.deliveries.settle()

    assert partner.webhooks[0].data["attributes"]["sub_type"] == sub_type


# Linking


async def test_signing_in_again_makes_another_linking_url(cloud, partner, account, app):
    await cloud.enable_app(account, app)
    token = (await partner.exchange(partner.codes[-1])).json

    urls = [URL(cloud.confirm(account, app)) for _ in range(3)]

    assert len({url.query["nonce"] for url in urls}) == len({url.query["time"] for url in urls}) == 3
    answers = [
        (await partner.call(token, INTEGRATIONS, "POST", json={"nonce": url.query["nonce"]})).status for url in urls
    ]
    assert answers == [400, 400, 200], "only the newest is good"


async def test_a_code_can_be_posted_twice(cloud, partner, account, app):
    await partner.control("POST", "/switches", {"codes_posted": 2})

    answer = await partner.control("POST", f"/accounts/{account.id}/enable", {"client_id": CLIENT_ID})

    assert (answer.json, len(partner.codes), len(set(partner.codes))) == ({"delivered": True, "status": 200}, 2, 1)


async def test_the_browser_can_be_sent_while_the_code_is_still_being_exchanged(cloud, partner, account, app):
    held = cloud.faults.add("/oauth/token", delay=math.inf)
    await cloud.enable_app(account, app)
    exchange = asyncio.create_task(partner.exchange(partner.codes[-1]))
    await held.reached()

    confirmed = await partner.control("POST", f"/accounts/{account.id}/confirm", {"client_id": CLIENT_ID})

    assert not exchange.done()
    held.release()
    nonce = URL(confirmed.json["location"]).query["nonce"]
    token = (await exchange).json
    assert (await partner.call(token, INTEGRATIONS, "POST", json={"nonce": nonce})).status == 200


async def test_a_private_app_has_no_subscriptions_and_the_playground_refuses(cloud, partner, account, token):
    path = "/v1/accounts/me/subscriptions"

    answer, playground = await partner.call(token, path), await partner.call(cloud.playground_token(account), path)

    assert (answer.status, answer.json["data"], list(answer.json)) == (200, [], ["data", "meta"])
    assert playground.status == 422


async def test_an_account_can_be_elsewhere(cloud, partner, app):
    await partner.control("POST", "/accounts", {"country": "DE", "devices": 1})
    (account,) = cloud.accounts.values()
    token = cloud.link_directly(account, app)

    locations = (await partner.call(token, "/v1/locations")).json["data"]
    location = (await partner.call(token, f"/v1/devices/{account.devices[0].id}/location")).json["data"]

    assert locations == [location]
    assert location["attributes"] == {"country": "DE"}


async def test_two_accounts_can_have_one_device(cloud, partner, account, app, bell, token, webhook_url):
    bob = cloud.add_account("Bob", "Doe", "bob@example.com", devices=0)
    bobs = cloud.link_directly(bob, app)
    shared = await partner.control("POST", f"/accounts/{bob.id}/devices", {"device_id": bell.id})
    again = await partner.control("POST", f"/accounts/{bob.id}/devices", {"device_id": bell.id})
    cloud.happen(bell, "button_press")
    await cloud.deliveries.settle()

    assert (shared.json["id"], again.status) == (bell.id, 409)
    assert await partner.names(bobs) == ["Front Door"]
    presses = [webhook for webhook in partner.webhooks if webhook.data["type"] == "button_press"]
    assert {webhook.meta["account_id"] for webhook in presses} == {account.id, bob.id}
    assert len({webhook.data["id"] for webhook in presses}) == 1
    for bearer in (token, bobs):
        assert len((await pages(partner, bearer, path_of(bell)))[0]["data"]) == 1
    cloud.remove_device(bell)
    assert await partner.names(bobs) == []


# Live views


@pytest.mark.parametrize(("trimmed", "status"), [("refused", 500), ("undecodable", 201), ("taken", 201)])
async def test_an_offer_of_baseline_h264_alone_gets_what_is_switched(cloud, partner, bell, token, trimmed, status):
    cloud.switches.whep_media = "none"
    await partner.control("POST", "/switches", {"whep_trimmed_offers": trimmed})

    answer = await offer(partner, token, bell, browser_offer(profiles=("42001f", "42e01f")))

    assert answer.status == status
    assert [session.encrypted for session in cloud.live.open_sessions] == [trimmed == "undecodable"] * (status == 201)
    assert (await offer(partner, token, bell, browser_offer(profiles=()))).status == 500, "no H264 is never taken"


@pytest.mark.parametrize("media", ["real", "none"])
@pytest.mark.parametrize(("refused", "ports", "group"), [("audio", ["0", "9"], "1"), ("video", ["9", "0"], "0")])
async def test_a_section_can_be_answered_with_port_0(cloud, partner, bell, token, media, refused, ports, group):
    cloud.switches.whep_media = media
    await partner.control("POST", "/switches", {"whep_refused_section": refused})

    lines = (await offer(partner, token, bell)).body.decode().split("\r\n")

    sections = [line.split() for line in lines if line.startswith("m=")]
    assert [words[0] for words in sections] == ["m=audio", "m=video"]
    assert ["0" if words[1] == "0" else "9" for words in sections] == ports
    assert f"a=group:BUNDLE {group}" in lines
    assert [line for line in lines if line.startswith("a=mid:")] == ["a=mid:0", "a=mid:1"]


async def test_an_answer_can_lack_its_msid(cloud, partner, bell, token):
    first = (await offer(partner, token, bell)).body
    await partner.control("POST", "/switches", {"whep_msid": False})
    second = await offer(partner, token, bell)

    assert (b"msid" in first, b"msid" in second.body, second.status) == (True, False, 201)


async def test_sessions_of_several_devices_are_open_at_once(cloud, partner, account, token):
    cloud.switches.whep_media = "none"

    for name in ("Front Door", "Driveway", "Garden"):
        assert (await offer(partner, token, account.device(name))).status == 201

    assert [session.device.name for session in cloud.live.open_sessions] == ["Front Door", "Driveway", "Garden"]


@pytest.mark.parametrize("status", [401, 404])
async def test_an_endpoint_that_was_disabled_hears_nothing_until_it_is_saved_again(
    cloud, partner, account, bell, token, webhook_url, status
):
    partner.answers_webhooks_with = status
    for _ in range(10):
        cloud.happen(bell, "button_press")
        await cloud.deliveries.settle()
    partner.answers_webhooks_with = 200
    cloud.happen(bell, "button_press")
    await cloud.deliveries.settle()
    assert (len(partner.webhooks), cloud.deliveries[-1].state) == (10, "disabled")

    await partner.control("POST", "/apps", {"client_id": CLIENT_ID, "webhook_url": webhook_url})
    cloud.happen(bell, "button_press")
    await cloud.deliveries.settle()
    assert (len(partner.webhooks), cloud.deliveries[-1].state) == (11, "delivered")


def test_the_harsher_reading_is_the_default_where_it_needs_no_time():
    switches = Switches()

    assert (switches.sub_type_place, switches.absent_capabilities, switches.chime_slots) == (
        "attributes",
        "blocks",
        "empty",
    )
    assert switches.clip_shortfall_ms > 0
    assert not switches.whep_bare_offers
    assert RingCloud().add_account().subscriptions == []
