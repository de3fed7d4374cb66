"""From a fresh machine to the healthy stack, by the deploy and by the same steps typed by hand."""

from __future__ import annotations

import io
import shlex
import subprocess
import sys
import tarfile
from functools import partial
from pathlib import Path

from benchmarks import pairs
from benchmarks.wanted import UID, files_of, settings_of
from xnai.images.content import archive
from xnai.lab import deploying, machine
from xnai.lab.machine import Machine
from xnai.lab.progress import Lines
from xnai.lab.spec import MachineSpec
from xnai.machine import packages
from xnai.settings.model import Settings
from xnai.stack.catalogue import build_inputs, secret_forms, services
from xnai.stack.plan import plan
from xnai.templating.render import ROOT

HERE = Path(__file__).parent


def by_hand(one: Machine, settings: Settings) -> None:
    """Send what is needed and run benchmarks/by_hand.sh."""
    buffer = io.BytesIO()
    inputs = build_inputs(settings)
    wanted = plan(settings, inputs)
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        def add(name: str, data: bytes, mode: int = 0o644) -> None:
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), mode
            tar.addfile(info, io.BytesIO(data))

        for path, (text, mode) in files_of(settings).items():
            add(f"root{path}", text.encode(), mode)
        add("contexts.tar", archive(inputs, {}))
        add("podman-compose.txt",
            (ROOT / "files/podman-compose/requirements.txt").read_bytes())
        add("by_hand.sh", (HERE / "by_hand.sh").read_bytes(), 0o755)
    words = [
        settings.stack_user, str(UID), " ".join(packages.CONTAINERS),
        " ".join(f"{item.image.name}={item.target or '-'}={item.reference}" for item in inputs),
        " ".join(name for forms in secret_forms(settings) for name in forms),
        str(len(services(settings))),
        " ".join(f"{name}={int(internal)}" for name, internal in wanted.networks.items()),
        " ".join(f"{name}={owner}" for name, owner in wanted.volumes.items()),
        " ".join(f"{file.project}={file.name}" for file in wanted.files.values()),
    ]
    unpack = (
        "mkdir -p /root/hand/build && cd /root/hand && tar -xf - && "
        "tar -xf contexts.tar -C build && "
    )
    command = unpack + "./by_hand.sh " + shlex.join(words)
    done = subprocess.run(
        one.ssh_argv(command), input=buffer.getvalue(), capture_output=True, check=False
    )
    if done.returncode:
        sys.exit(f"by hand failed: {done.stdout.decode()[-2000:]}{done.stderr.decode()[-2000:]}")


def by_pyinfra(one: Machine) -> None:
    """Deploy."""
    outcome = deploying.deploy(one)
    if outcome.code:
        sys.exit(outcome.log)


def measure(rounds: int, backend: str) -> list[str]:
    """Alternate fresh machine -> healthy stack by pyinfra and by hand."""
    measured = []
    progress = Lines()
    for _ in range(rounds):
        for side in "ab":
            one = machine.up(MachineSpec(name=f"bench-{side}", backend=backend), progress)
            settings = settings_of(one)
            act = partial(by_pyinfra, one) if side == "a" else partial(by_hand, one, settings)
            measured.append(pairs.timed(side, act))
            progress.say(f"{'pyinfra' if side == 'a' else 'by hand'}: {measured[-1].wall_s} s")
            one.down()
    names = ("pyinfra inventory.py deploy.py", "the same steps typed by hand")
    lines = pairs.report("Fresh machine to healthy stack", measured, names, goal=1.2)
    pairs.keep("fresh", measured, lines)
    return lines
