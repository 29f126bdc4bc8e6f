"""What each device shows: every family, odd values, and what happens while it runs."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
import re
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
import pytest
from syrupy.assertion import SnapshotAssertion

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.entity import Entity
from homeassistant.util.unit_system import US_CUSTOMARY_SYSTEM
from ring_cloud import Account, RingCloud
from ring_cloud.families import FAMILIES

from .polls import async_pass_time, async_set_up, by_events, entity_ids, registered, state_of, state_writes, states_of

NOW = "2026-01-15 12:00:00+00:00"


@pytest.fixture(autouse=True)
def _now(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(NOW)


@pytest.fixture
def everything_enabled() -> Iterator[None]:
    """Enable also what few people want."""
    with patch.object(Entity, "entity_registry_enabled_default", new=True):
        yield


@pytest.fixture
def families() -> list[str]:
    """One device of every family, unless a test says otherwise."""
    return list(FAMILIES)


@pytest.fixture
def account(cloud: RingCloud, families: list[str]) -> Account:
    return cloud.add_account("Jane", "Doe", "jane.doe@example.com", devices=families, plan=True)


async def _async_enable_all(hass: HomeAssistant, entry: ConfigEntry) -> set[str]:
    """Enable what is off by default, and return what that was."""
    registry = er.async_get(hass)
    found = er.async_entries_for_config_entry(registry, entry.entry_id)
    disabled = {row.entity_id for row in found if row.disabled_by is er.RegistryEntryDisabler.INTEGRATION}
    for entity_id in disabled:
        registry.async_update_entity(entity_id, disabled_by=None)
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    return disabled


async def _async_shown(hass: HomeAssistant, entry: ConfigEntry) -> dict[str, str]:
    """Every entity in one line: what a person, a dashboard and the statistics see of it."""
    await async_set_up(hass, entry)
    off_by_default = await _async_enable_all(hass, entry)
    rows = {}
    for found in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id):
        state = hass.states.get(found.entity_id)
        facts = [
            found.original_device_class,
            state.attributes.get("unit_of_measurement"),
            (found.capabilities or {}).get("state_class"),
            found.entity_category,
            "off by default" if found.entity_id in off_by_default else None,
        ]
        shown = f"{state.attributes['friendly_name']!r} {state.state}"
        rows[found.entity_id] = " · ".join([shown, *(str(fact) for fact in facts if fact)])
    return dict(sorted(rows.items()))


@pytest.mark.parametrize("families", [[family] for family in FAMILIES], ids=list(FAMILIES))
async def test_a_family_shows_what_it_has(
    hass: HomeAssistant, entry: ConfigEntry, snapshot: SnapshotAssertion, caplog: pytest.LogCaptureFixture
) -> None:
    rows = await _async_shown(hass, entry)
    assert {key: row for key, row in rows.items() if "ring_account" not in key} == snapshot
    assert not [record.getMessage() for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]


@pytest.mark.parametrize("families", [[]])
async def test_the_account_shows_its_link(hass: HomeAssistant, entry: ConfigEntry, snapshot: SnapshotAssertion) -> None:
    hass.config_entries.async_update_entry(entry, title="Jane Doe")
    rows = await _async_shown(hass, entry)
    left = rows.pop("sensor.ring_account_jane_doe_requests_left")
    assert re.fullmatch(r".* Requests left' 9\d · measurement · diagnostic · off by default", left)
    assert rows == snapshot


@pytest.mark.usefixtures("everything_enabled")
async def test_every_name_and_state_is_translated_and_nothing_is_unknown_without_a_reason(
    hass: HomeAssistant, entry: ConfigEntry, account: Account
) -> None:
    await async_set_up(hass, entry)
    registry = er.async_get(hass)
    for found in er.async_entries_for_config_entry(registry, entry.entry_id):
        # A camera is called as its device is.
        assert found.original_name or found.original_device_class or found.domain == "camera", found.entity_id
        assert "_none" not in found.entity_id
    silent = account.device("Attic Window")
    unknown = {state.entity_id for state in hass.states.async_all() if state.state == STATE_UNKNOWN}
    # Nothing has happened yet, and nothing has been pushed.
    quiet = by_events(hass, entry) | {entity_ids(hass, entry)["last_event"], "button.hallway_chime_two_notes"}
    assert unknown <= quiet | set(entity_ids(hass, entry, silent).values())


@pytest.mark.parametrize("families", [["flood_freeze", "mains_sensor"]])
async def test_a_battery_of_255_percent_is_no_battery(
    hass: HomeAssistant, entry: ConfigEntry, account: Account, freezer: FrozenDateTimeFactory
) -> None:
    on_battery, on_mains = account.devices
    on_battery.set(battery=41)
    await async_set_up(hass, entry)
    assert state_of(hass, entry, on_battery, "battery") == "41"
    assert "battery" not in entity_ids(hass, entry, on_mains)

    on_battery.set(battery=255)
    await async_pass_time(hass, freezer)
    assert state_of(hass, entry, on_battery, "battery") == STATE_UNKNOWN


@pytest.mark.parametrize("families", [["new_sensor"]])
@pytest.mark.usefixtures("everything_enabled")
async def test_what_a_device_says_for_the_first_time_appears_without_a_reload(
    hass: HomeAssistant, entry: ConfigEntry, account: Account, freezer: FrozenDateTimeFactory
) -> None:
    (device,) = account.devices
    await async_set_up(hass, entry)
    assert state_of(hass, entry, device, "last_reported") == STATE_UNKNOWN
    assert state_of(hass, entry, device, "battery") == STATE_UNKNOWN
    assert "signal_strength" not in entity_ids(hass, entry, device)

    device.set(contact=True)
    await async_pass_time(hass, freezer)
    assert state_of(hass, entry, device, "contact") == STATE_ON
    assert state_of(hass, entry, device, "battery") == "90"
    assert state_of(hass, entry, device, "signal_strength") == "good"
    assert state_of(hass, entry, device, "last_reported").startswith("2026-01-15T12:")


@pytest.mark.parametrize("families", [["future", "contact"]])
async def test_a_device_of_a_family_not_yet_invented_harms_nothing(
    hass: HomeAssistant, entry: ConfigEntry, account: Account
) -> None:
    future, contact = account.devices
    await async_set_up(hass, entry)
    assert states_of(hass, entry, future) == {"connectivity": STATE_ON, "signal_strength": "good"}
    assert state_of(hass, entry, contact, "contact") == STATE_OFF


READINGS = [
    ("contact", {"contact": True}, "contact", STATE_ON),
    ("contact", {"tamper": True}, "tamper", STATE_ON),
    ("contact", {"signal_strength": "poor"}, "signal_strength", "poor"),
    ("flood_freeze", {"flood": True}, "flood", STATE_ON),
    ("flood_freeze", {"freeze": True}, "freeze", STATE_ON),
    ("smoke_co_listener", {"smoke": True}, "smoke", STATE_ON),
    ("smoke_co_listener", {"co": True}, "co", STATE_ON),
    ("glass_break", {"glass_break": True}, "glass_break", STATE_ON),
    ("temperature_humidity", {"temperature": -3.5}, "temperature", "-3.5"),
    ("temperature_humidity", {"humidity": 77}, "humidity", "77.0"),
    ("air_quality", {"pm25": 140}, "pm25", "140.0"),
    ("air_quality", {"co_concentration": 35}, "co_concentration", "35.0"),
    ("doorbell", {"motion_detection": False}, "motion_detection", STATE_OFF),
    ("camera", {"hdr": False}, "hdr", STATE_OFF),
    ("camera", {"color_night_vision": True}, "night_vision", STATE_ON),
    ("camera", {"ir_led_night_vision": False}, "ir_led", STATE_OFF),
    ("camera", {"auto_zoom_track": True}, "auto_zoom", STATE_ON),
    ("chime", {"volume": 2}, "volume", "2"),
    ("camera", {"online": False}, "connectivity", STATE_OFF),
]


@pytest.mark.parametrize(("families", "change", "key", "state"), [([f], *rest) for f, *rest in READINGS])
@pytest.mark.usefixtures("everything_enabled")
async def test_a_change_shows_with_the_next_poll(
    hass: HomeAssistant,
    entry: ConfigEntry,
    account: Account,
    freezer: FrozenDateTimeFactory,
    change: dict[str, object],
    key: str,
    state: str,
) -> None:
    (device,) = account.devices
    await async_set_up(hass, entry)
    assert state_of(hass, entry, device, key) not in (state, STATE_UNKNOWN, STATE_UNAVAILABLE)
    device.set(**change)
    await async_pass_time(hass, freezer)
    assert state_of(hass, entry, device, key) == state


class TestTemperature:
    """Ring chooses the unit; Home Assistant's user does, too."""

    @pytest.fixture
    def families(self) -> list[str]:
        return ["temperature_humidity"]

    def _say(self, account: Account, value: float, unit: str | None) -> None:
        (device,) = account.devices
        device.family = replace(device.family, status={"temperature": {"unit": unit}})
        device.set(temperature=value)

    @pytest.mark.parametrize(
        ("value", "unit", "shown"),
        [
            (21.5, "celsius", 21.5),
            (59, "fahrenheit", 15.0),
            (59, "F", 15.0),
            (21.5, None, 21.5),
            (21.5, "réaumur", None),
        ],
    )
    async def test_is_shown_in_celsius_whatever_unit_ring_uses(
        self, hass: HomeAssistant, entry: ConfigEntry, account: Account, value: float, unit: str, shown: float
    ) -> None:
        self._say(account, value, unit)
        await async_set_up(hass, entry)
        state = state_of(hass, entry, account.devices[0], "temperature")
        assert state == STATE_UNKNOWN if shown is None else float(state) == pytest.approx(shown)

    async def test_is_shown_in_fahrenheit_to_who_wants_that(
        self, hass: HomeAssistant, entry: ConfigEntry, account: Account
    ) -> None:
        hass.config.units = US_CUSTOMARY_SYSTEM
        self._say(account, 59, "fahrenheit")
        await async_set_up(hass, entry)
        assert float(state_of(hass, entry, account.devices[0], "temperature")) == pytest.approx(59)

    async def test_stays_right_when_ring_changes_the_unit(
        self, hass: HomeAssistant, entry: ConfigEntry, account: Account, freezer: FrozenDateTimeFactory
    ) -> None:
        self._say(account, 20, "celsius")
        await async_set_up(hass, entry)
        self._say(account, 50, "fahrenheit")
        await async_pass_time(hass, freezer)
        assert float(state_of(hass, entry, account.devices[0], "temperature")) == pytest.approx(10)


