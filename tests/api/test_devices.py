"""What the client makes of Ring's devices document."""

from copy import deepcopy
from datetime import UTC, datetime
import json

import pytest

from custom_components.ring_partner.api import (
    ChimeSlot,
    Component,
    Device,
    DeviceCapabilities,
    DeviceConfigurations,
    DeviceStatus,
    Feature,
    Location,
    Measurement,
    RingClient,
    RingNotFoundError,
    RingUnavailableError,
    VideoCapability,
    Zone,
)

from .conftest import ScriptedRing, answer
from .documents import CHIME, CLIMATE, DOORBELL, FLOOD, HOUSE, Json, JsonObject, device, devices, one_device


@pytest.fixture
def read(ring: ScriptedRing, client: RingClient):
    async def read(parts: JsonObject) -> Device:
        ring.says(answer(body=devices({"some": parts})))
        return (await client.async_get_devices())["some"]

    return read


async def test_a_doorbell_is_read_whole(read) -> None:
    assert await read(DOORBELL) == Device(
        id="some",
        name="Front Door",
        image_url=DOORBELL["image_url"],
        model="Doorbell Pro",
        status=DeviceStatus(online=True, reported_at=datetime(2026, 9, 15, 12, 45, 3, tzinfo=UTC)),
        capabilities=DeviceCapabilities(
            video=VideoCapability(codecs=("AVC",), ratio="16:9", max_resolution=1080, supported_resolutions=(1080,)),
            motion_detection=frozenset({"enabled", "motion_zones"}),
            image_enhancements=frozenset({"color_night_vision", "privacy_zones", "snapshot"}),
        ),
        configurations=DeviceConfigurations(
            motion_detection=True,
            motion_zones=(Zone(id="zone-1", vertices=((0, 0), (0.5, 0), (1, 1))),),
            privacy_zones=(),
            color_night_vision=False,
            hdr=False,
            ir_led_night_vision=True,
            auto_zoom_track=False,
            volume=11,
            e2e_encryption=False,
        ),
        location=Location(country="US", state="CA"),
        features=frozenset(
            {
                Feature.VIDEO,
                Feature.MOTION_DETECTION,
                Feature.MOTION_ZONES,
                Feature.PRIVACY_ZONES,
                Feature.NIGHT_VISION,
                Feature.VOLUME,
                Feature.E2E_ENCRYPTION,
            }
        ),
    )


async def test_a_flood_sensor_is_read_whole(read) -> None:
    sensor = await read(FLOOD)
    assert sensor.status == DeviceStatus(
        online=True,
        reported_at=datetime(2026, 1, 15, 21, 58, 8, 213000, tzinfo=UTC),
        flooded=True,
        frozen=False,
        tampered=False,
        battery=90,
        signal_strength="good",
        reporting_state="active",
    )
    assert sensor.features == {
        Feature.FLOOD,
        Feature.FREEZE,
        Feature.TAMPER,
        Feature.BATTERY,
        Feature.SIGNAL_STRENGTH,
    }
    assert sensor.model is None
    assert sensor.location is None


async def test_readings_that_ring_does_not_document_are_read_with_or_without_a_block(read) -> None:
    status = (await read(CLIMATE)).status
    assert status.temperature == Measurement(value=21.5, unit="°C")
    assert (status.humidity, status.pm25, status.co_concentration) == (48, 6, 0.5)
    assert (status.smoke, status.co, status.glass_broken, status.contact_open) == (False, True, False, True)


async def test_a_sensor_without_capabilities_has_what_its_status_tells(read) -> None:
    assert (await read(CLIMATE)).features == {
        Feature.TEMPERATURE,
        Feature.HUMIDITY,
        Feature.PM25,
        Feature.CO_CONCENTRATION,
        Feature.SMOKE,
        Feature.CO,
        Feature.GLASS_BREAK,
        Feature.CONTACT,
    }


