"""Services that start before what they need is ready."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.compose import ComposeService
from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

# Health checks that ask for the whole cluster: one member passes them only when all are there.
_CLUSTER = re.compile(
    r"\bcluster[ _-]?(info|state|status|size|health)|\brs\.\w+\(|\bwsrep_|--cluster\b",
    re.IGNORECASE,
)


class ComposeDependsWithoutCondition(Rule):
    """depends_on as a list, on a service that has a health check."""

    id = "compose_depends_without_condition"
    severity = "warning"
    title = "does not wait until it is healthy"
    remedy = "Write depends_on: {NAME: {condition: service_healthy}}."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield dependencies whose health check is there and is not waited for."""
        for file in tree.composes:
            checked = {service.name: service for service in file.services if service.check}
            for service in file.services:
                value = service.data.get("depends_on")
                for name, line in service.names("depends_on").items():
                    if name in checked and isinstance(value, list) \
                            and not self._forms(service, checked[name]):
                        what = f"{service.name} starts when {name} was started, not when it works."
                        yield Hit(file.path, line, what)

    def _forms(self, service: ComposeService, other: ComposeService) -> bool:
        """Whether both are members of one cluster: waiting for its health would never end."""
        return bool(
            service.text("image") and service.text("image") == other.text("image")
            and _CLUSTER.search(other.check)
        )
