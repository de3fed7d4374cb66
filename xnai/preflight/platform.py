"""Whether this is a machine that can be provisioned: OS, architecture, systemd, cgroup v2, Podman,
root.
"""

from __future__ import annotations

import re

from xnai.diagnostics.finding import Finding, Severity
from xnai.facts.machine.model import Lock, Reading

OLDEST_OS = {"debian": (13,), "ubuntu": (24, 4)}
"""Distribution (ID of os-release(5)) -> oldest release that is supported."""

ARCHITECTURES = ("x86_64", "aarch64")
"""Machine names of uname(1) that the images exist for."""

OLDEST_PODMAN = (4, 7)
"""Podman 4.7.0 brought `podman compose` (its RELEASE_NOTES.md), by which containers are made."""

CONTROLLERS = ("cpu", "io", "memory", "pids")
"""cgroup v2 controllers that limits of the stack's services need (cgroups(7))."""

_OS_NEEDED = "Debian 13 or newer, or Ubuntu 24.04 or newer"


def os_release(text: str) -> dict[str, str]:
    """Return the variables of an os-release file's `text` (os-release(5))."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and line[0] != "#")
    return {name.strip(): value.strip().strip("\"'") for name, value in pairs}


def version(text: str) -> tuple[int, ...]:
    """Return a version's leading numbers without its epoch: `1:5.4.2+ds1-2` gives (5, 4, 2)."""
    match = re.search(r"(?:^|\s|:)(\d+(?:\.\d+)*)(?=$|[^\d:])", text.strip())
    return tuple(int(part) for part in match.group(1).split(".")) if match else ()


def judge_os(reading: Reading) -> list[Finding]:
    """Return a finding unless os-release names a supported release."""
    if reading.state != "ok":
        return [_unread("os", "operating system", reading, _OS_NEEDED, "/etc/os-release")]
    values = os_release(reading.text)
    name, release = values.get("ID", ""), version(values.get("VERSION_ID", ""))
    shown = values.get("PRETTY_NAME") or name or "no ID in /etc/os-release"
    oldest = OLDEST_OS.get(name)
    if oldest is None:
        known = bool(name)
    elif not release:
        # Debian testing and sid have no VERSION_ID (os-release(5)): newer than any release.
        return [
            Finding(
                "os",
                "warning",
                "operating system",
                f"{shown}, without VERSION_ID (a development release)",
                _OS_NEEDED,
                "It should work; only releases are tested.",
            )
        ]
    elif release >= oldest:
        return []
    else:
        known = True
    remedy = "Upgrade the machine to one of these, or name another host in the inventory."
    severity: Severity = "error" if known else "unknown"
    return [Finding("os", severity, "operating system", shown, _OS_NEEDED, remedy)]


NO_ARM64_WHEEL = "wordllama 0.4.0.post1"
"""The package of files/services/rag_api/requirements.txt that PyPI has for x86_64 alone; images are
built without a compiler."""


def judge_arch(reading: Reading, own_rag_api: bool) -> list[Finding]:
    """Return a finding unless the machine's architecture is supported.

    Args:
        reading: the machine name of uname(1).
        own_rag_api: whether the RAG API is built from this project's own lock.
    """
    needed = " or ".join(ARCHITECTURES)
    if reading.state != "ok":
        return [_unread("arch", "architecture", reading, needed, "uname -m")]
    if reading.text == "aarch64" and own_rag_api:
        needed = f"x86_64: the RAG API's lock has {NO_ARM64_WHEEL}, which has no wheel for it"
        remedy = (
            "Use another host, or let rag_api be made of a tree of your own (service_sources in "
            "group_data/all.py) whose packages exist for this machine."
        )
        return [Finding("arch", "error", "architecture", reading.text, needed, remedy)]
    if reading.text in ARCHITECTURES:
        return []
    remedy = "The pinned images and wheels do not exist for this machine; use another host."
    return [Finding("arch", "error", "architecture", reading.text, needed, remedy)]


def judge_systemd(pid1: Reading) -> list[Finding]:
    """Return a finding unless systemd is PID 1 (sd_booted(3): /run/systemd/system exists)."""
    needed = "systemd as PID 1: zram, the user's services and lingering are its units"
    if pid1.state != "ok":
        return [_unread("systemd", "init system", pid1, needed, "/proc/1/comm")]
    if pid1.text == "systemd":
        return []
    remedy = (
        "This looks like a container or chroot. Run against a real machine or a virtual one; "
        "to try it out: make try"
    )
    return [Finding("systemd", "error", "init system", f"PID 1 is {pid1.text}", needed, remedy)]


def judge_container(container: Reading, kernel: Reading) -> list[Finding]:
    """Return a finding where systemd runs in somebody else's kernel: LXC, nspawn, WSL 2.

    Args:
        container: content of /run/systemd/container, where systemd writes what it runs in (see
            its CONTAINER_INTERFACE); absent on a machine.
        kernel: its release, of uname(1).
    """
    kind = container.text if container.state == "ok" else ""
    if "microsoft" in kernel.text.lower():
        kind = "wsl"
    if not kind:
        return []
    needed = "a machine or a virtual machine: zram, vm.* and memory limits are the kernel's own"
    remedy = (
        "WSL's kernel, memory and swap are set by Windows (.wslconfig): use a virtual machine."
        if kind == "wsl" else
        "Name the machine that this container runs on in the inventory, or use a virtual machine."
    )
    found = f"shared: systemd runs in {kind}"
    return [Finding("container", "error", "kernel", found, needed, remedy)]


