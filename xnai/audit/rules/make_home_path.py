"""Home directories written out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_HOME = re.compile(r"(?<![\w.$})-])/(?:home|Users)/([a-z_][\w.-]*)(?=[/\s\"':;]|$)")
# Users inside containers and CI images, whose homes are the same everywhere.
_SHARED = frozenset({
    "node", "app", "appuser", "user", "vscode", "runner", "jovyan", "linuxbrew", "coder", "Shared",
})


class MakeHomePath(Rule):
    """A path below somebody's home."""

    id = "make_home_path"
    severity = "warning"
    title = "somebody's home is written out"
    remedy = "Use $(HOME), or a path relative to the Makefile: $(CURDIR)."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each line with such a path, comments left out."""
        seen = set()
        for makefile in tree.makefiles:
            for path, text in makefile.texts.items():
                for number, line in enumerate(text.lines, 1):
                    match = _HOME.search(line.partition(" #")[0])
                    if not match or match[1] in _SHARED or line.lstrip().startswith("#"):
                        continue
                    # A path inside a container that is mounted or run there.
                    if f":{match[0]}" in "\n".join(text.lines) or (path, number) in seen:
                        continue
                    seen.add((path, number))
                    yield Hit(path, number, f"{match[0]} exists on one machine only.")
