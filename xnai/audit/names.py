"""Which files of a tree are Makefiles, Dockerfiles and compose files, by their names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

from xnai.diagnostics.finding import Unknown

MAX_FILES = 50_000
TOO_MANY = "more than "

# Made by tools, or somebody else's: judging them would tell the user nothing about his tree.
SKIPPED = frozenset({
    ".git", ".hg", ".svn", "node_modules", ".venv", "venv", ".tox", ".nox", "__pycache__",
    ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "site-packages",
})

# Directories of what a build that runs before makes, and of what is kept out of the tree.
MADE = frozenset({"dist", "build", "target", "out", "bin", "node_modules", ".next", "public",
                  "release", "artifacts", "vendor", "static", "wheels", "wheelhouse", "tmp",
                  "generated", ".cache", ".tmp"})

# What is built for tests alone, and thrown away.
OF_TESTS = re.compile(r"(^|/)(tests?|testdata|fixtures?|e2e)/")

_TEMPLATE = (
    r"(?!.*\.(j2|jinja2?|tmpl|tpl|template|erb|in|md|rst|dockerignore|sh|py|orig|bak|"
    r"example|sample|dist)$)"
)
MAKEFILE = re.compile(r"(GNUmakefile|makefile|Makefile)$")
DOCKERFILE = re.compile(
    _TEMPLATE + r"((Docker|Container)file([.-][\w.-]+)?|[\w.-]+\.([Dd]ocker|[Cc]ontainer)file)$"
)
COMPOSE = re.compile(
    r"(?!.*[.-](template|tmpl)\.ya?ml$)(docker-|podman-)?compose([.-][\w.-]+)?\.ya?ml$"
)

# What a package manager's "vendor" command wrote: the mark of Go, Composer, Cargo and Jsonnet.
_VENDORED = re.compile(
    r"((?:.+/)?vendor)/(?:github\.com/.+|modules\.txt|autoload\.php|[^/]+/\.cargo-checksum\.json)"
)


def foreign(files: Iterable[str]) -> tuple[str, ...]:
    """Return the beginnings of paths that are copies of other projects' packages."""
    marks = (_VENDORED.fullmatch(path) for path in files)
    return tuple(sorted({f"{mark[1]}/" for mark in marks if mark}))


def walk(root: Path, exclude: tuple[str, ...]) -> Iterator[tuple[str, bool] | Unknown]:
    """Yield each path below `root` and whether it is a directory, sorted; links are not followed.

    A link to a file inside the tree counts as that file's second name. One unknown is yielded
    where a directory cannot be read, or where there are more than MAX_FILES files.
    """
    count = 0
    stack = [""]
    while stack:
        folder = stack.pop()
        try:
            with os.scandir(root / folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            yield Unknown(
                folder or ".", f"cannot be listed: {error.strerror}", "give this user read access"
            )
            continue
        inside = []
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.name in SKIPPED or any(fnmatch(path, pattern) for pattern in exclude):
                continue
            count += 1
            if count > MAX_FILES:
                yield Unknown(
                    ".", f"{TOO_MANY}{MAX_FILES:,} files; the rest was not looked at",
                    "audit a part: xnai audit PATH/part, or leave some out: --exclude",
                )
                return
            if entry.is_dir(follow_symlinks=False):
                inside.append(path)
                yield path, True
            elif not entry.is_symlink() or _stays_inside(root, Path(entry.path)):
                yield path, False
        stack += reversed(inside)


def _stays_inside(root: Path, link: Path) -> bool:
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):  # dangling, or a loop
        return False
    return target.is_relative_to(root.resolve()) and target.is_file()
