"""Sounds on chimes: what is heard, and what Ring refuses."""

import pytest

from ring_cloud import Permission, RingCloud

TWO_NOTES, HARP = "fake-audio-ref-1", "fake-audio-ref-2"


def playback(device) -> str:
    return f"/v1/devices/{device.id}/media/audio/playback"


def sound(audio_ref: object = TWO_NOTES) -> dict:
    return {"data": {"type": "audio", "attributes": {"audio_ref": audio_ref}}}


@pytest.fixture(autouse=True)
def _provisioned(cloud):
    """The developer has provisioned sounds, which is not done by default."""
    cloud.switches.chime_slots = "filled"


@pytest.fixture
def chime(account):
    return account.device("Hallway Chime")


async def test_a_sound_is_heard(cloud, partner, token, chime):
    answer = await partner.call(token, playback(chime), "POST", json=sound())

    assert answer.status == 202
    assert answer.json == {"data": {"id": TWO_NOTES, "attributes": {"status": "accepted"}}}
    assert [(played.device, played.audio_ref, played.time) for played in cloud.played] == [
        (chime, TWO_NOTES, cloud.clock.time())
    ]


@pytest.mark.parametrize(("status", "has_body"), [(200, True), (202, True), (204, False)])
async def test_what_a_heard_sound_is_answered_with_can_be_switched(cloud, partner, token, chime, status, has_body):
    await partner.control("POST", "/switches", {"chime_status": status})

    answer = await partner.call(token, playback(chime), "POST", json=sound())

    assert (answer.status, bool(answer.body), len(cloud.played)) == (status, has_body, 1)


async def test_the_control_panel_shows_what_was_heard_newest_first(cloud, partner, token, chime):
    for _ in range(2):
        await partner.call(token, playback(chime), "POST", json=sound())
        cloud.clock.advance(60)

    state = (await partner.control("GET", "/state")).json
    now = cloud.clock.time()
    assert state["played"] == [
        {"time": now - ago, "device_id": chime.id, "device": "Hallway Chime", "audio_ref": TWO_NOTES}
        for ago in (60, 120)
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 100_000,
        b'{"audio_ref": "fake-audio-ref-1"}',
        b'{"data": {"attributes": {"audio_ref": "fake-audio-ref-1"}}}',
        b'{"data": {"type": "audio", "attributes": {"audio_ref": 1}}}',
        b'{"data": {"type": "audio", "attributes": {"event": "ring-appstore-event-1"}}}',
    ],
)
async def test_a_body_of_another_shape_is_refused(cloud, partner, token, chime, body):
    answer = await partner.call(token, playback(chime), "POST", data=body)

    assert (answer.status, answer.title, cloud.played) == (400, "Validation Error", [])


@pytest.mark.parametrize(
    ("name", "audio_ref"),
    [
        ("Hallway Chime", "fake-audio-ref-3"),
        ("Hallway Chime", HARP),
        ("Front Door", TWO_NOTES),
        ("Basement", TWO_NOTES),
    ],
    ids=["unknown", "disabled", "camera", "sensor"],
)
async def test_what_a_device_has_no_enabled_slot_for_is_refused(cloud, partner, token, account, name, audio_ref):
    answer = await partner.call(token, playback(account.device(name)), "POST", json=sound(audio_ref))

    assert (answer.status, answer.title, cloud.played) == (400, "Validation Error", [])


async def test_slots_are_empty_by_default_and_play_nothing(cloud, partner, token, chime):
    await partner.control("POST", "/switches", {"chime_slots": "empty"})

    configurations = await partner.call(token, f"/v1/devices/{chime.id}/configurations")
    answer = await partner.call(token, playback(chime), "POST", json=sound())

    slots = configurations.json["data"]["attributes"]["audio"]["customizable_slots"]
    assert [(slot["event"], slot["audio_ref"], slot["audio_name"]) for slot in slots] == [
        ("ring-appstore-event-1", None, None),
        ("ring-appstore-event-2", None, None),
    ]
    assert (answer.status, cloud.played) == (400, [])
    assert RingCloud().switches.chime_slots == "empty"


@pytest.mark.parametrize("name", ["Hallway Chime", "Front Door"])
async def test_without_the_permission_every_device_is_out_of_scope(cloud, partner, token, app, account, name):
    app.permissions = frozenset(Permission) - {Permission.CHIMES}
    answer = await partner.call(token, playback(account.device(name)), "POST", json=sound())

    assert (answer.status, answer.title, cloud.played) == (403, "Out of Scope Access", [])


async def test_an_offline_chime_plays_nothing(cloud, partner, token, chime):
    chime.set(online=False)
    answer = await partner.call(token, playback(chime), "POST", json=sound())

    assert (answer.status, answer.title, cloud.played) == (503, "Service Unavailable", [])


async def test_what_is_not_shared_is_not_there(cloud, partner, token, chime):
    stranger = cloud.add_account(devices=["chime"]).devices[0]
    answer = await partner.call(token, playback(stranger), "POST", json=sound())

    assert (answer.status, cloud.played) == (404, [])


async def test_a_sound_has_to_be_asked_for_with_a_token_and_a_post(cloud, partner, token, chime):
    assert (await partner.call("fake-token", playback(chime), "POST", json=sound())).status == 401
    assert (await partner.call(token, playback(chime))).status == 404
    assert cloud.played == []
