"""What the project promises outside its code: artwork, metadata, texts, and that nothing private is in it."""

import ast
from collections.abc import Iterator
from itertools import pairwise
import json
import math
from pathlib import Path
import re
import subprocess
import tomllib

from PIL import Image
import pytest

from homeassistant.components.brands.const import ALLOWED_IMAGES
from homeassistant.const import Platform

ROOT = Path(__file__).parents[1]
INTEGRATION = ROOT / "custom_components" / "ring_partner"
BRAND = INTEGRATION / "brand"
IMAGES = sorted(ALLOWED_IMAGES)

type Json = dict[str, Json] | list[Json] | str | float | bool | None


def load(path: Path) -> dict[str, Json]:
    def unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        assert len(dict(pairs)) == len(pairs), f"{path.name} has a key twice: {[key for key, _ in pairs]}"
        return dict(pairs)

    return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=unique)


def version() -> str:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


# --- Artwork ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["icon", "dark_icon"])
@pytest.mark.parametrize(("suffix", "size"), [("", 256), ("@2x", 512)])
def test_icons_are_square_and_of_the_size_home_assistant_asks_for(name: str, suffix: str, size: int) -> None:
    with Image.open(BRAND / f"{name}{suffix}.png") as image:
        assert image.size == (size, size)


@pytest.mark.parametrize("name", ["logo", "dark_logo"])
@pytest.mark.parametrize(("suffix", "shortest", "longest"), [("", 128, 256), ("@2x", 256, 512)])
def test_logos_are_landscape(name: str, suffix: str, shortest: int, longest: int) -> None:
    with Image.open(BRAND / f"{name}{suffix}.png") as image:
        assert image.width > image.height
        assert shortest <= image.height <= longest


@pytest.mark.parametrize("name", ["icon", "dark_icon", "logo", "dark_logo"])
def test_the_large_image_is_twice_the_small_one(name: str) -> None:
    with Image.open(BRAND / f"{name}.png") as small, Image.open(BRAND / f"{name}@2x.png") as large:
        assert large.size == (2 * small.width, 2 * small.height)


@pytest.mark.parametrize("name", IMAGES)
def test_artwork_is_trimmed_on_a_transparent_ground(name: str) -> None:
    with Image.open(BRAND / name) as image:
        assert (image.format, image.mode) == ("PNG", "RGBA")
        alpha = image.getchannel("A")
    assert alpha.getextrema() == (0, 255)
    left, top, right, bottom = alpha.getbbox() or (0, 0, 0, 0)
    # A square icon of something narrow keeps an edge on two sides; a logo on none.
    assert right - left == alpha.width or bottom - top == alpha.height
    assert "icon" in name or (right - left, bottom - top) == alpha.size


def test_home_assistant_finds_every_image_it_may_ask_for() -> None:
    assert {path.name for path in BRAND.iterdir()} == ALLOWED_IMAGES


# --- Metadata --------------------------------------------------------------------------------------------------------


def test_the_manifest_is_complete_and_in_the_order_hassfest_wants() -> None:
    manifest = load(INTEGRATION / "manifest.json")
    assert list(manifest) == sorted(manifest, key=lambda key: {"domain": "", "name": " "}.get(key, key))
    assert manifest["domain"] == INTEGRATION.name
    assert manifest["name"] == load(ROOT / "hacs.json")["name"]
    assert manifest["version"] == version()
    assert manifest["config_flow"] is True
    assert (manifest["integration_type"], manifest["iot_class"]) == ("hub", "cloud_push")
    assert str(manifest["issue_tracker"]) == f"{manifest['documentation']}/issues"
    assert manifest["codeowners"]


def test_hacs_gets_a_release_and_the_oldest_home_assistant_that_works() -> None:
    hacs = load(ROOT / "hacs.json")
    assert set(hacs) <= {
        "content_in_root", "country", "filename", "hacs", "hide_default_branch", "homeassistant", "name",
        "persistent_directory", "zip_release",
    }  # fmt: skip
    assert (hacs["zip_release"], hacs["filename"]) == (True, f"{INTEGRATION.name}.zip")
    assert hacs["homeassistant"] == "2026.10.0"


