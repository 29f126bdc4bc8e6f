"""The client and the local Ring cloud, which share no code: linking, tokens, devices of every family, faults."""

import asyncio
from typing import override
from urllib.parse import parse_qs, urlsplit

import aiohttp
from aiohttp import test_utils, web
import pytest

from custom_components.ring_partner.api import (
    AbstractAuth,
    Device,
    Feature,
    OAuthClient,
    RateLimiter,
    RingAuthError,
    RingClient,
    RingClientCredentialsError,
    RingError,
    RingForbiddenError,
    RingNotFoundError,
    RingRateLimitError,
    RingRequestError,
    RingUnavailableError,
    StaticAuth,
    Token,
    compute_nonce,
    nonce_matches,
)
from ring_cloud import Account, App, RingCloud

from .conftest import KEY, NOW, Sleeper, hosts


class RefreshingAuth(AbstractAuth):
    """Keeps a token as the integration does, without a place to store it: one refresh at a time."""

    def __init__(self, oauth: OAuthClient, token: Token) -> None:
        self._oauth = oauth
        self._lock = asyncio.Lock()
        self.token = token

    @override
    async def async_get_access_token(self) -> str:
        return self.token.access_token

    @override
    async def async_renew(self, rejected: str) -> str:
        async with self._lock:
            if rejected == self.token.access_token:
                self.token = await self._oauth.refresh(self.token.refresh_token or "")
            return self.token.access_token


@pytest.fixture
def oauth(session: aiohttp.ClientSession, cloud: RingCloud, app: App) -> OAuthClient:
    return OAuthClient(session, hosts(cloud), "fake-client", "fake-secret")


@pytest.fixture
def auth(cloud: RingCloud, oauth: OAuthClient, account: Account, app: App) -> RefreshingAuth:
    return RefreshingAuth(oauth, Token.from_response(cloud.link_directly(account, app), NOW))


@pytest.fixture
def client(session: aiohttp.ClientSession, cloud: RingCloud, auth: RefreshingAuth, sleeper: Sleeper) -> RingClient:
    return RingClient(session, auth, hosts(cloud), sleep=sleeper)


def by_name(devices: dict[str, Device]) -> dict[str, Device]:
    return {device.name or "": device for device in devices.values()}


# --- Linking ---------------------------------------------------------------------------------------------------------


async def test_a_link_from_the_ring_app_from_the_code_to_the_devices(
    session: aiohttp.ClientSession, cloud: RingCloud, app: App, account: Account, oauth: OAuthClient
) -> None:
    codes: list[str] = []

    async def exchange(request: web.BaseRequest) -> web.Response:
        codes.append(str((await request.post())["code"]))
        return web.Response()

    async with test_utils.RawTestServer(exchange, host="127.0.0.1") as partner:
        cloud.add_app(
            client_id="fake-client",
            token_exchange_url=str(partner.make_url("/exchange")),
            account_link_url=str(partner.make_url("/link")),
        )
        assert await cloud.enable_app(account, app) == 200
    token = await oauth.exchange_code(codes[0])
    client = RingClient(session, StaticAuth(token.access_token), hosts(cloud))
    user = await client.async_get_user()
    assert (user.id, user.email) == (account.id, account.email)
    query = parse_qs(urlsplit(cloud.confirm(account, app)).query)
    nonce, time_ms = query["nonce"][0], query["time"][0]
    assert nonce_matches(nonce, KEY, time_ms, user.id)
    assert not await client.async_get_devices()
    with pytest.raises(RingRequestError, match="Invalid Nonce"):
        await client.async_confirm_link(compute_nonce(KEY, time_ms, "somebody.else"))
    assert (await client.async_confirm_link(nonce, "u***r@example.com")).status == "awaiting"
    assert len(await client.async_get_devices()) == len(account.devices)
    assert not cloud.deliverable(account, app)
    for _ in range(2):
        assert (await client.async_set_link_status("completed")).status == "completed"
    assert cloud.deliverable(account, app)
    with pytest.raises(RingAuthError):
        await oauth.exchange_code(codes[0])


