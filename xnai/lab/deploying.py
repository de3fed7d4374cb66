"""Running the real deploy and the real host tests against a lab machine, as a user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xnai.lab.machine import Machine

ROOT = Path(__file__).resolve().parents[2]
GROUP_DATA = "xnai/lab/group_data"


@dataclass(frozen=True)
class Outcome:
    """What a run of pyinfra came to.

    Attributes:
        code: exit code.
        changed: names of the operations that executed commands, in order.
        log: everything that it told on standard error.
    """

    code: int
    changed: tuple[str, ...]
    log: str


def environment(machine: Machine) -> dict[str, str]:
    """Return the environment that points inventory.py at `machine`."""
    given = dict(os.environ)
    # A user's Python keeps its bytecode; without it a run takes half a second more.
    given.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**given, "XNAI_HOSTS": str(machine.hosts_file), "PYINFRA_PROGRESS": "off"}


def inventory_of(machines: Sequence[Machine], path: Path) -> Path:
    """Write one hosts file of several machines; each one's own names one group with one host."""
    files = [str(one.hosts_file) for one in machines]
    path.write_text(
        "import runpy\n"
        f"lab = [host for path in {files!r} for host in runpy.run_path(path)['lab']]\n"
    )
    return path


def pyinfra_argv(*words: str, deploy_file: str = "deploy.py") -> list[str]:
    """Return the command line of the README with the lab's own settings added."""
    pyinfra = str(Path(sys.executable).parent / "pyinfra")
    return [pyinfra, "-y", "inventory.py", deploy_file, "--group-data", GROUP_DATA, *words]


def xnai_argv(*words: str) -> list[str]:
    """Return the command line of an `xnai` command, with the lab's own settings added."""
    return [str(Path(sys.executable).parent / "xnai"), *words, "--group-data", GROUP_DATA]


def deploy(
    machine: Machine, *words: str, deploy_file: str = "deploy.py", given: str = ""
) -> Outcome:
    """Run the deploy quietly and return its outcome, judged from what was executed.

    Args:
        machine: a running machine.
        words: further words of the command line, as `--data name=value`.
        deploy_file: deploy.py or one of tasks/.
        given: its standard input.
    """
    done = subprocess.run(
        pyinfra_argv("--json", *words, deploy_file=deploy_file),
        cwd=ROOT,
        env=environment(machine),
        capture_output=True,
        text=True,
        check=False,
        input=given,
    )
    changed: tuple[str, ...] = ()
    if done.stdout.strip():
        operations = json.loads(done.stdout)["results"]["operations"]
        changed = tuple(item["name"] for item in operations if item["success"])
    return Outcome(done.returncode, changed, done.stderr)


def deploy_aloud(machine: Machine, *words: str) -> int:
    """Run the deploy with its output on this terminal and return its exit code."""
    return subprocess.run(
        pyinfra_argv(*words), cwd=ROOT, env=environment(machine), check=False
    ).returncode


def host_tests(machine: Machine, *words: str) -> subprocess.CompletedProcess[str]:
    """Run tests/host against `machine` and return what pytest said.

    Args:
        machine: a provisioned, running machine.
        words: further words for pytest, as --allow-writes.
    """
    return subprocess.run(
        host_tests_argv(machine, *words),
        cwd=ROOT,
        env=environment(machine),
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def host_tests_argv(machine: Machine, *words: str) -> Sequence[str]:
    """Return pytest's command line for tests/host; one SSH connection serves all checks."""
    # Sockets have short names: a Unix socket's path may have 107 characters.
    shared = "-o ControlMaster=auto -o ControlPersist=60 -o ControlPath=/tmp/xnai-%C"
    return [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "tests/host",
        f"--hosts={machine.testinfra_host}",
        f"--ssh-config={machine.ssh_config}",
        f"--ssh-extra-args={shared}",
        "--group-data",
        GROUP_DATA,
        *words,
    ]
