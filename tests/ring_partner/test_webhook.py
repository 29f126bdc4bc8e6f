"""The webhook as Ring, and as anybody else, sees it: what is answered, and what is taken."""

import asyncio
from dataclasses import replace
from datetime import timedelta
import logging

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator
from yarl import URL

from custom_components.ring_partner import activity, webhook
from homeassistant.components.application_credentials import ClientCredential, async_import_client_credential
from homeassistant.config_entries import ConfigEntry, ConfigEntryDisabler, ConfigEntryState
from ring_cloud import Account, RingCloud
from ring_cloud.deliveries import DeliveryState, sign

from .conftest import SIGNING_KEY, make_entry
from .home import RING, Home, home, pushed, webhook_url
from .polls import async_pass_time, async_set_up, issues, reauths

__all__ = ["home", "pushed"]

LIMIT = 65_536
OTHER_KEY = "fake-signing-key-of-another-app"


def padded(body: bytes, length: int) -> bytes:
    """Return a webhook's body with as much space in it as it takes."""
    return body + b" " * (length - len(body))


class TestSignatures:
    @pytest.mark.parametrize(
        "signature",
        [
            "",
            "sha256=",
            "sha256=" + "0" * 64,
            "sha256=ü",
            sign("another key", b"{}"),
            sign(SIGNING_KEY, b"{} "),
            sign(SIGNING_KEY, b"{}").removeprefix("sha256="),
            sign(SIGNING_KEY, b"{}").replace("sha256", "sha1"),
        ],
    )
    async def test_what_ring_did_not_sign_is_refused(self, home: Home, pushed: ConfigEntry, signature: str) -> None:
        assert await home.post(b"{}", signature) == 401
        assert pushed.runtime_data.coordinator.data.account.delivery.refused == 1

    async def test_a_wrong_signature_rings_no_bell(
        self, home: Home, pushed: ConfigEntry, cloud: RingCloud, account: Account
    ) -> None:
        cloud.deliveries.mischief("wrong_signature")
        delivery = await home.happen(account.device("Front Door"), "button_press")
        assert (delivery.status, delivery.state) == (401, DeliveryState.REFUSED)
        assert home.fired(pushed, account.device("Front Door")) == []

    async def test_who_tries_again_and_again_is_told_of(self, home: Home, pushed: ConfigEntry) -> None:
        for _ in range(9):
            await home.post(b"{}", "")
        assert "signature_failures" not in issues(home.hass)
        await home.post(b"{}", "")
        assert "signature_failures" in issues(home.hass)

    async def test_the_key_shows_nowhere(self, home: Home, pushed: ConfigEntry) -> None:
        await home.post(b"{}", "")
        receiver = webhook.receiver_of(home.hass, SIGNING_KEY)
        assert repr(receiver) == "<WebhookReceiver accounts=1>"
        assert SIGNING_KEY not in receiver.webhook_id


