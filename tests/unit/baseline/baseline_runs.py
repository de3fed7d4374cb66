"""Runs for the tests of baselines: made of samples whose figures are known."""

from __future__ import annotations

import json

MIB = 1 << 20


def sample(phase, t_s, **changes):
    """A sample of a machine of 4 GiB with zram, one container, and counters that grow by time."""
    one = {
        "t_s": t_s, "clock_s": 1_790_000_000 + t_s, "phase": phase,
        "meminfo": {
            "MemTotal": 4096 * MIB, "MemFree": 100 * MIB, "MemAvailable": 1024 * MIB,
            "SwapTotal": 8192 * MIB, "SwapFree": 7168 * MIB, "AnonPages": 2000 * MIB,
            "Zswap": None, "Zswapped": None,
        },
        "vmstat": {
            "pswpin": 256 * t_s, "pswpout": 512 * t_s, "zswpin": None, "zswpout": None,
            "workingset_refault_anon": 0, "workingset_refault_file": 128 * t_s, "pgmajfault": t_s,
            "oom_kill": 3,
        },
        "pressure": {
            "memory": {"some": 100_000 * t_s, "full": 20_000 * t_s},
            "io": {"some": 0, "full": 0}, "cpu": {"some": None, "full": None},
        },
        "zram": {
            "orig_data_size": 1024 * MIB, "compr_data_size": 256 * MIB,
            "mem_used_total": 270 * MIB, "mem_limit": 0, "mem_used_max": 300 * MIB,
            "same_pages": 10, "pages_compacted": 0, "huge_pages": 5, "disksize": 8192 * MIB,
        },
        "containers": {
            "xnai_redis": {
                "memory.current": 100 * MIB, "memory.peak": 150 * MIB,
                "memory.swap.current": 512 * MIB, "memory.zswap.current": 0,
                "events": {"high": 0, "max": 4, "oom": 0, "oom_kill": 0},
                "pressure": {"some": 50_000 * t_s, "full": 0},
            },
        },
    }
    return one | changes


def lines(*more, phases=("steady state", "load", "recovery"), end=True):
    """The lines of a whole run, ten samples a phase."""
    found = [{"event": "machine", "t_s": 0, "page_size": 4096, "kernel": "6.12", "cpus": 2,
              "architecture": "x86_64", "zram_algorithm": "lzo [zstd]", "sysctl": {},
              "swaps": [["/dev/zram0", "partition", "1", "0", "100"]]}]
    t_s = 0
    for phase in phases:
        found.append({"event": "phase", "phase": phase, "t_s": t_s})
        for _ in range(10):
            found.append(sample(phase, t_s))
            t_s += 1
    found += more
    if end:
        found.append({"event": "end", "t_s": t_s})
    return [json.dumps(one) for one in found]


def request(number, seconds, error=""):
    """A request that was made."""
    return {"event": "request", "number": number, "t_s": 15 + number, "started_s": 10 + number,
            "seconds": seconds, "error": error}