async def test_a_chime_has_slots_and_a_volume(read) -> None:
    chime = await read(CHIME)
    assert chime.features == {Feature.CHIME, Feature.VOLUME}
    assert chime.capabilities.chime_slots == 2
    assert chime.capabilities.supported_actions == {"chime.play"}
    assert chime.configurations.volume == 5
    assert chime.configurations.chime_slots == (
        ChimeSlot(event="ring-appstore-event-1", disabled=False, audio_ref="fake-audio-ref-1", audio_name="Two notes"),
    )


async def test_a_device_with_several_cameras_has_video_in_its_components(read) -> None:
    items: Json = [
        {"component_id": "1", "video": {"codecs": ["HEVC"], "max_resolution": 2160}},
        {"component_id": 2},
        {"video": {}},
        "garbage",
    ]
    garage = await read({"capabilities": {"video": None, "components": {"items": items}}})
    assert garage.features == {Feature.VIDEO}
    assert garage.capabilities.components == (
        Component(component_id="1", video=VideoCapability(codecs=("HEVC",), max_resolution=2160)),
        Component(component_id="2"),
    )


_NULLS: JsonObject = {
    "video": {"configurations": None, "codecs": None, "ratio": None, "max_resolution": None},
    "audio": {"customizable_slots": None, "supported_actions": None},
    "motion_detection": {"configurations": None},
    "contact_detection": {"configurations": None},
    "smoke_detection": {"configurations": None},
    "battery_status": {"supported": None},
    "temperature": {"configurations": None, "limits": {"min": None, "max": None}},
    "pm25": {"configurations": [], "unit": None},
    "components": {"items": None},
}


async def test_a_capability_whose_members_are_all_null_is_absent(read) -> None:
    sensor = await read({"capabilities": _NULLS})
    assert sensor.features == frozenset()
    assert sensor.capabilities == DeviceCapabilities()
    assert sensor.unknown_keys == frozenset()


async def test_a_capability_with_one_member_that_is_not_null_is_there(read) -> None:
    sensor = await read(
        {
            "capabilities": _NULLS
            | {
                "flood_detection": {"configurations": [], "levels": []},
                "smoke_detection_listener": {"configurations": []},
                "video": {"codecs": None, "max_resolution": 1080},
            }
        }
    )
    assert sensor.features == {Feature.FLOOD, Feature.SMOKE, Feature.VIDEO}


async def test_a_lens_whose_video_is_null_makes_no_camera(read) -> None:
    items: Json = [{"component_id": "0", "video": {"codecs": None}}, {"component_id": "1", "video": None}]
    chime = await read({"capabilities": {"components": {"items": items}}})
    assert (chime.capabilities.components, chime.features) == ((), frozenset())


async def test_a_status_block_of_nulls_does_not_hide_another_name_of_the_same_alarm(read) -> None:
    status: JsonObject = {"co_detection": {"detected": None}, "co_detection_listener": {"detected": True}}
    assert (await read({"status": status})).status.co is True


@pytest.mark.parametrize("percentage", [255, -1, 101, True, "90", None, [90], 10**30])
async def test_a_battery_outside_0_to_100_percent_is_unknown_and_none_unless_the_device_claims_one(
    read, percentage: Json
) -> None:
    status: JsonObject = {"battery_status": {"percentage": percentage}}
    mains = await read({"status": status})
    assert mains.status.battery is None
    assert Feature.BATTERY not in mains.features
    assert (
        Feature.BATTERY
        not in (await read({"status": status, "capabilities": {"battery_status": {"supported": False}}})).features
    )
    claimed = await read({"status": status, "capabilities": {"battery_status": {"supported": True}}})
    assert claimed.status.battery is None
    # Of these only 255 says that there is none.
    assert (Feature.BATTERY in claimed.features) == (percentage != 255)


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("1970-01-01T00:00:00Z", None),
        ("1970-01-01T00:00:00.000+00:00", None),
        ("2026-02-13T13:39:57.200155525Z", datetime(2026, 2, 13, 13, 39, 57, 200155, tzinfo=UTC)),
        ("2026-02-13T15:39:57+02:00", datetime(2026, 2, 13, 13, 39, 57, tzinfo=UTC)),
        ("2026-02-13T13:39:57", datetime(2026, 2, 13, 13, 39, 57, tzinfo=UTC)),
        ("9999-12-31T23:59:59-14:00", None),
        ("yesterday", None),
        (1770989995231, None),
        ("", None),
    ],
)
async def test_when_a_device_last_reported_is_utc_or_unknown(read, written: Json, read_as: datetime | None) -> None:
    assert (await read({"status": {"reported_at": written}})).status.reported_at == read_as


