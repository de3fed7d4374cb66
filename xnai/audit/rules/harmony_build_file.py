"""Dockerfiles that a compose file names and the tree does not have."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from xnai.audit.compose import ComposeFile, ComposeService
from xnai.audit.compose_bases import bases
from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree


def _is_moved(tree: Tree, file: ComposeFile, service: ComposeService) -> bool:
    """Whether the file is there to be copied to where its path is right, with its Dockerfile."""
    build = service.build or {}
    context = posixpath.normpath(build.get("context", "."))
    name = build.get("dockerfile", "Dockerfile")
    return bool(file.directory) and "/" in context \
        and posixpath.basename(context) == posixpath.basename(file.directory) \
        and tree.has(posixpath.join(file.directory, name))


class HarmonyBuildFile(Rule):
    """build: of a Dockerfile or a directory that is not there."""

    id = "harmony_build_file"
    severity = "error"
    title = "compose builds from a Dockerfile that does not exist"
    remedy = "Mend build.context or build.dockerfile; the latter counts from the context."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each build whose Dockerfile is missing."""
        for file in tree.composes:
            for service in file.services:
                path = file.dockerfile(service)
                if path is None or any(
                    tree.has(posixpath.join(base, posixpath.relpath(path, file.directory or ".")))
                    for base in bases(tree, file)
                ):
                    continue
                # Podman takes a Containerfile where no file is named.
                other = path.removesuffix("Dockerfile") + "Containerfile"
                if service.build and "dockerfile" not in service.build and tree.has(other):
                    continue
                if self._completed(tree, file, service) or _is_moved(tree, file, service):
                    continue
                line = service.line("build", "dockerfile")
                # An example names what its user is to make of another example.
                example = re.search(r"[.-](example|sample)\b", file.path) or any(
                    tree.has(f"{path}{end}") for end in (".example", ".sample", ".template")
                )
                yield Hit(file.path, line, f"{service.name}: there is no {path}.",
                          severity="info" if example else None)

    def _completed(self, tree: Tree, file: ComposeFile, service: ComposeService) -> bool:
        """Whether a file that this one may be merged with says where the build is."""
        return service.build is not None and "context" not in service.build and any(
            other.name == service.name and other.build and "context" in other.build
            for one in tree.composes if one is not file for other in one.services
        )
