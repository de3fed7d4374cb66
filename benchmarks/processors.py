"""Two lab machines at once: one processor each that is kept, or two each that are free to move.

    .venv/bin/python -m benchmarks.processors --base FOLDER --pairs 2

FOLDER is a deployed machine that was kept (`deployed/` in the lab's cache). Each round makes two
copies of it, waits until both are healthy, and runs deploys that change nothing on both.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.pairs import commit_of, keep
from benchmarks.proof import busy_s, calibration
from xnai.lab import create, machine
from xnai.lab.deploying import deploy
from xnai.lab.health import until_healthy, until_started
from xnai.lab.machine import Machine
from xnai.lab.progress import Lines, Silent
from xnai.lab.spec import MachineSpec

AT_ONCE = 2
# Side a is what a lab machine is, side b what it was.
CPUS = {"a": 1, "b": 2}


@dataclass(frozen=True)
class Round:
    """What both machines of one round took.

    Attributes:
        side: a or b.
        cpus: processors of each machine.
        healthy_s: from the start of both until both are healthy, wall seconds.
        healthy_busy_s: processor seconds of the host meanwhile.
        deploys_s: for the deploys of both, wall seconds.
        deploys_busy_s: processor seconds of the host meanwhile.
        calibration_s: of a fixed piece of work before the round.
        load: the host's load averages before the round.
    """

    side: str
    cpus: int
    healthy_s: float
    healthy_busy_s: float
    deploys_s: float
    deploys_busy_s: float
    calibration_s: float
    load: str


def _boot(one: Machine) -> None:
    one.start(Silent())
    until_started(one)
    if not until_healthy(one, 600):
        sys.exit(f"{one.name} does not get healthy")


def _converge(one: Machine, count: int) -> None:
    for _ in range(count):
        outcome = deploy(one)
        if outcome.code or outcome.changed:
            sys.exit(f"not a run that changes nothing: {outcome.changed}\n{outcome.log}")


def _on_all(machines: Sequence[Machine], act: Callable[[Machine], None]) -> tuple[float, float]:
    """Do it on all at once; return wall seconds and the host's processor seconds."""
    busy, started = busy_s(Path("/proc/stat").read_text()), time.monotonic()
    with ThreadPoolExecutor(len(machines)) as pool:
        list(pool.map(act, machines))
    wall_s = time.monotonic() - started
    return round(wall_s, 1), round(busy_s(Path("/proc/stat").read_text()) - busy, 1)


def measure(side: str, base: Path, deploys: int) -> Round:
    """Make two machines of a side, measure them, and throw them away.

    Args:
        side: a or b.
        base: the deployed machine that was kept.
        deploys: how many each of the two gets.
    """
    load = Path("/proc/loadavg").read_text().rsplit(" ", 2)[0]
    fixed_s = calibration()
    made: list[Machine] = []
    try:
        for number in range(AT_ONCE):
            spec = MachineSpec(name=f"pair-{number}", cpus=CPUS[side])
            create.make(spec.on(base), Silent())
            made.append(machine.find(spec.name))
        healthy = _on_all(made, _boot)
        converged = _on_all(made, lambda one: _converge(one, deploys))
    finally:
        for one in made:
            one.down()
    return Round(side, CPUS[side], *healthy, *converged, fixed_s, load)


def main() -> None:
    """Measure pair by pair, print the ratios and keep the raw data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=2)
    parser.add_argument("--deploys", type=int, default=3)
    options = parser.parse_args()
    progress, rounds = Lines(), []
    lines: list[str] = []
    for _ in range(options.pairs):
        pair = [measure(side, options.base, options.deploys) for side in CPUS]
        rounds += pair
        one, two = pair
        lines.append(
            f"one kept processor by two free ones: until healthy {one.healthy_s} / "
            f"{two.healthy_s} s = {one.healthy_s / two.healthy_s:.2f}, {options.deploys} deploys "
            f"each {one.deploys_s} / {two.deploys_s} s = {one.deploys_s / two.deploys_s:.2f}"
        )
        progress.say(lines[-1])
        keep("processors", rounds, lines, commit=commit_of())


if __name__ == "__main__":
    main()
