"""The catalogue: the images and services of the stack, derived from the settings.

Everything that names a service reads it from here: images, compose files, preflight's sums,
the status table, the host tests. A further service is one more entry.
"""

from __future__ import annotations

from xnai.catalogue.images import base, images
from xnai.catalogue.model import Copy, Image, Memory, SecretFile, Service, Tool
from xnai.catalogue.services import PARTS, secret_forms, services
from xnai.catalogue.shared import data_network, least_oom_score_adj
from xnai.catalogue.tools import tools
from xnai.settings.model import Settings

__all__ = [
    "PARTS",
    "Copy",
    "Image",
    "Memory",
    "SecretFile",
    "Service",
    "Tool",
    "base",
    "container_names",
    "data_network",
    "images",
    "least_oom_score_adj",
    "limits_and_swap_mib",
    "published_ports",
    "secret_forms",
    "services",
    "tools",
]


def published_ports(settings: Settings) -> dict[int, str]:
    """Return the host ports that the stack wants, with the service that wants each."""
    return {s.published_port: s.name for s in services(settings) if s.published_port is not None}


def limits_and_swap_mib(settings: Settings) -> dict[str, tuple[int, int]]:
    """Return each service's memory limit and its allowance of swap beside it, in MiB."""
    return {s.name: (s.memory.limit_mib, s.memory.swap_mib) for s in services(settings)}


def container_names(settings: Settings) -> list[str]:
    """Return the names of the stack's containers, in dependency order."""
    return [service.container_name for service in services(settings)]
