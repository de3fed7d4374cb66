"""What steps compare with the settings, read from a host in one way everywhere."""

from __future__ import annotations

from pyinfra.api.host import Host

from xnai.facts.containers import Containers, ContainersFacts
from xnai.facts.machine.generator import GeneratorAnswer
from xnai.facts.machine.model import PreflightFacts
from xnai.facts.memory import Memory, MemoryFacts
from xnai.facts.podman_call import XNAI_PODMAN
from xnai.facts.preflight import Preflight
from xnai.facts.zram_generator import ZramGenerator
from xnai.machine import packages
from xnai.machine.files import authorities, directories, home_texts, system_texts
from xnai.memory import files as memory_files
from xnai.memory.files import SYSCTL_CONF, ZRAM_CONF, ZSWAP_CONF
from xnai.preflight.memory import OVERCOMMIT
from xnai.preflight.wanted import wanted
from xnai.programs.network.bundle import bundle, make_spec
from xnai.run.known import known
from xnai.run.pyinfra import HostFailed
from xnai.settings.model import Settings
from xnai.stack.paths import COMPOSE, COMPOSE_LOCK


def look(host: Host, settings: Settings) -> PreflightFacts:
    """Return what preflight reads of a machine, once a run."""
    facts = known(host).machine
    if facts is None:
        want, network = wanted(settings), make_spec(settings)
        facts = host.get_fact(
            Preflight,
            sysctl_keys=(*want.sysctl_keys, OVERCOMMIT),
            ports=tuple(want.ports),
            stack_user=settings.stack_user,
            paths=tuple(want.space_needs_mib),
            named=tuple(want.named),
            own_paths=want.own_paths,
            urls=want.urls,
            zram_conf=(ZRAM_CONF, want.zram_conf),
            network=b"" if network.is_plain else bundle(network),
        ) or PreflightFacts()
        known(host).machine = facts
    return facts


def zram_generator(host: Host, settings: Settings, algorithm: str) -> GeneratorAnswer:
    """Return what the host's zram-generator makes of its files at this moment.

    Args:
        host: the machine.
        settings: its settings.
        algorithm: zram's compressor, one that its kernel has.
    """
    text = memory_files.rendered(settings, algorithm)[ZRAM_CONF]
    found: GeneratorAnswer = host.get_fact(ZramGenerator, our_path=ZRAM_CONF, our_text=text)
    return found


def memory_now(host: Host, settings: Settings) -> MemoryFacts | None:
    """Return what swap and reclaim are at this moment, or None where that cannot be read."""
    found: MemoryFacts | None = host.get_fact(
        Memory, packages=[memory_files.PACKAGE], paths=sorted((ZRAM_CONF, SYSCTL_CONF, ZSWAP_CONF)),
        keys=list(settings.sysctls),
    )
    return found


def read_memory(host: Host, settings: Settings) -> MemoryFacts:
    """Return what swap and reclaim are at this moment.

    Raises:
        HostFailed: that cannot be read.
    """
    found = memory_now(host, settings)
    if found is None:
        raise HostFailed("could not read the memory state (/proc/meminfo, /proc/swaps, /sys/block)")
    return found


def read_containers(host: Host, settings: Settings) -> ContainersFacts:
    """Return what there is of the stack's user and its Podman.

    Raises:
        HostFailed: that cannot be read.
    """
    found: ContainersFacts | None = host.get_fact(
        Containers,
        packages=[*packages.CONTAINERS, *packages.BEFORE_PODMAN_5],
        paths=[XNAI_PODMAN, COMPOSE_LOCK, *system_texts(settings), *authorities(settings)],
        home_paths=list(home_texts(settings)),
        directories=list(directories(settings, "")),
        certificates=list(authorities(settings)),
        stack_user=settings.stack_user,
        compose=COMPOSE,
    )
    if found is None:
        raise HostFailed("could not read the containers state (getent, stat, dpkg-query)")
    return found
