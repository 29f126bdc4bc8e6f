"""Options: how often to poll, and which cameras are doorbells."""

import pytest

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from ring_cloud import Account, RingCloud

from .dialog import OPTIONS, Dialog, another, dialog, frontend

__all__ = ["dialog", "frontend"]


@pytest.fixture
def account(cloud: RingCloud) -> Account:
    """Jane, with a camera that Ring gives no picture of."""
    account = cloud.add_account("Jane", "Doe", "jane.doe@example.com", ["doorbell", "contact"])
    cloud.add_device(account, "plain_camera", "Side gate")
    return account


@pytest.mark.parametrize(("seconds", "status"), [(29, 400), (30, 200), (900, 200), (901, 400), ("often", 400)])
async def test_the_polling_interval_has_bounds(
    hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry, seconds: object, status: int
) -> None:
    await dialog.open_options(linked)
    headers = {"Authorization": f"Bearer {dialog.access_token}"}
    url = f"{dialog.address}{OPTIONS}/{dialog.step['flow_id']}"
    async with dialog.browser.post(url, json={"polling_interval": seconds}, headers=headers) as answer:
        assert answer.status == status
    await hass.async_block_till_done(wait_background_tasks=True)
    assert linked.options.get("polling_interval") == (seconds if status == 200 else None)


async def test_a_change_takes_effect_at_once(hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry) -> None:
    await dialog.open_options(linked)
    before = linked.runtime_data
    assert (await dialog.submit(polling_interval=300, motion_hold=30))["type"] == "create_entry"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert linked.runtime_data is not before
    assert linked.options == {"polling_interval": 300, "motion_hold": 30, "cache_megabytes": 500, "cache_days": 30}
    assert linked.runtime_data.coordinator.update_interval.total_seconds() == 300


async def test_no_change_reloads_nothing(hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry) -> None:
    await dialog.open_options(linked)
    await dialog.submit(polling_interval=300, motion_hold=30)
    await hass.async_block_till_done(wait_background_tasks=True)
    before, again = linked.runtime_data, another(dialog)
    await again.open_options(linked)
    await again.submit(polling_interval=300, motion_hold=30)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert linked.runtime_data is before


class TestDoorbells:
    """Ring names no kinds; where its picture does not tell either, only the user can."""

    async def test_only_cameras_that_ring_does_not_identify_are_offered(
        self, dialog: Dialog, linked: ConfigEntry, account: Account
    ) -> None:
        gate = account.device("Side gate")
        step = await dialog.open_options(linked)
        [choice] = [field for field in step["data_schema"] if field["name"] == "doorbells"]
        assert choice["selector"]["select"]["options"] == [{"value": gate.id, "label": "Side gate"}]

    async def test_a_choice_is_kept_and_shown_again(
        self, hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry, account: Account
    ) -> None:
        gate = account.device("Side gate")
        await dialog.open_options(linked)
        await dialog.submit(polling_interval=60, motion_hold=30, doorbells=[gate.id])
        await hass.async_block_till_done(wait_background_tasks=True)
        assert linked.options["doorbells"] == [gate.id]
        step = await another(dialog).open_options(linked)
        suggested = {item["name"]: item.get("description") for item in step["data_schema"]}
        assert suggested["doorbells"] == {"suggested_value": [gate.id]}
        assert suggested["polling_interval"] == {"suggested_value": 60}

    async def test_a_choice_survives_while_its_camera_is_hidden(
        self, hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry, account: Account
    ) -> None:
        """End-to-end encryption hides it; the form must neither fail nor forget."""
        gate = account.device("Side gate")
        await dialog.open_options(linked)
        await dialog.submit(polling_interval=60, motion_hold=30, doorbells=[gate.id])
        await hass.async_block_till_done(wait_background_tasks=True)
        account.devices.remove(gate)
        await linked.runtime_data.coordinator.async_refresh()
        again = another(dialog)
        step = await again.open_options(linked)
        names = [item["name"] for item in step["data_schema"]]
        assert names == ["polling_interval", "motion_hold", "cache_megabytes", "cache_days"]
        assert (await again.submit(polling_interval=90, motion_hold=30))["type"] == "create_entry"
        assert linked.options["polling_interval"] == 90
        assert linked.options["doorbells"] == [gate.id]

    async def test_what_is_no_doorbell_any_more_loses_its_bell_even_if_the_user_was_faster(
        self, hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry, account: Account
    ) -> None:
        await dialog.open_options(linked)
        await dialog.submit(polling_interval=60, motion_hold=30, doorbells=[account.device("Side gate").id])
        await hass.async_block_till_done(wait_background_tasks=True)
        registry = er.async_get(hass)
        bell, last_ring = "event.side_gate_doorbell", "sensor.side_gate_last_ring"
        assert {bell, last_ring} <= registry.entities.keys()

        registry.async_remove(bell)
        again = another(dialog)
        await again.open_options(linked)
        assert (await again.submit(polling_interval=60, motion_hold=30, doorbells=[]))["type"] == "create_entry"
        await hass.async_block_till_done(wait_background_tasks=True)
        assert registry.entities.keys().isdisjoint({bell, last_ring})

    async def test_without_the_devices_it_is_not_asked(
        self, hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry
    ) -> None:
        await hass.config_entries.async_unload(linked.entry_id)
        step = await dialog.open_options(linked)
        assert [item["name"] for item in step["data_schema"]] == ["polling_interval", "motion_hold"]


class TestKeeping:
    """How much of what was looked at stays on the disk."""

    @pytest.mark.parametrize(
        ("megabytes", "days", "result"),
        [(50, 1, "create_entry"), (50_000, 180, "create_entry"), (49, 30, 400), (500, 0, 400), (500, 181, 400)],
    )
    async def test_it_has_bounds(
        self, hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry, megabytes: int, days: int, result: str | int
    ) -> None:
        await dialog.open_options(linked)
        headers = {"Authorization": f"Bearer {dialog.access_token}"}
        url = f"{dialog.address}{OPTIONS}/{dialog.step['flow_id']}"
        chosen = {"polling_interval": 60, "motion_hold": 30, "cache_megabytes": megabytes, "cache_days": days}
        async with dialog.browser.post(url, json=chosen, headers=headers) as answer:
            assert (answer.status if isinstance(result, int) else (await answer.json())["type"]) == result
        await hass.async_block_till_done(wait_background_tasks=True)

    async def test_it_takes_effect_at_once(self, hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry) -> None:
        cache = linked.runtime_data.clips.cache
        for number in range(3):
            await cache.async_write(f"file {number}", bytes(20_000_000))
        await dialog.open_options(linked)
        await dialog.submit(polling_interval=60, motion_hold=30, cache_megabytes=50, cache_days=1)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert linked.runtime_data.clips.cache.used == 40_000_000

    async def test_without_cameras_it_is_not_asked_and_not_forgotten(
        self, hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry, account: Account
    ) -> None:
        await dialog.open_options(linked)
        await dialog.submit(polling_interval=60, motion_hold=30, cache_megabytes=700, cache_days=7)
        await hass.async_block_till_done(wait_background_tasks=True)
        account.devices[:] = [device for device in account.devices if device.family.key == "contact"]
        await linked.runtime_data.coordinator.async_refresh()
        again = another(dialog)
        step = await again.open_options(linked)
        assert [item["name"] for item in step["data_schema"]] == ["polling_interval", "motion_hold"]
        await again.submit(polling_interval=90, motion_hold=30)
        assert linked.options["cache_megabytes"] == 700
        assert linked.options["cache_days"] == 7
