"""What the documents say: every link, command, test, entity, action, option and message that they name exists."""

import ast
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import product
import json
from pathlib import Path
import re
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from custom_components.ring_partner import const
from custom_components.ring_partner.binary_sensor import BINARY_SENSORS, MOTION as MOTION_SENSOR, OCCUPANCY
from custom_components.ring_partner.endpoints import Endpoint
from custom_components.ring_partner.event import DOORBELL, MOTION as MOTION_EVENT
from custom_components.ring_partner.image import LAST_EVENT
from custom_components.ring_partner.sensor import (
    ACCOUNT_SENSORS,
    ACTIVITY_SENSORS,
    COMPONENT_SENSORS,
    LAST_RING,
    SENSORS,
)
from homeassistant import components
from homeassistant.helpers.entity import EntityDescription
from homeassistant.util import slugify

from .markdown import DOCS, NAMES, Row, anchors, links, read, table, tables, without_code

ROOT = Path(__file__).parents[1]
INTEGRATION = ROOT / "custom_components" / "ring_partner"
BLUEPRINTS = ROOT / "blueprints" / "automation" / "ring_partner"
README = ROOT / "README.md"
ACTIONS, ARCHITECTURE, EVENTS, SECURITY, TROUBLESHOOTING = (
    ROOT / "docs" / f"{name}.md"
    for name in ("actions", "architecture", "events-and-pictures", "security", "troubleshooting")
)
MANIFEST = json.loads((INTEGRATION / "manifest.json").read_text(encoding="utf-8"))
ENGLISH = json.loads((INTEGRATION / "translations" / "en.json").read_text(encoding="utf-8"))
MY = "https://my.home-assistant.io/"
# Where links may lead to outside; `scripts/check_links` asks for each once a week.
OUTSIDE = ROOT / ".github" / "outside_links.txt"


# --- Links -----------------------------------------------------------------------------------------------------------


def broken(path: Path, text: str) -> Iterator[str]:
    """Links that lead to no file, to no heading in it, or outside without having been decided upon."""
    outside = read(OUTSIDE).splitlines()
    for link in links(text):
        if link in outside or link.startswith(f"{MY}redirect/"):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists() or (anchor and anchor not in anchors(text if target == path else read(target))):
            yield link


@pytest.mark.parametrize("path", DOCS, ids=NAMES)
def test_every_link_leads_somewhere(path: Path) -> None:
    assert list(broken(path, read(path))) == []


@pytest.mark.parametrize(
    "text",
    [
        "[a](nowhere.md)",
        "![a](docs/images/nothing.png)",
        "[a](#nowhere)",
        "[a](CONTRIBUTING.md#nowhere)",
        "[a][nowhere]",
        "[a](http://example.com)",
        "[a](https://example.com)",
        "[a][b]\n\n[b]: https://example.com\n",
    ],
)
def test_a_broken_link_is_seen(text: str) -> None:
    assert len(list(broken(README, text))) == 1


def test_every_address_outside_that_is_looked_at_is_one_that_a_document_names() -> None:
    named = {link for path in DOCS for link in links(read(path)) if link.startswith("https://")}
    assert read(OUTSIDE).splitlines() == sorted(link for link in named if not link.startswith(f"{MY}redirect/"))


