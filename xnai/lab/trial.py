"""`xnai lab try`: the whole way of a user on a machine that can be thrown away."""

from __future__ import annotations

import subprocess
import time

from xnai.lab import deploying, machine, registry
from xnai.lab.progress import Progress
from xnai.lab.spec import MachineSpec


def run(name: str, backend: str, progress: Progress) -> int:
    """Build a machine, deploy to it, test it, and say how to get in.

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
    registry.up(progress)
    made = machine.up(MachineSpec(name=name, backend=backend), progress)
    progress.say(f"pyinfra inventory.py deploy.py  ->  {made.config.host_name}")
    deployed = deploying.deploy_aloud(made)
    tested = 1
    if deployed == 0:
        progress.say("testinfra: tests/host")
        tested = subprocess.run(
            deploying.host_tests_argv(made, "--allow-writes"),
            cwd=deploying.ROOT,
            env=deploying.environment(made),
            check=False,
        ).returncode
    minutes, seconds = divmod(int(time.monotonic() - started), 60)
    good = deployed == tested == 0
    progress.say("")
    progress.say(
        f"{'up and proven' if good else 'NOT good: see above'} after {minutes} min {seconds} s"
    )
    progress.say(
        f"  status:     XNAI_HOSTS={made.hosts_file} .venv/bin/xnai status "
        f"--group-data {deploying.GROUP_DATA}"
    )
    progress.say(f"  get in:     .venv/bin/xnai lab ssh {name}")
    progress.say(f"  throw away: .venv/bin/xnai lab down {name}")
    return 0 if good else 1
