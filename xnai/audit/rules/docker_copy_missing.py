"""COPY of what the build context does not have."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from xnai.audit.docker_paths import is_made, missing
from xnai.audit.model import Hit
from xnai.audit.names import MADE
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_ARCHIVE = re.compile(r".*\.(whl|jar|war|tar|t?gz|zip|deb|rpm|bin|exe|so)(\.\w+)?")


def _judged(source: str, ignored: set[str]) -> bool:
    first = source.removeprefix("./").strip("/").partition("/")[0]
    return not (
        "$" in source or "://" in source or source.startswith(("git@", "<<"))
        or first in MADE or _ARCHIVE.fullmatch(source)
        or {first, posixpath.basename(source)} & ignored
    )


class DockerCopyMissing(Rule):
    """A source of COPY or ADD that exists in no possible context."""

    id = "docker_copy_missing"
    severity = "error"
    title = "COPY of a file that does not exist"
    remedy = "Mend the path: it counts from the build context, not from the Dockerfile."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each missing source."""
        for file in tree.dockerfiles:
            ignored = self._ignored(tree, file.directory)
            for stage in file.stages:
                for copy in stage.all("COPY", "ADD"):
                    for source in () if "from" in copy.flags else copy.sources:
                        if not _judged(source, ignored) or not missing(tree, file, source):
                            continue
                        # BuildKit lets a pattern match nothing, Buildah does not.
                        if re.search(r"[*?]", source) and not tree.uses_podman:
                            continue
                        if not is_made(tree, posixpath.basename(source.rstrip("/"))):
                            yield Hit(
                                file.path, file.line_of(copy, source),
                                f"'{source}' is in no build context that this file can have.",
                            )

    def _ignored(self, tree: Tree, directory: str) -> set[str]:
        """Names in .gitignore: what is made on each machine may be absent here."""
        names = set()
        for folder in {"", directory}:
            for line in tree.text(f"{folder}/.gitignore".lstrip("/")).split("\n"):
                names.add(line.strip().strip("/").rpartition("/")[2])
        return names - {""}
