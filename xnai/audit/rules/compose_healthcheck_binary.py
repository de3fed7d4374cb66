"""Health checks that call what the image does not have."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.compose import ComposeFile, Service
from xnai.audit.known_images import lacks
from xnai.audit.model import Hit, Rule
from xnai.audit.tree import Tree


class ComposeHealthcheckBinary(Rule):
    """curl, wget or nc in an image that is known to lack it."""

    id = "compose_healthcheck_binary"
    severity = "error"
    title = "health check calls a missing program"
    remedy = (
        "Call what the image has: redis-cli ping, pg_isready, python -c, the server's own command."
    )

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield checks on images of the table, or built on one without installing the program."""
        for file in tree.composes:
            for service in file.services:
                called = set(re.findall(r"(?:^|[\s/;&|(])(curl|wget|nc)(?=\s)", service.check))
                image, texts = self._image(tree, file, service)
                for program in sorted(called):
                    if lacks(image, program) and not re.search(rf"\b{program}\b", texts):
                        yield Hit(
                            file.path, service.line("healthcheck", "test"),
                            f"{service.name}: {image} has no {program}; the container never gets "
                            "healthy.",
                        )

    def _image(self, tree: Tree, file: ComposeFile, service: Service) -> tuple[str, str]:
        """The image from outside that a service stands on, and what its own build says."""
        if service.build is None:
            return service.text("image"), ""
        built = tree.dockerfile(file.dockerfile(service))
        if built is None or "target" in service.build:
            return "", ""
        own = [one.text for stage in built.lineage(built.last) for one in stage.instructions]
        # What a COPY or a script brings cannot be told from here.
        copied = any("from" in one.flags and "/bin" in one.text
                     for one in built.last.all("COPY"))
        return ("" if copied else built.root_image()), "\n".join(own)
