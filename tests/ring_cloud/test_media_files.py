"""What cameras have stored: the right moment in the right form, and what there is none of."""

import io
from itertools import pairwise

import av
from PIL import Image
import pytest

from ring_cloud import RingCloud, read_time, read_times

from .cameras import Camera, error


@pytest.fixture(autouse=True)
def _whole_recordings(cloud):
    """Clips are as long as asked, where it was recorded: these tests compare times to the millisecond."""
    cloud.switches.clip_shortfall_ms = 0


@pytest.fixture
def bell(account):
    return account.device("Front Door")


@pytest.fixture
def ring_ms(cloud, bell, clock, token) -> int:
    """When somebody rang: long after the consent, and so long ago that the recording of 40 seconds is over."""
    clock.advance(3600)
    event = cloud.happen(bell, "button_press")
    clock.advance(3600)
    return event.timestamp_ms


@pytest.fixture
def camera(partner, token, bell) -> Camera:
    return Camera(partner, token, bell.id)


def form(answer) -> tuple[str, tuple[int, int]]:
    with Image.open(io.BytesIO(answer.body)) as image:
        return image.format, image.size


def streams(body: bytes) -> list[tuple[str, float]]:
    with av.open(io.BytesIO(body)) as container:
        return [(stream.codec_context.name, float(stream.duration * stream.time_base)) for stream in container.streams]


# Pictures


async def test_a_picture_shows_the_moment_that_was_asked_for(camera, ring_ms):
    answer = await camera.picture(ring_ms + 1234)

    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/jpeg")
    assert form(answer) == ("JPEG", (1280, 720))
    assert read_time(answer.body) == ring_ms + 1234
    assert answer.headers["X-Media-Timestamp"] == str(ring_ms + 1234)
    assert answer.headers["X-Media-Origin"] == "recording"
    assert answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("image_format", "size"), [("jpeg", (320, 180)), ("png", (320, 180)), ("jpeg", (1920, 1080)), ("png", (640, 480))]
)
async def test_a_picture_comes_in_the_form_that_was_asked_for(camera, ring_ms, image_format, size):
    resolution = {"width": size[0], "height": size[1]}

    answer = await camera.picture(ring_ms, image_options={"format": image_format, "resolution": resolution})

    assert answer.headers["Content-Type"] == f"image/{image_format}"
    assert form(answer) == (image_format.upper(), size)
    assert read_time(answer.body) == ring_ms


@pytest.mark.parametrize("size", [(1, 1), (1, 1080), (1920, 1)])
async def test_the_smallest_picture_is_one(camera, ring_ms, size):
    resolution = {"width": size[0], "height": size[1]}

    answer = await camera.picture(ring_ms, image_options={"resolution": resolution})

    assert form(answer) == ("JPEG", size)


async def test_the_time_survives_compression_and_scaling(camera, ring_ms):
    answer = await camera.picture(ring_ms)
    with Image.open(io.BytesIO(answer.body)) as image:
        file = io.BytesIO()
        image.resize((320, 180)).save(file, "JPEG", quality=10)

    assert read_time(file.getvalue()) == ring_ms


@pytest.mark.parametrize("colour", ["black", "white", "grey"])
def test_a_picture_without_a_time_has_none(colour):
    file = io.BytesIO()
    Image.new("RGB", (320, 180), colour).save(file, "PNG")

    with pytest.raises(ValueError, match="no readable time"):
        read_time(file.getvalue())


@pytest.mark.parametrize(
    ("asked", "shown"),
    [(-5000, -5000), (-5001, -5000), (-15_000, -5000), (35_000, 35_000), (45_000, 35_000)],
)
async def test_the_nearest_picture_within_ten_seconds_is_taken(camera, ring_ms, asked, shown):
    answer = await camera.picture(ring_ms + asked)

    assert read_time(answer.body) == ring_ms + shown
    assert answer.headers["X-Media-Timestamp"] == str(ring_ms + shown)


@pytest.mark.parametrize("asked", [-15_001, 45_001])
async def test_where_nothing_was_recorded_the_second_request_says_so(camera, ring_ms, asked):
    assert error(await camera.picture(ring_ms + asked)) == (416, "MEDIA_NOT_FOUND")


async def test_the_latest_of_a_range_is_its_newest_recorded_moment(camera, ring_ms):
    whole = await camera.latest(ring_ms - 60_000)
    half = await camera.latest(ring_ms - 60_000, end_timestamp=ring_ms + 7)
    none = await camera.latest(ring_ms - 60_000, end_timestamp=ring_ms - 5001)
    after = await camera.latest(ring_ms + 35_001)

    assert (read_time(whole.body), read_time(half.body)) == (ring_ms + 35_000, ring_ms + 7)
    assert error(none) == error(after) == (416, "MEDIA_NOT_FOUND")


