"""What a webhook says: the envelope, the signature, each kind of event, and who may hear of it."""

import pickle
import re

import pytest
from yarl import URL

from ring_cloud import ConflictError, RingCloud, UnknownError, sign

from .conftest import CLIENT_ID, INTEGRATIONS, SIGNING_KEY

VECTOR = (
    b'{"meta":{"version":"1.1","time":"2026-02-14T00:02:53.027052438Z",'
    b'"request_id":"c83081fc-2f1b-4cb7-8b18-b18a318b8bab","account_id":"ava1.ring.account.XXXYYY"},'
    b'"data":{"id":"DEV_button_press_1771027372393","type":"button_press",'
    b'"attributes":{"source":"DEV","source_type":"devices","timestamp":1771027372393}}}'
)
# What the demo writes down.
KEPT = ("clock", "grants", "links", "apps", "accounts")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

pytestmark = pytest.mark.usefixtures("token", "webhook_url")


def test_the_signature_is_the_documented_one():
    signature = sign(SIGNING_KEY, VECTOR)

    assert len(VECTOR) == 307
    assert signature == "sha256=97299977a27127155a06157d515e8f86e5170354771215b0594e90968be7b313"


async def test_a_ring_is_told_in_the_documented_shape(cloud, partner, account, clock):
    bell = account.device("Front Door")
    event = cloud.happen(bell, "button_press")
    await cloud.deliveries.settle()

    (webhook,) = partner.webhooks
    meta = webhook.meta
    assert (meta.pop("version"), meta.pop("account_id")) == ("1.1", account.id)
    assert UUID.fullmatch(meta.pop("request_id"))
    assert re.fullmatch(r"2026-09-21T14:13:20\.\d{9}Z", meta.pop("time")), "nanoseconds"
    assert meta == {}
    assert event.timestamp_ms == int(clock.time() * 1000)
    assert webhook.data == {
        "id": f"{bell.id}_ding_{event.timestamp_ms}",
        "type": "button_press",
        "attributes": {"source": bell.id, "source_type": "devices", "timestamp": event.timestamp_ms},
        "relationships": {"devices": {"links": {"self": f"/v1/devices/{bell.id}"}}},
    }
    assert webhook.is_signed
    assert webhook.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("place", "in_data", "in_attributes"),
    [("data", "human", None), ("attributes", None, "human"), ("both", "human", "human"), ("none", None, None)],
)
async def test_the_sub_type_of_a_motion_stands_where_it_is_switched_to(
    cloud, partner, account, place, in_data, in_attributes
):
    cloud.switches.sub_type_place = place
    event = cloud.happen(account.device("Driveway"), "motion_detected", sub_type="human")
    await cloud.deliveries.settle()

    data = partner.webhooks[0].data
    assert (data.get("subType"), data["attributes"].get("sub_type")) == (in_data, in_attributes)
    named = "motion_detected" if place == "none" else "human"
    assert data["id"] == f"{event.device.id}_{named}_{event.timestamp_ms}"


async def test_a_motion_names_its_lens_and_is_a_plain_motion_by_default(cloud, partner, account):
    cloud.happen(account.device("Garage"), "motion_detected", component_ids=("2",))
    await cloud.deliveries.settle()

    data = partner.webhooks[0].data
    assert (data["attributes"]["sub_type"], data["attributes"]["component_ids"]) == ("motion", ["2"])
    assert "subType" not in data


async def test_a_webhook_can_come_later_than_what_it_tells_of(cloud, partner, account, clock):
    cloud.switches.webhook_lag = 3
    event = cloud.happen(account.device("Front Door"), "button_press")
    clock.advance(2)
    assert await partner.told() == []

    clock.advance(1)
    assert await partner.told() == ["button_press"]
    assert partner.webhooks[0].data["attributes"]["timestamp"] == event.timestamp_ms
    assert not list(cloud.deliveries.pranks), "nobody asked for mischief"


async def test_the_older_envelope_does_not_name_the_account(cloud, partner, account):
    cloud.switches.envelope = "1.0"
    cloud.happen(account.device("Front Door"), "button_press")
    await cloud.deliveries.settle()

    assert partner.webhooks[0].meta.keys() == {"version", "time", "request_id"}
    assert partner.webhooks[0].meta["version"] == "1.0"


async def test_two_events_at_once_are_two_events(cloud, partner, account):
    for _ in range(3):
        cloud.happen(account.device("Front Door"), "button_press")
    await cloud.deliveries.settle()

    assert len({webhook.data["id"] for webhook in partner.webhooks}) == 3
    assert len({webhook.meta["request_id"] for webhook in partner.webhooks}) == 3


