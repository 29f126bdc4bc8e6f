"""What hassfest asks of a custom integration, asked here: it is no part of Home Assistant's package.

The schemas below are ours. That they ask for nothing peculiar is shown by Home Assistant's own components, which pass.
"""

import ast
from collections.abc import Callable, Iterator
import json
from pathlib import Path
import re
from typing import Any

from awesomeversion import AwesomeVersion, AwesomeVersionStrategy
import hass_frontend
import pytest
import voluptuous as vol
import yaml

from custom_components.ring_partner.credential_flow import OTHER_APP
from homeassistant import components
from homeassistant.const import Platform
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.selector import validate_selector

INTEGRATION = Path(__file__).parents[1] / "custom_components" / "ring_partner"
CORE = Path(components.__path__[0])
# Of Home Assistant's best, and all with something that we have, too.
MODELS = ("google_photos", "monzo", "nest", "overseerr", "reolink", "ring", "unifiprotect")
TRANSLATIONS = sorted((INTEGRATION / "translations").glob("*.json"))


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def services(folder: Path) -> dict[str, Any]:
    return yaml.safe_load((folder / "services.yaml").read_text(encoding="utf-8"))


# --- Manifest --------------------------------------------------------------------------------------------------------

INTEGRATION_TYPES = ("device", "entity", "hardware", "helper", "hub", "service", "system")
IOT_CLASSES = ("assumed_state", "calculated", "cloud_polling", "cloud_push", "local_polling", "local_push")
QUALITY_SCALES = ("bronze", "silver", "gold", "platinum")


def version(value: object) -> str:
    known = [
        AwesomeVersionStrategy.CALVER, AwesomeVersionStrategy.SEMVER, AwesomeVersionStrategy.SIMPLEVER,
        AwesomeVersionStrategy.BUILDVER, AwesomeVersionStrategy.PEP440,
    ]  # fmt: skip
    text = cv.string(value)
    if AwesomeVersion(text).strategy not in known:
        raise vol.Invalid(f"{text} is no version")
    return text


CORE_MANIFEST = vol.Schema(
    {
        vol.Required("domain"): cv.slug,
        vol.Required("name"): vol.All(str, vol.Length(min=1)),
        vol.Required("codeowners"): [vol.Match(r"^@[\w-]+(/[\w-]+)?$")],
        vol.Required("documentation"): vol.All(vol.Url(), vol.Match(r"^https://")),
        vol.Required("integration_type"): vol.In(INTEGRATION_TYPES),
        vol.Required("iot_class"): vol.In(IOT_CLASSES),
        vol.Optional("after_dependencies"): [cv.slug],
        vol.Optional("config_flow"): bool,
        vol.Optional("dependencies"): [cv.slug],
        vol.Optional("import_executor"): bool,
        vol.Optional("loggers"): [str],
        vol.Optional("quality_scale"): vol.In(QUALITY_SCALES),
        vol.Optional("requirements"): [vol.Match(r"^[\w.-]+(\[[\w,-]+\])?==[\w.-]+$")],
        vol.Optional("single_config_entry"): bool,
        **{vol.Optional(way): list for way in ("bluetooth", "dhcp", "mqtt", "ssdp", "usb", "zeroconf")},
        vol.Optional("homekit"): dict,
    }
)
# What Home Assistant knows of its own components by itself.
CUSTOM_MANIFEST = CORE_MANIFEST.extend({vol.Required("version"): version, vol.Required("issue_tracker"): vol.Url()})
# Home Assistant lets everybody import from platforms and from these without naming them in the manifest.
ALWAYS_THERE = {*Platform, "diagnostics", "media_source", "repairs", "system_health", "webhook"}


def imported_components(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ImportFrom(module="homeassistant.components", names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module)) if module.startswith("homeassistant.components."):
                yield module.split(".")[2]


def test_the_manifest_has_what_a_custom_integration_needs() -> None:
    manifest = load(INTEGRATION / "manifest.json")
    CUSTOM_MANIFEST(manifest)
    assert list(manifest) == ["domain", "name", *sorted(manifest.keys() - {"domain", "name"})]
    assert manifest["codeowners"]
    assert manifest["domain"] == INTEGRATION.name
    assert not (CORE / manifest["domain"]).exists(), "a custom integration would hide the component"


