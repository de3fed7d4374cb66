"""Settings for tests: the shipped ones with a few changed, for a given amount of RAM."""

from __future__ import annotations

import runpy
from functools import cache
from pathlib import Path
from typing import Any

from xnai.settings import layers
from xnai.settings.model import Settings
from xnai.stack.catalogue import BUILT_IN, SCHEMA, derive

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
    return SCHEMA.check([layers.Layer("group_data/all.py", shipped() | changes)])[1]


def make(ram_kib: int = 16 * GIB_KIB, **changes: Any) -> Settings:
    """Return the settings of a host with `ram_kib` KiB of RAM; they must be valid."""
    checked, wrong = SCHEMA.check([layers.Layer("group_data/all.py", shipped() | changes)])
    assert wrong == []
    return derive(checked, ram_kib, "Europe/Berlin")


def limits_mib() -> dict[str, int]:
    """Return the least memory limit of each service that runs for long, by its name."""
    return {one.name: one.memory.lowest_mib for one in BUILT_IN if one.memory}
