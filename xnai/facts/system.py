"""What machine a host is, and the versions of what the stack stands on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyinfra.api.facts import FactBase

from xnai.facts.memory import installed_packages, parse_packages
from xnai.facts.sections import script, split

PACKAGES = (
    "podman", "crun", "runc", "conmon", "netavark", "aardvark-dns", "passt", "slirp4netns",
    "systemd", "systemd-oomd", "systemd-zram-generator", "earlyoom", "python3", "linux-image-amd64",
)
"""Debian packages whose versions tell one machine from another."""

# SMBIOS 3.7.0, table 17: portable, laptop, notebook, sub notebook, convertible, detachable.
_PORTABLE = frozenset({"8", "9", "10", "14", "31", "32"})
_SESSION = re.compile(r"Class=user Remote=no Type=(wayland|x11|mir) ?")


@dataclass(frozen=True)
class SystemFacts:
    """A machine as somebody else needs to know it: no name, no serial number, no user.

    Attributes:
        distribution: PRETTY_NAME of os-release.
        kernel: release, as uname(2) tells it.
        architecture: machine name of uname(2).
        virtualisation: as systemd-detect-virt(1) calls it; "none" on hardware; None: not told.
        product: vendor and product by the firmware; empty where it does not tell.
        portable: whether the firmware calls it a laptop or its like; None: not told.
        ram_kib: MemTotal in KiB.
        cpus: processors online.
        filesystems: mount point -> type, of / and /home.
        swaps: kind of each swap (partition, file, zram) with its size in KiB.
        packages: Debian package -> version.
        oomd: whether systemd-oomd runs.
        on_screen: kinds of graphical sessions that are open, wayland or x11.
    """

    distribution: str
    kernel: str
    architecture: str
    virtualisation: str | None
    product: str
    portable: bool | None
    ram_kib: int
    cpus: int
    filesystems: dict[str, str]
    swaps: tuple[str, ...]
    packages: dict[str, str]
    oomd: bool
    on_screen: tuple[str, ...]


class System(FactBase[SystemFacts | None]):
    """The machine by one command, or None where it could not be read."""

    def command(self) -> str:
        """Return the script."""
        return script({
            "distribution": "sed -n 's/^PRETTY_NAME=//p' /etc/os-release | tr -d '\"'",
            "kernel": "uname -r; uname -m; getconf _NPROCESSORS_ONLN",
            "virtualisation": "systemd-detect-virt; :",
            "firmware": "cd /sys/class/dmi/id && cat sys_vendor product_name chassis_type; :",
            "memory": "awk '/^MemTotal:/ {print $2}' /proc/meminfo",
            # Not its source, which may have a name or an address in it.
            "filesystems": "for p in / /home; do echo \"$p $(stat -f -c %T $p)\"; done",
            "swaps": "awk 'NR > 1 {print ($1 ~ \"/zram\") ? \"zram\" : $2, $3}' /proc/swaps",
            "packages": installed_packages(PACKAGES),
            "oomd": "systemctl is-active systemd-oomd; :",
            # Not those of a login screen, nor from elsewhere.
            "sessions": "loginctl list-sessions --no-legend | awk '{print $1}' | while read -r s; "
            "do loginctl show-session -p Type -p Class -p Remote \"$s\" | sort | tr '\\n' ' '; "
            "echo; done; :",
        })

    def process(self, output: list[str]) -> SystemFacts | None:
        """Parse the sections; None where one is missing."""
        found = split(output)
        if "sessions" not in found or len(found["kernel"]) != 3 or not found["memory"]:
            return None
        release, architecture, cpus = found["kernel"]
        firmware = found["firmware"]
        return SystemFacts(
            distribution=" ".join(found["distribution"]),
            kernel=release,
            architecture=architecture,
            virtualisation=found["virtualisation"][0] if found["virtualisation"] else None,
            product=" ".join(firmware[:2]),
            portable=firmware[2] in _PORTABLE if len(firmware) == 3 else None,
            ram_kib=int(found["memory"][0]),
            cpus=int(cpus),
            filesystems=dict(line.split(" ", 1) for line in found["filesystems"] if " " in line),
            swaps=tuple(found["swaps"]),
            packages=parse_packages(found["packages"]),
            oomd=found["oomd"] == ["active"],
            on_screen=tuple(sorted({
                match[1] for line in found["sessions"] if (match := _SESSION.fullmatch(line))
            })),
        )