async def test_a_one_way_link_cannot_be_ended_from_here(client: RingClient) -> None:
    with pytest.raises(RingForbiddenError):
        await client.async_unlink()


async def test_a_playground_token_reads_and_writes_nothing(
    session: aiohttp.ClientSession, cloud: RingCloud, account: Account
) -> None:
    token = Token.playground(cloud.playground_token(account), NOW)
    assert token.expires_in(NOW) == 1800
    client = RingClient(session, StaticAuth(token.access_token), hosts(cloud))
    assert list(by_name(await client.async_get_devices())) == ["Playground Device"]
    with pytest.raises(RingRequestError):
        await client.async_get_subscriptions()
    with pytest.raises(RingForbiddenError):
        await client.async_set_link_status("completed")
    cloud.clock.advance(1801)
    with pytest.raises(RingAuthError):
        await client.async_get_devices()


# --- Tokens ----------------------------------------------------------------------------------------------------------


async def test_a_refresh_replaces_both_tokens_and_the_old_one_is_dead(
    oauth: OAuthClient, auth: RefreshingAuth, client: RingClient
) -> None:
    old = auth.token
    new = await oauth.refresh(old.refresh_token or "")
    assert {new.access_token, new.refresh_token}.isdisjoint({old.access_token, old.refresh_token})
    with pytest.raises(RingAuthError):
        await oauth.refresh(old.refresh_token or "")


async def test_50_calls_at_once_with_an_expired_token_are_one_refresh(
    cloud: RingCloud, client: RingClient, account: Account
) -> None:
    cloud.clock.advance(14_401)
    # With the refused ones, these are the 100 requests that Ring allows in a second.
    users = await asyncio.gather(*(client.async_get_user() for _ in range(50)))
    assert [user.id for user in users] == [account.id] * 50
    assert cloud.count("POST", "/oauth/token") == 1


async def test_a_link_ended_in_the_ring_app_is_lost(
    cloud: RingCloud, client: RingClient, account: Account, app: App
) -> None:
    await cloud.disable_app(account, app)
    with pytest.raises(RingAuthError):
        await client.async_get_devices()


async def test_a_refresh_token_is_no_access_token(
    session: aiohttp.ClientSession, cloud: RingCloud, auth: RefreshingAuth
) -> None:
    with pytest.raises(RingAuthError):
        await RingClient(session, StaticAuth(auth.token.refresh_token or ""), hosts(cloud)).async_get_user()


async def test_a_wrong_secret_is_about_the_credentials(
    session: aiohttp.ClientSession, cloud: RingCloud, auth: RefreshingAuth
) -> None:
    with pytest.raises(RingClientCredentialsError):
        await OAuthClient(session, hosts(cloud), "fake-client", "wrong").refresh(auth.token.refresh_token or "")


async def test_the_page_of_an_edge_that_dislikes_the_user_agent_costs_no_link(
    session: aiohttp.ClientSession, cloud: RingCloud, app: App, auth: RefreshingAuth
) -> None:
    disliked = OAuthClient(session, hosts(cloud), "fake-client", "fake-secret", product="Python-urllib/3.14")
    with pytest.raises(RingUnavailableError) as raised:
        await disliked.refresh(auth.token.refresh_token or "")
    assert raised.value.status == 403


# --- Devices ---------------------------------------------------------------------------------------------------------