def test_what_is_published_says_whose_it_is() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert f"[{version()}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert "not affiliated with or endorsed by" in " ".join(contributing.split())


@pytest.mark.parametrize("key", ["documentation", "codeowners"])
def test_what_the_publisher_sets_stands_in_one_place(key: str) -> None:
    value = load(INTEGRATION / "manifest.json")[key]
    for part in value if isinstance(value, list) else [value]:
        places = [path.name for path in project_files() if str(part) in text_of(path)]
        assert places == ["manifest.json"]


# --- Texts -----------------------------------------------------------------------------------------------------------


def sources() -> dict[str, ast.Module]:
    paths = sorted(INTEGRATION.rglob("*.py"))
    return {str(path.relative_to(INTEGRATION)): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def literals(trees: dict[str, ast.Module]) -> set[str]:
    nodes = (node for tree in trees.values() for node in ast.walk(tree))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def translation_keys(trees: dict[str, ast.Module]) -> Iterator[tuple[str, str]]:
    """Each translation key the code names, with the part of the translations it belongs to."""
    for file, tree in trees.items():
        platform = file.removesuffix(".py")
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=func, keywords=keywords):
                    keys = [
                        k.value.value
                        for k in keywords
                        if k.arg == "translation_key" and isinstance(k.value, ast.Constant)
                    ]
                    yield from ((section_of(func, platform), str(key)) for key in keys)
                case ast.Assign(targets=[target], value=ast.Constant(value=str(key))):
                    if "_attr_translation_key" in ast.unparse(target):
                        yield f"entity.{platform}", key


def section_of(func: ast.expr, platform: str) -> str:
    """Which part of the translations a call means: a repair, an entity, or else an exception."""
    name = ast.unparse(func).rpartition(".")[2]
    if name.endswith("create_issue"):
        return "issues"
    if name == "SelectSelectorConfig":
        return "selector"
    if name == "DeviceInfo" or name.startswith("async_get_or_create"):
        return "device"
    if name.endswith("Description") or (
        platform in set(Platform) and not name.endswith(("Error", "Failed", "NotReady"))
    ):
        return f"entity.{platform}"
    return "exceptions"


def section(texts: dict[str, Json], path: str) -> dict[str, Json]:
    for part in path.split("."):
        found = texts.get(part, {})
        assert isinstance(found, dict)
        texts = found
    return texts


def untranslated(trees: dict[str, ast.Module], texts: dict[str, Json]) -> list[str]:
    return [f"{path}.{key}" for path, key in translation_keys(trees) if key not in section(texts, path)]


def entity_keys(texts: dict[str, Json]) -> list[tuple[str, str]]:
    return [(platform, key) for platform in section(texts, "entity") for key in section(texts, f"entity.{platform}")]


def composed_keys(trees: dict[str, ast.Module]) -> Iterator[str]:
    """Patterns of the translation keys that are put together, with the constants in them put in."""
    nodes = [node for tree in trees.values() for node in ast.walk(tree)]
    constants = {ast.unparse(n.target): n.value for n in nodes if isinstance(n, ast.AnnAssign)}
    for node in nodes:
        if isinstance(node, ast.keyword) and node.arg == "translation_key" and isinstance(node.value, ast.JoinedStr):
            pieces = [piece.value if isinstance(piece, ast.FormattedValue) else piece for piece in node.value.values]
            known = [constants.get(ast.unparse(piece), piece) for piece in pieces]
            yield "".join(re.escape(str(each.value)) if isinstance(each, ast.Constant) else r"\w+" for each in known)