class TestOffline:
    """What a device that is off the network still tells."""

    @pytest.mark.parametrize(
        ("families", "known"),
        [
            (["contact"], {"connectivity": STATE_OFF, "battery": "87"}),
            (
                ["camera"],
                {
                    "connectivity": STATE_OFF,
                    "motion_detection": STATE_ON,
                    "e2e_encryption": STATE_OFF,
                    "resolution": "1440p",
                    "volume": "7",
                    "motion": STATE_UNKNOWN,
                    "last_motion": STATE_UNKNOWN,
                    "last_event": STATE_UNKNOWN,
                },
            ),
            (["air_quality"], {"connectivity": STATE_OFF}),
        ],
        ids=["contact", "camera", "air_quality"],
    )
    async def test_settings_and_the_last_charge_stay_known_and_readings_do_not(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        account: Account,
        freezer: FrozenDateTimeFactory,
        known: dict[str, str],
    ) -> None:
        (device,) = account.devices
        await async_set_up(hass, entry)
        before = states_of(hass, entry, device)
        device.set(online=False)
        await async_pass_time(hass, freezer)
        states = states_of(hass, entry, device)
        assert {key: state for key, state in states.items() if state != STATE_UNAVAILABLE} == known

        device.set(online=True)
        await async_pass_time(hass, freezer)
        assert states_of(hass, entry, device) == before

    @pytest.mark.parametrize("families", [["contact", "flood_freeze"]])
    async def test_touches_no_other_device(
        self, hass: HomeAssistant, entry: ConfigEntry, account: Account, freezer: FrozenDateTimeFactory
    ) -> None:
        contact, flood = account.devices
        await async_set_up(hass, entry)
        contact.set(online=False)
        with state_writes(hass) as written:
            await async_pass_time(hass, freezer)
        assert written
        assert not set(written) & set(entity_ids(hass, entry, flood).values())


