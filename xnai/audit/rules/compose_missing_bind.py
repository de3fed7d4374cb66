"""Bind mounts of files that the tree does not have."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from fnmatch import fnmatch

from xnai.audit.compose_bases import bases
from xnai.audit.docker_paths import is_made
from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree


def looks_like_a_file(source: str) -> bool:
    """Return whether a path ends as files do, with a short suffix."""
    return bool(re.search(r"[^.]\.[A-Za-z]\w{0,4}$", posixpath.basename(source)))


def ignored(tree: Tree, path: str) -> bool:
    """Return whether .gitignore names a path: it is made on each machine."""
    lines = [line.strip().removesuffix("/*").strip("/")
             for line in tree.text(".gitignore").split("\n")]
    return any(
        line and (path == line or path.startswith(f"{line}/")
                  or fnmatch(posixpath.basename(path), line)) for line in lines
    )


class ComposeMissingBind(Rule):
    """A relative source that is not there and looks like a file."""

    id = "compose_missing_bind"
    severity = "warning"
    title = "bind mount of a file that does not exist"
    remedy = "Add the file or mend the path; for data use a named volume."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield missing files; a missing directory is made by docker and podman-compose alike."""
        for file in tree.composes:
            for service in file.services:
                for mount in service.mounts:
                    source = mount.source
                    if not source.startswith(".") or re.search(r"[$~]", source):
                        continue
                    path = file.near(source)
                    if not looks_like_a_file(source) or ignored(tree, path) or any(
                        tree.has(posixpath.join(base, source)) for base in bases(tree, file)
                    ) or is_made(tree, posixpath.basename(path)):
                        continue
                    what = f"{path} does not exist: an empty directory of that name is made."
                    yield Hit(file.path, mount.line, what)