async def test_a_sensor_that_has_never_reported_is_neither_open_nor_closed(read) -> None:
    status = {"reported_at": "1970-01-01T00:00:00Z", "online": False, "contact_detection": {"faulted": False}}
    sensor = await read({"status": status, "capabilities": {"contact_detection": {}}})
    assert (sensor.status.online, sensor.status.contact_open) == (False, None)
    assert Feature.CONTACT in sensor.features


@pytest.mark.parametrize("written", ["true", 1, 0, [True], {"faulted": "true"}, {"open": True}, {}, "open"])
async def test_what_is_no_boolean_is_neither_open_nor_closed(read, written: Json) -> None:
    sensor = await read({"status": {"contact_detection": written, "online": written}})
    assert sensor.status.contact_open is None
    assert sensor.status.online is None
    assert Feature.CONTACT not in sensor.features


@pytest.mark.parametrize("written", [True, {"faulted": True}, {"detected": True}, {"value": True}])
async def test_an_alarm_is_read_from_any_of_rings_shapes(read, written: Json) -> None:
    assert (await read({"status": {"flood_detection": written}})).status.flooded is True


@pytest.mark.parametrize(
    ("unit", "read_as"), [("F", "°F"), ("°C", "°C"), ("Celsius", "°C"), ("kelvin", "kelvin"), (3, None), (None, None)]
)
async def test_a_temperature_keeps_its_unit(read, unit: Json, read_as: str | None) -> None:
    sensor = await read({"status": {"temperature": {"value": -4, "unit": unit}}})
    assert sensor.status.temperature == Measurement(value=-4, unit=read_as)


@pytest.mark.parametrize("humidity", [b"NaN", b"Infinity", b"1e999", b"9" * 5000, b"-1", b"100.5", b'"48"', b"true"])
async def test_a_number_that_cannot_be_is_unknown(ring: ScriptedRing, client: RingClient, humidity: bytes) -> None:
    document = json.dumps(devices({"some": {"status": {"online": True, "humidity": {"value": "HERE"}}}}))
    ring.says(answer(body=document.encode().replace(b'"HERE"', humidity)))
    sensor = (await client.async_get_devices())["some"]
    assert (sensor.status.humidity, sensor.status.online) == (None, True)


@pytest.mark.parametrize(
    ("folder", "model"),
    [
        ("DoorbellPro", "Doorbell Pro"),
        ("StickUpCam3", "Stick Up Cam 3"),
        ("FloodlightCamV2", "Floodlight Cam V2"),
        ("RVDP2", "RVDP2"),
        ("square_device_images", None),
        ("..", None),
    ],
)
async def test_the_model_is_the_folder_of_the_picture(read, folder: str, model: str | None) -> None:
    assert (await read({"image_url": f"https://pictures.example/a/{folder}/b.png?v=/Fake/2"})).model == model


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:image/png;base64,AA", 3, "", None, "/DoorbellPro/x.png"])
async def test_only_web_addresses_are_pictures(read, url: Json) -> None:
    camera = await read({"image_url": url})
    assert (camera.image_url, camera.model) == (None, None)


@pytest.mark.parametrize("name", ["", "  ", None, 7, ["x"], "x" * 5000, "\ud800"])
async def test_a_name_that_is_none_is_unknown(read, name: Json) -> None:
    assert (await read({"name": name})).name is None


async def test_names_nobody_knows_are_kept_for_diagnostics_without_their_values(read) -> None:
    future = await read(
        {
            "status": {"radon": {"value": 3}, "online": True, "fake secret": 1},
            "capabilities": {"scent_detection": {}, "video": "unsupported", "motion_detection": []},
        }
    )
    assert future.unknown_keys == {"status.radon", "capabilities.scent_detection"}
    assert future.features == frozenset()
    assert future.status.online is True


