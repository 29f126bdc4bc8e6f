"""A pasted refresh token is exchanged once; what it became stays on disk until an entry holds it."""

import asyncio
import errno
from pathlib import Path

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.ring_partner.journal import Record, TokenJournal
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from ring_cloud import Account, App, RingCloud

from .dialog import Dialog, another, dialog, frontend

__all__ = ["dialog", "frontend"]

TOKEN = "/oauth/token"


def issued(cloud: RingCloud) -> int:
    """How many refresh tokens Ring has issued; the first one is what was pasted."""
    return len(cloud.grants._refresh)


@pytest.fixture
def pasted(cloud: RingCloud, app: App, account: Account) -> str:
    """A refresh token that another tool got."""
    return str(cloud.link_directly(account, app)["refresh_token"])


def files(hass: HomeAssistant) -> list[Path]:
    """What is kept of pasted tokens."""
    return list(Path(hass.config.path(".storage")).glob("ring_partner.pasted-*"))


async def paste(dialog: Dialog, pasted: str) -> dict[str, object]:
    """Paste it into a new dialog."""
    await dialog.open("tokens")
    return await dialog.submit(refresh_token=pasted)


class TestPastedAgain:
    """The dialog in which it was pasted first led to nothing."""

    async def test_token_after_an_outage_links_in_the_next_dialog(
        self, hass: HomeAssistant, dialog: Dialog, cloud: RingCloud, pasted: str
    ) -> None:
        cloud.faults.add("/v1/users/me", status=503, count=None)
        assert (await paste(dialog, pasted))["errors"] == {"base": "cannot_connect"}
        await dialog.close()
        [file] = files(hass)
        assert file.stat().st_mode & 0o777 == 0o600
        cloud.faults.clear()
        assert (await paste(another(dialog), pasted))["type"] == "create_entry"
        assert issued(cloud) == 2
        assert not files(hass)

    async def test_token_whose_access_token_expired_meanwhile_is_refreshed(
        self, freezer: FrozenDateTimeFactory, dialog: Dialog, cloud: RingCloud, pasted: str, hass: HomeAssistant
    ) -> None:
        cloud.faults.add("/v1/users/me", status=503, count=None)
        await paste(dialog, pasted)
        cloud.faults.clear()
        freezer.tick(4 * 3600 + 1)
        user = (await hass.auth.async_get_users())[-1]
        dialog.access_token = hass.auth.async_create_access_token(next(iter(user.refresh_tokens.values())))
        assert (await paste(another(dialog), pasted))["type"] == "create_entry"
        assert issued(cloud) == 3

    async def test_token_of_another_account_in_reauth_links_as_a_new_entry(
        self, hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry, cloud: RingCloud, app: App
    ) -> None:
        bob = cloud.add_account("Bob", "Roe", "bob@example.com", devices=1)
        pasted = str(cloud.link_directly(bob, app)["refresh_token"])
        linked.async_start_reauth(hass)
        await hass.async_block_till_done()
        await dialog.join("reauth")
        await dialog.choose("tokens")
        assert (await dialog.submit(refresh_token=pasted))["reason"] == "wrong_account"
        assert (await paste(another(dialog), pasted))["title"] == "Bob Roe"

    async def test_token_of_a_renewed_link_is_not_kept(
        self, hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry, cloud: RingCloud, app: App, account: Account
    ) -> None:
        await dialog.open("tokens", entry=linked)
        token = cloud.link_directly(account, app)["refresh_token"]
        assert (await dialog.submit(refresh_token=token))["reason"] == "reconfigure_successful"
        assert not files(hass)

    async def test_token_pasted_in_two_dialogs_at_once_is_exchanged_once(
        self, dialog: Dialog, cloud: RingCloud, pasted: str
    ) -> None:
        fault = cloud.faults.add("/v1/users/me", delay=3600, count=None)
        tabs = [dialog, another(dialog)]
        tasks = [asyncio.create_task(paste(tab, pasted)) for tab in tabs]
        await fault.reached()
        fault.release()
        steps = await asyncio.gather(*tasks)
        assert sorted(str(step.get("reason", step["type"])) for step in steps) == ["already_configured", "create_entry"]
        assert issued(cloud) == 2

    async def test_token_is_kept_when_the_dialog_is_closed_during_the_exchange(
        self, hass: HomeAssistant, dialog: Dialog, cloud: RingCloud, pasted: str
    ) -> None:
        fault = cloud.faults.add(TOKEN, delay=3600)
        await dialog.open("tokens")
        window = another(dialog)
        window.step = dict(dialog.step)
        submit = asyncio.create_task(dialog.submit(refresh_token=pasted))
        await fault.reached()
        await window.close()
        fault.release()
        await asyncio.gather(submit, return_exceptions=True)
        assert (await paste(another(dialog), pasted))["type"] == "create_entry"
        assert issued(cloud) == 2


class TestTheDisk:
    """What a full disk and a refusal leave."""

    async def test_refused_token_leaves_no_file(self, hass: HomeAssistant, dialog: Dialog) -> None:
        assert (await paste(dialog, "fake-unknown-token"))["errors"] == {"base": "invalid_auth"}
        assert not files(hass)

    async def test_token_is_not_exchanged_while_it_cannot_be_saved(
        self, dialog: Dialog, cloud: RingCloud, pasted: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(TokenJournal, "async_write", _full_disk)
            assert (await paste(dialog, pasted))["errors"] == {"base": "token_not_saved"}
        assert issued(cloud) == 1
        assert (await dialog.submit())["type"] == "create_entry"

    async def test_token_that_cannot_be_saved_any_more_still_links(
        self, dialog: Dialog, pasted: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write = TokenJournal.async_write

        async def first_only(journal: TokenJournal, record: Record) -> None:
            await (_full_disk(journal, record) if record.generation else write(journal, record))

        monkeypatch.setattr(TokenJournal, "async_write", first_only)
        assert (await paste(dialog, pasted))["type"] == "create_entry"


async def _full_disk(journal: TokenJournal, record: Record) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")
