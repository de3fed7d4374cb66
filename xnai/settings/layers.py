"""Where a raw setting comes from: --data, a host, a group_data file; and which are unknown."""

from __future__ import annotations

import ast
import difflib
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyinfra.api.arguments import all_global_arguments
from pyinfra.api.host import Host
from pyinfra.api.inventory import Inventory
from pyinfra.connectors.local import LocalConnector
from pyinfra.connectors.ssh import SSHConnector

# Groups that a file in group_data may be named after, besides the groups that the inventory
# itself defines. pyinfra gives a file of any other name an empty group without a word.
KNOWN_GROUPS = ("all", "workstations", "lab")


@dataclass(frozen=True)
class Layer:
    """One source of raw settings: its name for messages, and the values that it sets."""

    origin: str
    values: Mapping[str, Any]


def layers(host: Host) -> list[Layer]:
    """Return the sources of `host`'s data in pyinfra's order, the strongest first.

    Source: pyinfra.api.host.Host and Inventory.get_groups_data (a later group wins).
    """
    inventory = host.inventory
    found = [
        Layer("--data", inventory.get_override_data() or {}),
        Layer(f"the inventory, host {host.name}", inventory.get_host_data(host.name)),
    ]
    # pyinfra names the groups of a connector's host (@local) twice; the last one counts.
    for group in dict.fromkeys(reversed(host.groups)):
        found.append(Layer(f"group_data/{group}.py", inventory.get_group_data(group)))
    found.append(Layer("group_data/all.py", inventory.get_data()))
    return found


def pyinfra_names() -> set[str]:
    """Return the names that belong to pyinfra: its connectors' data and global arguments."""
    names = {name for name, _ in all_global_arguments()}
    for connector in (SSHConnector, LocalConnector):
        names |= set(connector.data_meta)
    return names


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the sentence's end: a question with the nearest known name, or a full stop."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {matches[0]}?" if matches else "."


def unknown_groups(inventory: Inventory) -> list[str]:
    """Return a sentence for each group_data file whose name is no known group.

    A group with hosts is known; so are KNOWN_GROUPS without any.
    """
    with_hosts = {name for name, hosts in inventory.groups.items() if hosts}
    known = with_hosts | set(KNOWN_GROUPS)
    return [
        f"group_data/{name}.py: no group of that name{nearest(name, known)} "
        f"Known groups: {', '.join(sorted(known))}. Rename the file, or give the group hosts."
        for name in sorted(set(inventory.group_data) - known)
    ]


def nothing_loaded(sources: Iterable[Layer]) -> list[str]:
    """Return a sentence where group_data/all.py was not read at all.

    pyinfra looks for group_data beside the inventory's file and where it is started, and says
    nothing where there is none; all settings would then be their defaults.
    """
    directories = _group_data_directories()
    if gone := [path for path in directories[1:] if not path.is_dir()]:
        return [f"--group-data {path}: no such directory; nothing of it was read" for path in gone]
    if any(layer.values for layer in sources if layer.origin == "group_data/all.py"):
        return []
    looked = ", ".join(str(path.resolve()) for path in directories)
    return [
        f"group_data/all.py was not read (looked in {looked}): run this in the checkout, with its "
        "inventory.py, or name the directory: --group-data /path/to/group_data"
    ]


def unknown_names(sources: Iterable[Layer], known: Collection[str]) -> list[str]:
    """Return a sentence for each name that is neither a setting nor pyinfra's own."""
    allowed = set(known) | pyinfra_names()
    return [
        f"{name} ({where(layer, name)}): no setting of that name{nearest(name, known)} "
        "`xnai settings` lists all."
        for layer in sources
        for name in sorted(set(layer.values) - allowed)
    ]


def doubles(sources: Iterable[Layer], known: Collection[str]) -> list[str]:
    """Return a sentence for each name or key that a group_data file gives twice.

    Python takes the last one without a word, so the first would be lost: a service named
    twice in service_sources, say.
    """
    found = []
    for layer in sources:
        for path in _files(layer.origin):
            try:
                tree = ast.parse(path.read_text("utf-8"))
            except (OSError, SyntaxError, ValueError):
                continue
            found += _doubles(tree, _shown(path), set(known))
    return found


def _doubles(tree: ast.Module, shown: str, known: set[str]) -> list[str]:
    assigned: list[tuple[object, int]] = []
    for node in tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        used = {name.id for name in ast.walk(node.value) if isinstance(name, ast.Name)}
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            # A value that is built in steps uses what it replaces.
            if isinstance(target, ast.Name) and target.id in known - used:
                assigned.append((target.id, target.lineno))
    groups = [assigned] + [
        [(key.value, key.lineno) for key in node.keys if isinstance(key, ast.Constant)]
        for node in ast.walk(tree) if isinstance(node, ast.Dict)
    ]
    found = []
    for group in groups:
        first: dict[object, int] = {}
        for name, line in group:
            if name in first:
                found.append(
                    f"{name!r} ({shown}:{line}): given before in line {first[name]}; Python would "
                    "take the last one without a word. Keep one of them."
                )
            first.setdefault(name, line)
    return found


def origin(sources: Iterable[Layer], name: str) -> str:
    """Return where the effective value of `name` was set."""
    for layer in sources:
        if name in layer.values:
            return where(layer, name)
    return "its default"


def where(layer: Layer, name: str) -> str:
    """Return the layer's name, with the line where it is a group_data file that can be found."""
    for path in _files(layer.origin):
        line = _assignment_line(path, name)
        if line:
            return f"{_shown(path)}:{line}"
    return layer.origin


def _files(origin: str) -> list[Path]:
    """The files that a layer of that name may have come from, the last one read first."""
    if not origin.startswith("group_data/"):
        return []
    name = origin.removeprefix("group_data/")
    return [directory / name for directory in reversed(_group_data_directories())]


def _shown(path: Path) -> str:
    """A path as a person finds it from here."""
    whole = path.resolve()
    return str(whole.relative_to(Path.cwd()) if whole.is_relative_to(Path.cwd()) else whole)


def _group_data_directories() -> list[Path]:
    """The directories that pyinfra read, as far as the command line tells."""
    words = sys.argv
    extra = [Path(words[i + 1]) for i, word in enumerate(words[:-1]) if word == "--group-data"]
    extra += [Path(word.split("=", 1)[1]) for word in words if word.startswith("--group-data=")]
    return [Path("group_data"), *extra]


def _assignment_line(path: Path, name: str) -> int | None:
    """The line of the last top-level assignment to `name` in a Python file, if any."""
    try:
        tree = ast.parse(path.read_text("utf-8"))
    except (OSError, SyntaxError, ValueError):
        return None
    lines = [
        node.lineno
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and target.id == name
    ]
    return lines[-1] if lines else None
