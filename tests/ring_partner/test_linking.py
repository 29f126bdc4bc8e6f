"""Ring's half of one-way linking: what the addresses are and answer, and what survives a restart."""

import asyncio
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.ring_partner.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import UnknownFlow
from homeassistant.helpers.storage import Store
from ring_cloud import Account, App, RingCloud
from ring_cloud.model import Flow

from .conftest import SIGNING_KEY
from .dialog import CREDENTIALS_CHECK, Dialog, another, dialog, frontend

__all__ = ["dialog", "frontend"]

ONE_WAY = Flow.ONE_WAY


@pytest.fixture
async def waiting(dialog: Dialog, cloud: RingCloud, app: App) -> Dialog:
    """A dialog that waits for the user to enable the app."""
    await dialog.wait_for_ring(cloud, app)
    return dialog


class TestTheTokenExchangeUrl:
    """Nobody has seen Ring's request, so it may look in several ways; all else is refused in silence."""

    @pytest.mark.parametrize("how", ["data", "json", "params"])
    async def test_it_takes_a_code(
        self, waiting: Dialog, cloud: RingCloud, app: App, account: Account, how: str
    ) -> None:
        cloud.links.open(account, app, ONE_WAY, None)
        code = cloud.grants.new_code(account, app, ONE_WAY)
        async with waiting.browser.post(app.token_exchange_url, **{how: {"code": code, "state": "x"}}) as answer:
            assert (answer.status, await answer.text()) == (200, "")
        assert (await waiting.look())["progress_action"] == "confirm_in_ring_app"

    @pytest.mark.parametrize(
        ("body", "headers"),
        [
            (b"", {}),
            (b"code=", {}),
            (b"something=else", {}),
            (b"code=" + b"a" * 2049, {}),
            (b"code=a&filler=" + b"a" * 9000, {}),
            (b"code=a%00b", {}),
            (b"\xff\xfe\x00\x01", {}),
            (b'{"code": 5}', {}),
            (b'{"code": ', {}),
            (b'{"code": {"code": "a"}}', {}),
            (b'{"a":' * 1600, {}),
            (b"code=fake-code", {"Content-Encoding": "gzip"}),
        ],
    )
    async def test_rubbish_is_refused_without_a_word(
        self,
        waiting: Dialog,
        cloud: RingCloud,
        app: App,
        caplog: pytest.LogCaptureFixture,
        body: bytes,
        headers: dict[str, str],
    ) -> None:
        caplog.clear()
        async with waiting.browser.post(app.token_exchange_url, data=body, headers=headers) as answer:
            assert answer.status == 400
            assert SIGNING_KEY not in await answer.text()
        assert (await waiting.look())["progress_action"] == "enable_in_ring_app"
        assert cloud.count("POST", "/oauth/token") == CREDENTIALS_CHECK
        ours = ("custom_components", "homeassistant")
        assert not [
            one for one in caplog.records if one.levelname in {"WARNING", "ERROR"} and one.name.startswith(ours)
        ]

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
    async def test_it_takes_a_post_only(self, waiting: Dialog, cloud: RingCloud, app: App, method: str) -> None:
        async with waiting.browser.request(method, app.token_exchange_url, params={"code": "fake-code"}) as answer:
            assert answer.status == 405
        await waiting.look()
        assert cloud.count("POST", "/oauth/token") == CREDENTIALS_CHECK

    async def test_a_flood_of_codes_is_not_passed_on(self, waiting: Dialog, cloud: RingCloud, app: App) -> None:
        fault = cloud.faults.add("/oauth/token", delay=3600, count=None)
        statuses = []
        for number in range(7):
            async with waiting.browser.post(app.token_exchange_url, data={"code": f"fake-code-{number}"}) as answer:
                statuses.append(answer.status)
        assert statuses == [200] * 5 + [503] * 2
        fault.release()
        assert (await waiting.look())["progress_action"] == "enable_in_ring_app"


