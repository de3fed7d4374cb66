"""Images without a registry, where Podman is used."""

from __future__ import annotations

from collections.abc import Iterator

from xnai.audit.dockerfile import Dockerfile, Stage
from xnai.audit.model import Fix, Hit
from xnai.audit.own_images import is_own
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


def _fix(file: Dockerfile, stage: Stage, whole: str) -> Fix | None:
    """The FROM line with the whole name, where the short one is written there."""
    line = file.lines[stage.line - 1]
    words = line.split()
    if stage.base not in words:
        return None
    return Fix(stage.line, stage.line, (line.replace(stage.base, whole, 1),))


class DockerShortImage(Rule):
    """FROM python:3.12 where Podman must guess the registry."""

    id = "docker_short_image"
    severity = "warning"
    title = "image name without its registry"
    remedy = (
        "Write the whole name: docker.io/library/python:3.12-slim, or localhost/NAME where the "
        "tree builds it."
    )

    def not_judged(self, tree: Tree) -> str:
        """Return why nothing was judged: it holds of Podman alone."""
        return "" if tree.uses_podman else "the tree does not use Podman"

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield short names in FROM, with the whole name as a fix; what is built here is info."""
        for file in tree.dockerfiles if tree.uses_podman else ():
            names = {stage.name.lower() for stage in file.stages}
            for stage in file.stages:
                if not is_short(stage.base) or stage.base.lower() in names:
                    continue
                if is_own(tree, stage.base):
                    yield Hit(
                        file.path, stage.line,
                        f"'{stage.base}' is built here; before it is, Podman looks for it in "
                        "registries unless its name begins with localhost/.",
                        _fix(file, stage, f"localhost/{stage.base}"), "info",
                    )
                else:
                    yield Hit(
                        file.path, stage.line,
                        f"Podman asks which registry '{stage.base}' is from, or fails without a "
                        "terminal.", _fix(file, stage, full(stage.base)),
                    )
