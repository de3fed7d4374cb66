"""From samples to the figures of each phase. What was not read is None, and never 0."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from xnai.baseline.model import PHASES, MeasuredRun

MIB = 1 << 20
Number = float | None


def value_of(one: dict[str, Any], *keys: str) -> Any:
    """Return what stands below these keys of a sample, or None."""
    for key in keys:
        one = one.get(key) if isinstance(one, dict) else None  # type: ignore[assignment]
    return one


def _minus(first: Number, second: Number) -> Number:
    return None if first is None or second is None else first - second


def ram_used(one: dict[str, Any]) -> Number:
    """Bytes of RAM that nothing else could have: MemTotal - MemAvailable."""
    return _minus(value_of(one, "meminfo", "MemTotal"), value_of(one, "meminfo", "MemAvailable"))


def swap_used(one: dict[str, Any]) -> Number:
    """Bytes of all swap devices in use."""
    return _minus(value_of(one, "meminfo", "SwapTotal"), value_of(one, "meminfo", "SwapFree"))


def zram(column: str) -> Callable[[dict[str, Any]], Number]:
    """Return the reader of a column of zram0's mm_stat, in bytes or pages."""
    return lambda one: value_of(one, "zram", column)


def ratio(one: dict[str, Any]) -> Number:
    """How many bytes a byte of zram's store holds: orig_data_size / compr_data_size."""
    whole, packed = zram("orig_data_size")(one), zram("compr_data_size")(one)
    return whole / packed if whole and packed else None


LEVELS: tuple[tuple[str, str, Callable[[dict[str, Any]], Number], float], ...] = (
    ("ram_used_mib", "RAM used (MemTotal - MemAvailable), MiB", ram_used, MIB),
    ("swap_used_mib", "swap used, MiB", swap_used, MIB),
    ("zram_original_mib", "zram: original data, MiB", zram("orig_data_size"), MIB),
    ("zram_compressed_mib", "zram: compressed data, MiB", zram("compr_data_size"), MIB),
    ("zram_resident_mib", "zram: memory that it holds, MiB", zram("mem_used_total"), MIB),
    ("zram_same_pages", "zram: pages of one value, pages", zram("same_pages"), 1),
    ("zram_huge_pages", "zram: pages that do not compress, pages", zram("huge_pages"), 1),
    ("zram_ratio", "zram: original / compressed", ratio, 1),
    ("zswap_mib", "zswap: pool, MiB", lambda one: value_of(one, "meminfo", "Zswap"), MIB),
)
"""What has a level at each moment: key, words with unit, reader, divisor."""

_PAGES = ("pswpin", "pswpout", "workingset_refault_anon", "workingset_refault_file")
RATES = (
    ("swap_in_mib_per_s", "swapped in, MiB/s", "pswpin"),
    ("swap_out_mib_per_s", "swapped out, MiB/s", "pswpout"),
    ("refault_anon_mib_per_s", "anonymous pages read again, MiB/s", "workingset_refault_anon"),
    ("refault_file_mib_per_s", "file pages read again, MiB/s", "workingset_refault_file"),
    ("major_faults_per_s", "major faults, 1/s", "pgmajfault"),
    ("oom_kills", "kills for want of memory", "oom_kill"),
)
"""What counts up: key, words with unit, line of /proc/vmstat."""


def _over(samples: Sequence[dict[str, Any]], *keys: str) -> Number:
    """How much a counter grew from the first sample that has it to the last."""
    values = [found for one in samples if (found := value_of(one, *keys)) is not None]
    return None if len(values) < 2 or values[-1] < values[0] else values[-1] - values[0]


def seconds(samples: Sequence[dict[str, Any]]) -> float:
    """How long it is from the first sample to the last."""
    return float(samples[-1]["t_s"] - samples[0]["t_s"]) if len(samples) > 1 else 0.0


def _spread(values: Sequence[Number]) -> dict[str, Number]:
    known = [one for one in values if one is not None]
    if not known:
        return {"least": None, "median": None, "most": None}
    return {"least": min(known), "median": statistics.median(known), "most": max(known)}


