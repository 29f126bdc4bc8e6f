"""The client id, client secret and signing key of a private app: entered, read from Ring's CSV, checked, corrected."""

from collections.abc import Mapping
import json
from typing import Any

import aiohttp
from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.ring_partner.const import DOMAIN
from homeassistant.components.application_credentials import DATA_COMPONENT
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from ring_cloud import Account, App, RingCloud

from .conftest import CLIENT_ID, CLIENT_SECRET, SIGNING_KEY
from .dialog import Dialog, another, dialog, frontend

__all__ = ["dialog", "frontend"]

TOKEN = "/oauth/token"
THREE = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "signing_key": SIGNING_KEY}
CSV = f"Client ID,Client Secret,HMAC Signing Key\n{CLIENT_ID},{CLIENT_SECRET},{SIGNING_KEY}\n"


def stored(hass: HomeAssistant) -> list[tuple[str, str]]:
    """Return the stored pairs."""
    return [(item["client_id"], item["client_secret"]) for item in hass.data[DATA_COMPONENT].async_items()]


async def store(hass: HomeAssistant, client_id: str, secret: str, name: str) -> str:
    """Store a pair as Home Assistant's own dialog does, and return its id."""
    item = {"domain": DOMAIN, "client_id": client_id, "client_secret": secret, "name": name}
    return str((await hass.data[DATA_COMPONENT].async_create_item(item))["id"])


