"""Media over the control interface, and the past: a week of recordings before anybody was looking."""

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from ring_cloud import InputError, RingCloud, read_time
from ring_cloud.media_control import ROUTES

from .cameras import Camera, error
from .conftest import CLIENT_ID
from .test_history import events, pages, path_of

WEEK = 7 * 86_400


@pytest.fixture
def bell(account):
    return account.device("Front Door")


@pytest.fixture
def camera(partner, token, bell) -> Camera:
    return Camera(partner, token, bell.id)


async def test_a_week_of_the_past_can_be_written(cloud, partner, account, bell, token, camera, clock, webhook_url):
    now = clock.time()
    past = [
        {"type": "motion_detected", "sub_type": "human", "seconds_ago": WEEK},
        {"type": "button_press", "at": now - 3600, "duration": 12.5},
        {"type": "on_demand", "seconds_ago": 86_400},
    ]
    answer = await partner.control("POST", f"/devices/{bell.id}/past", {"events": past})
    assert (answer.status, answer.json) == (200, {"events": 3})
    assert await events(partner, token, bell) == [], "the user had not consented"

    consented = await partner.control(
        "POST", f"/accounts/{account.id}/consent", {"client_id": CLIENT_ID, "seconds_ago": WEEK + 60}
    )

    assert consented.json == {"consented_at": now - WEEK - 60}
    assert await events(partner, token, bell) == ["ding", "on_demand", "motion"]
    rows = cloud.history.rows(bell.id)
    assert [row.sub_type for row in rows] == [None, None, "human"]
    assert rows[0].end_ms - rows[0].start_ms == 12_500
    for row in rows:
        assert read_time((await camera.picture(row.start_ms)).body) == row.start_ms
    assert await partner.told() == [], "nobody is told of the past"


async def test_the_past_finds_its_place_among_what_is_known(cloud: RingCloud, partner, bell, token, clock):
    cloud.backdate_consent(*cloud.find_device(bell.id)[:1], cloud.apps[CLIENT_ID], WEEK)
    cloud.happen(bell, "button_press")
    clock.advance(100)
    cloud.happen(bell, "button_press")
    same = [cloud.remember(bell, "motion_detected", at=clock.time() - 50) for _ in range(3)]
    cloud.switches.history_page_size = 2

    read = await pages(partner, token, path_of(bell))

    types = [row["attributes"]["event_type"] for page in read for row in page["data"]]
    assert types == ["ding", "motion", "motion", "motion", "ding"]
    assert len({row.start_ms for row in same}) == 3, "or a page would swallow one"


async def test_a_full_history_drops_its_oldest(cloud, bell, clock, monkeypatch):
    monkeypatch.setattr("ring_cloud.history._KEPT", 3)
    for ago in (50, 40, 30, 20, 60):
        cloud.remember(bell, "button_press", at=clock.time() - ago)

    starts = [row.start_ms / 1000 - clock.time() for row in cloud.history.rows(bell.id)]
    assert starts == [-20, -30, -60], "what is put in is kept"


@pytest.mark.parametrize(
    ("event_type", "name", "seconds"),
    [("motion_detected", "Back Door", -1), ("device_online", "Front Door", -1), ("button_press", "Front Door", 0)],
)
def test_only_what_the_history_knows_has_a_past(cloud, account, clock, event_type, name, seconds):
    with pytest.raises(InputError):
        cloud.remember(account.device(name), event_type, at=clock.time() + seconds)


@pytest.mark.parametrize(
    ("events_of_the_past", "words"),
    [
        ("x", "events must be a list"),
        ([1], "events must be a list"),
        ([{"type": "button_press"}], "either at or seconds_ago"),
        ([{"type": "button_press", "at": 1, "seconds_ago": 1}], "either at or seconds_ago"),
        ([{"type": "button_press", "seconds_ago": 1, "duration": 901}], "duration must be"),
        ([{"type": "button_press", "seconds_ago": 1, "kind": 1}], "unknown field: kind"),
        ([{"type": "button_press", "seconds_ago": 1}, {"type": "flood_detected", "seconds_ago": 1}], "the history has"),
        ([{"type": "button_press", "seconds_ago": 1}, {"type": "button_press", "seconds_ago": 0}], "before now"),
    ],
)
async def test_a_wrong_past_is_refused_as_a_whole(cloud, partner, bell, events_of_the_past, words):
    answer = await partner.control("POST", f"/devices/{bell.id}/past", {"events": events_of_the_past})

    assert answer.status == 400
    assert words in answer.json["error"]
    assert cloud.history.rows(bell.id) == []


