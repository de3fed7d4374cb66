"""Settings for tests: the shipped ones with a few changed, for a given amount of RAM."""

from __future__ import annotations

import runpy
from functools import cache
from pathlib import Path
from typing import Any

from xnai.settings import check, layers
from xnai.settings.derive import derive
from xnai.settings.model import Settings

ROOT = Path(__file__).parents[2]
ALL_PY = ROOT / "group_data/all.py"
GIB_KIB = 1024 * 1024


@cache
def shipped() -> dict[str, Any]:
    """Return the raw settings of group_data/all.py, just those that its __all__ exports."""
    names = runpy.run_path(str(ALL_PY))
    return {name: names[name] for name in names["__all__"]}


def problems(**changes: Any) -> list[str]:
    """Return what is wrong with the shipped settings after `changes`."""
    return check([layers.Layer("group_data/all.py", shipped() | changes)])[1]


def make(ram_kib: int = 16 * GIB_KIB, **changes: Any) -> Settings:
    """Return the settings of a host with `ram_kib` KiB of RAM; they must be valid."""
    checked, wrong = check([layers.Layer("group_data/all.py", shipped() | changes)])
    assert wrong == []
    return derive(checked, ram_kib, "Europe/Berlin")
