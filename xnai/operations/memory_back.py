"""The kernel's memory settings and swap as they were before ours."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Generator, Mapping

from pyinfra.api.exceptions import OperationError
from pyinfra.api.operation import operation
from pyinfra.context import ctx_state

from xnai.facts.memory import ZRAM_SWAP, MemoryFacts
from xnai.memory.zram import HEADROOM_MIB, missing_mib
from xnai.operations.guard import failing_operation
from xnai.operations.zram import EMPTY, RESET_FAILED
from xnai.record.baseline import BYTES_OF, OldZram


def to_set(recorded: Mapping[str, str], live: Mapping[str, str]) -> dict[str, str]:
    """Return the sysctls that are not as they were, with the values to set.

    Args:
        recorded: key -> value as it was.
        live: key -> value now.
    """
    found = {key: value for key, value in recorded.items() if live.get(key, value) != value}
    for ratio, in_bytes in BYTES_OF.items():
        # Of the two only one is in force, the other one reads 0; setting 0 is refused or wrong.
        if ratio in recorded and recorded.get(in_bytes, "0") != "0":
            if ratio in found:
                found[in_bytes] = recorded[in_bytes]
            found.pop(ratio, None)
        else:
            found.pop(in_bytes, None)
    return found


@operation()
def sysctls(values: Mapping[str, str]) -> Generator[str, None, None]:
    """Set sysctls of the running kernel.

    Args:
        values: key -> value.
    """
    for key, value in values.items():
        path = "/proc/sys/" + key.replace(".", "/")
        yield f"printf '%s\\n' {shlex.quote(value)} > {shlex.quote(path)}"


@operation()
def back(paths: Mapping[str, str]) -> Generator[str, None, None]:
    """Rename files that were set aside to what they were called, where nothing is there now.

    Args:
        paths: present path -> former path.
    """
    for aside, path in paths.items():
        yield (
            f"if ln -T {shlex.quote(aside)} {shlex.quote(path)} 2>/dev/null; "
            f"then rm -f {shlex.quote(aside)}; "
            f"elif [ -e {shlex.quote(path)} ] || [ -L {shlex.quote(path)} ]; then echo "
            f"{shlex.quote(f'{aside} stays: there is a {path} again')}; "
            f"else ln -T {shlex.quote(aside)} {shlex.quote(path)}; fi"
        )


def lacking(facts: MemoryFacts, stack_mib: int) -> str:
    """Return in words why zram0 cannot be emptied now; empty if it can.

    Args:
        facts: as read.
        stack_mib: what of the swap belongs to containers that will be gone.
    """
    swapped = max(0, facts.zram.swap_used_mib - stack_mib)
    if not swapped or facts.available_mib >= swapped + HEADROOM_MIB:
        return ""
    return (
        f"{swapped} MiB of other programs are swapped out to zram0, {facts.available_mib} MiB are "
        f"available, {swapped + HEADROOM_MIB} MiB are needed ({HEADROOM_MIB} MiB of headroom). "
        "Close programs and run this again"
    )


@failing_operation
def zram(
    read: Callable[[], MemoryFacts | None],
    conf: str,
    former: OldZram | None,
    device_before: bool,
) -> Generator[str, None, None]:
    """Empty and reset zram0, remove our configuration, and set up what was there before.

    Args:
        read: reads the memory facts anew; what is swapped may have grown since the plan.
        conf: our configuration's path.
        former: what was there; None where that is not known, or nothing.
        device_before: whether there was a device zram0.

    Raises:
        OperationError: what is swapped does not fit into RAM; nothing of it was changed.
    """
    if ctx_state.get().is_executing:
        facts = read()
        if facts is None:
            raise OperationError("could not read /proc/meminfo and /proc/swaps; zram0 untouched")
        if missing_mib(facts):
            raise OperationError(f"zram0 is left as it is: {lacking(facts, 0)}.")
    yield from EMPTY
    yield f"rm -f {conf} && systemctl daemon-reload"
    yield RESET_FAILED
    if former and former.swap_active:
        if former.generator:
            yield "systemctl start dev-zram0.swap"
        else:
            yield (
                "modprobe zram || :; "
                f"echo {shlex.quote(former.algorithm)} > /sys/block/zram0/comp_algorithm && "
                f"echo {former.disksize_mib}M > /sys/block/zram0/disksize && "
                f"mkswap {ZRAM_SWAP} >/dev/null && swapon -p {former.priority} {ZRAM_SWAP}"
            )
    elif not device_before:
        # Built into the kernel it cannot be unloaded, and stays.
        yield "modprobe -r zram || echo 'the kernel keeps its module zram until a reboot'"