async def test_the_consent_cannot_be_moved_where_there_is_none(cloud, partner, account, app):
    body = {"client_id": CLIENT_ID, "seconds_ago": 60}

    assert (await partner.control("POST", f"/accounts/{account.id}/consent", body)).status == 409
    token = cloud.link_directly(account, app)
    await partner.control("POST", f"/accounts/{account.id}/consent", body)
    later = await partner.control("POST", f"/accounts/{account.id}/consent", body | {"seconds_ago": 1})
    assert later.json == {"consented_at": cloud.clock.time() - 60}, "it only moves into the past"
    assert token


async def test_what_is_wrong_with_files_can_be_set(cloud, partner, camera, bell, clock):
    path = f"/devices/{bell.id}/media"
    clock.advance(60)
    stored = (await partner.control("POST", path, {"snapshot": True, "unreadable": 1})).json["snapshot"]

    assert error(await camera.picture(stored)) == (422, "GRECO_NO_VALID_KEY")
    await partner.control("POST", path, {"take": True})
    assert (await camera.picture(stored)).body[:2] != b"\xff\xd8"
    await partner.control("POST", path, {"take": False})
    assert (await camera.picture(stored)).body[:2] == b"\xff\xd8"
    await partner.control("POST", path, {"unreadable": None})
    assert error(await camera.picture(stored)) == (422, "CORRUPT_RECORDING")


async def test_an_event_can_be_left_unrecorded(cloud, partner, camera, bell, token, clock):
    await partner.control("POST", f"/devices/{bell.id}/media", {"unrecorded": 1})
    moments = []
    for _ in range(2):
        clock.advance(60)
        moments.append(cloud.happen(bell, "button_press").timestamp_ms)
    clock.advance(60)

    assert await events(partner, token, bell) == ["ding", "ding"], "it has happened all the same"
    assert error(await camera.picture(moments[0])) == (416, "MEDIA_NOT_FOUND")
    assert error(await camera.clip(moments[0], 1000)) == (416, "MEDIA_NOT_FOUND")
    assert [(await camera.picture(moments[1])).status, (await camera.clip(moments[1], 1000)).status] == [200, 206]


async def test_nothing_more_can_be_recorded(cloud, partner, camera, bell, clock):
    await partner.control("POST", f"/devices/{bell.id}/media", {"unrecorded": None})
    for _ in range(2):
        clock.advance(60)
        assert error(await camera.picture(cloud.happen(bell, "button_press").timestamp_ms))[0] == 416
    await partner.control("POST", f"/devices/{bell.id}/media", {"unrecorded": 0})
    clock.advance(60)
    assert (await camera.picture(cloud.happen(bell, "button_press").timestamp_ms)).status == 200


async def test_the_state_says_where_the_media_are_and_tells_no_token(cloud, partner, camera, bell, clock):
    clock.advance(60)
    await camera.link(cloud.happen(bell, "button_press").timestamp_ms)

    answer = await partner.ask("GET", "/control/state")

    assert answer.json["media_url"] == cloud.media_url
    assert not [secret for secret in cloud.secrets() if secret in answer.body.decode()]


@pytest.mark.parametrize(
    "changes",
    [
        {"clip_answer": "moved"},
        {"recording_ready_after": 0},
        {"recording_ready_requests": 3},
        {"recording_early_answer": "no_key"},
        {"history_lag": 5},
        {"webhook_lag": 5},
        {"planless_history": "forbidden"},
        {"media_link_lifetime": 86_400},
        {"media_bytes_per_second": 1_000_000},
        {"clip_padding": 0},
    ],
)
async def test_switches_of_media(partner, changes):
    answer = await partner.control("POST", "/switches", changes)

    assert (answer.status, answer.json | changes) == (200, answer.json)
    assert (await partner.control("POST", "/switches", dict.fromkeys(changes, -1))).status == 400


_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_KEYS = st.sampled_from(
    ["events", "take", "unreadable", "unrecorded", "snapshot", "percentage", "client_id", "seconds_ago"]
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.dictionaries(_KEYS, _JUNK, max_size=4))
async def test_nonsense_is_refused_in_words(partner, account, body):
    for method, path, _ in ROUTES:
        filled = path.format(account_id=account.id, device_id=account.devices[0].id).removeprefix("/control")
        answer = await partner.control(method, filled, body)
        assert answer.status in (200, 400, 404, 409)
        assert answer.status == 200 or answer.json["error"]
