"""Containers for tests, as the catalogue wants them."""

from __future__ import annotations

import dataclasses

from xnai.facts.cgroups import Cgroup
from xnai.facts.podman import Container
from xnai.stack.drift import configuration
from xnai.stack.model import Service

MIB = 1 << 20


def as_wanted(service: Service, **changes: object) -> Container:
    """Return the healthy container of a service, with `changes`."""
    memory = service.memory
    container = Container(
        name=service.container_name, id=f"{len(service.name):064x}", state="running",
        health="healthy", stack="xnai", config="c", image_id="i", secrets={}, exit_code=0,
        restarts=0, configuration=configuration(service),
        cgroup=Cgroup(
            max_bytes=memory.limit_mib * MIB, low_bytes=memory.reservation_mib * MIB,
            swap_max_bytes=memory.swap_mib * MIB, current_bytes=40 * MIB, swap_current_bytes=0,
        ),
    )
    return dataclasses.replace(container, **changes)  # type: ignore[arg-type]