SENSOR = {Feature.TAMPER, Feature.BATTERY, Feature.SIGNAL_STRENGTH}
CAMERA = {Feature.VIDEO, Feature.MOTION_DETECTION, Feature.MOTION_ZONES, Feature.PRIVACY_ZONES, Feature.E2E_ENCRYPTION}
SET_UP = {Feature.NIGHT_VISION, Feature.HDR, Feature.IR_LED, Feature.AUTO_ZOOM, Feature.VOLUME}
FAMILIES: dict[str, tuple[str | None, set[Feature]]] = {
    "doorbell": ("Doorbell Pro", CAMERA | SET_UP),
    "camera": ("Spotlight Cam Plus", CAMERA | SET_UP),
    "multi_camera": ("Multi Cam", CAMERA | SET_UP),
    "plain_camera": (None, CAMERA),
    "chime": ("Chime Pro", {Feature.CHIME, Feature.VOLUME}),
    "contact": ("Contact Sensor", SENSOR | {Feature.CONTACT}),
    "flood_freeze": ("Flood Freeze Sensor", SENSOR | {Feature.FLOOD, Feature.FREEZE}),
    "temperature_humidity": ("Climate Sensor", SENSOR | {Feature.TEMPERATURE, Feature.HUMIDITY}),
    "air_quality": (
        "Air Quality Monitor",
        {
            Feature.PM25,
            Feature.CO_CONCENTRATION,
            Feature.TEMPERATURE,
            Feature.HUMIDITY,
            Feature.SIGNAL_STRENGTH,
        },
    ),
    "smoke_co_listener": ("Smoke Co Listener", SENSOR | {Feature.SMOKE, Feature.CO}),
    "glass_break": ("Glass Break Sensor", SENSOR | {Feature.GLASS_BREAK}),
    "mains_sensor": ("Flood Freeze Sensor", SENSOR - {Feature.BATTERY} | {Feature.FLOOD}),
    "new_sensor": ("Contact Sensor", SENSOR - {Feature.SIGNAL_STRENGTH} | {Feature.CONTACT}),
    "future": ("Pasture 2000", {Feature.SIGNAL_STRENGTH}),
}


@pytest.mark.parametrize("family", FAMILIES)
async def test_every_family_has_what_it_has(
    session: aiohttp.ClientSession, cloud: RingCloud, app: App, family: str
) -> None:
    token = Token.from_response(cloud.link_directly(cloud.add_account(devices=[family]), app), NOW)
    (found,) = (await RingClient(session, StaticAuth(token.access_token), hosts(cloud)).async_get_devices()).values()
    assert (found.model, found.features) == FAMILIES[family]
    assert found.location is not None


async def test_what_happens_to_a_device_is_seen_by_the_next_look(client: RingClient, account: Account) -> None:
    before = by_name(await client.async_get_devices())
    assert (before["Back Door"].status.contact_open, before["Back Door"].status.online) == (False, True)
    account.device("Back Door").set(contact=True, battery=12)
    account.device("Front Door").set(online=False, volume=3)
    after = by_name(await client.async_get_devices())
    assert (after["Back Door"].status.contact_open, after["Back Door"].status.battery) == (True, 12)
    assert (after["Front Door"].status.online, after["Front Door"].configurations.volume) == (False, 3)
    assert after["Basement"] == before["Basement"]
    assert before["Attic Window"].status.reported_at is None


async def test_an_unchanged_house_is_the_same_house(client: RingClient) -> None:
    assert await client.async_get_devices() == await client.async_get_devices()


async def test_a_device_alone_is_the_device_in_the_list(client: RingClient) -> None:
    for device_id, found in (await client.async_get_devices()).items():
        assert await client.async_get_device(device_id) == found


async def test_a_removed_device_is_not_found_and_an_encrypted_one_vanishes(
    cloud: RingCloud, client: RingClient, account: Account
) -> None:
    cloud.switches.e2ee_devices = "hidden"
    removed, encrypted = account.device("Basement"), account.device("Front Door")
    cloud.remove_device(removed)
    encrypted.set(e2ee=True)
    with pytest.raises(RingNotFoundError):
        await client.async_get_device(removed.id)
    assert {removed.id, encrypted.id}.isdisjoint(await client.async_get_devices())


async def test_a_device_that_is_encrypted_end_to_end_and_stays_listed_says_so(
    client: RingClient, account: Account
) -> None:
    account.device("Front Door").set(e2ee=True)
    found = {device.name: device for device in (await client.async_get_devices()).values()}
    assert (found["Front Door"].configurations.e2e_encryption, found["Driveway"].configurations.e2e_encryption) == (
        True,
        False,
    )


