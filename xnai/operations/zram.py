"""Bringing zram0 into the configured state on a live machine, or deferring it safely."""

from __future__ import annotations

from collections.abc import Callable, Generator

from pyinfra.api.exceptions import OperationError
from pyinfra.context import ctx_host, ctx_state

from xnai.diagnostics.blocks import render_table
from xnai.diagnostics.finding import Finding
from xnai.facts.memory import ZRAM_SWAP, MemoryFacts
from xnai.memory.zram import missing_mib, why_it_waits
from xnai.operations.guard import failing_operation
from xnai.run.pending import defer

# Commands that empty and reset zram0.
EMPTY = (
    # A unit that is not loaded cannot be stopped; what follows fails if anything is in the way.
    "systemctl stop dev-zram0.swap systemd-zram-setup@zram0.service || :",
    # What was set up by hand, past the units, is still in use; its size cannot be changed then.
    f"! grep -q '^{ZRAM_SWAP} ' /proc/swaps || swapoff {ZRAM_SWAP}; "
    "! [ -e /sys/block/zram0/reset ] || echo 1 > /sys/block/zram0/reset",
)
RESET_FAILED = "systemctl reset-failed dev-zram0.swap systemd-zram-setup@zram0.service || :"


@failing_operation
def activate(
    read: Callable[[], MemoryFacts | None], change: str, prevented: Callable[[], list[Finding]]
) -> Generator[str, None, None]:
    """Empty, reset and start zram0 with its present configuration, if memory allows.

    zram-generator is asked first what it would make of its files: on a machine that had none before
    this run, preflight could not.

    Stopping the swap unit alone would leave the device set up with its old size, and restarting
    either unit after a reload leaves the machine without swap: hence the order.

    Args:
        read: reads the memory facts anew; what is swapped may have grown since the plan.
        change: the difference in words, for the deferral.
        prevented: asks the generator what keeps it from making what our file says.

    Raises:
        OperationError: it would not make that; zram0 was left as it is.
    """
    if ctx_state.get().is_executing:
        facts = read()
        if facts is None:
            raise OperationError("could not read /proc/meminfo and /proc/swaps; zram0 untouched")
        if missing_mib(facts):
            defer("zram", why_it_waits(facts, change))
            ctx_host.get().noop(f"zram0 not changed: {missing_mib(facts)} MiB short")
            return
        if found := prevented():
            raise OperationError(
                f"zram0 is left as it is, since zram-generator would not make it as the settings "
                f"want it:\n{render_table(found)}"
            )
    yield from EMPTY
    yield "systemctl daemon-reload"
    yield RESET_FAILED
    yield "systemctl start dev-zram0.swap"
