"""Rules that begin with a tab, so that they belong to the recipe above."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.model import Fix, Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_RULE = re.compile(r"\t\s*([A-Za-z][\w.-]*)\s*:(?![:=/])\s*([\w. $()-]*?)\s*(?:##.*)?")


class MakeSwallowedRule(Rule):
    """A line of a recipe that was meant as a rule."""

    id = "make_swallowed_rule"
    severity = "error"
    title = "rule is swallowed by the recipe above"
    remedy = "Remove the tab at the line's beginning."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield recipe lines that are `name: names` and nothing else."""
        seen = set()
        for makefile in tree.makefiles:
            for path, text in makefile.texts.items():
                for line in text.logical:
                    match = _RULE.fullmatch(line.text) if line.kind == "recipe" else None
                    if match and (path, line.number) not in seen:
                        seen.add((path, line.number))
                        yield Hit(
                            path, line.number,
                            f"'{match[1]}' is no target: its line begins with a tab, so the shell "
                            f"gets '{match[1]}:' as a command.",
                            Fix(line.number, line.number, (line.text.lstrip(),)),
                        )
