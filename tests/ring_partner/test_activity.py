"""What is kept of an account's events goes with the account."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
import threading
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.ring_partner import labels
from custom_components.ring_partner.activity import SAVE_DELAY_SECONDS
from custom_components.ring_partner.events import Kind, Ledger, RingEvent, Source
from custom_components.ring_partner.labels import Labels
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from ring_cloud import Account

from .home import RING, Home, home, pushed
from .polls import async_pass_time, async_set_up, state_of

__all__ = ["home", "pushed"]

SAVED = timedelta(seconds=SAVE_DELAY_SECONDS + 1)


def key(entry: ConfigEntry) -> str:
    """Name the file."""
    return f"ring_partner.{entry.entry_id}.events"


@pytest.fixture
def happening(account: Account, freezer: FrozenDateTimeFactory) -> RingEvent:
    """Somebody rings."""
    door = account.device("Front Door")
    return RingEvent(device_id=door.id, kind=Kind.RING, at=dt_util.utcnow(), source=Source.PUSH)


async def test_what_comes_while_the_account_is_removed_does_not_bring_its_file_back(
    home: Home, pushed: ConfigEntry, hass: HomeAssistant, account: Account, hass_storage: dict[str, Any],
    happening: RingEvent,
) -> None:  # fmt: skip
    activity = pushed.runtime_data.activity
    await home.happen(account.device("Front Door"), "button_press")
    await async_pass_time(hass, home.freezer, SAVED)
    assert key(pushed) in hass_storage
    await hass.config_entries.async_remove(pushed.entry_id)
    assert key(pushed) not in hass_storage
    activity.handle(happening)
    await async_pass_time(hass, home.freezer, SAVED)
    assert key(pushed) not in hass_storage


async def test_file_of_another_release_costs_what_is_not_understood(
    home: Home, entry: MockConfigEntry, hass: HomeAssistant, hass_storage: dict[str, Any], account: Account
) -> None:
    """A delivery that is known stays known, whatever stands beside it in the file."""
    await async_set_up(hass, entry)
    home.freezer.tick(3)
    door = account.device("Front Door")
    delivery = await home.happen(door, "button_press")
    await hass.config_entries.async_unload(entry.entry_id)
    stored = hass_storage[key(entry)]
    stored["version"] = 2
    data = stored["data"]
    data["delivery"] = "pushed_partly"
    data["last_event_at"] = "yesterday"
    data["read_until"]["fake-device"] = True
    data["activity"] |= {"fake-device": {"motion": None, "ring": "noon"}, "fake-other": 5}
    data["new_field"] = {}
    ledger = data["ledger"]
    ledger["requests"] += [None, 5]
    ledger["lifecycle"]["fake-device"] = "now"
    events = next(item for item in ledger["events"] if item[0] == door.id)
    events[2] += [["odd"], [None, "push", None, None], [1.0, "carrier pigeon", None, None], [1.0, "push", None, "fake"]]
    events.append({"push": None})
    ledger["events"] += [["fake-device", "alarm", []], ["fake-device", "ring", "none"], 5]
    await async_set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    assert await home.post(delivery.body.replace(delivery.request_id.encode(), b"fake-other-request")) == 200
    assert home.fired(entry, door) == [RING]
    assert state_of(hass, entry, door, "last_ring") != STATE_UNKNOWN
    assert state_of(hass, entry, None, "delivery") == "pushed"


@pytest.mark.parametrize(
    "data", [[], {"ledger": []}, {"ledger": {"requests": 5, "events": {}, "lifecycle": []}, "activity": []}]
)
async def test_file_of_another_shape_costs_no_account(
    hass: HomeAssistant, hass_storage: dict[str, Any], entry: MockConfigEntry, data: object
) -> None:
    hass_storage[key(entry)] = {"version": 1, "minor_version": 9, "key": key(entry), "data": data}
    await async_set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED


@pytest.mark.parametrize("what", ["events", "labels", "missing"])
@pytest.mark.parametrize(
    "content",
    ["[]", "null", "5", '{"data": {}}', '{"version": "1", "data": {}}', '{"version": 1}', '{"ver', b"\xff", None],
)
class TestDamagedFile:
    """None stands for a file that cannot be read."""

    @pytest.fixture
    def hass_storage(self) -> dict[str, object]:
        """Files on the disk, unlike elsewhere."""
        return {}

    async def test_damaged_file_costs_no_account(
        self, hass: HomeAssistant, entry: MockConfigEntry, what: str, content: str | bytes | None
    ) -> None:
        path = Path(hass.config.path(".storage", f"ring_partner.{entry.entry_id}.{what}"))
        path.parent.mkdir(exist_ok=True)
        if content is None:
            path.mkdir()
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        await async_set_up(hass, entry)
        assert entry.state is ConfigEntryState.LOADED
        if content is None:
            path.rmdir()


async def test_an_unloaded_account_is_not_written_again(
    home: Home, pushed: ConfigEntry, hass: HomeAssistant, hass_storage: dict[str, Any], happening: RingEvent
) -> None:
    activity = pushed.runtime_data.activity
    await hass.config_entries.async_unload(pushed.entry_id)
    before = hass_storage.pop(key(pushed))
    activity.handle(happening)
    await async_pass_time(hass, home.freezer, SAVED)
    assert key(pushed) not in hass_storage
    hass_storage[key(pushed)] = before


async def test_what_is_kept_is_read_and_written_beside_the_event_loop(
    home: Home, pushed: ConfigEntry, hass: HomeAssistant, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There may be thousands of it, and the house goes on meanwhile."""
    threads: dict[str, set[int]] = {}

    def noting(name: str, method: Callable[..., object]) -> Callable[..., object]:
        def noted(*args: object) -> object:
            threads.setdefault(name, set()).add(threading.get_ident())
            return method(*args)

        return noted

    door = account.device("Front Door")
    await home.happen(door, "motion_detected", sub_type="human")
    monkeypatch.setattr(Ledger, "as_dict", noting("ledger out", Ledger.as_dict))
    monkeypatch.setattr(Ledger, "from_dict", noting("ledger in", Ledger.from_dict))
    monkeypatch.setattr(Labels, "_as_dict", noting("labels out", Labels._as_dict))
    monkeypatch.setattr(labels, "Label", noting("labels in", labels.Label))
    await hass.config_entries.async_reload(pushed.entry_id)
    assert [label.sub_type for label in pushed.runtime_data.activity.labels.of(door.id)] == ["human"]
    assert threads.keys() == {"ledger out", "ledger in", "labels out", "labels in"}
    assert threading.get_ident() not in set().union(*threads.values())
