"""Variables that nothing refers to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

# Variables that make itself or its built-in rules read (GNU make manual, "Special Variables" and
# "Variables Used by Implicit Rules").
READ_BY_MAKE = re.compile(
    r"\.?(SHELL|SHELLFLAGS|MAKEFLAGS|MAKEFILES|MAKESHELL|VPATH|DEFAULT_GOAL|RECIPEPREFIX|SUFFIXES|"
    r"EXTRA_PREREQS|INCLUDE_DIRS|GPATH|MAKEOVERRIDES|ARFLAGS|AR|AS|CC|CXX|CPP|FC|LD|LEX|YACC|RM|"
    r"\w*FLAGS|LDLIBS|LOADLIBES|OUTPUT_OPTION)"
)


class MakeUnusedVariable(Rule):
    """A name that stands nowhere but on its own left side."""

    id = "make_unused_variable"
    severity = "info"
    title = "variable is never used"
    remedy = "Remove it, or use it where its value is written out."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield assignments whose name no makefile of the tree mentions anywhere else."""
        everything = "\n".join(tree.make_texts.values())
        # Names that are put together, or exported as a whole, may be used by anybody.
        if re.search(r"\$[({][\w.-]*\$[({][\w.-]+[)}]", everything):
            return
        if re.search(r"(?m)^\s*export\s*$|^\.EXPORT_ALL_VARIABLES:", everything):
            return
        # Once for all names: a pattern for each would read everything again.
        uses = Counter(re.findall(r"(?<![\w.-])[\w-]+", everything))
        uses += Counter(re.findall(r"(?<![\w.-])[\w-]+\.[\w.-]+", everything))
        sides = Counter(re.findall(r"(?m)^[ \w]*?(?<![\w.-])([\w.-]+)[ \t]*[:?+!]*=", everything))
        for makefile in tree.makefiles:
            for path, text in makefile.texts.items():
                if not path.endswith((".mk", "akefile")):
                    continue  # an included .env is read by others
                for line in text.logical:
                    if line.kind != "assignment" or READ_BY_MAKE.fullmatch(line.name):
                        continue
                    if re.match(r"\s*(export|unexport)\b", line.text) or line.text[0] == "\t":
                        continue
                    if uses[line.name] <= sides[line.name]:
                        yield Hit(path, line.number, f"Nothing reads {line.name}.")
