"""What a host is when a run begins: its RAM, processors, architecture and time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyinfra.api.facts import FactBase

from xnai.settings.checks import TIME_ZONE

# Links that lie beside them, and what stands for a link that was not read.
_NO_ZONES = {"localtime", "posixrules", "zone"}


@dataclass(frozen=True)
class HardwareFacts:
    """A host's values that settings are derived from.

    Attributes:
        ram_kib: MemTotal of /proc/meminfo in KiB, what the kernel can use (not what was sold).
        cpus: processors online.
        architecture: machine name of uname(2), as x86_64.
        uid: user ID that the commands run as; 0 is needed.
        time_zone: its name in the tz database; UTC where the host names none.
    """

    ram_kib: int
    cpus: int
    architecture: str
    uid: int
    time_zone: str


class Hardware(FactBase[HardwareFacts | None]):
    """The host's values, or None where they could not be read."""

    def command(self) -> str:
        """Return the shell command that prints the five values, a line each."""
        # Without -f: the files that the link names may not be installed (localtime(5)). One that
        # is a copy and no link has its name in Debian's /etc/timezone.
        return (
            "awk '/^MemTotal:/ {print $2}' /proc/meminfo; getconf _NPROCESSORS_ONLN; "
            "uname -m; id -u; "
            "z=$(readlink /etc/localtime || echo \"zoneinfo/$(head -n 1 /etc/timezone)\") "
            "2>/dev/null; echo \"zone $z\""
        )

    def process(self, output: list[str]) -> HardwareFacts | None:
        """Parse the five lines; anything else is None."""
        if len(output) != 5 or not all(output[line].isdigit() for line in (0, 1, 3)):
            return None
        zone = re.sub(r"^zone .*zoneinfo/(posix/|right/|uclibc/)?", "", output[4].strip())
        # What is no link below zoneinfo begins with "zone" still, and is no name.
        if zone in _NO_ZONES or not re.fullmatch(TIME_ZONE, zone, re.ASCII):
            zone = "UTC"
        return HardwareFacts(int(output[0]), int(output[1]), output[2], int(output[3]), zone)
