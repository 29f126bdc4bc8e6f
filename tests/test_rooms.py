"""The rules between the rooms of this house: who may import what, how long things may be, what entities may do."""

import ast
from collections.abc import Callable, Iterator
from itertools import chain
import json
from pathlib import Path
import subprocess
import sys

import pytest

from homeassistant.const import Platform

ROOT = Path(__file__).parents[1]
INTEGRATION = ROOT / "custom_components" / "ring_partner"
API = INTEGRATION / "api"
RING_CLOUD = ROOT / "ring_cloud"
ROOMS = [ROOT / "custom_components", RING_CLOUD, ROOT / "demo", ROOT / "bench"]

API_MAY_IMPORT = sys.stdlib_module_names | {"aiohttp", "yarl", "mashumaro", "orjson"}
RING_CLOUD_MUST_NOT_IMPORT = {"custom_components", "homeassistant"}
FILE_LINES = 600
FUNCTION_LINES = 40
PARSERS = {
    "b64decode", "fromisoformat", "fromtimestamp", "json_loads", "json_loads_object", "literal_eval", "load", "loads",
    "parse_date", "parse_datetime", "parse_duration", "parse_time", "strptime", "utc_from_timestamp",
}  # fmt: skip
HANDED_IN = {
    "__init__", "config_flow", "diagnostics", "entity", "media_source", "options_flow", "repairs", "services",
    "system_health", "views",
}  # fmt: skip
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

type Rule = Callable[[ast.Module], Iterator[str]]


def called(node: ast.AST) -> str:
    """The last name of what a call calls, decorators without parentheses included: `a.b.c()` is `c`."""
    match node:
        case ast.Call(func=func):
            return called(func)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Each imported module with the number of dots before it, wherever in the file the import stands."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((0, alias.name) for alias in names)
            case ast.ImportFrom(module=module, level=level):
                yield level, module or ""
            case ast.Call(args=[ast.Constant(value=str(name)), *_]) if called(node) in {"import_module", "__import__"}:
                yield 0, name


def foreign_imports(allowed: Callable[[str], bool], depth: int) -> Rule:
    """Imports of packages that are not allowed, and relative ones that leave the room, `depth` folders up."""

    def rule(tree: ast.Module) -> Iterator[str]:
        for level, name in imported(tree):
            if level > depth or (level == 0 and not allowed(name.partition(".")[0])):
                yield f"imports {'.' * level}{name}"

    return rule


def long_functions(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{node.name} has {lines} lines"


def lookups(tree: ast.Module) -> Iterator[tuple[str, list[ast.AST]]]:
    """What an entity's state is read through: its properties and its descriptions' `..._fn` functions."""
    getters = [node for node in ast.walk(tree) if isinstance(node, ast.keyword) and (node.arg or "").endswith("_fn")]
    named = {ast.unparse(getter.value) for getter in getters}
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name, decorator_list=decorators, body=body):
                if name in named or {"property", "cached_property"} & {called(each) for each in decorators}:
                    yield name, list(body)
            case ast.keyword(arg=str(name), value=ast.Lambda(body=expression)) if node in getters:
                yield f"{name} in line {node.lineno}", [expression]


def busy_lookups(tree: ast.Module) -> Iterator[str]:
    for name, body in lookups(tree):
        for node in chain.from_iterable(map(ast.walk, body)):
            if isinstance(node, ast.Await):
                yield f"{name} awaits"
            elif isinstance(node, LOOPS):
                yield f"{name} loops"
            elif isinstance(node, ast.Call) and called(node) in PARSERS:
                yield f"{name} parses with {called(node)}"


def task_groups(tree: ast.Module) -> set[str]:
    """Names of task groups, whose tasks cannot outlive them."""
    items = [item for node in ast.walk(tree) if isinstance(node, ast.AsyncWith) for item in node.items]
    return {ast.unparse(i.optional_vars) for i in items if i.optional_vars and called(i.context_expr) == "TaskGroup"}


def task_calls(nodes: Iterator[ast.AST], groups: set[str]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Call) and called(node) in {"create_task", "ensure_future"}:
            text = ast.unparse(node.func)
            if text.partition(".")[0] not in groups:
                yield f"line {node.lineno}: {text}"


def unowned_tasks(tree: ast.Module) -> Iterator[str]:
    """Tasks that no config entry owns: an unload would leave them running."""
    return task_calls(ast.walk(tree), task_groups(tree))


