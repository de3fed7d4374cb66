"""Bringing zram0 into the configured state on a live machine, or deferring it safely."""

from __future__ import annotations

from collections.abc import Callable, Generator

from pyinfra.api.exceptions import OperationError
from pyinfra.context import ctx_host, ctx_state

from xnai.facts.memory import ZRAM_SWAP, MemoryFacts, Zram
from xnai.operations.guard import failing_operation
from xnai.run.pending import defer

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
# Commands that empty and reset zram0.
EMPTY = (
    # A unit that is not loaded cannot be stopped; what follows fails if anything is in the way.
    "systemctl stop dev-zram0.swap systemd-zram-setup@zram0.service || :",
    # What was set up by hand, past the units, is still in use; its size cannot be changed then.
    f"! grep -q '^{ZRAM_SWAP} ' /proc/swaps || swapoff {ZRAM_SWAP}; "
    "! [ -e /sys/block/zram0/reset ] || echo 1 > /sys/block/zram0/reset",
)
RESET_FAILED = "systemctl reset-failed dev-zram0.swap systemd-zram-setup@zram0.service || :"


def missing_mib(facts: MemoryFacts) -> int:
    """Return how many MiB of free memory are missing to empty zram0 now; 0 if it can be done."""
    needed_mib = facts.zram.swap_used_mib + HEADROOM_MIB if facts.zram.swap_used_mib else 0
    return max(0, needed_mib - facts.available_mib)


def defer_resize(facts: MemoryFacts, change: str) -> None:
    """Note that the change of zram0 must wait, with the figures and the remedy."""
    defer(
        "zram",
        f"{change}: {facts.zram.swap_used_mib} MiB are swapped out and {facts.available_mib} MiB "
        f"are available, {missing_mib(facts)} MiB short (with {HEADROOM_MIB} MiB of headroom). "
        "The device was left as it is; configured for the next boot. "
        "Close programs and run this again, or reboot.",
    )


@failing_operation
def activate(read: Callable[[], MemoryFacts | None], change: str) -> Generator[str, None, None]:
    """Empty, reset and start zram0 with its present configuration, if memory allows.

    Stopping the swap unit alone would leave the device set up with its old size, and restarting
    either unit after a reload leaves the machine without swap: hence the order.

    Args:
        read: reads the memory facts anew; what is swapped may have grown since the plan.
        change: the difference in words, for the deferral.
    """
    if ctx_state.get().is_executing:
        facts = read()
        if facts is None:
            raise OperationError("could not read /proc/meminfo and /proc/swaps; zram0 untouched")
        if missing_mib(facts):
            defer_resize(facts, change)
            ctx_host.get().noop(f"zram0 not changed: {missing_mib(facts)} MiB short")
            return
    yield from EMPTY
    yield "systemctl daemon-reload"
    yield RESET_FAILED
    yield "systemctl start dev-zram0.swap"
