"""Bind mounts of directories that the tree does not have."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from xnai.audit.compose_bases import bases
from xnai.audit.docker_paths import is_made
from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.rules.compose_missing_bind import ignored, looks_like_a_file
from xnai.audit.tree import Tree


class ComposeMissingDirectory(Rule):
    """A relative source that is not there and looks like a directory."""

    id = "compose_missing_directory"
    severity = "info"
    title = "bind mount of a directory that does not exist"
    remedy = "Add the directory, or mend the path; for data use a named volume."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield missing directories; data that the service itself writes begin so too."""
        for file in tree.composes:
            for service in file.services:
                for mount in service.mounts:
                    source = mount.source
                    if not source.startswith(".") or re.search(r"[$~]", source) \
                            or looks_like_a_file(source):
                        continue
                    path = file.near(source)
                    if ignored(tree, path) or any(
                        tree.has(posixpath.join(base, source)) for base in bases(tree, file)
                    ) or is_made(tree, posixpath.basename(path)):
                        continue
                    end = "served" if "ro" in mount.options else "mounted"
                    yield Hit(file.path, mount.line,
                              f"{service.name}: {path} does not exist: an empty directory of that "
                              f"name is made and {end}.")
