"""How much of a tree stands on a line: the first start of everybody, one side target, or nothing.

The first start is what the default goal and the targets build, up and start run, and the services
of the base compose file without a profile, with the Dockerfiles and scripts that they stand on.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from xnai.audit.compose import ComposeFile, ComposeService
from xnai.audit.compose_calls import calls_in, moved
from xnai.audit.make_data import Recipe
from xnai.audit.makefile import Makefile
from xnai.audit.model import Reach
from xnai.audit.own_images import built_by, own_images, repository
from xnai.audit.rules.harmony_orphan_dockerfile import orphans
from xnai.audit.shell_words import commands
from xnai.audit.tree import Tree

ENTRY = re.compile(r"(?:(?:docker|podman|compose|container)[-_])?(?:build|up|start)")
_BASE = re.compile(r"(docker-|podman-)?compose\.ya?ml")
_STARTS = frozenset({"up", "build", "run", "start", "create", "restart", "watch", "pull"})
_MAX_DEPTH = 4


@dataclass
class _Found:
    """What the first start stands on: who leads there first, by target, service and file."""

    targets: dict[tuple[str, str], str] = field(default_factory=dict)
    services: dict[tuple[str, str], str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


def default_goal(makefile: Makefile) -> str:
    """Return the target that a plain `make` makes; empty where there is none."""
    first = ""
    for line in makefile.texts[makefile.path].logical:
        if line.kind == "assignment" and line.name == ".DEFAULT_GOAL":
            return line.value.strip()
        if line.kind == "rule" and not first:
            first = next((one for one in line.targets
                          if not one.startswith(".") and "%" not in one and "$" not in one), "")
    return first


def _base_files(tree: Tree) -> list[ComposeFile]:
    """The compose files that lie highest and have the plain name."""
    plain = [one for one in tree.composes if _BASE.fullmatch(posixpath.basename(one.path))]
    depth = min((one.path.count("/") for one in plain), default=0)
    return [one for one in plain if one.path.count("/") == depth]


def _found(tree: Tree) -> _Found:
    found = _Found()
    depth = min((one.path.count("/") for one in tree.makefiles), default=0)
    for makefile in tree.makefiles:
        if makefile.path.count("/") == depth:
            goal = default_goal(makefile)
            names = [one.name for one in makefile.targets if ENTRY.fullmatch(one.name)]
            for name in dict.fromkeys([*sorted(names), *([goal] if goal else [])]):
                _target(tree, found, makefile, name, f"make {name}")
    for file in _base_files(tree):
        _services(tree, found, file, (), f"the start of {file.path}")
    if not tree.makefiles and not tree.composes:
        for one in tree.dockerfiles:
            _dockerfile(tree, found, one.path, f"the build of {one.path}")
    return found


def _target(tree: Tree, found: _Found, makefile: Makefile, name: str, who: str) -> None:
    waiting = [name]
    recipes = _recipes(makefile)
    while waiting:
        name = waiting.pop(0)
        if (makefile.path, name) in found.targets:
            continue
        found.targets[makefile.path, name] = who
        waiting += _needs(makefile).get(name, ())
        recipe = recipes.get(name)
        text = "\n".join(command for _, command in recipe.commands) if recipe else ""
        waiting += _shell(tree, found, makefile.directory, text, who, makefile)


def _recipes(makefile: Makefile) -> Mapping[str, Recipe]:
    return {one.target: one for one in makefile.recipes}


def _needs(makefile: Makefile) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for one in makefile.targets:
        found[one.name] = (*found.get(one.name, ()), *one.needs)
    for text in makefile.texts.values():
        for line in text.logical:
            for name in line.targets if line.kind == "rule" else ():
                plain = tuple(one for one in line.needs if "$" not in one and one != "|")
                found[name] = (*found.get(name, ()), *plain)
    return found


def _shell(
    tree: Tree, found: _Found, directory: str, text: str, who: str, makefile: Makefile | None,
    depth: int = 0,
) -> list[str]:
    """Follow what a shell text starts; return the targets of `makefile` that it makes."""
    again: list[str] = []
    for where, call in calls_in(directory, text):
        if call.verb in _STARTS:
            for file in _files_of(tree, where, call.files):
                _services(tree, found, file, call.services, who)
    for path in built_by(tree, directory, text):
        _dockerfile(tree, found, path, who)
    folder: str | None = directory
    for command in commands(text):
        if command.name == "cd":
            folder = moved(folder, command)
        elif command.name in {"make", "gmake"} and makefile is not None:
            again += _make(tree, found, folder, list(command.words[1:]), who, makefile)
        else:
            for word in command.words[:3]:
                path = posixpath.normpath(posixpath.join(folder or "", word))
                if path in tree.files and path not in found.files and depth < _MAX_DEPTH:
                    found.files[path] = who
                    if path.endswith((".sh", ".bash")):
                        _shell(tree, found, posixpath.dirname(path), tree.text(path), who, None,
                               depth + 1)
                        _shell(tree, found, directory, tree.text(path), who, None, depth + 1)
    return again


def _make(
    tree: Tree, found: _Found, folder: str | None, words: list[str], who: str, makefile: Makefile
) -> list[str]:
    """The targets that a call of make names; those of another directory are followed there."""
    other = folder
    names = []
    while words:
        word, *words = words
        if word in {"-C", "--directory"} and words:
            other = posixpath.normpath(posixpath.join(folder or "", words.pop(0)))
        elif word in {"-f", "--file", "-j", "-I"} and words:
            words = words[1:]
        elif not word.startswith("-") and "=" not in word:
            names.append(word)
    if other == folder or other is None:
        return names
    for one in tree.makefiles:
        if one.directory == other.strip("./"):
            for name in names or [default_goal(one)]:
                if (one.path, name) not in found.targets:
                    _target(tree, found, one, name, who)
    return []


def _files_of(tree: Tree, where: str | None, names: Iterable[str]) -> list[ComposeFile]:
    paths = {posixpath.normpath(posixpath.join(where or "", name)) for name in names}
    if paths:
        return [one for one in tree.composes if one.path in paths]
    return [
        one for one in tree.composes if one.directory == (where or "").strip("./")
        and re.fullmatch(r"(docker-|podman-)?compose(\.override)?\.ya?ml",
                         posixpath.basename(one.path))
    ]


def _services(
    tree: Tree, found: _Found, file: ComposeFile, names: Iterable[str], who: str
) -> None:
    wanted = set(names)
    known = {service.name: service for service in file.services}
    waiting = [
        service for service in file.services
        if service.name in wanted or (not wanted and "profiles" not in service.data)
    ]
    found.files.setdefault(file.path, who)
    while waiting:
        service = waiting.pop(0)
        if (file.path, service.name) in found.services:
            continue
        found.services[file.path, service.name] = who
        waiting += [known[name] for name in service.names("depends_on") if name in known]
        for path in _dockerfiles_of(tree, file, service):
            _dockerfile(tree, found, path, who)


def _dockerfiles_of(tree: Tree, file: ComposeFile, service: ComposeService) -> Iterator[str]:
    path = file.dockerfile(service)
    if path:
        yield path
    elif service.text("image"):
        yield from sorted(own_images(tree).get(repository(service.text("image")), ()))


def _dockerfile(tree: Tree, found: _Found, path: str, who: str) -> None:
    file = tree.dockerfile(path)
    if file is None or path in found.files:
        return
    found.files[path] = who
    for stage in file.stages:
        for base in sorted(own_images(tree).get(repository(stage.base), ())):
            _dockerfile(tree, found, base, who)


class Places:
    """Tells what stands on a line of a tree."""

    def __init__(self, tree: Tree) -> None:
        """Work out what the first start stands on."""
        self._found = _found(tree)
        self._orphans = frozenset(orphans(tree))
        self._targets = {
            path: _spans(makefile, path) for makefile in tree.makefiles for path in makefile.texts
        }
        self._makefiles = {
            path: makefile.path for makefile in tree.makefiles for path in makefile.texts
        }
        self._composes = {one.path: one for one in tree.composes}
        self._dockerfiles = {one.path for one in tree.dockerfiles}
        self._folders = {
            posixpath.dirname(path): who for path, who in self._found.files.items()
            if tree.dockerfile(path) and posixpath.dirname(path)
        }

    def of(self, path: str, line: int) -> Reach:
        """Return what stands on a line."""
        if path in self._orphans:
            return Reach("nothing", "nothing builds this file")
        who = self._found.files.get(path, "")
        if path in self._targets:
            name = next((name for first, last, name in self._targets[path]
                         if first <= line <= last), "")
            if not name:
                return Reach("side", "")
            who = self._found.targets.get((self._makefiles[path], name), "")
            return Reach("entry", who) if who else Reach("side", f"make {name}")
        if path in self._composes:
            return self._of_service(self._composes[path], line, who)
        # What an image copies lies beside or below its Dockerfile; another Dockerfile does not.
        folder = path if path not in self._dockerfiles else ""
        while not who and (folder := posixpath.dirname(folder)):
            who = self._folders.get(folder, "")
        return Reach("entry", who) if who else Reach("side", "")

    def _of_service(self, file: ComposeFile, line: int, who: str) -> Reach:
        starts = [(service.line(), service.name) for service in file.services]
        name = next((name for first, name in sorted(starts, reverse=True) if first <= line), "")
        if name and line < file.places.get(("services",), 1):
            name = ""
        reached = self._found.services.get((file.path, name), "") if name else who
        if reached:
            return Reach("entry", reached)
        return Reach("side", f"service {name} of {file.path}" if name else file.path)


def _spans(makefile: Makefile, path: str) -> list[tuple[int, int, str]]:
    """The lines of each rule with its recipe: first, last, target."""
    spans: list[tuple[int, int, str]] = []
    for line in makefile.texts[path].logical:
        if line.kind == "rule":
            name = next((one for one in line.targets if not one.startswith(".")), "")
            spans.append((line.number, line.number + line.count - 1, name))
        elif line.kind in {"recipe", "comment", "other"} and spans:
            first, _, name = spans[-1]
            if line.text.strip():
                spans[-1] = first, line.number + line.count - 1, name
        elif spans and line.kind == "assignment":
            spans.append((line.number, line.number + line.count - 1, ""))
    return spans
