"""The settings that exist, and what each may be. Defaults and reasons: group_data/all.py."""

from __future__ import annotations

from xnai.settings import checks, checks_sources
from xnai.settings.checks import Check

# Groups that a file in group_data may be named after, besides the groups that the inventory
# itself defines. pyinfra gives a file of any other name an empty group without a word.
KNOWN_GROUPS = ("all", "workstations", "lab")

# Past four times RAM even a device full of pages at zstd's best usual ratio (about 4) fills RAM.
_ZRAM_HIGHEST_PCT = 400

# The services that run for long, and the least memory that each one starts with, in MiB.
LOWEST_LIMIT_MIB = {
    "redis": 32,
    "llm": 256,
    "rag_api": 64,
    "chainlit_ui": 128,
    "crawler": 256,
    "curation_worker": 32,
    "docs": 32,
    "vikunja_db": 64,
    "vikunja": 64,
}

_MOST_MIB = 1 << 20

_PORT = checks.integer(1024, 65535, "a rootless container cannot publish below 1024")

SPEC: dict[str, Check] = {
    "strict": checks.boolean,
    "stack_name": checks.stack_name,
    "stack_user": checks.optional(checks.user_name),
    "host_reserve_mib": checks.optional(checks.integer(256, 1 << 22)),
    "zram_size_pct_of_ram": checks.optional(
        checks.integer(1, _ZRAM_HIGHEST_PCT, "zram pages still cost RAM")
    ),
    "zram_compression_algorithm": checks.choice("zstd", "lz4", "lz4hc", "lzo-rle", "lzo", "842"),
    "zram_assumed_ratio": checks.number(1.0, 6.0),
    "zram_swap_priority": checks.integer(0, 32767, "swapon(2)"),
    "zswap": checks.choice("off", "leave"),
    "memory_rivals": checks.choice("stop", "set_aside"),
    "oom_guard_exempt_stack": checks.boolean,
    "vm_swappiness": checks.integer(0, 200),
    "vm_page_cluster": checks.integer(0, 10),
    "vm_watermark_boost_factor": checks.integer(0, 200000),
    "vm_watermark_scale_factor": checks.integer(1, 3000),
    "vm_vfs_cache_pressure": checks.integer(1, 1000),
    "vm_dirty_background_ratio_pct": checks.integer(1, 99),
    "vm_dirty_ratio_pct": checks.integer(2, 100),
    "registry_mirrors": checks.mirrors,
    "extra_ca_certificates": checks.certificate_paths,
    "package_index_url": checks.optional(checks.index_url),
    "wheelhouse_dir": checks.optional(checks.host_path),
    "base_image": checks.python_image,
    "redis_image": checks.debian_image,
    # Inside the 65,536 IDs that a rootless user gets in /etc/subuid, and not root.
    "container_uid": checks.integer(1, 65000),
    "container_gid": checks.integer(1, 65000),
    "stack_healthy_timeout_s": checks.integer(10, 3600),
    "redis_port": _PORT,
    "redis_publish_loopback": checks.boolean,
    "rag_api_port": _PORT,
    "llm_endpoint_url": checks.optional(checks.endpoint_url),
    "llm_model_file": checks.optional(checks.model_file),
    "llm_model_name": checks.pattern(
        r"[A-Za-z0-9][A-Za-z0-9._/:-]{0,199}", "a model's name: letters, digits and . _ / : -"
    ),
    # llama.cpp's threads wait for each other: more than the processors is slower than one.
    "llm_threads": checks.integer(1, 256),
    "llm_context_tokens": checks.integer(256, 1 << 20),
    "chainlit_ui_port": _PORT,
    "crawler_allowed_domains": checks.names(checks.domain),
    "crawler_allowed_private": checks.names(checks.private_place),
    "docs_port": _PORT,
    "awq_image": checks.boolean,
    "awq_memory_limit_mib": checks.integer(512, _MOST_MIB),
    "browser_hosts": checks.names(checks.host_name, at_least=1),
    "service_sources": checks_sources.service_sources,
    "context_max_mib": checks.integer(1, 10240),
    "build_cache_max_mib": checks.integer(64, _MOST_MIB),
    "vikunja": checks.boolean,
    "vikunja_image": checks.image,
    "vikunja_db_image": checks.database_image,
    "vikunja_port": _PORT,
    "vikunja_time_zone": checks.optional(checks.time_zone),
    "vikunja_account_name": checks.optional(
        # Vikunja's own commands take digits alone for an account's number.
        checks.pattern(
            r"(?![0-9]+$)[A-Za-z0-9][A-Za-z0-9._-]{2,249}",
            "3 to 250 letters, digits, dots, _ and -, and not digits alone",
        )
    ),
    "vikunja_account_email": checks.optional(
        checks.pattern(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+", "an address, as name@example.org")
    ),
    "protected_services": checks.names(checks.choice(*LOWEST_LIMIT_MIB)),
    # proc_pid_oom_score_adj(5); an unprivileged user can only raise it.
    "unprotected_oom_score_adj": checks.integer(1, 1000),
    "backup_dir": checks.optional(checks.host_path),
    # BIP 173's characters, as age(1) prints a public key.
    "backup_age_recipient": checks.optional(
        checks.pattern(r"age1[02-9ac-hj-np-z]{58}", "a public key of age: age1 and 58 characters")
    ),
    "backup_passphrase_file": checks.optional(checks.host_path),
    "restore_from": checks.optional(checks.host_path),
    "restore_age_identity_file": checks.optional(checks.host_path),
    "purge": checks.optional(checks.pattern(r"[!-~]{1,253}", "the name of the host")),
    "end_vikunja_sessions": checks.boolean,
    "rotate_only": checks.names(
        checks.pattern(r"[a-z][a-z0-9_]{0,99}", "names of Podman secrets: a-z 0-9 _")
    ),
}
for _name, _lowest in LOWEST_LIMIT_MIB.items():
    SPEC[f"{_name}_memory_limit_mib"] = checks.integer(_lowest, _MOST_MIB)
    SPEC[f"{_name}_memory_reservation_mib"] = checks.optional(checks.integer(0, _MOST_MIB))
    SPEC[f"{_name}_swap_mib"] = checks.optional(checks.integer(0, _MOST_MIB))
