"""The device registry follows the Ring account: devices appear, get other names, hide, and go."""

from datetime import timedelta
from math import inf
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import MockHAClientWebSocket, WebSocketGenerator
from syrupy.assertion import SnapshotAssertion

from custom_components.ring_partner.const import DOMAIN
from homeassistant.config_entries import ConfigEntry, ConfigEntryDisabler, ConfigEntryState
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from ring_cloud import Account, RingCloud

from .conftest import make_entry
from .polls import POLL, async_pass_time, entity_ids, registered, set_clock_back, state_of, states_of

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def _devices(hass: HomeAssistant, entry: ConfigEntry) -> list[dr.DeviceEntry]:
    return dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)


def _account(hass: HomeAssistant, entry: ConfigEntry) -> dr.DeviceEntry:
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, entry.unique_id), entry.entry_id)
    assert device is not None
    return device


async def test_devices_have_names_and_models_and_belong_to_the_account(
    hass: HomeAssistant, linked: ConfigEntry, snapshot: SnapshotAssertion
) -> None:
    account = _account(hass, linked)
    assert account.entry_type is dr.DeviceEntryType.SERVICE
    assert account.name == f"Ring account {linked.title}"
    others = [device for device in _devices(hass, linked) if device.id != account.id]
    assert {device.via_device_id for device in others} == {account.id}
    assert {device.manufacturer for device in others} == {"Ring"}
    assert {device.name: device.model for device in others} == snapshot


async def test_a_device_without_a_name_is_called_what_it_is(
    hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, account: Account, freezer: FrozenDateTimeFactory
) -> None:
    pictured = cloud.add_device(account, "contact")
    plain = cloud.add_device(account, "plain_camera")
    pictured.name = plain.name = ""
    await async_pass_time(hass, freezer)
    assert registered(hass, linked, pictured).name == "Contact Sensor"
    assert registered(hass, linked, plain).name == "Camera"


async def test_a_new_device_appears_with_its_entities(
    hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, account: Account, freezer: FrozenDateTimeFactory
) -> None:
    device = cloud.add_device(account, "flood_freeze", "Cellar")
    assert registered(hass, linked, device) is None
    await async_pass_time(hass, freezer)
    assert registered(hass, linked, device).name == "Cellar"
    assert hass.states.get("binary_sensor.cellar_flood").state == STATE_OFF


async def test_a_device_that_turns_out_to_have_more_gets_more_entities(
    hass: HomeAssistant, linked: ConfigEntry, account: Account, freezer: FrozenDateTimeFactory
) -> None:
    silent = account.device("Attic Window")
    before = states_of(hass, linked, silent)
    assert "signal_strength" not in before
    silent.set(signal_strength="fair")
    await async_pass_time(hass, freezer)
    assert state_of(hass, linked, silent, "signal_strength") == "fair"
    assert before.keys() < states_of(hass, linked, silent).keys()


