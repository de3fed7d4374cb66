"""The commands of all recipes as make would hand them to the shell, for the shell's checkers."""

from __future__ import annotations

from collections.abc import Iterator

from xnai.audit.makefile import Makefile, RecipeText, references
from xnai.audit.tree import Tree


def recipe_texts(tree: Tree) -> Iterator[RecipeText]:
    """Yield each command once; those whose text depends on a command's output are left out.

    They were expanded without that output, so that what is missing in them tells nothing.
    """
    seen = set()
    for makefile in tree.makefiles:
        for one in makefile.commands:
            key = (one.path, one.line, one.text)
            if key not in seen and not depends_on_output(makefile, one.raw):
                seen.add(key)
                yield one


def depends_on_output(makefile: Makefile, raw: str) -> bool:
    """Return whether a recipe line's text comes in part from a command that make would run."""
    return not raw or "$(shell" in raw or bool(makefile.shell_fed.intersection(references(raw)))
