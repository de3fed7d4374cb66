"""A machine's processes: started detached, found again, ended one by one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import asdict
from pathlib import Path

from xnai.lab.backends.base import Launch
from xnai.lab.errors import LabError
from xnai.lab.proc import ProcessId, boot_id, start_ticks, tool_env
from xnai.lab.spec import load_json, save_json

PID_SUFFIX = ".pid.json"
MACHINE = "machine"
MAKER = "maker"

# Children of this very process, kept to be reaped.
_children: list[subprocess.Popen[bytes]] = []


def spawn(launch: Launch, directory: Path, name: str, log: str) -> ProcessId:
    """Start a process that outlives this one, and write down which it is.

    Args:
        launch: the command.
        directory: the machine's folder.
        name: which of the machine's processes it is; names its pid file.
        log: file in the folder that its output is added to.

    Returns:
        Its identity.
    """
    with (directory / log).open("ab") as out:
        child = subprocess.Popen(
            launch.argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=tool_env(launch.env),
            cwd=directory,
            start_new_session=True,
        )
    _children.append(child)
    identity = ProcessId.of(child.pid)
    if identity is None:
        raise LabError(f"{launch.argv[0]} ended at once", todo=f"read {directory / log}")
    save_json(directory / f"{name}{PID_SUFFIX}", asdict(identity))
    return identity


def record_self(directory: Path, name: str) -> None:
    """Write down that this process works on a machine.

    Args:
        directory: the machine's folder.
        name: names the pid file.
    """
    identity = ProcessId.of(os.getpid())
    if identity:
        save_json(directory / f"{name}{PID_SUFFIX}", asdict(identity))


def recorded(directory: Path, name: str) -> ProcessId | None:
    """The process that was written down last.

    Args:
        directory: the machine's folder.
        name: which of its processes.

    Returns:
        Its identity, or None when none was ever started.
    """
    data = load_json(directory / f"{name}{PID_SUFFIX}")
    return ProcessId(**data) if data else None


def running(directory: Path, name: str) -> ProcessId | None:
    """The process when it still runs.

    Args:
        directory: the machine's folder.
        name: which of its processes.

    Returns:
        Its identity, or None.
    """
    _reap()
    identity = recorded(directory, name)
    return identity if identity and identity.alive() else None


def kill(directory: Path, name: str, *, wait_s: float = 10.0) -> None:
    """Kill exactly one of the machine's processes and the ones it made.

    Args:
        directory: the machine's folder.
        name: which of its processes.
        wait_s: seconds to wait for them to be gone.

    Raises:
        LabError: they are still there afterwards.
    """
    identity = recorded(directory, name)
    if identity is None or identity.boot_id != boot_id():
        return
    if identity.alive():
        _signal(identity.pid)
    deadline = time.monotonic() + wait_s
    while True:
        _reap()
        left = session_members(identity)
        if not left and not identity.alive():
            return
        # A guest's processes are processes here too; the kernel's death takes
        # most of them along, those it had just made are ended by hand.
        for pid in left:
            _signal(pid)
        if time.monotonic() > deadline:
            raise LabError(
                f"processes of {directory.name} do not end",
                found=" ".join(str(pid) for pid in [identity.pid, *left]),
                todo="look at them with ps; they may hang in the kernel",
            )
        time.sleep(0.05)


def kill_all(directory: Path) -> None:
    """Kill every process of a machine, the machine itself first.

    Args:
        directory: the machine's folder.
    """
    names = [path.name.removesuffix(PID_SUFFIX) for path in directory.glob(f"*{PID_SUFFIX}")]
    for name in sorted(names, key=lambda name: (name != MACHINE, name)):
        # The one who makes the machine may be this very process.
        if name != MAKER:
            kill(directory, name)


def session_members(leader: ProcessId) -> list[int]:
    """Processes of a session that we started, without its leader.

    A session's number is not given to a new process while a member lives, and members
    are never older than their leader: what is found here is ours.

    Args:
        leader: the session's leader, running or not.

    Returns:
        Process numbers.
    """
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == leader.pid:
            continue
        try:
            if os.getsid(int(entry.name)) != leader.pid:
                continue
        except (ProcessLookupError, PermissionError):
            continue
        ticks = start_ticks(int(entry.name))
        if ticks is not None and ticks >= leader.start_ticks:
            found.append(int(entry.name))
    return found


def _signal(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _reap() -> None:
    # An unreaped child would look like a running process to others.
    _children[:] = [child for child in _children if child.poll() is None]
