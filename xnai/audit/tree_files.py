"""The files of an audited tree, and their texts, each read once."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import TypeVar, cast

from xnai.audit import names
from xnai.audit.options import Options
from xnai.audit.reading import read

MAX_SCRIPTS = 4 * 1024 * 1024
_MAX_KEPT = 256 * 1024

Value = TypeVar("Value")

_SCRIPT = re.compile(
    r"\.(sh|bash|just|hcl|toml|md|rst)$|(^|/)(justfile|Taskfile\.ya?ml|Jenkinsfile|\.env[.\w-]*|"
    r"cloudbuild[\w-]*\.ya?ml)$|^\.(github|gitlab|circleci|ci|devcontainer)|\.(gitlab-ci|travis)"
    r"\.yml$|download[^/]*\.py$|(^|/)(scripts?|hack|tools)/[^/]*\.py$"
)

_PROGRAM = re.compile(r"\.(py|js|mjs|cjs|ts|go|rs|rb|php|java|kt|sh)$|(^|/)[\w-]*entrypoint[\w-]*$")


@dataclass(frozen=True)
class TreeFiles:
    """A tree's files.

    Attributes:
        root: the audited directory.
        options: the user's choices.
        files: every regular file, relative to the root.
        folders: every directory.
        complete: whether `files` has all; beyond a limit nothing more is listed.
    """

    root: Path
    options: Options
    files: frozenset[str]
    folders: frozenset[str]
    complete: bool

    def once(self, key: str, make: Callable[[], Value]) -> Value:
        """Return what `make` returned the first time that `key` was asked for.

        For what several rules, or one rule for each file, would work out again and again.
        """
        if key not in self._kept:
            self._kept[key] = make()
        return cast(Value, self._kept[key])

    @cached_property
    def _kept(self) -> dict[str, object]:
        return {}

    def has(self, path: str) -> bool:
        """Return whether a file or directory is there; what was left out may be."""
        clean = posixpath.normpath(path)
        return (
            clean in self.files or clean in self.folders or clean in {".", ""}
            or clean.startswith("../")
            or any(fnmatch(clean, pattern) for pattern in self.options.exclude)
            # What lies behind the limit was not listed, and can be asked for by its name.
            or (not self.complete and "\0" not in clean and (self.root / clean).exists())
        )

    def matches(self, pattern: str) -> bool:
        """Return whether a path, perhaps with wildcards, names something in the tree."""
        if not re.search(r"[*?\[]", pattern):
            return self.has(pattern)
        clean = posixpath.normpath(pattern)
        return not self.complete or any(
            fnmatch(path, clean) for paths in (self.files, self.folders) for path in paths
        )

    def text(self, path: str) -> str:
        """Return the text of a file, empty where it cannot be read."""
        if path not in self.files:
            return ""
        kept = self._texts.get(path)
        if kept is not None:
            return kept
        found = read(self.root / path, path)
        text = found if isinstance(found, str) else ""
        # A large file is read again rather than held.
        if len(text) <= _MAX_KEPT:
            self._texts[path] = text
        return text

    @cached_property
    def _texts(self) -> dict[str, str]:
        return {}

    @cached_property
    def by_name(self) -> Mapping[str, tuple[str, ...]]:
        """The files by the last part of their path, each group sorted."""
        found: dict[str, list[str]] = {}
        for path in sorted(self.files):
            found.setdefault(posixpath.basename(path), []).append(path)
        return {name: tuple(paths) for name, paths in found.items()}

    @cached_property
    def script_texts(self) -> Mapping[str, str]:
        """The text of each script, CI file and document: who is named there may be made there.

        Cut at a few MiB: it only serves to be silent in doubt. A text that stands twice counts
        once.
        """
        found: dict[str, str] = {}
        seen = set[str]()
        size = 0
        for path in sorted(self.files, key=lambda one: (one.count("/"), one)):
            if _SCRIPT.search(path) and size < MAX_SCRIPTS:
                text = self.text(path)
                if text not in seen:
                    seen.add(text)
                    found[path] = text
                    size += len(text)
        return found

    @cached_property
    def scripts(self) -> str:
        """All of script_texts as one text."""
        return "\n".join(self.script_texts.values())

    @cached_property
    def programs(self) -> Mapping[str, str]:
        """The text of each program; cut as the scripts are, and for the same use."""
        found: dict[str, str] = {}
        size = 0
        foreign = names.foreign(self.files)
        for path in sorted(self.files, key=lambda one: (one.count("/"), one)):
            if size < MAX_SCRIPTS and _PROGRAM.search(path) and not path.startswith(foreign):
                found[path] = self.text(path)
                size += len(found[path])
        return found
