"""From checked settings and a host's values to the derived ones; every formula stands here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xnai.settings.model import Settings
from xnai.settings.spec import LOWEST_LIMIT_MIB

# (RAM up to MiB, percent). Reason and source: zram_size_pct_of_ram in group_data/all.py.
ZRAM_PROFILE_PCT_OF_RAM = ((8 * 1024, 200), (16 * 1024, 150), (32 * 1024, 100))
ZRAM_PCT_OF_LARGER_RAM = 50

# Setting -> key of sysctl(8).
SYSCTL_KEYS = {
    "vm_swappiness": "vm.swappiness",
    "vm_page_cluster": "vm.page-cluster",
    "vm_watermark_boost_factor": "vm.watermark_boost_factor",
    "vm_watermark_scale_factor": "vm.watermark_scale_factor",
    "vm_vfs_cache_pressure": "vm.vfs_cache_pressure",
    "vm_dirty_background_ratio_pct": "vm.dirty_background_ratio",
    "vm_dirty_ratio_pct": "vm.dirty_ratio",
}


def zram_pct_of_ram(ram_mib: int) -> int:
    """Return the profile's zram size in percent of RAM for `ram_mib` MiB of RAM."""
    for up_to_mib, percent in ZRAM_PROFILE_PCT_OF_RAM:
        if ram_mib <= up_to_mib:
            return percent
    return ZRAM_PCT_OF_LARGER_RAM


def host_reserve_mib(ram_mib: int) -> int:
    """Return what a host keeps for itself, in MiB: the larger of 2048 MiB and 20 % of RAM."""
    return max(2048, ram_mib * 20 // 100)


def derive(checked: Mapping[str, Any], ram_kib: int, time_zone: str) -> Settings:
    """Return the typed settings of a host.

    Args:
        checked: every name of SPEC with its checked value.
        ram_kib: MemTotal of /proc/meminfo in KiB, above 0.
        time_zone: the host's, by its name in the tz database.
    """
    values = dict(checked)
    ram_mib = ram_kib // 1024
    percent = values["zram_size_pct_of_ram"]
    if percent is None:
        percent = zram_pct_of_ram(ram_mib)
    if values["host_reserve_mib"] is None:
        values["host_reserve_mib"] = host_reserve_mib(ram_mib)
    for name in LOWEST_LIMIT_MIB:
        limit_mib = values[f"{name}_memory_limit_mib"]
        protected = name in values["protected_services"]
        if values[f"{name}_memory_reservation_mib"] is None:
            values[f"{name}_memory_reservation_mib"] = limit_mib // 2 if protected else 0
        if values[f"{name}_swap_mib"] is None:
            values[f"{name}_swap_mib"] = limit_mib // 2
    # A login user keeps the guard: his desktop would lose it with the stack.
    values["oom_exempt"] = values["oom_guard_exempt_stack"] and values["stack_user"] is None
    values["stack_user_explicit"] = values["stack_user"] is not None
    values["stack_user"] = values["stack_user"] or "xnai"
    values["vikunja_time_zone"] = values["vikunja_time_zone"] or time_zone
    return Settings(
        **values,
        ram_mib=ram_mib,
        # As zram-generator computes it: its `ram` is whole MiB of MemTotal.
        zram_size_mib=ram_mib * percent // 100,
        zram_effective_pct_of_ram=percent,
        sysctls={key: str(values[name]) for name, key in SYSCTL_KEYS.items()},
    )
