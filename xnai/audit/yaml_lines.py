"""YAML as plain data with the line of every part, at ease with bombs and bad input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from xnai.diagnostics.finding import Unknown

MAX_TEXT = 256 * 1024
MAX_NODES = 50_000
MAX_DEPTH = 60

Data = Any  # str, None, list[Data] or dict[str, Data]: scalars stay the text that was written
Key = tuple[str | int, ...]


@dataclass(frozen=True)
class Yaml:
    """A document.

    Attributes:
        data: mappings, lists and texts; a null is None, every other scalar its text.
        lines: path of keys and numbers -> line of that part; for a mapping's value its key's line.
        twice: (line, key) of each key that its mapping has already.
        resets: the parts of the text, from and to, that Compose's !reset takes back.
    """

    data: Data
    lines: dict[Key, int]
    twice: tuple[tuple[int, str], ...]
    resets: tuple[tuple[int, int], ...] = ()


class _TooMuch(Exception):
    """More nodes or a greater depth than a file of a person has."""


def load(path: str, text: str) -> Yaml | Unknown:
    """Return the first document of `text`, or why there is none."""
    if len(text) > MAX_TEXT:
        return Unknown(
            path, f"has {len(text):,} characters, {MAX_TEXT:,} are read at most",
            "split it, or exclude it: --exclude",
        )
    try:
        # The pure Python loader: libyaml's recurses on the C stack. It only builds the graph, so
        # that aliases cost nothing until they are followed below, with a count.
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        found = _Reader()
        data = found.read(node, (), 0) if node else None
    except RecursionError:
        return _bomb(path)
    except _TooMuch:
        return _bomb(path)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).split("\n")[0]
        return Unknown(path, f"no YAML{where}: {problem}", "mend that line")
    return Yaml(data, found.lines, tuple(found.twice), tuple(found.resets))


def _bomb(path: str) -> Unknown:
    return Unknown(
        path, f"grows past {MAX_NODES:,} parts or {MAX_DEPTH} levels when its aliases are followed",
        "write it out plainly, or exclude it: --exclude",
    )


class _Reader:
    """Turns a graph of nodes into data, noting lines."""

    def __init__(self) -> None:
        self.lines: dict[Key, int] = {}
        self.twice: list[tuple[int, str]] = []
        self.resets: list[tuple[int, int]] = []
        self._count = 0

    def read(self, node: yaml.Node, path: Key, depth: int) -> Data:
        """Return the data of `node`, which stands at `path`."""
        self._count += 1
        if self._count > MAX_NODES or depth > MAX_DEPTH:
            raise _TooMuch
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(one, (*path, at), depth + 1) for at, one in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        return None if node.tag == "tag:yaml.org,2002:null" else str(node.value)

    def _mapping(self, node: yaml.MappingNode, path: Key, depth: int) -> dict[str, Data]:
        own: dict[str, Data] = {}
        merged: dict[str, Data] = {}
        for key, value in node.value:
            name = str(key.value)
            if key.tag == "tag:yaml.org,2002:merge":
                parts = value.value if isinstance(value, yaml.SequenceNode) else [value]
                for part in parts:
                    data = self.read(part, (*path, "<<"), depth + 1)
                    if isinstance(data, dict):
                        merged = data | merged
                        for name in data:
                            # Where it comes in; an own key of that name sets its own line.
                            self.lines.setdefault((*path, name), key.start_mark.line + 1)
                continue
            if value.tag == "!reset":
                # Compose's own tag: the key of the file below goes.
                self.resets.append((key.start_mark.index, value.end_mark.index))
                continue
            line = key.start_mark.line + 1
            if name in own:
                self.twice.append((line, name))
            self.lines[(*path, name)] = line
            own[name] = self.read(value, (*path, name), depth + 1)
        return merged | own
