"""Paths in which nobody else than root can put something in root's way. Runs on the host."""

from __future__ import annotations

import stat
from pathlib import Path

from xnai.programs.backup.process import Failed


def require_safe_directory(directory: Path, setting: str) -> None:
    """Refuse a directory in which somebody else than root could put something in root's way.

    Args:
        directory: absolute.
        setting: that names it, or something in it.

    Raises:
        Failed: it is one.
    """
    for path in (directory, *directory.parents):
        try:
            found = path.lstat()
        except OSError as error:
            raise Failed(
                f"{setting} = {directory}: {path}: {error.strerror}. Nothing was changed."
            ) from None
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
            kind = "no directory" if not stat.S_ISDIR(found.st_mode) else stat.filemode(
                found.st_mode
            )
            raise Failed(
                f"{setting} = {directory}: {path} is {kind}, owned by UID {found.st_uid}. It and "
                "all above it must be directories of root's that nobody else may write to "
                f"(chown root {path}; chmod go-w {path}). Nothing was changed."
            )


def require_secret_file(path: Path, setting: str) -> None:
    """Refuse a file with a key that others than root may read or replace, or that is empty.

    Args:
        path: absolute.
        setting: that names it.

    Raises:
        Failed: it is one.
    """
    require_safe_directory(path.parent, f"the directory of {setting}")
    try:
        found = path.lstat()
    except OSError as error:
        raise Failed(f"{path}: {error.strerror}. Nothing was changed.") from None
    if not stat.S_ISREG(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o077:
        raise Failed(
            f"{path} is {stat.filemode(found.st_mode)}, owned by UID {found.st_uid}. It must be a "
            f"plain file of root's that nobody else may read (chown root {path}; chmod 600 "
            f"{path}). Nothing was changed."
        )
    if not path.read_bytes().split(b"\n")[0].strip():
        raise Failed(f"{path}: its first line is empty. Nothing was changed.")
