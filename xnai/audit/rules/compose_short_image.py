"""Images of services without a registry, where Podman is used."""

from __future__ import annotations

from collections.abc import Iterator

from xnai.audit.model import Fix, Hit
from xnai.audit.own_images import is_own
from xnai.audit.rule import Rule
from xnai.audit.rules.docker_short_image import full, is_short
from xnai.audit.tree import Tree


class ComposeShortImage(Rule):
    """image: redis:7 where Podman must guess the registry."""

    id = "compose_short_image"
    severity = "warning"
    title = "image name without its registry"
    remedy = "Write the whole name, such as docker.io/library/redis:8.0."

    def not_judged(self, tree: Tree) -> str:
        """Return why nothing was judged: it holds of Podman alone."""
        return "" if tree.uses_podman else "the tree does not use Podman"

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield short names of images that the tree does not build, with the name as a fix."""
        for file in tree.composes if tree.uses_podman else ():
            for service in file.services:
                image = service.text("image")
                line = service.line("image")
                if service.build is not None or not is_short(image) or is_own(tree, image):
                    continue
                written = file.lines[line - 1]
                # What comes in by a merge key or an anchor stands elsewhere.
                fix = Fix(line, line, (written.replace(image, full(image), 1),)) \
                    if "image" in written and image in written else None
                yield Hit(
                    file.path, line,
                    f"{service.name}: Podman asks which registry '{image}' is from, or fails "
                    "without a terminal.", fix,
                )
