"""Settings for tests: those of group_data/all.py with a few changed, for a given amount of RAM."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from xnai.models.found import ModelFile
from xnai.run.model_files import with_needs
from xnai.settings.model import Settings
from xnai.stack.catalogue import SCHEMA, derive

ROOT = Path(__file__).parents[3]
CASES = Path(__file__).parent / "cases"


def settings(
    ram_kib: int = 15099264, models: dict[str, ModelFile] | None = None, **changes: Any
) -> Settings:
    raw = runpy.run_path(str(ROOT / "group_data/all.py")) | changes
    declared = SCHEMA.declarations.values()
    checked = {one.name: one.check(raw[one.name]) for one in declared}
    return derive(checked, ram_kib, "UTC", with_needs(models or {}, checked))