@pytest.mark.parametrize("component", MODELS)
def test_home_assistants_own_manifests_pass_too(component: str) -> None:
    CORE_MANIFEST(load(CORE / component / "manifest.json"))


@pytest.mark.parametrize(
    ("key", "value"),
    [("iot_class", "cloud"), ("version", "soon"), ("codeowners", ["me"]), ("documentation", "example.com"), ("x", 1)],
)
def test_a_manifest_that_hassfest_refuses_is_refused(key: str, value: object) -> None:
    with pytest.raises(vol.Invalid):
        CUSTOM_MANIFEST(load(INTEGRATION / "manifest.json") | {key: value})


def test_every_component_that_is_used_is_named_in_the_manifest_and_exists() -> None:
    manifest = load(INTEGRATION / "manifest.json")
    named = {*manifest["dependencies"], *manifest["after_dependencies"]}
    used = {
        name
        for path in INTEGRATION.rglob("*.py")
        for name in imported_components(path.read_text(encoding="utf-8"))
        if name != INTEGRATION.name
    }
    assert used <= named | ALWAYS_THERE
    assert named <= used
    assert all((CORE / name / "manifest.json").is_file() for name in named)


def test_what_the_manifest_announces_is_there() -> None:
    assert (INTEGRATION / "config_flow.py").is_file()
    assert (INTEGRATION / "application_credentials.py").is_file()
    setup = ast.parse((INTEGRATION / "__init__.py").read_text(encoding="utf-8"))
    assigned = {
        ast.unparse(node.targets[0]): ast.unparse(node.value) for node in setup.body if isinstance(node, ast.Assign)
    }
    # YAML is refused with words, which Home Assistant asks of whoever has an `async_setup`.
    assert assigned["CONFIG_SCHEMA"] == "cv.config_entry_only_config_schema(DOMAIN)"
    flow = (INTEGRATION / "config_flow.py").read_text(encoding="utf-8")
    assert "async_set_unique_id" in flow, "a flow that discovers has to know what it has discovered before"


# --- Texts -----------------------------------------------------------------------------------------------------------


def text(value: object) -> str:
    """Take what the frontend can show, and what a translator can do no harm with."""
    if not isinstance(value, str) or not value:
        raise vol.Invalid("no text")
    wrong = {
        "space around it": value != value.strip(),
        "HTML": re.search(r"<[a-zA-Z/!]", value),
        "a placeholder in quotes": re.search(r"'\{\w+\}'", value),
        "a key of core's sources": "[%key:" in value,
        "a URL, which belongs into a placeholder": re.search(r"\w://", value),
    }
    if found := [name for name, is_so in wrong.items() if is_so]:
        raise vol.Invalid(f"{found[0]} in {value!r}")
    return value


STATE_KEY = vol.Match(r"^(?!.+[_-]{2})(?![_-])[a-z0-9_-]+(?<![_-])$")
TEXTS = cv.schema_with_slug_keys(text)
STATES = vol.Schema({STATE_KEY: text})


