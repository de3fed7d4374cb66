"""Dockerfiles that nothing in the tree builds."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.own_images import own_images
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree


class HarmonyOrphanDockerfile(Rule):
    """A Dockerfile that neither compose nor makefiles, scripts or CI name."""

    id = "harmony_orphan_dockerfile"
    severity = "info"
    title = "nothing builds this Dockerfile"
    remedy = "Remove it, or name it where the others are built."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield them in trees whose compose files do build something."""
        for path in orphans(tree):
            yield Hit(path, 1, "No compose file, makefile, script or CI file names it.")


def orphans(tree: Tree) -> list[str]:
    """Return the Dockerfiles that nothing builds, in trees that build something."""
    return tree.once("orphans", lambda: list(_orphans(tree)))


def _orphans(tree: Tree) -> Iterator[str]:
    built = {
        compose.dockerfile(service) for compose in tree.composes for service in compose.services
    } - {None}
    made = {path for paths in own_images(tree).values() for path in paths}
    if not built | made:
        return
    texts = "\n".join([*tree.make_texts.values(), tree.scripts])
    # What stands behind the word on its line.
    builds = {
        word.strip(".-") for line in texts.split("\n") if "build" in line
        for word in re.findall(r"[\w.-]+", line.partition("build")[2])
    }
    bases = {stage.base for file in tree.dockerfiles for stage in file.stages}
    for file in tree.dockerfiles:
        name = posixpath.basename(file.path)
        folder = posixpath.basename(file.directory)
        named = file.path in texts or (name != "Dockerfile" and name in texts) or (
            folder and folder in builds
        )
        suffix = name.rpartition(".")[2]
        # An image that others start from is built under a name that often ends like the file's.
        is_base = any(re.search(rf"[/_-]{re.escape(suffix)}(:|$)", base) for base in bases)
        if file.path not in built | made and not named and not is_base:
            yield file.path