@pytest.mark.parametrize("absent", ["blocks", "all_blocks", "null", "missing"])
async def test_devices_have_the_same_features_however_ring_writes_what_they_lack(
    cloud: RingCloud, client: RingClient, absent: str
) -> None:
    before = {device.name: device.features for device in (await client.async_get_devices()).values()}
    cloud.switches.absent_capabilities = absent
    after = {device.name: device.features for device in (await client.async_get_devices()).values()}
    assert after == before
    assert Feature.VIDEO not in after["Hallway Chime"] | after["Basement"]
    assert Feature.VIDEO in after["Garage"]


async def test_a_chime_without_provisioned_sounds_has_empty_slots(
    cloud: RingCloud, client: RingClient, account: Account
) -> None:
    cloud.switches.chime_slots = "empty"
    chime = await client.async_get_device(account.device("Hallway Chime").id)
    assert [(slot.event, slot.audio_ref) for slot in chime.configurations.chime_slots] == [
        ("ring-appstore-event-1", None),
        ("ring-appstore-event-2", None),
    ]


async def test_a_private_app_has_no_subscriptions(client: RingClient) -> None:
    assert await client.async_get_subscriptions() == ()


async def test_every_page_of_subscriptions_is_read(client: RingClient, account: Account) -> None:
    account.add_subscription()
    for _ in range(30):
        account.add_subscription("trial")
    subscriptions = await client.async_get_subscriptions()
    assert len({subscription.id for subscription in subscriptions}) == 31
    assert {subscription.sub_type for subscription in subscriptions} == {"paid", "trial"}


# --- Limits and faults -----------------------------------------------------------------------------------------------


async def test_what_is_left_of_the_limit_is_known_until_it_is_used_up(cloud: RingCloud, client: RingClient) -> None:
    for used in range(1, 101):
        await client.async_get_user()
        assert client.rate_limit is not None
        assert (client.rate_limit.limit, client.rate_limit.remaining) == (100, 100 - used)
    with pytest.raises(RingRateLimitError) as raised:
        await client.async_get_user()
    assert raised.value.retry_after is not None
    assert raised.value.retry_after >= 1
    assert raised.value.request_id == client.last_request_id is not None
    cloud.clock.advance(raised.value.retry_after)
    # The event loop's clock has not advanced.
    client.limiter = RateLimiter()
    await client.async_get_user()


@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"status": 503}, {"cut": "before"}, {"cut": "after"}, {"cut": "body"}]
)
async def test_one_fault_is_not_noticed_and_two_are(
    cloud: RingCloud, client: RingClient, sleeper: Sleeper, fault: dict[str, object]
) -> None:
    cloud.faults.add("/v1/devices", **fault)
    assert await client.async_get_devices()
    cloud.faults.add("/v1/devices", count=2, **fault)
    with pytest.raises(RingUnavailableError):
        await client.async_get_devices()
    assert cloud.count("GET", "/v1/devices") == 4
    assert sleeper.slept == [1, 1]


@pytest.mark.parametrize("garbage", ["text", "truncated", "html"])
async def test_garbage_is_an_outage(cloud: RingCloud, client: RingClient, garbage: str) -> None:
    cloud.faults.add(garbage=garbage, count=None)
    for ask in (client.async_get_user, client.async_get_devices, client.async_get_subscriptions):
        with pytest.raises(RingUnavailableError):
            await ask()


async def test_nothing_of_the_cloud_is_an_error_without_words(cloud: RingCloud, client: RingClient) -> None:
    for status in range(300, 600, 7):
        cloud.faults.add("/v1/accounts/*", status=status)
        with pytest.raises(RingError) as raised:
            await client.async_unlink()
        assert str(status) in str(raised.value)
        assert not any(secret in repr(raised.value) for secret in cloud.secrets())
