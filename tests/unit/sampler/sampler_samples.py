"""Samples for the sampler's tests, and a machine's files from which they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

MIB = 1 << 20
PAGE = 4096
LIMITS = {
    "memory_warn_zram_fill_pct": 90, "memory_warn_zram_ratio": 1.5,
    "memory_warn_swap_in_mib_per_s": 64, "memory_warn_pressure_pct": 10,
    "memory_warn_refault_mib_per_s": 64,
}
ID = "0123456789abcdef" * 4


def container(**changes: Any) -> dict[str, Any]:
    """Return a container's reading."""
    return {
        "memory.current": 40 * MIB, "memory.peak": 50 * MIB, "memory.max": 96 * MIB,
        "memory.swap.current": 0, "memory.swap.max": None, "memory.zswap.current": None,
        "events": {"high": 0, "max": 0, "oom": 0, "oom_kill": 0},
        "pressure": {"some": 1_500_000, "full": 500_000}, **changes,
    }


def sample(
    fill_pct: float = 10, ratio: float = 3.0, swapped_in: int = 0, waited_us: int | None = 0,
    refaulted: int = 0, kills: int = 0, **containers: Any,
) -> dict[str, Any]:
    """Return a machine's reading: zram0 of 8 GiB, counters in pages, microseconds and kills."""
    size = 8192 * MIB
    original = int(size * fill_pct / 100)
    return {
        "meminfo": {"MemTotal": 16384 * MIB}, "containers": containers,
        "vmstat": {
            "pswpin": swapped_in, "oom_kill": kills, "workingset_refault_file": refaulted,
            "workingset_refault_anon": 3, "zswpin": None, "zswpout": None,
        },
        "pressure": {"memory": {"some": waited_us, "full": 0}},
        "zram": {
            "disksize": size, "orig_data_size": original, "compr_data_size": int(original / ratio),
            "mem_used_total": int(original / ratio) + MIB, "mem_used_max": size, "same_pages": 2,
            "huge_pages": 5, "bd_count": None, "bd_reads": None, "bd_writes": None,
        },
    }


def machine(root: Path, uid: int, name: str = "xnai_redis") -> Path:
    """Make the files of a machine with one container; return its control group."""
    group = root / (
        f"sys/fs/cgroup/user.slice/user-{uid}.slice/user@{uid}.service/user.slice/"
        f"libpod-{ID}.scope"
    )
    files = {
        "proc/meminfo": "MemTotal: 16777216 kB\nMemAvailable: 8388608 kB\n",
        "proc/vmstat": "pswpin 1\nworkingset_refault_anon 3\noom_kill 0\n",
        "proc/pressure/memory": "some avg10=0 avg60=0 avg300=0 total=10\n",
        "sys/block/zram0/disksize": f"{8192 * MIB}\n",
        "sys/block/zram0/mm_stat": "1048576 262144 270336 0 300000 10 0 5 0\n",
        "sys/block/zram0/bd_stat": "3 4 5\n",
        "proc/77/comm": "conmon\n",
        "proc/77/cmdline": f"/usr/bin/conmon\0--api-version\0001\0-c\0{ID}\0-n\0{name}\0",
        "proc/77/cgroup": f"0::/user.slice/libpod-conmon-{ID}.scope\n",
        "proc/78/comm": "bash\n",
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    group.mkdir(parents=True)
    for file, text in {
        "memory.current": "4096\n", "memory.peak": "8192\n", "memory.max": "max\n",
        "memory.swap.current": "0\n", "memory.swap.max": "1048576\n",
        "memory.events": "high 0\nmax 2\noom 0\noom_kill 1\n",
        "memory.pressure": "some avg10=0 avg60=0 avg300=0 total=1500000\n",
    }.items():
        (group / file).write_text(text)
    # What crun makes inside of it is the container's own.
    (group / "container" / f"libpod-{'f' * 64}.scope").mkdir(parents=True)
    (group.parent / f"libpod-conmon-{ID}.scope").mkdir()
    return group