def waited(samples: Sequence[dict[str, Any]], *keys: str) -> Number:
    """Percent of the time in which tasks waited (PSI): growth of `total` by the time passed."""
    grown, passed = _over(samples, *keys), seconds(samples)
    return None if grown is None or not passed else grown / 1e6 / passed * 100


def of_phase(run: MeasuredRun, phase: str) -> dict[str, Any] | None:
    """Return the figures of a phase; None where it was not measured."""
    samples = run.of(phase)
    if not samples:
        return None
    page = run.about.get("page_size")
    passed = seconds(samples)
    found: dict[str, Any] = {"seconds": round(passed, 1), "samples": len(samples)}
    for key, _, reader, divisor in LEVELS:
        values = [reader(one) for one in samples]
        found[key] = _spread([None if one is None else one / divisor for one in values])
    for key, _, line in RATES:
        grown = _over(samples, "vmstat", line)
        if grown is not None and line in _PAGES:
            grown = grown * page / MIB if page else None
        if grown is not None and not key.endswith("kills"):
            grown = grown / passed if passed else None
        found[key] = grown
    for what in ("memory", "io", "cpu"):
        for kind in ("some", "full"):
            found[f"psi_{what}_{kind}_pct"] = waited(samples, "pressure", what, kind)
    found["containers"] = _containers(samples)
    return found


def _containers(samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    names = sorted({name for one in samples for name in one["containers"]})
    found = {}
    for name in names:
        def mib(key: str, name: str = name) -> list[Number]:
            values = [value_of(one, "containers", name, key) for one in samples]
            return [None if one is None else one / MIB for one in values]

        found[name] = {
            "current_mib": _spread(mib("memory.current")),
            "swap_mib": _spread(mib("memory.swap.current")),
            "peak_mib": _spread(mib("memory.peak"))["most"],
            "zram_share_mib": _spread([_share(one, name) for one in samples])["median"],
            "psi_some_pct": waited(samples, "containers", name, "pressure", "some"),
            "oom_kills": _over(samples, "containers", name, "events", "oom_kill"),
            "at_limit": _over(samples, "containers", name, "events", "max"),
        }
    return found


def _share(one: dict[str, Any], name: str) -> Number:
    """Its part of the memory that zram holds, by its part of what is swapped: an estimate."""
    its, whole = value_of(one, "containers", name, "memory.swap.current"), swap_used(one)
    held = value_of(one, "zram", "mem_used_total")
    return None if its is None or held is None or not whole else held * its / whole / MIB


def latencies(run: MeasuredRun) -> dict[str, Any]:
    """Return what requests took, in seconds, and how many failed."""
    told = run.told("request")
    well = sorted(one["seconds"] for one in told if not one["error"])
    return {
        "requests": len(told), "failed": len(told) - len(well),
        "median_s": statistics.median(well) if well else None,
        "p95_s": percentile(well, 95), "most_s": well[-1] if well else None,
        "errors": sorted({str(one["error"]) for one in told if one["error"]}),
    }


def percentile(ordered: Sequence[float], pct: int) -> Number:
    """Return the nearest-rank percentile of sorted values; None of none."""
    return ordered[max(0, -(-len(ordered) * pct // 100) - 1)] if ordered else None


def summary(run: MeasuredRun) -> dict[str, Any]:
    """Return all figures of a run, by phase."""
    return {
        "phases": {phase: of_phase(run, phase) for phase in PHASES},
        "requests": latencies(run),
        "healthy_after_s": next((one["after_s"] for one in run.told("healthy")), None),
        "restarted": sorted({one["container"] for one in run.told("restarted")}),
        "clock_jumps_s": [one["jumped_s"] for one in run.told("clock")],
        "machine": {
            "ram_mib": _mib(value_of(run.samples[0], "meminfo", "MemTotal")),
            "swap_mib": _mib(value_of(run.samples[0], "meminfo", "SwapTotal")),
            "zram_mib": _mib(value_of(run.samples[0], "zram", "disksize")),
            **{key: run.about.get(key) for key in
               ("kernel", "architecture", "cpus", "zram_algorithm", "sysctl", "swaps")},
        },
    }


def _mib(value: Number) -> Number:
    return None if value is None else round(value / MIB)
