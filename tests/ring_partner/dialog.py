"""A flow as Home Assistant's frontend drives it: over HTTP, by a signed-in user, with every text shown."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
import html
import json
import re
from typing import Any

import aiohttp
import pytest

from custom_components.ring_partner.const import DOMAIN
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations
from homeassistant.setup import async_setup_component
from ring_cloud import Account, App, RingCloud

from .conftest import SIGNING_KEY

CONFIG = "/api/config/config_entries/flow"
OPTIONS = "/api/config/config_entries/options/flow"

# A dialog asks Ring once whether it knows the client id and secret.
CREDENTIALS_CHECK = 1

# What the frontend passes no placeholders to.
PLAIN_TITLES = frozenset({"menu", "progress", "external"})


@dataclass(slots=True)
class Dialog:
    """One dialog; `step` is what it shows now, `shown` every text so far, `raw` every answer."""

    hass: HomeAssistant
    address: str
    browser: aiohttp.ClientSession
    access_token: str
    path: str = CONFIG
    step: dict[str, Any] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)

    # What a user does

    async def open(self, *choices: str, entry: ConfigEntry | None = None) -> dict[str, Any]:
        """Add an entry, or reconfigure one, and choose in the menus that follow."""
        await self._request("POST", "", {"handler": DOMAIN} | ({} if entry is None else {"entry_id": entry.entry_id}))
        return await self.choose(*choices)

    async def open_options(self, entry: ConfigEntry) -> dict[str, Any]:
        """Press Configure."""
        self.path = OPTIONS
        return await self._request("POST", "", {"handler": entry.entry_id})

    async def join(self, source: str) -> dict[str, Any]:
        """Open the one flow of this source that Home Assistant started by itself."""
        flows = self.hass.config_entries.flow.async_progress_by_handler(DOMAIN, match_context={"source": source})
        assert len(flows) == 1
        self.step = {"flow_id": flows[0]["flow_id"]}
        return await self.look()

    async def choose(self, *choices: str) -> dict[str, Any]:
        """Choose in one menu after the other."""
        for choice in choices:
            assert choice in self.step["menu_options"]
            await self.submit(next_step_id=choice)
        return self.step

    async def submit(self, **data: object) -> dict[str, Any]:
        """Submit a form."""
        return await self._request("POST", f"/{self.step['flow_id']}", data)

    async def look(self) -> dict[str, Any]:
        """See what the dialog shows once everything that was going on is done."""
        await self.hass.async_block_till_done()
        return await self._request("GET", f"/{self.step['flow_id']}")

    async def look_past(self, step_id: str) -> dict[str, Any]:
        """See what the dialog shows after a step that ends by itself, once the Ring cloud has answered."""
        async with asyncio.timeout(120):
            while (step := await self.look()).get("step_id") == step_id:
                await asyncio.sleep(0.01)
        return step

    async def close(self) -> None:
        """Close the window."""
        await self._request("DELETE", f"/{self.step['flow_id']}")

    # The longer way from the menu to where Ring has to act

    async def wait_for_ring(
        self, cloud: RingCloud, app: App, *choices: str, key: str = SIGNING_KEY, entry: ConfigEntry | None = None
    ) -> dict[str, Any]:
        """Choose linking from the Ring app, enter the addresses at Ring, and wait."""
        if not self.step:
            await self.open(*(choices or ("ring_app",)), entry=entry)
        if self.step["step_id"] == "signing_key":
            await self.submit(signing_key=key)
        assert self.step["step_id"] == "portal"
        enter_addresses(cloud, app, self.step["description_placeholders"])
        return await self.submit()

    async def arrive(self, cloud: RingCloud, app: App, account: Account) -> dict[str, Any]:
        """Confirm in the Ring app, and see what Home Assistant asks."""
        assert await press_confirm(self.browser, cloud, account, app) == 200
        return await self.look()

    # What a user reads

    async def _request(self, method: str, path: str, data: Mapping[str, object] | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.access_token}", "HA-Frontend-Base": self.address}
        url = f"{self.address}{self.path}{path}"
        async with self.browser.request(method, url, json=data, headers=headers) as response:
            text = await response.text()
            self.raw.append(text)
            assert response.status == 200, f"{response.status}: {text}"
        if method != "DELETE":
            self.step = json.loads(text)
            await self._read()
        return self.step

    async def _read(self) -> None:
        """Render every text of the step, as the frontend does; a missing text or placeholder fails the test."""
        category = "config" if self.path == CONFIG else "options"
        domain = self.step.get("translation_domain") or DOMAIN
        texts = await async_get_translations(self.hass, "en", category, {domain})
        placeholders = self.step.get("description_placeholders") or {}
        for key, plain in _keys(self.step):
            text = texts[f"component.{domain}.{category}.{key}"]
            self.shown.append(_rendered(text.format_map({} if plain else placeholders)))


def _rendered(markdown: str) -> str:
    """Undo what keeps Markdown from reading more into a text than it says."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"\\([^\w\s])", r"\1", markdown)))


