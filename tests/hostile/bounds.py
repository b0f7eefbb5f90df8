"""Makes docs/limits.md of the constants in the code: `python -m tests.hostile.bounds > docs/limits.md`."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

import crowdcue

ROOT = Path(crowdcue.__file__).parent
TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "limits.md"

#: What a bound is called. Whoever adds a queue, a cache or a table gives its bound such a name.
NAME = re.compile(
    r"_?(MAX|MOST|KEEP)(_\w+)?|\w+_(MOST|LIMIT|MAX|BURST|RATE|CONNECTIONS|TIMEOUT|TTL)|"
    r"(BURST|RATE|MOST|PATIENCE|CUT_AFTER|LONGEST_\w+|HISTORY|UNUSED|CONNECT_TIMEOUT|MEMORY_LIMIT)"
)
#: Folders whose constants are no bounds of the server.
ELSEWHERE = {"client"}
#: Names that look like bounds and are SQL or helpers.
NOT_BOUNDS = {"_KEEP_PRODUCER", "_KEEP_SNAPSHOT", "MOST_EXACT", "_MOST_EXACT", "NEVER_SET"}


class Bound(NamedTuple):
    """One constant: where it is, its value, and what its comment says."""

    module: str
    name: str
    value: float
    about: str


def bounds() -> list[Bound]:
    """Every bound in the code, by module."""
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if module.partition(".")[0] not in ELSEWHERE:
            found += _in_module(module, path.read_text(encoding="utf-8"))
    return found


def _in_module(module: str, text: str) -> list[Bound]:
    lines, found = text.splitlines(), []
    for node in ast.parse(text).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name, given = node.target.id, node.value
        elif (
            isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
        ):
            name, given = node.targets[0].id, node.value
        else:
            continue
        if NAME.fullmatch(name) and name not in NOT_BOUNDS and given is not None:
            value = _value(given)
            if value is not None:
                found.append(Bound(module, name, value, _comment(lines, node.lineno - 1)))
    return found


def _value(node: ast.expr) -> float | None:
    """The number of a constant expression; None for anything else."""
    try:
        value = eval(compile(ast.Expression(node), "bound", "eval"), {"__builtins__": {}})
    except Exception:
        return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _comment(lines: list[str], at: int) -> str:
    """The comment behind a constant, or the one above it, shared with the constants between."""
    _code, mark, behind = lines[at].partition("#")
    if mark:
        return behind.lstrip(": ").strip()
    while at > 0 and lines[at].strip() and not lines[at].startswith("#"):
        at -= 1
    end = at + 1
    while at >= 0 and lines[at].startswith("#"):
        at -= 1
    return " ".join(line.lstrip("#: ").strip() for line in lines[at + 1 : end]).strip()


def texts_of_tests() -> str:
    """The text of all tests: a bound that one of them names is tested."""
    own = Path(__file__).parent / "test_bounds.py"
    return "\n".join(p.read_text(encoding="utf-8") for p in TESTS.rglob("test_*.py") if p != own)


def page() -> str:
    """docs/limits.md."""
    rows = [
        f"| `{bound.module}.{bound.name}` | {bound.value:,.12g} | {bound.about.replace('|', '/')} |"
        for bound in bounds()
    ]
    return HEAD + "\n".join(rows) + "\n"


HEAD = """\
# Limits

Whatever grows with what people send has a bound, and each bound is one constant in the code, named here. This page is
made from the code (`python -m tests.hostile.bounds > docs/limits.md`) and a test holds the two together. With `--open`
the limits on rates, connections and guests are off, and those on memory hold.

| bound | value | what and why |
| --- | ---: | --- |
"""

if __name__ == "__main__":
    print(page(), end="")
