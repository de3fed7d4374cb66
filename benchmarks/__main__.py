"""`make bench`: what a run that changes nothing costs, and what a fresh machine takes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import changed_line, fresh, images, many, noop, simulated
from benchmarks.wanted import settings_of
from xnai.lab import deploying, machine, registry
from xnai.lab.machine import Machine
from xnai.lab.progress import Lines, Progress
from xnai.lab.spec import MachineSpec

# Those that measure a provisioned machine, and the one that makes its own.
ON_ONE = ("noop", "simulated", "changed_line", "images", "many")
ALL = (*ON_ONE, "fresh")


def provisioned(name: str | None, backend: str, progress: Progress) -> Machine:
    """Return the machine of that name, or a fresh one after a deploy."""
    if name:
        return machine.find(name)
    one = machine.up(MachineSpec(name="bench", backend=backend), progress)
    outcome = deploying.deploy(one)
    if outcome.code:
        sys.exit(outcome.log)
    return one


def on_one(
    wanted: Sequence[str], options: argparse.Namespace, progress: Progress
) -> list[str]:
    """Measure what needs a provisioned machine."""
    one = provisioned(options.machine, options.backend, progress)
    lines: list[str] = []
    if "noop" in wanted:
        beside = machine.find(options.earlier_machine) if options.earlier_machine else None
        lines += noop.measure(one, options.runs, options.earlier, beside)
    if "simulated" in wanted:
        lines += simulated.measure(one, options.runs, progress)
    if "changed_line" in wanted:
        lines += changed_line.measure(one, options.runs, progress)
    if "images" in wanted:
        lines += images.measure(one, settings_of(one), progress)
    if "many" in wanted:
        lines += many.measure(one, options.runs, progress)
    if not options.machine:
        one.down()
    return lines


def main() -> None:
    """Measure on lab machines and print the reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=ALL, action="append")
    parser.add_argument("--runs", type=int, default=7, help="alternating runs of noop and many")
    parser.add_argument("--rounds", type=int, default=2, help="alternating fresh machines")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--earlier", type=Path, help="an earlier commit's checkout, for noop")
    parser.add_argument("--earlier-machine", help="a lab machine that this checkout deployed")
    parser.add_argument("--machine", help="a provisioned lab machine for all but fresh")
    options = parser.parse_args()
    progress = Lines()
    registry.up(progress)
    wanted = options.only or ALL
    lines: list[str] = []
    if set(ON_ONE) & set(wanted):
        lines += on_one(wanted, options, progress)
    if "fresh" in wanted:
        lines += fresh.measure(options.rounds, options.backend)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
