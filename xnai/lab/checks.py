"""What must be true of the host before a machine is started."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterable
from pathlib import Path

from xnai.lab.errors import LabError
from xnai.lab.proc import tool_env

PORTS = range(22200, 22400)
# Room for the image's copy, what a deploy adds, and the logs.
DISK_MIB = 6 * 1024
HOST_RESERVE_MIB = 512
MAP_COUNT = Path("/proc/sys/vm/max_map_count")
MAP_COUNT_WANTED = 262144


def meminfo_mib(text: str, field: str) -> int:
    """One value of /proc/meminfo.

    Args:
        text: the file's text.
        field: such as MemAvailable.

    Returns:
        MiB.
    """
    for line in text.splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) // 1024
    raise LabError(f"/proc/meminfo has no {field}", exit_code=2)


def memory(needed_mib: int, available_mib: int, shm_free_mib: int | None) -> None:
    """Refuse a guest that the host's memory cannot hold.

    Args:
        needed_mib: the guest's RAM.
        available_mib: what the host has free.
        shm_free_mib: room for the memory file, None when the backend needs none.

    Raises:
        LabError: too little of either.
    """
    if needed_mib + HOST_RESERVE_MIB > available_mib:
        raise LabError(
            "the host's memory is too small for this machine",
            found=f"{available_mib} MiB available",
            needed=f"{needed_mib} MiB for the guest and {HOST_RESERVE_MIB} MiB for the host",
            todo="use a smaller --memory-mib, or `xnai lab down` another machine",
        )
    if shm_free_mib is not None and needed_mib > shm_free_mib:
        raise LabError(
            "the host's tmpfs is too small for the guest's memory",
            found=f"{shm_free_mib} MiB free in /dev/shm",
            needed=f"{needed_mib} MiB",
            todo="mount -o remount,size=90% /dev/shm (as root), or use a smaller --memory-mib",
        )


def disk(free_mib: int, needed_mib: int, where: Path) -> None:
    """Refuse to start when the host's disk cannot take the machine.

    Args:
        free_mib: what is free.
        needed_mib: what is needed.
        where: the folder in question.

    Raises:
        LabError: too little is free.
    """
    if free_mib < needed_mib:
        raise LabError(
            "the host's disk is too small for this machine",
            found=f"{free_mib} MiB free in {where}",
            needed=f"{needed_mib} MiB",
            todo="free some, or set XDG_STATE_HOME and XDG_CACHE_HOME to a larger disk",
        )


def free_mib(path: Path) -> int:
    """Free space as an ordinary user sees it.

    Args:
        path: a folder; the nearest one that exists is looked at.

    Returns:
        MiB.
    """
    while not path.exists():
        path = path.parent
    stat = os.statvfs(path)
    return stat.f_bavail * stat.f_frsize // 1024**2


def udp_ports(ssh_port: int) -> tuple[int, int]:
    """The two ends of a machine's virtual cable, by the port that is its own already.

    Args:
        ssh_port: the machine's ssh port.

    Returns:
        UDP ports on 127.0.0.1: the kernel's and the network process's.
    """
    return ssh_port + 10_000, ssh_port + 10_000 + len(PORTS)


def port_is_free(port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> bool:
    """Whether a port of 127.0.0.1 can be bound.

    Args:
        port: the port.
        kind: TCP or UDP.

    Returns:
        False when somebody has it.
    """
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def taken_ports(ssh_port: int) -> list[str]:
    """Which of a machine's ports somebody else has.

    Args:
        ssh_port: the machine's ssh port.

    Returns:
        Such as ``tcp/22200``; empty when all are free.
    """
    found = [] if port_is_free(ssh_port) else [f"tcp/{ssh_port}"]
    return found + [
        f"udp/{port}" for port in udp_ports(ssh_port) if not port_is_free(port, socket.SOCK_DGRAM)
    ]


def require_ports(ssh_port: int) -> None:
    """Refuse to start when a machine's port is taken.

    Args:
        ssh_port: the machine's ssh port.

    Raises:
        LabError: somebody has one of them.
    """
    taken = taken_ports(ssh_port)
    if taken:
        raise LabError(
            "a port of 127.0.0.1 that this machine had is taken",
            found=", ".join(taken),
            todo="see who has it with `ss -lntup`, or remove the machine and make it again",
        )


def choose_port(taken: Iterable[int]) -> int:
    """The first ssh port that is free and belongs to no other machine.

    Args:
        taken: ports of machines, running or not.

    Returns:
        The port.

    Raises:
        LabError: none is left.
    """
    known = set(taken)
    for port in PORTS:
        if port not in known and not taken_ports(port):
            return port
    raise LabError(
        "no port is free for ssh",
        found=f"{PORTS.start} to {PORTS.stop - 1} of 127.0.0.1 are all taken",
        todo="`xnai lab down` machines that are not needed",
    )


def missing_tools(tools: Iterable[str]) -> list[str]:
    """Which programs are not on the PATH (sbin folders included).

    Args:
        tools: their names.

    Returns:
        The missing ones.
    """
    path = tool_env()["PATH"]
    return [tool for tool in tools if shutil.which(tool, path=path) is None]


def map_count_note(value: int) -> str | None:
    """A remark when the host bounds how far a guest can swap.

    Args:
        value: vm.max_map_count of the host.

    Returns:
        One sentence, or None when there is nothing to say.
    """
    if value >= MAP_COUNT_WANTED:
        return None
    return (
        f"note: vm.max_map_count is {value} on this host; a guest that swaps much, or has "
        "processes of over 250 MiB, may see them die of SIGSEGV. As root: "
        f"sysctl vm.max_map_count={MAP_COUNT_WANTED}"
    )
