"""What the host itself is: memory, disk, units, kernel, clock, who listens."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from xnai.triage.collect.bounded import first_line, plain, run

_KILLS = "oom-kill:|Out of memory|Memory cgroup out of memory"


def facts(paths: Sequence[str], started: float) -> dict[str, Any]:
    """Return what can be read of the host without asking Podman.

    Args:
        paths: whose file system's room is told.
        started: time.time() at the beginning.
    """
    return {
        "time": started,
        "uid": os.geteuid(),
        "uptime_s": float((first_line("/proc/uptime") or "0").split()[0]),
        "kernel": os.uname().release,
        "host_name": os.uname().nodename,
        "kernels": _names("/lib/modules"),
        "boot_id": first_line("/proc/sys/kernel/random/boot_id") or "",
        "meminfo": _pairs(plain("/proc/meminfo") or ""),
        "swaps": (plain("/proc/swaps") or "").splitlines()[1:],
        "pressure": {
            name: plain(f"/proc/pressure/{name}") for name in ("memory", "io", "cpu")
        },
        "load": first_line("/proc/loadavg"),
        "zram": _zram(),
        "zswap": first_line("/sys/module/zswap/parameters/enabled"),
        "spaces": {path: _space(path) for path in dict.fromkeys(paths)},
        "userns": {
            name: first_line(f"/proc/sys/{name}") for name in (
                "kernel/apparmor_restrict_unprivileged_userns",
                "kernel/unprivileged_userns_clone", "user/max_user_namespaces",
            )
        },
        "subuid": plain("/etc/subuid"),
        "subgid": plain("/etc/subgid"),
        "lingering": _names("/var/lib/systemd/linger"),
        "clock_synchronized": Path("/run/systemd/timesync/synchronized").exists(),
        "conntrack": [
            first_line(f"/proc/sys/net/netfilter/nf_conntrack_{name}") for name in ("count", "max")
        ],
        "inotify_instances": first_line("/proc/sys/fs/inotify/max_user_instances"),
        "reboot_required": Path("/run/reboot-required").exists(),
    }


def logs() -> dict[str, Any]:
    """Return kills for want of memory and failed units, as the logs and systemd tell them."""
    common = ["--quiet", "--no-pager", "--output=short-iso", "--lines=200"]
    kernel = run(["dmesg", "--time-format", "iso"], most=8 << 20)
    before = run(["journalctl", *common, "--dmesg", "--boot=-1", "--grep=oom-kill:"])
    guard = run(["journalctl", *common, "--unit=systemd-oomd", "--boot=0", "--grep=^Killed "])
    units = run(["systemctl", "list-units", "--state=failed", "--plain", "--no-legend", "--full"])
    zram = run(["systemctl", "show", "--property=ActiveState,SubState,Result",
                "dev-zram0.swap", "systemd-zram-setup@zram0.service"])
    kept = [line for line in kernel.text.splitlines() if any(w in line for w in _KILLS.split("|"))]
    errors = [line for line in kernel.text.splitlines() if "I/O error" in line or
              "Remounting filesystem read-only" in line]
    return {
        "kills": before.text.splitlines() + guard.text.splitlines() + kept[-200:],
        "kernel_readable": kernel.code == 0,
        "kernel_errors": errors[-20:],
        "failed_units": [line.split()[0].lstrip("●") for line in units.text.splitlines() if line]
        if units.code == 0 else None,
        "zram_units": zram.text,
    }


def listeners() -> list[dict[str, Any]]:
    """Return who listens on TCP ports of the host: address, port, process and its user."""
    found: dict[int, dict[str, Any]] = {}
    for name in ("tcp", "tcp6"):
        for line in (plain(f"/proc/net/{name}", 1 << 20) or "").splitlines()[1:]:
            words = line.split()
            if len(words) < 10 or words[3] != "0A":
                continue
            address, _, port = words[1].rpartition(":")
            found[int(words[9])] = {
                "address": _address(address), "port": int(port, 16), "uid": int(words[7]),
                "pid": None, "command": "",
            }
    for pid in filter(str.isdigit, _names("/proc")) if found else ():
        # Not Path.glob, which ends with an error where a process ends meanwhile (Python 3.11).
        for number in _names(f"/proc/{pid}/fd"):
            with suppress(OSError):
                target = str(Path(f"/proc/{pid}/fd/{number}").readlink())
                if target.startswith("socket:[") and (one := found.get(int(target[8:-1]))):
                    one["pid"] = int(pid)
                    one["command"] = first_line(f"/proc/{pid}/comm") or ""
    return list(found.values())


def _address(text: str) -> str:
    """An address of /proc/net/tcp: words of the machine's byte order (proc_net_tcp(5))."""
    if len(text) == 8:
        return ".".join(str(byte) for byte in reversed(bytes.fromhex(text)))
    if text.startswith("0000000000000000FFFF0000"):
        return _address(text[24:])
    return "::" if not text.strip("0") else "::1" if text.endswith("01000000") else text.lower()


def _names(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))  # noqa: PTH208  (names alone)
    except OSError:
        return []


def _pairs(text: str) -> dict[str, int]:
    """`Name:  number kB` as name -> KiB."""
    found = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        number = rest.split()
        if number and number[0].isdigit():
            found[name] = int(number[0])
    return found


def _space(path: str) -> dict[str, Any] | None:
    """Room on the file system of a path or of the nearest directory above it."""
    while path != "/" and not os.path.lexists(path):
        path = str(Path(path).parent)
    try:
        found = os.statvfs(path)
    except OSError:
        return None
    return {
        "free_mib": found.f_bavail * found.f_frsize >> 20,
        "size_mib": found.f_blocks * found.f_frsize >> 20,
        "free_inodes": found.f_favail, "inodes": found.f_files,
        "read_only": bool(found.f_flag & os.ST_RDONLY),
    }


def _zram() -> list[dict[str, Any]]:
    return [
        {
            "name": path.name, "disksize": first_line(f"{path}/disksize"),
            "algorithm": first_line(f"{path}/comp_algorithm"),
            "mm_stat": first_line(f"{path}/mm_stat"),
        }
        for path in sorted(Path("/sys/block").glob("zram*"))
    ]


def clock() -> float:
    """Return the time now, seconds since 1970."""
    return time.time()
