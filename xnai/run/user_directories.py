"""Where this user's programs keep things on the controller, by the XDG base directories."""

from __future__ import annotations

import os
from pathlib import Path


def state() -> Path:
    """Return what must outlive a run: `$XDG_STATE_HOME/xnai` or its default; it may not exist."""
    return _base("XDG_STATE_HOME", ".local/state") / "xnai"


def cache() -> Path:
    """Return what can be made again: `$XDG_CACHE_HOME/xnai` or its default; it may not exist."""
    return _base("XDG_CACHE_HOME", ".cache") / "xnai"


def _base(variable: str, fallback: str) -> Path:
    value = os.environ.get(variable, "")
    # The XDG specification says that a relative value is to be ignored.
    return Path(value) if value.startswith("/") else Path.home() / fallback
