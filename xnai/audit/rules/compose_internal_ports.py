"""Ports published from networks that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree


class ComposeInternalPorts(Rule):
    """ports: on a service whose networks are all internal."""

    id = "compose_internal_ports"
    severity = "warning"
    title = "port is published from an internal network"
    remedy = "Add a network that is not internal, or drop the port."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each such service."""
        for file in tree.composes:
            networks = file.section("networks")
            internal = {
                name for name, value in networks.items()
                if isinstance(value, dict) and value.get("internal") in {"true", "yes"}
            }
            for service in file.services:
                names = set(service.names("networks")) or {"default"}
                if service.data.get("ports") and names <= internal:
                    shown = ", ".join(sorted(names))
                    what = f"{service.name}: {shown} is internal; nobody gets in."
                    yield Hit(file.path, service.line("ports"), what)
