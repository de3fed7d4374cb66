"""What imports what, and how large a file and a function may be: the one place for both."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_LINES_OF_A_FILE = 300
MOST_LINES_OF_A_FUNCTION = 60

CODE = [
    path for top in ("xnai", "tasks", "benchmarks") for path in sorted((ROOT / top).rglob("*.py"))
] + [ROOT / "deploy.py", ROOT / "inventory.py"]


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in CODE}


def imports(path: Path) -> set[str]:
    """The modules of ours that a file imports, inside functions and for type checkers too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            names = [f"{node.module}.{one.name}" for one in node.names]
            found |= {name if name in MODULES else str(node.module) for name in names}
        elif isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
    return (found & MODULES.keys()) - {name_of(path)}


GRAPH = {name: imports(path) for name, path in MODULES.items()}


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The sets of nodes of which each reaches the others (Tarjan's algorithm)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in index:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            circle = stack[stack.index(node):]
            del stack[stack.index(node):]
            if len(circle) > 1:
                found.append(sorted(circle))

    for node in graph:
        if node not in index:
            visit(node)
    return found


def room(module: str) -> str:
    """The package below xnai that a module is in, or what is at the top."""
    return ".".join(module.split(".")[:2]) if module.startswith("xnai.") else module.split(".")[0]


ROOMS: dict[str, set[str]] = {}
for module, others in GRAPH.items():
    ROOMS.setdefault(room(module), set()).update({room(one) for one in others} - {room(module)})


def test_no_module_imports_in_a_circle():
    assert circles(GRAPH) == []


def test_no_room_imports_in_a_circle():
    assert circles(ROOMS) == []


def test_a_circle_is_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]


def test_nothing_lies_loose_in_the_package():
    assert [path.name for path in (ROOT / "xnai").glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize("low", ["xnai.settings", "xnai.facts", "xnai.stack", "xnai.images"])
def test_what_is_known_does_not_depend_on_what_is_done(low):
    """One direction: settings, facts and the plan know no operation, no task and no run."""
    above = {"xnai.operations", "xnai.run", "xnai.cli", "xnai.lab", "tasks"}
    assert ROOMS[low] & above == set()


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_too_long(path):
    text = path.read_text("utf-8")
    assert text.count("\n") <= MOST_LINES_OF_A_FILE, "split it by noun"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= MOST_LINES_OF_A_FUNCTION, f"{node.name} has {lines} lines"


def test_a_class_has_its_name_alone():
    """What a name means is one thing."""
    where: dict[str, list[str]] = {}
    for name, path in MODULES.items():
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not name.startswith("benchmarks."):
                where.setdefault(node.name, []).append(name)
    assert {name: found for name, found in where.items() if len(found) > 1} == {}
