"""Tables about compose files: what each service has, the sum of limits, compared health checks."""

from __future__ import annotations

import os
from collections.abc import Iterator

from xnai.audit.compose import ComposeFile, ComposeService
from xnai.audit.known_images import is_known
from xnai.audit.model import Table
from xnai.audit.reading import shown
from xnai.audit.rules.compose_healthcheck_binary import contents
from xnai.audit.rules.compose_redis_maxmemory import limit_of
from xnai.audit.tree import Tree

_MOST_FILES = 60


def compose_tables(tree: Tree, command: str) -> Iterator[Table]:
    """Yield the tables about compose files."""
    yield Table("Services", command, (
        "file", "service", "volumes", "environment", "memory (MiB)", "CPUs", "user",
        "health check", "ports", "profiles",
    ), tuple(
        _row(file, service) for file in tree.composes[:_MOST_FILES] for service in file.services
    ))
    yield Table("Sum of memory limits", command, (
        "file", "limits (MiB)", "services with a limit", "without one", "behind profiles (MiB)",
        "this machine (MiB)",
    ), tuple(
        row for file in tree.composes[:_MOST_FILES] if file.services for row in _sums(file)
    ))
    yield _health_checks(tree, command)


def _row(file: ComposeFile, service: ComposeService) -> tuple[str, ...]:
    limit = limit_of(service)
    deploy = service.data.get("deploy")
    parts: object = deploy
    for key in ("resources", "limits", "cpus"):
        parts = parts.get(key) if isinstance(parts, dict) else None
    volumes = [mount.source or mount.target for mount in service.mounts]
    return (
        shown(file.path), service.name, ", ".join(volumes[:4]) + " …" * (len(volumes) > 4) or "—",
        str(len(service.environment)), str(limit[0] // 1024**2) if limit else "—",
        service.text("cpus") or str(parts or "—"), service.text("user") or "—",
        "yes" if service.check else "—",
        ", ".join(map(str, service.ports)) or "—", ", ".join(service.names("profiles")) or "—",
    )


def _sums(file: ComposeFile) -> Iterator[tuple[str, ...]]:
    """The sum is printed whether or not anybody said what the machine has."""
    limits = [(service, limit_of(service)) for service in file.services]
    always = sum(found[0] for one, found in limits if found and "profiles" not in one.data)
    chosen = sum(found[0] for one, found in limits if found and "profiles" in one.data)
    having = sum(found is not None for _, found in limits)
    yield (shown(file.path), str(always // 1024**2), str(having), str(len(limits) - having),
           str(chosen // 1024**2), str(_ram_mib()))


def _ram_mib() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024**2


def _health_checks(tree: Tree, command: str) -> Table:
    """What each health check's programs were compared with."""
    store = tree.options.images.where
    here = "" if store else " (no Podman or Docker here)"

    def compared(service: ComposeService) -> str:
        if contents(tree, service):
            return f"the image, in {store}"
        if service.build is not None:
            return "the tree's Dockerfile, with the table of known images"
        if is_known(service.text("image")):
            return f"the table of known images{here}"
        return f"not judged: the image is not known{here}"

    rows = tuple(
        (shown(file.path), service.name, service.text("image") or "built here", compared(service))
        for file in tree.composes for service in file.services if service.check
    )
    return Table("Health checks' programs", command,
                 ("file", "service", "image", "compared with"), rows)