async def test_nothing_was_recorded_that_has_not_happened_yet_or_was_before_the_consent(
    cloud: RingCloud, partner, account, app, bell, clock
):
    token = cloud.link_directly(account, app)
    consent_ms = int(clock.time() * 1000)
    clock.advance(2)
    cloud.happen(bell, "motion_detected")
    clock.advance(3)
    camera = Camera(partner, token, bell.id)

    assert read_time((await camera.latest(consent_ms)).body) == consent_ms + 5000
    clip = await camera.clip(consent_ms, 60_000)
    assert read_times(clip.body) == list(range(consent_ms, consent_ms + 5000, 200))
    assert (clip.status, clip.headers["X-Media-Length"]) == (206, "5000")


async def test_a_snapshot_is_a_picture_outside_of_any_recording(cloud, camera, bell, ring_ms, clock):
    stored_ms = cloud.media.store_snapshot(bell)
    clock.advance(5)

    answer = await camera.picture(stored_ms + 3000)

    assert (read_time(answer.body), answer.headers["X-Media-Origin"]) == (stored_ms, "snapshot")
    assert error(await camera.clip(stored_ms - 1, 3000)) == (416, "MEDIA_NOT_FOUND")


async def test_different_events_look_different(cloud, camera, bell, clock, token):
    looks = set()
    for sub_type in ("human", "vehicle", "package", "animal", "other_motion"):
        clock.advance(60)
        cloud.happen(bell, "motion_detected", sub_type=sub_type)
        answer = await camera.picture(int(clock.time() * 1000), image_options={"format": "png"})
        with Image.open(io.BytesIO(answer.body)) as image:
            # Without the times.
            looks.add(image.crop((0, 60, 1280, 640)).tobytes())

    assert len(looks) == 5


async def test_a_picture_is_drawn_once(cloud, camera, ring_ms):
    for _ in range(3):
        await camera.picture(ring_ms)

    assert cloud.media.files.made == 1


# Clips


async def test_a_clip_shows_its_time_in_every_frame(camera, ring_ms):
    answer = await camera.clip(ring_ms, 3000)

    assert (answer.status, answer.headers["Content-Type"]) == (200, "video/mp4")
    assert answer.headers["X-Media-Timestamp"] == str(ring_ms)
    assert "X-Media-Length" not in answer.headers
    assert read_times(answer.body) == list(range(ring_ms, ring_ms + 3000, 200))
    assert streams(answer.body) == [("h264", 3.0)]
    assert answer.body.index(b"moov") < answer.body.index(b"mdat"), "it plays before the last byte has come"


async def test_a_clip_comes_in_the_form_that_was_asked_for(camera, ring_ms):
    answer = await camera.clip(
        ring_ms,
        2000,
        video_options={"codec": "hevc", "frame_rate": 10, "resolution": {"width": 321, "height": 181}},
        audio_options={"audio_enabled": True},
    )

    assert [name for name, _ in streams(answer.body)] == ["hevc", "aac"]
    assert [length for _, length in streams(answer.body)] == pytest.approx([2, 2], abs=0.1)
    assert read_times(answer.body) == list(range(ring_ms, ring_ms + 2000, 100))
    with av.open(io.BytesIO(answer.body)) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (320, 180)


async def test_sound_and_pictures_lie_beside_each_other(camera, ring_ms):
    """Or the sound of a long clip would come only with its end."""
    answer = await camera.clip(
        ring_ms,
        30_000,
        video_options={"resolution": {"width": 320, "height": 180}},
        audio_options={"audio_enabled": True},
    )

    with av.open(io.BytesIO(answer.body)) as container:
        packets = sorted((packet.pos, packet.dts * packet.time_base) for packet in container.demux() if packet.pos)
    times = [time for _, time in packets]
    assert max(abs(later - time) for time, later in pairwise(times)) < 0.5


@pytest.mark.parametrize(
    ("start", "duration", "first", "length"),
    [(-8000, 5000, -5000, 2000), (33_000, 5000, 33_000, 2000), (-15_000, 60_000, -5000, 40_000)],
)
async def test_of_a_range_that_was_recorded_in_part_that_part_comes(camera, ring_ms, start, duration, first, length):
    answer = await camera.clip(ring_ms + start, duration, video_options={"frame_rate": 1})

    assert (answer.status, answer.headers["X-Media-Length"]) == (206, str(length))
    assert answer.headers["X-Media-Timestamp"] == str(ring_ms + first)
    assert read_times(answer.body) == list(range(ring_ms + first, ring_ms + first + length, 1000))
    assert "Content-Range" not in answer.headers, "it is the whole file"


