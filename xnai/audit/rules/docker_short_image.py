"""Images without a registry, where Podman is used."""

from __future__ import annotations

from collections.abc import Iterator

from xnai.audit.model import Fix, Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree


def is_short(image: str) -> bool:
    """Return whether an image's name lacks its registry."""
    first, slash, _ = image.partition("/")
    return bool(image) and "$" not in image and image != "scratch" and not (
        slash and ("." in first or ":" in first or first == "localhost")
    )


def full(image: str) -> str:
    """Return the name on Docker Hub."""
    return f"docker.io/{image}" if "/" in image else f"docker.io/library/{image}"


class DockerShortImage(Rule):
    """FROM python:3.12 where Podman must guess the registry."""

    id = "docker_short_image"
    severity = "warning"
    title = "image name without its registry"
    remedy = "Write the whole name, such as docker.io/library/python:3.12-slim."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield short names in FROM, with the whole name as a fix."""
        if not tree.uses_podman:
            return
        for file in tree.dockerfiles:
            names = {stage.name.lower() for stage in file.stages}
            for stage in file.stages:
                line = file.lines[stage.line - 1]
                if is_short(stage.base) and stage.base.lower() not in names:
                    fix = Fix(stage.line, stage.line,
                              (line.replace(stage.base, full(stage.base), 1),))
                    yield Hit(
                        file.path, stage.line,
                        f"Podman asks which registry '{stage.base}' is from, or fails without a "
                        "terminal.", fix if stage.base in line else None,
                    )
