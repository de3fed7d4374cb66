"""Where the lab keeps its state and its cache."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def _base(variable: str, fallback: str) -> Path:
    value = os.environ.get(variable, "")
    # The XDG specification says that a relative value is to be ignored.
    return Path(value) if value.startswith("/") else Path.home() / fallback


def state_dir() -> Path:
    """The folder of all lab state.

    Returns:
        ``$XDG_STATE_HOME/xnai/lab`` or its default; not created here.
    """
    return _base("XDG_STATE_HOME", ".local/state") / "xnai" / "lab"


def cache_dir() -> Path:
    """The folder of everything that can be built again.

    Returns:
        ``$XDG_CACHE_HOME/xnai/lab`` or its default; not created here.
    """
    return _base("XDG_CACHE_HOME", ".cache") / "xnai" / "lab"


def machines_dir() -> Path:
    """The folder with one folder per machine.

    Returns:
        The path; not created here.
    """
    return state_dir() / "machines"


def snapshots_dir() -> Path:
    """The folder with one folder per snapshot.

    Returns:
        The path; not created here.
    """
    return state_dir() / "snapshots"


def private_dir(path: Path) -> Path:
    """Make a folder that only its owner may enter.

    Args:
        path: the folder; parents are made too.

    Returns:
        The same path.
    """
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path
