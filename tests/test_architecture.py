"""The shape of the code: imports point only downwards, every module states its boundary, tasks have owners."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import crowdcue

ROOT = Path(crowdcue.__file__).parent

#: What the modules of a folder, or a single module, may import of this package: names or folders.
LAYERS: dict[str, set[str]] = {
    "room": {"room"},
    "log": {"log", "room", "tasks"},
    "music": {"music"},
    "limits": set(),
    "logs": set(),
    "tasks": set(),
    "wire": set(),
    "session": {"room", "wire", "limits"},
    "live": {"live", "log.contract", "room", "tasks", "wire"},
    "faces": {
        "faces",
        "live",
        "log.contract",
        "session",
        "wire",
        "limits",
        "room",
        "music",
        "tasks",
        "__version__",
    },
    "client": {"client", "tasks", "wire"},
    "admin": {"*"},
    "node": {"*"},
    "cli": {"*"},
    "__main__": {"cli"},
    "__init__": set(),
}

STANDARD = set(sys.stdlib_module_names)
#: The libraries of others that each may use; None: any.
LIBRARIES: dict[str, set[str] | None] = {
    "room": set(),
    "room.codec": {"msgpack"},
    "log": set(),
    "log.redis": {"redis"},
    "music": {"mutagen", "numpy", "rapidfuzz", "watchfiles"},
    "limits": set(),
    "logs": {"orjson"},
    "tasks": set(),
    "wire": {"msgpack", "orjson"},
    "session": set(),
    "live": set(),
    "live.presence": {"msgpack"},
    "live.reactions": {"msgpack"},
    "client": {"websockets"},
    "faces": None,
    "admin": None,
    "node": None,
    "cli": None,
    "__main__": set(),
    "__init__": set(),
}

#: Made by a tool, not by hand.
GENERATED = {"faces.queue_pb2"}

#: Where a task may be started with its own hands, and why.
STARTS_TASKS = {
    "tasks": "it is the owner",
    "live.registry": "an opening room is awaited by whoever wants it",
    "music.library": "a task group waits for them",
}


@dataclass(frozen=True)
class Module:
    """One file of the package: its dotted name below `crowdcue` and its tree."""

    name: str
    tree: ast.Module

    @property
    def layer(self) -> str:
        return self.name.partition(".")[0]

    def imports(self) -> list[str]:
        """The full dotted names it imports, anywhere in the file; names for type checking included."""
        package = ["crowdcue", *self.name.split(".")[:-1]]
        found: list[str] = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = package[: len(package) + 1 - node.level] if node.level else []
                start = ".".join([*base, *([node.module] if node.module else [])])
                found += [f"{start}.{alias.name}" for alias in node.names]
        return found


def modules() -> list[Module]:
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if name not in GENERATED:
            found.append(Module(name, ast.parse(path.read_text(encoding="utf-8"))))
    return found


MODULES = modules()
each_module = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)


def rule_for(module: Module, table: dict[str, set[str] | None]) -> set[str] | None:
    """The most special entry: of the module, of what its name starts with, of its folder."""
    keys = [k for k in table if module.name == k or module.name.startswith((k + ".", k + "_"))]
    assert keys, f"{module.name} has no place in the layers yet: give it one here"
    return table[max(keys, key=len)]


def allowed(name: str, names: set[str]) -> bool:
    return "*" in names or any(name == n or name.startswith(n + ".") for n in names)


def wrong_imports(module: Module) -> list[str]:
    """What the module imports and must not."""
    own = LAYERS[module.layer]
    libraries = rule_for(module, LIBRARIES)
    wrong = []
    for name in module.imports():
        top, _, rest = name.partition(".")
        if top == "crowdcue":
            if not allowed(rest, own):
                wrong.append(name)
        elif top != "__future__" and top not in STANDARD and libraries is not None and top not in libraries:
            wrong.append(name)
    return wrong


@each_module
def test_imports_point_only_downwards(module: Module) -> None:
    assert module.layer in LAYERS, f"{module.name} has no place in the layers yet: give it one here"
    assert wrong_imports(module) == []


@each_module
def test_a_module_opens_with_one_sentence_on_its_boundary(module: Module) -> None:
    doc = ast.get_docstring(module.tree)
    assert doc, f"{module.name} says nothing"
    first = " ".join(doc.split("\n\n")[0].split())
    assert first.endswith((".", ":")), f"the first paragraph is a sentence: {first!r}"
    assert len(first) <= 240, "one sentence, not an essay"


@each_module
def test_tasks_have_owners(module: Module) -> None:
    starts = [
        node.lineno
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and node.attr in ("create_task", "ensure_future")
    ]
    if module.name not in STARTS_TASKS:
        assert starts == [], "use crowdcue.tasks.Tasks"


def test_only_the_root_of_a_node_names_a_log_or_a_presence() -> None:
    for module in MODULES:
        if module.layer not in ("log", "node", "cli", "admin"):
            concrete = [n for n in module.imports() if n.startswith("crowdcue.log.")]
            assert all(n.startswith("crowdcue.log.contract") for n in concrete), module.name


def test_starlette_stays_outside_the_core() -> None:
    for module in MODULES:
        if module.layer not in ("faces", "node", "admin"):
            assert not [n for n in module.imports() if n.split(".")[0] in ("starlette", "uvicorn", "grpc")]


@pytest.mark.parametrize("module", [m for m in MODULES if m.layer == "room"], ids=lambda module: module.name)
def test_the_core_has_no_clock_no_chance_no_environment(module: Module) -> None:
    """R2, as far as imports can tell."""
    outside = {"time", "datetime", "random", "secrets", "os", "uuid", "asyncio", "threading", "socket"}
    assert not {name.split(".")[0] for name in module.imports()} & outside


# The test can fail


@pytest.mark.parametrize(
    ("name", "source", "wrong"),
    [
        ("room.rules", "from crowdcue.live import room", ["crowdcue.live.room"]),
        ("room.rules", "from ..live.room import LiveRoom", ["crowdcue.live.room.LiveRoom"]),
        ("room.rules", "import msgpack", ["msgpack"]),
        ("room.rules", "def f():\n    import crowdcue.log.memory", ["crowdcue.log.memory"]),
        ("room.codec", "import msgpack\nimport orjson", ["orjson"]),
        (
            "live.room",
            "from crowdcue.log.contract import Entry\nfrom crowdcue.log import memory",
            ["crowdcue.log.memory"],
        ),
        ("live.room", "from crowdcue.session import Session", ["crowdcue.session.Session"]),
        ("log.redis_store", "import redis.asyncio\nfrom .contract import Entry", []),
        ("log.sqlite", "import redis", ["redis"]),
        ("session", "from crowdcue.tasks import Tasks", ["crowdcue.tasks.Tasks"]),
        ("music.song", "from crowdcue.room.song import Song", ["crowdcue.room.song.Song"]),
    ],
)
def test_a_wrong_import_is_noticed(name: str, source: str, wrong: list[str]) -> None:
    assert wrong_imports(Module(name, ast.parse(source))) == wrong