def dropped_tasks(tree: ast.Module) -> Iterator[str]:
    """Tasks that nobody keeps: they may vanish in the middle of their work."""
    statements = (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))
    return task_calls(statements, task_groups(tree))


def domain_data(tree: ast.Module) -> Iterator[str]:
    """State kept under `hass.data[DOMAIN]` rather than in the typed config entry."""
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=ast.Attribute(attr="data") as data, slice=key):
                pass
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="data") as data), args=[key, *_]):
                pass
            case _:
                continue
        if called(data.value) in {"hass", "_hass"} and ast.unparse(key) in {"DOMAIN", "const.DOMAIN", "'ring_partner'"}:
            yield f"line {node.lineno}: {ast.unparse(node)}"


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """What a function itself does, without the functions in it."""
    for node in ast.iter_child_nodes(function):
        yield node
        if not isinstance(node, (*FUNCTIONS, ast.Lambda)):
            yield from own_nodes(node)


def awaited_from(node: ast.AST) -> ast.AST | None:
    """Return what has been evaluated when a function first gives others a turn, if this is such a place."""
    match node:
        case ast.Await():
            return node
        case ast.AsyncFor(iter=expression):
            return expression
        case ast.AsyncWith(items=[*_, ast.withitem(context_expr=expression)]):
            return expression
    return None


def late_reads(tree: ast.Module) -> Iterator[str]:
    """Readings of an entry's `runtime_data` after an `await`: the account may be unloaded by then."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.AsyncFunctionDef):
            continue
        nodes = list(own_nodes(function))
        waits = [found for node in nodes if (found := awaited_from(node)) is not None]
        first = min(((wait.end_lineno, wait.end_col_offset) for wait in waits), default=(sys.maxsize, 0))
        loops = [node for node in nodes if isinstance(node, LOOPS) and any(map(awaited_from, ast.walk(node)))]
        again = {id(node) for loop in loops for node in own_nodes(loop)}
        for node in nodes:
            match node:
                case ast.Attribute(attr="runtime_data", ctx=ast.Load()):
                    if (node.lineno, node.col_offset) > first or id(node) in again:
                        yield f"{function.name} in line {node.lineno}"


def files(room: Path, *suffixes: str) -> list[Path]:
    found = [
        path for suffix in suffixes for path in sorted(room.rglob(f"*{suffix}")) if "__pycache__" not in path.parts
    ]
    assert found, f"nothing found in {room.relative_to(ROOT)}: the rule would check nothing"
    return found


def breaches(rule: Rule, paths: list[Path]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}: {breach}"
        for path in paths
        for breach in rule(ast.parse(path.read_text(encoding="utf-8")))
    ]


def test_the_api_imports_only_what_home_assistant_does_not_own() -> None:
    for path in files(API, ".py"):
        depth = len(path.relative_to(API).parts)
        assert not breaches(foreign_imports(API_MAY_IMPORT.__contains__, depth), [path])


def test_the_api_loads_without_home_assistant() -> None:
    script = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("published", {str(API / "__init__.py")!r})
module = sys.modules["published"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(*sorted({{name.partition(".")[0] for name in sys.modules}}))
"""
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=API)
    assert loaded.returncode == 0, loaded.stderr
    assert "aiohttp" in loaded.stdout.split()
    assert not {"homeassistant", "custom_components"} & set(loaded.stdout.split())


def test_the_ring_cloud_shares_no_code_with_what_it_tests() -> None:
    for path in files(RING_CLOUD, ".py"):
        depth = len(path.relative_to(RING_CLOUD).parts)
        assert not breaches(foreign_imports(lambda name: name not in RING_CLOUD_MUST_NOT_IMPORT, depth), [path])


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_no_file_and_no_function_is_too_long_to_read(room: Path) -> None:
    texts = files(room, ".py", ".js", ".css", ".html")
    lines = {path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines()) for path in texts}
    assert not {path: count for path, count in lines.items() if count > FILE_LINES}
    assert not breaches(long_functions, files(room, ".py"))


def test_entities_read_memory_only() -> None:
    roles = {"entity", *Platform}
    entities = [path for path in files(INTEGRATION, ".py") if path.parent == INTEGRATION and path.stem in roles]
    assert any(list(lookups(ast.parse(path.read_text(encoding="utf-8")))) for path in entities)
    assert not breaches(busy_lookups, entities)


