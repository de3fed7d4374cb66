"""What a run that changes nothing costs on one, two and three machines at once."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import pairs
from benchmarks.noop import without_health_checks
from benchmarks.wanted import settings_of
from xnai.lab import deploying, machine, snapshots
from xnai.lab.machine import Machine
from xnai.lab.progress import Progress
from xnai.lab.spec import MachineSpec
from xnai.templating.render import ROOT

MOST_MACHINES = 3
SNAPSHOT = "bench-many"


@dataclass(frozen=True)
class Measured:
    """One run: machines at once, wall seconds, CPU seconds of the controller's process."""

    machines: int
    wall_s: float
    cpu_s: float


def measure(one: Machine, runs: int, progress: Progress) -> list[str]:
    """Run on one, two and three copies of a machine, in turn.

    Args:
        one: a provisioned machine; it is stopped while its disk is copied.
        runs: how often each number of machines is measured.
        progress: where each step is told.
    """
    one.stop(progress)
    one.snapshot(SNAPSHOT, progress)
    one.start(progress)
    made = [one]
    try:
        for number in range(2, MOST_MACHINES + 1):
            spec = MachineSpec(f"{one.name}-{number}", from_snapshot=SNAPSHOT)
            made.append(machine.up(spec, progress))
        with tempfile.TemporaryDirectory() as directory:
            inventories = [
                deploying.inventory_of(made[:count], Path(directory) / f"{count}.py")
                for count in range(1, MOST_MACHINES + 1)
            ]
            for machine_ in made:
                without_health_checks(machine_, settings_of(one).stack_user)
            # The copies have their names to take in, and every container its first check.
            _run(one, inventories[-1])
            measured = []
            for _ in range(runs):
                for count, inventory in enumerate(inventories, 1):
                    run = pairs.timed("a", partial(_unchanged, one, inventory))
                    measured.append(Measured(count, run.wall_s, run.cpu_s))
                    progress.say(f"{count} machines: {run.wall_s:.1f} s")
    finally:
        for copy in made[1:]:
            copy.down()
        snapshots.remove(SNAPSHOT)
    lines = ["A run that changes nothing, on several machines at once", *_table(measured)]
    pairs.keep("many", measured, lines, commit=pairs.commit_of(), load=os.getloadavg())
    return lines


def _table(measured: Sequence[Measured]) -> list[str]:
    lines = []
    for count in range(1, MOST_MACHINES + 1):
        walls = sorted(run.wall_s for run in measured if run.machines == count)
        cpus = [run.cpu_s for run in measured if run.machines == count]
        lines.append(
            f"  {count} machines  median {statistics.median(walls):6.2f} s  "
            f"(min {walls[0]:.2f}, max {walls[-1]:.2f}, n {len(walls)})  "
            f"controller CPU {statistics.median(cpus):.2f} s"
        )
    return lines


def _run(one: Machine, inventory: Path) -> list[str]:
    """Run the deploy and return the names of the operations that it executed."""
    done = subprocess.run(
        deploying.pyinfra_argv("--json"), cwd=ROOT, capture_output=True, text=True, check=False,
        env={**deploying.environment(one), "XNAI_HOSTS": str(inventory)},
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return [item["name"] for item in json.loads(done.stdout)["results"]["operations"]]


def _unchanged(one: Machine, inventory: Path) -> None:
    if changed := _run(one, inventory):
        sys.exit(f"not a run that changes nothing: {changed}")
