"""Limits that are given in two places."""

from __future__ import annotations

from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

PAIRS = {"mem_limit": "memory", "cpus": "cpus", "pids_limit": "pids"}


class ComposeLimitTwice(Rule):
    """mem_limit beside deploy.resources.limits.memory, and the like."""

    id = "compose_limit_twice"
    severity = "warning"
    title = "limit is given twice"
    remedy = "Keep one of the two, best deploy.resources.limits, the specification's own form."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield the old form of each pair."""
        for file in tree.composes:
            for service in file.services:
                limits: object = service.data.get("deploy")
                for key in ("resources", "limits"):
                    limits = limits.get(key) if isinstance(limits, dict) else None
                for old, new in PAIRS.items():
                    if old in service.data and isinstance(limits, dict) and new in limits:
                        yield Hit(
                            file.path, service.line(old),
                            f"{service.name}: {old} {service.data[old]} and deploy's {new} "
                            f"{limits[new]}: tools take one or refuse the file.",
                        )
