"""One table of what is up and where; the same after a run and at any time."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from xnai.facts.oom import GUARD, OWN, OomKill
from xnai.facts.podman import Container
from xnai.facts.podman_call import PodmanUnknown
from xnai.stack.model import Service


def rows(
    services: Sequence[Service], containers: Mapping[str, Container] | PodmanUnknown
) -> list[dict[str, str]]:
    """Return a row a service, all in words."""
    table = []
    for service in services:
        container = (
            None if isinstance(containers, PodmanUnknown)
            else containers.get(service.container_name)
        )
        unknown = "unknown" if isinstance(containers, PodmanUnknown) else "absent"
        table.append(
            {
                "service": service.name,
                "container": service.container_name,
                "state": container.state if container else unknown,
                "health": (container.health or "-") if container else "-",
                "memory used/limit": _memory(service, container),
                "url": _url(service),
            }
        )
    return table


def all_healthy(
    services: Sequence[Service], containers: Mapping[str, Container] | PodmanUnknown
) -> bool:
    """Return whether every service's container runs and is healthy."""
    return not isinstance(containers, PodmanUnknown) and all(
        service.container_name in containers and containers[service.container_name].is_up
        for service in services
    )


def _memory(service: Service, container: Container | None) -> str:
    limit = f"{service.memory.limit_mib} MiB"
    if container is None or container.cgroup is None or container.cgroup.current_bytes is None:
        return f"- / {limit}"
    used_mib = container.cgroup.current_bytes >> 20
    swapped_mib = (container.cgroup.swap_current_bytes or 0) >> 20
    swapped = f" + {swapped_mib} in swap" if swapped_mib else ""
    return f"{used_mib}{swapped} / {limit}"


def _url(service: Service) -> str:
    if service.published_port is None:
        return "not published"
    if service.url_path is None:
        return f"127.0.0.1:{service.published_port}"
    return f"http://127.0.0.1:{service.published_port}{service.url_path}"


def unpublished(
    services: Sequence[Service], containers: Mapping[str, Container] | PodmanUnknown
) -> list[str]:
    """Return a line for each service that the host does not reach: how it is, and how to ask it.

    "Connection refused" on its port is then no fault.
    """
    found = []
    for service, row in zip(services, rows(services, containers), strict=True):
        if service.published_port is not None:
            continue
        state = row["state"] if row["health"] == "-" else row["health"]
        line = (
            f"{service.name}: {state}, not published on the host; ask it with: sudo xnai-podman "
            f"exec {service.container_name} {shlex.join(service.health_command)}"
        )
        if service.publish_setting:
            line += f"; to publish on 127.0.0.1 set {service.publish_setting} = True"
        found.append(line)
    return found


def unread_cgroups(
    services: Sequence[Service], containers: Mapping[str, Container] | PodmanUnknown
) -> list[str]:
    """Return a line for each container that runs and whose limits could not be read."""
    if isinstance(containers, PodmanUnknown):
        return []
    found = (containers.get(service.container_name) for service in services)
    return [
        f"{one.name}: could not tell whether its limits of memory hold: its cgroup cannot be read"
        for one in found if one and one.state == "running" and one.cgroup is None
    ]


def killed(
    services: Sequence[Service],
    containers: Mapping[str, Container] | PodmanUnknown,
    kills: Sequence[OomKill] | None,
) -> list[str]:
    """Return a line for each kill for want of memory in a container of ours.

    A container that was recreated since has another ID: its kills are told without its name.
    """
    if kills is None:
        return ["killed for memory: could not tell (dmesg cannot be read)"]
    by_id = (
        {} if isinstance(containers, PodmanUnknown)
        else {container.id: container for container in containers.values()}
    )
    limits = {service.container_name: service.memory for service in services}
    found = []
    for kill in kills:
        if not kill.container_id:
            if kill.limit == GUARD:
                found.append(f"{kill.process}: {kill.cause}, at {kill.time}")
            continue
        container = by_id.get(kill.container_id)
        name = container.name if container else "a container that is gone or not of this stack"
        memory = limits.get(name)
        why = kill.cause
        if memory and kill.limit == OWN:
            why += f" ({memory.limit_mib} MiB, and {memory.swap_mib} MiB in swap)"
        restarts = f"; restarted {container.restarts} times in all" if container else ""
        found.append(f"{name}: {kill.by} killed {kill.process} at {kill.time}: {why}{restarts}")
    for container in by_id.values():
        told = sum(kill.container_id == container.id for kill in kills)
        counted = container.cgroup.oom_kills if container.cgroup else 0
        if counted > told:
            found.append(
                f"{container.name}: {counted} processes were killed in it for want of memory since "
                f"it was started (memory.events), {told} of which the logs still tell"
            )
    return found
