"""The live memory values of rootless containers' cgroups, read without asking Podman."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

_FILES = {
    "memory.max": "max_bytes",
    "memory.low": "low_bytes",
    "memory.swap.max": "swap_max_bytes",
    "memory.current": "current_bytes",
    "memory.swap.current": "swap_current_bytes",
}
_KILLS = "memory.events:oom_kill"

# Podman's systemd cgroup manager gives a rootless container a scope below its user's user.slice;
# crun makes `container` in it. Reading with the shell's own words: dozens of small files are not
# worth a process each.
SCRIPT = (
    "cd /sys/fs/cgroup/user.slice 2>/dev/null && "
    "for c in user-*.slice/user@*.service/user.slice/libpod-*.scope; do "
    'for d in "$c" "$c/container"; do [ -d "$d" ] || continue; '
    f"for f in {' '.join(_FILES)}; do "
    'read -r v < "$d/$f" && echo "${c##*/libpod-} $f $v"; done; done; '
    'while read -r k v; do [ "$k" != oom_kill ] || '
    f'echo "${{c##*/libpod-}} {_KILLS} $v"; done < "$c/memory.events"; '
    "done 2>/dev/null; :"
)


_VALUE = re.compile(r"([0-9a-f]+)\.scope (memory\.[a-z_.:]+) (max|[0-9]+)")


@dataclass(frozen=True)
class Cgroup:
    """A container's memory (kernel, admin-guide/cgroup-v2.rst), in bytes; None is "max".

    Of its two cgroups, one in the other, the smaller value counts: crun 1.21 gives the outer one
    the sum of memory and swap as its memory.swap.max, the inner one the swap alone.

    Attributes:
        max_bytes: memory.max.
        low_bytes: memory.low.
        swap_max_bytes: memory.swap.max.
        current_bytes: memory.current.
        swap_current_bytes: memory.swap.current.
        oom_kills: processes that were killed in it for want of memory (memory.events, oom_kill).
    """

    max_bytes: int | None
    low_bytes: int | None
    swap_max_bytes: int | None
    current_bytes: int | None
    swap_current_bytes: int | None
    oom_kills: int = 0


def parse_cgroups(lines: Sequence[str]) -> dict[str, Cgroup]:
    """Return container ID -> its cgroup; one that ended while it was read is left out."""
    found: dict[str, dict[str, float]] = {}
    kills: dict[str, int] = {}
    for line in lines:
        if not (match := _VALUE.fullmatch(line)):
            continue
        scope, name, text = match.groups()
        if name == _KILLS:
            kills[scope] = int(text)
            continue
        value = math.inf if text == "max" else int(text)
        values = found.setdefault(scope, {})
        # What is used: by the outer one, which comes first.
        if name.endswith(".current"):
            values.setdefault(name, value)
        else:
            values[name] = min(value, values.get(name, math.inf))
    return {
        id_: Cgroup(
            **{_FILES[n]: None if math.isinf(v) else int(v) for n, v in values.items()},
            oom_kills=kills.get(id_, 0),
        )
        for id_, values in found.items() if values.keys() == _FILES.keys()
    }
