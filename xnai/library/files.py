"""What a person means by PATH: files to bring in, and what is left out and why."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FoundFile:
    """A file to bring in.

    Attributes:
        source: its absolute path, which is what it is in the library.
        path: where it is read.
        size_bytes: when it was found.
    """

    source: str
    path: Path
    size_bytes: int


@dataclass(frozen=True)
class LeftOut:
    """What is not brought in, and why."""

    source: str
    why: str


def found(paths: Sequence[Path], most_mib: int) -> tuple[list[FoundFile], list[LeftOut]]:
    """Return the files below some paths, and what is left out of them.

    A link that is named itself is followed; one inside a directory is not, wherever it points.
    What is hidden inside a directory is passed over.

    Args:
        paths: files and directories that exist.
        most_mib: how long a file may be, in MiB.
    """
    files: dict[str, FoundFile] = {}
    left_out: list[LeftOut] = []
    for path in paths:
        for one in _below(path):
            source = os.fsencode(os.path.abspath(one)).decode("utf-8", "backslashreplace")  # noqa: PTH100
            try:
                why = _why_not(one, one == path, most_mib)
                size = one.stat().st_size if not why else 0
            except OSError as error:
                why, size = f"it cannot be read: {error.strerror}", 0
            if why:
                left_out.append(LeftOut(source, why))
            else:
                files[source] = FoundFile(source, one, size)
    return list(files.values()), left_out


def _below(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    problems: list[OSError] = []
    for directory, directories, names in os.walk(path, onerror=problems.append):
        # os.walk lists a link to a directory among the directories, and does not go into it.
        links = [name for name in directories if (Path(directory) / name).is_symlink()]
        directories[:] = sorted(name for name in directories if not name.startswith("."))
        for name in sorted([*names, *links]):
            if not name.startswith("."):
                yield Path(directory) / name
    for error in problems:
        yield Path(str(error.filename))


def _why_not(path: Path, is_named: bool, most_mib: int) -> str:
    told = path.lstat()
    if stat.S_ISLNK(told.st_mode):
        if not is_named:
            return "it is a link; name what it points to"
        told = path.stat()
    if stat.S_ISDIR(told.st_mode):
        return "it cannot be opened"
    if not stat.S_ISREG(told.st_mode):
        return "it is no plain file"
    if told.st_size > most_mib << 20:
        return (
            f"it is longer than {most_mib} MiB ({told.st_size} bytes; rag_api_max_file_mib)"
        )
    if not os.access(path, os.R_OK):
        return "it cannot be read: Permission denied"
    return ""


def sha256(path: Path) -> str:
    """Return the hash of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
