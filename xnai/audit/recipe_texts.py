"""The commands of all recipes as make would hand them to the shell, for the shell's checkers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xnai.audit.make_data import mapped, written
from xnai.audit.makefile import Makefile, references
from xnai.audit.tree import Tree


@dataclass(frozen=True)
class RecipeText:
    """One command of a recipe.

    Attributes:
        path: the file that it stands in, relative to the audited tree.
        line: its first line there.
        bash: whether SHELL names bash.
        text: the command, expanded.
        raw: as it is written, if that can be told.
        target: whose recipe it is.
    """

    path: str
    line: int
    bash: bool
    text: str
    raw: str
    target: str


def recipe_texts(tree: Tree) -> Iterator[RecipeText]:
    """Yield each command once; those whose text depends on a command's output are left out.

    They were expanded without that output, so that what is missing in them tells nothing.
    """
    seen = set()
    for makefile in tree.makefiles:
        for one in of_makefile(makefile):
            key = (one.path, one.line, one.text)
            if key not in seen and not depends_on_output(makefile, one.raw):
                seen.add(key)
                yield one


def depends_on_output(makefile: Makefile, raw: str) -> bool:
    """Return whether a recipe line's text comes in part from a command that make would run."""
    return not raw or "$(shell" in raw or bool(makefile.shell_fed.intersection(references(raw)))


def of_makefile(makefile: Makefile) -> Iterator[RecipeText]:
    """Yield each command of a Makefile's expanded recipes."""
    known = {one.name: one for one in makefile.targets}
    bash = any(
        "bash" in line.value for text in makefile.texts.values()
        for line in text.logical if line.kind == "assignment" and line.name == "SHELL"
    )
    for recipe in makefile.recipes:
        target = known.get(recipe.target)
        raws = [raw for _, raw in written(target)]
        lines = mapped(target, [text for _, text in recipe.commands])
        # Where commands map onto no single line, what holds of the recipe holds of each.
        everything = "\n".join(raws)
        for at, (number, text) in enumerate(recipe.commands):
            raw = lines[at][1] if lines else everything
            yield RecipeText(
                makefile.where(recipe.path), number, bash, text, raw, recipe.target
            )
