"""The memory sampler's unit, and what it says of the machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

UNIT = "xnai-sampler.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
PROGRAM = "/opt/xnai/sampler.pyz"


@dataclass(frozen=True)
class SamplerUnit:
    """The sampler as systemd knows it.

    Attributes:
        enabled: whether it starts at boot.
        active: whether it runs.
        version: of the program that runs; empty before its first sample.
        says: "well", or what it warns of; empty before its first sample.
    """

    enabled: bool
    active: bool
    version: str
    says: str


# Not a file of the sampler's: what root reads is under nobody else's control.
SCRIPT = (
    f"[ ! -e {UNIT_FILE} ] || systemctl show "
    f"--property=UnitFileState,ActiveState,StatusText {UNIT}; :"
)


def parse_sampler(lines: Sequence[str]) -> SamplerUnit | None:
    """Return the unit from the lines of `SCRIPT`; None where there is none."""
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    if "ActiveState" not in found:
        return None
    version, _, says = found.get("StatusText", "").partition(" ")
    return SamplerUnit(
        enabled=found.get("UnitFileState") == "enabled",
        active=found["ActiveState"] == "active",
        version=version,
        says="".join(one for one in says if one.isprintable()),
    )
