"""How long the first try and the proof take, beside an earlier commit's.

    .venv/bin/python -m benchmarks.proof try-cold try-warm unit --against 96fe5c1 --pairs 1

Each side is a clone of its commit with a home and a cache of its own; a cold try begins with both
empty. Beside each run stand the processors' busy seconds and a fixed piece of work's before and
after, so that a run on a busy host is seen as one.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.pairs import commit_of, keep
from xnai.templating.render import ROOT

WORK = Path("/var/tmp/xnai-proof")  # noqa: S108  (clones and caches; remove it when done)
TICKS = os.sysconf("SC_CLK_TCK")
# What is run: the shell's words. A warm try starts without the machine, with all else there.
COMMANDS = {
    "try-cold": "make try",
    "try-warm": "make try",
    "unit": ".venv/bin/pytest -q tests/unit",
    "test": "make test",
}
DOWN = ".venv/bin/xnai lab down --all; .venv/bin/xnai lab registry down"


@dataclass(frozen=True)
class Measured:
    """One run.

    Attributes:
        what: one of `COMMANDS`.
        side: a for the present commit, b for the earlier one.
        commit: of the side.
        wall_s: seconds from start to end.
        processor_s: processor seconds of the command and all that it waited for.
        busy_s: seconds that all processors of the host were busy.
        calibration_s: of a fixed piece of work, before and after.
        load: the host's load averages, before and after.
        code: the exit code.
    """

    what: str
    side: str
    commit: str
    wall_s: float
    processor_s: float
    busy_s: float
    calibration_s: tuple[float, float]
    load: tuple[str, str]
    code: int


def calibration() -> float:
    """Run a fixed piece of work and return its seconds."""
    block = b"x" * 2**20
    started = time.perf_counter()
    digest = hashlib.sha256()
    for _ in range(1500):
        digest.update(block)
    total = 0
    for number in range(12_000_000):
        total += number & 3
    return round(time.perf_counter() - started, 2)


def busy_s(stat: str) -> float:
    """Read the seconds that all processors were busy out of /proc/stat.

    Args:
        stat: the file's text.
    """
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, stat.splitlines()[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / TICKS


def _load() -> str:
    return Path("/proc/loadavg").read_text().rsplit(" ", 2)[0]


def measure(what: str, side: str, commit: str, folder: Path, home: Path) -> Measured:
    """Run one command in one clone and return what it took."""
    environment = {**os.environ, "HOME": str(home)}
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "VIRTUAL_ENV"):
        environment.pop(name, None)
    loads, calibrations = [_load()], [calibration()]
    busy, children, started = busy_s(Path("/proc/stat").read_text()), os.times(), time.monotonic()
    done = subprocess.run(
        ["/bin/sh", "-c", COMMANDS[what]], cwd=folder, env=environment, check=False,
        stdin=subprocess.DEVNULL, stdout=sys.stderr,
    )
    wall_s = time.monotonic() - started
    after = os.times()
    processor_s = (after.children_user + after.children_system
                   - children.children_user - children.children_system)
    busy = busy_s(Path("/proc/stat").read_text()) - busy
    loads.append(_load())
    calibrations.append(calibration())
    return Measured(
        what, side, commit, round(wall_s, 1), round(processor_s, 1), round(busy, 1),
        (calibrations[0], calibrations[1]), (loads[0], loads[1]), done.returncode,
    )


def clone(commit: str, name: str) -> tuple[str, Path, Path]:
    """Make a clone of a commit, set up, with an empty home; return its commit and both folders."""
    folder, home = WORK / name, WORK / f"home-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    WORK.mkdir(exist_ok=True)
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    subprocess.run(["git", "checkout", "--quiet", commit], cwd=folder, check=True)
    found = commit_of(folder)
    home.mkdir(exist_ok=True)
    return found, folder, home


def end_machines(sides: Iterable[tuple[str, Path, Path]]) -> None:
    """End what a side's run left running: it would take the other's memory and processors."""
    for _, folder, home in sides:
        if (folder / ".venv").exists():
            environment = {**os.environ, "HOME": str(home)}
            subprocess.run(["/bin/sh", "-c", DOWN], cwd=folder, env=environment, check=False)


def prepare(what: str, folder: Path, home: Path) -> None:
    """Bring a clone into the state in which the run begins."""
    environment = {**os.environ, "HOME": str(home)}
    if what == "try-cold":
        shutil.rmtree(home)
        home.mkdir()
        subprocess.run(["make", "clean"], cwd=folder, env=environment, check=True)
        return
    subprocess.run(["make", "setup"], cwd=folder, env=environment, check=True)


def main() -> None:
    """Measure pair by pair and keep the raw data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=tuple(COMMANDS), nargs="+")
    parser.add_argument("--against", default="96fe5c1", help="the earlier commit")
    parser.add_argument("--pairs", type=int, default=1)
    options = parser.parse_args()
    sides = {"a": clone("HEAD", "a"), "b": clone(options.against, "b")}
    measured: list[Measured] = []
    for what in options.what:
        for number in range(options.pairs):
            for side in ("ab", "ba")[number % 2]:
                commit, folder, home = sides[side]
                end_machines(sides.values())
                prepare(what, folder, home)
                measured.append(measure(what, side, commit, folder, home))
                end_machines(sides.values())
                print(measured[-1], flush=True)
    lines = report(measured)
    keep("proof", measured, lines)
    print("\n".join(lines))


def report(measured: Sequence[Measured]) -> list[str]:
    """Return a line for each pair: what, both sides' seconds, and their ratios."""
    lines = []
    for what in dict.fromkeys(run.what for run in measured):
        sides = [[run for run in measured if (run.what, run.side) == (what, s)] for s in "ab"]
        for a, b in zip(*sides, strict=False):
            lines.append(
                f"{what:9s} {a.commit} {a.wall_s:8.1f} s wall {a.processor_s:8.1f} s processor, "
                f"{b.commit} {b.wall_s:8.1f} s wall {b.processor_s:8.1f} s processor: "
                f"ratio {a.wall_s / b.wall_s:.2f} wall, {a.processor_s / b.processor_s:.2f} "
                f"processor; exit codes {a.code}, {b.code}; fixed work {a.calibration_s}, "
                f"{b.calibration_s} s"
            )
    return lines


if __name__ == "__main__":
    main()