def judge_cgroup(
    kind: Reading, controllers: Reading, command_line: Reading, kernel: Reading
) -> list[Finding]:
    """Return findings unless cgroup v2 is mounted alone and offers the controllers for limits.

    Args:
        kind: the type of the file system at /sys/fs/cgroup.
        controllers: that its root has.
        command_line: the kernel's, as it was booted.
        kernel: its release, of uname(1).
    """
    needed = f"cgroup v2 with {', '.join(CONTROLLERS)}"
    if not kind.known:
        return [_unread("cgroup", "control groups", kind, needed, "stat -f /sys/fs/cgroup")]
    if kind.state == "absent" or kind.text != "cgroup2fs":
        found = "nothing at /sys/fs/cgroup" if kind.state == "absent" else f"{kind.text} mounted"
        set_by = _word(command_line, r"systemd\.(?:unified_cgroup_hierarchy|legacy_\S*)=\S+")
        remedy = (
            f"Remove {set_by} from the kernel command line and reboot." if set_by else
            "Use a systemd and a kernel that mount cgroup v2 (the default of Debian 11 and newer)."
        )
        return [Finding("cgroup", "error", "control groups", found, needed, remedy)]
    if controllers.state != "ok":
        path = "/sys/fs/cgroup/cgroup.controllers"
        return [_unread("cgroup", "control groups", controllers, needed, path)]
    missing = [name for name in CONTROLLERS if name not in controllers.text.split()]
    if not missing:
        return []
    # Memory carries the limits that the whole capacity rests on; the others only share out.
    severity: Severity = "error" if "memory" in missing else "warning"
    found = f"cgroup v2 without {', '.join(missing)}"
    set_by = _word(command_line, r"cgroup_disable=\S+")
    if "memory" in missing and "+rpt" in kernel.text:
        # Raspberry Pi OS: the firmware puts cgroup_disable=memory in front of cmdline.txt's line.
        remedy = (
            "Append cgroup_enable=memory to the one line of /boot/firmware/cmdline.txt, and reboot "
            "(on a Raspberry Pi cgroup_disable=memory comes from the firmware, not that file)."
        )
    elif set_by:
        remedy = f"Remove {set_by} from the kernel command line, and reboot."
    else:
        remedy = "Use a kernel that has them: Debian's own does."
    return [Finding("cgroup", severity, "control groups", found, needed, remedy)]


def _word(command_line: Reading, pattern: str) -> str:
    """The words of a command line that match, or an empty text."""
    found = re.findall(rf"(?:^|(?<=\s)){pattern}", command_line.text)
    return " and ".join(found) if command_line.state == "ok" else ""


def judge_root(uid: int | None, login: str) -> list[Finding]:
    """Return a finding unless the facts were read as root (effective UID 0)."""
    if uid == 0:
        return []
    needed = "root, at once or through sudo"
    if uid is None:
        return [_unread("root", "privileges", Reading(), needed, "id -u")]
    remedy = "Add --sudo to the command, or log in as root."
    return [Finding("root", "error", "privileges", f"{login} (UID {uid})", needed, remedy)]


def judge_podman(installed: Reading, candidate: Reading) -> list[Finding]:
    """Return a finding unless Podman 4.7 or newer is installed or obtainable from apt."""
    needed = f"Podman {'.'.join(map(str, OLDEST_PODMAN))} or newer"
    if installed.state == "ok":
        which, reading = "installed", installed
        remedy = "Upgrade podman (apt-get install podman), or the release of the operating system."
    elif installed.state == "absent" and candidate.state == "ok":
        which, reading = "offered by apt", candidate
        remedy = "Add a package source that offers it, or upgrade the operating system."
    else:
        found = "not installed, and apt names no candidate (its lists may be empty)"
        if installed.state != "absent":
            found = "could not tell whether it is installed"
        remedy = "apt-get update && apt-cache policy podman"
        return [Finding("podman", "unknown", "podman", found, needed, remedy)]
    number = version(reading.text)
    if number >= OLDEST_PODMAN:
        return []
    severity: Severity = "error" if number else "unknown"
    found = f"{reading.text or 'no version'} {which}"
    return [Finding("podman", severity, "podman", found, needed, remedy)]


def judge_apt_locks(locks: tuple[Lock, ...] | None) -> list[Finding]:
    """Return a warning for each process that holds a lock of apt or dpkg."""
    if locks is None:
        return [_unread("apt-lock", "apt", Reading("unreadable"), "no lock held", "/proc/locks")]
    holders = {(lock.process, lock.pid): lock.path for lock in reversed(locks)}
    return [
        Finding(
            "apt-lock",
            "warning",
            "apt",
            f"{path} is held by {process} (PID {pid})",
            "no lock held by another process",
            "The deploy waits for it. If it hangs: "
            f"systemctl list-timers 'apt-*'; ps -fp {pid}; never delete the lock file.",
        )
        for (process, pid), path in holders.items()
    ]


def _unread(id_: str, subject: str, reading: Reading, needed: str, how: str) -> Finding:
    found = f"could not tell: {how} is {reading.state}"
    return Finding(id_, "unknown", subject, found, needed, f"Look by hand: {how}")
