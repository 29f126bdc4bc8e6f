"""How webhooks travel: answers, the schedule of retries, dead letters, disabled endpoints, and mischief."""

import asyncio

import pytest

from ring_cloud import Clock, RingCloud

from .conftest import CLIENT_ID, SIGNING_KEY

pytestmark = pytest.mark.usefixtures("token", "webhook_url")

SCHEDULE = [1, 5, 30, 120, 600, 3600]
TRIES = len(SCHEDULE) + 1


@pytest.fixture
def ring(cloud, account):
    """Ring the bell once, and wait until that has been told."""

    async def ring():
        cloud.happen(account.device("Front Door"), "button_press")
        await cloud.deliveries.settle()
        return cloud.deliveries[-1]

    return ring


async def fail_to_the_end(cloud, clock):
    for seconds in SCHEDULE:
        clock.advance(seconds)
        await cloud.deliveries.settle()


async def test_a_2xx_is_delivered(cloud, partner, ring):
    partner.answers_webhooks_with = 204
    delivery = await ring()

    assert (delivery.state, delivery.status, len(partner.webhooks)) == ("delivered", 204, 1)
    assert delivery.next_retry is None
    assert delivery.attempts[0].milliseconds > 0


async def test_webhooks_leave_by_themselves(cloud, partner, account):
    partner.may_answer.clear()
    cloud.happen(account.device("Front Door"), "button_press")
    while not partner.webhooks:
        await asyncio.sleep(0)
    partner.may_answer.set()

    assert await partner.told() == ["button_press"]


@pytest.mark.parametrize("status", [301, 400, 401, 404, 410, 429])
async def test_a_refusal_is_never_repeated(cloud, partner, clock, ring, status):
    partner.answers_webhooks_with = status
    delivery = await ring()
    clock.advance(10 * 86400)
    await cloud.deliveries.settle()

    assert (delivery.state, delivery.status, len(partner.webhooks)) == ("refused", status, 1)


async def test_a_failure_is_repeated_on_rings_schedule_and_then_given_up(cloud, partner, clock, ring):
    partner.answers_webhooks_with = 503
    delivery = await ring()
    waited = []
    for number, seconds in enumerate(SCHEDULE, start=1):
        waited.append(delivery.next_retry - clock.time())
        clock.advance(seconds - 0.5)
        await cloud.deliveries.settle()
        assert len(partner.webhooks) == number, "not before its time"
        clock.advance(0.5)
        await cloud.deliveries.settle()

    assert waited == SCHEDULE
    assert (delivery.state, len(partner.webhooks)) == ("dead", TRIES)
    assert len({webhook.body for webhook in partner.webhooks}) == 1, "every attempt is the same, byte for byte"
    assert all(webhook.is_signed for webhook in partner.webhooks)
    clock.advance(86400)
    await cloud.deliveries.settle()
    assert len(partner.webhooks) == TRIES


async def test_a_failure_that_passes_is_delivered_late(cloud, partner, clock, ring):
    partner.answers_webhooks_with = 500
    delivery = await ring()
    partner.answers_webhooks_with = 200
    clock.advance(1)
    await cloud.deliveries.settle()

    assert (delivery.state, [attempt.status for attempt in delivery.attempts]) == ("delivered", [500, 200])


async def test_a_silent_endpoint_is_a_failure(cloud, partner, ring):
    assert cloud.deliveries.answer_within == 5
    cloud.deliveries.answer_within = 0.05
    partner.may_answer.clear()
    delivery = await ring()
    partner.may_answer.set()

    assert (delivery.state, delivery.status) == ("waiting", 0)


async def test_an_absent_endpoint_is_a_failure(cloud, app, unused_tcp_port, ring, clock, webhook_url):
    cloud.add_app(CLIENT_ID, webhook_url=f"http://127.0.0.1:{unused_tcp_port}/")
    delivery = await ring()
    assert (delivery.state, delivery.status) == ("waiting", 0)

    cloud.add_app(CLIENT_ID, webhook_url=webhook_url)
    clock.advance(1)
    await cloud.deliveries.settle()
    assert delivery.state == "delivered", "the URL in the portal is the one that counts"


async def test_an_app_without_a_webhook_url_is_told_nothing(cloud, account, ring):
    cloud.add_app(CLIENT_ID, webhook_url="")
    cloud.happen(account.device("Front Door"), "button_press")

    assert len(cloud.deliveries) == 0


