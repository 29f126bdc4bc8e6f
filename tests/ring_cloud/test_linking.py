"""One-way linking: the code, the nonce, POST, PATCH, DELETE, and what is visible when."""

import asyncio
from collections.abc import Mapping

import pytest
from yarl import URL

from ring_cloud import Account, App, ConflictError, DeliveryError, Device, InputError, RingCloud, compute_nonce

from .conftest import INTEGRATIONS, SIGNING_KEY, Partner


async def enabled(cloud: RingCloud, partner: Partner, account: Account, app: App) -> Mapping:
    """Enable the app and exchange the code."""
    assert await cloud.enable_app(account, app) == 200
    return (await partner.exchange(partner.codes[-1])).json


def nonce_of(location: str) -> str:
    return URL(location).query["nonce"]


async def post(partner: Partner, token: Mapping, **body: object):
    return await partner.call(token, INTEGRATIONS, "POST", json=body)


async def patch(partner: Partner, token: Mapping, **body: object):
    return await partner.call(token, INTEGRATIONS, "PATCH", json=body)


def test_the_nonce_is_the_documented_one():
    nonce = compute_nonce(SIGNING_KEY, "1771130906289", "ava1.ring.account.XXXYYY")

    assert nonce == "PAqRHvuV2nlG5pDb3qaxAtlf47eTUzM7WsczF9i_M-0"


async def test_a_link_from_consent_to_completed(cloud, partner, account, app, clock):
    token = await enabled(cloud, partner, account, app)
    assert (await partner.names(token), cloud.deliverable(account, app)) == ([], False)

    location = URL(cloud.confirm(account, app))
    assert location.with_query(None) == URL("https://partner.example.com/link")
    assert location.query["region"] == "us"
    assert location.query["time"] == str(int(clock.time() * 1000))
    assert location.query["nonce"] == compute_nonce(SIGNING_KEY, location.query["time"], account.id)
    assert await partner.names(token) == [], "nothing is shared before the partner proved itself"

    claimed = await post(partner, token, nonce=location.query["nonce"], account_identifier="u***r@example.com")
    assert (claimed.status, claimed.json) == (200, {"status": "awaiting"})
    assert len(await partner.names(token)) == len(account.devices)
    assert not cloud.deliverable(account, app), "nothing is delivered before completed"

    completed = await patch(partner, token, status="completed")
    assert completed.status == 200
    assert completed.json == {
        "account_identifier": "u***r@example.com",
        "status": "completed",
        "updated_at": "2026-09-21T14:13:20Z",
    }
    assert cloud.deliverable(account, app)

    assert (await patch(partner, token, status="completed")).status == 200, "completing is idempotent"
    assert (await patch(partner, token, status="awaiting")).json["status"] == "awaiting"
    assert not cloud.deliverable(account, app)


async def test_history_and_pictures_are_those_since_the_first_completion(cloud, partner, account, app, clock):
    bell = account.device("Front Door")
    token = await enabled(cloud, partner, account, app)
    await post(partner, token, nonce=nonce_of(cloud.confirm(account, app)))
    early = cloud.happen(bell, "button_press")
    clock.advance(60)
    assert await history(partner, token, bell) == []
    refused = await picture(partner, token, bell, early.timestamp_ms)
    assert (refused.status, refused.json["errors"][0]["code"]) == (403, "TIME_RANGE_NOT_AUTHORIZED")

    await patch(partner, token, status="completed")
    clock.advance(60)
    event = cloud.happen(bell, "button_press")
    await patch(partner, token, status="awaiting")
    await patch(partner, token, status="completed")

    assert await history(partner, token, bell) == [event.timestamp_ms], "completing again is no new consent"
    assert (await picture(partner, token, bell, early.timestamp_ms)).status == 403
    assert (await picture(partner, token, bell, event.timestamp_ms)).status == 303


async def history(partner: Partner, token: Mapping, device: Device) -> list[int]:
    answer = await partner.call(token, f"/v1/history/devices/{device.id}/events")
    return [int(row["attributes"]["start"]) for row in answer.json["data"]]


async def picture(partner: Partner, token: Mapping, device: Device, at_ms: int):
    body = {"type": "at_timestamp", "timestamp": at_ms}
    return await partner.call(token, f"/v1/devices/{device.id}/media/image/download", "POST", json=body)


