"""Every text a flow can show exists, and every text that exists can be shown."""

import ast
from collections.abc import Iterator
import json
from pathlib import Path
import re
from typing import Any

import hass_frontend
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.ring_partner import (
    config_flow,
    credential_flow,
    credentials,
    link_flow,
    options_flow,
    public_url_flow,
)
from custom_components.ring_partner.link_flow import ERRORS
from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations
from homeassistant.setup import async_setup_component

PACKAGE = Path(config_flow.__file__).parent
LANGUAGES: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (PACKAGE / "translations").glob("*.json")
}
TEXTS = LANGUAGES["en"]
CONFIG = TEXTS["config"]
FLOWS = (config_flow, credential_flow, credentials, link_flow, options_flow, public_url_flow)

# What Home Assistant's OAuth2 steps show by themselves.
INHERITED_STEPS = {"auth"}
# Home Assistant has texts for these.
SHARED_ABORTS = {
    "reauth_successful",
    "reconfigure_successful",
    "already_in_progress",
}

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
    shown = words("async_show_form", "async_show_menu", "async_show_progress", argument="step_id") - {"_again"}
    tokens = words("_async_token_form", argument="")
    assert tokens == {"refresh_token", "playground"}
    shown |= tokens | {f"{step}_again" for step in tokens} | words("_show_signing_key", argument="") | INHERITED_STEPS
    assert shown == CONFIG["step"].keys() | TEXTS["options"]["step"].keys()


def test_every_step_has_a_title_and_says_what_to_do() -> None:
    for name, step in CONFIG["step"].items():
        assert step["title"], name
        assert name == "wait" or step["description"], name
        assert step.get("data", {}).keys() == step.get("data_description", {}).keys(), name


def test_progress() -> None:
    assert words("async_show_progress", argument="progress_action") == CONFIG["progress"].keys()


def test_errors() -> None:
    of_files = words("CredentialsFileError", argument="")
    of_forms = {"invalid_signing_key", "required", "no_public_url"}
    of_forms |= {f"public_url_{why}" for why in ("invalid", "https", "path", "private")}
    assert {key for _, key in ERRORS} | of_files | of_forms == CONFIG["error"].keys()


def test_errors_hold_no_markdown() -> None:
    """The frontend shows an error as plain text."""
    errors = [text for texts in LANGUAGES.values() for text in texts["config"]["error"].values()]
    assert [text for text in errors if re.search(r"[*`_\[\]]", text)] == []


def test_aborts() -> None:
    # Any error of Ring's may end a sign-in with Ring; what only one-way linking can meet does not.
    ours = words("async_abort", "_async_without_claim", argument="reason") | words("AbortFlow", argument="")
    ours |= {"already_configured"}
    of_forms = {"wrong_signing_key", "invalid_client", "invalid_token", "expired_token", "token_not_saved"}
    of_errors = {key for _, key in ERRORS} - of_forms
    assert (ours | of_errors) - SHARED_ABORTS == CONFIG["abort"].keys()


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


def flat(texts: Any, path: str = "") -> dict[str, str]:
    """Return all texts by where they stand, in their order."""
    if isinstance(texts, str):
        return {path: texts}
    return {key: text for name, part in texts.items() for key, text in flat(part, f"{path}.{name}").items()}


ENGLISH, GERMAN = flat(TEXTS), flat(LANGUAGES["de"])


def breaks(text: str) -> bool:
    """Whether the frontend cannot render it: an apostrophe at a brace quotes, a lone brace or angle bracket breaks."""
    return text != text.strip() or bool(re.search(r"'[{}]|[<>]", text) or re.search(r"[{}]", PLACEHOLDER.sub("", text)))


@pytest.mark.parametrize("texts", [ENGLISH, GERMAN], ids=["en", "de"])
def test_every_text_is_one_that_the_frontend_can_render(texts: dict[str, str]) -> None:
    assert [key for key, text in texts.items() if breaks(text)] == []


@pytest.mark.parametrize("text", ["it's '{name}'", "a {b", "a } b", "<b>", " lead", "trail\n"])
def test_a_text_that_cannot_be_rendered_is_seen(text: str) -> None:
    assert breaks(text)


# --- Another language ------------------------------------------------------------------------------------------------

