"""Targets that make no file of their name and are not declared phony."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from xnai.audit.make_data import Target
from xnai.audit.makefile import Makefile
from xnai.audit.model import Fix, Hit
from xnai.audit.recipe_texts import depends_on_output
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_WRITE = re.compile(
    r"(?:>\s*|-o\s*|--output[= ]|\b(?:touch|mkdir|cp|mv|ln|install|tar|cc|gcc|venv|clone)\b)"
    r"[^\n;&|]*"
)
# What package managers, compilers and builds make without being told its name.
_MADE_UNNAMED = frozenset({"node_modules", "vendor", "dist", "target", "venv", "env", "bin", "out",
                           "obj", "lib", "htmlcov"})


def should_be_phony(makefile: Makefile) -> list[Target]:
    """Return the targets with a plain name whose recipe never names what it would make.

    One that needs a phony target, such as FORCE, is always run and is none of them.
    """
    phony = {one.name for one in makefile.data.targets if one.phony}
    # With a rule in each branch, the one taken here may only say that something is missing.
    rules = Counter(
        name for text in makefile.texts.values() for line in text.logical
        if line.kind == "rule" for name in line.targets
    )
    expanded = {
        recipe.target: "\n".join(text for _, text in recipe.commands)
        for recipe in makefile.recipes
    }
    return [
        one for one in makefile.targets
        if one.recipe and not one.phony and rules[one.name] < 2
        and not phony.intersection(one.needs)
        and re.fullmatch(r"[A-Za-z][\w-]*", one.name) and one.name not in _MADE_UNNAMED
        and not _may_make(makefile, one, expanded.get(one.name, ""))
    ]


def _may_make(makefile: Makefile, target: Target, expanded: str) -> bool:
    """Whether a recipe may make the file of its target: it names it behind >, -o and the like."""
    raw = "\n".join(target.recipe)
    if re.search(r"(?<!\$)\$[({]?[@*]", raw):
        return True
    named = re.compile(rf"(?<![\w-]){re.escape(target.name)}(?![\w-])")
    return any(
        named.search(write) or depends_on_output(makefile, write)
        for text in (raw, expanded) for write in _WRITE.findall(text)
    )


def _above(makefile: Makefile, path: str, line: int) -> int:
    """The first line of the comments right above a rule, which may be its help."""
    text = makefile.texts.get(path)
    while text and line > 1 and text.lines[line - 2].startswith("#"):
        line -= 1
    return line


class MakeShouldBePhony(Rule):
    """A command's name that a file of the same name would switch off."""

    id = "make_should_be_phony"
    severity = "info"
    title = "target should be phony"
    remedy = "Declare it: .PHONY: NAME."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield them with the declaration as a fix; an error where such a file is there."""
        for makefile in tree.makefiles:
            for target in should_be_phony(makefile):
                path, line = makefile.place(target.name)
                there = tree.has(f"{makefile.directory}/{target.name}".lstrip("/"))
                never = there and not target.needs
                what = (
                    f"'{target.name}' exists as a file or directory: the recipe never runs."
                    if never else
                    f"A file or directory named '{target.name}' would keep the recipe from running."
                )
                above = _above(makefile, path, line)
                fix = Fix(above, above - 1, (f".PHONY: {target.name}",))
                yield Hit(path, line, what, fix, "error" if never else None)
