"""The app's own plans: what is answered of them, whose they are, and how they end."""

import asyncio

import pytest

from ring_cloud import Clock, RingCloud

from .conftest import CLIENT_ID, SIGNING_KEY, Partner

SUBSCRIPTIONS = "/v1/accounts/me/subscriptions"
DAY = 86400


@pytest.mark.parametrize(("answers", "status", "shown"), [("list", 200, 1), ("empty", 200, 0)])
async def test_the_subscriptions_are_listed_or_none_are(partner, account, token, answers, status, shown):
    account.add_subscription()
    await partner.control("POST", "/switches", {"subscriptions": answers})

    answer = await partner.call(token, SUBSCRIPTIONS)

    assert (answer.status, len(answer.json["data"])) == (status, shown)


@pytest.mark.parametrize(("answers", "title"), [("404", "Not Found"), ("422", "Validation Error")])
async def test_a_private_app_may_have_no_subscriptions_to_ask_for(partner, token, answers, title):
    await partner.control("POST", "/switches", {"subscriptions": answers})

    answer = await partner.call(token, SUBSCRIPTIONS)

    assert (answer.status, answer.title) == (int(answers), title)


async def test_an_account_is_without_any_plan_of_a_private_app(cloud, partner, app):
    account = cloud.add_account()
    by_hand = (await partner.control("POST", "/accounts", {})).json

    answer = await partner.call(cloud.link_directly(account, app), SUBSCRIPTIONS)

    assert (answer.status, answer.json["data"], by_hand["subscriptions"]) == (200, [], [])


async def test_a_plan_may_be_that_of_one_app(cloud, partner, app, webhook_url):
    account = cloud.add_account(plan=False)
    other = cloud.add_app("fake-client-2", webhook_url=webhook_url)
    mine, others = cloud.link_directly(account, app), cloud.link_directly(account, other)

    path = f"/accounts/{account.id}/subscriptions"
    bought = await partner.control("POST", path, {"client_id": CLIENT_ID})

    (shown,) = bought.json["subscriptions"]
    assert shown["client_id"] == CLIENT_ID
    assert [item["id"] for item in (await partner.call(mine, SUBSCRIPTIONS)).json["data"]] == [shown["id"]]
    assert (await partner.call(others, SUBSCRIPTIONS)).json["data"] == []
    await partner.control("DELETE", f"{path}/{shown['id']}")
    assert await partner.told() == ["subscription_activated", "subscription_deactivated"], "the other app hears nothing"
    assert (await partner.control("POST", path, {"client_id": "nobody"})).status == 404


async def test_a_plan_that_runs_out_is_told_of_once(cloud, partner, app, clock, webhook_url):
    account = cloud.add_account(plan=False)
    token = cloud.link_directly(account, app)
    trial = cloud.subscribe(account, "trial", days=7)
    clock.advance(7 * DAY - 1)
    assert await partner.told() == ["subscription_activated"]

    clock.advance(1)
    assert await partner.told() == ["subscription_activated", "subscription_deactivated"]
    (data,) = [hook.data for hook in partner.webhooks if hook.data["type"] == "subscription_deactivated"]
    assert data["attributes"] == {
        "source": "subscriptions",
        "source_id": trial.id,
        "sub_type": "trial",
        "plan_id": None,
    }
    token = (await partner.refresh(token)).json
    assert (await partner.call(token, SUBSCRIPTIONS)).json["data"][0]["attributes"]["status"] == "inactive"
    clock.advance(7 * DAY)
    await partner.control("DELETE", f"/accounts/{account.id}/subscriptions/{trial.id}")
    assert len(await partner.told()) == 2


async def test_moving_the_clock_by_hand_ends_a_plan(cloud, partner, account, token, webhook_url):
    account.add_subscription()
    await partner.control("POST", "/clock", {"advance": 31 * DAY})

    assert await partner.told() == ["subscription_deactivated"]


async def test_on_a_running_clock_a_plan_runs_out_by_itself(partner: Partner, webhook_url):
    async with RingCloud(clock=Clock()) as cloud:
        app = cloud.add_app("fake-client-2", signing_key=SIGNING_KEY, webhook_url=webhook_url)
        account = cloud.add_account(devices=["doorbell"], plan=False)
        cloud.link_directly(account, app)
        cloud.subscribe(account, days=0.05 / DAY)
        async with asyncio.timeout(120):
            while [delivery.state for delivery in cloud.deliveries] != ["delivered", "delivered"]:
                await asyncio.sleep(0.005)

    told = sorted(webhook.data["type"] for webhook in partner.webhooks)
    assert told == ["subscription_activated", "subscription_deactivated"]