# Places in a text that are the same in every language: placeholders, links, code, and where a line or emphasis begins.
MARKS = re.compile(r"\{\w+\}|\]\(|```|\*\*|^- |\n", re.MULTILINE)
# What Ring's developer console, which is English only, calls its fields, buttons and groups of permissions.
CONSOLE = re.compile(
    r"\*\*(HMAC signing key|Client ID|Client Secret|private app|[\w ]+ UR[IL]|Connect Ring account|Appstore|Confirm"
    r"|Cameras and Doorbells|Sensors|Chimes)\*\*"
)
# Names and words that German has taken over.
SAME_IN_GERMAN = {"HDR", "Person", "Chime", "{name}", "{seconds} s", "{minutes} min {seconds} s"}
# How Home Assistant's own frontend calls the places our texts send people to.
PLACES = {
    "panel.config",
    "ui.panel.config.application_credentials.caption",
    "ui.panel.config.dashboard.devices.main",
    "ui.panel.config.dashboard.system.main",
    "ui.panel.config.integrations.config_entry.reconfigure",
    "ui.panel.config.network.caption",
    "ui.panel.config.storage.caption",
}


def frontend(language: str) -> dict[str, str]:
    """Return what Home Assistant's frontend says in its settings."""
    root = Path(hass_frontend.where()) / "static" / "translations"
    files = [*root.glob(f"{language}-[0-9a-f]*.json"), *root.glob(f"config/{language}-[0-9a-f]*.json")]
    assert len(files) == 2
    return {key: text for file in files for key, text in json.loads(file.read_text(encoding="utf-8")).items()}


def test_every_text_exists_in_both_languages_at_the_same_place() -> None:
    assert list(GERMAN) == list(ENGLISH)


def differing(pattern: re.Pattern[str]) -> list[str]:
    """Return where the two languages do not hold the same of something."""
    return [key for key in ENGLISH if sorted(pattern.findall(ENGLISH[key])) != sorted(pattern.findall(GERMAN[key]))]


def test_a_translation_keeps_what_is_filled_in_and_how_it_looks() -> None:
    assert differing(MARKS) == []


def test_what_is_read_on_rings_english_pages_stays_english() -> None:
    assert any(CONSOLE.search(text) for text in ENGLISH.values())
    assert differing(CONSOLE) == []


def test_everything_is_translated() -> None:
    assert {text for key, text in GERMAN.items() if text == ENGLISH[key]} <= SAME_IN_GERMAN


def test_german_says_du_as_home_assistant_does() -> None:
    # Where a sentence begins, the polite "you" is also "they".
    formal = re.compile(r"\b(Ihnen|Ihre?[mnrs]?)\b|(?<=[a-zäöüß,] )Sie\b")  # codespell:ignore sie
    assert {key: text for key, text in GERMAN.items() if formal.search(text)} == {}


def test_places_are_called_as_in_the_frontend() -> None:
    english, german = frontend("en"), frontend("de")
    for place in PLACES:
        named = re.compile(rf"(?<=[→*,] ){english[place]}\b|\*\*{english[place]}\b|under {english[place]}\b")
        keys = [key for key, text in ENGLISH.items() if named.search(text)]
        assert keys, f"no text names {english[place]}"
        assert [key for key in keys if german[place] not in GERMAN[key]] == []


@pytest.mark.parametrize("texts", LANGUAGES.values(), ids=LANGUAGES)
def test_a_text_that_names_an_entity_or_an_action_calls_it_by_its_name(texts: dict[str, Any]) -> None:
    assert f"**{texts['entity']['sensor']['token_expires']['name']}**" in texts["config"]["create_entry"]["playground"]
    by_event = texts["services"]["download_clip"]["fields"]["event_id"]["description"]
    assert texts["services"]["get_events"]["name"] in by_event


@pytest.mark.parametrize("texts", LANGUAGES.values(), ids=LANGUAGES)
def test_shelves_and_days_can_be_searched_for_by_one_word(texts: dict[str, Any]) -> None:
    names = [text for key, text in texts["common"].items() if key.startswith(("shelf_", "weekday_"))]
    assert len(names) == 13
    # English says "Live views", and search knows "live".
    assert [name for name in names if " " in name] in ([], ["Live views"])


async def test_home_assistant_speaks_german(hass: HomeAssistant) -> None:
    texts = await async_get_translations(hass, "de", "device", {"ring_partner"})
    assert texts["component.ring_partner.device.component.name"] == "Kamera {number}"
