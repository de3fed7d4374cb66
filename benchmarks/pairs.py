"""Alternating runs of two ways to do one thing, their ratios, and the raw data."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

RESULTS = Path(__file__).parent / "results"


def commit_of(folder: Path = RESULTS.parent) -> str:
    """Return the short name of the commit that a checkout is at."""
    return subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=folder, check=True, capture_output=True,
        text=True,
    ).stdout.strip()


@dataclass(frozen=True)
class Run:
    """One run: its side (a or b), wall seconds, and CPU seconds of the controller's children."""

    side: str
    wall_s: float
    cpu_s: float


def timed(side: str, act: Callable[[], None]) -> Run:
    """Run `act`, which starts processes and waits for them, and return what it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    act()
    wall_s = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(side, round(wall_s, 3), round(cpu_s, 3))


def median(runs: Sequence[Run], side: str, field: str = "wall_s") -> float:
    """Return the median of a field over one side's runs."""
    values: list[float] = [getattr(run, field) for run in runs if run.side == side]
    return statistics.median(values)


def report(title: str, runs: Sequence[Run], names: tuple[str, str], goal: float) -> list[str]:
    """Return lines with each side's figures and the ratio pair by pair.

    Args:
        title: what was measured.
        runs: a, b, a, b, ...
        names: what side a and side b are.
        goal: the highest ratio a/b that was aimed at.
    """
    lines = [title]
    for side, name in zip("ab", names, strict=True):
        walls = sorted(run.wall_s for run in runs if run.side == side)
        lines.append(
            f"  {name:<34} median {median(runs, side):8.2f} s  "
            f"(min {walls[0]:.2f}, max {walls[-1]:.2f}, n {len(walls)})  "
            f"controller CPU {median(runs, side, 'cpu_s'):.2f} s"
        )
    words, middle = ratio(runs, "a", "b")
    lines.append(
        f"  {words}; goal at most {goal}: {'reached' if middle <= goal else 'NOT reached'}"
    )
    return lines


def ratio(runs: Sequence[Run], side: str, other: str) -> tuple[str, float]:
    """Return one side's wall time by another's, pair by pair: in words, and the median."""
    sides = [[run.wall_s for run in runs if run.side == one] for one in (side, other)]
    found = sorted(a / b for a, b in zip(*sides, strict=True))
    middle = statistics.median(found)
    words = f"ratio pair by pair: median {middle:.2f} (min {found[0]:.2f}, max {found[-1]:.2f})"
    return words, middle


def keep(
    name: str, runs: Sequence[DataclassInstance], lines: Sequence[str], **more: object
) -> None:
    """Write the raw runs and the report below benchmarks/results/."""
    RESULTS.mkdir(exist_ok=True)
    data = {"runs": [asdict(run) for run in runs], "report": list(lines), **more}
    (RESULTS / f"{name}.json").write_text(json.dumps(data, indent=2) + "\n", "utf-8")
