"""Compressed swap and the kernel's reclaim settings."""

from pyinfra import host
from pyinfra.operations import server, systemd

from tasks import before, preflight, verify
from xnai.facts.machine.config_files import SET_ASIDE_SUFFIX
from xnai.memory.differences import differences
from xnai.memory.files import SYSCTL_CONF, ZRAM_CONF
from xnai.memory.zram import algorithm_for
from xnai.operations import apt, root_file, zram
from xnai.preflight.sysctl_rivals import files_to_set_aside
from xnai.preflight.zram_asked import prevents
from xnai.run import reading
from xnai.run.context import current
from xnai.run.pending import defer
from xnai.run.pyinfra import RUN_BY_PYINFRA, summary, this_host_alone
from xnai.run.reading import memory_now, read_memory


def apply() -> None:
    """Declare what differs between the settings and the host."""
    settings = current()
    seen = preflight.look(settings)
    algorithm = algorithm_for(settings, seen.zram_algorithms)
    if settings.memory_rivals == "set_aside":
        for rival in files_to_set_aside(seen.sysctl_files, settings.sysctls):
            aside = rival.path + SET_ASIDE_SUFFIX
            root_file.set_aside(
                name=f"memory: set {rival.path} aside as {aside}", path=rival.path, aside=aside,
            )
    facts = read_memory(host, settings)
    found = differences(settings, facts, algorithm)
    # Configuration before the package: Debian's starts zram0 the moment it is installed.
    for file in found.files:
        root_file.put(name=f"memory: {file}", text=file.text, path=file.path)
    for path in found.unwanted:
        root_file.remove(name=f"memory: {path} (zswap = 'leave')", paths=[path])
    if found.packages:
        apt.install(
            name=f"memory: install {', '.join(found.packages)}", packages=list(found.packages)
        )
    if found.sysctls:
        server.shell(
            name=f"memory: load sysctls ({summary(found.sysctls)})",
            commands=[f"/usr/lib/systemd/systemd-sysctl {SYSCTL_CONF}"],
        )
    if found.zswap:
        server.shell(
            name="memory: switch zswap off (it would compress in front of zram)",
            commands=["echo N > /sys/module/zswap/parameters/enabled"],
        )
    if found.zram_waits:
        defer("zram", found.zram_waits)
        if any(file.path == ZRAM_CONF for file in found.files):
            systemd.daemon_reload(name="memory: tell systemd of zram0's new configuration")
    elif found.zram:
        zram.activate(
            name=f"memory: zram0 ({found.zram})", read=lambda: memory_now(host, settings),
            change=found.zram,
            prevented=lambda: prevents(reading.zram_generator(host, settings, algorithm)),
        )


if __name__ == RUN_BY_PYINFRA:
    with this_host_alone():
        preflight.apply()
        before.apply()
        apply()
        verify.waiting()
