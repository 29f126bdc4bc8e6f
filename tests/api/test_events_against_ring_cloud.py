"""What happens in the local Ring cloud, as its signed webhooks and its history tell it; the two share no code."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import aiohttp
from aiohttp import test_utils, web
import pytest

from custom_components.ring_partner.api import (
    Measurement,
    RingClient,
    RingForbiddenError,
    RingNotFoundError,
    StaticAuth,
    Token,
    WebhookEvent,
    parse_webhook,
    verify_signature,
)
from ring_cloud import Account, App, Envelope, NextLink, RingCloud, SubTypePlace

from .conftest import KEY, NOW, Sleeper, hosts


@pytest.fixture
def client(
    session: aiohttp.ClientSession, cloud: RingCloud, account: Account, app: App, sleeper: Sleeper
) -> RingClient:
    token = Token.from_response(cloud.link_directly(account, app), NOW)
    return RingClient(session, StaticAuth(token.access_token), hosts(cloud), sleep=sleeper)


def moment(timestamp_ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=timestamp_ms)


# --- Webhooks --------------------------------------------------------------------------------------------------------


@dataclass
class Told:
    """What arrived, read as the integration reads it."""

    cloud: RingCloud
    signed: list[bool] = field(default_factory=list)
    events: list[WebhookEvent | None] = field(default_factory=list)

    async def receive(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        self.signed.append(verify_signature(KEY, body, request.headers.get("X-Signature")))
        self.events.append(parse_webhook(body))
        return web.Response()

    async def types(self) -> list[str]:
        await self.cloud.deliveries.settle()
        assert all(self.signed)
        return sorted("" if event is None else event.type for event in self.events)

    async def only(self) -> WebhookEvent:
        await self.cloud.deliveries.settle()
        (event,) = self.events
        assert self.signed == [True]
        assert event is not None
        return event


@pytest.fixture
async def told(cloud: RingCloud, app: App, client: RingClient) -> AsyncIterator[Told]:
    told = Told(cloud)
    async with test_utils.RawTestServer(told.receive, host="127.0.0.1") as partner:
        cloud.add_app(client_id="fake-client", webhook_url=str(partner.make_url("/webhook")))
        yield told


@pytest.mark.parametrize(("envelope", "place"), product(Envelope, SubTypePlace))
async def test_a_motion_is_read_wherever_its_sub_type_is(
    cloud: RingCloud, account: Account, told: Told, envelope: Envelope, place: SubTypePlace
) -> None:
    cloud.switches.envelope, cloud.switches.sub_type_place = envelope, place
    door = account.device("Front Door")
    happened = cloud.happen(door, "motion_detected", sub_type="human", component_ids=["1", "2"])
    event = await told.only()
    assert event == WebhookEvent(
        type="motion_detected",
        request_id=event.request_id,
        account_id=account.id if envelope is Envelope.V1_1 else None,
        sent_at=event.sent_at,
        event_id=event.event_id,
        sub_type=None if place is SubTypePlace.NONE else "human",
        source=door.id,
        source_type="devices",
        at=moment(happened.timestamp_ms),
        component_ids=("1", "2"),
    )
    assert event.request_id
    assert event.sent_at is not None
    assert int(event.sent_at.timestamp()) == NOW


async def test_every_reading_that_changes_is_told(cloud: RingCloud, account: Account, told: Told) -> None:
    account.device("Back Door").set(contact=True, tamper=True)
    account.device("Basement").set(flood=True)
    account.device("Front Door").set(online=False)
    account.device("Front Door").set(online=True)
    cloud.remove_device(account.device("Driveway"))
    assert await told.types() == [
        "contact_sensor_faulted",
        "device_offline",
        "device_online",
        "device_removed",
        "flood_detected",
        "tamper_detected",
    ]
    known = {device.id for device in account.devices}
    assert [event.type for event in told.events if event and event.source not in known] == ["device_removed"]


async def test_a_subscription_tells_when_it_was_sent_only(cloud: RingCloud, account: Account, told: Told) -> None:
    cloud.subscribe(account, "trial")
    event = await told.only()
    assert (event.type, event.account_id, event.sub_type) == ("subscription_activated", account.id, "trial")
    assert (event.at, event.sent_at) == (None, datetime.fromtimestamp(NOW, UTC))


async def test_a_removed_app_is_told_of_the_account(cloud: RingCloud, account: Account, app: App, told: Told) -> None:
    await cloud.disable_app(account, app)
    event = await told.only()
    assert (event.type, event.source, event.source_type) == ("app_integration_removed", account.id, "users")


async def test_a_wrong_signature_is_noticed(cloud: RingCloud, account: Account, told: Told) -> None:
    cloud.deliveries.mischief("wrong_signature")
    cloud.happen(account.device("Front Door"), "button_press")
    await cloud.deliveries.settle()
    assert told.signed == [False]


# --- History ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("following", "filters"), product([link for link in NextLink if link is not NextLink.NEVER], [True, False])
)
@pytest.mark.parametrize("as_text", [True, False])
async def test_a_history_of_many_pages_is_the_same_however_ring_behaves(
    cloud: RingCloud, account: Account, client: RingClient, following: NextLink, filters: bool, as_text: bool
) -> None:
    switches = cloud.switches
    switches.history_page_size, switches.history_next = 3, following
    switches.history_filters, switches.history_times_as_text = filters, as_text
    door = account.device("Front Door")
    happened = []
    for n in range(5):
        happened += [
            ("motion", cloud.happen(door, "motion_detected", sub_type="human").timestamp_ms),
            ("ding", cloud.happen(door, "button_press").timestamp_ms),
        ]
        for _ in range(n % 3):
            cloud.view_live(door)
        cloud.clock.advance(60)
    expected = [(kind, moment(start_ms)) for kind, start_ms in reversed(happened)]
    events = await client.async_get_history(door.id)
    assert [(event.type, event.start) for event in events] == expected
    assert all(event.end and event.end > event.start for event in events)
    only_dings = await client.async_get_history(door.id, ["ding"])
    assert [event.start for event in only_dings] == [start for kind, start in expected if kind == "ding"]


async def test_a_history_whose_pages_have_no_link_ends_with_the_first(
    cloud: RingCloud, account: Account, client: RingClient
) -> None:
    cloud.switches.history_page_size, cloud.switches.history_next = 7, NextLink.NEVER
    door = account.device("Front Door")
    for _ in range(9):
        cloud.happen(door, "button_press")
    assert len(await client.async_get_history(door.id)) == 7
    assert cloud.count("GET", "/v1/history/*") == 1


async def test_an_empty_page_that_leads_on_does_not_end_the_history(
    cloud: RingCloud, account: Account, client: RingClient
) -> None:
    cloud.switches.history_empty_pages = 1
    door = account.device("Front Door")
    cloud.happen(door, "button_press")
    assert len(await client.async_get_history(door.id)) == 1


@pytest.mark.parametrize("repeats", [True, False])
async def test_a_look_at_the_last_minutes_costs_one_or_two_requests(
    cloud: RingCloud, account: Account, client: RingClient, repeats: bool
) -> None:
    cloud.switches.history_page_size, cloud.switches.history_repeats_cursor = 2, repeats
    door = account.device("Front Door")
    starts = []
    for _ in range(20):
        starts.append(moment(cloud.happen(door, "button_press").timestamp_ms))
        cloud.clock.advance(60)
    events = await client.async_get_history(door.id, since=starts[-2])
    assert [event.start for event in events] == [starts[-1], starts[-2]]
    assert cloud.count("GET", "/v1/history/*") == 2
    assert await client.async_get_history(door.id, since=starts[-1] + timedelta(seconds=1)) == ()
    assert cloud.count("GET", "/v1/history/*") == 3


async def test_a_cursor_that_repeats_ends_the_history(cloud: RingCloud, account: Account, client: RingClient) -> None:
    cloud.switches.history_page_size, cloud.switches.history_repeats_cursor = 2, True
    for _ in range(9):
        cloud.happen(account.device("Front Door"), "button_press")
    assert len(await client.async_get_history(account.device("Front Door").id)) == 4
    assert cloud.count("GET", "/v1/history/*") == 2


async def test_a_camera_that_is_gone_or_not_allowed(
    cloud: RingCloud, account: Account, app: App, client: RingClient
) -> None:
    door, driveway = account.device("Front Door"), account.device("Driveway")
    assert await client.async_get_history(door.id) == ()
    cloud.remove_device(driveway)
    with pytest.raises(RingNotFoundError):
        await client.async_get_history(driveway.id)
    cloud.add_app(client_id=app.client_id, permissions=["sensors"])
    with pytest.raises(RingForbiddenError) as raised:
        await client.async_get_history(door.id)
    assert raised.value.out_of_scope


# --- Sub-types and readings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sub_type", "read"),
    [("package", "package"), ("package_delivery", "package"), ("hot_air_balloon", "hot_air_balloon")],
)
async def test_a_package_has_two_names_and_others_stay_as_they_are(
    cloud: RingCloud, account: Account, told: Told, sub_type: str, read: str
) -> None:
    cloud.happen(account.device("Front Door"), "motion_detected", sub_type=sub_type)
    assert (await told.only()).sub_type == read


@pytest.mark.parametrize(
    ("style", "temperature", "co"),
    [("none", None, None), ("number", Measurement(value=-3), 40), ("block", Measurement(value=-3, unit="°C"), 40)],
)
async def test_a_threshold_tells_its_reading_in_either_form(
    cloud: RingCloud, account: Account, told: Told, style: str, temperature: Measurement | None, co: float | None
) -> None:
    cloud.switches.threshold_reading = style
    account.device("Nursery").set(temperature=-3)
    account.device("Living Room").set(co_concentration=40)
    await told.types()
    readings = {event.type: (event.temperature, event.co_concentration) for event in told.events if event}
    assert readings == {"temperature_exceeded": (temperature, None), "co_exceeded": (None, co)}


async def test_two_events_with_one_request_id_are_two_deliveries(
    cloud: RingCloud, account: Account, told: Told
) -> None:
    cloud.switches.request_ids = "cut"
    cloud.deliveries.mischief("duplicate", types="flood_detected")
    for flooded in (True, False):
        account.device("Basement").set(flood=flooded)
    await told.types()
    events = [event for event in told.events if event]
    assert len({event.request_id for event in events}) == 1
    assert len(events) == 3
    assert len({event.delivery_id for event in events}) == 2


def test_delivery_without_request_id_has_no_id() -> None:
    assert WebhookEvent(type="button_press", event_id="fake").delivery_id is None


@pytest.mark.parametrize(
    "change", [{"type": "flood_cleared"}, {"source": "fake-other"}, {"event_id": "fake"}, {"at": datetime.now(UTC)}]
)
def test_delivery_with_other_content_has_another_id(change: dict[str, Any]) -> None:
    event = WebhookEvent(type="flood_detected", request_id="fake-request", source="fake-device")
    assert replace(event, **change).delivery_id != event.delivery_id
    assert replace(event, sent_at=datetime.now(UTC)).delivery_id == event.delivery_id


@pytest.mark.parametrize("style", ["recorded", "cut", "uuid"])
async def test_ids_are_opaque(cloud: RingCloud, account: Account, told: Told, style: str) -> None:
    cloud.switches.request_ids = style
    account.device("Basement").set(flood=True)
    event = await told.only()
    assert event.request_id == cloud.deliveries[-1].request_id
    assert event.event_id is not None
