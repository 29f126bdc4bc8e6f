"""Each rule of the Integration Quality Scale is met, as far as a machine can tell, and a test shows what it cannot."""

import ast
from collections.abc import Iterator
from importlib import import_module
import json
from pathlib import Path
import re
import tomllib
from types import ModuleType
from typing import Any

import pytest
import yaml

from custom_components.ring_partner import PLATFORMS, config_flow, options_flow
from custom_components.ring_partner.config_flow import RingConfigFlow
from custom_components.ring_partner.const import DEFAULT_POLLING_SECONDS, MIN_POLLING_SECONDS
from custom_components.ring_partner.entity import ValueEntity
from homeassistant import components
from homeassistant.data_entry_flow import FlowError
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.entity import Entity, EntityDescription

from .conftest import INTEGRATION as INTEGRATION_IS, REQUIRED

ROOT = Path(__file__).parents[1]
INTEGRATION = ROOT / "custom_components" / "ring_partner"
CORE = Path(components.__path__[0])
SCALE = INTEGRATION / "quality_scale.yaml"
# Of the components whose files name the tiers.
MODEL = CORE / "monzo" / "quality_scale.yaml"


def load(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


RULES: dict[str, Any] = load(SCALE)["rules"]
STATUS = {rule: value if isinstance(value, str) else value["status"] for rule, value in RULES.items()}

# What shows that a rule is met, beyond what this file checks: a test, by its file and name.
EVIDENCE = {
    "action-setup": "test_services::test_the_actions_are_there_before_any_account_is",
    "appropriate-polling": "test_coordinator::test_an_idle_hour_costs_one_request_a_minute",
    "config-flow": "test_link_ring_app::test_the_whole_way",
    "entity-unique-id": "test_devices::test_two_accounts_keep_their_devices_apart",
    "test-before-configure": "test_link_playground::test_one_that_has_ended_is_refused_and_the_next_works",
    "test-before-setup": "test_init::test_what_ring_answers_at_the_start_decides",
    "unique-config-entry": "test_link_tokens::test_an_account_that_is_linked_already_is_refused",
    "action-exceptions": "test_services_errors::test_every_error_has_words",
    "config-entry-unloading": "test_coordinator::test_unloading_leaves_nothing_behind",
    "entity-unavailable": "test_coordinator::test_devices_are_unavailable_and_the_account_stays_known",
    "log-when-unavailable": "test_coordinator::test_devices_are_unavailable_and_the_account_stays_known",
    "reauthentication-flow": "test_reauth::test_each_way_links_the_same_account_again",
    "devices": "test_devices::test_devices_have_names_and_models_and_belong_to_the_account",
    "discovery": "test_link_accounts::test_another_account_is_discovered",
    "diagnostics": "test_diagnostics::test_name_nobody_and_hold_no_secret",
    "dynamic-devices": "test_devices::test_a_new_device_appears_with_its_entities",
    "entity-translations": (
        "test_entities::test_every_name_and_state_is_translated_and_nothing_is_unknown_without_a_reason"
    ),
    "reconfiguration-flow": "test_reconfigure::test_each_token_way_refuses_another_account",
    "repair-issues": "test_repairs::test_every_text_can_be_shown_and_goes_with_the_entry",
    "stale-devices": "test_devices::test_it_is_removed_when_it_stays_away_and_added_when_it_returns",
}
# What this file and its neighbours check by looking at the code.
BY_LOOKING = {
    "async-dependency", "brands", "common-modules", "config-flow-test-coverage", "entity-category",
    "entity-device-class", "entity-disabled-by-default", "entity-event-setup", "exception-translations",
    "has-entity-name", "icon-translations", "inject-websession", "integration-owner", "parallel-updates",
    "runtime-data", "strict-typing", "test-coverage",
}  # fmt: skip


# --- The scale -------------------------------------------------------------------------------------------------------


def tiers(path: Path) -> dict[str, set[str]]:
    """Return the rules of each tier: the comments in the file name them."""
    parts = re.split(r"^  # (\w+)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {
        tier: set(re.findall(r"^  ([a-z-]+):", text, re.MULTILINE))
        for tier, text in zip(parts[::2], parts[1::2], strict=True)
    }


def test_the_scale_has_every_rule_that_home_assistant_knows() -> None:
    known = {rule for path in CORE.glob("*/quality_scale.yaml") for rule in load(path)["rules"]}
    assert len(known) == 54
    assert RULES.keys() == known
    assert tiers(SCALE) == tiers(MODEL)


def test_every_rule_is_met_or_says_why_it_does_not_apply() -> None:
    assert set(STATUS.values()) <= {"done", "exempt"}
    unexplained = [rule for rule, status in STATUS.items() if status == "exempt" and len(RULES[rule]["comment"]) < 20]
    assert unexplained == []


def test_the_manifest_claims_the_highest_tier() -> None:
    """It may, as all rules are met or do not apply."""
    assert load(INTEGRATION / "manifest.json")["quality_scale"] == [*tiers(SCALE)][-1].lower() == "platinum"


def test_every_rule_that_is_met_has_something_to_show_for_it() -> None:
    met = {rule for rule, status in STATUS.items() if status == "done"}
    assert {rule for rule in met if not rule.startswith("docs-")} == EVIDENCE.keys() | BY_LOOKING
    assert {rule for rule in met if rule.startswith("docs-")} == DOCUMENTED.keys()


@pytest.mark.parametrize(("rule", "test"), EVIDENCE.items())
def test_the_test_that_shows_it_exists(rule: str, test: str) -> None:
    file, _, name = test.partition("::")
    tree = ast.parse((ROOT / "tests" / "ring_partner" / f"{file}.py").read_text(encoding="utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    [found] = [node for node in functions if node.name == name]
    # One that looks at nothing, or is left out, shows nothing.
    assert any(isinstance(node, ast.Assert) for node in ast.walk(found)), rule
    assert not any(re.search(r"\b(skip|skipif|xfail)\b", ast.unparse(mark)) for mark in found.decorator_list)


# --- Documentation ---------------------------------------------------------------------------------------------------

ENGLISH = load(INTEGRATION / "translations" / "en.json")
# What the documentation has to speak of, as patterns; what is taken from the texts is called there as in the dialogs.
DOCUMENTED: dict[str, list[str]] = {
    "docs-high-level-description": [r"official\** Partner API"],
    "docs-installation-instructions": [r"\bHACS\b", r"restart Home Assistant", r"Add integration"],
    "docs-removal-instructions": [r"^#+ .*\bremov"],
    "docs-installation-parameters": [
        *{re.escape(name) for step in ENGLISH["config"]["step"].values() for name in step.get("data", {}).values()},
        "Client ID",
        "Client Secret",
    ],
    "docs-configuration-parameters": [re.escape(name) for name in ENGLISH["options"]["step"]["init"]["data"].values()],
    "docs-actions": [rf"ring_partner\.{action}" for action in ENGLISH["services"]],
    "docs-data-update": [r"\bpush", r"\bpoll", r"polling interval", r"\bhistory\b"],
    "docs-examples": [r"action: ring_partner\.\w+", r"blueprint"],
    "docs-known-limitations": [r"\barm(ing|ed)?\b", r"\bsirens?\b", r"United States", r"\b30 seconds"],
    "docs-supported-devices": [r"doorbells", r"contact sensors", r"chimes", r"air quality monitors"],
    "docs-supported-functions": [r"doorbell event", r"media browser|\*\*Media", r"live view"],
    "docs-troubleshooting": [r"when something is wrong|troubleshooting", r"diagnostics", r"\*\*Repairs\*\*"],
    "docs-use-cases": [r"\bnotif", r"\blights?\b", r"\bbatter(y|ies)\b"],
}


@pytest.mark.parametrize("rule", DOCUMENTED)
def test_the_documentation_speaks_of_it(rule: str) -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    said = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    assert [pattern for pattern in DOCUMENTED[rule] if not re.search(pattern, said, re.IGNORECASE | re.MULTILINE)] == []


# --- Flows -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["user", "reauth", "reauth_confirm", "reconfigure", "integration_discovery"])
def test_the_config_flow_has_the_steps_that_the_rules_ask_for(step: str) -> None:
    assert f"async_step_{step}" in vars(RingConfigFlow)


def test_options_and_the_unique_id_are_there() -> None:
    assert "async_get_options_flow" in vars(RingConfigFlow)
    assert hasattr(options_flow.RingOptionsFlow, "async_step_init")
    flow = "".join(Path(str(module.__file__)).read_text(encoding="utf-8") for module in modules("config_flow", "link_"))
    assert "_abort_if_unique_id_configured" in flow or "already_configured" in flow
    assert "wrong_account" in flow


# --- Code ------------------------------------------------------------------------------------------------------------


def modules(*beginnings: str) -> list[ModuleType]:
    """Return the modules that talk to Home Assistant."""
    names = [path.stem for path in sorted(INTEGRATION.glob("*.py")) if path.stem.startswith(beginnings or "")]
    package = config_flow.__package__
    return [import_module(package if name == "__init__" else f"{package}.{name}") for name in names]


def tree_of(module: ModuleType) -> ast.Module:
    return ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))


def is_shown(error: object) -> bool:
    """Whether it is an error that Home Assistant shows; those of flows have their texts elsewhere."""
    return isinstance(error, type) and issubclass(error, HomeAssistantError) and not issubclass(error, FlowError)


def untranslated(tree: ast.Module, names: dict[str, Any]) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name), keywords=keywords) if is_shown(names.get(name)):
                if not {"translation_domain", "translation_key"} <= {keyword.arg for keyword in keywords}:
                    yield f"line {node.lineno}: {ast.unparse(node)}"
            case ast.Raise(exc=ast.Name(id=name)) if is_shown(names.get(name)):
                yield f"line {node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_error_that_is_shown_is_translated(module: ModuleType) -> None:
    assert list(untranslated(tree_of(module), vars(module))) == []


