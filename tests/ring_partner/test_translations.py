"""Every text a flow can show exists, and every text that exists can be shown."""

import ast
from collections.abc import Iterator
import json
from pathlib import Path
import re
from typing import Any

import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.ring_partner import config_flow, link_flow, options_flow
from custom_components.ring_partner.link_flow import ERRORS
from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations
from homeassistant.setup import async_setup_component

PACKAGE = Path(config_flow.__file__).parent
TEXTS: dict[str, Any] = json.loads((PACKAGE / "translations" / "en.json").read_text())
CONFIG = TEXTS["config"]
FLOWS = (config_flow, link_flow, options_flow)

# What Home Assistant's OAuth2 steps show by themselves, beyond the reasons that it has texts for.
INHERITED_STEPS = {"pick_implementation", "auth"}
INHERITED_ABORTS = {"missing_configuration"}
# Home Assistant has texts for these.
SHARED_ABORTS = {"reauth_successful", "reconfigure_successful", "already_in_progress"}

PLACEHOLDER = re.compile(r"\{(\w+)\}")


def calls(*names: str) -> Iterator[dict[str, ast.expr]]:
    """Find the calls of these methods in the flows, by their keyword arguments."""
    for module in FLOWS:
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in names:
                arguments = {keyword.arg or "": keyword.value for keyword in node.keywords}
                yield arguments | ({"": node.args[0]} if node.args else {})


def words(*names: str, argument: str) -> set[str]:
    """Return the texts that stand in the calls themselves, in either branch of a choice."""
    found = [one[argument] for one in calls(*names) if argument in one]
    return {
        node.value
        for one in found
        for node in ast.walk(one)
        if isinstance(node, ast.Constant) and node.value is not None
    }


def test_steps() -> None:
    shown = words("async_show_form", "async_show_menu", "async_show_progress", argument="step_id")
    assert words("_async_token_form", argument="") == {"refresh_token", "playground"}
    shown |= {"refresh_token", "playground"} | INHERITED_STEPS
    assert shown == CONFIG["step"].keys() | TEXTS["options"]["step"].keys()


def test_every_step_has_a_title_and_says_what_to_do() -> None:
    for name, step in CONFIG["step"].items():
        assert step["title"], name
        assert name == "wait" or step["description"], name
        assert step.get("data", {}).keys() == step.get("data_description", {}).keys(), name


def test_progress() -> None:
    assert words("async_show_progress", argument="progress_action") == CONFIG["progress"].keys()


def test_errors() -> None:
    assert {key for _, key in ERRORS} | {"invalid_signing_key"} == CONFIG["error"].keys()


def test_aborts() -> None:
    # Any error of Ring's may end a sign-in with Ring; what only one-way linking can meet does not.
    ours = words("async_abort", argument="reason") | words("AbortFlow", argument="") | {"already_configured"}
    of_errors = {key for _, key in ERRORS} - {"wrong_signing_key"}
    assert ours | of_errors | INHERITED_ABORTS == CONFIG["abort"].keys()


async def test_home_assistant_has_the_texts_that_are_left_to_it(hass: HomeAssistant) -> None:
    texts = await async_get_translations(hass, "en", "config", {"homeassistant"})
    assert {f"component.homeassistant.config.abort.{reason}" for reason in SHARED_ABORTS} <= texts.keys()
    assert not SHARED_ABORTS & CONFIG["abort"].keys()


def test_entry_texts() -> None:
    assert words("async_create_entry", argument="description") == CONFIG["create_entry"].keys()


@pytest.mark.parametrize("step", ["user", "reauth_confirm", "reconfigure", "wait", "auth"])
def test_titles_that_the_frontend_fills_with_nothing_need_nothing(step: str) -> None:
    """Of menus, progress and external steps it renders the title without placeholders."""
    assert not PLACEHOLDER.findall(CONFIG["step"][step]["title"])


async def test_the_dialog_for_credentials_says_where_to_find_them(
    hass: HomeAssistant, hass_ws_client: WebSocketGenerator
) -> None:
    assert await async_setup_component(hass, "application_credentials", {})
    socket = await hass_ws_client()
    await socket.send_json_auto_id({"type": "application_credentials/config"})
    integration = (await socket.receive_json())["result"]["integrations"]["ring_partner"]
    text = TEXTS["application_credentials"]["description"].format_map(integration["description_placeholders"])
    assert "(https://developer.amazon.com/ring/console/apps)" in text


def leaves(texts: Any) -> Iterator[str]:
    """Return all texts."""
    if isinstance(texts, str):
        yield texts
    else:
        for value in texts.values():
            yield from leaves(value)


@pytest.mark.parametrize("text", leaves({key: TEXTS[key] for key in ("config", "options", "application_credentials")}))
def test_a_text_is_one_that_the_frontend_can_render(text: str) -> None:
    """It is an ICU message: an apostrophe at a brace would quote it, a lone brace or an angle bracket break it."""
    assert text == text.strip()
    assert not re.search(r"'[{}]|[<>]", text)
    assert not re.search(r"[{}]", PLACEHOLDER.sub("", text))
