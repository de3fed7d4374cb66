"""One reading of a machine's memory, from /proc and /sys; what cannot be read is None, never 0."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

Number = int | float | None

MEMINFO = (
    "MemTotal", "MemFree", "MemAvailable", "SwapTotal", "SwapFree", "AnonPages", "Zswap",
    "Zswapped",
)
"""Lines of /proc/meminfo, in KiB there and in bytes here."""

VMSTAT = (
    "pswpin", "pswpout", "zswpin", "zswpout", "workingset_refault_anon", "workingset_refault_file",
    "pgmajfault", "oom_kill",
)
"""Lines of /proc/vmstat: pages or events since the boot."""

MM_STAT = (
    "orig_data_size", "compr_data_size", "mem_used_total", "mem_limit", "mem_used_max",
    "same_pages", "pages_compacted", "huge_pages",
)
"""Columns of /sys/block/zram0/mm_stat (Documentation/admin-guide/blockdev/zram.rst)."""

BD_STAT = ("bd_count", "bd_reads", "bd_writes")
"""Columns of /sys/block/zram0/bd_stat, in units of 4 KiB; only where pages can be written back."""

_OF_CONTAINER = (
    "memory.current", "memory.peak", "memory.max", "memory.swap.current", "memory.swap.max",
    "memory.zswap.current",
)
_EVENTS = ("high", "max", "oom", "oom_kill")


def _text(path: Path) -> str | None:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return None


def _number(path: Path) -> int | None:
    text = (_text(path) or "").strip()
    return int(text) if text.isdigit() else None


def named(text: str | None, names: Iterable[str]) -> dict[str, int | None]:
    """Return the numbers of lines `NAME VALUE` or `NAME: VALUE kB`, the latter in bytes."""
    found: dict[str, int | None] = dict.fromkeys(names)
    for line in (text or "").splitlines():
        match = re.match(r"(\w+):?\s+(\d+)( kB)?$", line.strip())
        if match and match[1] in found:
            found[match[1]] = int(match[2]) << (10 if match[3] else 0)
    return found


def pressure(text: str | None) -> dict[str, int | None]:
    """Return `some` and `full` of a PSI file: microseconds of waiting since the boot."""
    found: dict[str, int | None] = {"some": None, "full": None}
    for line in (text or "").splitlines():
        if match := re.match(r"(some|full) .*total=(\d+)", line):
            found[match[1]] = int(match[2])
    return found


def zram(root: Path) -> dict[str, int | None] | None:
    """Return mm_stat and bd_stat of zram0, with its disksize; None where there is no zram0."""
    device = root / "sys/block/zram0"
    if not device.exists():
        return None
    size = {"disksize": _number(device / "disksize")}
    return _columns(device / "mm_stat", MM_STAT) | _columns(device / "bd_stat", BD_STAT) | size


def _columns(path: Path, names: Iterable[str]) -> dict[str, int | None]:
    """The numbers of a file's only line, by the names of its columns."""
    found: dict[str, int | None] = dict.fromkeys(names)
    for name, word in zip(found, (_text(path) or "").split(), strict=False):
        found[name] = int(word) if word.isdigit() else None
    return found


def machine(root: Path = Path("/")) -> dict[str, object]:
    """Return a reading of the whole machine.

    Args:
        root: of the file system that is read.
    """
    return {
        "meminfo": named(_text(root / "proc/meminfo"), MEMINFO),
        "vmstat": named(_text(root / "proc/vmstat"), VMSTAT),
        "pressure": {
            what: pressure(_text(root / f"proc/pressure/{what}"))
            for what in ("memory", "io", "cpu")
        },
        "zram": zram(root),
    }


def container(directory: Path) -> dict[str, object] | None:
    """Return a reading of a control group; None where it is gone. A limit of "max" is None.

    Args:
        directory: of the container, below /sys/fs/cgroup.
    """
    if not directory.is_dir():
        return None
    return {
        **{name: _number(directory / name) for name in _OF_CONTAINER},
        "events": named(_text(directory / "memory.events"), _EVENTS),
        "pressure": pressure(_text(directory / "memory.pressure")),
    }


def containers(groups: Mapping[str, str], root: Path = Path("/")) -> dict[str, object]:
    """Return a reading of each container, by name.

    Args:
        groups: name -> path of its control group, as Podman tells it.
        root: of the file system that is read.
    """
    return {
        name: container(root / "sys/fs/cgroup" / path.lstrip("/")) for name, path in groups.items()
    }
