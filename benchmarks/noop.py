"""What a run that changes nothing costs, beside the least that could tell the same.

With the checkout of an earlier commit also beside that one's, on a machine that it deployed, or on
the same one where its deploy changes nothing there either.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
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
GOAL_RATIO = 1.2
GOAL_COMMANDS = 3
GOAL_PODMAN = 3


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


def without_health_checks(one: Machine, stack_user: str) -> None:
    """Stop the timers of the containers' health checks: earlier commits have them more often."""
    bus = "XDG_RUNTIME_DIR=/run/user/$(id -u)"
    one.run(
        f"cd / && runuser -u {shlex.quote(stack_user)} -- sh -c "
        + shlex.quote(f"export {bus}; systemctl --user stop '[0-9a-f]*.timer'")
    )


def measure(
    one: Machine, runs: int, earlier: Path | None = None, beside: Machine | None = None
) -> list[str]:
    """Alternate the deploy that changes nothing with the bare ssh floor.

    Args:
        one: a provisioned machine.
        runs: how often each.
        earlier: an earlier commit's checkout with its environment, which has its turn too.
        beside: a machine that it deployed; by default `one` is its machine too.
    """
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

    def converge_as_before() -> None:
        done = subprocess.run(
            [f"{earlier}/.venv/bin/pyinfra", *deploying.pyinfra_argv()[1:]], cwd=earlier,
            env=deploying.environment(beside or one), capture_output=True, text=True, check=False,
        )
        total = (done.stdout + done.stderr).partition("Grand total")[2]
        if done.returncode or not total or any(sign.isdigit() for sign in total.split("\n")[0]):
            sys.exit(f"not a run that changes nothing: {done.stdout}{done.stderr}")

    sides = {"a": converge, "b": floor} | ({"c": converge_as_before} if earlier else {})
    for run in sides.values():
        run()
    for machine in filter(None, (one, beside)):
        without_health_checks(machine, settings.stack_user)
        # Else a login after some idle seconds waits 2 s for root's own manager, on one side only.
        machine.run("loginctl enable-linger root")
    load = [os.getloadavg()]
    measured = [pairs.timed(side, run) for _ in range(runs) for side, run in sides.items()]
    load.append(os.getloadavg())
    names = ("pyinfra, 0 changed operations", "bare ssh, shell script (floor)")
    lines = pairs.report("A run that changes nothing", measured, names, goal=GOAL_RATIO)
    if earlier:
        lines.append(_beside(measured, pairs.commit_of(earlier)))
    commands, podman = remote_commands(one)
    lines.append(
        f"  remote commands: {commands}, goal at most {GOAL_COMMANDS}; podman processes: {podman}, "
        f"goal at most {GOAL_PODMAN}"
    )
    pairs.keep(
        "noop", measured, lines, remote_commands=commands, podman_processes=podman, load=load,
        commit=pairs.commit_of(), earlier=pairs.commit_of(earlier) if earlier else None,
    )
    return lines


def _beside(measured: Sequence[pairs.Run], commit: str) -> str:
    """The line with the ratio to an earlier commit."""
    walls = [run.wall_s for run in measured if run.side == "c"]
    return (
        f"  beside {commit}: median {pairs.median(measured, 'c'):.2f} s (min {min(walls):.2f}, "
        f"max {max(walls):.2f}); {pairs.ratio(measured, 'a', 'c')[0]}"
    )


def remote_commands(one: Machine) -> tuple[int, int]:
    """Return how many commands a run that changes nothing executes on the host, and podmans."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.remote_commands", *deploying.pyinfra_argv()[1:]],
        cwd=ROOT, env=deploying.environment(one), capture_output=True, text=True, check=True,
    )
    commands, podman = (line.rsplit(" ", 1)[1] for line in done.stderr.splitlines()[-2:])
    return int(commands), int(podman)