def unused(trees: dict[str, ast.Module], texts: dict[str, Json]) -> list[str]:
    """Texts whose key stands nowhere in the code. Literals are enough: some keys come out of tables."""
    named = literals(trees)
    composed = re.compile("|".join(composed_keys(trees)) or r"(?!)")
    keys = [key for part in ("exceptions", "issues", "device") for key in section(texts, part)]
    keys += [key for _, key in entity_keys(texts)]
    return [key for key in keys if key not in named and not composed.fullmatch(key)]


def test_every_text_the_code_asks_for_exists() -> None:
    trees = sources()
    assert any(path == "exceptions" for path, _ in translation_keys(trees))
    assert not untranslated(trees, load(INTEGRATION / "translations" / "en.json"))


def test_every_text_that_exists_is_asked_for() -> None:
    texts = load(INTEGRATION / "translations" / "en.json")
    assert section(texts, "exceptions")
    assert not unused(sources(), texts)


# What a step of a flow names, and in which part of the texts it must be found.
FLOW_TEXTS = {"reason": "abort", "step_id": "step", "progress_action": "progress"}


def parts(texts: Json, name: str) -> Iterator[str]:
    """The keys of every part of that name, however deep: `abort` is one of config, options, and of each repair."""
    for key, value in texts.items() if isinstance(texts, dict) else ():
        if key == name and isinstance(value, dict):
            yield from value
        yield from parts(value, name)


def silent_steps(trees: dict[str, ast.Module], texts: dict[str, Json]) -> list[str]:
    calls = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [
        f"{FLOW_TEXTS[keyword.arg]}.{keyword.value.value}"
        for call in calls
        for keyword in call.keywords
        if keyword.arg in FLOW_TEXTS and isinstance(keyword.value, ast.Constant)
        if ast.unparse(call.func).rpartition(".")[2].startswith("async_")
        if keyword.value.value not in parts(texts, FLOW_TEXTS[keyword.arg])
    ]


def test_every_step_and_every_end_of_a_flow_has_a_text() -> None:
    assert not silent_steps(sources(), load(INTEGRATION / "translations" / "en.json"))


def test_a_step_without_a_text_is_seen() -> None:
    trees = {"config_flow.py": ast.parse('self.async_abort(reason="gone")\nself.async_show_form(step_id="user")')}
    assert silent_steps(trees, {"config": {"step": {"user": {}}, "abort": {}}}) == ["abort.gone"]


def test_a_missing_or_forgotten_text_is_seen() -> None:
    code = 'raise ServiceError(translation_key="no_such")\nasync_create_issue(hass, translation_key="lost")\n'
    code += 'SensorEntityDescription(key="x", translation_key="air")\nSCOPE: Final = "scope"\n'
    code += 'async_create_issue(hass, translation_key=f"{SCOPE}_{group}")'
    trees = {"sensor.py": ast.parse(code)}
    assert untranslated(trees, {"exceptions": {}}) == ["exceptions.no_such", "issues.lost", "entity.sensor.air"]
    texts = {"exceptions": {"lost": {}, "old": {}}, "issues": {"scope_x": {}}, "entity": {"sensor": {"dust": {}}}}
    assert unused(trees, texts) == ["old", "dust"]


def test_every_icon_belongs_to_a_text() -> None:
    icons, texts = load(INTEGRATION / "icons.json"), load(INTEGRATION / "translations" / "en.json")
    keys = entity_keys(icons)
    assert keys
    assert [key for key in keys if key not in entity_keys(texts)] == []
    assert set(section(icons, "services")) <= set(section(texts, "services"))


def test_no_text_borrows_from_home_assistants_own_sources() -> None:
    """Only core's build replaces `[%key:…%]`; a custom integration would show it as it stands."""
    assert "[%key:" not in (INTEGRATION / "translations" / "en.json").read_text(encoding="utf-8")


# --- Nothing private -------------------------------------------------------------------------------------------------