class TestWhatIsTaken:
    """A 4xx would be final, and ten of them in a row end all deliveries: whatever Ring signed is taken."""

    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"[]", b"null", b"\xff", b"{}", b'{"data":1}', b'{"data":{"type":5}}', b"[" * 20_000],
        ids=lambda body: repr(body[:20]),
    )
    async def test_nonsense_does_nothing(self, home: Home, pushed: ConfigEntry, body: bytes) -> None:
        requests = home.cloud.count()
        assert await home.post(body) == 200
        assert pushed.runtime_data.coordinator.data.account.delivery.accepted == 0
        assert home.cloud.count() == requests

    @pytest.mark.parametrize(
        "event_type", ["something_new", "button_press", "contact_sensor_faulted", "device_removed"]
    )
    @pytest.mark.parametrize("attributes", [{"source": "nobody", "source_type": "devices"}, {}])
    async def test_types_and_devices_that_nobody_knows_are_taken(
        self, home: Home, pushed: ConfigEntry, account: Account, event_type: str, attributes: dict[str, str]
    ) -> None:
        before = {state.entity_id for state in home.hass.states.async_all()}
        assert await home.tell(account, type=event_type, attributes=attributes) == 200
        assert {state.entity_id for state in home.hass.states.async_all()} == before
        assert pushed.runtime_data.coordinator.data.account.delivery.accepted == 1

    async def test_what_is_for_another_account_does_nothing(
        self, home: Home, pushed: ConfigEntry, cloud: RingCloud, account: Account
    ) -> None:
        cloud.deliveries.mischief("foreign_account", count=None)
        delivery = await home.happen(account.device("Front Door"), "button_press")
        assert delivery.status == 200
        assert home.fired(pushed, account.device("Front Door")) == []

    async def test_a_dropped_webhook_leaves_no_trace(
        self, home: Home, pushed: ConfigEntry, cloud: RingCloud, account: Account
    ) -> None:
        cloud.deliveries.mischief("drop")
        await home.happen(account.device("Front Door"), "button_press")
        await home.happen(account.device("Front Door"), "button_press")
        assert home.fired(pushed, account.device("Front Door")) == [RING]

    @pytest.mark.parametrize("method", ["GET", "PUT"])
    async def test_only_a_post_is_one(self, home: Home, pushed: ConfigEntry, method: str) -> None:
        async with home.browser.request(method, home.url) as answer:
            assert answer.status == 405


class TestSizeAndSpeed:
    @pytest.mark.parametrize(("length", "status", "rings"), [(LIMIT, 200, 1), (LIMIT + 1, 413, 0)])
    async def test_a_body_up_to_the_limit_is_read(
        self, home: Home, pushed: ConfigEntry, cloud: RingCloud, account: Account, length: int, status: int, rings: int
    ) -> None:
        cloud.deliveries.mischief("hold")
        held = await home.happen(account.device("Front Door"), "button_press")
        assert await home.post(padded(held.body, length)) == status
        assert home.fired(pushed, account.device("Front Door")) == [RING] * rings

    async def test_a_sender_that_never_ends_is_cut_off_and_others_do_not_wait_for_it(
        self, home: Home, pushed: ConfigEntry, account: Account
    ) -> None:
        url = URL(home.url)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(f"POST {url.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{".encode())
        await writer.drain()
        await home.happen(account.device("Front Door"), "button_press")
        assert home.fired(pushed, account.device("Front Door")) == [RING]
        home.freezer.tick(webhook.READ_SECONDS + 0.1)
        assert await reader.readline() == b"HTTP/1.1 503 Service Unavailable\r\n"
        writer.close()
        await writer.wait_closed()


