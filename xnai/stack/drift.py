"""How a running container differs from what the catalogue says of its service."""

from __future__ import annotations

import dataclasses

from xnai.facts.cgroups import Cgroup
from xnai.facts.configuration import Configuration
from xnai.stack.model import Service

_MIB = 1 << 20


def configuration(service: Service) -> Configuration:
    """Return what a service's container should have been made with."""
    mounts = [f"volume {name}:{path}" for name, path in service.volumes]
    mounts += [f"bind {source}:{path}:ro" for source, path in service.binds]
    mounts += [f"tmpfs {path.partition(':')[0]}" for path in service.tmpfs]
    published = service.published_port is not None
    return Configuration(
        environment=tuple(sorted(service.environment)),
        mounts=tuple(sorted(mounts)),
        ports=(f"127.0.0.1:{service.published_port} -> {service.port}",) if published else (),
        networks=tuple(sorted(service.networks)),
        capabilities=tuple(sorted(service.capabilities)),
        user=service.user,
        read_only=True,
        restart=service.restart,
        health_command=_health_command(service.health_command),
        limit_mib=service.memory.limit_mib,
        reservation_mib=service.memory.reservation_mib,
        swap_mib=service.memory.swap_mib,
        oom_score_adj=service.memory.oom_score_adj,
        privileged=False,
        init=True,
        stop_timeout_s=service.stop_timeout_s,
        stop_signal=service.stop_signal,
        working_directory=service.working_directory,
        cpus=service.cpus or 0.0,
    )


def _health_command(words: tuple[str, ...]) -> tuple[str, ...]:
    """How Podman shows a health check: one word alone is given to a shell.

    podman-compose 1.6.0 hands a list over by --health-cmd, and Podman 5.4 makes a list of one word
    CMD-SHELL (its pkg/specgenutil/specgen.go, makeHealthCheckFromCli).
    """
    return ("CMD-SHELL" if len(words) == 1 else "CMD", *words)


def drift(service: Service, found: Configuration, cgroup: Cgroup | None) -> str:
    """Return what differs, `field: found -> wanted`, or an empty text.

    Args:
        service: of the catalogue.
        found: what its container was made with, or was changed to by `podman update`.
        cgroup: its live values, which somebody may have written to; None while it does not run.
    """
    wanted = configuration(service)
    for field in dataclasses.fields(Configuration):
        is_value, to_be = getattr(found, field.name), getattr(wanted, field.name)
        if field.name in ("stop_signal", "working_directory") and not to_be:
            continue  # the image's own
        if is_value != to_be:
            return f"{field.name.replace('_', ' ')} {_words(is_value, to_be)}"
    return _cgroup_drift(service, cgroup) if cgroup else ""


def _cgroup_drift(service: Service, found: Cgroup) -> str:
    memory = service.memory
    for name, value, wanted_mib in (
        ("memory.max", found.max_bytes, memory.limit_mib),
        ("memory.low", found.low_bytes, memory.reservation_mib),
        ("memory.swap.max", found.swap_max_bytes, memory.swap_mib),
    ):
        if value != wanted_mib * _MIB:
            shown = "max" if value is None else f"{value / _MIB:g} MiB"
            return f"{name} of its cgroup {shown} -> {wanted_mib} MiB"
    return ""


def _words(found: object, wanted: object) -> str:
    """Both in words; of two collections only what they do not share."""
    if isinstance(found, tuple) and isinstance(wanted, tuple):
        shared = set(found) & set(wanted)
        found = tuple(item for item in found if item not in shared)
        wanted = tuple(item for item in wanted if item not in shared)
    return f"{_word(found)} -> {_word(wanted)}"


def _word(value: object) -> str:
    if isinstance(value, tuple):
        words = ["=".join(item) if isinstance(item, tuple) else str(item) for item in value]
        return " ".join(words) or "none"
    return str(value)
