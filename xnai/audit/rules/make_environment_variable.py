"""Variables that only the environment can set."""

from __future__ import annotations

from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.rules.make_undefined_variable import mistake, undefined
from xnai.audit.tree import Tree


class MakeEnvironmentVariable(Rule):
    """A name that no makefile sets, where that may be wanted."""

    id = "make_environment_variable"
    severity = "info"
    title = "variable comes from the environment alone"
    remedy = "Give it a default (NAME ?= value) or demand it ($(if $(NAME),,$(error …)))."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each name once a file."""
        seen = set()
        for makefile in tree.makefiles:
            for name, path, line in undefined(makefile):
                if (path, name) not in seen and not mistake(makefile, path, line, name):
                    seen.add((path, name))
                    yield Hit(path, line, f"$({name}) is empty unless somebody exports it.")
