"""Who runs pyinfra, told from everybody else, also when it is gone."""

from __future__ import annotations

import getpass
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path


def _started(pid: int) -> str:
    """When a process of this machine was started, in the kernel's ticks; empty if there is none.

    Field 22 of /proc/PID/stat (proc_pid_stat(5)); the second one may hold spaces.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _machine() -> str:
    """What tells this controller from others while it runs."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        # In another container the same process ID is another process.
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:  # no Linux
        return "-"


@dataclass(frozen=True)
class Controller:
    """Who runs pyinfra: `user@host`, boot ID, process and its start."""

    name: str
    machine: str
    pid: int
    started: str

    @property
    def words(self) -> str:
        """It as one line."""
        return f"{self.name} {self.machine} {self.pid} {self.started or '-'}"

    @property
    def is_gone(self) -> bool:
        """Whether it was on this machine, and its process is no more."""
        if self.machine == "-" or self.machine != _machine():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        # Empty where somebody else's processes are hidden (proc(5), hidepid).
        return _started(self.pid) not in ("", self.started)


def me() -> Controller:
    """Return this process."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a UID without a name
        user = str(os.getuid())
    name = re.sub(r"[^A-Za-z0-9@._-]", "_", f"{user}@{socket.gethostname()}")
    return Controller(name, _machine(), os.getpid(), _started(os.getpid()))


def parsed(words: str) -> Controller | None:
    """Return what `Controller.words` made; None for anything else."""
    fields = words.split()
    if len(fields) != 4 or not fields[2].isdigit():
        return None
    return Controller(fields[0], fields[1], int(fields[2]), fields[3])
