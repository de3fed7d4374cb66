"""The sampler as one file that the host's Python runs, with its settings in it."""

from __future__ import annotations

import json
from typing import Any

from xnai.programs.pack import pack
from xnai.settings.model import Settings

_MAIN = """\
import json
import sys

from xnai.programs.sampler.host import main

main(json.loads({text!r}), sys.argv[1])
"""
LIMITS = (
    "memory_warn_zram_fill_pct", "memory_warn_zram_ratio", "memory_warn_swap_in_mib_per_s",
    "memory_warn_pressure_pct", "memory_warn_refault_mib_per_s",
)
"""Settings that are thresholds."""


def make_spec(settings: Settings) -> dict[str, Any]:
    """Return what the program is told."""
    return {
        "stack_user": settings.stack_user,
        "interval_s": settings.memory_sampler_interval_s,
        "history_bytes": settings.memory_sampler_history_mib << 20,
        "limits": {name: getattr(settings, name) for name in LIMITS},
    }


def bundle(settings: Settings) -> bytes:
    """Return the program, for `python3 FILE VERSION`."""
    return pack(_MAIN.format(text=json.dumps(make_spec(settings), sort_keys=True)))
