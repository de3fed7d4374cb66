"""Deletions in a later layer, which make an image no smaller."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.dockerfile import Instruction, Stage
from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.shell_words import commands
from xnai.audit.tree import Tree


def _deleted(run: Instruction) -> Iterator[str]:
    """Paths that a RUN removes and does not name otherwise."""
    for command in commands(run.text):
        if command.name == "rm":
            for word in command.words[1:]:
                path = re.sub(r"/\*?$", "", word)
                plain = re.fullmatch(r"/[^/$*?]+/[^$*?]+", path)
                if plain and run.text.count(path) == 1 and not _fills(run.text, path):
                    yield path


def _searched(run: Instruction) -> Iterator[str]:
    """Directories below which a RUN deletes what it finds: find … -delete, find … -exec rm."""
    for command in commands(run.text):
        words = command.words
        deletes = "-delete" in words or ("-exec" in words and "rm" in words)
        if command.name == "find" and deletes and not _INSTALLS.search(run.text):
            for word in words[1:]:
                if word.startswith("-"):
                    break
                if re.fullmatch(r"/[^/$*?]+/[^$*?]+", word):
                    yield word.rstrip("/")


# What fills the directories of Python's packages.
_INSTALLS = re.compile(r"\b(pip[\d.]*|uv pip|uv)\s+(install|sync|add)\b")


def _filler(stage: Stage, run: Instruction, path: str) -> Instruction | None:
    """The earlier instruction that plainly put something below a directory."""
    for one in stage.instructions[: stage.instructions.index(run)]:
        target = one.target.rstrip("/")
        if one.name in {"COPY", "ADD"} and (target == path or target.startswith(f"{path}/")):
            return one
        if one.name == "RUN" and _INSTALLS.search(one.text) \
                and re.match(r"/usr/local(/lib(/python[\d.]+)?)?$", path):
            return one
    return None


def _fills(text: str, path: str) -> bool:
    """Whether the same RUN fills the directory without naming it."""
    filled_by = {
        r"/var/(lib|cache)/apt": r"\bapt(-get)?\s", r"/var/cache/apk": r"\bapk\s",
        r"/root/\.npm": r"\bnpm\s", r"/root/\.cache|/var/cache|(/var)?/tmp": r"\binstall\b",
    }
    return any(
        re.match(place, path) and re.search(tool, text) for place, tool in filled_by.items()
    )


def _maker(stage: Stage, run: Instruction, path: str) -> Instruction | None:
    """The earlier instruction that made the path, where it plainly did."""
    for one in stage.instructions[: stage.instructions.index(run)]:
        if one.name in {"COPY", "ADD"} and (
            one.target.rstrip("/") == path or (
                one.target.endswith("/") and path in {
                    one.target + source.rstrip("/").rpartition("/")[2]
                    for source in one.sources
                }
            )
        ):
            return one
        if one.name == "RUN" and "type=cache" not in str(one.flags) and (
            re.search(rf"(-o|-O|-C|-d|>|mkdir|clone|tar|unzip)\s[^;&|]*{re.escape(path)}\b",
                      one.text)
            or (path == "/var/lib/apt/lists" and "apt-get update" in one.text
                and path not in one.text)
        ):
            return one
    return None


class DockerLateDelete(Rule):
    """rm of what an earlier instruction of the same image put there."""

    id = "docker_late_delete"
    severity = "warning"
    title = "deleted in a later layer"
    remedy = "Delete in the RUN that makes it, or mount it: --mount=type=bind or type=cache."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield deletions in the stages that the last image is made of."""
        for file in tree.dockerfiles:
            for stage in file.lineage(file.last):
                for run in stage.all("RUN"):
                    made = [(path, _maker(stage, run, path)) for path in _deleted(run)]
                    made += [(path, _filler(stage, run, path)) for path in _searched(run)]
                    for path, maker in made:
                        if maker:
                            yield Hit(
                                file.path, file.line_of(run, path),
                                f"{path} stays in the image, in the layer of line {maker.first}; "
                                "here it is only hidden.",
                            )
