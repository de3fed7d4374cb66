"""All judgements in one list: what `tasks/preflight.py` and `xnai status` show."""

from __future__ import annotations

from xnai.diagnostics.finding import SEVERITIES, Finding
from xnai.facts.machine.model import PreflightFacts
from xnai.preflight import (
    elsewhere,
    existing_stack,
    memory,
    models,
    named_paths,
    network,
    oom_guards,
    own_paths,
    platform,
    ports,
    space,
    sysctl_rivals,
    zram_asked,
    zram_rivals,
)
from xnai.preflight.wanted import STORAGE, wanted
from xnai.settings.model import Settings


def judge(facts: PreflightFacts, settings: Settings) -> list[Finding]:
    """Return every finding on a host, the gravest first; errors must stop the deploy.

    facts: what `xnai.facts.preflight.Preflight` read with the arguments of `wanted(settings)`.
    """
    if not facts.complete and facts == PreflightFacts():
        needed, remedy = "its state", "Run again with -vv and read what the shell said."
        return [Finding("facts", "error", "the host", "answered nothing", needed, remedy)]
    found = _platform(facts, settings) + _memory(facts, settings) + _stack(facts, settings)
    if not facts.complete:
        # What was not looked at must not pass as good.
        needed, remedy = (
            "the probe's last line",
            "Run again with -vv; what is missing says unknown.",
        )
        found.append(Finding("facts", "error", "the host", "answer cut short", needed, remedy))
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


def _platform(facts: PreflightFacts, settings: Settings) -> list[Finding]:
    return [
        *platform.judge_root(facts.uid, facts.login),
        *platform.judge_os(facts.os_release),
        *platform.judge_arch(facts.arch, "rag_api" not in settings.service_sources),
        *platform.judge_systemd(facts.pid1),
        *platform.judge_container(facts.container, facts.kernel),
        *platform.judge_cgroup(
            facts.cgroup_type, facts.cgroup_controllers, facts.kernel_command_line, facts.kernel
        ),
        *platform.judge_podman(facts.podman_installed, facts.podman_candidate),
        *platform.judge_apt_locks(facts.apt_locks),
    ]


def _memory(facts: PreflightFacts, settings: Settings) -> list[Finding]:
    want = wanted(settings)
    has_generator = (
        "systemd-zram-generator" in facts.packages if facts.packages is not None else None
    )
    return [
        *memory.judge_capacity(
            facts.mem_total_kib,
            settings.host_reserve_mib,
            settings.zram_size_mib,
            settings.zram_assumed_ratio,
            want.limits_and_swap_mib,
            {
                want.mapped[named.path]: -(-named.size_bytes // 2**20)
                for named in facts.named if named.path in want.mapped and named.size_bytes
            },
        ),
        *models.judge_models(settings.models, want.limits_and_swap_mib),
        *memory.judge_overcommit(facts.sysctl_live),
        *memory.judge_zram(facts.zram, facts.zram_algorithms, settings.zram_compression_algorithm),
        *sysctl_rivals.judge_sysctls(
            facts.sysctl_files,
            facts.sysctl_live,
            settings.sysctls,
            want.setting_names,
            settings.memory_rivals,
        ),
        *elsewhere.judge_elsewhere(facts.elsewhere_files, settings.sysctls),
        *zram_rivals.judge_generator(
            facts.zram_files, want.zram_conf, facts.mem_total_kib, facts.kernel_command_line,
            asked=facts.zram_asked.state in ("alone", "asked"),
        ),
        *zram_asked.judge_asked(facts.zram_asked, facts.zram_files or (), bool(has_generator)),
        *zram_rivals.judge_zram_tools(facts.packages, facts.units),
        *zram_rivals.judge_devices(facts.zram_devices, has_generator),
        *zram_rivals.judge_zswap(facts.zswap, settings.zswap),
        *zram_rivals.judge_swaps(facts.swaps, settings.zram_swap_priority),
        *oom_guards.judge_oom_guards(
            facts.units,
            settings.oom_exempt,
            settings.stack_user,
            facts.pid1.text == "systemd",
        ),
    ]


def _stack(facts: PreflightFacts, settings: Settings) -> list[Finding]:
    want = wanted(settings)
    ours = (store for store in facts.stores or () if store.user == settings.stack_user)
    fresh = not any(store.containers for store in ours)
    return [
        *own_paths.judge_own_paths(facts.own_paths),
        *existing_stack.judge_stores(
            facts.stores, want.container_names, settings.stack_name, settings.stack_user
        ),
        *existing_stack.judge_deployed(
            facts.deployed, settings.stack_name, settings.stack_user
        ),
        *ports.judge_ports(facts.listeners, want.ports, facts.stack_user_uid),
        *space.judge_space(facts.spaces, want.space_needs_mib, fresh),
        *space.judge_kinds(facts.spaces, STORAGE),
        *named_paths.judge_named(facts.named, want.named, settings.stack_user),
        *network.judge_credentials(facts.network, settings),
        *network.judge_network(facts.probes, bool(settings.extra_ca_certificates)),
    ]