class TestOurOwnFailure:
    async def test_ring_is_asked_to_come_again_and_then_the_bell_rings_once(
        self, home: Home, pushed: ConfigEntry, cloud: RingCloud, account: Account, monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:  # fmt: skip
        with monkeypatch.context() as broken:
            broken.setattr(webhook, "parse_webhook", lambda _: 1 / 0)
            delivery = await home.happen(account.device("Front Door"), "button_press")
        assert (delivery.status, delivery.state) == (503, DeliveryState.WAITING)
        assert "Could not receive a webhook" in caplog.text
        await home.arrive(after=1)
        assert (delivery.status, delivery.state) == (200, DeliveryState.DELIVERED)
        await home.deliver_again(delivery)
        assert home.fired(pushed, account.device("Front Door")) == [RING]

    async def test_an_event_that_could_not_be_worked_on_is_asked_for_again(
        self, home: Home, pushed: ConfigEntry, cloud: RingCloud, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(activity, "is_doorbell", lambda *_: 1 / 0)
            delivery = await home.happen(account.device("Front Door"), "button_press")
        assert (delivery.status, delivery.state) == (503, DeliveryState.WAITING)
        await home.arrive(after=1)
        assert (delivery.status, delivery.state) == (200, DeliveryState.DELIVERED)
        await home.deliver_again(delivery)
        assert home.fired(pushed, account.device("Front Door")) == [RING]

    async def test_what_fails_after_the_bell_does_not_ring_it_again(
        self, home: Home, pushed: ConfigEntry, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(pushed.runtime_data.coordinator, "set_activity", lambda *_: 1 / 0)
            delivery = await home.happen(account.device("Front Door"), "button_press")
        assert delivery.status == 503
        await home.arrive(after=1)
        assert delivery.status == 200
        assert home.fired(pushed, account.device("Front Door")) == [RING]

    async def test_failure_is_logged_once_until_a_webhook_is_received_again(
        self, home: Home, pushed: ConfigEntry, account: Account, monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:  # fmt: skip
        """Ring repeats each of them six times."""
        for lines in (1, 2):
            with monkeypatch.context() as broken:
                broken.setattr(webhook, "parse_webhook", lambda _: 1 / 0)
                assert [await home.post(b"{}") for _ in range(7)] == [503] * 7
            assert caplog.text.count("Could not receive a webhook") == lines
            await home.happen(account.device("Front Door"), "button_press")

    async def test_link_that_is_lost_refuses_events_until_it_is_made_again(
        self, home: Home, pushed: ConfigEntry, cloud: RingCloud, account: Account
    ) -> None:
        """While the account is loaded, nothing shows them; when it is reloaded, it cannot be set up."""
        refuse_tokens(cloud)
        await pushed.runtime_data.coordinator.async_refresh()
        await home.hass.async_block_till_done(wait_background_tasks=True)
        assert (pushed.state, reauths(home.hass)) == (ConfigEntryState.LOADED, 1)
        assert (await home.happen(account.device("Front Door"), "button_press")).status == 503
        await home.hass.config_entries.async_reload(pushed.entry_id)
        assert pushed.state is ConfigEntryState.SETUP_ERROR
        assert (await home.happen(account.device("Front Door"), "button_press")).status == 503


def refuse_tokens(cloud: RingCloud) -> None:
    """Let the link have ended."""
    cloud.faults.add("/v1/*", status=401, count=None)
    headers = {"Content-Type": "application/json"}
    cloud.faults.add("/oauth/token", status=400, body='{"error":"invalid_grant"}', headers=headers, count=None)


# What comes from outside and is not Ring's: headers and body after the first two lines, and how the sender ends.
BROKEN = {
    "cut off": (b"Content-Length: 500\r\n\r\n" + b"x" * 10, True),
    "bad chunk": (b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n", False),
    "not gzip": (b"Content-Encoding: gzip\r\nContent-Length: 10\r\n\r\n0123456789", False),
    "not zstd": (b"Content-Encoding: zstd\r\nContent-Length: 10\r\n\r\n0123456789", False),
    "unknown encoding": (b"Content-Encoding: x-odd\r\nContent-Length: 2\r\n\r\n{}", False),
    "signature not UTF-8": (b"X-Signature: sha256=\xff\xfe\r\nContent-Length: 2\r\n\r\n{}", False),
    "wrong signature": (b"X-Signature: sha256=00\r\nContent-Length: 2\r\n\r\n{}", False),
    "too long": (b"Content-Length: 70000\r\n\r\n" + b"x" * 70_000, False),
    "nothing": (b"Content-Length: 0\r\n\r\n", False),
}


@pytest.mark.parametrize("how", BROKEN)
async def test_broken_call_from_outside_logs_nothing(
    home: Home, pushed: ConfigEntry, account: Account, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    caplog.clear()
    url = URL(home.url)
    rest, is_cut_off = BROKEN[how]
    for _ in range(3):
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(f"POST {url.path} HTTP/1.1\r\nHost: {url.host}\r\n".encode() + rest)
        await writer.drain()
        if is_cut_off:
            writer.write_eof()
        await reader.read(12)
        writer.close()
    delivery = await home.happen(account.device("Front Door"), "button_press")
    assert delivery.status == 200
    loud = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.getMessage() for record in loud if not record.name.startswith("aiohttp")] == []


class TestSeveralAccountsAndApps:
    @pytest.fixture
    async def john(self, home: Home, pushed: ConfigEntry, cloud: RingCloud) -> tuple[Account, MockConfigEntry]:
        """Another account linked through the same app, with devices of the same names."""
        account = cloud.add_account("John", "Doe", "john.doe@example.com")
        entry = make_entry(account, cloud.link_directly(account, cloud.app("fake-client-id")))
        entry.add_to_hass(home.hass)
        await async_set_up(home.hass, entry)
        home.freezer.tick(3)
        return account, entry

    @pytest.mark.parametrize("envelope", ["1.1", "1.0"])
    async def test_two_accounts_of_one_app_hear_of_their_own_devices(
        self, home: Home, pushed: ConfigEntry, account: Account, john: tuple[Account, MockConfigEntry], envelope: str
    ) -> None:
        home.cloud.switches.envelope = envelope
        johns, entry = john
        await home.happen(johns.device("Front Door"), "button_press")
        assert home.fired(entry, johns.device("Front Door")) == [RING]
        assert home.fired(pushed, account.device("Front Door")) == []

    async def test_device_that_two_accounts_share_rings_in_both_where_the_envelope_names_none(
        self, home: Home, pushed: ConfigEntry, cloud: RingCloud, account: Account, john: tuple[Account, MockConfigEntry]
    ) -> None:
        """What one of them cannot take yet, Ring repeats for it, and the other does not ring twice."""
        _, entry = john
        door = account.device("Front Door")
        devices = {**entry.runtime_data.coordinator.data.devices}
        devices[door.id] = pushed.runtime_data.coordinator.data.devices[door.id]
        data = replace(entry.runtime_data.coordinator.data, devices=devices)
        entry.runtime_data.coordinator.async_set_updated_data(data)
        await home.hass.async_block_till_done()
        cloud.switches.envelope = "1.0"
        entry.mock_state(home.hass, ConfigEntryState.UNLOAD_IN_PROGRESS)
        delivery = await home.happen(door, "button_press")
        assert (delivery.status, home.fired(pushed, door)) == (503, [RING])
        entry.mock_state(home.hass, ConfigEntryState.LOADED)
        await home.arrive(after=1)
        assert delivery.status == 200
        assert (home.fired(pushed, door), home.fired(entry, door)) == ([RING], [RING])

    async def test_account_being_reloaded_hears_of_a_shared_device_where_the_envelope_names_none(
        self, home: Home, pushed: ConfigEntry, cloud: RingCloud, account: Account
    ) -> None:
        bob = cloud.add_account("Bob", "Doe", "bob@example.com", devices=0)
        door = account.device("Front Door")
        bob.devices.append(door)
        entry = make_entry(bob, cloud.link_directly(bob, cloud.app("fake-client-id")))
        entry.add_to_hass(home.hass)
        await async_set_up(home.hass, entry)
        home.freezer.tick(3)
        cloud.switches.envelope = "1.0"
        await home.hass.config_entries.async_unload(entry.entry_id)
        await home.happen(door, "button_press")
        assert home.fired(pushed, door) == [RING]
        await async_set_up(home.hass, entry)
        await home.arrive(after=2)
        assert (home.fired(pushed, door), home.fired(entry, door)) == ([RING], [RING])

    async def test_when_one_account_goes_the_other_still_hears(
        self, home: Home, pushed: ConfigEntry, john: tuple[Account, MockConfigEntry]
    ) -> None:
        johns, entry = john
        await home.hass.config_entries.async_unload(pushed.entry_id)
        await home.happen(johns.device("Front Door"), "button_press")
        assert home.fired(entry, johns.device("Front Door")) == [RING]

    async def test_who_is_being_reloaded_hears_what_was_pushed_meanwhile(
        self, home: Home, pushed: ConfigEntry, account: Account
    ) -> None:
        await home.hass.config_entries.async_unload(pushed.entry_id)
        delivery = await home.happen(account.device("Front Door"), "button_press")
        assert delivery.status == 503
        await async_set_up(home.hass, pushed)
        await home.arrive(after=2)
        assert home.fired(pushed, account.device("Front Door")) == [RING]

    async def test_when_all_are_gone_nobody_listens(self, home: Home, pushed: ConfigEntry) -> None:
        await home.hass.config_entries.async_set_disabled_by(pushed.entry_id, ConfigEntryDisabler.USER)
        await async_pass_time(home.hass, home.freezer, timedelta(seconds=webhook.CLOSE_SECONDS + 1))
        # Home Assistant's answer for what it does not know.
        assert await home.post(b"{}", "") == 200
        await home.hass.config_entries.async_set_disabled_by(pushed.entry_id, None)
        assert await home.post(b"{}", "") == 401

    async def test_who_cannot_be_set_up_yet_hears_what_was_pushed_meanwhile(
        self, home: Home, entry: MockConfigEntry, cloud: RingCloud, account: Account
    ) -> None:
        """However long that takes: Home Assistant answers 200 for a webhook that nobody has registered."""
        cloud.faults.add("/v1/devices*", status=503, count=None)
        await async_set_up(home.hass, entry)
        await async_pass_time(home.hass, home.freezer, timedelta(seconds=webhook.CLOSE_SECONDS + 1))
        assert entry.state is ConfigEntryState.SETUP_RETRY
        delivery = await home.happen(account.device("Front Door"), "button_press")
        assert delivery.status == 503
        cloud.faults.clear()
        await home.hass.config_entries.async_reload(entry.entry_id)
        await home.arrive(after=2)
        assert home.fired(entry, account.device("Front Door")) == [RING]

    async def test_every_app_has_its_own_address_and_key(
        self, home: Home, pushed: ConfigEntry, cloud: RingCloud, account: Account, address: str
    ) -> None:
        url = webhook_url(address, OTHER_KEY)
        other = cloud.add_app("fake-other", client_secret="fake-other-secret", signing_key=OTHER_KEY, webhook_url=url)
        credential = ClientCredential(other.client_id, other.client_secret, "Other home")
        await async_import_client_credential(home.hass, "ring_partner", credential, "other_home")
        johns = cloud.add_account("John", "Doe", "john.doe@example.com")
        entry = make_entry(
            johns, cloud.link_directly(johns, other), auth_implementation="other_home", signing_key=OTHER_KEY
        )
        entry.add_to_hass(home.hass)
        await async_set_up(home.hass, entry)
        home.freezer.tick(3)

        delivery = await home.happen(johns.device("Front Door"), "button_press")
        await home.happen(account.device("Front Door"), "button_press")

        assert home.fired(entry, johns.device("Front Door")) == [RING]
        assert home.fired(pushed, account.device("Front Door")) == [RING]
        assert await home.post(delivery.body, delivery.signature) == 401


class TestHomeAssistantCloud:
    async def test_what_comes_through_a_cloudhook_rings(
        self, home: Home, pushed: ConfigEntry, hass_ws_client: WebSocketGenerator, account: Account
    ) -> None:
        home.cloud.deliveries.mischief("hold")
        held = await home.happen(account.device("Front Door"), "button_press")
        socket = await hass_ws_client(home.hass)
        statuses = []
        for signature in ("sha256=", held.signature):
            await socket.send_json_auto_id(
                {
                    "type": "webhook/handle",
                    "webhook_id": URL(home.url).name,
                    "method": "POST",
                    "body": held.body.decode(),
                    "headers": {"X-Signature": signature},
                }
            )
            answer = await socket.receive_json()
            statuses.append(answer["result"]["status"])
        await home.hass.async_block_till_done()
        assert statuses == [401, 200]
        assert home.fired(pushed, account.device("Front Door")) == [RING]
