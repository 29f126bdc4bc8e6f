"""What the history tells, in which pages, and what it keeps to itself."""

from collections.abc import Mapping

import pytest
from yarl import URL

from ring_cloud import Account, App, RingCloud
from ring_cloud.history import Query

from .cameras import Camera
from .conftest import CLIENT_ID, Partner


def path_of(device, **query: str) -> str:
    return str(URL(f"/v1/history/devices/{device.id}/events").with_query(query))


async def events(partner: Partner, token: Mapping | str, device, **query: str) -> list[str]:
    answer = await partner.call(token, path_of(device, **query))
    assert answer.status == 200
    return [row["attributes"]["event_type"] for row in answer.json["data"]]


async def pages(partner: Partner, token: Mapping, path: str, limit: int = 5) -> list[dict]:
    read = []
    while path and len(read) < limit:
        read.append((await partner.call(token, path)).json)
        path = read[-1].get("links", {}).get("next")
    return read


def starts(page: dict) -> list[int]:
    return [row["attributes"]["start"] for row in page["data"]]


@pytest.fixture
def bell(account):
    return account.device("Front Door")


async def test_a_row_has_the_recorded_shape(cloud, partner, bell, clock, token):
    event = cloud.happen(bell, "button_press")
    clock.advance(60)

    answer = (await partner.call(token, path_of(bell))).json
    (row,) = answer.pop("data")
    assert answer == {}
    assert row.pop("id").startswith("ava1.ring.history.event.")
    assert row == {
        "type": "history-events",
        "attributes": {
            "event_type": "ding",
            "is_third_party_reviewed": False,
            "start": event.timestamp_ms,
            "end": event.timestamp_ms + 30_000,
        },
        "relationships": {
            "source": {"data": {"type": "devices", "id": bell.id}},
            "cv_detections": {"data": []},
        },
        "meta": {"riid": None},
    }


async def test_the_newest_comes_first_and_a_live_view_is_a_row_without_a_webhook(
    cloud, partner, bell, token, webhook_url
):
    cloud.happen(bell, "button_press")
    cloud.happen(bell, "motion_detected", sub_type="human")
    cloud.view_live(bell)

    assert await events(partner, token, bell) == ["on_demand", "motion", "ding"]
    assert sorted(await partner.told()) == ["button_press", "motion_detected"]


async def test_an_empty_history_has_no_links(cloud, partner, bell, token):
    for next_link in ("keeps", "drops", "trailing"):
        cloud.switches.history_next = next_link
        assert (await partner.call(token, path_of(bell))).json == {"data": []}


async def test_sensors_are_not_in_the_history(cloud, partner, account, token):
    door = account.device("Back Door")
    door.set(contact=True)
    cloud.happen(door, "motion_detected")
    account.device("Front Door").set(online=False)

    assert await events(partner, token, door) == []
    assert await events(partner, token, account.device("Front Door")) == []


async def test_a_dropped_webhook_is_in_the_history(cloud, partner, bell, token, webhook_url):
    cloud.deliveries.mischief("drop")
    cloud.happen(bell, "button_press")

    assert await partner.told() == []
    assert await events(partner, token, bell) == ["ding"]


async def test_what_was_before_the_consent_is_not_told(cloud, partner, account, app, bell, clock):
    cloud.happen(bell, "button_press")
    clock.advance(1)
    token = cloud.link_directly(account, app)
    assert await events(partner, token, bell) == []

    cloud.happen(bell, "motion_detected")
    assert await events(partner, token, bell) == ["motion"]


@pytest.mark.parametrize("permissions", [["sensors"], ["chimes"]])
async def test_the_history_needs_the_permission_for_the_device(cloud, partner, app, bell, token, permissions):
    cloud.add_app(app.client_id, permissions=permissions)

    assert (await partner.call(token, path_of(bell))).status == 403


async def test_devices_that_are_unknown_removed_or_encrypted_are_not_found(cloud, partner, account, bell, token):
    cloud.switches.e2ee_devices = "hidden"
    camera = account.device("Driveway")
    cloud.remove_device(camera)
    bell.set(e2ee=True)

    for path in (path_of(camera), path_of(bell), "/v1/history/devices/unknown/events"):
        assert (await partner.call(token, path)).status == 404
    assert (await partner.call("unknown", path_of(bell))).status == 401


