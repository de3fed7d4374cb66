"""The lab's kernel beside Debian's: every difference in how memory works, with its reason."""

from __future__ import annotations

import re
from pathlib import Path

DEBIAN = Path(__file__).with_name("debian.config")
ABSENT = "absent"
_SET = re.compile(r"(CONFIG_\w+)=(.*)")
_NOT_SET = re.compile(r"# (CONFIG_\w+) is not set")

_HUGE = "user-mode Linux has no huge pages"
_FLAT = "user-mode Linux has one flat range of memory that never changes in size"
_GONE = "gone or renamed in the kernels after 6.12"
_HARDWARE = "for a processor, a device or a hypervisor that user-mode Linux does not have"
_ARCHITECTURE = "user-mode Linux does not offer it"
# Why the lab's kernel has an option otherwise -> the options, without CONFIG_.
_REASONS = {
    "built in: one file is the whole kernel, without modules": ("ZRAM",),
    "user-mode Linux's own default, which no option of ours depends on": (
        "COMPAT_BRK", "DEFAULT_MMAP_MIN_ADDR",
    ),
    "user-mode Linux counts no processor events": ("CGROUP_PERF",),
    "only btrfs, which the plain kernel lacks, asks for it": ("BLK_CGROUP_PUNT_BIO",),
    _GONE: (
        "ZPOOL", "ZBUD", "ZSWAP_ZPOOL_DEFAULT", "ZSWAP_ZPOOL_DEFAULT_ZSMALLOC",
        "SLUB_CPU_PARTIAL", "PROC_PID_CPUSET",
    ),
    _HUGE: (
        "CGROUP_HUGETLB", "TRANSPARENT_HUGEPAGE", "TRANSPARENT_HUGEPAGE_ALWAYS", "THP_SWAP",
        "PGTABLE_HAS_HUGE_LEAVES",
    ),
    _FLAT: (
        "SPARSEMEM", "SPARSEMEM_EXTREME", "SPARSEMEM_VMEMMAP", "SPARSEMEM_VMEMMAP_ENABLE",
        "MEMORY_HOTPLUG", "MEMORY_HOTREMOVE", "MEMORY_ISOLATION", "DEFERRED_STRUCT_PAGE_INIT",
        "CONTIG_ALLOC", "GET_FREE_REGION", "ZONE_DMA", "ZONE_DMA32", "ZONE_DEVICE",
    ),
    _HARDWARE: (
        "BALLOON_COMPACTION", "MEMORY_BALLOON", "DEVICE_MIGRATION", "HMM_MIRROR",
        "IOMMU_MM_DATA", "MAPPING_DIRTY_HELPERS", "MEMORY_FAILURE", "MMU_NOTIFIER", "VMAP_PFN",
    ),
    _ARCHITECTURE: (
        "EXECMEM", "LOCK_MM_AND_FIND_VMA", "LRU_GEN_WALKS_MMU", "MEM_SOFT_DIRTY", "PER_VMA_LOCK",
        "PTE_MARKER_UFFD_WP", "SECRETMEM", "SPLIT_PMD_PTLOCKS", "SPLIT_PTE_PTLOCKS",
    ),
}
REASONS = {f"CONFIG_{name}": why for why, names in _REASONS.items() for name in names}


def options(text: str) -> dict[str, str]:
    """Read a kernel's configuration.

    Args:
        text: lines such as ``CONFIG_SWAP=y`` and ``# CONFIG_KSM is not set``.

    Returns:
        Value by option; ``n`` for one that is not set.
    """
    found = {}
    for line in text.splitlines():
        if match := _SET.fullmatch(line):
            found[match[1]] = match[2]
        elif match := _NOT_SET.fullmatch(line):
            found[match[1]] = "n"
    return found


def differences(built: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Compare a kernel's configuration with Debian's.

    An option that a kernel does not know at all is as good as one that is not set.

    Args:
        built: the lab's kernel's options.

    Returns:
        Option -> Debian's value and the lab's.
    """
    return {
        name: (value, built.get(name, ABSENT))
        for name, value in options(DEBIAN.read_text()).items()
        if value != built.get(name, ABSENT) and not (value == "n" and name not in built)
    }
