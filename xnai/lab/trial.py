"""`xnai lab try`: the whole way of a user on a machine that can be thrown away."""

from __future__ import annotations

import subprocess
import time

from xnai.lab import bases, deploying, machine
from xnai.lab.machine import Machine
from xnai.lab.prepare import Timings, prepare, remember, remembered
from xnai.lab.progress import Progress
from xnai.lab.spec import MachineSpec
from xnai.lab.standins.definitions import NEEDED

# What runs at the same time, then what runs one after the other.
AT_ONCE = ("kernel", "stand-ins")
THEN = ("boot", "deploy", "host tests")
# For whoever has never run it; measured on two cores, idle and beside other work.
FIRST_RANGE = "between 8 and 60 minutes, by how fast and how busy this host is"


def run(name: str, backend: str, progress: Progress) -> int:
    """Build a machine, deploy to it, test it, and say how to get in.

    Where a machine was deployed before and nothing that reaches it has changed since, the machine
    starts as a copy of that one, and the deploy only proves that nothing is left to do.

    Args:
        name: the machine's name; one that exists is deployed to again.
        backend: as `xnai lab up --backend`.
        progress: where the steps are told.

    Returns:
        0 if the deploy and every host test passed, else 1.

    Raises:
        LabError: the machine could not be made; the message says what to do.
    """
    started = time.monotonic()
    last_s = remembered("again" if bases.any_kept() else "first")
    about = f"about {last_s / 60:.1f} minutes, as the last time" if last_s else FIRST_RANGE
    progress.say(f"a throw-away Debian 13 machine: build, deploy, test; {about}")
    timings = Timings()
    spec = MachineSpec(name=name, backend=backend)
    chosen = prepare(spec, NEEDED, progress, timings)
    with timings.of("boot"):
        made, kind = _machine(spec, chosen, progress)
    progress.say(f"pyinfra inventory.py deploy.py  ->  {made.config.host_name}")
    with timings.of("deploy"):
        deployed = deploying.deploy_aloud(made)
    tested = 1
    if deployed == 0:
        progress.say("testinfra: tests/host")
        with timings.of("host tests"):
            tested = subprocess.run(
                deploying.host_tests_argv(made, "--allow-writes"),
                cwd=deploying.ROOT,
                env=deploying.environment(made),
                check=False,
            ).returncode
    good = deployed == tested == 0
    if good and kind == "first":
        bases.keep(made, bases.key(spec, chosen), progress)
    seconds = time.monotonic() - started
    if good and kind != "existing":
        remember(kind, seconds)
    progress.say("")
    progress.say(
        f"{'up and proven' if good else 'NOT good: see above'} after "
        f"{int(seconds // 60)} min {int(seconds % 60)} s   "
        f"(critical path: {timings.critical_path(AT_ONCE, THEN)})"
    )
    progress.say(
        f"  status:     XNAI_HOSTS={made.hosts_file} .venv/bin/xnai status "
        f"--group-data {deploying.GROUP_DATA}"
    )
    progress.say(f"  get in:     .venv/bin/xnai lab ssh {name}")
    progress.say(f"  throw away: .venv/bin/xnai lab down {name}")
    return 0 if good else 1


def _machine(spec: MachineSpec, backend: str, progress: Progress) -> tuple[Machine, str]:
    """The machine, running, and whether it is one that existed, a copy, or a bare one."""
    if spec.name in machine.names():
        return machine.up(spec, progress), "existing"
    base = bases.find(bases.key(spec, backend), progress)
    if base.directory:
        progress.say(f"  a copy of a machine that was deployed before ({base.directory.name})")
        return machine.up(spec.on(base.directory), progress), "again"
    progress.say(f"  a bare machine: no deployed one to start from ({base.why})")
    return machine.up(spec, progress), "first"