async def test_dead_letters_are_replayed_on_request_with_the_same_id(cloud, partner, clock, ring):
    partner.answers_webhooks_with = 503
    delivery = await ring()
    await fail_to_the_end(cloud, clock)
    assert list(cloud.deliveries.dead_letters) == [delivery]
    partner.answers_webhooks_with = 200
    clock.advance(72 * 3600 - 1)

    assert await cloud.deliveries.replay() == 1
    assert (delivery.state, len(partner.webhooks)) == ("delivered", TRIES + 1)
    assert len({webhook.body for webhook in partner.webhooks}) == 1
    assert await cloud.deliveries.replay() == 0


async def test_a_replay_that_fails_starts_the_schedule_again(cloud, partner, clock, ring):
    partner.answers_webhooks_with = 503
    delivery = await ring()
    await fail_to_the_end(cloud, clock)
    await cloud.deliveries.replay()
    assert delivery.next_retry == clock.time() + 1
    await fail_to_the_end(cloud, clock)

    assert (delivery.state, len(partner.webhooks)) == ("dead", 2 * TRIES)


async def test_dead_letters_are_gone_after_three_days(cloud, partner, clock, ring):
    partner.answers_webhooks_with = 503
    await ring()
    await fail_to_the_end(cloud, clock)
    clock.advance(72 * 3600 + 1)

    assert await cloud.deliveries.replay() == 0
    assert len(partner.webhooks) == TRIES


# Endpoints


async def test_ten_refusals_in_a_row_disable_the_endpoint_until_it_is_saved_again(
    cloud, partner, app, webhook_url, ring
):
    partner.answers_webhooks_with = 401
    for _ in range(10):
        await ring()
    partner.answers_webhooks_with = 200

    assert (await ring()).state == "disabled"
    assert (cloud.deliveries.is_disabled(app), len(partner.webhooks)) == (True, 10)
    cloud.add_app(CLIENT_ID, webhook_url=webhook_url)
    assert (await ring()).state == "delivered"


@pytest.mark.parametrize("between", [200, 503])
async def test_refusals_with_another_answer_between_them_are_forgiven(cloud, partner, app, ring, between):
    for status in (*[400] * 9, between, *[400] * 9):
        partner.answers_webhooks_with = status
        await ring()

    assert not cloud.deliveries.is_disabled(app)


async def test_refusals_over_more_than_a_day_are_forgiven(cloud, partner, app, clock, ring):
    partner.answers_webhooks_with = 400
    for _ in range(12):
        await ring()
        clock.advance(3 * 3600)

    assert not cloud.deliveries.is_disabled(app)


async def test_endpoints_are_disabled_only_while_that_is_switched_on(cloud, partner, app, ring):
    cloud.switches.disables_endpoints = False
    partner.answers_webhooks_with = 401
    for _ in range(11):
        await ring()

    assert (cloud.deliveries.is_disabled(app), len(partner.webhooks)) == (False, 11)


async def test_what_waits_for_a_disabled_endpoint_is_not_sent(cloud, partner, app, clock, ring):
    partner.answers_webhooks_with = 503
    waiting = await ring()
    partner.answers_webhooks_with = 401
    for _ in range(10):
        await ring()
    clock.advance(1)
    await cloud.deliveries.settle()

    assert (waiting.state, len(partner.webhooks)) == ("disabled", 11)


# Mischief


async def test_duplicates_are_the_same_webhook_again(cloud, partner, ring):
    cloud.deliveries.mischief("duplicate", copies=3)
    await ring()
    await ring()

    assert len(partner.webhooks) == 4
    assert len({webhook.body for webhook in partner.webhooks}) == 2


async def test_a_dropped_webhook_is_lost_without_a_trace(cloud, partner, clock, ring):
    prank = cloud.deliveries.mischief("drop")
    dropped = await ring()
    clock.advance(86400)
    await ring()

    assert (dropped.state, dropped.status, len(partner.webhooks), prank.hits) == ("dropped", None, 1, 1)