def test_every_picture_is_shown_and_says_what_it_shows() -> None:
    pictures = [(path, *found) for path in DOCS for found in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", read(path))]
    assert all(alternative for _, alternative, _ in pictures)
    shown = {(path.parent / link).resolve() for path, _, link in pictures if not link.startswith("https://")}
    assert set((ROOT / "docs" / "images").glob("*.png")) <= shown


def my_links() -> Iterator[tuple[str, dict[str, str]]]:
    for link in links(read(README)):
        parts = urlsplit(link)
        if link.startswith(f"{MY}redirect/"):
            yield parts.path.split("/")[2], {key: value for key, [value] in parse_qs(parts.query).items()}


def test_the_buttons_are_of_this_repository() -> None:
    _, owner, repository = urlsplit(MANIFEST["documentation"]).path.split("/")
    found = list(my_links())
    assert ("hacs_repository", {"owner": owner, "repository": repository, "category": "integration"}) in found
    assert ("config_flow_start", {"domain": MANIFEST["domain"]}) in found
    addresses = {query["blueprint_url"] for name, query in found if name == "blueprint_import"}
    files = {path.relative_to(ROOT) for path in BLUEPRINTS.glob("*.yaml")}
    assert addresses == {f"{MANIFEST['documentation']}/blob/main/{path}" for path in files}
    assert len(found) == len(files) + 2


# --- Tests and files -------------------------------------------------------------------------------------------------


@cache
def names_in(file: str) -> frozenset[str]:
    """The tests of a file as pytest names them."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    alone = (f"::{node.name}" for node in tree.body if isinstance(node, functions))
    inside = (f"::{each.name}::{node.name}" for each in classes for node in each.body if isinstance(node, functions))
    return frozenset([*alone, *inside])


def unknown_tests(text: str) -> Iterator[str]:
    for file, name in re.findall(r"`(tests/[\w/]+\.py)((?:::\w+)*)`", text):
        if not (ROOT / file).is_file() or (name and name not in names_in(file)):
            yield file + name


@pytest.mark.parametrize("path", DOCS, ids=NAMES)
def test_every_test_that_is_named_exists(path: Path) -> None:
    assert list(unknown_tests(read(path))) == []


@pytest.mark.parametrize("name", ["test_docs.py::test_nothing", "test_nothing.py", "test_docs.py::TestNo::test_x"])
def test_a_test_that_does_not_exist_is_seen(name: str) -> None:
    assert list(unknown_tests(f"see `tests/{name}`")) == [f"tests/{name}"]


def test_every_threat_has_a_test() -> None:
    _, _, threats = read(SECURITY).partition("## Threat by threat")
    threats, _, _ = threats.partition("\n## ")
    sections = dict(re.findall(r"(?ms)^### ([^\n]+)\n(.*?)(?=^### |\Z)", threats))
    assert len(sections) >= 8
    assert [name for name, text in sections.items() if not re.search(r"`tests/\S+::test_", text)] == []


def test_the_architecture_names_every_file_once_and_no_other() -> None:
    rows = [row for rows in tables(read(ARCHITECTURE)) if rows[0] == ["file", "does"] for row in rows[2:]]
    named = Counter(name for row in rows for name in re.findall(r"`([\w.]+\.py)`", row[0]))
    there = Counter(path.name for path in [*INTEGRATION.glob("*.py"), *INTEGRATION.glob("api/*.py")])
    assert (there - named, named - there) == (Counter(), Counter())
    [diagram] = re.findall(r"(?s)```mermaid\n(.*?)```", read(ARCHITECTURE))
    assert set(re.findall(r"\b(\w+\.py)\b", diagram)) <= there.keys()


@pytest.mark.parametrize("path", DOCS, ids=NAMES)
def test_every_file_of_the_project_that_is_named_exists(path: Path) -> None:
    rooms = "api|bench|blueprints|custom_components|demo|docs|ring_cloud|scripts|tests"
    named = re.findall(rf"`((?:{rooms})/[\w./@-]*)`", read(path))
    places = ROOT, INTEGRATION, path.parent, ROOT / "tests"
    assert [name for name in named if not any((place / name).exists() for place in places)] == []


def test_every_file_that_is_stored_is_listed() -> None:
    sources = "\n".join(read(path) for path in sorted(INTEGRATION.rglob("*.py")))
    stored = set(re.findall(r'"\{DOMAIN\}\.\{[^"]+\}\.(\w+)"', sources))
    assert "token" in stored
    assert set(re.findall(r"`\.storage/ring_partner\.….(\w+)`", read(SECURITY))) == stored
    assert len(re.findall(r"(?:return |= )(?:Tolerant)?Store\(", sources)) == len(stored - {"token"})


def test_only_three_addresses_are_reachable_without_login() -> None:
    sources = "\n".join(read(path) for path in sorted(INTEGRATION.rglob("*.py")))
    assert "requires_auth" not in sources
    assert "register_static" not in sources
    addresses = table(SECURITY, "address", "takes")
    shown = ENGLISH["config"]["step"]["portal"]["description"]
    assert len(addresses) == len(Endpoint)
    assert all(f"**{name}**" in shown for name, *_ in addresses)


# --- What the integration has ----------------------------------------------------------------------------------------


def strings_of(platform: str) -> dict[str, dict[str, str]]:
    strings: dict[str, dict[str, str]] = json.loads(
        (Path(components.__file__).parent / platform / "strings.json").read_text(encoding="utf-8")
    )["entity_component"]
    return strings


def name_of(platform: str, description: EntityDescription) -> str:
    """An entity's name in the frontend: ours, or that of its device class."""
    if description.translation_key is not None:
        name: str = ENGLISH["entity"][platform][description.translation_key]["name"]
        return name
    return strings_of(platform)[str(description.device_class)]["name"]


DESCRIPTIONS = [
    *product(["sensor"], [*SENSORS, *ACTIVITY_SENSORS, LAST_RING, *COMPONENT_SENSORS, *ACCOUNT_SENSORS]),
    *product(["binary_sensor"], [*BINARY_SENSORS, MOTION_SENSOR, OCCUPANCY]),
    *product(["event"], [DOORBELL, MOTION_EVENT]),
    ("image", LAST_EVENT),
]
# What has the name of its device, and what is named by Ring.
OTHERS = {"camera", "a button for each sound that Ring lets your app play"}


def listed(rows: Iterable[Row], column: int) -> set[str]:
    """The names in a column, without what is added in parentheses."""
    cells = (re.sub(r" \([^)]*\)", "", row[column]) for row in rows)
    return {name for cell in cells for name in cell.split(", ") if name}


def named(enabled: bool) -> set[str]:
    return {name_of(*each) for each in DESCRIPTIONS if each[1].entity_registry_enabled_default is enabled}


def test_the_table_of_entities_is_complete() -> None:
    rows = table(README, "device", "entities")
    assert listed(rows, 1) - OTHERS == named(True)
    assert listed(rows, 2) == named(False)


def test_actions_have_the_fields_that_are_described() -> None:
    actions = yaml.safe_load(read(INTEGRATION / "services.yaml"))
    for action, about in actions.items():
        section = read(ACTIONS).partition(f"\n## {action}\n")[2].partition("\n## ")[0]
        assert f"`ring_partner.{action}`" in section
        [rows] = tables(section)
        assert {row[0].strip("`") for row in rows[2:]} == about["fields"].keys()
        needed = {row[0].strip("`") for row in rows[2:] if row[1] == "yes"}
        assert needed == {name for name, field in about["fields"].items() if field.get("required")}
    assert {row[0] for row in table(README, "action", "does")} == {f"`ring_partner.{action}`" for action in actions}


def test_what_actions_answer_with_is_what_they_answer_with() -> None:
    found = (node for node in ast.walk(ast.parse(read(INTEGRATION / "services.py"))) if isinstance(node, ast.Dict))
    keys = {key.value for node in found for key in node.keys if isinstance(key, ast.Constant)}
    answers = " ".join(re.findall(r"(?s)^Answers with (.*?)\n\n", read(ACTIONS), re.MULTILINE))
    said = re.findall(r"`(\w+)`", answers)
    assert len(said) > 10
    assert [name for name in said if name not in keys] == []


def test_blueprints_are_those_that_exist() -> None:
    rows = table(README, "blueprint", "does")
    assert {row[0].strip("`") for row in rows} == {path.stem for path in BLUEPRINTS.glob("*.yaml")}
    # The name in the first column is the blueprint behind the link in the last.
    assert [row for row in rows if row[2] != f"[import][{row[0].strip('`')}]"] == []


def test_options_have_the_limits_that_are_described() -> None:
    texts = ENGLISH["options"]["step"]["init"]["data"]
    rows = {name: (default, span) for name, default, span, _ in table(README, "option", "default")}
    assert rows.keys() == set(texts.values())
    limits = {
        const.OPTION_POLLING_INTERVAL: (
            f"{const.DEFAULT_POLLING_SECONDS} s",
            f"{const.MIN_POLLING_SECONDS}–{const.MAX_POLLING_SECONDS}",
        ),
        const.OPTION_MOTION_HOLD: (
            f"{const.DEFAULT_MOTION_HOLD_SECONDS} s",
            f"{const.MIN_MOTION_HOLD_SECONDS}–{const.MAX_MOTION_HOLD_SECONDS}",
        ),
        const.OPTION_CACHE_MEGABYTES: (
            f"{const.DEFAULT_CACHE_MEGABYTES} MB",
            f"{const.MIN_CACHE_MEGABYTES}–{const.MAX_CACHE_MEGABYTES}",
        ),
        const.OPTION_CACHE_DAYS: (f"{const.DEFAULT_CACHE_DAYS} d", f"1–{const.MAX_CACHE_DAYS}"),
        const.OPTION_DOORBELLS: ("", ""),
    }
    assert rows == {texts[option]: limit for option, limit in limits.items()}


def test_events_carry_what_is_described() -> None:
    rows = table(EVENTS, "entity", "event types")
    types = {name: set(re.findall(r"`(\w+)`", cell)) for name, cell in rows}
    descriptions = {name_of("event", each): set(each.event_types or ()) for each in (DOORBELL, MOTION_EVENT)}
    assert types == descriptions
    attributes = {row[0].strip("`") for row in table(EVENTS, "attribute", "is")}
    known = re.findall(r'^ +"(\w+)": ', read(INTEGRATION / "event.py"), re.MULTILINE)
    assert attributes == {"event_type", *known}
    states = {row[0] for row in table(EVENTS, "state", "meaning")}
    assert states == set(ENGLISH["entity"]["sensor"]["delivery"]["state"].values())


def test_every_repair_is_explained() -> None:
    titles = {re.sub(r"\{\w+\}", "…", issue["title"]) for issue in ENGLISH["issues"].values()}
    explained = {row[0].strip("*") for row in table(TROUBLESHOOTING, "repair", "what to do")}
    assert explained == titles


def texts(tree: object) -> Iterator[str]:
    match tree:
        case dict():
            for value in tree.values():
                yield from texts(value)
        case _:
            yield re.sub(r"\{\w+\}", "…", str(tree))


def test_every_message_is_one_that_is_shown() -> None:
    tables_of_messages = [rows for rows in tables(read(TROUBLESHOOTING)) if rows[0][0] == "message"]
    messages = [row[0].removeprefix("**").removesuffix("**") for rows in tables_of_messages for row in rows[2:]]
    shown = set(texts(ENGLISH))
    assert len(messages) > 15

    def is_shown(message: str) -> bool:
        # The first sentence is enough to find it by.
        end = message.rstrip(".")
        return any(text == message or text.startswith(f"{end}.") for text in shown)

    assert [message for message in messages if not is_shown(message)] == []


def test_entities_named_in_the_text_exist() -> None:
    known = named(True) | named(False) | set(texts(ENGLISH))
    for path in (README, EVENTS):
        bold = re.findall(r"\*\*(?:Event|Last|Person|Motion)[^*]*\*\*", without_code(read(path)))
        assert [name for name in bold if name.strip("*") not in known] == []


def test_what_becomes_of_the_entities_of_cores_ring_is_what_both_call_them() -> None:
    texts = json.loads((Path(components.__file__).parent / "ring" / "strings.json").read_text(encoding="utf-8"))

    def ends(entities: dict[str, dict[str, dict[str, str]]], domain: str) -> set[str]:
        # A main entity has the name of its device, and some have that of their device class.
        ours = {slugify(text["name"]) for text in entities.get(domain, {}).values() if "name" in text}
        return {f"{domain}.front_door{end}" for end in ("", "_motion", *(f"_{name}" for name in ours))}

    rows = table(README, 'of a device "Front Door"', "core's `ring`")
    assert len(rows) >= 5
    for _, old, new in rows:
        for cell, entities in ((old, texts["entity"]), (new, ENGLISH["entity"])):
            [entity_id] = re.findall(r"`([\w.]+)`", cell)
            assert entity_id in ends(entities, entity_id.partition(".")[0])


# --- What has to be said ---------------------------------------------------------------------------------------------

REQUIRED: list[tuple[str, Callable[[str], bool]]] = [
    ("whose it is not", lambda text: "Not affiliated with or endorsed by Ring or Amazon" in text),
    ("that nobody has called Ring", lambda text: "Nobody here has been able to call Ring yet" in text),
    (
        "the limits",
        lambda text: all(word in text for word in ("United States", "Ring plan", "identity check", "siren")),
    ),
    ("how to remove it", lambda text: "## Remove it" in text),
    ("what of core's own", lambda text: "## Beside core's `ring`" in text),
]


@pytest.mark.parametrize(("what", "is_said"), REQUIRED, ids=[what for what, _ in REQUIRED])
def test_the_readme_says(what: str, is_said: Callable[[str], bool]) -> None:
    assert is_said(read(README))


def test_the_readme_is_for_a_hobbyist_first() -> None:
    before, after = read(README).split("## For developers")
    assert len(after.splitlines()) < len(before.splitlines()) / 3
    assert not re.search(r"`scripts/|pytest|\bmypy\b", before)
