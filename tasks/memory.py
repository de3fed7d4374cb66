"""Compressed swap and the kernel's reclaim settings."""

from pyinfra import host
from pyinfra.operations import server, systemd

from tasks import before, preflight, verify
from xnai.facts.machine.config_files import SET_ASIDE_SUFFIX
from xnai.facts.memory import Memory, MemoryFacts
from xnai.facts.sections import file_difference
from xnai.machine import packages
from xnai.memory.files import SYSCTL_CONF, ZRAM_CONF, ZSWAP_CONF, rendered
from xnai.operations import apt, root_file, zram
from xnai.preflight.memory import best_algorithm
from xnai.preflight.sysctl_rivals import files_to_set_aside
from xnai.run.context import current
from xnai.run.pyinfra import RUN_BY_PYINFRA, fail_host, summary, this_host_alone
from xnai.settings.model import Settings


def apply() -> None:
    """Declare what differs between the settings and the host."""
    settings = current()
    seen = preflight.look(settings)
    # Preflight has warned where the kernel lacks the algorithm of the settings.
    algorithm = (
        best_algorithm(settings.zram_compression_algorithm, seen.zram_algorithms.text)
        or settings.zram_compression_algorithm
    )
    texts = rendered(settings, algorithm)

    def read() -> MemoryFacts | None:
        return host.get_fact(
            Memory, packages=[packages.ZRAM], paths=sorted({ZSWAP_CONF, *texts}),
            keys=list(settings.sysctls),
        )

    facts = read()
    if facts is None:
        fail_host("could not read the memory state (/proc/meminfo, /proc/swaps, /sys/block)")

    if settings.memory_rivals == "set_aside":
        for rival in files_to_set_aside(seen.sysctl_files, settings.sysctls):
            aside = rival.path + SET_ASIDE_SUFFIX
            root_file.set_aside(
                name=f"memory: set {rival.path} aside as {aside}", path=rival.path, aside=aside,
            )
    # Configuration before the package: Debian's starts zram0 the moment it is installed.
    written = set()
    for path, text in texts.items():
        if difference := file_difference(facts.files.get(path), text):
            written.add(path)
            root_file.put(name=f"memory: {path} ({difference})", text=text, path=path)
    if settings.zswap == "leave" and ZSWAP_CONF in facts.files:
        root_file.remove(name=f"memory: {ZSWAP_CONF} (zswap = 'leave')", paths=[ZSWAP_CONF])
    if packages.ZRAM not in facts.packages:
        apt.install(name=f"memory: install {packages.ZRAM}", packages=[packages.ZRAM])

    _kernel(settings, facts)
    change = ", ".join(
        zram.differences(
            facts.zram, settings.zram_size_mib, algorithm, settings.zram_swap_priority,
        )
    )
    if change and facts.zram.swap_active and zram.missing_mib(facts):
        zram.defer_resize(facts, change)
        if ZRAM_CONF in written:
            systemd.daemon_reload(name="memory: tell systemd of zram0's new configuration")
    elif change:
        zram.activate(name=f"memory: zram0 ({change})", read=read, change=change)


def _kernel(settings: Settings, facts: MemoryFacts) -> None:
    """What the kernel does now: sysctls, and zswap switched off."""
    drift = [
        f"{key} {facts.sysctls.get(key, 'absent')} -> {value}"
        for key, value in settings.sysctls.items() if facts.sysctls.get(key) != value
    ]
    if drift:
        server.shell(
            name=f"memory: load sysctls ({summary(drift)})",
            commands=[f"/usr/lib/systemd/systemd-sysctl {SYSCTL_CONF}"],
        )
    if settings.zswap == "off" and facts.zswap_enabled:
        server.shell(
            name="memory: switch zswap off (it would compress in front of zram)",
            commands=["echo N > /sys/module/zswap/parameters/enabled"],
        )


if __name__ == RUN_BY_PYINFRA:
    with this_host_alone():
        preflight.apply()
        before.apply()
        apply()
        verify.waiting()