class TestTheAccountLinkUrl:
    """The page that Ring opens in the user's browser."""

    @pytest.mark.parametrize("query", ["", "?nonce=fake-nonce&time=1"])
    async def test_it_gives_nothing_away(self, waiting: Dialog, app: App, query: str) -> None:
        async with waiting.browser.get(app.account_link_url + query) as page:
            assert page.headers["Referrer-Policy"] in {"strict-origin", "no-referrer"}
            assert page.headers["Cache-Control"] == "no-store"
            assert "default-src 'none'" in page.headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
            assert page.content_type == "text/html"
            assert "fake-nonce" not in await page.text()

    async def test_it_tells_a_user_who_tries_it_that_it_works(self, waiting: Dialog, app: App) -> None:
        async with waiting.browser.get(app.account_link_url) as page:
            assert page.status == 200
            assert "This address works" in await page.text()

    async def test_a_preview_of_the_link_does_not_use_it_up(
        self, waiting: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        await cloud.enable_app(account, app)
        await waiting.look()
        url = cloud.confirm(account, app)
        async with waiting.browser.head(url) as page:
            assert page.status == 200
        assert (await waiting.look())["progress_action"] == "confirm_in_ring_app"
        async with waiting.browser.get(url) as page:
            assert "One more step" in await page.text()
        assert (await waiting.look())["step_id"] == "confirm"

    @pytest.mark.parametrize(
        "query",
        [
            {"nonce": "x" * 43, "time": "1"},
            {"nonce": "x" * 43, "time": "not-a-time"},
            {"nonce": "x" * 43},
            {"nonce": "x" * 20_00, "time": "{now}"},
            {"nonce": "\udcff".encode("utf-8", "surrogatepass").decode("latin-1"), "time": "{now}"},
            {"time": "{now}", "nonce": "short"},
        ],
    )
    async def test_junk_changes_nothing(
        self, waiting: Dialog, cloud: RingCloud, app: App, account: Account, query: dict[str, str]
    ) -> None:
        await cloud.enable_app(account, app)
        await waiting.look()
        now = str(int(cloud.clock.time() * 1000))
        filled = {key: now if value == "{now}" else value for key, value in query.items()}
        async with waiting.browser.get(app.account_link_url, params=filled) as page:
            assert page.status == 400
        assert (await waiting.look())["progress_action"] == "confirm_in_ring_app"


class TestRestart:
    """An account that has enabled the app and not yet confirmed survives on disk."""

    @pytest.fixture
    def hass_config_dir(self, hass_tmp_config_dir: str) -> str:
        return hass_tmp_config_dir

    @pytest.fixture
    def hass_storage(self) -> dict[str, object]:
        """Write real files."""
        return {}

    @staticmethod
    def _files(hass: HomeAssistant) -> list[Path]:
        return list(Path(hass.config.path(".storage")).glob(f"{DOMAIN}.*.unclaimed"))

    async def test_confirming_afterwards_works(
        self, hass: HomeAssistant, waiting: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        await cloud.enable_app(account, app)
        await waiting.look()
        [file] = self._files(hass)
        assert file.stat().st_mode & 0o777 == 0o600
        # All memory of the app goes with its last dialog, as it does at a restart.
        await waiting.close()

        later = another(waiting)
        await later.wait_for_ring(cloud, app)
        assert (await later.look())["progress_action"] == "confirm_in_ring_app"
        await later.arrive(cloud, app, account)
        assert (await later.submit())["type"] == "create_entry"
        await hass.async_block_till_done(wait_background_tasks=True)
        assert not self._files(hass)
        assert cloud.count("POST", "/oauth/token") == 2 * CREDENTIALS_CHECK + 1

    async def test_a_dialog_that_is_closed_while_they_are_read_leaves_no_address_behind(
        self, hass: HomeAssistant, waiting: Dialog, cloud: RingCloud, app: App, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await waiting.close()
        await waiting.open("ring_app")
        flows, flow_id = hass.config_entries.flow, waiting.step["flow_id"]
        disk, load = asyncio.Event(), Store.async_load

        async def slow_load(store: Store[Any]) -> Any:
            await disk.wait()
            return await load(store)

        monkeypatch.setattr(Store, "async_load", slow_load)
        submitting = hass.async_create_task(flows.async_configure(flow_id, {"signing_key": SIGNING_KEY}))
        flows.async_abort(flow_id)
        disk.set()
        with pytest.raises(UnknownFlow):
            await submitting
        async with waiting.browser.post(app.token_exchange_url, data={"code": "fake-code"}) as answer:
            assert (answer.status, await answer.text()) == (200, "")
        assert cloud.count("POST", "/oauth/token") == 2 * CREDENTIALS_CHECK

    async def test_after_an_hour_it_is_forgotten(
        self,
        freezer: FrozenDateTimeFactory,
        hass: HomeAssistant,
        waiting: Dialog,
        cloud: RingCloud,
        app: App,
        account: Account,
        hass_access_token: str,
    ) -> None:
        await cloud.enable_app(account, app)
        await waiting.look()
        await waiting.close()
        freezer.tick(1500)
        assert self._files(hass)
        freezer.tick(2101)
        later = another(waiting)
        user = await hass.auth.async_get_owner() or (await hass.auth.async_get_users())[-1]
        later.access_token = hass.auth.async_create_access_token(next(iter(user.refresh_tokens.values())))
        await later.wait_for_ring(cloud, app)
        assert (await later.look())["progress_action"] == "enable_in_ring_app"
        assert not self._files(hass)
