"""Which processors of this host a machine runs on: as many as it has itself, always the same.

User-mode Linux hands over between its kernel and a process of the guest at each system call and
page fault; between two processors of the host that costs more than on one. docs/lab.md has figures,
benchmarks/processors.py measures them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from xnai.lab import process
from xnai.lab.paths import machines_dir, private_dir, state_dir
from xnai.lab.proc import ProcessId


def choose(wanted: int, allowed: Collection[int], taken: Iterable[Collection[int]]) -> set[int]:
    """Return the processors that the fewest others have.

    Args:
        wanted: how many, at least 1.
        allowed: numbers of those that there are.
        taken: of each other machine those that it is kept on; one that has all counts as none.

    Returns:
        Their numbers; all that there are where no more than `wanted` are.
    """
    count = dict.fromkeys(sorted(allowed), 0)
    for one in taken:
        if not set(one) >= set(allowed):
            for number in set(one) & count.keys():
                count[number] += 1
    return set(sorted(count, key=lambda number: count[number])[:wanted])


def pin(directory: Path, wanted: int) -> None:
    """Keep a machine that runs, with all of its processes, on as many processors as it has.

    Args:
        directory: the machine's folder.
        wanted: how many processors it has.
    """
    machine = process.running(directory, process.MACHINE)
    if machine is None:
        return
    # Two that start at once must not choose the same.
    with _locked():
        _move(machine, choose(wanted, os.sched_getaffinity(0), _taken(directory)))


def unpin(directory: Path) -> None:
    """Let a machine that idles run anywhere, so that it takes no other's place.

    Args:
        directory: the machine's folder.
    """
    machine = process.running(directory, process.MACHINE)
    if machine is not None:
        _move(machine, os.sched_getaffinity(0))


@contextmanager
def _locked() -> Iterator[None]:
    with (private_dir(state_dir()) / "processors.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _taken(directory: Path) -> Iterator[set[int]]:
    for other in machines_dir().iterdir():
        found = process.running(other, process.MACHINE) if other != directory else None
        if found is not None:
            with contextlib.suppress(OSError):
                yield os.sched_getaffinity(found.pid)


def _move(machine: ProcessId, numbers: Collection[int]) -> None:
    moved: set[int] = set()
    while True:
        # Who is made meanwhile has its maker's place: of the old one only while that is left.
        pids = [machine.pid, *process.session_members(machine)]
        tasks = {int(path.name) for pid in pids for path in _tasks(pid)}
        if tasks <= moved:
            return
        for task in tasks - moved:
            with contextlib.suppress(OSError):
                os.sched_setaffinity(task, numbers)
        moved |= tasks


def _tasks(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []
