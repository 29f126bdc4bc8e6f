"""Diagnostics help without telling who, where or with what secret; over the same HTTP view as the frontend."""

from collections.abc import Iterator
from dataclasses import replace
import json
from typing import Any

import aiohttp
from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
    get_diagnostics_for_device,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from syrupy.assertion import SnapshotAssertion
from syrupy.filters import paths

from custom_components.ring_partner.const import DOMAIN
from homeassistant.config_entries import ConfigEntry, ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from ring_cloud import Account, RingCloud

from .polls import async_pass_time, registered

NOW = "2026-01-15 12:00:00+00:00"
SECRET = "fakeplantedsecret"


@pytest.fixture(autouse=True)
async def _diagnostics(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(NOW)


@pytest.fixture
async def download(hass: HomeAssistant, linked: ConfigEntry, hass_client: ClientSessionGenerator) -> Any:
    """Download the diagnostics of the entry, or of a device."""
    assert await async_setup_component(hass, "diagnostics", {})

    async def download(device: dr.AnyDeviceEntry | None = None) -> Any:
        if device is None:
            return await get_diagnostics_for_config_entry(hass, hass_client, linked)
        return await get_diagnostics_for_device(hass, hass_client, linked, device)

    return download


def _private(cloud: RingCloud, account: Account) -> Iterator[str]:
    """Everything that belongs to somebody."""
    yield from cloud.secrets()
    yield from (account.id, account.first_name, account.last_name, account.email, account.location.id)
    for device in account.devices:
        yield from (device.id, device.name, *device.resource_ids.values())
    yield from (text for item in account.subscriptions for text in (item.id, item.plan_id) if text)
    # The ids of zones, and the references and names of chime sounds.
    yield from ("6d1d7e0e-32a3", "0b8c6f7a-91d4", "fake-audio-ref", "Two notes")
    yield from ('"US"', '"CA"')


async def test_of_the_entry_describe_link_polling_and_devices(
    download: Any, account: Account, snapshot: SnapshotAssertion
) -> None:
    whole = await download()
    devices = dict(zip((device.family.key for device in account.devices), whole["devices"], strict=True))
    whole["devices"] = [devices[family] for family in ("doorbell", "multi_camera", "chime", "contact", "future")]
    assert whole == snapshot(exclude=paths("link.last_request_id", "polling.requests_left"))


async def test_name_nobody_and_hold_no_secret(
    hass: HomeAssistant, download: Any, linked: ConfigEntry, cloud: RingCloud, account: Account
) -> None:
    registry = dr.async_get(hass)
    devices = [
        *dr.async_entries_for_config_entry(registry, linked.entry_id),
        *dr.async_child_entries_for_config_entry(registry, linked.entry_id),
    ]
    assert len(devices) == 1 + len(account.devices) + 2
    texts = [json.dumps(await download(), ensure_ascii=False)]
    texts += [json.dumps(await download(device), ensure_ascii=False) for device in devices]
    private = set(_private(cloud, account))
    assert len(private) > 80
    for text in texts:
        assert len(text) > 20
        assert {item for item in private if item in text} == set()


async def test_pass_on_words_only(
    download: Any,
    hass: HomeAssistant,
    linked: ConfigEntry,
    account: Account,
    freezer: FrozenDateTimeFactory,
) -> None:
    device = account.device("Back Door")
    device.values["signal_strength"] = "kitchen"
    await async_pass_time(hass, freezer)
    described = await download(registered(hass, linked, device))
    assert described["status"]["signal_strength"] == "<str>"
    assert described["status"]["battery"] == 87


@pytest.mark.parametrize(
    ("folder", "model"),
    [
        ("ContactSensor", "Contact Sensor"),
        ("JaneKitchen", "… …"),
        ("A1B2C3D4E5F6", "…"),
        ("DoorbellOfJane2", "Doorbell … … 2"),
        ("Doorbell2041", "Doorbell …"),
    ],
)
async def test_pass_on_no_more_of_a_picture_than_words_for_products(
    download: Any,
    hass: HomeAssistant,
    linked: ConfigEntry,
    account: Account,
    freezer: FrozenDateTimeFactory,
    folder: str,
    model: str,
) -> None:
    device = account.device("Back Door")
    device.family = replace(device.family, image=f"{folder}/picture.png")
    await async_pass_time(hass, freezer)
    assert (await download(registered(hass, linked, device)))["model"] == model


async def test_count_what_is_not_known(
    download: Any, hass: HomeAssistant, linked: ConfigEntry, account: Account, freezer: FrozenDateTimeFactory
) -> None:
    device = account.device("Back Door")
    odd = {"radon_level": 1, "fake_planted_secret": 2, "Jane": 3, "a1b2c3d4e5f6": 4, "kitchen-of-Jane": 5}
    device.family = replace(device.family, configurations=odd)
    await async_pass_time(hass, freezer)
    assert (await download(registered(hass, linked, device)))["unknown_keys"] == 5


async def test_hold_nothing_that_ring_says_in_words_of_its_own(
    download: Any, hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, freezer: FrozenDateTimeFactory
) -> None:
    """One secret-looking word, in place of every text and every name that Ring can send of a device."""
    async with aiohttp.ClientSession() as session:
        token = linked.data["token"]["access_token"]
        url = f"{cloud.url}/v1/devices?include=status,capabilities,configurations,location"
        async with session.get(url, headers={"Authorization": f"Bearer {token}"}) as answer:
            listed = await answer.json()
    for item in listed["included"]:
        item["attributes"] = _planted(item["attributes"])
    for item in listed["data"]:
        item["attributes"] = {"name": SECRET, "image_url": f"https://x/{SECRET.capitalize()}/{SECRET}.png"}
    headers = {"content-type": "application/vnd.api+json", "x-request-id": SECRET}
    cloud.faults.add("/v1/devices", status=200, body=json.dumps(listed), headers=headers)
    await async_pass_time(hass, freezer)
    described = await download()
    assert len(described["devices"]) == len(listed["data"])
    assert {"<str>"} == set(described["devices"][0]["capabilities"]["video"]["codecs"])
    assert SECRET not in json.dumps(described).lower()


async def test_show_nothing_of_what_stands_in_the_entry_in_words_of_its_own(
    download: Any, hass: HomeAssistant, linked: ConfigEntry
) -> None:
    hass.config_entries.async_update_entry(
        linked,
        title=SECRET,
        data={**linked.data, "link_method": SECRET, SECRET: SECRET},
        options={"doorbells": [SECRET], SECRET: SECRET},
    )
    await hass.async_block_till_done(wait_background_tasks=True)
    assert SECRET not in json.dumps(await download())
    await hass.config_entries.async_unload(linked.entry_id)
    assert SECRET not in json.dumps(await download())


@pytest.mark.parametrize("how", ["unload", "outage", "disable"])
async def test_of_an_account_that_is_not_loaded_say_what_is_stored(
    download: Any, hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, account: Account, how: str
) -> None:
    device = registered(hass, linked, account.device("Back Door"))
    if how == "unload":
        await hass.config_entries.async_unload(linked.entry_id)
    elif how == "disable":
        await hass.config_entries.async_set_disabled_by(linked.entry_id, ConfigEntryDisabler.USER)
    else:
        cloud.faults.add("/v1/devices", status=503, count=None)
        await hass.config_entries.async_reload(linked.entry_id)
    described = await download()
    assert described == {
        "state": "setup_retry" if how == "outage" else "not_loaded",
        "reason": "cannot_connect" if how == "outage" else None,
        "link": {"method": "ring_app", "has_signing_key": True},
        "delivery": {"has_webhook_url": False},
        "repairs": [],
        "doorbells_chosen": 0,
    }
    assert await download(device) == {"listed": False}


def _planted(value: Any) -> Any:
    """Return a value with a secret in each text, and under a name more in each block."""
    match value:
        case dict():
            return {key: _planted(item) for key, item in value.items()} | {SECRET: SECRET, f"{SECRET}_a": 1}
        case list():
            return [*map(_planted, value), SECRET]
        case str():
            return SECRET
    return value


async def test_of_one_device_are_its_part_of_the_whole(
    download: Any, hass: HomeAssistant, linked: ConfigEntry, account: Account
) -> None:
    whole = await download()
    for number, device in enumerate(account.devices):
        assert await download(registered(hass, linked, device)) == whole["devices"][number]
    registry = dr.async_get(hass)
    of_account = registry.async_get_device_by_identifier((DOMAIN, account.id), linked.entry_id)
    assert await download(of_account) == {key: whole[key] for key in whole if key != "devices"}
    garage = registered(hass, linked, account.device("Garage"))
    cameras = [await download(child) for child in dr.async_entries_for_parent_device(registry, garage.id)]
    assert sorted(camera["video"]["max_resolution"] for camera in cameras) == [1080, 2160]


async def test_of_a_device_that_ring_no_longer_lists_say_so(
    download: Any, hass: HomeAssistant, linked: ConfigEntry, account: Account, freezer: FrozenDateTimeFactory
) -> None:
    camera = account.device("Driveway")
    camera.set(e2ee=True)
    await async_pass_time(hass, freezer)
    assert await download(registered(hass, linked, camera)) == {"listed": False}


@pytest.mark.parametrize(
    ("fault", "error", "status"),
    [
        ({"status": 429, "headers": {"Retry-After": "300"}}, "rate_limited", 429),
        ({"status": 503, "headers": {"Retry-After": "300"}}, "cannot_connect", 503),
        ({"status": 403, "body": ""}, "forbidden", 403),
    ],
    ids=["429", "503", "403"],
)
async def test_say_what_went_wrong(
    download: Any,
    hass: HomeAssistant,
    cloud: RingCloud,
    freezer: FrozenDateTimeFactory,
    fault: dict[str, object],
    error: str,
    status: int,
) -> None:
    cloud.faults.add("/v1/devices", count=None, **fault)
    await async_pass_time(hass, freezer)
    polling = (await download())["polling"]
    assert polling["last_update_success"] is False
    assert polling["last_error"] == error
    assert polling["last_error_status"] == status