class TestNothingIsStored:
    """The first private app of a home."""

    @pytest.fixture
    async def credentials(self, hass: HomeAssistant, app: App) -> App:
        assert await async_setup_component(hass, "application_credentials", {})
        return app

    @pytest.fixture
    async def form(self, dialog: Dialog) -> Dialog:
        assert (await dialog.open("ring_app"))["step_id"] == "credentials"
        return dialog

    async def test_three_values_lead_to_the_urls_and_are_stored(self, hass: HomeAssistant, form: Dialog) -> None:
        spaced = {key: f"  {value}\n" for key, value in THREE.items()}
        assert (await form.submit(**spaced, csv={}))["step_id"] == "portal"
        assert stored(hass) == [(CLIENT_ID, CLIENT_SECRET)]

    async def test_entry_uses_the_stored_pair(
        self, hass: HomeAssistant, form: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        await form.submit(**THREE, csv={})
        await form.wait_for_ring(cloud, app)
        await cloud.enable_app(account, app)
        await form.look()
        await form.arrive(cloud, app, account)
        assert (await form.submit())["type"] == "create_entry"
        [entry] = hass.config_entries.async_entries(DOMAIN)
        [item] = hass.data[DATA_COMPONENT].async_items()
        assert entry.data["auth_implementation"] == item["id"]
        assert entry.data["signing_key"] == SIGNING_KEY

    @pytest.mark.parametrize(
        ("given", "missing"),
        [
            ({}, {"client_id", "client_secret", "signing_key"}),
            ({"client_id": CLIENT_ID}, {"client_secret", "signing_key"}),
            ({"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}, {"signing_key"}),
            ({"client_secret": CLIENT_SECRET, "signing_key": SIGNING_KEY}, {"client_id"}),
        ],
    )
    async def test_missing_values_are_asked_for_and_the_others_kept(
        self, form: Dialog, cloud: RingCloud, given: dict[str, str], missing: set[str]
    ) -> None:
        step = await form.submit(**given, csv={})
        assert step["errors"] == dict.fromkeys(missing, "required")
        assert not cloud.requests
        rest = {key: value for key, value in THREE.items() if key in missing}
        assert (await form.submit(**rest, csv={}))["step_id"] == "portal"

    async def test_key_that_is_too_short_is_refused(self, form: Dialog) -> None:
        step = await form.submit(**THREE | {"signing_key": "short"}, csv={})
        assert step["errors"] == {"signing_key": "invalid_signing_key"}
        assert (await form.submit(signing_key=SIGNING_KEY, csv={}))["step_id"] == "portal"

    async def test_wrong_secret_is_corrected_with_one_request_per_pair(
        self, hass: HomeAssistant, form: Dialog, cloud: RingCloud
    ) -> None:
        step = await form.submit(**THREE | {"client_secret": "fake-mistyped"}, csv={})
        assert (step["step_id"], step["errors"]) == ("correct_credentials", {"base": "invalid_client"})
        assert step["data_schema"][0]["description"] == {"suggested_value": CLIENT_ID}
        assert not any(field.get("required") for field in step["data_schema"][1:3])
        assert stored(hass) == []
        assert "fake-mistyped" not in json.dumps(step)
        # The key was entered before, and is kept.
        assert (await form.submit(client_id=CLIENT_ID, client_secret=CLIENT_SECRET, csv={}))["step_id"] == "portal"
        assert cloud.count("POST", TOKEN) == 2
        assert stored(hass) == [(CLIENT_ID, CLIENT_SECRET)]

    async def test_wrong_id_is_corrected_and_the_secret_kept(self, form: Dialog) -> None:
        await form.submit(**THREE | {"client_id": "fake-mistyped"}, csv={})
        assert (await form.submit(client_id=CLIENT_ID, csv={}))["step_id"] == "portal"

    async def test_app_that_ring_knows_a_moment_later_is_taken(self, form: Dialog, app: App) -> None:
        app.client_secret = "fake-not-yet"
        assert (await form.submit(**THREE, csv={}))["errors"] == {"base": "invalid_client"}
        app.client_secret = CLIENT_SECRET
        assert (await form.submit(csv={}))["step_id"] == "portal"

    async def test_pair_that_ring_refuses_when_it_calls_is_kept(
        self, form: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        await form.submit(**THREE, csv={})
        await form.wait_for_ring(cloud, app)
        app.client_secret = "fake-other-secret"
        await cloud.enable_app(account, app)
        step = await form.look()
        assert (step["step_id"], step["errors"]) == ("correct_credentials", {"base": "invalid_client"})
        app.client_secret = CLIENT_SECRET
        assert (await form.submit(csv={}))["step_id"] == "portal"

    @pytest.mark.parametrize("method", ["tokens", "partner"])
    async def test_other_ways_need_no_key(self, dialog: Dialog, method: str) -> None:
        await dialog.open(method)
        step = await dialog.submit(client_id=CLIENT_ID, client_secret=CLIENT_SECRET, csv={})
        assert step.get("step_id") == {"tokens": "refresh_token", "partner": "auth"}[method]

    async def test_key_from_the_form_is_kept_with_a_pasted_token(
        self, hass: HomeAssistant, dialog: Dialog, cloud: RingCloud, app: App, account: Account
    ) -> None:
        await dialog.open("tokens")
        await dialog.submit(csv={"text": CSV})
        await dialog.submit(refresh_token=cloud.link_directly(account, app)["refresh_token"])
        [entry] = hass.config_entries.async_entries(DOMAIN)
        assert entry.data["signing_key"] == SIGNING_KEY

    @pytest.mark.parametrize(
        "text",
        [
            CSV,
            CSV.replace("\n", "\r\n"),
            CSV.replace("\n", "\r"),
            CSV.replace(",", ";"),
            CSV.replace(",", "\t"),
            "\ufeff" + CSV,
            "\n\n" + CSV.strip(),
            f'"client_id","client_secret","hmac_signing_key"\n"{CLIENT_ID}","{CLIENT_SECRET}","{SIGNING_KEY}"',
            f"HMAC Signature Key, App , CLIENT SECRET,clientId\n{SIGNING_KEY}, My home ,{CLIENT_SECRET}, {CLIENT_ID}",
            f"Name,Value\nClient ID,{CLIENT_ID}\nClient Secret,{CLIENT_SECRET}\nHMAC signing key,{SIGNING_KEY}",
            f"Client ID: {CLIENT_ID}\nClient Secret: {CLIENT_SECRET}\nHMAC Signing Key: {SIGNING_KEY}",
        ],
    )
    async def test_csv_text_is_read_in_any_shape(self, hass: HomeAssistant, form: Dialog, text: str) -> None:
        assert (await form.submit(csv={"text": text}))["step_id"] == "portal"
        assert stored(hass) == [(CLIENT_ID, CLIENT_SECRET)]

    @pytest.mark.parametrize(
        "text",
        [
            "nothing",
            "Client ID,Client Secret",
            "Client ID,Client Secret\n,",
            f"Client ID\n{CLIENT_ID}",
            "<!doctype html><html><body>Sign in</body></html>",
            '{"client_id": "x"}',
            "\x00\x01,\x02",
            '"',
            f"Client ID,Client Secret\n{CLIENT_ID}",
        ],
    )
    async def test_text_without_credentials_is_refused_in_words(self, form: Dialog, text: str) -> None:
        assert (await form.submit(csv={"text": text}))["errors"] == {"base": "csv_without_credentials"}
        assert (await form.submit(csv={"text": CSV}))["step_id"] == "portal"

    async def test_text_that_csv_cannot_hold_is_unreadable(self, form: Dialog) -> None:
        text = f"Client ID,Client Secret\n{'x' * 200_000},y"
        assert (await form.submit(csv={"text": text}))["errors"] == {"base": "csv_unreadable"}

    async def test_csv_without_key_is_completed_by_the_field(self, form: Dialog) -> None:
        text = f"Client ID,Client Secret\n{CLIENT_ID},{CLIENT_SECRET}"
        step = await form.submit(csv={"text": text})
        assert step["errors"] == {"signing_key": "required"}
        assert (await form.submit(signing_key=SIGNING_KEY, csv={}))["step_id"] == "portal"

    @pytest.fixture
    async def frontend(self, hass: HomeAssistant, credentials: App) -> None:
        """What serves the frontend, and takes files."""
        assert await async_setup_component(hass, "config", {})
        assert await async_setup_component(hass, "file_upload", {})

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    async def test_uploaded_csv_is_read_once(self, hass: HomeAssistant, form: Dialog, encoding: str) -> None:
        file_id = await upload(form, CSV.replace(CLIENT_SECRET, "fake-mistyped").encode(encoding))
        assert (await form.submit(csv={"file": file_id}))["errors"] == {"base": "invalid_client"}
        # The frontend sends the same file again, which is deleted by now.
        assert (await form.submit(client_secret=CLIENT_SECRET, csv={"file": file_id}))["step_id"] == "portal"
        assert stored(hass) == [(CLIENT_ID, CLIENT_SECRET)]

    @pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"\xff" * 99, b"x" * 70_000], ids=["half", "binary", "long"])
    async def test_uploaded_rubbish_is_unreadable(self, form: Dialog, data: bytes) -> None:
        step = await form.submit(csv={"file": await upload(form, data)})
        assert step["errors"] == {"base": "csv_unreadable"}
        assert (await form.submit(csv={"file": await upload(form, CSV.encode())}))["step_id"] == "portal"

    async def test_upload_that_is_gone_is_unreadable(self, form: Dialog) -> None:
        step = await form.submit(csv={"file": "0123456789abcdef0123456789abcdef"})
        assert step["errors"] == {"base": "csv_unreadable"}


async def upload(dialog: Dialog, data: bytes) -> str:
    """Upload a file as the frontend does, and return its id."""
    form = aiohttp.FormData()
    form.add_field("file", data, filename="credentials.csv", content_type="text/csv")
    headers = {"Authorization": f"Bearer {dialog.access_token}"}
    async with dialog.browser.post(f"{dialog.address}/api/file_upload", data=form, headers=headers) as answer:
        return str((await answer.json())["file_id"])


class TestTheCheck:
    """One request to the token endpoint, with a made-up code."""

    async def test_stored_pair_that_ring_refuses_leads_to_the_form(
        self, hass: HomeAssistant, dialog: Dialog, app: App, cloud: RingCloud
    ) -> None:
        app.client_secret = "fake-new-secret"
        step = await dialog.open("ring_app")
        assert (step["step_id"], step["errors"]) == ("credentials", {"base": "invalid_client"})
        assert step["data_schema"][0]["description"] == {"suggested_value": CLIENT_ID}
        step = await dialog.submit(
            client_id=CLIENT_ID, client_secret="fake-new-secret", signing_key=SIGNING_KEY, csv={}
        )
        assert step["step_id"] == "portal"
        # No entry used the old secret: it is replaced, under the id and the name it had.
        [item] = hass.data[DATA_COMPONENT].async_items()
        assert (item["client_secret"], item["auth_domain"], item["name"]) == ("fake-new-secret", "my_home", "My home")
        assert cloud.count("POST", TOKEN) == 2

    @pytest.mark.parametrize("refusal", ["oauth", "jsonapi", "empty"])
    async def test_only_oauths_own_words_stop_the_dialog(
        self, dialog: Dialog, cloud: RingCloud, app: App, refusal: str
    ) -> None:
        cloud.switches.token_refusal = refusal
        app.client_secret = "fake-new-secret"
        step = await dialog.open("ring_app")
        assert step["step_id"] == ("credentials" if refusal == "oauth" else "signing_key")

    @pytest.mark.parametrize(
        "fault",
        [
            {"status": 400, "body": '{"error": "invalid_grant"}'},
            {"status": 401, "body": '{"error": "unsupported_grant_type", "error_description": "invalid grant type"}'},
            {"status": 401, "body": '{"error": "unauthorized_client"}'},
            {"status": 401, "body": '{"errors": [{"status": "401", "title": "Invalid Client"}]}'},
            {"status": 401, "body": '["invalid_client"]'},
            {"status": 403, "body": "<html>Error 1010 invalid_client</html>"},
            {"status": 429, "headers": {"Retry-After": "60"}},
            {"status": 503, "body": ""},
            {"garbage": "html"},
            {"cut": "before"},
            {"cut": "after"},
        ],
    )
    async def test_any_other_answer_lets_the_user_go_on(
        self, dialog: Dialog, cloud: RingCloud, fault: dict[str, Any]
    ) -> None:
        cloud.faults.add(TOKEN, **fault)
        assert (await dialog.open("ring_app"))["step_id"] == "signing_key"
        assert cloud.count("POST", TOKEN) == 1

    async def test_answer_that_does_not_come_lets_the_user_go_on(
        self, dialog: Dialog, cloud: RingCloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("custom_components.ring_partner.credential_flow.CHECK_SECONDS", 0)
        cloud.faults.add(TOKEN, delay=3600)
        assert (await dialog.open("ring_app"))["step_id"] == "signing_key"

    @pytest.mark.parametrize("status", [400, 401, 403])
    async def test_oauths_refusal_counts_whatever_the_status(
        self, dialog: Dialog, cloud: RingCloud, status: int
    ) -> None:
        cloud.faults.add(TOKEN, status=status, body='{"error": "invalid_client"}')
        assert (await dialog.open("ring_app"))["step_id"] == "credentials"


class TestSeveral:
    """Private apps and accounts beside each other."""

    async def test_second_account_of_an_app_is_asked_for_no_key(self, dialog: Dialog, linked: ConfigEntry) -> None:
        assert (await dialog.open("ring_app"))["step_id"] == "portal"

    async def test_another_app_is_asked_for_its_own_key(
        self, hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry, cloud: RingCloud
    ) -> None:
        cloud.add_app("fake-id-2", client_secret="fake-secret-2", signing_key="fake-signing-key-2")
        new = await store(hass, "fake-id-2", "fake-secret-2", "Holiday home")
        assert (await dialog.open("ring_app"))["step_id"] == "pick_implementation"
        assert (await dialog.submit(implementation=new))["step_id"] == "signing_key"

    async def test_another_app_keeps_no_key_of_the_first(
        self, hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry, cloud: RingCloud, account: Account
    ) -> None:
        second = cloud.add_app("fake-id-2", client_secret="fake-secret-2", signing_key="fake-signing-key-2")
        new = await store(hass, "fake-id-2", "fake-secret-2", "Holiday home")
        await dialog.open("tokens", entry=linked)
        await dialog.submit(implementation=new)
        token = cloud.link_directly(account, second)["refresh_token"]
        assert (await dialog.submit(refresh_token=token))["reason"] == "reconfigure_successful"
        assert linked.data["auth_implementation"] == new
        assert "signing_key" not in linked.data

    async def test_menu_offers_another_app_where_one_is_stored(self, dialog: Dialog) -> None:
        assert (await dialog.open())["menu_options"][-1] == "other_app"
        assert (await dialog.choose("other_app"))["step_id"] == "credentials"

    async def test_other_credentials_are_entered_beside_several(
        self, hass: HomeAssistant, dialog: Dialog, cloud: RingCloud
    ) -> None:
        cloud.add_app("fake-id-3", client_secret="fake-secret-3", signing_key="fake-signing-key-3")
        await store(hass, "fake-id-2", "fake-secret-2", "My home")
        step = await dialog.open("ring_app")
        labels = [option["label"] for option in step["data_schema"][0]["selector"]["select"]["options"]]
        assert labels == ["My home (my_home)", "My home (ring_partner_fake_id_2)", "other"]
        assert (await dialog.submit(implementation="other"))["step_id"] == "credentials"
        step = await dialog.submit(
            client_id="fake-id-3", client_secret="fake-secret-3", signing_key="fake-signing-key-3", csv={}
        )
        assert step["step_id"] == "portal"
        assert ("fake-id-3", "fake-secret-3") in stored(hass)

    async def test_pair_that_is_stored_is_not_stored_twice(self, hass: HomeAssistant, dialog: Dialog) -> None:
        await dialog.open("other_app")
        assert (await dialog.submit(**THREE, csv={}))["step_id"] == "portal"
        assert stored(hass) == [(CLIENT_ID, CLIENT_SECRET)]

    async def test_choice_that_is_opened_again_begins_at_the_menu(
        self, hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry
    ) -> None:
        await store(hass, "fake-id-2", "fake-secret-2", "Holiday home")
        await dialog.open("tokens")
        assert (await dialog.look())["step_id"] == "user"
        window = another(dialog)
        await window.open("tokens", entry=linked)
        assert (await window.look())["step_id"] == "reconfigure"

    async def test_choice_begins_with_the_app_of_the_account(
        self, hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry
    ) -> None:
        used = await store(hass, "fake-used", "fake-secret-4", "Used")
        hass.config_entries.async_update_entry(linked, data={**linked.data, "auth_implementation": used})
        step = await dialog.open("tokens", entry=linked)
        assert step["data_schema"][0]["default"] == used

    async def test_without_a_public_url_nothing_is_asked(
        self, hass: HomeAssistant, dialog: Dialog, cloud: RingCloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("RING_PARTNER_CLOUD")
        for way in ("ring_app", "other_app"):
            step = await another(dialog).open(way)
            assert step.get("step_id") not in {"credentials", "signing_key", "pick_implementation"}
        assert not cloud.requests


class TestReauth:
    """No dead credentials hold an account."""

    async def test_new_credentials_can_be_chosen(
        self, hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry
    ) -> None:
        old = await store(hass, "fake-old", "fake-old-secret", "Old")
        hass.config_entries.async_update_entry(linked, data={**linked.data, "auth_implementation": old})
        linked.async_start_reauth(hass)
        await hass.async_block_till_done()
        for way in ("tokens", "ring_app", "partner"):
            # A dialog that is opened again at this choice begins at its menu.
            window = another(dialog)
            assert (await window.join("reauth"))["step_id"] == "reauth_confirm"
            assert (await window.choose(way))["step_id"] == "pick_implementation"
        assert (await window.submit(implementation=old))["errors"] == {"base": "invalid_client"}

    async def test_app_made_again_takes_the_place_of_the_lost_one(
        self, hass: HomeAssistant, dialog: Dialog, linked: ConfigEntry, cloud: RingCloud, account: Account
    ) -> None:
        made_again = cloud.add_app("fake-id-2", client_secret="fake-secret-2", signing_key="fake-signing-key-2")
        linked.async_start_reauth(hass)
        await hass.async_block_till_done()
        await dialog.join("reauth")
        await dialog.choose("other_app")
        await dialog.submit(
            client_id="fake-id-2", client_secret="fake-secret-2", signing_key="fake-signing-key-2", csv={}
        )
        await dialog.wait_for_ring(cloud, made_again)
        await cloud.enable_app(account, made_again)
        await dialog.look()
        await dialog.arrive(cloud, made_again, account)
        assert (await dialog.submit())["reason"] == "reauth_successful"
        assert linked.data["signing_key"] == "fake-signing-key-2"
        # The app that was replaced is another one: its credentials stay until the user deletes them.
        assert stored(hass) == [(CLIENT_ID, CLIENT_SECRET), ("fake-id-2", "fake-secret-2")]

    async def test_corrected_secret_of_an_app_in_use_replaces_the_stored_one_in_the_end(
        self,
        freezer: FrozenDateTimeFactory,
        hass: HomeAssistant,
        dialog: Dialog,
        linked: ConfigEntry,
        cloud: RingCloud,
        app: App,
        account: Account,
    ) -> None:
        app.client_secret = "fake-new-secret"
        linked.async_start_reauth(hass)
        await hass.async_block_till_done()
        await dialog.join("reauth")
        assert (await dialog.choose("tokens"))["errors"] == {"base": "invalid_client"}
        await dialog.submit(client_id=CLIENT_ID, client_secret="fake-new-secret", csv={})
        assert stored(hass) == [(CLIENT_ID, CLIENT_SECRET), (CLIENT_ID, "fake-new-secret")]
        token = cloud.link_directly(account, app)["refresh_token"]
        assert (await dialog.submit(refresh_token=token))["reason"] == "reauth_successful"
        assert stored(hass) == [(CLIENT_ID, "fake-new-secret")]
        assert linked.data["signing_key"] == SIGNING_KEY


def placeholders(step: Mapping[str, Any]) -> Mapping[str, str]:
    """Return what the texts of a step name."""
    value: Mapping[str, str] = step["description_placeholders"]
    return value


class TestTheWait:
    """What the waiting page shows."""

    async def test_urls_and_visits_are_shown_at_once(
        self, hass: HomeAssistant, dialog: Dialog, cloud: RingCloud, app: App
    ) -> None:
        events: list[object] = []
        hass.bus.async_listen("data_entry_flow_progressed", events.append)
        await dialog.wait_for_ring(cloud, app)
        shown = placeholders(dialog.step)
        assert shown["token_exchange_url"] == app.token_exchange_url
        assert shown["account_link_url"] in dialog.shown[-1]
        assert shown["reached"] == ""
        async with dialog.browser.get(app.account_link_url) as page:
            assert page.status == 200
        await hass.async_block_till_done()
        assert events
        assert "127.0.0.1" in placeholders(await dialog.look())["reached"]
        assert "127.0.0.1" in dialog.shown[-1]

    async def test_visits_before_the_wait_leave_forms_alone(
        self, hass: HomeAssistant, dialog: Dialog, cloud: RingCloud, app: App
    ) -> None:
        events: list[object] = []
        hass.bus.async_listen("data_entry_flow_progressed", events.append)
        await dialog.open("ring_app")
        step = await dialog.submit(signing_key=SIGNING_KEY)
        async with dialog.browser.get(placeholders(step)["account_link_url"]) as page:
            assert page.status == 200
        await hass.async_block_till_done()
        assert not events
        assert "127.0.0.1" in placeholders(await dialog.submit())["reached"]
