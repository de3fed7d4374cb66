"""How zram0 differs from the settings, and whether it can be changed now."""

from __future__ import annotations

from xnai.facts.machine.model import Reading
from xnai.facts.memory import MemoryFacts, Zram
from xnai.settings.model import Settings

BEST_FIRST = ("zstd", "lz4hc", "lz4", "lzo-rle", "lzo")
"""zram's compressors by how much they save, the best first (kernel, admin-guide/blockdev/zram)."""

# swapoff must find room for every page and leave the machine some to breathe.
HEADROOM_MIB = 256


def differences(zram: Zram, size_mib: int, algorithm: str, priority: int) -> list[str]:
    """Return in words how the live device differs from the settings; empty if it does not."""
    if not zram.swap_active:
        return ["no swap on zram0"]
    found = []
    if zram.disksize_mib != size_mib:
        found.append(f"size {zram.disksize_mib} -> {size_mib} MiB")
    if zram.algorithm != algorithm:
        found.append(f"algorithm {zram.algorithm} -> {algorithm}")
    if zram.swap_priority != priority:
        found.append(f"priority {zram.swap_priority} -> {priority}")
    return found


def missing_mib(facts: MemoryFacts) -> int:
    """Return how many MiB of free memory are missing to empty zram0 now; 0 if it can be done."""
    needed_mib = facts.zram.swap_used_mib + HEADROOM_MIB if facts.zram.swap_used_mib else 0
    return max(0, needed_mib - facts.available_mib)


def why_it_waits(facts: MemoryFacts, change: str) -> str:
    """Return why a change of zram0 must wait, with the figures and the remedy.

    Args:
        facts: of the host's memory.
        change: in words.
    """
    return (
        f"{change}: {facts.zram.swap_used_mib} MiB are swapped out and {facts.available_mib} MiB "
        f"are available, {missing_mib(facts)} MiB short (with {HEADROOM_MIB} MiB of headroom). "
        "The device was left as it is; configured for the next boot. "
        "Close programs and run this again, or reboot."
    )


def best_algorithm(wanted: str, available: str) -> str | None:
    """Return `wanted` if it is among the blank-separated `available`, else the best of them, or
    None.
    """
    names = available.split()
    if wanted in names:
        return wanted
    return next((name for name in BEST_FIRST if name in names), names[0] if names else None)


def algorithm_for(settings: Settings, kernel: Reading) -> str:
    """Return the compressor for a kernel: the settings' where it has that, else its best.

    Preflight warns where the kernel lacks the one of the settings.

    Args:
        settings: the host's.
        kernel: names of the compressors that it has, blank-separated.
    """
    wanted = settings.zram_compression_algorithm
    return best_algorithm(wanted, kernel.text) or wanted