@pytest.mark.parametrize(
    "code", ["raise HomeAssistantError", "raise HomeAssistantError('No')", "HomeAssistantError(translation_key='x')"]
)
def test_an_error_without_a_translation_is_seen(code: str) -> None:
    assert list(untranslated(ast.parse(code), {"HomeAssistantError": HomeAssistantError}))


def filled_in(tree: ast.Module) -> Iterator[tuple[str, set[str]]]:
    """Return the texts that are named where they are used, with what is filled in there."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="_refusal"), args=[ast.Constant(value=str(key))], keywords=keywords):
                yield key, {str(keyword.arg) for keyword in keywords}
            case ast.Call(keywords=keywords):
                named = {keyword.arg: keyword.value for keyword in keywords}
                filled = named.get("translation_placeholders", ast.Dict([], []))
                if isinstance(named.get("translation_key"), ast.Constant) and isinstance(filled, ast.Dict):
                    yield (
                        str(named["translation_key"].value),
                        set(map(ast.literal_eval, filled.keys)),
                    )


def test_what_an_error_leaves_open_is_filled_in_where_it_is_raised() -> None:
    open_in = {key: set(re.findall(r"\{(\w+)\}", text["message"])) for key, text in ENGLISH["exceptions"].items()}
    used = [(key, names) for module in modules() for key, names in filled_in(tree_of(module)) if key in open_in]
    assert len(used) > 15
    assert [(key, names) for key, names in used if names != open_in[key]] == []


def platforms() -> list[ModuleType]:
    return [import_module(f"{config_flow.__package__}.{platform}") for platform in PLATFORMS]


@pytest.mark.parametrize("module", platforms(), ids=lambda module: module.__name__.rpartition(".")[2])
def test_a_platform_says_how_many_of_its_updates_may_run_at_once_and_why(module: ModuleType) -> None:
    assert module.PARALLEL_UPDATES in {0, 1}
    source = Path(str(module.__file__)).read_text(encoding="utf-8")
    assert re.search(r"^# .+\nPARALLEL_UPDATES = \d$", source, re.MULTILINE)


def descriptions(module: ModuleType) -> list[EntityDescription]:
    """Return the entities of a platform as its tables describe them."""
    values = [value if isinstance(value, tuple) else (value,) for value in vars(module).values()]
    return [item for group in values for item in group if isinstance(item, EntityDescription)]


def every_description() -> list[tuple[str, EntityDescription]]:
    return [(name, item) for name, module in zip(PLATFORMS, platforms(), strict=True) for item in descriptions(module)]


def test_every_translated_entity_that_has_no_device_class_has_an_icon() -> None:
    icons = load(INTEGRATION / "icons.json")["entity"]
    bare = [
        (platform, item.translation_key)
        for platform, item in every_description()
        if item.translation_key and item.device_class is None
    ]
    assert len(bare) > 10
    assert [(platform, key) for platform, key in bare if key not in icons.get(platform, {})] == []


def test_every_entity_has_a_name_in_the_texts_or_one_of_its_device_class_or_is_the_main_one() -> None:
    nameless = [
        item.key
        for platform, item in every_description()
        if item.name is not None and item.device_class is None and item.translation_key is None
    ]
    assert nameless == []


def test_keys_tell_the_entities_of_a_platform_apart() -> None:
    """The unique id of an entity is that of its device and this."""
    for module in platforms():
        for table in (value for value in vars(module).values() if isinstance(value, tuple)):
            keys = [item.key for item in table if isinstance(item, EntityDescription)]
            assert len(set(keys)) == len(keys)


def entity_classes() -> list[type[Entity]]:
    """Return what the platforms add, which is defined in them."""
    return [
        value
        for module in platforms()
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Entity) and value.__module__ == module.__name__
        # What only adds to others is none by itself.
        if not value.__name__.startswith("_")
    ]


def test_every_entity_belongs_to_a_device_and_has_a_unique_id_and_a_name_of_its_own() -> None:
    """All of them inherit that from one class, which test_devices and test_entities look at from outside."""
    assert len(entity_classes()) >= len(PLATFORMS)
    assert [one.__name__ for one in entity_classes() if not issubclass(one, ValueEntity)] == []
    assert all(one.__new__(one).has_entity_name for one in entity_classes())


def test_what_few_people_want_is_off_and_what_is_no_matter_of_every_day_is_diagnostic() -> None:
    off = [item for _, item in every_description() if not item.entity_registry_enabled_default]
    diagnostic = [item for _, item in every_description() if item.entity_category is not None]
    assert len(off) > 10
    assert len(diagnostic) > 20
    assert any(item.device_class for _, item in every_description())


def calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func).rpartition(".")[2]


def test_entities_subscribe_when_they_are_added_and_not_when_they_are_made() -> None:
    listens = {"async_dispatcher_connect", "async_add_listener", "async_track_time_interval", "async_call_later"}
    made = [
        (module.__name__, node.name, called)
        for module in [*platforms(), import_module(f"{config_flow.__package__}.entity")]
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.FunctionDef) and node.name == "__init__"
        for called in calls(node)
    ]
    assert made
    assert [one for one in made if one[2] in listens] == []


def function(module: ModuleType, name: str) -> ast.AST:
    found = (node for node in ast.walk(tree_of(module)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return next(node for node in found if node.name == name)


def test_actions_are_registered_for_all_accounts_at_once() -> None:
    (package,) = modules("__init__")
    assert "async_register_actions" in calls(function(package, "async_setup"))
    assert not {"async_register_actions", "async_register"} & {*calls(function(package, "async_setup_entry"))}


def test_ring_is_asked_through_home_assistants_own_session_and_nothing_waits_in_the_loop() -> None:
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in INTEGRATION.rglob("*.py")]
    assert not {"ClientSession", "async_create_clientsession", "urlopen"} & {
        name for tree in trees for name in calls(tree)
    }
    blocking = re.compile(r"^(import|from) (requests|urllib\.request|http\.client|socket|httpx)\b", re.MULTILINE)
    sources = [path.read_text(encoding="utf-8") for path in INTEGRATION.rglob("*.py")]
    assert [source[:80] for source in sources if blocking.search(source) or "time.sleep(" in source] == []
    assert load(INTEGRATION / "manifest.json")["requirements"] == []


def test_what_all_entities_share_stands_where_home_assistant_expects_it() -> None:
    assert (INTEGRATION / "coordinator.py").is_file()
    assert (INTEGRATION / "entity.py").is_file()
    assert MIN_POLLING_SECONDS >= 30 <= DEFAULT_POLLING_SECONDS


def test_types_are_strict_and_nobody_is_excused() -> None:
    mypy = project()["tool"]["mypy"]
    assert mypy["strict"] is True
    assert "custom_components" in mypy["files"]
    assert not any("ignore_errors" in override for override in mypy["overrides"])
    excused = re.compile(r"# type: ignore|\bcast\(")
    assert [path.name for path in INTEGRATION.rglob("*.py") if excused.search(path.read_text(encoding="utf-8"))] == []


def test_the_tests_have_to_cover_lines_and_branches_and_leave_out_no_logic() -> None:
    coverage = project()["tool"]["coverage"]
    assert coverage["run"]["branch"] is True
    assert "custom_components/ring_partner" in coverage["run"]["source"]
    # The rule asks for 95.
    assert coverage["report"]["fail_under"] >= 98
    # And that of the integration alone, dialogs among it; test_coverage_gate shows that it is asked for.
    assert (INTEGRATION_IS, REQUIRED >= 98) == ("custom_components/*", True)
    left_out = [r"\s*(if TYPE_CHECKING:|@overload|@abstractmethod)"]
    assert all(re.match(left_out[0], pattern) for pattern in coverage["report"]["exclude_also"])
    sources = {path.name: path.read_text(encoding="utf-8") for path in INTEGRATION.rglob("*.py")}
    assert [name for name, source in sources.items() if "pragma: no" in source] == []