@pytest.mark.usefixtures("everything_enabled")
class TestQuietPolls:
    """A poll that changes nothing writes nothing."""

    async def test_a_heartbeat_is_written_where_it_is_shown_and_nowhere_else(
        self, hass: HomeAssistant, entry: ConfigEntry, account: Account, freezer: FrozenDateTimeFactory
    ) -> None:
        await async_set_up(hass, entry)
        clocks = {entity_ids(hass, entry, device)["last_reported"] for device in account.devices}
        clocks.add(entity_ids(hass, entry, None)["requests_left"])
        before = hass.states.get(entity_ids(hass, entry, account.device("Driveway"))["last_reported"])
        with state_writes(hass) as written:
            for _ in range(5):
                await async_pass_time(hass, freezer)
        assert set(written) <= clocks
        assert hass.states.get(before.entity_id).state > before.state

    async def test_of_silent_devices_nothing_is_written(
        self, hass: HomeAssistant, entry: ConfigEntry, account: Account, freezer: FrozenDateTimeFactory
    ) -> None:
        for device in account.devices:
            device.set(online=False)
        await async_set_up(hass, entry)
        with state_writes(hass) as written:
            for _ in range(5):
                await async_pass_time(hass, freezer)
        assert set(written) <= {entity_ids(hass, entry, None)["requests_left"]}


