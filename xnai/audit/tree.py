"""The audited tree: which files it has, and those that are judged, parsed once."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from xnai.audit import compose, compose_merges, dockerfile, makefile, names
from xnai.audit.compose import ComposeFile
from xnai.audit.dockerfile import Dockerfile
from xnai.audit.makefile import Makefile
from xnai.audit.options import Options
from xnai.audit.reading import read, shown
from xnai.audit.sandbox import sandbox
from xnai.audit.tree_files import TreeFiles
from xnai.diagnostics.finding import Unknown

MAX_MAKEFILES = 40

# NAME=value, and NAME: value as a workflow's env: has it.
_SET_NAME = re.compile(r"\b([^\W\d]\w*)(?=\s*[:?+]?=)")
_MAPPED_NAME = re.compile(r"(?m)^\s+([A-Z][A-Z0-9_]+):\s")


@dataclass(frozen=True)
class Tree(TreeFiles):
    """A tree with everything that rules look at.

    Attributes:
        makefiles: judged by make.
        make_texts: path -> text of every makefile, of *.mk too.
        dockerfiles: parsed.
        composes: parsed.
        unknown: what could not be read or parsed.
    """

    makefiles: tuple[Makefile, ...]
    make_texts: Mapping[str, str]
    dockerfiles: tuple[Dockerfile, ...]
    composes: tuple[ComposeFile, ...]
    unknown: tuple[Unknown, ...]

    @cached_property
    def uses_podman(self) -> bool:
        """Whether makefiles and compose files speak of Podman more than of Docker."""
        scripts = (text for path, text in self.script_texts.items() if path.endswith(".sh"))
        text = "\n".join([
            *self.make_texts.values(), *("\n".join(one.lines) for one in self.composes), *scripts,
            *self._expanded,
        ])
        calls = r"(?:[ -]compose\b|\s+(?:build|run|up)\b)"
        podman = len(re.findall(rf"\bpodman{calls}|(?m:^x-podman:)", text))
        return podman > len(re.findall(rf"\bdocker{calls}", text.replace("docker-compose.y", "")))

    @cached_property
    def _expanded(self) -> tuple[str, ...]:
        """The commands of all recipes with make's variables put in."""
        return tuple(
            text for makefile in self.makefiles for recipe in makefile.recipes
            for _, text in recipe.commands
        )

    @cached_property
    def set_names(self) -> frozenset[str]:
        """The names that makefiles, scripts, CI files and documents give a value."""
        found = set[str]()
        for text in (*self.make_texts.values(), *self.script_texts.values()):
            found.update(_SET_NAME.findall(text))
            found.update(_MAPPED_NAME.findall(text))
        return frozenset(found)

    @cached_property
    def merges(self) -> tuple[tuple[str, ...], ...]:
        """The lists of compose files that something of the tree hands over together."""
        settings = [self.text(path) for path in self.files if posixpath.basename(path) == ".env"]
        return compose_merges.merges(
            [*self.make_texts.values(), *self._expanded, *settings, self.scripts]
        ) + compose_merges.patterns([*self.script_texts.values(), *self.programs.values()])

    @cached_property
    def services(self) -> frozenset[str]:
        """The names of all services of all compose files."""
        return frozenset(one.name for file in self.composes for one in file.services)

    @cached_property
    def _dockerfiles(self) -> Mapping[str, Dockerfile]:
        return {one.path: one for one in self.dockerfiles}

    def dockerfile(self, path: str | None) -> Dockerfile | None:
        """Return the parsed Dockerfile of that path."""
        return self._dockerfiles.get(path or "")


