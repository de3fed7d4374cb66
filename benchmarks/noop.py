"""What a run that changes nothing costs, beside the least that could tell the same."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
import sys
from pathlib import Path

from benchmarks import pairs
from benchmarks.wanted import files_of, settings_of
from xnai.lab import deploying
from xnai.lab.machine import Machine
from xnai.machine import packages
from xnai.memory import files as memory_files
from xnai.settings.model import Settings
from xnai.stack.catalogue import build_inputs, secret_forms
from xnai.stack.plan import plan
from xnai.templating.render import ROOT

HERE = Path(__file__).parent
GOAL_RATIO = 2.5
GOAL_COMMANDS = 15


def floor_argv(one: Machine, settings: Settings) -> tuple[list[str], str]:
    """Return the floor's command line and the digests for its standard input."""
    wanted = plan(settings, build_inputs(settings))
    images = [*(item.reference for item in build_inputs(settings)),
              *(service.image for service in wanted.services if service.image)]
    words = [
        settings.stack_user,
        " ".join(images),
        " ".join(name for forms in secret_forms(settings) for name in forms),
        " ".join(service.container_name for service in wanted.services),
        " ".join(f"{key.replace('.', '/')}={value}" for key, value in settings.sysctls.items()),
        str(settings.zram_size_mib * 2**20),
        settings.zram_compression_algorithm,
        str(settings.zram_swap_priority),
        " ".join((memory_files.PACKAGE, *packages.CONTAINERS)),
    ]
    digests = "".join(
        f"{hashlib.sha256(text.encode()).hexdigest()}  {path}\n"
        for path, (text, _) in files_of(settings).items()
    )
    one.run("cat > /root/floor.sh", stdin=(HERE / "floor.sh").read_text("utf-8"))
    return one.ssh_argv("sh /root/floor.sh " + shlex.join(words)), digests


def measure(one: Machine, runs: int) -> list[str]:
    """Alternate the deploy that changes nothing with the bare ssh floor."""
    settings = settings_of(one)
    argv, digests = floor_argv(one, settings)

    def converge() -> None:
        outcome = deploying.deploy(one)
        if outcome.code or outcome.changed:
            sys.exit(f"not a run that changes nothing: {outcome.changed}\n{outcome.log}")

    def floor() -> None:
        done = subprocess.run(argv, input=digests, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"the floor found: {done.stdout}{done.stderr}")

    converge()
    floor()
    measured = []
    for _ in range(runs):
        measured += [pairs.timed("a", converge), pairs.timed("b", floor)]
    names = ("pyinfra, 0 changed operations", "bare ssh, shell script (floor)")
    lines = pairs.report("A run that changes nothing", measured, names, goal=GOAL_RATIO)
    commands = remote_commands(one)
    lines.append(f"  remote commands: {commands}; goal at most {GOAL_COMMANDS}")
    pairs.keep("noop", measured, lines, remote_commands=commands)
    return lines


def remote_commands(one: Machine) -> int:
    """Return the number of commands that a run that changes nothing executes on the host."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.remote_commands", *deploying.pyinfra_argv()[1:]],
        cwd=ROOT, env=deploying.environment(one), capture_output=True, text=True, check=True,
    )
    return int(done.stderr.strip().rsplit(" ", 1)[1])
