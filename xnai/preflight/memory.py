"""Whether RAM carries the settings: the capacity formula, zram's size and algorithm."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from xnai.diagnostics.finding import Finding
from xnai.facts.machine.model import Reading
from xnai.memory.capacity import Capacity
from xnai.memory.zram import best_algorithm


def judge_capacity(
    mem_total_kib: int | None,
    reserve_mib: int,
    zram_mib: int,
    ratio: float,
    limits_and_swap_mib: Mapping[str, tuple[int, int]],
    files_mib: Mapping[str, int] = MappingProxyType({}),
) -> list[Finding]:
    """Return findings on RAM against the services' limits.

    mem_total_kib: MemTotal; reserve_mib: left to the desktop; zram_mib: device size; ratio: assumed
    compression, at least 1; limits_and_swap_mib: service -> memory limit, swap allowance;
    files_mib: service -> size of the file that it maps, which its limit counts and no zram holds.
    """
    if not mem_total_kib:
        needed = "MemTotal, to hold it against the services' limits"
        return [Finding("memory", "unknown", "RAM", "could not tell", needed, "free -m")]
    mapped_mib = sum(
        min(size, limits_and_swap_mib[name][0]) for name, size in files_mib.items()
    )
    capacity = Capacity(mem_total_kib // 1024, reserve_mib, zram_mib, ratio, mapped_mib)
    total = sum(limit + swap for limit, swap in limits_and_swap_mib.values()) - mapped_mib
    each = [f"{name} {limit}+{swap}" for name, (limit, swap) in limits_and_swap_mib.items()]
    less = f" - mapped files {mapped_mib}" if mapped_mib else ""
    needed = f"limits+swap {', '.join(each) or 'none'}{less} = {total} MiB"
    found = _judge_files(files_mib, limits_and_swap_mib)
    if total > capacity.working_set_mib:
        remedy = (
            f"Lower *_memory_limit_mib or *_swap_mib by {total - capacity.working_set_mib} MiB in "
            f"all, lower host_reserve_mib (now {reserve_mib}), or add RAM. More zram helps only up "
            "to r*A."
        )
        found.append(Finding("memory", "error", "RAM", capacity.terms(), needed, remedy))
    else:
        needed += ": they fit"
        found.append(Finding("memory", "note", "RAM", capacity.terms(), needed))
    if zram_mib * 1024 / ratio > mem_total_kib:
        highest = int(ratio * 100)
        found.append(
            Finding(
                "zram-size",
                "error",
                "zram size",
                f"{zram_mib} MiB; full, at ratio {ratio:g}, its pages need "
                f"{zram_mib / ratio:.0f} MiB of RAM",
                f"at most RAM x ratio = {mem_total_kib * ratio / 1024:.0f} MiB",
                f"Set zram_size_pct_of_ram to at most {highest}, or zram_assumed_ratio to what "
                "was measured (orig_data_size / mem_used_total of /sys/block/zram0/mm_stat).",
            )
        )
    return found


def _judge_files(
    files_mib: Mapping[str, int], limits_and_swap_mib: Mapping[str, tuple[int, int]]
) -> list[Finding]:
    found = []
    for name, size in files_mib.items():
        limit, _ = limits_and_swap_mib[name]
        if size > limit:
            text = f"the file that it maps has {size} MiB, its limit is {limit} MiB"
            needed = "a limit above the file: else it is read from the disk again for every answer"
            remedy = (
                f"Set {name}_memory_limit_mib = None, which takes it from the file's header "
                "(xnai fit FILE prints it), or name a smaller file."
            )
            subject = f"{name}_memory_limit_mib"
            found.append(Finding("model-size", "error", subject, text, needed, remedy))
    return found


OVERCOMMIT = "vm.overcommit_memory"


def judge_overcommit(live: Mapping[str, Reading] | None) -> list[Finding]:
    """Return a note where the kernel may refuse what Redis' background save needs.

    live: the kernel's values by key. Source: Redis' own warning at its start, and its
    documentation (Administration: "overcommit_memory").
    """
    reading = (live or {}).get(OVERCOMMIT)
    if reading is None or reading.state != "ok" or reading.text.strip() != "0":
        return []
    found = "0: short of memory, the kernel may refuse the fork of a background save"
    needed = "1 for Redis; it is the whole machine's, so it is left as it is"
    remedy = "To set it: vm.overcommit_memory = 1 in a file of /etc/sysctl.d, then sysctl --system"
    return [Finding("overcommit", "note", OVERCOMMIT, found, needed, remedy)]


def judge_zram(zram: Reading, algorithms: Reading, wanted: str) -> list[Finding]:
    """Return findings on the kernel's zram support and on the compression algorithm `wanted`."""
    needed = f"a kernel with zram and {wanted}"
    if zram.state == "absent":
        remedy = (
            "Install the kernel's extra modules (Ubuntu: linux-modules-extra-$(uname -r)) or "
            "Debian's own kernel package."
        )
        return [Finding("zram", "error", "zram", "not in this kernel", needed, remedy)]
    if zram.state != "ok":
        remedy = "modinfo zram"
        return [Finding("zram", "unknown", "zram", "could not tell", needed, remedy)]
    subject = "zram_compression_algorithm"
    if algorithms.state != "ok" or not algorithms.text:
        remedy = "modprobe zram && cat /sys/block/zram0/comp_algorithm"
        found = "no device and no kernel configuration to read the algorithms from"
        return [Finding("zram-algorithm", "unknown", subject, found, needed, remedy)]
    best = best_algorithm(wanted, algorithms.text)
    if best == wanted:
        return []
    remedy = f"{best} is used instead. To silence this: zram_compression_algorithm = {best!r}"
    found = f"this kernel has {', '.join(algorithms.text.split())}"
    return [Finding("zram-algorithm", "warning", subject, found, wanted, remedy)]
