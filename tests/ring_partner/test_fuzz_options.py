"""Options of any kind: the form refuses them, or what is kept is what the rest of the integration can work with."""

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from ring_cloud import Account, RingCloud
from tests.api.damage import ANYTHING

BOUNDS = {
    "polling_interval": (30, 900),
    "motion_hold": (5, 600),
    "cache_megabytes": (50, 50_000),
    "cache_days": (1, 180),
}
TEXTS = st.text(max_size=8)


@pytest.fixture
def account(cloud: RingCloud) -> Account:
    """Jane, with a camera of which only she knows whether it is a doorbell."""
    account = cloud.add_account("Jane", "Doe", "jane.doe@example.com", ["contact"])
    cloud.add_device(account, "plain_camera", "Side gate")
    return account


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_is_entered_is_refused_or_within_bounds(
    hass: HomeAssistant, linked: ConfigEntry, account: Account, data: st.DataObject
) -> None:
    gate = account.device("Side gate").id
    odd = ANYTHING | st.sampled_from([10**400, "1e3", "60", "inf", "-inf", "nan", 1e300])
    usual = {name: st.integers(*bounds) | st.floats(*bounds) for name, bounds in BOUNDS.items()}
    entered = data.draw(st.fixed_dictionaries(usual, optional={"doorbells": st.just([gate])}))
    # One thing that is odd, so that nothing else is the reason to refuse it.
    entered |= data.draw(st.dictionaries(st.sampled_from([*BOUNDS, "doorbells"]) | TEXTS, odd, min_size=1, max_size=1))

    async def submit() -> None:
        form = await hass.config_entries.options.async_init(linked.entry_id)
        try:
            result = await hass.config_entries.options.async_configure(form["flow_id"], entered)
        except InvalidData:
            hass.config_entries.options.async_abort(form["flow_id"])
            return
        if result["type"] is FlowResultType.FORM:
            hass.config_entries.options.async_abort(form["flow_id"])
            return
        assert result["type"] is FlowResultType.CREATE_ENTRY
        await hass.async_block_till_done(wait_background_tasks=True)

    hass.loop.run_until_complete(submit())
    for name, value in linked.options.items():
        if name == "doorbells":
            assert set(value) <= {gate}
        else:
            assert type(value) is int
            assert BOUNDS[name][0] <= value <= BOUNDS[name][1]
