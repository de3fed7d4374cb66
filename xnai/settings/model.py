"""The settings as the rest of the package sees them: typed, checked and derived."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """A service's code in the user's own tree on the controller.

    Attributes:
        context: the tree's directory, a git checkout.
        copy: (path below the tree, path below /app) of what goes into the image.
        requirements: path of its lock with hashes, below the tree.
        command: argv, or empty for the reference service's.
        environment: added to the reference service's.
        health_command: argv, or empty for the reference service's.
        apt_packages: Debian packages that it needs when it runs.
    """

    context: Path
    copy: tuple[tuple[str, str], ...]
    requirements: str
    command: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    health_command: tuple[str, ...] = ()
    apt_packages: tuple[str, ...] = ()


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

    awq_image: bool
    awq_memory_limit_mib: int
    backup_age_recipient: str | None
    backup_dir: str | None
    backup_passphrase_file: str | None
    base_image: str
    browser_hosts: tuple[str, ...]
    build_cache_max_mib: int
    chainlit_ui_memory_limit_mib: int
    chainlit_ui_memory_reservation_mib: int
    chainlit_ui_port: int
    chainlit_ui_swap_mib: int
    container_gid: int
    container_uid: int
    context_max_mib: int
    crawler_allowed_domains: tuple[str, ...]
    crawler_allowed_private: tuple[str, ...]
    crawler_memory_limit_mib: int
    crawler_memory_reservation_mib: int
    crawler_swap_mib: int
    curation_worker_memory_limit_mib: int
    curation_worker_memory_reservation_mib: int
    curation_worker_swap_mib: int
    docs_memory_limit_mib: int
    docs_memory_reservation_mib: int
    docs_port: int
    docs_swap_mib: int
    end_vikunja_sessions: bool
    extra_ca_certificates: tuple[str, ...]
    host_reserve_mib: int
    llm_context_tokens: int
    llm_endpoint_url: str | None
    llm_memory_limit_mib: int
    llm_memory_reservation_mib: int
    llm_model_file: str | None
    llm_model_name: str
    llm_swap_mib: int
    llm_threads: int
    memory_rivals: str
    oom_guard_exempt_stack: bool
    package_index_url: str | None
    protected_services: tuple[str, ...]
    purge: str | None
    rag_api_memory_limit_mib: int
    rag_api_memory_reservation_mib: int
    rag_api_port: int
    rag_api_swap_mib: int
    redis_image: str
    redis_memory_limit_mib: int
    redis_memory_reservation_mib: int
    redis_port: int
    redis_publish_loopback: bool
    redis_swap_mib: int
    registry_mirrors: dict[str, tuple[str, bool]]
    restore_age_identity_file: str | None
    restore_from: str | None
    rotate_only: tuple[str, ...]
    service_sources: dict[str, Source]
    stack_healthy_timeout_s: int
    stack_name: str
    stack_user: str
    strict: bool
    unprotected_oom_score_adj: int
    vikunja: bool
    vikunja_account_email: str | None
    vikunja_account_name: str | None
    vikunja_db_image: str
    vikunja_db_memory_limit_mib: int
    vikunja_db_memory_reservation_mib: int
    vikunja_db_swap_mib: int
    vikunja_image: str
    vikunja_memory_limit_mib: int
    vikunja_memory_reservation_mib: int
    vikunja_port: int
    vikunja_swap_mib: int
    vikunja_time_zone: str
    vm_dirty_background_ratio_pct: int
    vm_dirty_ratio_pct: int
    vm_page_cluster: int
    vm_swappiness: int
    vm_vfs_cache_pressure: int
    vm_watermark_boost_factor: int
    vm_watermark_scale_factor: int
    wheelhouse_dir: str | None
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
