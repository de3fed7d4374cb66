"""The settings as the rest of the package sees them: typed, checked and derived."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """One host's effective settings. Units are in the names; reasons in group_data/all.py.

    Fields up to `zswap` carry the settings of the same name. The rest is derived:

    Attributes:
        stack_user_explicit: whether somebody named the stack's user.
        ram_mib: MemTotal of the host in MiB.
        zram_size_mib: size of zram0 in MiB: RAM x effective percentage.
        zram_effective_pct_of_ram: the percentage set, or the profile's.
        sysctls: the keys and values of our sysctl.d file.
        oom_exempt: whether the stack's user is left out of systemd-oomd's choice of victims.
    """

    base_image: str
    container_gid: int
    container_uid: int
    extra_ca_certificates: tuple[str, ...]
    host_reserve_mib: int
    memory_rivals: str
    oom_guard_exempt_stack: bool
    package_index_url: str
    rag_api_memory_limit_mib: int
    rag_api_port: int
    redis_image: str
    redis_memory_limit_mib: int
    redis_port: int
    redis_publish_loopback: bool
    registry_mirrors: dict[str, tuple[str, bool]]
    stack_healthy_timeout_s: int
    stack_name: str
    stack_user: str
    strict: bool
    vm_dirty_background_ratio_pct: int
    vm_dirty_ratio_pct: int
    vm_page_cluster: int
    vm_swappiness: int
    vm_vfs_cache_pressure: int
    vm_watermark_boost_factor: int
    vm_watermark_scale_factor: int
    zram_assumed_ratio: float
    zram_compression_algorithm: str
    zram_size_pct_of_ram: int | None
    zram_swap_priority: int
    zswap: str

    stack_user_explicit: bool
    ram_mib: int
    zram_size_mib: int
    zram_effective_pct_of_ram: int
    sysctls: dict[str, str]
    oom_exempt: bool
