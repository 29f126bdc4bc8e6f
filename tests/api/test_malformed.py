"""One device damaged in every way a document can be: the others stand, and nothing raises but Ring's errors."""

from contextlib import suppress
import json

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.ring_partner.api import Device, Feature, RingClient, RingError

from .conftest import ScriptedRing, answer
from .damage import ANYTHING, damaged, places
from .documents import HOUSE, Json, JsonObject, device, devices, one_device

VARIANTS = settings(
    max_examples=600,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@st.composite
def damages(draw: st.DrawFn) -> tuple[str, JsonObject]:
    """The id of a device, and the document of all devices in which everything of this one may be damaged."""
    victim = draw(st.sampled_from(sorted(HOUSE)))
    document = devices(HOUSE)
    index = list(HOUSE).index(victim)
    its = {
        "resource": document["data"][index],
        "included": [entry for entry in document["included"] if entry["id"].endswith(f"-of-{victim}")],
    }
    for _ in range(draw(st.integers(1, 3))):
        inside = [place for place in places(its) if len(place) > 1]
        if inside:
            its = damaged(its, draw(st.sampled_from(inside)), draw(ANYTHING), drop=draw(st.booleans()))
    document["data"][index] = its["resource"]
    whole = [entry for entry in document["included"] if not entry["id"].endswith(f"-of-{victim}")]
    # The damaged parts stand before, between and after the whole ones.
    at = draw(st.integers(0, len(whole)))
    document["included"] = [*whole[:at], *its["included"], *whole[at:]]
    return victim, document


def assert_typed(device: Device) -> None:
    """What is read has the type it says, or is unknown."""
    status, configurations = device.status, device.configurations
    assert all(isinstance(feature, Feature) for feature in device.features)
    assert status.online in {True, False, None}
    assert status.battery is None or 0 <= status.battery <= 100
    assert status.reported_at is None or status.reported_at.year > 1970
    assert status.temperature is None or abs(status.temperature.value) < 1e16
    assert configurations.volume is None or type(configurations.volume) is int
    assert isinstance(hash(device), int)
    for text in (device.name, device.image_url, device.model, status.signal_strength, status.reporting_state):
        assert text is None or text.encode()


SURPRISES: list[Json] = [None, True, 0, 7, 0.5, 10**30, -1, "", "on", "true", [], [7], [[]], {}, {"value": {}}]


@pytest.mark.parametrize("family", HOUSE)
async def test_every_value_may_be_missing_or_anything(ring: ScriptedRing, client: RingClient, family: str) -> None:
    document = devices(HOUSE)
    paths = [path for path in places(list(device("any", HOUSE[family]))) if len(path) > 1]
    ways = [
        (path, surprise, drop) for path in paths for surprise, drop in [*((s, False) for s in SURPRISES), (None, True)]
    ]
    for number, (path, surprise, drop) in enumerate(ways):
        whole = list(device(f"damaged-{number}", HOUSE[family]))
        resource, included = damaged(whole, path, surprise, drop=drop)
        document["data"].insert(number % 3, resource)
        document["included"] += included
    ring.says(answer(body=devices(HOUSE)), answer(body=document))
    expected = await client.async_get_devices()
    found = await client.async_get_devices()
    assert {device_id: found[device_id] for device_id in HOUSE} == expected
    # What is lost: those without an id or of another type.
    assert len(ways) + len(HOUSE) - len(found) <= 2 * len(SURPRISES)
    for one in found.values():
        assert_typed(one)


@pytest.fixture
async def whole(ring: ScriptedRing, client: RingClient) -> dict[str, Device]:
    ring.says(answer(body=devices(HOUSE)))
    return await client.async_get_devices()


def is_still_a_device(resource: Json, device_id: str) -> bool:
    """Whether Ring still names the device, and nothing else by its type."""
    if not isinstance(resource, dict) or resource.get("id") != device_id:
        return False
    kind = resource.get("type")
    return not isinstance(kind, str) or kind == "devices"


@VARIANTS
@given(damage=damages())
async def test_a_damaged_device_harms_no_other_and_stays(
    ring: ScriptedRing, client: RingClient, whole: dict[str, Device], damage: tuple[str, JsonObject]
) -> None:
    victim, document = damage
    ring.says(answer(body=document))
    found = await client.async_get_devices()
    for device_id in HOUSE.keys() - {victim}:
        assert found[device_id] == whole[device_id]
    assert victim in found or not any(is_still_a_device(resource, victim) for resource in document["data"])
    for one in found.values():
        assert_typed(one)


@settings(VARIANTS, max_examples=200)
@given(place=st.sampled_from(places(one_device("door", HOUSE["door"]))), replacement=ANYTHING, drop=st.booleans())
async def test_the_document_of_one_device_may_be_damaged_anywhere(
    ring: ScriptedRing, client: RingClient, place: tuple[str | int, ...], replacement: Json, drop: bool
) -> None:
    ring.says(answer(body=damaged(one_device("door", HOUSE["door"]), place, replacement, drop=drop)))
    try:
        assert_typed(await client.async_get_device("door"))
    except RingError:
        assert len(place) <= 2, "only the data itself or its id can cost the device"


@settings(VARIANTS, max_examples=100)
@given(body=ANYTHING.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=60))
async def test_any_body_is_read_or_refused_by_every_method(ring: ScriptedRing, client: RingClient, body: bytes) -> None:
    for read in (
        client.async_get_user,
        client.async_get_devices,
        client.async_get_subscriptions,
        lambda: client.async_get_history("door"),
        lambda: client.async_set_link_status("completed"),
    ):
        ring.says(answer(body=body))
        with suppress(RingError):
            await read()
