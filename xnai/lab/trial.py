"""`xnai lab try`: the whole way of a user on a machine that can be thrown away."""

from __future__ import annotations

import shlex
import subprocess
import time

from xnai.lab import bases, debian, deploying, machine, registry
from xnai.lab.errors import LabError
from xnai.lab.machine import Machine
from xnai.lab.prepare import Timings, prepare, remember, remembered
from xnai.lab.progress import Progress
from xnai.lab.spec import MachineSpec
from xnai.lab.standins.definitions import NEEDED

# What the machine is asked at the end, and of what.
DOCUMENTS = ("README.md", "docs", "files/services/docs/docs")
QUESTION = "What happens if a service does not become healthy?"
# chainlit_ui_port's default, which the lab keeps.
PAGE_PORT = 8001
# What runs at the same time, then what runs one after the other.
AT_ONCE = ("kernel", "image and stand-ins")
THEN = ("boot", "deploy", "host tests")
# For whoever has never run it; measured on two cores, idle and beside other work.
FIRST_RANGE = "between 15 and 60 minutes the first time, by how fast and how busy this host is"


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
    progress.say(f"a throw-away Debian 13 machine: build, deploy, test; {_about()}")
    timings = Timings()
    spec = MachineSpec(name=name, backend=backend)
    if name in machine.names():
        progress.say(f"  {name} exists: it is deployed to again, and no copy of it is kept")
        registry.up(progress, NEEDED)
        with timings.of("boot"):
            made, kind, key = machine.up(spec, progress), "existing", ""
    else:
        chosen = prepare(spec, NEEDED, progress, timings)
        key = bases.key(spec, chosen)
        offered = debian.state(spec.release)
        with timings.of("boot"):
            made, kind = _new(spec, key, progress)
    good = _deployed_and_tested(made, progress, timings)
    seconds = time.monotonic() - started
    progress.say("")
    progress.say(
        f"{'up and proven' if good else 'NOT good: see above'} after "
        f"{int(seconds // 60)} min {int(seconds % 60)} s   "
        f"(critical path: {timings.critical_path(AT_ONCE, THEN)})"
    )
    if good and kind != "existing":
        remember(kind, seconds)
    if good and kind == "first":
        # Before anything is in its library: tests start from a copy.
        _keep(made, spec, key, offered, progress)
    good = good and _first_answer(made, progress)
    _tell_what_next(made, name, progress)
    return 0 if good else 1


def _deployed_and_tested(made: Machine, progress: Progress, timings: Timings) -> bool:
    progress.say(f"pyinfra inventory.py deploy.py  ->  {made.config.host_name}")
    with timings.of("deploy"):
        deployed = deploying.deploy_aloud(made)
    if deployed != 0:
        return False
    progress.say("testinfra: tests/host")
    with timings.of("host tests"):
        tested = subprocess.run(
            deploying.host_tests_argv(made, "--allow-writes"),
            cwd=deploying.ROOT,
            env=deploying.environment(made),
            check=False,
        ).returncode
    return tested == 0


def _first_answer(made: Machine, progress: Progress) -> bool:
    """Bring this project's documentation into the library, ask it, and show the answer."""
    for words in (("ingest", *DOCUMENTS), ("ask", QUESTION)):
        argv = deploying.xnai_argv(*words)
        progress.say(f"xnai {shlex.join(words)}")
        done = subprocess.run(
            argv, cwd=deploying.ROOT, env=deploying.environment(made), check=False
        )
        if done.returncode != 0:
            progress.say(f"  that failed: {shlex.join(argv)}")
            return False
    return True


def _tell_what_next(made: Machine, name: str, progress: Progress) -> None:
    progress.say(
        f"  status:     XNAI_HOSTS={made.hosts_file} .venv/bin/xnai status "
        f"--group-data {deploying.GROUP_DATA}"
    )
    progress.say(
        f"  ask it:     .venv/bin/xnai lab ssh {name} --forward {PAGE_PORT}, and then "
        f"http://127.0.0.1:{PAGE_PORT} in a browser"
    )
    progress.say(f"  get in:     .venv/bin/xnai lab ssh {name}")
    progress.say(f"  throw away: .venv/bin/xnai lab down {name}")


def _about() -> str:
    """How long it may take, by the last runs."""
    again_s, first_s = remembered("again"), remembered("first")
    told = [] if first_s is None else [f"about {first_s / 60:.0f} minutes, as the last first time"]
    if bases.any_kept() and again_s is not None:
        told.append(f"{again_s / 60:.1f} where nothing has changed since the last time")
    return "; ".join(told) or FIRST_RANGE


def _new(spec: MachineSpec, key: str, progress: Progress) -> tuple[Machine, str]:
    """A new machine, running, and whether it is a copy ("again") or a bare one ("first")."""
    base = bases.find(key, progress)
    if base.directory:
        progress.say(f"  a copy of a machine that was deployed before ({base.directory.name})")
        return machine.up(spec.on(base.directory), progress), "again"
    progress.say(f"  a bare machine: no deployed one to start from ({base.why})")
    return machine.up(spec, progress), "first"


def _keep(
    made: Machine, spec: MachineSpec, key: str, offered: dict[str, str] | None, progress: Progress
) -> None:
    """Keep the machine's disk for the next time; where that fails, this time was good all the same.

    Args:
        made: the machine, deployed and proven.
        spec: what it was asked to be.
        key: the base's key before the deploy.
        offered: what Debian offered before the deploy.
        progress: where it is told.
    """
    if bases.key(spec, made.backend) != key:
        progress.say("  not kept for the next time: the checkout was changed meanwhile")
        return
    try:
        bases.keep(made, key, progress, offered)
    except (LabError, OSError) as error:
        progress.say(f"  not kept for the next time: {error}")
