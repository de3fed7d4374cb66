"""Files that compose reads before it starts anything, and that are not there."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from xnai.audit.compose import ComposeFile
from xnai.audit.compose_bases import bases
from xnai.audit.docker_paths import is_made
from xnai.audit.env_files import env_file_paths
from xnai.audit.model import Hit, RuleSeverity
from xnai.audit.rule import Rule
from xnai.audit.rules.compose_missing_bind import ignored
from xnai.audit.tree import Tree

_EXAMPLES = (".example", ".sample", ".template", ".dist", ".tmpl", "-example", "-sample")


def _named(file: ComposeFile) -> Iterator[tuple[str, int, str]]:
    """Yield the files that secrets, configs and env_file name: path, line, who names it."""
    for section in ("secrets", "configs"):
        for name, value in file.section(section).items():
            path = value.get("file") if isinstance(value, dict) else None
            if isinstance(path, str):
                line = file.places.get((section, name, "file"), 1)
                yield path, line, f"{section.removesuffix('s')} {name}"
    for service in file.services:
        for path, line, required in env_file_paths(file, service):
            if required:
                yield path, line, f"env_file of {service.name}"


def _severity(tree: Tree, path: str) -> RuleSeverity | None:
    """What each user makes for himself, and is told to, is worth knowing."""
    name = posixpath.basename(path)
    folder, stem = posixpath.dirname(path), name.partition(".")[0] or name
    told = any(tree.has(f"{path}{end}") for end in _EXAMPLES) or any(
        tree.has(posixpath.join(folder, one)) for one in
        (f"{stem}.example", "env.example", ".env.example", f"example{name}", f"{stem}.example.env")
    )
    return "info" if told or ignored(tree, path) or is_made(tree, name) \
        or re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", tree.scripts) else None


class ComposeMissingFile(Rule):
    """secrets:, configs: or env_file: of a file that the tree lacks."""

    id = "compose_missing_file"
    severity = "error"
    title = "compose reads a file that does not exist"
    remedy = "Add the file or mend its path; for a secret, make it in the documented setup."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each missing file; info where the user is to make it."""
        for file in tree.composes:
            seen = set()
            for path, line, who in _named(file):
                if re.search(r"[$~]", path) or path.startswith("/") or path in seen or any(
                    tree.has(posixpath.join(base, path)) for base in bases(tree, file)
                ):
                    continue
                seen.add(path)
                near = file.near(path)
                what = f"{who}: {near} does not exist: nothing that uses it starts."
                yield Hit(file.path, line, what, severity=_severity(tree, near))