def test_every_task_has_an_owner() -> None:
    outside = [path for path in files(INTEGRATION, ".py") if not path.is_relative_to(API)]
    assert not breaches(unowned_tasks, outside)
    assert not breaches(dropped_tasks, [*files(API, ".py"), *files(RING_CLOUD, ".py")])


def test_state_lives_in_the_config_entry() -> None:
    assert not breaches(domain_data, files(INTEGRATION, ".py"))


def test_runtime_data_is_not_read_after_an_await() -> None:
    assert not breaches(late_reads, files(INTEGRATION, ".py"))


def test_runtime_data_is_read_where_home_assistant_calls() -> None:
    """Everything below is handed what it works with."""
    found = {path.stem for path in files(INTEGRATION, ".py") if ".runtime_data" in path.read_text(encoding="utf-8")}
    # The last two follow.
    assert found <= {*Platform, *HANDED_IN, "history", "push"}


def test_home_assistant_installs_nothing_for_us() -> None:
    manifest = json.loads((INTEGRATION / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["requirements"] == []


LONG = "def f():\n" + "    x = 1\n" * FUNCTION_LINES
BREACHES = {
    "api imports home assistant": (foreign_imports(API_MAY_IMPORT.__contains__, 1), "import homeassistant.core"),
    "in a function": (foreign_imports(API_MAY_IMPORT.__contains__, 1), "def f():\n    from homeassistant import core"),
    "by name": (foreign_imports(API_MAY_IMPORT.__contains__, 1), "import_module('homeassistant.core')"),
    "out of the room": (foreign_imports(API_MAY_IMPORT.__contains__, 1), "from ..const import DOMAIN"),
    "long function": (long_functions, LONG),
    "property awaits": (busy_lookups, "class A:\n  @property\n  def state(self):\n    return (await self.x)"),
    "property loops": (busy_lookups, "class A:\n  @cached_property\n  def state(self):\n    return [x for x in y]"),
    "property parses": (busy_lookups, "class A:\n  @property\n  def state(self):\n    return json.loads(self.x)"),
    "description parses": (busy_lookups, "D(value_fn=lambda device: dt_util.parse_datetime(device.seen))"),
    "description loops": (busy_lookups, "def worst(zones):\n  return max(z.x for z in zones)\nD(value_fn=worst)"),
    "task without an owner": (unowned_tasks, "task = self.hass.loop.create_task(work())"),
    "task nobody keeps": (dropped_tasks, "asyncio.ensure_future(work())"),
    "state by domain": (domain_data, "hass.data[DOMAIN] = 1"),
    "state by default": (domain_data, "self.hass.data.setdefault(DOMAIN, {})"),
    "account after an await": (late_reads, "async def f(entry):\n  await g()\n  return entry.runtime_data"),
    "account in an async with": (late_reads, "async def f(e):\n  async with g():\n    return e.runtime_data.client"),
    "account in a loop": (late_reads, "async def f(e):\n  for x in y:\n    e.runtime_data.client\n    await x"),
}


@pytest.mark.parametrize(("rule", "source"), BREACHES.values(), ids=BREACHES)
def test_a_breach_of_a_rule_is_seen(rule: Rule, source: str) -> None:
    assert list(rule(ast.parse(source)))


ALLOWED = {
    "sibling": (foreign_imports(API_MAY_IMPORT.__contains__, 1), "import aiohttp.web\nfrom .errors import RingError"),
    "short function": (long_functions, LONG.removesuffix("    x = 1\n")),
    "lookup": (busy_lookups, "class A:\n  @property\n  def state(self):\n    return self.device.battery"),
    "method that loops": (busy_lookups, "class A:\n  def update(self):\n    return [x for x in y]"),
    "group": (unowned_tasks, "async def f():\n  async with asyncio.TaskGroup() as group:\n    group.create_task(w())"),
    "kept task": (dropped_tasks, "self._task = asyncio.create_task(work())"),
    "typed key": (domain_data, "hass.data[MEDIA_CACHE] = 1"),
    "account before an await": (late_reads, "async def f(entry):\n  await g(entry.runtime_data)\n  return 1"),
    "account set after an await": (late_reads, "async def f(entry):\n  entry.runtime_data = await g()"),
    "account in a function": (late_reads, "async def f(e):\n  await g()\n  def h(e):\n    return e.runtime_data"),
}


@pytest.mark.parametrize(("rule", "source"), ALLOWED.values(), ids=ALLOWED)
def test_what_the_rules_allow_is_left_alone(rule: Rule, source: str) -> None:
    assert not list(rule(ast.parse(source)))
