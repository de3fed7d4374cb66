"""What a run that changes nothing costs the controller, by number of hosts: with stubs for hosts.

One real host's answers are recorded with how long each took. Then runs are made in which every host
is a stub of the SSH connector: it waits as long, and answers the same.

Usage of the inner command: python -m benchmarks.simulated record|play FILE COUNT pyinfra's words...
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import pairs
from benchmarks.proof import calibration
from xnai.lab import deploying
from xnai.lab.machine import Machine
from xnai.lab.progress import Progress
from xnai.templating.render import ROOT

COUNTS = (1, 5, 20)
GOAL_RATIO = 2.0


@dataclass(frozen=True)
class Simulated:
    """One run: hosts at once, the controller's wall and processor seconds and most memory."""

    hosts: int
    wall_s: float
    cpu_s: float
    memory_mib: int


def measure(one: Machine, runs: int, progress: Progress) -> list[str]:
    """Record a provisioned machine's answers, and run on 1, 5 and 20 stubs in turn.

    Args:
        one: the machine.
        runs: how often each number of hosts.
        progress: where each step is told.
    """
    with tempfile.TemporaryDirectory() as directory:
        answers = Path(directory) / "answers.json"
        _inner(one, "record", answers, 1)
        _inner(one, "play", answers, COUNTS[-1])  # bytecode and caches
        measured = []
        for _ in range(runs):
            for count in COUNTS:
                measured.append(_inner(one, "play", answers, count))
                progress.say(f"{measured[-1]}")
    lines = ["A run that changes nothing, on simulated hosts", *_table(measured)]
    pairs.keep(
        "simulated", measured, lines, commit=pairs.commit_of(), load=os.getloadavg(),
        calibration_s=calibration(),
    )
    return lines


def _table(measured: Sequence[Simulated]) -> list[str]:
    lines = []
    medians_s = {}
    for count in COUNTS:
        of_count = [run for run in measured if run.hosts == count]
        walls = sorted(run.wall_s for run in of_count)
        medians_s[count] = statistics.median(walls)
        lines.append(
            f"  {count:>2} hosts  median {medians_s[count]:6.2f} s  (min {walls[0]:.2f}, max "
            f"{walls[-1]:.2f}, n {len(walls)})  controller CPU "
            f"{statistics.median(run.cpu_s for run in of_count):.2f} s, "
            f"{max(run.memory_mib for run in of_count)} MiB"
        )
    ratio = medians_s[COUNTS[-1]] / medians_s[1]
    lines.append(
        f"  {COUNTS[-1]} by one: {ratio:.2f}, goal at most {GOAL_RATIO}: "
        f"{'reached' if ratio <= GOAL_RATIO else 'NOT reached'}"
    )
    return lines


def _inner(one: Machine, action: str, answers: Path, count: int) -> Simulated:
    started = time.monotonic()
    done = subprocess.run(
        [
            sys.executable, "-m", "benchmarks.simulated", action, str(answers), str(count),
            *deploying.pyinfra_argv()[1:],
        ],
        cwd=ROOT, env=deploying.environment(one), capture_output=True, text=True, check=False,
    )
    wall_s = time.monotonic() - started
    if done.returncode or "Starting operation" in done.stdout + done.stderr:
        sys.exit(f"not a run that changes nothing: {done.stdout}{done.stderr}")
    used = json.loads(done.stderr.splitlines()[-1])
    return Simulated(count, round(wall_s, 2), used["cpu_s"], used["memory_mib"])


def _run(action: str, answers: Path, count: int, words: Sequence[str]) -> None:
    from pyinfra_cli.main import cli  # type: ignore[import-untyped]  # isort: skip  (patches first)
    import gevent
    from pyinfra.connectors.ssh import SSHConnector
    from pyinfra.connectors.util import CommandOutput, OutputLine

    recorded: list[dict[str, Any]] = [] if action == "record" else json.loads(answers.read_text())
    real = SSHConnector.run_shell_command
    turns: dict[str, int] = {}

    def record(self: Any, *args: Any, **how: Any) -> Any:
        started = time.monotonic()
        succeeded, output = real(self, *args, **how)
        recorded.append({
            "took_s": time.monotonic() - started, "succeeded": succeeded,
            "lines": [[line.buffer_name, line.line] for line in output],
        })
        return succeeded, output

    def play(self: Any, *args: Any, **how: Any) -> Any:
        turn = turns[self.host.name] = turns.get(self.host.name, -1) + 1
        answer = recorded[turn]
        gevent.sleep(answer["took_s"])
        return answer["succeeded"], CommandOutput([OutputLine(*one) for one in answer["lines"]])

    if action == "play":
        hosts = answers.parent / "hosts.py"
        hosts.write_text(f"lab = [f'host-{{number}}' for number in range({count})]\n")
        os.environ["XNAI_HOSTS"] = str(hosts)
        SSHConnector.connect = lambda self: None  # type: ignore[method-assign]
        SSHConnector.disconnect = lambda self: None  # type: ignore[method-assign]
    SSHConnector.run_shell_command = (  # type: ignore[method-assign]
        record if action == "record" else play
    )
    try:
        cli(list(words))
    finally:
        if action == "record":
            answers.write_text(json.dumps(recorded))
        memory_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        print(
            json.dumps({"cpu_s": round(time.process_time(), 2), "memory_mib": memory_mib}),
            file=sys.stderr,
        )


if __name__ == "__main__":
    _run(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
