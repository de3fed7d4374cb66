"""What a machine can hold: RAM, and what zram saves of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Capacity:
    """What a machine can hold, all in MiB but the ratio.

    zram's pages live in RAM: moving a page there frees only (1 - 1/ratio) of it, so
    W = A + C * (1 - 1/ratio) with A = RAM - reserve - mapped and C = min(zram size, ratio * A).
    Mapped are the pages of a model's file: they are in RAM or on the disk and never in zram.
    """

    ram_mib: int
    reserve_mib: int
    zram_mib: int
    ratio: float
    mapped_mib: int = 0

    @property
    def available_mib(self) -> int:
        """A: RAM left after the reserve and mapped files, at least 0."""
        return max(0, self.ram_mib - self.reserve_mib - self.mapped_mib)

    @property
    def backed_mib(self) -> float:
        """C: the part of zram that A can back."""
        return min(float(self.zram_mib), self.ratio * self.available_mib)

    @property
    def working_set_mib(self) -> int:
        """W: what all services together can hold, limits and swap, without mapped files."""
        return round(self.available_mib + self.backed_mib * (1 - 1 / self.ratio))

    def terms(self) -> str:
        """Return the formula with this machine's numbers."""
        mapped = f" - mapped files {self.mapped_mib}" if self.mapped_mib else ""
        return (
            f"W = A + C*(1 - 1/r) = {self.available_mib} + {self.backed_mib:.0f}"
            f"*(1 - 1/{self.ratio:g}) = {self.working_set_mib} MiB, with "
            f"A = RAM {self.ram_mib} - reserve {self.reserve_mib}{mapped} MiB, "
            f"C = min(zram {self.zram_mib}, r*A {self.ratio * self.available_mib:.0f}) MiB"
        )
