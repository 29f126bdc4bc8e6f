"""What a release is made of: what HACS looks at, the workflows that check and publish, and the archive they build."""

from collections.abc import Iterator
import json
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
import tomllib
from typing import Any
from zipfile import ZipFile

from awesomeversion import AwesomeVersion
import pytest
import voluptuous as vol
import yaml

from custom_components.ring_partner.api import VERSION

from .test_hassfest import load, version

ROOT = Path(__file__).parents[1]
INTEGRATION = ROOT / "custom_components" / "ring_partner"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*"))


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


# --- HACS ------------------------------------------------------------------------------------------------------------

HACS = vol.Schema(
    {
        vol.Required("name"): str,
        vol.Optional("content_in_root"): bool,
        vol.Optional("country"): vol.Any([vol.Match(r"^[A-Z]{2}$")], vol.Match(r"^[A-Z]{2}$")),
        vol.Optional("filename"): str,
        vol.Optional("hacs"): version,
        vol.Optional("hide_default_branch"): bool,
        vol.Optional("homeassistant"): version,
        vol.Optional("persistent_directory"): str,
        vol.Optional("zip_release"): bool,
    }
)


def test_hacs_knows_what_to_install() -> None:
    hacs = HACS(load(ROOT / "hacs.json"))
    assert (hacs["zip_release"], hacs["filename"]) == (True, f"{INTEGRATION.name}.zip")
    assert [path.name for path in (ROOT / "custom_components").iterdir() if path.is_dir()] == [INTEGRATION.name]
    assert (ROOT / "README.md").read_text(encoding="utf-8").startswith("# ")
    assert (ROOT / "LICENSE").is_file()


def test_hacs_refuses_a_home_assistant_older_than_the_tested_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pinned = next(one for one in project["dependency-groups"]["homeassistant"] if one.startswith("homeassistant=="))
    oldest = AwesomeVersion(load(ROOT / "hacs.json")["homeassistant"])
    assert oldest <= AwesomeVersion(pinned.partition("==")[2])
    assert oldest.section(0) == AwesomeVersion(pinned.partition("==")[2]).section(0)


@pytest.mark.parametrize(("name", "size"), [("icon", 256), ("icon@2x", 512), ("logo", 128), ("logo@2x", 256)])
@pytest.mark.parametrize("theme", ["", "dark_"])
def test_home_assistant_and_hacs_find_the_brand_beside_the_code(theme: str, name: str, size: int) -> None:
    header = (INTEGRATION / "brand" / f"{theme}{name}.png").read_bytes()[:29]
    width, height = int.from_bytes(header[16:20]), int.from_bytes(header[20:24])
    assert header.startswith(b"\x89PNG")
    assert min(width, height) == size
    assert (width == height) is ("icon" in name)


# --- Workflows -------------------------------------------------------------------------------------------------------

# Home Assistant publishes hassfest as this and nothing else.
WITHOUT_VERSIONS = {"home-assistant/actions/hassfest@master"}
# The archive of a release needs to be put up and signed; nothing else may write anything.
MAY_WRITE = {("release.yml", "release"): {"contents", "id-token", "attestations"}}


def triggers(workflow: dict[Any, Any]) -> dict[str, Any]:
    """Return what starts a workflow: YAML 1.1 reads `on` as true."""
    return workflow[True]


def jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path in WORKFLOWS:
        for name, job in read(path)["jobs"].items():
            yield path.name, name, job


def steps() -> Iterator[dict[str, Any]]:
    for _, _, job in jobs():
        yield from job.get("steps", [])


def used() -> Iterator[str]:
    """Return the lines that name an action, with what is said behind it."""
    for path in WORKFLOWS:
        yield from re.findall(r"uses: (.+)", path.read_text(encoding="utf-8"))


def has_version(action: str) -> bool:
    """Whether it is a commit with its version behind it, a full version, or ours."""
    commit = r"[\w./-]+@[0-9a-f]{40} # \S+"
    release = r"[\w./-]+@v?\d+\.\d+\.\d+"
    ours = r"\./\.github/workflows/[\w.-]+"
    return action in WITHOUT_VERSIONS or bool(re.fullmatch(rf"{commit}|{release}|{ours}", action))