async def test_an_entity_that_the_user_has_renamed_is_not_added_twice(
    hass: HomeAssistant,
    linked: ConfigEntry,
    account: Account,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    silent = account.device("Attic Window")
    contact = entity_ids(hass, linked, silent)["contact"]
    er.async_get(hass).async_update_entity(contact, new_entity_id="binary_sensor.roof")
    await hass.async_block_till_done(wait_background_tasks=True)
    silent.set(signal_strength="fair")
    await async_pass_time(hass, freezer)
    assert state_of(hass, linked, silent, "signal_strength") == "fair"
    assert hass.states.get("binary_sensor.roof").state == STATE_OFF
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_device_of_others_that_goes_is_no_business_of_ours(
    hass: HomeAssistant, linked: ConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """Some integrations have identifiers of three parts."""
    registry, others = dr.async_get(hass), MockConfigEntry(domain="bond")
    others.add_to_hass(hass)
    device = registry.async_get_or_create(config_entry_id=others.entry_id, identifiers={("bond", "hub", "fan")})
    registry.async_remove_device(device.id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_removed_device_with_identifier_of_another_form_is_ignored(
    hass: HomeAssistant, linked: ConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    registry = dr.async_get(hass)
    device = registry.async_get_or_create(config_entry_id=linked.entry_id, identifiers={(DOMAIN, "old-form")})
    registry.async_remove_device(device.id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


class TestRename:
    """A device is called what the Ring app calls it, until the user of Home Assistant says otherwise."""

    async def test_a_new_name_in_the_ring_app_shows(
        self, hass: HomeAssistant, linked: ConfigEntry, account: Account, freezer: FrozenDateTimeFactory
    ) -> None:
        device = account.device("Back Door")
        device.set(name="Terrace Door")
        await async_pass_time(hass, freezer)
        assert registered(hass, linked, device).name == "Terrace Door"
        state = hass.states.get("binary_sensor.back_door_contact")
        assert state.attributes["friendly_name"] == "Terrace Door Contact"

    async def test_the_users_own_name_and_area_stay(
        self, hass: HomeAssistant, linked: ConfigEntry, account: Account, freezer: FrozenDateTimeFactory
    ) -> None:
        device = account.device("Back Door")
        area = ar.async_get(hass).async_create("Kitchen")
        dr.async_get(hass).async_update_device(
            registered(hass, linked, device).id, name_by_user="Mine", area_id=area.id
        )
        device.set(name="Terrace Door")
        await async_pass_time(hass, freezer)
        assert registered(hass, linked, device).name_by_user == "Mine"
        assert registered(hass, linked, device).area_id == area.id


class TestHiding:
    """A device with end-to-end encryption leaves the list without a word."""

    async def test_it_is_unavailable_and_back_with_the_same_entities(
        self,
        hass: HomeAssistant,
        linked: ConfigEntry,
        account: Account,
        freezer: FrozenDateTimeFactory,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        camera = account.device("Driveway")
        before, ids = states_of(hass, linked, camera), entity_ids(hass, linked, camera)
        registry_id = registered(hass, linked, camera).id
        others = {device.name: states_of(hass, linked, device) for device in account.devices if device is not camera}
        for _ in range(3):
            camera.set(e2ee=True)
            await async_pass_time(hass, freezer)
            assert set(states_of(hass, linked, camera).values()) == {STATE_UNAVAILABLE}
            assert others == {
                device.name: states_of(hass, linked, device) for device in account.devices if device is not camera
            }
            camera.set(e2ee=False)
            await async_pass_time(hass, freezer, 6 * HOUR)
            assert states_of(hass, linked, camera) == before
        assert entity_ids(hass, linked, camera) == ids
        assert registered(hass, linked, camera).id == registry_id
        assert "does not generate unique IDs" not in caplog.text

    async def test_its_settings_survive_almost_a_day(
        self, hass: HomeAssistant, linked: ConfigEntry, account: Account, freezer: FrozenDateTimeFactory
    ) -> None:
        camera = account.device("Driveway")
        camera.set(e2ee=True)
        await async_pass_time(hass, freezer)
        await async_pass_time(hass, freezer, DAY - POLL)
        assert registered(hass, linked, camera) is not None

    @pytest.mark.parametrize("name", ["Driveway", "Garage"])
    async def test_it_is_removed_when_it_stays_away_and_added_when_it_returns(
        self,
        hass: HomeAssistant,
        linked: ConfigEntry,
        account: Account,
        freezer: FrozenDateTimeFactory,
        caplog: pytest.LogCaptureFixture,
        name: str,
    ) -> None:
        camera = account.device(name)
        before, ids = states_of(hass, linked, camera), entity_ids(hass, linked, camera)
        camera.set(e2ee=True)
        await async_pass_time(hass, freezer)
        await async_pass_time(hass, freezer, DAY)
        assert registered(hass, linked, camera) is None
        assert entity_ids(hass, linked, camera) == {}
        assert states_of(hass, linked, camera) == {}
        assert not [state for state in hass.states.async_all() if state.entity_id in ids.values()]

        camera.set(e2ee=False)
        await async_pass_time(hass, freezer)
        assert states_of(hass, linked, camera) == before
        assert entity_ids(hass, linked, camera) == ids
        assert "does not generate unique IDs" not in caplog.text
        assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]

    async def test_a_day_of_absence_is_counted_anew_after_every_return(
        self, hass: HomeAssistant, linked: ConfigEntry, account: Account, freezer: FrozenDateTimeFactory
    ) -> None:
        camera = account.device("Driveway")
        for _ in range(3):
            camera.set(e2ee=True)
            await async_pass_time(hass, freezer)
            await async_pass_time(hass, freezer, 14 * HOUR)
            assert registered(hass, linked, camera) is not None
            camera.set(e2ee=False)
            await async_pass_time(hass, freezer)

    async def test_a_day_without_ring_removes_nothing(
        self,
        hass: HomeAssistant,
        linked: ConfigEntry,
        cloud: RingCloud,
        account: Account,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        cloud.faults.add("/v1/devices", status=500, count=None)
        for _ in range(3):
            await async_pass_time(hass, freezer, DAY)
        cloud.faults.clear()
        await async_pass_time(hass, freezer)
        assert len(_devices(hass, linked)) == len(account.devices) + 1

    async def test_what_went_while_home_assistant_was_down_goes_too(
        self, hass: HomeAssistant, linked: ConfigEntry, account: Account, freezer: FrozenDateTimeFactory
    ) -> None:
        camera = account.device("Driveway")
        await hass.config_entries.async_unload(linked.entry_id)
        camera.set(e2ee=True)
        await hass.config_entries.async_setup(linked.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert registered(hass, linked, camera) is not None
        await async_pass_time(hass, freezer, DAY)
        assert registered(hass, linked, camera) is None

    async def test_time_a_device_has_been_missing_survives_reloads(
        self, hass: HomeAssistant, linked: ConfigEntry, account: Account, freezer: FrozenDateTimeFactory
    ) -> None:
        camera = account.device("Garage")
        camera.set(e2ee=True)
        await async_pass_time(hass, freezer)
        for _ in range(4):
            await async_pass_time(hass, freezer, 5 * HOUR)
            await hass.config_entries.async_reload(linked.entry_id)
            await hass.async_block_till_done(wait_background_tasks=True)
            assert registered(hass, linked, camera) is not None
        await async_pass_time(hass, freezer, 4 * HOUR)
        assert registered(hass, linked, camera) is None

    async def test_clock_set_back_over_a_reload_keeps_a_missing_device(
        self, hass: HomeAssistant, linked: ConfigEntry, account: Account, freezer: FrozenDateTimeFactory
    ) -> None:
        camera = account.device("Driveway")
        camera.set(e2ee=True)
        await async_pass_time(hass, freezer)
        await hass.config_entries.async_unload(linked.entry_id)
        set_clock_back(hass, freezer, DAY)
        await hass.config_entries.async_setup(linked.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert registered(hass, linked, camera) is not None
        await async_pass_time(hass, freezer, DAY)
        assert registered(hass, linked, camera) is None

    async def test_nothing_is_kept_of_a_device_that_is_back(
        self,
        hass: HomeAssistant,
        linked: ConfigEntry,
        account: Account,
        freezer: FrozenDateTimeFactory,
        hass_storage: dict[str, Any],
    ) -> None:
        camera, key = account.device("Driveway"), f"ring_partner.{linked.entry_id}.missing"
        camera.set(e2ee=True)
        await async_pass_time(hass, freezer)
        assert len(hass_storage[key]["data"]) == 1
        camera.set(e2ee=False)
        await async_pass_time(hass, freezer)
        assert key not in hass_storage


class TestRemovingByHand:
    """The user may remove what Ring no longer lists, over the same websocket command as the frontend."""

    @pytest.fixture
    async def remove(self, hass: HomeAssistant, linked: ConfigEntry, hass_ws_client: WebSocketGenerator) -> Any:
        assert await async_setup_component(hass, "config", {})
        client = await hass_ws_client(hass)

        async def remove(device_id: str) -> bool:
            await client.send_json_auto_id({"type": "config/device_registry/remove", "device_id": device_id})
            return (await client.receive_json())["success"]

        return remove

    async def test_is_refused_for_what_is_there(
        self, hass: HomeAssistant, remove: Any, linked: ConfigEntry, account: Account
    ) -> None:
        garage = registered(hass, linked, account.device("Garage"))
        (child, _) = dr.async_entries_for_parent_device(dr.async_get(hass), garage.id)
        for device_id in (_account(hass, linked).id, garage.id, child.id):
            assert not await remove(device_id)
        assert registered(hass, linked, account.device("Garage")) is not None

    async def test_removes_what_is_missing_at_once(
        self,
        hass: HomeAssistant,
        remove: Any,
        linked: ConfigEntry,
        account: Account,
        freezer: FrozenDateTimeFactory,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        camera = account.device("Driveway")
        before = states_of(hass, linked, camera)
        camera.set(e2ee=True)
        await async_pass_time(hass, freezer)
        assert await remove(registered(hass, linked, camera).id)
        await hass.async_block_till_done()
        assert states_of(hass, linked, camera) == {}

        await async_pass_time(hass, freezer, DAY)
        camera.set(e2ee=False)
        await async_pass_time(hass, freezer)
        assert states_of(hass, linked, camera) == before
        assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]


class TestRemovingWhileNotLoaded:
    """What Ring lists is not known then: any device may go, and is back with the account if Ring lists it."""

    @pytest.fixture
    async def client(self, hass: HomeAssistant, hass_ws_client: WebSocketGenerator) -> MockHAClientWebSocket:
        assert await async_setup_component(hass, "config", {})
        return await hass_ws_client(hass)

    async def test_device_of_account_that_waits_for_ring_is_removed(
        self,
        hass: HomeAssistant,
        linked: ConfigEntry,
        cloud: RingCloud,
        account: Account,
        client: MockHAClientWebSocket,
    ) -> None:
        device = account.device("Back Door")
        registry_id, before = registered(hass, linked, device).id, states_of(hass, linked, device)
        fault = cloud.faults.add("/v1/devices", status=503, count=None)
        await hass.config_entries.async_reload(linked.entry_id)
        assert linked.state is ConfigEntryState.SETUP_RETRY
        await client.send_json_auto_id({"type": "config/device_registry/remove", "device_id": registry_id})
        assert (await client.receive_json())["success"]
        assert registered(hass, linked, device) is None
        assert states_of(hass, linked, device) == {}

        cloud.faults.remove(fault.id)
        await hass.config_entries.async_reload(linked.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert registered(hass, linked, device).name == "Back Door"
        assert states_of(hass, linked, device) == before

    @pytest.mark.parametrize("is_disabled", [True, False])
    async def test_account_itself_stays_while_others_of_it_are_removed(
        self, hass: HomeAssistant, linked: ConfigEntry, account: Account, client: MockHAClientWebSocket, *,
        is_disabled: bool,
    ) -> None:  # fmt: skip
        own, other = _account(hass, linked), registered(hass, linked, account.device("Garage"))
        if is_disabled:
            await hass.config_entries.async_set_disabled_by(linked.entry_id, ConfigEntryDisabler.USER)
        else:
            await hass.config_entries.async_unload(linked.entry_id)
        answers = []
        for device_id in (own.id, other.id):
            await client.send_json_auto_id({"type": "config/device_registry/remove", "device_id": device_id})
            answers.append(await client.receive_json())
        assert [answer["success"] for answer in answers] == [False, True]
        assert answers[0]["error"]["code"] != "unknown_error"
        assert _account(hass, linked).id == own.id

    async def test_device_of_account_being_set_up_is_refused_in_words(
        self,
        hass: HomeAssistant,
        linked: ConfigEntry,
        cloud: RingCloud,
        client: MockHAClientWebSocket,
    ) -> None:
        fault = cloud.faults.add("/v1/devices", delay=inf)
        reloading = hass.async_create_task(hass.config_entries.async_reload(linked.entry_id))
        await fault.reached()
        assert linked.state is ConfigEntryState.SETUP_IN_PROGRESS
        await client.send_json_auto_id(
            {"type": "config/device_registry/remove", "device_id": _account(hass, linked).id}
        )
        error = (await client.receive_json())["error"]
        assert (error["code"], error["translation_key"]) == ("home_assistant_error", "account_not_loaded")
        fault.release()
        assert await reloading


async def test_two_accounts_keep_their_devices_apart(
    hass: HomeAssistant, linked: ConfigEntry, cloud: RingCloud, account: Account, freezer: FrozenDateTimeFactory
) -> None:
    john = cloud.add_account("John", "Doe", "john.doe@example.com", devices=["contact"])
    second = make_entry(john, cloud.link_directly(john, next(iter(cloud.apps.values()))))
    second.add_to_hass(hass)
    await hass.config_entries.async_setup(second.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    (johns,) = john.devices
    assert registered(hass, second, johns).via_device_id == _account(hass, second).id

    johns.set(contact=True)
    await async_pass_time(hass, freezer)
    assert state_of(hass, second, johns, "contact") == STATE_ON
    assert state_of(hass, linked, account.device("Back Door"), "contact") == STATE_OFF

    await hass.config_entries.async_remove(second.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert er.async_entries_for_config_entry(er.async_get(hass), second.entry_id) == []
    assert len(_devices(hass, linked)) == len(account.devices) + 1