async def test_only_the_chosen_devices_are_shared(cloud, partner, account, app):
    chosen = [account.device("Front Door").id, account.device("Basement").id]
    await cloud.enable_app(account, app, device_ids=chosen)
    token = (await partner.exchange(partner.codes[-1])).json

    await post(partner, token, nonce=nonce_of(cloud.confirm(account, app)))

    assert await partner.names(token) == ["Front Door", "Basement"]


async def test_a_foreign_device_cannot_be_shared(cloud, account, app):
    other = cloud.add_account(devices=1)

    with pytest.raises(InputError):
        await cloud.enable_app(account, app, device_ids=[other.devices[0].id])


@pytest.mark.parametrize("nonce", ["PAqRHvuV2nlG5pDb3qaxAtlf47eTUzM7WsczF9i_M-0", "x", "ÿ"])
async def test_a_wrong_nonce_is_refused(cloud, partner, account, app, nonce):
    token = await enabled(cloud, partner, account, app)
    cloud.confirm(account, app)

    answer = await post(partner, token, nonce=nonce)

    assert (answer.status, answer.title) == (400, "Invalid Nonce")
    assert await partner.names(token) == []


async def test_a_nonce_is_good_once(cloud, partner, account, app):
    token = await enabled(cloud, partner, account, app)
    nonce = nonce_of(cloud.confirm(account, app))
    assert (await post(partner, token, nonce=nonce)).status == 200

    again = await post(partner, token, nonce=nonce)

    assert (again.status, again.title) == (400, "Invalid Nonce")


async def test_a_nonce_is_good_for_its_own_account_only(cloud, partner, account, app):
    neighbour = cloud.add_account("Ada", "Example", "ada@example.com")
    token = await enabled(cloud, partner, account, app)
    foreign_token = await enabled(cloud, partner, neighbour, app)
    cloud.confirm(neighbour, app)
    nonce = nonce_of(cloud.confirm(account, app))

    assert (await post(partner, foreign_token, nonce=nonce)).title == "Invalid Nonce"
    assert (await post(partner, token, nonce=nonce)).status == 200


async def test_confirming_again_makes_the_earlier_nonce_void(cloud, partner, account, app, clock):
    token = await enabled(cloud, partner, account, app)
    earlier = nonce_of(cloud.confirm(account, app))
    clock.advance(1)
    later = nonce_of(cloud.confirm(account, app))

    assert (await post(partner, token, nonce=earlier)).title == "Invalid Nonce"
    assert (await post(partner, token, nonce=later)).status == 200


async def test_a_nonce_lives_ten_minutes(cloud, partner, account, app, clock):
    token = await enabled(cloud, partner, account, app)
    nonce = nonce_of(cloud.confirm(account, app))
    clock.advance(600)

    assert (await post(partner, token, nonce=nonce)).title == "Invalid Nonce"


@pytest.mark.parametrize("body", [{}, {"nonce": ""}, {"nonce": None}, {"account_identifier": "u***r"}])
async def test_a_claim_needs_a_nonce(cloud, partner, account, app, body):
    token = await enabled(cloud, partner, account, app)
    cloud.confirm(account, app)

    answer = await post(partner, token, **body)

    assert (answer.status, answer.title) == (400, "Missing Required Fields")


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'"x"', b'{"nonce": 5}', b'{"nonce": "\\ud800"}', b"\xff", b"[" * 100_000],
    ids=range(7),
)
async def test_a_claim_that_is_not_understood_is_a_bad_request(partner, token, body):
    answer = await partner.call(token, INTEGRATIONS, "POST", data=body)

    assert (answer.status, answer.title) == (400, "Bad Request")


async def test_completing_before_the_nonce_was_proved_is_refused(cloud, partner, account, app):
    token = await enabled(cloud, partner, account, app)
    early = await patch(partner, token, status="completed")
    cloud.confirm(account, app)
    unproved = await patch(partner, token, status="completed")

    assert (early.status, early.title) == (unproved.status, unproved.title) == (400, "Invalid Status Transition")
    assert not cloud.deliverable(account, app)


@pytest.mark.parametrize(
    ("body", "title"),
    [({}, "Missing Required Fields"), ({"status": "done"}, "Bad Request"), ({"status": 1}, "Bad Request")],
)
async def test_an_update_must_say_something(partner, token, body, title):
    answer = await patch(partner, token, **body)

    assert (answer.status, answer.title) == (400, title)