@pytest.mark.parametrize(
    ("name", "change", "there", "back"),
    [
        ("Back Door", {"contact": True}, "contact_sensor_faulted", "contact_sensor_cleared"),
        ("Back Door", {"tamper": True}, "tamper_detected", "tamper_cleared"),
        ("Basement", {"flood": True}, "flood_detected", "flood_cleared"),
        ("Basement", {"freeze": True}, "freeze_detected", "freeze_cleared"),
        ("Kitchen Listener", {"smoke": True}, "smoke_detected", "smoke_cleared"),
        ("Kitchen Listener", {"co": True}, "co_detected", "co_cleared"),
        ("Patio Window", {"glass_break": True}, "glass_break_detected", "glass_break_cleared"),
        ("Nursery", {"temperature": 33}, "temperature_exceeded", "temperature_cleared"),
        ("Nursery", {"temperature": -5}, "temperature_exceeded", "temperature_cleared"),
        ("Nursery", {"humidity": 80}, "humidity_exceeded", "humidity_cleared"),
        ("Living Room", {"pm25": 36}, "pm25_exceeded", "pm25_cleared"),
        ("Living Room", {"co_concentration": 99}, "co_exceeded", "co_cleared"),
        ("Front Door", {"online": False}, "device_offline", "device_online"),
    ],
)
async def test_a_change_tells_of_itself_there_and_back(partner, account, name, change, there, back):
    device = account.device(name)
    before = {key: device.readings()[key] for key in change}
    device.set(**change)
    device.set(**change)
    device.set(**before)

    assert await partner.told() == [there, back]
    assert "subType" not in partner.webhooks[0].data


async def test_what_is_no_event_is_not_told(partner, account):
    account.device("Back Door").set(battery=3, name="Side Door")
    account.device("Nursery").set(temperature=25)
    account.device("Front Door").set(volume=2)

    assert await partner.told() == []


async def test_an_offline_device_tells_nothing_but_that(cloud, partner, account):
    door = account.device("Back Door")
    door.set(online=False, contact=True)
    door.set(tamper=True)
    with pytest.raises(ConflictError, match="Back Door is offline"):
        cloud.happen(door, "contact_sensor_cleared")

    assert await partner.told() == ["device_offline"]


async def test_a_camera_that_does_not_watch_sees_no_motion(cloud, partner, account):
    camera = account.device("Driveway")
    camera.set(motion_detection=False)
    with pytest.raises(ConflictError, match="motion detection of Driveway is off"):
        cloud.happen(camera, "motion_detected")

    assert await partner.told() == []


async def test_devices_that_come_and_go_are_told(cloud, partner, account):
    device = cloud.add_device(account, "contact", "Pantry")
    assert await partner.told() == ["device_added"]
    cloud.remove_device(device)
    assert await partner.told() == ["device_added", "device_removed"]
    assert partner.webhooks[1].data["attributes"]["source"] == device.id

    with pytest.raises(UnknownError):
        cloud.happen(device, "contact_sensor_faulted")


async def test_devices_are_told_before_the_account_is_claimed_and_nothing_else_is(cloud, partner, account, app):
    chosen = account.device("Front Door")
    await cloud.enable_app(account, app, [chosen.id])
    cloud.happen(chosen, "button_press")
    assert await partner.told() == ["device_added"]
    assert partner.webhooks[0].data["attributes"]["source"] == chosen.id

    token = (await partner.exchange(partner.codes[-1])).json
    nonce = URL(cloud.confirm(account, app)).query["nonce"]
    await partner.call(token, INTEGRATIONS, "POST", json={"nonce": nonce})
    cloud.happen(chosen, "button_press")
    cloud.add_device(account, "contact")
    assert await partner.told() == ["device_added"], "an awaiting link hears nothing"

    await partner.call(token, INTEGRATIONS, "PATCH", json={"status": "completed"})
    await partner.call(token, INTEGRATIONS, "PATCH", json={"status": "completed"})
    cloud.happen(chosen, "button_press")
    assert await partner.told() == ["device_added", "app_integration_added", "button_press"]


async def test_a_refused_link_tells_of_no_devices(cloud, partner, account, app):
    partner.answers_codes_with = 500
    await cloud.enable_app(account, app)

    assert await partner.told() == []


