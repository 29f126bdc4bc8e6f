"""Asking for stored pictures and clips: what is refused, and where the rest is to be fetched."""

import pytest
from yarl import URL

from .cameras import Camera, error
from .conftest import CLIENT_ID

DAY_MS = 86_400_000


@pytest.fixture
def bell(account):
    return account.device("Front Door")


@pytest.fixture
def ring_ms(cloud, bell, clock, token) -> int:
    """When somebody rang: a minute after the consent, and a minute ago."""
    clock.advance(60)
    event = cloud.happen(bell, "button_press")
    clock.advance(60)
    return event.timestamp_ms


@pytest.fixture
def camera(partner, token, bell) -> Camera:
    return Camera(partner, token, bell.id)


def at(moment_ms: object, **more: object) -> dict:
    return {"type": "at_timestamp", "timestamp": moment_ms, **more}


async def test_a_picture_is_redirected_to(cloud, camera, ring_ms):
    answer = await camera.ask("image", at(ring_ms))

    url = URL(answer.headers["Location"])
    assert (answer.status, answer.body) == (303, b"")
    assert (str(url.origin()), url.path) == (cloud.media_url, "/v1/download")
    assert cloud.media_url != cloud.url
    assert list(url.query) == ["security_token", "req_type", "req_id", "X-Amz-Expires"]
    assert (url.query["req_type"], url.query["X-Amz-Expires"]) == ("image_download", "300")
    assert answer.headers["X-Request-ID"] == url.query["req_id"]
    assert url.query["security_token"] in cloud.secrets()


@pytest.mark.parametrize(
    ("how", "status", "is_redirect"),
    [
        ("see_other", 303, True),
        ("moved", 301, True),
        ("found", 302, True),
        ("temporary", 307, True),
        ("permanent", 308, True),
        ("direct", 206, False),
    ],
)
async def test_a_clip_is_answered_as_is_set(cloud, camera, ring_ms, how, status, is_redirect):
    cloud.switches.clip_answer = how

    answer = await camera.ask("video", {"timestamp": ring_ms, "duration": 1000})
    picture = await camera.ask("image", at(ring_ms))

    assert (answer.status, "Location" in answer.headers) == (status, is_redirect)
    assert (answer.headers.get("Content-Type") == "video/mp4") is not is_redirect
    assert picture.status == 303, "the switch is for clips"


async def test_a_direct_answer_refuses_at_once(cloud, camera, ring_ms):
    cloud.switches.clip_answer = "direct"

    answer = await camera.ask("video", {"timestamp": ring_ms + 36_000, "duration": 1000})

    assert error(answer) == (416, "MEDIA_NOT_FOUND")


async def test_the_redirect_can_be_bent(cloud, camera, ring_ms):
    cloud.media.redirect_to = "http://evil.example.com/v1/download"

    answer = await camera.ask("image", at(ring_ms))

    assert (answer.status, answer.headers["Location"]) == (303, "http://evil.example.com/v1/download")


# What is not there yet


async def test_a_picture_is_ready_soon_after_the_beginning_and_a_clip_soon_after_the_end(cloud, camera, bell, clock):
    cloud.switches.recording_ready_after = 4
    clock.advance(60)
    moment_ms = cloud.happen(bell, "button_press").timestamp_ms
    ready = {}
    for seconds in range(40):
        picture, clip = await camera.picture(moment_ms), await camera.clip(moment_ms - 1000, 500)
        for what, answer in (("picture", picture), ("clip", clip)):
            if answer.status in (200, 206):
                ready.setdefault(what, seconds)
            else:
                assert error(answer) == (425, "RECORDING_NOT_READY")
        clock.advance(1)

    assert ready == {"picture": 4, "clip": 34}, "somebody who rings is filmed for 30 seconds"


@pytest.mark.parametrize(
    ("answers_with", "status", "code"),
    [
        ("not_ready", 425, "RECORDING_NOT_READY"),
        ("not_found", 416, "MEDIA_NOT_FOUND"),
        ("no_key", 422, "GRECO_NO_VALID_KEY"),
        ("empty", 422, None),
    ],
)
@pytest.mark.parametrize("cleared_by", ["time", "requests"])
async def test_what_is_answered_meanwhile_can_be_chosen(
    cloud, camera, bell, clock, answers_with, status, code, cleared_by
):
    cloud.switches.recording_early_answer = answers_with
    clock.advance(60)
    if cleared_by == "time":
        cloud.switches.recording_ready_after = 3
    else:
        cloud.switches.recording_ready_requests = 2
    moment_ms = cloud.happen(bell, "button_press").timestamp_ms

    early = [await camera.picture(moment_ms) for _ in range(2)]
    assert [answer.status for answer in early] == [status] * 2
    assert [error(answer)[1] if answer.body else None for answer in early] == [code] * 2
    if cleared_by == "time":
        clock.advance(3)
    assert (await camera.picture(moment_ms)).status == 200