async def test_a_delayed_webhook_comes_late_and_says_when_it_was(cloud, partner, clock, ring):
    cloud.deliveries.mischief("delay", seconds=300)
    delivery = await ring()
    happened = clock.time()
    clock.advance(299)
    await cloud.deliveries.settle()
    assert (len(partner.webhooks), delivery.next_retry) == (0, happened + 300)

    clock.advance(1)
    await cloud.deliveries.settle()
    assert partner.webhooks[0].data["attributes"]["timestamp"] == int(happened * 1000)


@pytest.mark.parametrize(("reverse", "order"), [(True, [2, 1, 0]), (False, [0, 1, 2])])
async def test_held_webhooks_are_released_in_another_order(cloud, partner, ring, reverse, order):
    cloud.deliveries.mischief("hold", count=3)
    held = [await ring() for _ in range(3)]
    assert ([delivery.state for delivery in held], partner.webhooks) == (["held"] * 3, [])
    await ring()

    assert await cloud.deliveries.release(reverse=reverse) == 3
    arrived = [webhook.meta["request_id"] for webhook in partner.webhooks[1:]]
    assert arrived == [held[index].request_id for index in order]
    assert await cloud.deliveries.release() == 0


async def test_a_wrong_signature_is_well_formed_and_wrong(cloud, partner, ring):
    cloud.deliveries.mischief("wrong_signature")
    await ring()
    await ring()

    assert [webhook.is_signed for webhook in partner.webhooks] == [False, True]
    assert len({len(webhook.headers["X-Signature"]) for webhook in partner.webhooks}) == 1


async def test_a_foreign_account_is_signed_rightly_and_unknown(cloud, partner, account, ring):
    cloud.deliveries.mischief("foreign_account")
    await ring()

    assert partner.webhooks[0].is_signed
    assert partner.webhooks[0].meta["account_id"] not in cloud.accounts


async def test_mischief_is_for_the_types_it_names_and_adds_up(cloud, partner, account):
    cloud.deliveries.mischief("wrong_signature", types="motion*", count=None)
    cloud.deliveries.mischief("duplicate", types="*", count=2)
    bell = account.device("Front Door")
    for event_type in ("button_press", "motion_detected", "motion_detected"):
        cloud.happen(bell, event_type)
    await cloud.deliveries.settle()

    told = sorted((webhook.data["type"], webhook.is_signed) for webhook in partner.webhooks)
    assert told == [*[("button_press", True)] * 2, *[("motion_detected", False)] * 3]
    cloud.deliveries.pranks.clear()
    cloud.happen(bell, "motion_detected")
    await cloud.deliveries.settle()
    assert partner.webhooks[-1].is_signed


# The cloud itself


async def test_a_cloud_that_stops_forgets_nothing_on_its_way(cloud, partner, account):
    partner.may_answer.clear()
    cloud.happen(account.device("Front Door"), "button_press")
    while not partner.webhooks:
        await asyncio.sleep(0)
    cloud.happen(account.device("Driveway"), "motion_detected")
    await cloud.stop()
    partner.may_answer.set()
    assert [delivery.status for delivery in cloud.deliveries] == [None, None]

    await cloud.start()
    assert sorted(await partner.told()) == ["button_press", "button_press", "motion_detected"]
    assert [delivery.state for delivery in cloud.deliveries] == ["delivered", "delivered"]


async def test_on_a_running_clock_retries_come_by_themselves(partner, webhook_url):
    async with RingCloud(clock=Clock()) as cloud:
        app = cloud.add_app("fake-client-2", signing_key=SIGNING_KEY, webhook_url=webhook_url)
        account = cloud.add_account(devices=["doorbell"])
        cloud.link_directly(account, app)
        partner.answers_webhooks_with = 503
        cloud.happen(account.devices[0], "button_press")
        await cloud.deliveries.settle()
        partner.answers_webhooks_with = 200
        cloud.clock.advance(0.999)
        cloud.deliveries.wake()
        async with asyncio.timeout(120):
            while cloud.deliveries[0].state != "delivered":
                await asyncio.sleep(0.001)

    assert [attempt.status for attempt in cloud.deliveries[0].attempts] == [503, 200]


async def test_a_burst_is_delivered_whole(cloud, partner, account):
    for _ in range(300):
        cloud.happen(account.device("Driveway"), "motion_detected")
    await cloud.deliveries.settle()

    assert {delivery.state for delivery in cloud.deliveries} == {"delivered"}
    assert len({webhook.meta["request_id"] for webhook in partner.webhooks}) == 300