async def test_an_unchanged_poll_writes_no_state_with_the_entities_people_have(
    hass: HomeAssistant, linked: ConfigEntry, freezer: FrozenDateTimeFactory, cloud: RingCloud
) -> None:
    polls = cloud.count("GET", "/v1/devices")
    with state_writes(hass) as written:
        for _ in range(10):
            await async_pass_time(hass, freezer)
    assert cloud.count("GET", "/v1/devices") == polls + 10
    assert written == []


@pytest.mark.parametrize("families", [["multi_camera"]])
class TestSeveralCameras:
    """A device with several cameras has a child device for each."""

    async def test_each_camera_is_a_child_of_its_device(
        self, hass: HomeAssistant, entry: ConfigEntry, account: Account
    ) -> None:
        (device,) = account.devices
        await async_set_up(hass, entry)
        parent = registered(hass, entry, device)
        children = dr.async_entries_for_parent_device(dr.async_get(hass), parent.id)
        assert sorted(child.name for child in children) == ["Camera 1", "Camera 2"]
        assert hass.states.get("sensor.garage_camera_1_resolution").state == "2160p"
        assert hass.states.get("sensor.garage_camera_2_resolution").state == "1080p"
        assert "resolution" not in entity_ids(hass, entry, device)

    async def test_a_camera_that_is_taken_off_becomes_unavailable_and_then_goes(
        self, hass: HomeAssistant, entry: ConfigEntry, account: Account, freezer: FrozenDateTimeFactory
    ) -> None:
        (device,) = account.devices
        await async_set_up(hass, entry)
        capabilities = device.family.capabilities
        items = capabilities["components"]["items"]
        device.family = replace(device.family, capabilities={**capabilities, "components": {"items": items[:1]}})
        await async_pass_time(hass, freezer)
        assert hass.states.get("sensor.garage_camera_1_resolution").state == "2160p"
        assert hass.states.get("sensor.garage_camera_2_resolution").state == STATE_UNAVAILABLE

        await async_pass_time(hass, freezer, timedelta(days=1))
        assert hass.states.get("sensor.garage_camera_2_resolution") is None
        children = dr.async_entries_for_parent_device(dr.async_get(hass), registered(hass, entry, device).id)
        assert [child.name for child in children] == ["Camera 1"]


async def test_what_is_pushed_while_an_entity_is_being_added_is_not_missed(
    hass: HomeAssistant, linked: ConfigEntry, account: Account, cloud: RingCloud, freezer: FrozenDateTimeFactory
) -> None:
    coordinator = linked.runtime_data.coordinator

    @callback
    def push(event: Event[er.EventEntityRegistryUpdatedData]) -> None:
        if event.data["entity_id"] == "binary_sensor.cellar_flood" and event.data["action"] == "create":
            found = coordinator.data.devices[device.id]
            flooded = replace(found, status=replace(found.status, flooded=True))
            coordinator.async_set_updated_data(
                replace(coordinator.data, devices={**coordinator.data.devices, device.id: flooded})
            )

    hass.bus.async_listen(er.EVENT_ENTITY_REGISTRY_UPDATED, push)
    device = cloud.add_device(account, "flood_freeze", "Cellar")
    await async_pass_time(hass, freezer)
    assert hass.states.get("binary_sensor.cellar_flood").state == STATE_ON