def test_there_are_workflows_to_test_validate_and_release() -> None:
    assert [path.name for path in WORKFLOWS] == ["release.yml", "test.yml", "validate.yml"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_do_next_to_nothing(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["group"]
    assert isinstance(workflow["concurrency"]["cancel-in-progress"], (bool, str))
    # It runs what strangers send with the rights of the owner.
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & triggers(workflow).keys()


def test_only_the_release_may_write_and_only_what_it_publishes() -> None:
    asked = {(file, name): job["permissions"] for file, name, job in jobs() if "permissions" in job}
    written = {key: {what for what, how in rights.items() if how == "write"} for key, rights in asked.items()}
    assert written == MAY_WRITE


def test_every_job_ends() -> None:
    own = [(file, name, job) for file, name, job in jobs() if "uses" not in job]
    assert len(own) >= 4
    assert [(file, name) for file, name, job in own if not 0 < job.get("timeout-minutes", 0) <= 60] == []
    assert {job["runs-on"] for _, _, job in own} == {"ubuntu-24.04"}


def test_every_action_has_an_exact_version() -> None:
    """Who publishes pins each to a commit (`scripts/pin_actions`), for which one has to reach GitHub."""
    assert len(list(used())) >= 6
    assert [action for action in used() if not has_version(action)] == []


@pytest.mark.parametrize("action", ["actions/checkout@v5", "actions/checkout@main", "a/b@" + "0" * 40, "a/b@latest"])
def test_an_action_without_an_exact_version_is_seen(action: str) -> None:
    assert not has_version(action)


def test_no_release_is_made_with_an_action_that_is_not_pinned_to_a_commit() -> None:
    release = read(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    assert "scripts/pin_actions --check" in [step.get("run") for step in release["pinned"]["steps"]]
    assert "continue-on-error" not in release["pinned"]
    # Nothing else begins before it, and what may write comes last.
    assert {name: job.get("needs") for name, job in release.items()} == {
        "pinned": None,
        "test": "pinned",
        "release": "test",
    }


def test_a_checkout_leaves_no_token_behind() -> None:
    checkouts = [step for step in steps() if str(step.get("uses", "")).startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_no_command_is_put_together_from_what_strangers_write() -> None:
    commands = [step["run"] for step in steps() if "run" in step]
    assert commands
    assert [command for command in commands if "${{" in command] == []


def test_continuous_integration_runs_what_a_developer_runs() -> None:
    assert ".ci/run" in [step.get("run") for step in steps()]
    assert "workflow_call" in triggers(read(ROOT / ".github" / "workflows" / "test.yml"))
    release = read(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    assert release["test"]["uses"] == "./.github/workflows/test.yml"


def test_a_release_waits_for_no_version_that_others_change() -> None:
    """The Python comes from a pinned uv; what Debian testing holds today is looked at once a week, beside it."""
    [test] = read(ROOT / ".github" / "workflows" / "test.yml")["jobs"].values()
    commands = [step.get("run", "") for step in test["steps"]]
    [uv] = [number for number, command in enumerate(commands) if '"uv==' in command]
    assert uv < commands.index(".ci/run")
    setup = (ROOT / "scripts" / "setup").read_text(encoding="utf-8")
    assert re.search(r'(?m)^UV_VERSION="\d+\.\d+\.\d+"$', setup)


def test_what_depends_on_others_is_looked_at_once_a_week_and_holds_nobody_up() -> None:
    validate = read(ROOT / ".github" / "workflows" / "validate.yml")
    assert "schedule" in triggers(validate)
    rare = {name: job["steps"][-1]["run"] for name, job in validate["jobs"].items() if "schedule" in job.get("if", "")}
    assert rare == {
        "bare": ".ci/run",
        "links": "scripts/check_links",
        "next-home-assistant": ".venv/bin/python -m bench.ha_2026_11",
    }
    assert not any("uv" in step.get("run", "") for step in validate["jobs"]["bare"]["steps"])
    assert [job for _, _, job in jobs() if "validate.yml" in str(job.get("uses"))] == []


def test_what_continuous_integration_starts_exists_and_may_be_started() -> None:
    started = {command.split()[0] for step in steps() for command in step.get("run", "").splitlines() if "/" in command}
    scripts = {command for command in started if command.startswith((".ci/", "scripts/"))}
    assert scripts == {".ci/run", "scripts/check_links", "scripts/pin_actions", "scripts/setup"}
    assert [script for script in scripts if not os.access(ROOT / script, os.X_OK)] == []
    assert (ROOT / "scripts" / "build_release.py").is_file()


def test_dependencies_of_both_kinds_are_kept_up_to_date() -> None:
    dependabot = read(ROOT / ".github" / "dependabot.yml")
    assert dependabot["version"] == 2
    assert {update["package-ecosystem"] for update in dependabot["updates"]} == {"github-actions", "pip"}
    assert all(update["schedule"]["interval"] == "weekly" for update in dependabot["updates"])


def test_what_home_assistant_fixes_changes_with_it_only() -> None:
    [pip] = [one for one in read(ROOT / ".github" / "dependabot.yml")["updates"] if one["package-ecosystem"] == "pip"]
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    tools = {one.partition("==")[0] for group in ("lint", "test") for one in groups[group]}
    fixed = {"pytest-homeassistant-custom-component"}
    assert [one["dependency-name"] for one in pip["allow"]] == sorted(tools - fixed)


def test_whoever_reports_something_is_asked_for_what_helps_and_for_no_secret() -> None:
    form = read(ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml")
    asked = {item["id"]: item["attributes"] for item in form["body"] if item["type"] != "markdown"}
    assert {"versions", "happened", "linked", "diagnostics", "log"} == asked.keys()
    assert "Never paste tokens" in form["body"][0]["attributes"]["value"]


# --- The archive -----------------------------------------------------------------------------------------------------


# Stands where the owner of the repository will.
NOBODY = "ring-partner-maintainers"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what a release is built from, by somebody who publishes it."""
    for folder in ("custom_components", "scripts"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for file in ("pyproject.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / file, tmp_path)
    manifest = tmp_path / "custom_components" / "ring_partner" / "manifest.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace(NOBODY, "somebody"), encoding="utf-8")
    changelog = tmp_path / "CHANGELOG.md"
    entry = "## [1.2.3] - 2026-12-01\n\n### Added\n\n- Something.\n\n"
    text = changelog.read_text(encoding="utf-8")
    changelog.write_text(text.replace("## [0.1.0]", f"{entry}## [0.1.0]", 1), encoding="utf-8")
    return tmp_path


def build(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, project / "scripts" / "build_release.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_version_is_the_same_wherever_it_stands() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert load(INTEGRATION / "manifest.json")["version"] == project["project"]["version"] == VERSION


def test_a_release_has_its_version_everywhere(project: Path) -> None:
    done = build(project, "1.2.3")

    assert done.returncode == 0, done.stderr
    with ZipFile(project / "dist" / "ring_partner.zip") as archive:
        assert json.loads(archive.read("manifest.json"))["version"] == "1.2.3"
        assert b'VERSION: Final = "1.2.3"' in archive.read("api/transport.py")
    assert tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"] == "1.2.3"
    assert (project / "dist" / "notes.md").read_text(encoding="utf-8") == "### Added\n\n- Something.\n"


def test_a_release_holds_the_integration_and_nothing_else(project: Path) -> None:
    (project / "custom_components" / "ring_partner" / "__pycache__").mkdir(exist_ok=True)
    (project / "custom_components" / "ring_partner" / "__pycache__" / "x.pyc").touch()
    build(project, "1.2.3")

    with ZipFile(project / "dist" / "ring_partner.zip") as archive:
        assert archive.testzip() is None
        names = archive.namelist()
    here = {path.relative_to(INTEGRATION) for path in INTEGRATION.rglob("*") if path.is_file()}
    assert names == sorted(str(path) for path in here if "__pycache__" not in path.parts)
    assert {"__init__.py", "brand/icon.png", "translations/de.json"} <= {*names}


def test_the_same_files_give_the_same_archive(project: Path) -> None:
    archive = project / "dist" / "ring_partner.zip"
    build(project, "1.2.3")
    first = archive.read_bytes()
    for path in project.rglob("*.py"):
        os.utime(path, (0, 0))
    build(project, "1.2.3")
    assert archive.read_bytes() == first


@pytest.mark.parametrize(
    ("arguments", "says"),
    [((), "usage"), (("v1.2.3",), "usage"), (("1.2",), "usage"), (("9.9.9",), "no entry with a date for 9.9.9")],
)
def test_what_is_no_release_is_refused_and_nothing_is_touched(
    project: Path, arguments: tuple[str, ...], says: str
) -> None:
    done = build(project, *arguments)
    assert (done.returncode, says in done.stderr) == (1, True)
    assert not (project / "dist").exists()
    assert load(project / "custom_components" / "ring_partner" / "manifest.json")["version"] == VERSION


@pytest.mark.parametrize(
    "nobody", [{"codeowners": [f"@{NOBODY}"]}, {"documentation": f"https://github.com/{NOBODY}/ring"}], ids=str
)
def test_nothing_is_released_in_the_name_of_nobody(project: Path, nobody: dict[str, Any]) -> None:
    manifest = project / "custom_components" / "ring_partner" / "manifest.json"
    manifest.write_text(json.dumps(load(manifest) | nobody), encoding="utf-8")
    done = build(project, "1.2.3")
    assert (done.returncode, "whose it is" in done.stderr) == (1, True)
    assert not (project / "dist").exists()


# --- Pinning ---------------------------------------------------------------------------------------------------------


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_actions_are_pinned_to_the_commits_behind_their_tags(project: Path) -> None:
    """GitHub is a folder here, which git is told to go to instead."""
    commits = {}
    for name, tag in (("some/action", "v1.0.0"), ("other/action", "main")):
        folder = project / "github" / name
        folder.mkdir(parents=True)
        git(folder, "init", "--quiet", "--initial-branch=main")
        git(folder, "commit", "--quiet", "--allow-empty", "--message", name)
        commits[name] = git(folder, "rev-parse", "HEAD")
        if tag != "main":
            git(folder, "tag", "--annotate", "--message", tag, tag)
    workflow = project / ".github" / "workflows" / "x.yml"
    workflow.parent.mkdir(parents=True)
    lines = ["- uses: some/action@v1.0.0", "- uses: other/action/part@main", "- uses: ./.github/workflows/y.yml"]
    workflow.write_text("\n".join(lines) + "\n", encoding="utf-8")
    instead = f"url.file://{project}/github/.insteadOf"
    elsewhere = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": instead, "GIT_CONFIG_VALUE_0": "https://github.com/"}

    for _ in range(2):
        subprocess.run(
            [project / "scripts" / "pin_actions"], env=os.environ | elsewhere, check=True, capture_output=True
        )
        assert workflow.read_text(encoding="utf-8").splitlines() == [
            f"- uses: some/action@{commits['some/action']} # v1.0.0",
            f"- uses: other/action/part@{commits['other/action']} # main",
            lines[2],
        ]


@pytest.mark.parametrize(
    ("action", "is_pinned"),
    [
        (f"some/action@{'0' * 40} # v1.0.0", True),
        ("./.github/workflows/y.yml", True),
        ("some/action@v1.0.0", False),
        ("home-assistant/actions/hassfest@master", False),
    ],
)
def test_a_release_begins_by_looking_whether_actions_are_pinned(project: Path, action: str, is_pinned: bool) -> None:
    workflow = project / ".github" / "workflows" / "x.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(f"- uses: a/b@{'1' * 40} # v1.0.0\n- uses: {action}\n", encoding="utf-8")
    done = subprocess.run([project / "scripts" / "pin_actions", "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is is_pinned
    assert is_pinned or f"not pinned to a commit: {action}." in done.stderr