# Assembled, so that this file does not hold what it forbids.
FORBIDDEN = re.compile(
    "|".join(
        [
            r"\b" + r"py" + r"pi\.",
            "python" + r"hosted\.org",
            r"npm" + r"js\.(?:org|com)",
            # Home Assistant has registries, too, of which code names attributes.
            "registry" + r"\.[a-z]+\.(?:com|dev|io|net|org)\b",
            "proxy" + r"\.golang\.org",
            r"(?<![\w.$}/-])/(?:work|tmp|root|home/\w+|Users/\w+)(?=/|\b)",
        ]
    )
)
TOKENS = [
    re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}"),
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    re.compile(r"\bamzn1\.[\w.-]{20,}"),
]
# Long enough for a key, and without the separators that words in a row have.
RUN = re.compile(r"(?<![\w+/=-])[\w+/-]{28,}={0,2}")
# Ring's published test vectors for the linking nonce and the webhook signature.
PUBLISHED = {"PAqRHvuV2nlG5pDb3qaxAtlf47eTUzM7WsczF9i_M-0"}


def project_files() -> list[Path]:
    """What is or would be committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in sorted({*listed.split("\0")} - {""})]
    return [path for path in paths if path.is_file()]


def text_of(path: Path) -> str:
    """The file's text; binary files have none worth reading here."""
    content = path.read_bytes()
    return "" if b"\0" in content[:1024] else content.decode("utf-8")


def looks_random(run: str) -> bool:
    """Whether this is drawn rather than written: all kinds of characters, in no order. Hex digests do not count."""
    kinds = [any(map(kind, run)) for kind in (str.islower, str.isupper, str.isdigit)]
    entropy = -sum(run.count(char) / len(run) * math.log2(run.count(char) / len(run)) for char in set(run))
    switches = sum(a.isdigit() != b.isdigit() or a.isupper() != b.isupper() for a, b in pairwise(run))
    return all(kinds) and entropy > 4 and switches > 0.4 * len(run)


def secrets_in(text: str) -> list[str]:
    found = [match.group() for pattern in TOKENS for match in pattern.finditer(text)]
    return found + [run for run in RUN.findall(text) if run not in PUBLISHED and looks_random(run)]


def test_no_file_names_a_registry_or_a_path_of_somebodys_machine() -> None:
    files = project_files()
    assert Path(__file__) in files
    found = [(path.relative_to(ROOT), match.group()) for path in files for match in FORBIDDEN.finditer(text_of(path))]
    assert found == []


def test_no_file_holds_what_could_be_a_secret() -> None:
    found = [(path.relative_to(ROOT), secret) for path in project_files() for secret in secrets_in(text_of(path))]
    assert found == []


@pytest.mark.parametrize(
    "text", ["/" + "work/main", "open('/" + "tmp/x')", "https://py" + "pi.org/simple", "/" + "home/me/x"]
)
def test_a_forbidden_word_is_seen(text: str) -> None:
    assert FORBIDDEN.search(f"see {text}")


@pytest.mark.parametrize("text", ["$HOME/tmp", "docs/work/plan", "https://example.com/tmp", "./tmp", "framework/main"])
def test_an_ordinary_word_is_left_alone(text: str) -> None:
    assert not FORBIDDEN.search(f"see {text}")


@pytest.mark.parametrize(
    "text",
    [
        "token: " + "Zx8QmT4vLw1R" + "k9sYb6NcH2jDf7PgA5u",
        "ey" + "JhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0In0",
        "AK" + "IAQWERTYUIOPASDFGH",
        "amzn1." + "application-oa2-client.0123456789abcdef",
    ],
)
def test_a_secret_is_seen(text: str) -> None:
    assert secrets_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "fake-access-token-1",
        "custom_components/ring_partner/application_credentials",
        "test_the_token_is_refreshed_300_seconds_before_it_ends",
        "97299977a27127155a06157d515e8f86e5170354771215b0594e90968be7b313",
        "AccountLinkConfirmationNotPossibleError",
        "LocalOAuth2ImplementationWithPkce",
    ],
)
def test_words_are_no_secrets(text: str) -> None:
    assert not secrets_in(text)
