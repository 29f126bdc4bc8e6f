"""Devices that are picked and un-picked one by one in the Ring app, long after the link was made."""

import pytest

from ring_cloud import ConflictError, InputError

from .conftest import CLIENT_ID


@pytest.fixture
def bell(account):
    return account.device("Front Door")


async def choose(partner, account, verb, *devices):
    body = {"client_id": CLIENT_ID, "device_ids": [device.id for device in devices]}
    return await partner.control("POST", f"/accounts/{account.id}/{verb}", body)


async def test_an_un_picked_device_is_gone_for_the_app(cloud, partner, account, token, webhook_url, bell):
    answer = await choose(partner, account, "unshare", bell)

    assert bell.id not in answer.json["links"][0]["device_ids"]
    assert await partner.told() == ["device_removed"]
    assert partner.webhooks[0].data["attributes"]["source"] == bell.id
    assert "Front Door" not in await partner.names(token)
    for path in (
        f"/v1/devices/{bell.id}",
        f"/v1/devices/{bell.id}/status",
        f"/v1/devices/{bell.id}/location",
        f"/v1/history/devices/{bell.id}/events",
    ):
        assert (await partner.call(token, path)).status == 404
    assert account.device("Front Door") is bell, "it is still the account's"
    cloud.happen(bell, "button_press")
    assert await partner.told() == ["device_removed"], "what happens there is no business of the app's"


async def test_a_device_that_is_picked_again_is_the_same_one(partner, account, token, webhook_url, bell):
    before = (await partner.call(token, f"/v1/devices/{bell.id}")).json["data"]
    await choose(partner, account, "unshare", bell)
    await choose(partner, account, "share", bell)

    assert await partner.told() == ["device_removed", "device_added"]
    assert {webhook.data["attributes"]["source"] for webhook in partner.webhooks} == {bell.id}
    assert (await partner.call(token, f"/v1/devices/{bell.id}")).json["data"] == before


async def test_picking_what_is_picked_tells_nobody(cloud, partner, account, token, webhook_url, bell):
    await choose(partner, account, "share", bell)
    await choose(partner, account, "unshare", bell)
    await choose(partner, account, "unshare", bell)

    assert await partner.told() == ["device_removed"]


async def test_devices_may_be_picked_after_the_code_and_before_the_claim(
    cloud, partner, account, app, webhook_url, bell
):
    await cloud.enable_app(account, app, device_ids=[])
    assert await partner.told() == []

    await choose(partner, account, "share", bell)

    assert await partner.told() == ["device_added"]
    assert cloud.links.get(account, app).device_ids == {bell.id}


async def test_another_app_keeps_what_it_was_given(cloud, partner, account, app, token, bell):
    other = cloud.link_directly(account, cloud.add_app("fake-client-2", client_secret="fake-client-secret-2"))

    cloud.unshare(account, app, [bell.id])

    assert "Front Door" in await partner.names(other)


async def test_what_cannot_be_picked_is_said_in_words(cloud, partner, account, app, token, bell):
    stranger = cloud.add_account(devices=1)

    foreign = await choose(partner, account, "share", bell, stranger.devices[0])
    unlinked = await choose(partner, stranger, "share", stranger.devices[0])

    assert (foreign.status, foreign.json["error"]) == (400, "a chosen device does not belong to the account")
    assert (unlinked.status, unlinked.json["error"]) == (409, "enable the app in the Ring app first")
    with pytest.raises(InputError):
        cloud.unshare(account, app, ["nothing"])
    with pytest.raises(ConflictError):
        cloud.unshare(stranger, app, [])
