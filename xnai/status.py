"""One table of what is up and where; the same after a run and at any time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from xnai.catalogue import Service
from xnai.facts.podman import Container, PodmanUnknown


def rows(
    services: Iterable[Service], containers: Mapping[str, Container] | PodmanUnknown
) -> list[dict[str, str]]:
    """Return a row a service: service, container, state, health and url, all as words."""
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
                "memory limit": f"{service.memory_limit_mib} MiB",
                "url": _url(service),
            }
        )
    return table


def all_healthy(
    services: Iterable[Service], containers: Mapping[str, Container] | PodmanUnknown
) -> bool:
    """Return whether every service's container runs and is healthy."""
    return not isinstance(containers, PodmanUnknown) and all(
        service.container_name in containers and containers[service.container_name].is_up
        for service in services
    )


def _url(service: Service) -> str:
    if service.published_port is None:
        return f"not published; sudo xnai-podman exec {service.container_name} ..."
    if service.url_path is None:
        return f"127.0.0.1:{service.published_port}"
    return f"http://127.0.0.1:{service.published_port}{service.url_path}"


def lines(table: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the table as aligned lines, the heads first."""
    heads = list(table[0]) if table else []
    widths = [max(len(head), *(len(row[head]) for row in table)) for head in heads]
    return [
        "  ".join(word.ljust(width) for word, width in zip(words, widths, strict=True)).rstrip()
        for words in [heads, *([row[head] for head in heads] for row in table)]
    ]
