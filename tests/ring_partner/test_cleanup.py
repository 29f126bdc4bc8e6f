"""What belongs to no entry and no dialog is deleted, and Ring is told where it can be."""

import json
import os
from pathlib import Path
import shutil
import time
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.ring_partner.api import Token
from custom_components.ring_partner.journal import Record, TokenJournal
from custom_components.ring_partner.session import new_link
from homeassistant.components.application_credentials import ClientCredential, async_import_client_credential
from homeassistant.config_entries import ConfigEntry, ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import HomeAssistant
from ring_cloud import Account, App, LinkStatus, RingCloud

from .conftest import SIGNING_KEY
from .dialog import Dialog, another, dialog, frontend

__all__ = ["dialog", "frontend"]

GONE = "01HZZZZZZZZZZZZZZZZZZZZZZZ"
HOUR = 3600


@pytest.fixture
def hass_storage() -> dict[str, object]:
    """Write real files."""
    return {}


@pytest.fixture
def bob(cloud: RingCloud) -> Account:
    """An account that no entry is for."""
    return cloud.add_account("Bob", "Roe", "bob@example.com", devices=1)


def storage(hass: HomeAssistant) -> Path:
    """Where Home Assistant keeps its files."""
    path = Path(hass.config.path(".storage"))
    path.mkdir(exist_ok=True)
    return path


def names(hass: HomeAssistant, pattern: str = "ring_partner.*") -> set[str]:
    """What of ours is there."""
    return {path.name for path in storage(hass).glob(pattern)}


def token_of(cloud: RingCloud, account: Account, app: App) -> Token:
    """Link an account without Home Assistant."""
    return Token.from_response(cloud.link_directly(account, app), time.time())


def status(cloud: RingCloud, account: Account, app: App) -> LinkStatus | None:
    """How Ring sees a link."""
    link = cloud.links.get(account, app)
    return None if link is None else link.status


