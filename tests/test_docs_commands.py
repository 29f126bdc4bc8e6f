"""What the documents tell a developer to type exists, and knows the options it is given."""

import importlib.util
from pathlib import Path
import re
import shlex

import pytest

from .markdown import DOCS, NAMES, commands, read, shell_lines

ROOT = Path(__file__).parents[1]
# Its indented blocks are Python and JSON, except for the line that starts it.
NO_SHELL = {ROOT / "ring_cloud" / "README.md"}


def missing_program(command: str) -> str | None:
    """What a command line would start, if there is no such thing; what is no command of ours starts nothing."""
    match command.split():
        case [first, *_] if re.fullmatch(r"(\.ci|scripts)/\w+", first):
            path = ROOT / first
            return None if path.is_file() and path.stat().st_mode & 0o111 else first
        case [first, *rest] if re.fullmatch(r"(\S*/)?python3?", first):
            return missing_module(rest)
        case _:
            return None


def missing_module(arguments: list[str]) -> str | None:
    match arguments:
        case ["-m", "bench.NAME", *_]:
            return None
        case ["-m", module, *_]:
            found = importlib.util.find_spec(module)
            is_program = found is not None and (
                found.submodule_search_locations is None or importlib.util.find_spec(f"{module}.__main__")
            )
            return None if is_program else module
        case [script, *_] if not (ROOT / script).is_file():
            return script
    return None


def unknown_program(line: str) -> str | None:
    """The first word of a line that somebody is told to type, if nothing has this name."""
    first, *_ = line.split()
    is_ours = re.fullmatch(r"(\.ci|scripts)/\w+|(\S*/)?python3?", first)
    return missing_program(line) if is_ours else first


@pytest.mark.parametrize("path", DOCS, ids=NAMES)
def test_every_command_exists(path: Path) -> None:
    assert [missing for line in commands(read(path)) if (missing := missing_program(line))] == []


@pytest.mark.parametrize("path", [path for path in DOCS if path not in NO_SHELL], ids=str)
def test_every_line_to_type_starts_something_that_is_there(path: Path) -> None:
    assert [unknown for line in shell_lines(read(path)) if (unknown := unknown_program(line))] == []


@pytest.mark.parametrize(
    "text",
    [
        "    no-such-program --fix",
        "    script/test     # misspelt",
        "```bash\n# first\nmake it\n```",
        "```console\nscripts/nothing\n```",
        "    python3 -m nothing",
    ],
)
def test_a_line_that_would_start_nothing_is_seen(text: str) -> None:
    [line] = shell_lines(text)
    assert unknown_program(line)


@pytest.mark.parametrize(
    "text",
    [
        "    scripts/nothing     # does nothing",
        "    .venv/bin/python -m bench.nothing --views 2",
        "```bash\npython3 scripts/nothing.py\n```",
        "see `scripts/nothing --fix`",
        "`python -m docs`",
        "    scripts/lib\n",
    ],
)
def test_a_missing_command_is_seen(text: str) -> None:
    assert [line for line in commands(text) if missing_program(line)] != []


def sources_of(command: str) -> list[Path]:
    """The files in which a command's options are looked up: a script's own, and those of the modules it starts."""
    first, *rest = command.split()
    is_script = first.startswith("scripts/")
    started = read(ROOT / first) if is_script else " ".join(rest[:2])
    modules = [name.replace(".", "/") for name in re.findall(r"-m ([a-z]\w+(?:\.\w+)*)", started)]
    files = [ROOT / first] if is_script else [ROOT / rest[0]] if rest and (ROOT / rest[0]).is_file() else []
    files += [path for name in modules for path in (ROOT / f"{name}.py", *sorted((ROOT / name).glob("*.py")))]
    # Ours beside pytest's own.
    files += [ROOT / "tests" / "browser" / "conftest.py"] if "pytest" in modules else []
    return [path for path in files if path.is_file()]


def unknown_options(command: str) -> list[str]:
    """Long options that a command of ours does not know."""
    if not re.match(r"scripts/\w+( |$)|(\S*/)?python3? ", command):
        return []
    known = "\n".join(map(read, sources_of(command)))
    options = [word.partition("=")[0] for word in shlex.split(command, comments=True) if word.startswith("--")]
    return [option for option in options if not re.search(rf"{option}(?![\w-])", known)]


@pytest.mark.parametrize("path", DOCS, ids=NAMES)
def test_options_of_our_programs_are_known_to_them(path: Path) -> None:
    assert [option for line in commands(read(path)) for option in unknown_options(line)] == []


@pytest.mark.parametrize(
    ("command", "unknown"),
    [
        ("scripts/lint --fix", []),
        ("scripts/lint --fixed", ["--fixed"]),
        ("scripts/soak --days 30 --nights 2", ["--nights"]),
        ("scripts/bench --quick --output x.md", []),
        ("scripts/test tests/browser --docs-images --docs", ["--docs"]),
        (".venv/bin/python -m bench.live --cycles 9 --views=2", ["--views"]),
        ("python -m ring_cloud --port 1 --ports 1", ["--ports"]),
    ],
)
def test_an_option_that_nobody_knows_is_seen(command: str, unknown: list[str]) -> None:
    assert unknown_options(command) == unknown
