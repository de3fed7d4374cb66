"""Waiting for a health check that does not exist."""

from __future__ import annotations

from collections.abc import Iterator

from xnai.audit.compose import ComposeFile, ComposeService
from xnai.audit.known_images import UNCHECKED
from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree


class ComposeDependsWithoutCheck(Rule):
    """condition: service_healthy on a service without a health check."""

    id = "compose_depends_without_check"
    severity = "error"
    title = "waits for a health check that is not there"
    remedy = "Give that service a healthcheck."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield dependencies on services that neither the file nor the image gives a check."""
        for file in tree.composes:
            services = {service.name: service for service in file.services}
            for service in file.services:
                value = service.data.get("depends_on")
                for name, condition in (value if isinstance(value, dict) else {}).items():
                    wanted = isinstance(condition, dict) and condition.get("condition")
                    other = services.get(name)
                    if wanted == "service_healthy" and other and self._unchecked(tree, file, other):
                        yield Hit(
                            file.path, service.line("depends_on", name),
                            f"{service.name} waits for ever, or is refused: {name} has no health "
                            "check.",
                        )

    def _unchecked(self, tree: Tree, file: ComposeFile, service: ComposeService) -> bool:
        if service.check or "extends" in service.data:
            return False
        # Another file that is merged with this one may bring the check.
        if any(other.check for one in tree.composes if one is not file
               for other in one.services if other.name == service.name):
            return False
        if service.build is None:
            return bool(UNCHECKED.fullmatch(service.text("image")))
        built = tree.dockerfile(file.dockerfile(service))
        return bool(
            built and UNCHECKED.fullmatch(built.root_image())
            and not any(stage.all("HEALTHCHECK") for stage in built.stages)
        )
