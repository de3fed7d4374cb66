"""Which paths an image has at some point of its Dockerfile, as far as its instructions tell."""

from __future__ import annotations

import posixpath
import re
from fnmatch import fnmatch

from xnai.audit.dockerfile import Dockerfile, Instruction, Stage
from xnai.audit.tree import Tree

_MAKES = re.compile(
    r"^[\w.-]+\s*[:?]?=|https?://|"
    r"\b(curl|wget|cp|mv|tar|unzip|clone|touch|download|export|build|keytool|openssl)\b|>"
)


def is_made(tree: Tree, name: str) -> bool:
    """Return whether a target, a makefile's variable or a script may fetch or make a file."""
    def targets() -> frozenset[str]:
        return frozenset(
            posixpath.basename(one.name) for file in tree.makefiles for one in file.targets
        )

    def lines() -> str:
        texts = (*tree.make_texts.values(), *tree.script_texts.values())
        return "\n".join(line for text in texts for line in text.split("\n") if _makes(line))

    return bool(name) and (
        name in tree.once("names of targets", targets)
        or name in tree.once("lines that make files", lines)
    )


def _makes(line: str) -> bool:
    """Whether a line may make or fetch a file; reading compose files from -f is none of it."""
    if re.search(r"compose\b[^;&|]*\s(-f|--file)\b", line):
        line = re.sub(r"\s(up|build|create|run|start)\b.*|\bcompose\b.*?\s-f\s+\S+", " ", line)
        line = re.sub(r"(-f|--file)[ =]?\S+", " ", line)
        # COMPOSE := docker compose -f FILE names a file and makes none.
        return bool(re.search(r"\b(curl|wget|cp|mv|tar|unzip|clone|touch|download|keytool|openssl)"
                              r"\b|>", line))
    return bool(_MAKES.search(line))


def contexts(tree: Tree, file: Dockerfile) -> list[str]:
    """Return the directories that a file may be built with, relative to the tree.

    Those that a compose file names; else the file's own directory and all above it.
    """
    named = []
    for compose in tree.composes:
        for service in compose.services:
            build = service.build
            if build and compose.dockerfile(service) == file.path:
                named.append(compose.near(build.get("context", ".")))
    if named:
        return list(dict.fromkeys(named))
    parts = file.directory.split("/") if file.directory else []
    return ["/".join(parts[:count]) for count in range(len(parts), -1, -1)]


def missing(tree: Tree, file: Dockerfile, source: str) -> bool:
    """Return whether a COPY source exists in none of the contexts."""
    return not any(tree.matches(f"{context}/{source}".lstrip("/")) or context.startswith("..")
                   for context in contexts(tree, file))


def workdir(stages: list[Stage], upto: Instruction | None) -> str:
    """Return the working directory at `upto`; `stages` is the lineage, the nearest first."""
    where = "/"
    for stage in reversed(stages):
        for one in stage.instructions:
            if one is upto:
                return where
            if one.name == "WORKDIR":
                where = posixpath.normpath(posixpath.join(where, one.text.strip("\"'")))
    return where


def created(tree: Tree, file: Dockerfile, stage: Stage, upto: Instruction, path: str) -> bool:
    """Return whether `path` may exist when `upto` runs; in doubt it does."""
    lineage = file.lineage(stage)
    if "$" in path or lineage[-1].base.startswith("$"):
        return True
    name = posixpath.basename(path)
    if any(f"target={path}" in mount.replace("dst=", "target=").replace("destination=", "target=")
           or "type=bind" in mount for mount in upto.flags.get("mount", ())):
        return True
    for one in reversed(lineage):
        for instruction in one.instructions:
            if instruction is upto:
                # The same instruction may fetch it before it reads it.
                return bool(re.search(rf"(>|-o|-O|--output|cat|tee|curl|wget|git clone)[^;&]*"
                                      rf"{re.escape(name)}", upto.text))
            if instruction.name == "RUN" and (
                name in instruction.text or "git clone" in instruction.text
            ):
                return True
            if instruction.name in {"COPY", "ADD"}:
                base = workdir([one, *lineage[lineage.index(one) + 1 :]], instruction)
                if _copies(tree, file, instruction, base, path):
                    return True
    return False


def _copies(
    tree: Tree, file: Dockerfile, copy: Instruction, base: str, path: str
) -> bool:
    """Whether a COPY brings `path`."""
    if "$" in copy.target or not copy.sources:
        return True
    target = posixpath.normpath(posixpath.join(base, copy.target))
    inside = path == target or path.startswith(f"{target.rstrip('/')}/")
    if "from" in copy.flags or any("://" in one or "$" in one for one in copy.sources):
        return inside
    rest = path.removeprefix(target).lstrip("/")
    for source in copy.sources:
        folders = [f"{context}/{source}".strip("/") for context in contexts(tree, file)]
        if any(posixpath.normpath(one or ".") in {*tree.folders, "."} for one in folders):
            if inside and any(tree.has(f"{folder}/{rest}".lstrip("/")) for folder in folders):
                return True
        elif path == target or (inside and fnmatch(rest, posixpath.basename(source))):
            return True
    return False