async def test_without_a_plan_nothing_was_recorded(cloud, camera, bell, clock, ring_ms):
    cloud.switches.ring_plan = False
    stored_ms = cloud.media.store_snapshot(bell)
    clock.advance(60)

    assert [error(await camera.picture(moment_ms)) for moment_ms in (ring_ms, stored_ms)] == [
        (416, "MEDIA_NOT_FOUND")
    ] * 2
    assert error(await camera.clip(ring_ms, 1000)) == (416, "MEDIA_NOT_FOUND")


async def test_every_camera_can_throw_away_the_key(cloud, camera, ring_ms):
    cloud.switches.whep_take = True

    picture, clip = await camera.picture(ring_ms), await camera.clip(ring_ms, 1000)
    assert [picture.status, clip.status] == [200, 206]
    assert (picture.body[:2] == b"\xff\xd8", b"ftyp" in clip.body[:12]) == (False, False)


# What is refused


@pytest.mark.parametrize("what", ["image", "video"])
@pytest.mark.parametrize("options", [{"data": b""}, {"data": b" \n"}, {"json": {}}, {"json": {"duration": 5}}])
async def test_a_body_that_is_empty_or_has_no_time_is_forbidden(camera, ring_ms, what, options):
    assert error(await camera.ask(what, **options)) == (403, "REQUEST_FORBIDDEN")


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"type": None}, "type"),
        ({"type": "now"}, "type"),
        ({"timestamp": "1790000060000"}, "timestamp"),
        ({"timestamp": True}, "timestamp"),
        ({"timestamp": 1_790_000_060_000.5}, "timestamp"),
        ({"timestamp": 1_790_000_120_001}, "timestamp"),
        ({"timestamp": 1_790_000_120_000 - 180 * DAY_MS - 1}, "timestamp"),
        ({"type": "latest_in_range"}, "start_timestamp"),
        ({"image_options": "jpeg"}, "image_options"),
        ({"image_options": {"format": "gif"}}, "image_options.format"),
        ({"image_options": {"format": ["png"]}}, "image_options.format"),
        ({"image_options": {"resolution": [1, 2]}}, "image_options.resolution"),
        ({"image_options": {"resolution": {"height": 720}}}, "image_options.resolution.width"),
        ({"image_options": {"resolution": {"width": 1921, "height": 720}}}, "image_options.resolution.width"),
        ({"image_options": {"resolution": {"width": 1920, "height": 1081}}}, "image_options.resolution.height"),
        ({"image_options": {"resolution": {"width": 0, "height": 1}}}, "image_options.resolution.width"),
        ({"components": [{"component_id": "1"}]}, "components"),
    ],
)
async def test_a_wrong_picture_is_refused_with_the_field_that_is_wrong(camera, ring_ms, wrong, pointer):
    answer = await camera.ask("image", at(ring_ms) | wrong)

    assert error(answer) == (400, "INVALID_PAYLOAD")
    assert answer.json["errors"][0]["source"] == {"pointer": pointer}


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"end_timestamp": 1_790_000_120_001}, "end_timestamp"),
        ({"end_timestamp": 1_790_000_059_999}, "end_timestamp"),
        ({"start_timestamp": 1_790_000_120_001}, "start_timestamp"),
        ({"start_timestamp": 1_790_000_119_999 - DAY_MS}, "end_timestamp"),
    ],
)
async def test_a_range_is_of_a_day_at_most_and_over(camera, ring_ms, wrong, pointer):
    body = {"type": "latest_in_range", "start_timestamp": ring_ms} | wrong

    answer = await camera.ask("image", body)

    assert error(answer) == (400, "INVALID_PAYLOAD")
    assert answer.json["errors"][0]["source"] == {"pointer": pointer}


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"timestamp": -1}, "timestamp"),
        ({"timestamp": 1_790_000_120_001}, "timestamp"),
        ({"duration": None}, "duration"),
        ({"duration": 0}, "duration"),
        ({"duration": 900_001}, "duration"),
        ({"duration": "5000"}, "duration"),
        ({"video_options": []}, "video_options"),
        ({"video_options": {"codec": "vp8"}}, "video_options.codec"),
        ({"video_options": {"frame_rate": 26}}, "video_options.frame_rate"),
        ({"video_options": {"resolution": {"width": 640}}}, "video_options.resolution.height"),
        ({"audio_options": {"audio_enabled": "yes"}}, "audio_options.audio_enabled"),
        ({"components": []}, "components"),
    ],
)
async def test_a_wrong_clip_is_refused_with_the_field_that_is_wrong(camera, ring_ms, wrong, pointer):
    answer = await camera.ask("video", {"timestamp": ring_ms, "duration": 5000} | wrong)

    assert error(answer) == (400, "INVALID_PAYLOAD")
    assert answer.json["errors"][0]["source"] == {"pointer": pointer}


