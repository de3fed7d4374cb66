"""What a host cannot change while it runs: its RAM, processors and architecture."""

from __future__ import annotations

from dataclasses import dataclass

from pyinfra.api.facts import FactBase


@dataclass(frozen=True)
class HardwareFacts:
    """A host's immutable values.

    Attributes:
        ram_kib: MemTotal of /proc/meminfo in KiB, what the kernel can use (not what was sold).
        cpus: processors online.
        architecture: machine name of uname(2), as x86_64.
        uid: user ID that the commands run as; 0 is needed.
    """

    ram_kib: int
    cpus: int
    architecture: str
    uid: int


class Hardware(FactBase[HardwareFacts | None]):
    """The host's immutable values, or None where they could not be read."""

    def command(self) -> str:
        """Return the shell command that prints the four values, a line each."""
        return (
            "awk '/^MemTotal:/ {print $2}' /proc/meminfo; getconf _NPROCESSORS_ONLN; "
            "uname -m; id -u"
        )

    def process(self, output: list[str]) -> HardwareFacts | None:
        """Parse the four lines; anything else is None."""
        if len(output) != 4 or not all(output[line].isdigit() for line in (0, 1, 3)):
            return None
        return HardwareFacts(int(output[0]), int(output[1]), output[2], int(output[3]))
