"""As much of Markdown as the tests of the documents need."""

from functools import cache
from pathlib import Path
import re

type Row = list[str]

ROOT = Path(__file__).parents[1]
DOCS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "ring_cloud" / "README.md",
    *sorted(ROOT.glob("docs/*.md")),
]
NAMES = [str(path.relative_to(ROOT)) for path in DOCS]


def without_code(text: str) -> str:
    """The text without its code, in which brackets and bold mean something else."""
    return re.sub(r"(?ms)^```.*?^```$|^    (?! ).*?$|`[^`\n]*`", "", text)


def links(text: str) -> list[str]:
    """Where links and images lead, written at once or with a name that is explained further down."""
    text = without_code(text)
    named = dict(re.findall(r"(?m)^\[([^\]]+)\]: (\S+)$", text))
    used = re.findall(r"\]\[([^\]]+)\]", text)
    return [
        *re.findall(r"\]\(([^)\s]+)\)", text),
        *(named.get(name, f"[{name}] is nowhere explained") for name in used),
    ]


def anchors(text: str) -> set[str]:
    """The anchors that GitHub makes of headings."""
    headings = re.findall(r"(?m)^#+ (.+)$", re.sub(r"(?ms)^```.*?^```$", "", text))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(text: str) -> list[str]:
    """The lines of code blocks, without what is said of them."""
    fenced = [line for block in re.findall(r"(?ms)^```\w*\n(.*?)^```$", text) for line in block.splitlines()]
    indented = re.findall(r"(?m)^ {4,}(\S.*)$", re.sub(r"(?ms)^```.*?^```$", "", text))
    quoted = re.findall(r"`([^`\n]+)`", re.sub(r"(?ms)^```.*?^```$", "", text))
    return [re.sub(r"\s+#.*", "", line).strip() for line in [*fenced, *indented, *quoted]]


def shell_lines(text: str) -> list[str]:
    """What somebody is told to type: lines of indented blocks, and of those that are marked as a shell's."""
    fenced = re.findall(r"(?ms)^```(?:bash|console|sh|shell)\n(.*?)^```$", text)
    indented = re.findall(r"(?m)^ {4}(\S.*)$", re.sub(r"(?ms)^```.*?^```$", "", text))
    lines = [*(line for block in fenced for line in block.splitlines()), *indented]
    return [said for line in lines if (said := re.sub(r"(^|\s+)#.*", "", line).strip())]


def tables(text: str) -> list[list[Row]]:
    """The rows of each table, the head first, without the line below it."""
    found = re.findall(r"(?m)(?:^ *\|.*\|$\n?)+", text)
    return [
        [[cell.strip() for cell in line.strip()[1:-1].split("|")] for line in table.strip().splitlines()]
        for table in found
    ]


def table(path: Path, *head: str) -> list[Row]:
    """The rows of the table with such a head."""
    [rows] = [rows for rows in tables(read(path)) if tuple(rows[0][: len(head)]) == head]
    return rows[2:]


@cache
def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