def described(*parts: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a check that nothing is described that is not there."""

    def check(step: dict[str, Any]) -> dict[str, Any]:
        for part, descriptions in zip(parts[::2], parts[1::2], strict=True):
            if extra := step.get(descriptions, {}).keys() - step.get(part, {}).keys():
                raise vol.Invalid(f"{extra} described, but not in {part}")
        return step

    return check


STEP = vol.All(
    {
        vol.Optional("title"): text,
        vol.Optional("description"): text,
        vol.Optional("data"): cv.schema_with_slug_keys(text),
        vol.Optional("data_description"): TEXTS,
        vol.Optional("menu_options"): TEXTS,
        vol.Optional("menu_option_descriptions"): TEXTS,
        vol.Optional("submit"): text,
        vol.Optional("sections"): dict,
    },
    described("data", "data_description", "menu_options", "menu_option_descriptions"),
)
FLOW = vol.Schema(
    {
        vol.Optional("flow_title"): text,
        vol.Optional("step"): cv.schema_with_slug_keys(STEP),
        vol.Optional("error"): TEXTS,
        vol.Optional("abort"): TEXTS,
        vol.Optional("progress"): TEXTS,
        vol.Optional("create_entry"): TEXTS,
    }
)
NAMED = {vol.Optional("name"): text, vol.Optional("state"): STATES}
ENTITY = vol.Schema(
    {
        **NAMED,
        vol.Optional("state_attributes"): cv.schema_with_slug_keys(vol.Schema(NAMED)),
        vol.Optional("unit_of_measurement"): text,
    }
)
ISSUE = vol.All(
    {
        vol.Required("title"): text,
        vol.Exclusive("description", "mended"): text,
        vol.Exclusive("fix_flow", "mended"): FLOW,
    },
    cv.has_at_least_one_key("description", "fix_flow"),
)
FIELD = {vol.Required("name"): text, vol.Optional("description"): text, vol.Optional("example"): text}
ACTION = vol.Schema(
    {
        vol.Required("name"): text,
        vol.Required("description"): text,
        vol.Optional("fields"): cv.schema_with_slug_keys(vol.Schema(FIELD)),
        vol.Optional("sections"): dict,
    }
)
CUSTOM_TEXTS = vol.Schema(
    {
        vol.Optional("application_credentials"): vol.Schema({vol.Required("description"): text}),
        vol.Optional("common"): TEXTS,
        vol.Optional("config"): FLOW,
        vol.Optional("device"): cv.schema_with_slug_keys(vol.Schema(NAMED)),
        vol.Optional("entity"): vol.Schema({vol.In([*Platform]): vol.Schema({STATE_KEY: ENTITY})}),
        vol.Optional("exceptions"): cv.schema_with_slug_keys(vol.Schema({vol.Required("message"): text})),
        vol.Optional("issues"): cv.schema_with_slug_keys(ISSUE),
        vol.Optional("options"): FLOW,
        vol.Optional("selector"): cv.schema_with_slug_keys(vol.Schema({vol.Optional("options"): STATES})),
        vol.Optional("services"): cv.schema_with_slug_keys(ACTION),
        vol.Optional("system_health"): vol.Schema({vol.Optional("info"): TEXTS}),
    }
)
CORE_TEXTS = CUSTOM_TEXTS.extend({vol.Optional(key): object for key in ("title", "device_automation")})


@pytest.mark.parametrize("path", TRANSLATIONS, ids=lambda path: path.stem)
def test_texts_have_the_structure_that_home_assistant_reads(path: Path) -> None:
    CUSTOM_TEXTS(load(path))


@pytest.mark.parametrize("component", MODELS)
def test_home_assistants_own_texts_pass_too(component: str) -> None:
    CORE_TEXTS(load(CORE / component / "translations" / "en.json"))


@pytest.mark.parametrize(
    "texts",
    [
        {"title": "Ring Partner"},
        {"config": {"title": "Ring"}},
        {"config": {"step": {"user": {"data_description": {"x": "Nothing"}}}}},
        {"config": {"error": {"x": " "}}},
        {"config": {"error": {"x": "See https://example.com"}}},
        {"config": {"error": {"x": "a <b>b</b>"}}},
        {"exceptions": {"x": "Text"}},
        {"issues": {"x": {"title": "Only this"}}},
        {"entity": {"lamp": {}}},
        {"services": {"x": {"name": "Do"}}},
        {"selector": {"x": {"options": {"Not So": "Text"}}}},
    ],
    ids=str,
)
def test_texts_that_hassfest_refuses_are_refused(texts: dict[str, Any]) -> None:
    with pytest.raises(vol.Invalid):
        CUSTOM_TEXTS(texts)


# --- Actions ---------------------------------------------------------------------------------------------------------

SERVICE = vol.Schema(
    {
        vol.Optional("target"): vol.Any(None, lambda value: validate_selector({"target": value})),
        vol.Optional("fields"): cv.schema_with_slug_keys(
            vol.Schema(
                {
                    vol.Required("selector"): validate_selector,
                    vol.Optional("default"): vol.Any(bool, float, int, list, str),
                    vol.Optional("example"): object,
                    vol.Optional("required"): bool,
                    vol.Optional("advanced"): bool,
                    vol.Optional("filter"): dict,
                }
            )
        ),
    }
)
SERVICES = cv.schema_with_slug_keys(SERVICE)


def test_actions_ask_for_their_fields_in_ways_the_frontend_knows() -> None:
    SERVICES(services(INTEGRATION))


def test_a_field_that_the_frontend_cannot_ask_for_is_refused() -> None:
    for selector in ({"crystal_ball": None}, {"number": {"min": "low"}}, {}):
        with pytest.raises(vol.Invalid):
            SERVICES({"look": {"fields": {"x": {"selector": selector}}}})


@pytest.mark.parametrize("path", TRANSLATIONS, ids=lambda path: path.stem)
def test_every_action_and_every_field_has_words(path: Path) -> None:
    texts = load(path)
    asked = services(INTEGRATION)
    assert texts["services"].keys() == asked.keys()
    for name, action in asked.items():
        words = texts["services"][name].get("fields", {})
        assert words.keys() == action.get("fields", {}).keys(), name
        assert all(field["description"] for field in words.values()), name


def choices(asked: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Return the lists to choose from that have words, by the key of these."""
    for action in asked.values():
        for field in action["fields"].values():
            select = field["selector"].get("select")
            if select:
                yield select["translation_key"], select["options"]


@pytest.mark.parametrize("path", TRANSLATIONS, ids=lambda path: path.stem)
def test_every_choice_has_words_and_no_words_are_left(path: Path) -> None:
    offered = {key: set(options) for key, options in choices(services(INTEGRATION))}
    assert offered
    # Of the choice between stored credentials, whose names are the user's, the last option is ours.
    offered["implementation"] = {OTHER_APP}
    assert {key: set(words["options"]) for key, words in load(path)["selector"].items()} == offered


# --- Icons -----------------------------------------------------------------------------------------------------------

ICON = vol.Match(r"^mdi:[a-z0-9-]+$")


def state_icons_differ(icons: dict[str, Any]) -> dict[str, Any]:
    """Refuse an icon for a state that is the default anyway."""
    if same := [state for state, icon in icons.get("state", {}).items() if icon == icons["default"]]:
        raise vol.Invalid(f"{same} has the default icon")
    return icons


STATEFUL = {vol.Required("default"): ICON, vol.Optional("state"): vol.Schema({STATE_KEY: ICON})}
ICONS = vol.Schema(
    {
        vol.Optional("entity"): vol.Schema(
            {
                vol.In([*Platform]): vol.Schema(
                    {
                        STATE_KEY: vol.All(
                            {
                                **STATEFUL,
                                vol.Optional("range"): vol.Schema({vol.Coerce(float): ICON}),
                                vol.Optional("state_attributes"): cv.schema_with_slug_keys(
                                    vol.All(STATEFUL, state_icons_differ)
                                ),
                            },
                            state_icons_differ,
                        )
                    }
                )
            }
        ),
        vol.Optional("services"): cv.schema_with_slug_keys(
            vol.Schema({vol.Optional("service"): ICON, vol.Optional("sections"): cv.schema_with_slug_keys(ICON)})
        ),
    }
)


def icons_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value.removeprefix("mdi:")
    else:
        for part in value.values():
            yield from icons_in(part)


def test_icons_have_the_structure_that_home_assistant_reads() -> None:
    icons = load(INTEGRATION / "icons.json")
    ICONS(icons)
    assert icons["services"].keys() == services(INTEGRATION).keys()


@pytest.mark.parametrize("component", MODELS)
def test_home_assistants_own_icons_pass_too(component: str) -> None:
    path = CORE / component / "icons.json"
    ICONS(load(path) if path.exists() else {})


def test_every_icon_exists() -> None:
    """One that does not is an empty place in the frontend."""
    drawn = {icon["name"] for icon in load(Path(hass_frontend.where()) / "static" / "mdi" / "iconList.json")}
    assert [icon for icon in icons_in(load(INTEGRATION / "icons.json")) if icon not in drawn] == []


@pytest.mark.parametrize(
    "icons",
    [
        {"entity": {"sensor": {"x": {"state": {"on": "mdi:eye"}}}}},
        {"entity": {"sensor": {"x": {"default": "mdi:eye", "state": {"on": "mdi:eye"}}}}},
        {"entity": {"sensor": {"x": {"default": "hass:eye"}}}},
        {"services": {"x": "mdi:eye"}},
    ],
    ids=str,
)
def test_icons_that_hassfest_refuses_are_refused(icons: dict[str, Any]) -> None:
    with pytest.raises(vol.Invalid):
        ICONS(icons)