async def set_up(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Set up an account, and let the clean-up end."""
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.state is ConfigEntryState.LOADED


async def pass_time(hass: HomeAssistant, freezer: FrozenDateTimeFactory, seconds: float) -> None:
    """Let time pass."""
    freezer.tick(seconds)
    async_fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)


def write_unclaimed(hass: HomeAssistant, name: str, items: object, age: float = 0) -> Path:
    """Leave a file of unclaimed accounts."""
    path = storage(hass) / f"ring_partner.{name}.unclaimed"
    path.write_text(json.dumps({"version": 1, "minor_version": 1, "key": path.name, "data": items}))
    os.utime(path, (time.time() - age,) * 2)
    return path


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log tells users to do."""
    return [item.getMessage() for item in caplog.records if "remove the app in the Ring app" in item.getMessage()]


class TestEntriesThatAreGone:
    """The integration's files were removed before the entry, and put back later."""

    async def _leave(self, hass: HomeAssistant, token: Token) -> Path:
        await TokenJournal(hass, GONE).async_write(Record(new_link(token)))
        for what in ("events", "labels", "events.corrupt.2026-11-30"):
            (storage(hass) / f"ring_partner.{GONE}.{what}").write_text("{}")
        cache = Path(hass.config.cache_path("ring_partner", GONE))
        cache.mkdir(parents=True)
        (cache / "fake-picture").write_bytes(b"fake")
        return cache

    @pytest.mark.parametrize("unlink_allowed", [True, False])
    async def test_their_files_are_deleted_and_ring_is_told(
        self, hass: HomeAssistant, entry: MockConfigEntry, cloud: RingCloud, app: App, bob: Account,
        unlink_allowed: bool,
    ) -> None:  # fmt: skip
        app.unlink_allowed = unlink_allowed
        cache = await self._leave(hass, token_of(cloud, bob, app))
        await set_up(hass, entry)
        assert not names(hass, f"*{GONE}*")
        assert not cache.exists()
        assert status(cloud, bob, app) is (None if unlink_allowed else LinkStatus.AWAITING)

    async def test_expired_token_is_refreshed_with_the_credentials_there_are(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, entry: MockConfigEntry, cloud: RingCloud, app: App,
        bob: Account,
    ) -> None:  # fmt: skip
        other = cloud.add_app("fake-id-2", client_secret="fake-secret-2", signing_key="fake-signing-key-2")
        credential = ClientCredential(other.client_id, other.client_secret, "Holiday home")
        await async_import_client_credential(hass, "ring_partner", credential, "a_holiday_home")
        await self._leave(hass, token_of(cloud, bob, app))
        freezer.tick(5 * HOUR)
        await set_up(hass, entry)
        assert status(cloud, bob, app) is LinkStatus.AWAITING

    async def test_expired_token_without_credentials_is_logged(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, entry: MockConfigEntry, cloud: RingCloud,
        bob: Account, caplog: pytest.LogCaptureFixture,
    ) -> None:  # fmt: skip
        other = cloud.add_app("fake-id-2", client_secret="fake-secret-2", signing_key="fake-signing-key-2")
        await self._leave(hass, token_of(cloud, bob, other))
        freezer.tick(5 * HOUR)
        await set_up(hass, entry)
        assert len(warnings(caplog)) == 1
        assert not names(hass, f"*{GONE}*")

    async def test_link_that_an_entry_has_again_is_left(
        self, hass: HomeAssistant, entry: MockConfigEntry, cloud: RingCloud, app: App, account: Account
    ) -> None:
        await self._leave(hass, Token.from_dict(entry.data["token"]))
        await set_up(hass, entry)
        assert status(cloud, account, app) is LinkStatus.COMPLETED
        assert not names(hass, f"*{GONE}*")

    @pytest.mark.parametrize(
        "token",
        [
            Token(access_token="fake-access", expires_at=0.0),
            Token(access_token="fake-access", refresh_token="fake-refresh", expires_at=4e9),
        ],
        ids=["without refresh token", "revoked"],
    )
    async def test_token_that_has_ended_is_deleted_in_silence(
        self, hass: HomeAssistant, entry: MockConfigEntry, caplog: pytest.LogCaptureFixture, token: Token
    ) -> None:
        await self._leave(hass, token)
        await set_up(hass, entry)
        assert not names(hass, f"*{GONE}*")
        assert not warnings(caplog)

    async def test_damaged_token_file_costs_nothing_else(self, hass: HomeAssistant, entry: MockConfigEntry) -> None:
        (storage(hass) / f"ring_partner.{GONE}.token").mkdir()
        (storage(hass) / f"ring_partner.{GONE}.labels").write_bytes(b"\0")
        await set_up(hass, entry)
        assert not names(hass, f"*{GONE}*")

    async def test_file_that_cannot_be_deleted_is_logged(
        self, hass: HomeAssistant, entry: MockConfigEntry, cloud: RingCloud, app: App, bob: Account,
        caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        def refuse(_path: Path) -> None:
            raise PermissionError(1, "Operation not permitted")

        await self._leave(hass, token_of(cloud, bob, app))
        monkeypatch.setattr(shutil, "rmtree", refuse)
        await set_up(hass, entry)
        assert "Could not delete what was left behind: Operation not permitted" in caplog.text
        assert not names(hass, f"*{GONE}*")

    async def test_files_of_entries_and_of_others_stay(self, hass: HomeAssistant, entry: MockConfigEntry) -> None:
        others = {"ring_partner", "ring_partner.something", "ring_partner.some.thing", f"other.{GONE}.token"}
        for name in others:
            (storage(hass) / name).write_text("{}")
        disabled = MockConfigEntry(domain="ring_partner", unique_id="x", disabled_by=ConfigEntryDisabler.USER)
        disabled.add_to_hass(hass)
        mine = f"ring_partner.{disabled.entry_id}.labels"
        (storage(hass) / mine).write_text("{}")
        await set_up(hass, entry)
        assert {*others, mine} <= names(hass, "*")


class TestUnclaimed:
    """Accounts that were never confirmed."""

    async def test_account_of_a_closed_dialog_is_given_back_after_an_hour(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, dialog: Dialog, cloud: RingCloud, app: App,
        account: Account,
    ) -> None:  # fmt: skip
        await dialog.wait_for_ring(cloud, app)
        await cloud.enable_app(account, app)
        await dialog.look()
        await dialog.close()
        assert len(names(hass)) == 1
        app.unlink_allowed = True
        await pass_time(hass, freezer, HOUR + 2)
        assert not names(hass)
        assert status(cloud, account, app) is None
        before = cloud.count("POST", "/oauth/token")
        async with dialog.browser.post(app.token_exchange_url, data={"code": "fake-code"}):
            await hass.async_block_till_done()
        assert cloud.count("POST", "/oauth/token") == before

    async def test_account_that_cannot_be_given_back_is_logged_once(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, dialog: Dialog, cloud: RingCloud, app: App,
        account: Account, caplog: pytest.LogCaptureFixture,
    ) -> None:  # fmt: skip
        await dialog.wait_for_ring(cloud, app)
        await cloud.enable_app(account, app)
        await dialog.look()
        cloud.faults.add("*", status=503, count=None)
        await pass_time(hass, freezer, HOUR + 2)
        assert len(warnings(caplog)) == 1
        assert not names(hass)

    async def test_link_of_an_entry_is_not_ended_with_an_unclaimed_one(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, dialog: Dialog, linked: ConfigEntry,
        cloud: RingCloud, app: App, account: Account,
    ) -> None:  # fmt: skip
        await dialog.wait_for_ring(cloud, app)
        await cloud.enable_app(account, app)
        await hass.async_block_till_done()
        before = cloud.count("DELETE", "/v1/accounts/me/app-integrations")
        await pass_time(hass, freezer, HOUR + 2)
        assert cloud.count("DELETE", "/v1/accounts/me/app-integrations") == before
        assert not names(hass, "*.unclaimed")

    async def test_claim_is_found_after_a_restart(
        self, hass: HomeAssistant, dialog: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        await dialog.wait_for_ring(cloud, app)
        await cloud.enable_app(account, app)
        await dialog.look()
        await dialog.arrive(cloud, app, account)
        await dialog.close()
        # In a new process nothing is open yet.
        listener = hass.data["ring_partner_link_listeners"].pop(app.token_exchange_url.rpartition("/")[2])
        hass.data["webhook"].pop(listener.key)
        again = another(dialog)
        assert (await again.wait_for_ring(cloud, app))["step_id"] == "confirm"
        assert (await again.submit())["type"] == "create_entry"
        assert not names(hass, "*.unclaimed")

    @pytest.mark.parametrize("age", [10, HOUR + 10])
    async def test_file_of_a_key_that_nothing_uses_goes_when_it_is_an_hour_old(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, entry: MockConfigEntry, cloud: RingCloud, app: App,
        bob: Account, age: float,
    ) -> None:  # fmt: skip
        """As after a mistyped signing key."""
        item = {"token": token_of(cloud, bob, app).as_dict(), "auth_implementation": "my_home"}
        path = write_unclaimed(hass, "0123456789abcdef", {bob.id: item}, age)
        await set_up(hass, entry)
        assert path.exists() is (age < HOUR)
        await pass_time(hass, freezer, HOUR + 60)
        assert not path.exists()
        assert status(cloud, bob, app) is LinkStatus.AWAITING

    @pytest.mark.parametrize(
        "items",
        [None, [], {"x": None}, {"x": {}}, {"x": {"token": None}}, {"x": {"token": {}}},
         {"x": {"token": {"access_token": "fake"}, "auth_implementation": {}}}],
    )  # fmt: skip
    async def test_odd_file_of_a_key_that_nothing_uses_goes_too(
        self, hass: HomeAssistant, entry: MockConfigEntry, items: object
    ) -> None:
        path = write_unclaimed(hass, "0123456789abcdef", items, HOUR + 10)
        await set_up(hass, entry)
        assert not path.exists()

    async def test_first_dialog_cleans_up_where_there_is_no_entry(
        self, hass: HomeAssistant, dialog: Dialog, cloud: RingCloud, app: App, bob: Account
    ) -> None:
        item = {"token": token_of(cloud, bob, app).as_dict(), "auth_implementation": "my_home"}
        path = write_unclaimed(hass, "0123456789abcdef", {bob.id: item}, HOUR + 10)
        await dialog.open()
        await hass.async_block_till_done(wait_background_tasks=True)
        assert not path.exists()
        assert status(cloud, bob, app) is LinkStatus.AWAITING


GOOD = {"user": {"id": "x"}, "token": {"access_token": "fake", "expires_at": 4e9}}


class TestOddUnclaimed:
    """The file of a private app that is in use, from another release or damaged."""

    @pytest.mark.parametrize(
        "item",
        [
            None,
            {},
            {"user": None},
            {"user": {"id": None}},
            {"user": {"id": 5}},
            {"user": {"id": "x"}, "token": {}},
            {"user": {"id": "x"}, "token": None},
            GOOD | {"received": "never"},
            GOOD | {"received": None},
        ],
    )
    async def test_odd_item_costs_only_itself(
        self, hass: HomeAssistant, dialog: Dialog, entry: MockConfigEntry, cloud: RingCloud, app: App, bob: Account,
        item: object,
    ) -> None:  # fmt: skip
        user = {"id": bob.id, "first_name": "Bob", "phone": "of a newer release"}
        good = {"user": user, "token": token_of(cloud, bob, app).as_dict(), "received": time.time(), "more": 1}
        write_unclaimed(hass, self._name(), {"odd": item, bob.id: good})
        await set_up(hass, entry)
        assert (await dialog.wait_for_ring(cloud, app))["progress_action"] == "confirm_in_ring_app"
        stored = json.loads((storage(hass) / f"ring_partner.{self._name()}.unclaimed").read_text())
        assert stored["data"].keys() == {bob.id}

    @pytest.mark.parametrize(
        "content",
        [
            '{"version": 2, "minor_version": 1, "data": {"x": {}}}',
            "{",
            "[]",
            '{"version": 1, "minor_version": 1, "data": [1]}',
        ],
    )
    async def test_file_that_cannot_be_read_costs_only_itself(
        self, hass: HomeAssistant, entry: MockConfigEntry, content: str
    ) -> None:
        (storage(hass) / f"ring_partner.{self._name()}.unclaimed").write_text(content)
        await set_up(hass, entry)

    @staticmethod
    def _name() -> str:
        from custom_components.ring_partner.linking import file_id  # noqa: PLC0415

        return file_id(SIGNING_KEY)


class TestRemoval:
    """The last entry is removed."""

    @pytest.mark.parametrize("is_open", [False, True])
    async def test_nothing_stays_unless_a_dialog_is_open(
        self, hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry, cloud: RingCloud, app: App, bob: Account,
        is_open: bool,
    ) -> None:  # fmt: skip
        app.unlink_allowed = True
        await dialog.wait_for_ring(cloud, app)
        await cloud.enable_app(bob, app)
        await dialog.look()
        if not is_open:
            await dialog.close()
        other = write_unclaimed(hass, "0123456789abcdef", {})
        await TokenJournal(hass, "pasted-fake").async_write(Record({"access_token": "fake"}))
        await hass.config_entries.async_remove(linked.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert bool(names(hass)) is is_open
        assert other.exists() is is_open
        if is_open:
            assert (await dialog.arrive(cloud, app, bob))["step_id"] == "confirm"
        else:
            assert status(cloud, bob, app) is None

    async def test_pasted_token_is_deleted_after_thirty_days(self, hass: HomeAssistant, entry: MockConfigEntry) -> None:
        for name, days in (("old", 31), ("new", 29)):
            await TokenJournal(hass, f"pasted-{name}").async_write(Record({"access_token": "fake"}))
            path = storage(hass) / f"ring_partner.pasted-{name}.token"
            os.utime(path, (time.time() - days * 86_400,) * 2)
        await set_up(hass, entry)
        assert names(hass, "ring_partner.pasted*") == {"ring_partner.pasted-new.token"}


class TestReplacedLink:
    """An account is linked again."""

    async def _replace(self, hass: HomeAssistant, dialog: Dialog, entry: ConfigEntry, token: Any) -> None:
        await dialog.open("tokens", entry=entry)
        assert (await dialog.submit(refresh_token=token))["reason"] == "reconfigure_successful"
        await hass.async_block_till_done(wait_background_tasks=True)

    async def test_link_of_the_same_private_app_is_left(
        self, hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry, cloud: RingCloud, app: App, account: Account
    ) -> None:
        await self._replace(hass, dialog, linked, cloud.link_directly(account, app)["refresh_token"])
        assert status(cloud, account, app) is LinkStatus.COMPLETED
        assert cloud.count("DELETE", "/v1/accounts/me/app-integrations") == 0

    @pytest.mark.parametrize("is_lost", [False, True])
    async def test_link_of_another_private_app_is_ended(
        self, hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry, cloud: RingCloud, app: App, account: Account,
        is_lost: bool,
    ) -> None:  # fmt: skip
        other = cloud.add_app("fake-id-2", client_secret="fake-secret-2", signing_key="fake-signing-key-2")
        credential = ClientCredential(other.client_id, other.client_secret, "Holiday home")
        await async_import_client_credential(hass, "ring_partner", credential, "holiday_home")
        old = dict(linked.data)
        token = {} if is_lost else new_link(token_of(cloud, account, other))
        data = old | {"auth_implementation": "holiday_home", "token": token}
        hass.config_entries.async_update_entry(linked, data=data)
        await dialog.open("tokens", entry=linked)
        if dialog.step["step_id"] != "refresh_token":
            await dialog.submit(implementation="my_home")
        pasted = cloud.link_directly(account, app)["refresh_token"]
        assert (await dialog.submit(refresh_token=pasted))["reason"] == "reconfigure_successful"
        await hass.async_block_till_done(wait_background_tasks=True)
        assert status(cloud, account, app) is LinkStatus.COMPLETED
        assert status(cloud, account, other) is (None if is_lost else LinkStatus.AWAITING)