def read_tree(root: Path, options: Options) -> Tree:
    """Return what is judged below `root`; nothing of it is executed."""
    files, folders, unknown = _listed(root, options.exclude)
    texts: dict[str, str] = {}
    # Copies of other projects' packages are there to be copied and named, and are not judged.
    foreign = names.foreign(files)
    judged = sorted(path for path in files if not path.startswith(foreign))
    roots = _preferred([path for path in judged if _is(names.MAKEFILE, path)])
    mine = [path for path in judged if _is(names.MAKEFILE, path) or path.endswith(".mk")]
    for path in mine:
        _keep(root, path, texts, unknown)
    readable = [path for path in roots if path in texts]
    makefiles = _makefiles(root, readable, texts, files, unknown, options)
    dockerfiles, composes = [], []
    for path in judged:
        is_docker, is_compose = _is(names.DOCKERFILE, path), _is(names.COMPOSE, path)
        if not is_docker and not is_compose:
            continue
        text = read(root / path, shown(path))
        parsed = text if isinstance(text, Unknown) else (
            dockerfile.parse(path, text) if is_docker else compose.parse(path, text)
        )
        if isinstance(parsed, Unknown):
            unknown.append(parsed)
        elif isinstance(parsed, Dockerfile):
            dockerfiles.append(parsed)
        elif isinstance(parsed, ComposeFile):
            composes.append(parsed)
    return Tree(
        root, options, frozenset(files), frozenset(folders),
        not any(one.why.startswith(names.TOO_MANY) for one in unknown),
        tuple(makefiles), texts, tuple(dockerfiles), tuple(composes), tuple(unknown),
    )


def _listed(root: Path, exclude: tuple[str, ...]) -> tuple[set[str], set[str], list[Unknown]]:
    files: set[str] = set()
    folders: set[str] = set()
    unknown: list[Unknown] = []
    for found in names.walk(root, exclude):
        if isinstance(found, Unknown):
            unknown.append(found)
        else:
            (folders if found[1] else files).add(found[0])
    return files, folders, unknown


def _is(pattern: re.Pattern[str], path: str) -> bool:
    return bool(pattern.fullmatch(posixpath.basename(path)))


def _preferred(paths: list[str]) -> list[str]:
    """Of several Makefiles in one directory the one that make takes: G before M before m."""
    order = ["GNUmakefile", "makefile", "Makefile"]
    chosen: dict[str, str] = {}
    for path in sorted(paths, key=lambda one: order.index(posixpath.basename(one))):
        chosen.setdefault(posixpath.dirname(path), path)
    return sorted(chosen.values())


def _keep(root: Path, path: str, texts: dict[str, str], unknown: list[Unknown]) -> None:
    text = read(root / path, shown(path))
    if isinstance(text, Unknown):
        unknown.append(text)
    else:
        texts[path] = text


def _makefiles(
    root: Path, paths: list[str], texts: dict[str, str], files: set[str], unknown: list[Unknown],
    options: Options,
) -> list[Makefile]:
    """Ask make about each Makefile, in one sandbox; what they include is read first."""
    if not paths:
        return []
    for path in sorted(_included(texts, files)):
        _keep(root, path, texts, unknown)
    if len(paths) > MAX_MAKEFILES:
        unknown.append(Unknown(
            ".", f"{len(paths)} Makefiles; the first {MAX_MAKEFILES} were judged",
            "audit a part: xnai audit PATH/part",
        ))
    found = []
    with sandbox(texts) as box:
        if isinstance(box, Unknown):
            unknown.append(box)
            return []
        for path in paths[:MAX_MAKEFILES]:
            judged = makefile.judge(box, path, texts, options.times)
            if isinstance(judged, Unknown):
                unknown.append(judged)
            else:
                found.append(judged)
    # What another one includes is judged there, with all that stands around it.
    inside = {path for one in found for path in one.texts if path != one.path}
    return [one for one in found if one.path not in inside]


def _included(texts: Mapping[str, str], files: set[str]) -> set[str]:
    """The tree's files that an include line names plainly, such as .env."""
    found = set()
    for path, text in texts.items():
        for words in re.findall(r"(?m)^\s*(?:-|s)?include\s+([^#\n]+)", text):
            for word in words.split():
                for folder in (posixpath.dirname(path), ""):
                    name = posixpath.normpath(posixpath.join(folder, word))
                    if name in files and name not in texts:
                        found.add(name)
    return found