def _keys(step: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """Return the keys of all texts of a step, and whether the frontend renders them without placeholders."""
    kind, here = step["type"], f"step.{step.get('step_id')}"
    if kind == "abort":
        return [(f"abort.{step['reason']}", False)]
    if kind == "create_entry":
        return [(f"create_entry.{step['description']}", False)] if step.get("description") else []
    keys = [(f"{here}.title", kind in PLAIN_TITLES)]
    if kind == "progress":
        return [*keys, (f"progress.{step['progress_action']}", False)]
    if step.get("step_id") != "init":
        keys.append((f"{here}.description", False))
    for item in step["data_schema"] or () if kind == "form" else ():
        keys += _field_keys(here, item)
    keys += [(f"{here}.menu_options.{option}", False) for option in step.get("menu_options") or ()]
    return keys + [(f"error.{error}", False) for error in (step.get("errors") or {}).values()]


def _field_keys(here: str, item: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """Return the keys of a field, or of a section and its fields."""
    name = item["name"]
    if item.get("type") != "expandable":
        return [(f"{here}.data.{name}", False), (f"{here}.data_description.{name}", False)]
    section = f"{here}.sections.{name}"
    keys = [(f"{section}.name", False), (f"{section}.description", False)]
    return keys + [key for part in item["schema"] for key in _field_keys(section, part)]


@pytest.fixture
async def frontend(hass: HomeAssistant, credentials: App) -> None:
    """What serves the frontend; Home Assistant's HTTP server takes it before it starts only."""
    assert await async_setup_component(hass, "config", {})


@pytest.fixture
async def dialog(
    hass: HomeAssistant, frontend: None, address: str, browser: aiohttp.ClientSession, hass_access_token: str
) -> AsyncIterator[Dialog]:
    """A window of Home Assistant's frontend."""
    dialog = Dialog(hass, address, browser, hass_access_token)
    yield dialog
    for flow in hass.config_entries.flow.async_progress():
        hass.config_entries.flow.async_abort(flow["flow_id"])


def another(dialog: Dialog) -> Dialog:
    """A second window."""
    return Dialog(dialog.hass, dialog.address, dialog.browser, dialog.access_token)


def enter_addresses(cloud: RingCloud, app: App, addresses: Mapping[str, str]) -> None:
    """Paste the addresses into Ring's developer portal."""
    cloud.add_app(
        app.client_id,
        token_exchange_url=addresses["token_exchange_url"],
        account_link_url=addresses["account_link_url"],
        webhook_url=addresses["webhook_url"],
        homepage_url=addresses["homepage_url"],
    )


async def press_confirm(browser: aiohttp.ClientSession, cloud: RingCloud, account: Account, app: App) -> int:
    """Press Confirm in the Ring app: the phone's browser opens the Account Link URL."""
    async with browser.get(cloud.confirm(account, app)) as page:
        return page.status