async def test_nothing_is_recorded_of_a_hidden_device(cloud, partner, bell, token):
    cloud.switches.e2ee_devices = "hidden"
    bell.set(e2ee=True)
    cloud.happen(bell, "button_press")
    bell.set(e2ee=False)

    assert await events(partner, token, bell) == []


async def test_times_can_be_texts_as_in_the_documentation(cloud, partner, bell, clock, token):
    cloud.switches.history_times_as_text = True
    event = cloud.happen(bell, "button_press")
    clock.advance(60)

    (row,) = (await partner.call(token, path_of(bell))).json["data"]
    assert (row["attributes"]["start"], row["attributes"]["end"]) == (
        str(event.timestamp_ms),
        str(event.timestamp_ms + 30_000),
    )


# When it is told


async def test_what_goes_on_has_no_end_in_the_future(cloud, partner, bell, clock, token):
    event = cloud.happen(bell, "button_press")
    lengths = []
    for _ in range(5):
        (row,) = (await partner.call(token, path_of(bell))).json["data"]
        lengths.append(row["attributes"]["end"] - event.timestamp_ms)
        clock.advance(10)

    assert lengths == [0, 10_000, 20_000, 30_000, 30_000]


async def test_a_row_can_come_later_than_what_it_tells_of(cloud, partner, bell, clock, token):
    cloud.switches.history_lag = 4
    cloud.happen(bell, "button_press")
    clock.advance(3)
    cloud.happen(bell, "motion_detected")
    assert (await partner.call(token, path_of(bell))).json == {"data": []}

    clock.advance(1)
    assert await events(partner, token, bell) == ["ding"]
    clock.advance(3)
    assert await events(partner, token, bell) == ["motion", "ding"]


# Whose media were fetched


async def reviewed(partner: Partner, token: Mapping, device) -> list[bool]:
    rows = (await partner.call(token, path_of(device))).json["data"]
    return [row["attributes"]["is_third_party_reviewed"] for row in rows]


@pytest.mark.parametrize("clip_answer", ["see_other", "direct"])
async def test_an_event_is_reviewed_once_its_media_were_fetched(cloud, partner, bell, clock, token, clip_answer):
    cloud.switches.clip_answer = clip_answer
    camera = Camera(partner, token, bell.id)
    moments = []
    for _ in range(3):
        clock.advance(60)
        moments.append(cloud.happen(bell, "button_press").timestamp_ms)
    clock.advance(60)

    link = await camera.link(moments[0])
    assert await reviewed(partner, token, bell) == [False, False, False], "it was only asked for"
    await camera.get(link)
    assert await reviewed(partner, token, bell) == [False, False, True]
    clip = await camera.ask("video", {"timestamp": moments[1], "duration": 1000})
    if clip_answer == "see_other":
        await camera.get(clip.headers["Location"])
    assert await reviewed(partner, token, bell) == [False, True, True]


async def test_what_one_app_has_reviewed_another_has_not(cloud, partner, account, bell, clock, token):
    other = cloud.link_directly(account, cloud.add_app("fake-client-2"))
    clock.advance(60)
    moment_ms = cloud.happen(bell, "button_press").timestamp_ms
    assert (await Camera(partner, other, bell.id).picture(moment_ms)).status == 200

    seen = {}
    for client_id in (CLIENT_ID, "fake-client-2"):
        query = Query(path=path_of(bell), event_types=None, key=None, client_id=client_id)
        (row,) = cloud.history.page(bell.id, query)["data"]
        seen[client_id] = row["attributes"]["is_third_party_reviewed"]
    assert seen == {CLIENT_ID: False, "fake-client-2": True}


# Without Ring's plan


async def test_without_a_plan_nothing_is_told_or_kept(cloud, partner, bell, clock, token):
    cloud.happen(bell, "button_press")
    clock.advance(60)
    cloud.switches.ring_plan = False
    cloud.happen(bell, "motion_detected")
    assert (await partner.call(token, path_of(bell))).json == {"data": []}
    cloud.switches.planless_history = "forbidden"
    answer = await partner.call(token, path_of(bell))
    assert (answer.status, answer.title) == (403, "Out of Scope Access")

    cloud.switches.ring_plan = True
    assert await events(partner, token, bell) == ["ding"]