@pytest.mark.parametrize("body", [b"no", b"[]", b'"x"', b"\xff", b"[" * 100_000])
async def test_what_is_no_object_is_refused(camera, ring_ms, body):
    assert error(await camera.ask("image", data=body)) == (400, "INVALID_PAYLOAD")


async def test_the_error_has_the_form_of_the_media_api(camera, ring_ms):
    answer = await camera.ask("video", {"timestamp": ring_ms, "duration": 0})

    assert answer.json == {
        "errors": [
            {
                "id": answer.headers["X-Request-ID"],
                "status": "400",
                "code": "INVALID_PAYLOAD",
                "detail": "duration must be a whole number from 1 to 900000",
                "source": {"pointer": "duration"},
                "meta": {"timestamp": "2026-09-21T14:15:20Z"},
            }
        ]
    }


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("image", at(1_789_999_999_999)),
        ("image", {"type": "latest_in_range", "start_timestamp": 1_789_999_999_999}),
        ("video", {"timestamp": 1_789_999_999_999, "duration": 120_000}),
    ],
)
async def test_what_begins_before_the_consent_is_not_authorised(camera, ring_ms, what, body):
    assert error(await camera.ask(what, body)) == (403, "TIME_RANGE_NOT_AUTHORIZED")


async def test_a_playground_token_sees_nothing_from_before_itself(cloud, partner, account, ring_ms):
    token = cloud.playground_token(account)
    (device,) = (await partner.call(token, "/v1/devices")).json["data"]
    camera = Camera(partner, token, device["id"])
    row = cloud.simulate_playground(token)

    assert error(await camera.ask("image", at(ring_ms))) == (403, "TIME_RANGE_NOT_AUTHORIZED")
    assert (await camera.picture(row.timestamp_ms)).status == 200


async def test_only_cameras_that_the_app_may_see_have_media(cloud, partner, account, app, bell, camera, token, ring_ms):
    cloud.switches.e2ee_devices = "hidden"
    bell.set(e2ee=True)
    encrypted = await camera.ask("image", at(ring_ms))
    unknown = await Camera(partner, token, "unknown").ask("image", at(ring_ms))
    sensor = await Camera(partner, token, account.device("Back Door").id).ask("video", at(ring_ms))
    cloud.add_app(CLIENT_ID, permissions=["sensors"])
    forbidden = await Camera(partner, token, account.device("Driveway").id).ask("image", at(ring_ms))
    stranger = await Camera(partner, "unknown", bell.id).ask("image", at(ring_ms))

    assert [error(answer) for answer in (encrypted, unknown, sensor)] == [(404, "DEVICE_NOT_FOUND")] * 3
    assert error(forbidden) == (403, "REQUEST_FORBIDDEN")
    assert (stranger.status, stranger.body) == (401, b"")


@pytest.mark.parametrize("components", [None, [], [{}], [{"component_id": "3"}], [{"component_id": "1"}] * 2, "1"])
async def test_of_a_camera_with_several_lenses_one_has_to_be_named(cloud, partner, account, token, ring_ms, components):
    garage = account.device("Garage")
    moment_ms = cloud.happen(garage, "motion_detected").timestamp_ms
    camera = Camera(partner, token, garage.id)

    assert error(await camera.ask("image", at(moment_ms, components=components))) == (400, "INVALID_PAYLOAD")
    assert (await camera.picture(moment_ms, components=[{"component_id": "2"}])).status == 200


async def test_faults_strike_here_too(cloud, camera, ring_ms):
    cloud.faults.add("*/media/image/download", status=503)

    assert (await camera.ask("image", at(ring_ms))).status == 503
    assert (await camera.ask("image", at(ring_ms))).status == 303
