"""How drop-in directories mask and order each other; shared by the judgements of rivals."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import PurePosixPath

from xnai.facts.machine.model import ConfigFile

HEADER = "# Managed by xnai"
"""First line of every file that is ours."""

SET_ASIDE_SUFFIX = ".xnai-set-aside"
"""What a rival's name gets appended when it is set aside."""


def is_ours(file: ConfigFile) -> bool:
    """Return whether a file is ours: its name ends in `-xnai.conf` and it carries our header."""
    return file.path.endswith("-xnai.conf") and file.text.startswith(HEADER)


def name_of(file: ConfigFile) -> str:
    """Return the file's name without its directory."""
    return PurePosixPath(file.path).name


def in_force(files: Iterable[ConfigFile], directories: Iterable[str]) -> list[ConfigFile]:
    """Return the files that count, in the order in which they are read.

    A name in an earlier directory of `directories` masks the same name in a later one (a link to
    /dev/null so masks it with nothing); then names are ordered bytewise. Source: sysctl.d(5).
    """
    chosen: dict[str, ConfigFile] = {}
    all_files = list(files)
    for directory in directories:
        for file in all_files:
            if str(PurePosixPath(file.path).parent) == directory:
                chosen.setdefault(name_of(file), file)
    return [chosen[name] for name in sorted(chosen, key=os.fsencode)]


def with_ours(files: Iterable[ConfigFile], ours: ConfigFile) -> list[ConfigFile]:
    """Return `files` as they will be once `ours` is written."""
    return [file for file in files if file.path != ours.path] + [ours]