async def test_two_devices_may_share_an_included_location(ring: ScriptedRing, client: RingClient) -> None:
    document = devices({"one": DOORBELL, "two": {"name": "Two"}})
    document["data"][1]["relationships"]["location"] = document["data"][0]["relationships"]["location"]
    ring.says(answer(body=document))
    found = await client.async_get_devices()
    assert found["one"].location == found["two"].location == Location(country="US", state="CA")


@pytest.mark.parametrize("unusable", [None, 7, "", " ", [], {}])
async def test_a_device_without_an_id_is_left_out(ring: ScriptedRing, client: RingClient, unusable: Json) -> None:
    document = devices(HOUSE)
    document["data"][0]["id"] = unusable
    ring.says(answer(body=document))
    assert list(await client.async_get_devices()) == ["flood", "climate", "chime"]


async def test_of_two_devices_with_one_id_the_last_counts(ring: ScriptedRing, client: RingClient) -> None:
    document = devices({"one": DOORBELL})
    document["data"].append(device("one", {"name": "Newer"})[0])
    ring.says(answer(body=document))
    assert {key: found.name for key, found in (await client.async_get_devices()).items()} == {"one": "Newer"}


async def test_resources_of_a_kind_not_asked_for_are_no_devices(ring: ScriptedRing, client: RingClient) -> None:
    document = devices({"one": DOORBELL, "two": FLOOD, "three": CHIME})
    document["data"][1]["type"] = "households"
    document["data"][2]["type"] = None
    ring.says(answer(body=document))
    assert list(await client.async_get_devices()) == ["one", "three"]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"data": null}', b'{"data": {}}', b'"x"', b"{", b"null", b"[" * 200_000]
)
async def test_what_is_no_list_is_an_outage_and_not_an_empty_account(
    ring: ScriptedRing, client: RingClient, body: bytes
) -> None:
    ring.says(answer(body=body))
    with pytest.raises(RingUnavailableError):
        await client.async_get_devices()


async def test_an_account_without_devices_is_empty(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(answer(body={"data": []}))
    assert await client.async_get_devices() == {}


async def test_bytes_that_are_not_utf_8_spoil_one_name_only(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(answer(body=json.dumps(devices(HOUSE)).encode().replace(b"Basement", b"Base\xffent")))
    found = await client.async_get_devices()
    assert (len(found), found["flood"].status.flooded) == (4, True)


async def test_one_device_is_the_same_as_in_the_list(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(answer(body=devices(deepcopy(dict(HOUSE)))), answer(body=one_device("door", DOORBELL)))
    found = await client.async_get_devices()
    assert await client.async_get_device("door") == found["door"]
    assert ring.seen[1].target == "/v1/devices/door?include=status,capabilities,configurations,location"


async def test_an_id_is_one_segment_of_the_path_whatever_is_in_it(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(answer(404))
    with pytest.raises(RingNotFoundError):
        await client.async_get_device("../users/me?x#ü")
    assert ring.seen[0].path == "/v1/devices/..%2Fusers%2Fme%3Fx%23%C3%BC"


@pytest.mark.parametrize("device_id", ["", ".", ".."])
async def test_an_id_that_would_be_another_path_is_not_asked_for(
    ring: ScriptedRing, client: RingClient, device_id: str
) -> None:
    with pytest.raises(RingNotFoundError):
        await client.async_get_device(device_id)
    assert not ring.seen


@pytest.mark.parametrize("body", [{}, {"data": []}, {"data": {"type": "devices"}}, {"data": None}])
async def test_a_device_answered_without_a_device_is_an_outage(
    ring: ScriptedRing, client: RingClient, body: JsonObject
) -> None:
    ring.says(answer(body=body))
    with pytest.raises(RingUnavailableError):
        await client.async_get_device("door")


async def test_models_are_values(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(answer(body=devices(HOUSE)))
    first, second = await client.async_get_devices(), await client.async_get_devices()
    assert first == second
    assert len({*first.values(), *second.values()}) == len(HOUSE)