async def test_without_an_integration_there_is_nothing_to_claim_or_complete(cloud, partner, account, app, token):
    cloud.links.forget(account, app)

    for answer in (
        await post(partner, token, nonce="fake-nonce"),
        await patch(partner, token, status="completed"),
        await partner.call(token, INTEGRATIONS, "DELETE"),
    ):
        assert (answer.status, answer.title) == (404, "Not Found")


async def test_a_one_way_app_cannot_unlink(cloud, partner, account, app, token):
    answer = await partner.call(token, INTEGRATIONS, "DELETE")

    assert (answer.status, answer.title) == (403, "Out of Scope Access")
    assert cloud.deliverable(account, app)


async def test_an_app_that_may_unlink_loses_its_tokens_with_the_link(cloud, partner, account, app, token):
    app.unlink_allowed = True

    assert (await partner.call(token, INTEGRATIONS, "DELETE")).status == 204
    assert (await partner.call(token, "/v1/users/me")).status == 401
    assert not cloud.deliverable(account, app)


async def test_removing_the_app_in_the_ring_app_revokes_both_tokens(cloud, partner, account, app, token):
    await cloud.disable_app(account, app)

    assert (await partner.call(token, "/v1/users/me")).status == 401
    assert (await partner.refresh(token)).json["error"] == "invalid_grant"
    assert not cloud.deliverable(account, app)


async def test_enabling_again_starts_over(cloud, partner, account, app, token):
    await cloud.enable_app(account, app)
    forgotten = partner.codes[-1]
    newest = await enabled(cloud, partner, account, app)

    assert (await partner.call(token, "/v1/users/me")).status == 401
    assert (await partner.exchange(forgotten)).json["error"] == "invalid_grant"
    assert (await partner.call(newest, "/v1/users/me")).status == 200
    assert not cloud.deliverable(account, app)


async def test_a_partner_that_refuses_the_code_gets_no_link(cloud, partner, account, app):
    partner.answers_codes_with = 404

    assert await cloud.enable_app(account, app) == 404
    assert (await partner.exchange(partner.codes[-1])).json["error"] == "invalid_grant"
    with pytest.raises(ConflictError):
        cloud.confirm(account, app)


async def test_a_partner_that_does_not_answer_is_named(cloud, account, app, unused_tcp_port):
    app.token_exchange_url = f"http://127.0.0.1:{unused_tcp_port}/exchange"

    with pytest.raises(DeliveryError, match="Token Exchange URL did not answer"):
        await cloud.enable_app(account, app)


async def test_two_apps_and_two_accounts_do_not_see_each_other(cloud, partner, account, app, token):
    neighbour = cloud.add_account("Ada", "Example", "ada@example.com", devices=["chime"])
    other_app = cloud.add_app("fake-client-2", client_secret="fake-client-secret-2")
    foreign = cloud.link_directly(neighbour, app)
    other = cloud.link_directly(account, other_app)

    await cloud.disable_app(account, app)

    assert (await partner.call(token, "/v1/users/me")).status == 401
    assert await partner.names(foreign) == ["Hallway Chime"]
    assert (await partner.call(other, "/v1/users/me")).json["data"]["id"] == account.id


async def test_a_playground_token_reads_one_device_and_nothing_else(cloud, partner, account, app, clock):
    playground = cloud.playground_token(account)
    another = cloud.playground_token(account)

    listed = (await partner.call(playground, "/v1/devices")).json["data"]
    assert [device["attributes"]["name"] for device in listed] == ["Playground Device"]
    assert "DoorbellPro" in listed[0]["attributes"]["image_url"]
    assert listed[0]["id"] != (await partner.call(another, "/v1/devices")).json["data"][0]["id"]
    assert (await partner.call(playground, "/v1/users/me")).json["data"]["id"] == account.id
    subscriptions = await partner.call(playground, "/v1/accounts/me/subscriptions")
    assert (subscriptions.status, subscriptions.title) == (422, "Validation Error")
    assert (await post(partner, {"access_token": playground}, nonce="x")).status == 403
    assert (await patch(partner, {"access_token": playground}, status="completed")).status == 403

    clock.advance(1800)
    assert (await partner.call(playground, "/v1/devices")).status == 401


async def test_enabling_twice_at_once_leaves_one_good_link(cloud, partner, account, app):
    statuses = await asyncio.gather(cloud.enable_app(account, app), cloud.enable_app(account, app))

    assert statuses == [200, 200]
    exchanged = [(await partner.exchange(code)).status for code in partner.codes]
    assert sorted(exchanged) == [200, 400], "only the newer code is good"
    assert cloud.confirm(account, app)
