"""The clock of this computer may be wrong, and be set right while Home Assistant runs: the bell rings all the same."""

from datetime import timedelta
import json

import pytest

from custom_components.ring_partner import clock
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from ring_cloud import Account

from .home import RING, Home, home, pushed
from .polls import async_set_up, set_clock_back, state_of
from .pushes import MINUTE, SECOND, async_pass_in_steps

__all__ = ["home", "pushed"]

AHEAD = timedelta(hours=2)


class Passed:
    """The computer's other clock, which only counts what has passed."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> Passed:
    passed = Passed()
    monkeypatch.setattr(clock, "monotonic", passed)
    return passed


async def test_a_clock_that_started_ahead_and_was_set_right_does_not_silence_the_bell(
    home: Home, entry: ConfigEntry, account: Account, passed: Passed
) -> None:
    door, right = account.device("Front Door"), home.freezer.time_to_freeze
    home.freezer.move_to(right + AHEAD)
    await async_set_up(home.hass, entry)
    home.freezer.move_to(right + 30 * SECOND)
    passed.seconds = 30
    await home.happen(door, "button_press")
    assert home.fired(entry, door) == [RING]


async def test_what_happened_before_the_start_stays_before_it(
    home: Home, entry: ConfigEntry, hass: HomeAssistant, account: Account, passed: Passed
) -> None:
    door, right = account.device("Front Door"), home.freezer.time_to_freeze
    home.cloud.deliveries.mischief("hold")
    await home.happen(door, "button_press")
    home.freezer.move_to(right + AHEAD)
    await async_set_up(hass, entry)
    home.freezer.move_to(right + 60 * SECOND)
    passed.seconds = 30
    await home.cloud.deliveries.release()
    await home.arrive()
    assert home.fired(entry, door) == []
    assert state_of(hass, entry, door, "last_ring") != "unknown"


async def test_a_clock_that_is_set_back_is_not_taken_for_rings_wish_to_be_left_alone(
    home: Home, entry: ConfigEntry, hass: HomeAssistant, passed: Passed
) -> None:
    await async_set_up(hass, entry)
    set_clock_back(hass, home.freezer, AHEAD)
    home.cloud.requests.clear()
    await entry.runtime_data.coordinator.async_refresh()
    assert home.cloud.count("GET", "/v1/devices") == 1


async def test_a_clock_that_is_set_back_makes_no_wait_longer(
    home: Home, hass: HomeAssistant, pushed: ConfigEntry, passed: Passed
) -> None:
    coordinator = pushed.runtime_data.coordinator
    home.cloud.faults.add("/v1/devices", status=429, headers={"Retry-After": "60"}, count=1)
    home.cloud.requests.clear()
    await coordinator.async_refresh()
    set_clock_back(hass, home.freezer, AHEAD)
    home.freezer.tick(55)
    await coordinator.async_refresh()
    assert home.cloud.count("GET", "/v1/devices") == 1
    home.freezer.tick(6)
    await coordinator.async_refresh()
    assert coordinator.last_update_success


async def test_a_history_read_until_what_is_yet_to_come_is_read_again(
    home: Home, entry: ConfigEntry, hass: HomeAssistant, account: Account, hass_storage: dict[str, object]
) -> None:
    """This is also what an older version has written."""
    door = account.device("Front Door")
    hass_storage[f"ring_partner.{entry.entry_id}.events"] = {
        "version": 1,
        "minor_version": 1,
        "key": f"ring_partner.{entry.entry_id}.events",
        "data": {
            "ledger": {"requests": [], "events": []},
            "was_proven": False,
            "read_until": {door.id: (dt_util.utcnow() + AHEAD).timestamp()},
            "activity": {},
        },
    }
    home.cloud.deliveries.mischief("drop")
    await async_set_up(hass, entry)
    home.freezer.tick(3)
    await home.happen(door, "button_press")
    await async_pass_in_steps(hass, home.freezer, 2 * MINUTE)
    assert home.fired(entry, door) == [RING]


@pytest.mark.parametrize(
    ("ages", "warnings"),
    [
        ((150, 152, 149, 150, 151, 150), 1),
        ((-150, -152, -149, -150, -151), 1),
        ((150, 152, 149, 150), 0),
        ((150, 152, 149, 2, 150, 151, 150), 0),
        ((2, 3, 2, 5, 1, 2, 3), 0),
        ((36, 156, 756, 4356, 756, 156, 756), 0),
    ],
    ids=["ahead", "behind", "too few to say", "one is fresh", "right", "an outage"],
)
async def test_a_wrong_clock_is_noticed_by_what_ring_says_of_the_time(
    home: Home, pushed: ConfigEntry, account: Account, caplog: pytest.LogCaptureFixture, ages: tuple[int, ...],
    warnings: int,
) -> None:  # fmt: skip
    for age in ages:
        home.freezer.tick(360)
        await press(home, account, timedelta(seconds=age))
    assert caplog.text.count("is the clock of this computer right?") == warnings


async def test_many_that_are_repeated_after_an_outage_say_nothing_of_the_clock(
    home: Home, pushed: ConfigEntry, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(20):
        home.freezer.tick(1)
        await press(home, account, timedelta(seconds=756 + number % 3))
    assert "is the clock" not in caplog.text


async def press(home: Home, account: Account, age: timedelta) -> None:
    """Push a ring that Ring says is so old."""
    at = dt_util.utcnow() - age
    meta = {"version": "1.1", "request_id": str(dt_util.utcnow()), "account_id": account.id, "time": at.isoformat()}
    attributes = {
        "source": account.device("Front Door").id,
        "source_type": "devices",
        "timestamp": int(at.timestamp() * 1000),
    }
    data = {"type": "button_press", "id": str(at), "attributes": attributes}
    assert await home.post(json.dumps({"meta": meta, "data": data}).encode()) == 200