async def test_the_end_of_a_link_is_told_in_the_documented_shape_and_is_the_last_word(cloud, partner, account, app):
    await cloud.disable_app(account, app)
    cloud.happen(account.device("Front Door"), "button_press")
    assert await partner.told() == ["app_integration_removed"]

    data = partner.webhooks[0].data
    assert re.fullmatch(rf"{CLIENT_ID}_client_deleted_17900000000\d{{8}}", data.pop("id")), "nanoseconds"
    assert isinstance(data["attributes"].pop("timestamp"), int)
    assert data == {
        "type": "app_integration_removed",
        "attributes": {"source": account.id, "source_type": "users"},
    }
    assert re.fullmatch(r"2026-09-21T14:13:20\.\d{9}Z", partner.webhooks[0].meta["time"])


async def test_the_end_of_a_link_that_was_never_completed_is_not_told(cloud, partner, account, app):
    cloud.link_directly(account, app, completed=False)
    await cloud.disable_app(account, app)

    assert await partner.told() == []


async def test_a_partner_that_unlinks_is_told_as_well(cloud, partner, account, app, token):
    app.unlink_allowed = True
    assert (await partner.call(token, INTEGRATIONS, "DELETE")).status == 204

    assert await partner.told() == ["app_integration_removed"]


@pytest.mark.parametrize("sub_type", ["paid", "trial"])
async def test_subscriptions_are_told_in_the_documented_shape(cloud, partner, account, sub_type):
    started = cloud.subscribe(account, sub_type, days=10)
    cloud.unsubscribe(account, started)
    assert await partner.told() == ["subscription_activated", "subscription_deactivated"]

    data = partner.webhooks[0].data
    assert UUID.fullmatch(data.pop("id"))
    assert data == {
        "type": "subscription_activated",
        "attributes": {
            "source": "subscriptions",
            "source_id": started.id,
            "sub_type": sub_type,
            "plan_id": None if sub_type == "trial" else started.plan_id,
            "expires_at": "2026-10-01T14:13:20Z",
        },
        "relationships": {
            "devices": {"data": [{"type": "device", "id": device.id} for device in account.devices]},
            "subscriptions": {"links": {"self": "/v1/accounts/me/subscriptions"}},
        },
    }
    assert "expires_at" not in partner.webhooks[1].data["attributes"]
    assert account.subscriptions[-1].status(cloud.clock.time()) == "inactive"


@pytest.mark.parametrize(("permission", "heard"), [("cameras", 0), ("sensors", 1), ("chimes", 2)])
async def test_an_app_hears_of_the_kinds_it_has_a_permission_for(cloud, partner, account, permission, heard):
    devices = [account.device(name) for name in ("Front Door", "Back Door", "Hallway Chime")]
    cloud.add_app(CLIENT_ID, permissions=[permission])
    for device in devices:
        device.set(online=False)
    cloud.subscribe(account)

    assert await partner.told() == ["device_offline", "subscription_activated"]
    assert partner.webhooks[0].data["attributes"]["source"] == devices[heard].id


async def test_devices_that_are_not_shared_or_hidden_are_not_told_of(cloud, partner, account, app):
    cloud.switches.e2ee_devices = "hidden"
    cloud.link_directly(account, app, device_ids=[account.device("Front Door").id, account.device("Driveway").id])
    account.device("Driveway").set(e2ee=True)
    for name in ("Front Door", "Driveway", "Garage"):
        cloud.happen(account.device(name), "motion_detected")

    await cloud.deliveries.settle()
    assert [webhook.data["attributes"]["source"] for webhook in partner.webhooks] == [account.device("Front Door").id]


async def test_every_linked_app_is_told_with_its_own_key(cloud, partner, account, app):
    other = cloud.add_app("fake-client-2", signing_key="fake-key-2", webhook_url=app.webhook_url)
    cloud.link_directly(account, other)
    cloud.happen(account.device("Front Door"), "button_press")
    await cloud.deliveries.settle()

    assert sorted(webhook.is_signed for webhook in partner.webhooks) == [False, True]
    by_other = next(webhook for webhook in partner.webhooks if not webhook.is_signed)
    assert by_other.headers["X-Signature"] == sign("fake-key-2", by_other.body)


async def test_a_type_nobody_knows_can_happen_too(cloud, partner, account):
    cloud.happen(account.device("Front Door"), "moon_landing")

    assert await partner.told() == ["moon_landing"]


async def test_a_cloud_out_of_a_file_still_tells(cloud, partner, account):
    kept = pickle.loads(pickle.dumps({name: getattr(cloud, name) for name in KEPT}))
    revived = RingCloud()
    for name, value in kept.items():
        setattr(revived, name, value)
    async with revived:
        revived.account(account.id).device("Back Door").set(contact=True)
        await revived.deliveries.settle()

    assert [webhook.data["type"] for webhook in partner.webhooks] == ["contact_sensor_faulted"]
    assert partner.webhooks[0].data["attributes"]["timestamp"] == int(cloud.clock.time() * 1000)
