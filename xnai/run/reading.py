"""What steps compare with the settings, read from a host in one way everywhere."""

from __future__ import annotations

import dataclasses
from typing import Any

from pyinfra.api.host import Host

from xnai.facts.containers import Containers, ContainersFacts
from xnai.facts.machine.generator import GeneratorAnswer
from xnai.facts.machine.model import PreflightFacts
from xnai.facts.memory import Memory, MemoryFacts
from xnai.facts.podman import StoreFacts
from xnai.facts.podman_call import XNAI_PODMAN, PodmanUnknown
from xnai.facts.preflight import Preflight
from xnai.facts.running import OfStack
from xnai.facts.sampler import PROGRAM, UNIT_FILE
from xnai.facts.survey import Survey, Surveyed
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
from xnai.run.store import of_store
from xnai.settings.model import Settings
from xnai.stack.catalogue import container_names
from xnai.stack.paths import COMPOSE, COMPOSE_LOCK


def survey(host: Host, settings: Settings, to_deploy: bool) -> None:
    """Read all that the steps of a deploy compare, by one command.

    pyinfra prepares all steps before it runs an operation, so nothing changes between them. What
    looks while operations run reads the host again.

    Args:
        host: the machine; only its hardware has been read so far.
        settings: its settings.
        to_deploy: whether registries and package indexes are reached for as well, on a machine
            that has no Podman yet.
    """
    machine = _of_machine(settings)
    if not to_deploy:
        machine |= {"urls": (), "network": b""}
    found: Surveyed | None = host.get_fact(
        Survey, machine=machine, memory=_of_memory(settings),
        containers=_of_containers(settings), store=of_store(settings) | {"others": False},
    )
    if found is not None:
        now = known(host)
        now.machine, now.memory = found.machine, found.memory
        now.containers = found.containers
        now.store = found.store and _with_of_stack(host, found.store, found.machine, settings)


def _with_of_stack(
    host: Host, store: StoreFacts, machine: PreflightFacts, settings: Settings
) -> StoreFacts:
    """Return the store with the names of the stack's containers.

    A podman process takes a second of a slow machine's processor, and preflight has read the names
    of all containers. Podman is asked where they do not fit what it said, or some are not ours.
    """
    if isinstance(store.containers, PodmanUnknown):
        return store
    names = [
        set(one.containers) for one in machine.stores or ()
        if one.user == settings.stack_user and one.containers is not None
    ]
    known_names = set(container_names(settings))
    if len(names) == 1 and set(store.containers) <= names[0] <= known_names:
        found = frozenset(
            name for name, one in store.containers.items()
            if one.stack == settings.stack_name and one.config
        )
    else:
        found = host.get_fact(OfStack, stack=settings.stack_name)
    return dataclasses.replace(store, of_stack=found)


def look(host: Host, settings: Settings) -> PreflightFacts:
    """Return what preflight reads of a machine, once a run."""
    facts = known(host).machine
    if facts is None:
        facts = host.get_fact(Preflight, **_of_machine(settings)) or PreflightFacts()
        known(host).machine = facts
    return facts


def _of_machine(settings: Settings) -> dict[str, Any]:
    want, network = wanted(settings), make_spec(settings)
    return {
        "sysctl_keys": (*want.sysctl_keys, OVERCOMMIT),
        "ports": tuple(want.ports),
        "stack_user": settings.stack_user,
        "paths": tuple(want.space_needs_mib),
        "named": tuple(want.named),
        "own_paths": want.own_paths,
        "urls": want.urls,
        "zram_conf": (ZRAM_CONF, want.zram_conf),
        "network": b"" if network.is_plain else bundle(network),
    }


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
    found: MemoryFacts | None = host.get_fact(Memory, **_of_memory(settings))
    return found


def _of_memory(settings: Settings) -> dict[str, Any]:
    return {
        "packages": [memory_files.PACKAGE],
        "paths": sorted((ZRAM_CONF, SYSCTL_CONF, ZSWAP_CONF)),
        "keys": list(settings.sysctls),
    }


def read_memory(host: Host, settings: Settings) -> MemoryFacts:
    """Return what swap and reclaim are as read before the first operation runs.

    Raises:
        HostFailed: it could not be read.
    """
    found = known(host).memory or memory_now(host, settings)
    if found is None:
        raise HostFailed("could not read the memory state (/proc/meminfo, /proc/swaps, /sys/block)")
    return found


def read_containers(host: Host, settings: Settings) -> ContainersFacts:
    """Return the stack's user and its Podman as read before the first operation runs.

    Raises:
        HostFailed: it could not be read.
    """
    found: ContainersFacts | None = known(host).containers
    if found is None:
        found = host.get_fact(Containers, **_of_containers(settings))
    if found is None:
        raise HostFailed("could not read the containers state (getent, stat, dpkg-query)")
    return found


def _of_containers(settings: Settings) -> dict[str, Any]:
    return {
        "packages": [*packages.CONTAINERS, *packages.BEFORE_PODMAN_5],
        "paths": [
            XNAI_PODMAN, COMPOSE_LOCK, PROGRAM, UNIT_FILE, *system_texts(settings),
            *authorities(settings),
        ],
        "home_paths": list(home_texts(settings)),
        "directories": list(directories(settings, "")),
        "certificates": list(authorities(settings)),
        "stack_user": settings.stack_user,
        "compose": COMPOSE,
    }
