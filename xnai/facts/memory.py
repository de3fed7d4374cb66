"""The memory component as a host has it now: zram, sysctls, zswap, our files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from pyinfra.api.facts import FactBase

from xnai.facts.sections import FileState, file_states, parse_file_states, script, split

ZRAM_SWAP = "/dev/zram0"


@dataclass(frozen=True)
class Zram:
    """zram0 and the swap on it. Sizes in MiB; zero where there is no device or no swap."""

    disksize_mib: int
    algorithm: str
    swap_active: bool
    swap_used_mib: int
    swap_priority: int


@dataclass(frozen=True)
class MemoryFacts:
    """What the memory step compares with the settings.

    Attributes:
        packages: Debian package -> installed version.
        files: path -> state, only paths that exist.
        sysctls: key -> live value, only keys that the kernel has.
        zram: the first zram device.
        available_mib: MemAvailable of /proc/meminfo in MiB.
        zswap_enabled: None where the kernel has no zswap.
    """

    packages: dict[str, str]
    files: dict[str, FileState]
    sysctls: dict[str, str]
    zram: Zram
    available_mib: int
    zswap_enabled: bool | None


def installed_packages(names: Sequence[str]) -> str:
    """Return shell code that prints `name version` for each installed Debian package."""
    words = " ".join(shlex.quote(name) for name in names)
    return (
        "dpkg-query -W -f='${db:Status-Status} ${Package} ${Version}\\n' "
        f"{words} | sed -n 's/^installed //p'"
    )


def parse_packages(lines: Sequence[str]) -> dict[str, str]:
    """Return package -> version from the lines of installed_packages."""
    return dict(line.split(" ", 1) for line in lines if " " in line)


class Memory(FactBase[MemoryFacts | None]):
    """The memory component's state by one command, or None where it could not be read."""

    def command(self, packages: Sequence[str], paths: Sequence[str], keys: Sequence[str]) -> str:
        """Return the script.

        Args:
            packages: Debian packages to look up.
            paths: our files, absolute.
            keys: sysctl keys, as vm.swappiness.
        """
        files = " ".join(shlex.quote("/proc/sys/" + key.replace(".", "/")) for key in keys)
        return script(
            {
                "packages": installed_packages(packages),
                "files": file_states(paths),
                # Not the shell's read: byte by byte it gets only the first one of a sysctl.
                "sysctls": f"grep -H '' {files}; :",
                "zram": "cat /sys/block/zram0/disksize /sys/block/zram0/comp_algorithm; :",
                "swaps": "cat /proc/swaps",
                "meminfo": "grep '^MemAvailable:' /proc/meminfo",
                "zswap": "cat /sys/module/zswap/parameters/enabled; :",
            }
        )

    def process(self, output: list[str]) -> MemoryFacts | None:
        """Parse the sections; None where one is missing."""
        found = split(output)
        if "zswap" not in found or not found["meminfo"]:
            return None
        return MemoryFacts(
            packages=parse_packages(found["packages"]),
            files=parse_file_states(found["files"]),
            sysctls={
                path.removeprefix("/proc/sys/").replace("/", "."): value
                for path, value in (line.split(":", 1) for line in found["sysctls"])
            },
            zram=_zram(found["zram"], found["swaps"]),
            available_mib=int(found["meminfo"][0].split()[1]) // 1024,
            zswap_enabled=found["zswap"][0] in {"Y", "1"} if found["zswap"] else None,
        )


def _zram(device: list[str], swaps: list[str]) -> Zram:
    """The device's size and algorithm (sysfs marks the one in use by brackets), and its swap."""
    size = int(device[0]) >> 20 if device and device[0].isdigit() else 0
    chosen = re.search(r"\[([^]]+)\]", device[1]) if len(device) > 1 else None
    swap = next((line.split() for line in swaps if line.split()[:1] == [ZRAM_SWAP]), None)
    return Zram(
        disksize_mib=size,
        algorithm=chosen[1] if chosen else "",
        swap_active=swap is not None,
        swap_used_mib=int(swap[3]) // 1024 if swap else 0,
        swap_priority=int(swap[4]) if swap else 0,
    )
