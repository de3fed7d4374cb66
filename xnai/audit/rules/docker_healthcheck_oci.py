"""HEALTHCHECK in images that Podman builds."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree


class DockerHealthcheckOci(Rule):
    """A health check that Podman's default image format drops."""

    id = "docker_healthcheck_oci"
    severity = "warning"
    title = "HEALTHCHECK is dropped by Podman"
    remedy = "Move it into the compose file's healthcheck, or build with --format docker."

    def not_judged(self, tree: Tree) -> str:
        """Return why nothing was judged: it holds of Podman alone."""
        return "" if tree.uses_podman else "the tree does not use Podman"

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield them where the tree builds with Podman and never asks for Docker's format."""
        texts = "\n".join(tree.make_texts.values())
        if not tree.uses_podman or re.search(r"--format[= ]docker|BUILDAH_FORMAT", texts):
            return
        for file in tree.dockerfiles:
            # A check in the compose file of the service that is built from it takes its place.
            checked = any(
                service.check and compose.dockerfile(service) == file.path
                for compose in tree.composes for service in compose.services
            )
            for one in file.last.all("HEALTHCHECK"):
                if not checked and one.text.strip().upper() != "NONE":
                    what = "Podman builds OCI images by default, whose format knows no HEALTHCHECK."
                    yield Hit(file.path, one.first, what)