# Filters


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("ding", ["ding"]),
        ("motion", ["motion", "motion"]),
        ("motion.human", ["motion"]),
        ("motion.human,ding", ["motion", "ding"]),
        ("motion.animal", []),
        ("", ["on_demand", "motion", "motion", "ding"]),
    ],
)
async def test_a_filter_is_honoured_only_where_it_is_switched_on(cloud, partner, bell, token, wanted, found):
    cloud.happen(bell, "button_press")
    cloud.happen(bell, "motion_detected", sub_type="human")
    cloud.happen(bell, "motion_detected", sub_type="vehicle")
    cloud.view_live(bell)

    assert len(await events(partner, token, bell, event_types=wanted)) == 4, "as observed"
    cloud.switches.history_filters = True
    assert await events(partner, token, bell, event_types=wanted) == found
    assert len(await events(partner, token, bell, event_type="ding")) == 4, "unknown parameters are ignored"


# Pages


@pytest.fixture
def five_rings(cloud: RingCloud, account: Account, app: App, token: Mapping) -> list[int]:
    """Two to a page; five in all, newest first."""
    cloud.switches.history_page_size = 2
    bell = account.device("Front Door")
    return [cloud.happen(bell, "button_press").timestamp_ms for _ in range(5)][::-1]


async def test_a_page_has_25_rows(cloud, partner, bell, token):
    for _ in range(26):
        cloud.happen(bell, "button_press")

    assert [len(page["data"]) for page in await pages(partner, token, path_of(bell))] == [25, 1]


async def test_pages_follow_each_other_and_the_link_keeps_the_filter(cloud, partner, bell, token, five_rings):
    read = await pages(partner, token, path_of(bell, event_types="ding"))

    assert [starts(page) for page in read] == [five_rings[:2], five_rings[2:4], five_rings[4:]]
    following = URL(read[0]["links"]["next"])
    assert (following.is_absolute(), following.path) == (False, path_of(bell))
    assert following.query["event_types"] == "ding"
    assert following.query["page[key]"].endswith("Z")
    assert "links" not in read[-1]


async def test_a_page_that_came_meanwhile_moves_nothing(cloud, partner, bell, token, five_rings):
    first = (await partner.call(token, path_of(bell))).json
    cloud.happen(bell, "button_press")
    second = (await partner.call(token, first["links"]["next"])).json

    assert starts(first) + starts(second) == five_rings[:4]


async def test_the_link_can_drop_the_filter(cloud, partner, bell, token, five_rings):
    cloud.switches.history_next = "drops"
    cloud.switches.history_filters = True
    read = await pages(partner, token, path_of(bell, event_types="ding"))

    assert len(read) == 3
    assert "event_types" not in URL(read[0]["links"]["next"]).query


async def test_the_link_can_lead_to_an_empty_page_and_in_a_circle(cloud, partner, bell, token, five_rings):
    cloud.switches.history_next = "trailing"
    read = await pages(partner, token, path_of(bell), limit=5)

    assert [len(page["data"]) for page in read] == [2, 2, 1, 0, 0]
    assert read[3]["links"] == read[4]["links"] == read[2]["links"]


async def test_the_cursor_can_repeat_itself(cloud, partner, bell, token, five_rings):
    cloud.switches.history_repeats_cursor = True
    read = await pages(partner, token, path_of(bell), limit=4)

    assert [starts(page) for page in read] == [five_rings[:2], *[five_rings[2:4]] * 3]


@pytest.mark.parametrize("key", ["", "x", "0001-01-01", "9999-12-31T23:59:59-23:59", "٣"])
async def test_a_wrong_cursor_is_refused_or_harmless(partner, bell, token, five_rings, key):
    answer = await partner.call(token, path_of(bell, **{"page[key]": key}))

    assert answer.status in (200, 400)


# The playground


async def test_the_playground_has_an_empty_history_until_something_is_simulated(cloud, partner, account):
    token = cloud.playground_token(account)
    (device,) = (await partner.call(token, "/v1/devices")).json["data"]
    path = f"/v1/history/devices/{device['id']}/events"
    assert (await partner.call(token, path)).json == {"data": []}

    cloud.simulate_playground(token)
    (row,) = (await partner.call(token, path)).json["data"]
    assert (row["attributes"]["event_type"], row["attributes"]["is_third_party_reviewed"]) == ("on_demand", True)
