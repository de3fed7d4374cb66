"""The sysctls that the deploy sets: one line each, and a setting for each."""

from __future__ import annotations

from dataclasses import dataclass

from xnai.settings import checks
from xnai.settings.declaration import Declaration


@dataclass(frozen=True)
class Sysctl:
    """A whole number of the kernel's that the deploy sets.

    Attributes:
        key: as sysctl(8) has it.
        default: what it is set to.
        lowest: what the kernel takes at least.
        highest: what it takes at most.
        reason: what it does, and why it is set to that.
        unit: the end of its setting's name, where the key has no unit.
        below: key of one that must be larger.
    """

    key: str
    default: int
    lowest: int
    highest: int
    reason: str
    unit: str = ""
    below: str = ""

    @property
    def setting(self) -> str:
        """The name of its setting: vm.page-cluster is vm_page_cluster."""
        return self.key.replace(".", "_").replace("-", "_") + self.unit


# Source of all, where a reason names no other: kernel Documentation/admin-guide/sysctl/vm.rst.
SYSCTLS = (
    Sysctl(
        "vm.swappiness", 180, 0, 200,
        "0 to 200: the cost of swapping against that of dropping page cache. Swap in RAM is far "
        "cheaper than a disk read, hence above 100. Source: kernel "
        "Documentation/admin-guide/sysctl/vm.rst (\"for in-memory swap, like zram or zswap ... "
        "values beyond 100 can be considered\").",
    ),
    Sysctl(
        "vm.page-cluster", 0, 0, 10,
        "Pages read ahead from swap as a power of two; 0 is one page. A RAM device has no "
        "seek to save, so read-ahead only decompresses pages that nobody asked for. Same "
        "source.",
    ),
    Sysctl(
        "vm.watermark_boost_factor", 0, 0, 200000,
        "0 switches off the boost of the reclaim watermark after fragmentation, which "
        "otherwise swaps in bursts. Same source.",
    ),
    Sysctl(
        "vm.watermark_scale_factor", 125, 1, 3000,
        "In units of 0.01 % of RAM between the watermarks: 125 is 1.25 %. kswapd starts "
        "earlier, so allocations wait less for direct reclaim. Default 10. Same source.",
    ),
    Sysctl(
        "vm.vfs_cache_pressure", 50, 1, 1000,
        "100 is the kernel's balance between dentry/inode caches and page cache; below 100 "
        "keeps the directory caches that container layers and source trees live from. Same "
        "source.",
    ),
    Sysctl(
        "vm.dirty_background_ratio", 5, 1, 99,
        "Percent of available memory at which background write-back starts. Dirty pages "
        "cannot be compressed away, so a machine short of RAM should hold few. Same source.",
        unit="_pct", below="vm.dirty_ratio",
    ),
    Sysctl(
        "vm.dirty_ratio", 10, 2, 100,
        "Percent of available memory at which writers wait. Same source.",
        unit="_pct",
    ),
)


def keys() -> dict[str, str]:
    """Return the key of each sysctl by the name of its setting."""
    return {sysctl.setting: sysctl.key for sysctl in SYSCTLS}


def declarations() -> list[Declaration]:
    """Return the settings of the table, in its order."""
    names = {sysctl.key: sysctl.setting for sysctl in SYSCTLS}
    return [
        Declaration(
            one.setting, one.default, checks.integer(one.lowest, one.highest), one.reason,
            "memory", below=names.get(one.below, ""),
        )
        for one in SYSCTLS
    ]