@pytest.mark.parametrize(("start", "duration"), [(-6000, 1000), (35_000, 1000), (60_000, 900_000)])
async def test_a_clip_of_nothing_is_not_found(camera, ring_ms, start, duration):
    assert error(await camera.clip(ring_ms + start, duration)) == (416, "MEDIA_NOT_FOUND")


async def test_recordings_that_touch_are_one_and_a_gap_ends_it(cloud, camera, bell, clock, token):
    clock.advance(60)
    first_ms = cloud.happen(bell, "motion_detected", sub_type="human").timestamp_ms
    clock.advance(30)
    cloud.happen(bell, "motion_detected", sub_type="vehicle")
    clock.advance(60)
    cloud.happen(bell, "motion_detected", sub_type="animal")
    clock.advance(60)

    answer = await camera.clip(first_ms, 150_000, video_options={"frame_rate": 1})

    assert (answer.status, answer.headers["X-Media-Length"]) == (206, "55000")
    assert read_times(answer.body) == list(range(first_ms, first_ms + 55_000, 1000))


async def test_a_clip_of_a_quarter_of_an_hour_has_a_frame_a_second(cloud, camera, bell, clock, token):
    cloud.backdate_consent(*cloud.find_device(bell.id)[:1], cloud.apps["fake-client-1"], 86_400)
    row = cloud.remember(bell, "motion_detected", at=clock.time() - 3600, duration=900)
    small = {"frame_rate": 25, "resolution": {"width": 96, "height": 54}}

    answer = await camera.clip(row.start_ms, 900_000, video_options=small)

    assert answer.status == 200
    assert streams(answer.body)[0][1] == pytest.approx(900, abs=1)
    with av.open(io.BytesIO(answer.body)) as container:
        assert container.streams.video[0].frames == 900


async def test_a_clip_can_be_made_as_large_as_real_ones(cloud, camera, ring_ms):
    plain = await camera.clip(ring_ms, 1000)
    cloud.switches.clip_padding = 300_000
    large = await camera.clip(ring_ms, 1000)

    assert len(large.body) - len(plain.body) == 300_008
    assert read_times(large.body) == read_times(plain.body)


# What cannot be read


async def test_a_recording_is_not_ready_at_once(cloud, camera, bell, clock, token):
    cloud.switches.recording_ready_after = 30
    clock.advance(60)
    moment_ms = cloud.happen(bell, "button_press").timestamp_ms

    early = [await camera.picture(moment_ms), await camera.clip(moment_ms - 5000, 4000)]
    link = await camera.link(moment_ms)
    clock.advance(30)

    assert [error(answer) for answer in early] == [(425, "RECORDING_NOT_READY")] * 2
    assert (await camera.picture(moment_ms)).status == 200
    assert error(await camera.get(link)) == (425, "RECORDING_NOT_READY"), "a new link has to be asked for"


async def test_a_key_that_is_missing_clears_with_new_requests(cloud, camera, bell, ring_ms):
    cloud.media.unreadable(bell, count=2)

    link = await camera.link(ring_ms)
    again = [error(await camera.get(link)) for _ in range(2)]
    second = await camera.clip(ring_ms, 1000)
    third = await camera.picture(ring_ms)

    assert again == [(422, "GRECO_NO_VALID_KEY")] * 2, "the same link never gets better"
    assert (error(second), third.status) == ((422, "GRECO_NO_VALID_KEY"), 200)


async def test_a_corrupt_recording_stays_corrupt(cloud, camera, bell, ring_ms):
    cloud.media.unreadable(bell, count=None)
    assert [error(await camera.picture(ring_ms)) for _ in range(3)] == [(422, "CORRUPT_RECORDING")] * 3

    cloud.media.unreadable(bell, count=0)
    assert (await camera.picture(ring_ms)).status == 200


async def test_an_encrypting_camera_answers_bytes_that_mean_nothing(cloud, camera, bell, ring_ms):
    cloud.media.take(bell)
    picture, clip = await camera.picture(ring_ms), await camera.clip(ring_ms, 1000)

    assert (picture.status, picture.headers["Content-Type"]) == (200, "image/jpeg")
    assert (clip.status, clip.headers["Content-Type"]) == (200, "video/mp4")
    with pytest.raises(OSError, match="cannot identify"):
        read_time(picture.body)
    with pytest.raises(ValueError, match="Invalid data"):
        read_times(clip.body)

    cloud.media.take(bell, on=False)
    assert read_time((await camera.picture(ring_ms)).body) == ring_ms


async def test_an_offline_camera_still_has_what_it_stored(camera, bell, ring_ms):
    bell.set(online=False)

    assert (await camera.picture(ring_ms)).status == 200
