"""What the memory sampler costs while it runs, as its own control group counts.

    .venv/bin/python -m benchmarks.sampler MACHINE [--minutes 10]

The machine is deployed, with the sampler (`tasks/sampler.py --data memory_sampler=True`). User-mode
Linux makes each system call far dearer than hardware does, so its share of a core is an upper
bound.
"""

from __future__ import annotations

import argparse
import json
import os
import time

from benchmarks.pairs import RESULTS, commit_of
from xnai.facts.sampler import UNIT
from xnai.lab import machine
from xnai.lab.machine import Machine

GOAL_CORE_PCT = 0.3
GOAL_MB = 20.0
_EVERY_S = 60


def read(one: Machine) -> dict[str, int | str]:
    """Return the unit's counters, and when they were read by the machine's own uptime."""
    said = one.run(
        f"systemctl show -p CPUUsageNSec,MemoryCurrent,MemoryPeak,MainPID {UNIT}; "
        f"sed 's/^/uptime=/; s/ .*//' /proc/uptime; p=$(systemctl show -P MainPID {UNIT}); "
        "sed -n 's/^VmRSS:[[:space:]]*\\([0-9]*\\) kB/rss_kib=\\1/p' /proc/$p/status; "
        "sed -n 's/^Pss:[[:space:]]*\\([0-9]*\\) kB/pss_kib=\\1/p' /proc/$p/smaps_rollup"
    ).stdout
    found: dict[str, int | str] = {}
    for line in said.splitlines():
        name, _, value = line.partition("=")
        found[name] = int(value) if value.isdigit() else value
    return found


def measure(one: Machine, minutes: int) -> list[str]:
    """Read once a minute, and keep the raw data."""
    readings = [read(one)]
    for _ in range(minutes):
        time.sleep(_EVERY_S)
        readings.append(read(one))
    first, last = readings[0], readings[-1]
    if first["MainPID"] != last["MainPID"]:
        raise SystemExit(f"{UNIT} was started anew meanwhile: journalctl -u {UNIT}")
    seconds = float(last["uptime"]) - float(first["uptime"])
    core_pct = (int(last["CPUUsageNSec"]) - int(first["CPUUsageNSec"])) / 1e7 / seconds
    rss_mb = max(int(one["rss_kib"]) for one in readings) * 1024 / 1e6
    peak_mb = int(last["MemoryPeak"]) / 1e6
    result = {
        "commit": commit_of(), "load": list(os.getloadavg()), "seconds": round(seconds, 1),
        "core_pct": round(core_pct, 3), "rss_mb": round(rss_mb, 1), "peak_mb": round(peak_mb, 1),
        "goal_core_pct": GOAL_CORE_PCT, "goal_mb": GOAL_MB, "readings": readings,
    }
    (RESULTS / "sampler.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return [
        f"the memory sampler over {seconds:.0f} s: {core_pct:.2f} % of a core (goal "
        f"{GOAL_CORE_PCT}), {rss_mb:.1f} MB resident (goal {GOAL_MB:g}), control group at most "
        f"{peak_mb:.1f} MB"
    ]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("machine")
    parser.add_argument("--minutes", type=int, default=10)
    options = parser.parse_args()
    print("\n".join(measure(machine.find(options.machine), options.minutes)))


if __name__ == "__main__":
    main()
