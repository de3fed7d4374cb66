"""Targets with two recipes, of which make runs the last."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_OVERRIDING = re.compile(r"warning: overriding recipe for target '(.*)'")


class MakeDuplicateTarget(Rule):
    """What make warns of: an overridden recipe."""

    id = "make_duplicate_target"
    severity = "error"
    title = "target has two recipes"
    remedy = "Keep one, rename one, or use double colons (::) where both shall run."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield the recipes that are never run, at their lines."""
        seen = set()
        for makefile in tree.makefiles:
            said = [(one, _OVERRIDING.fullmatch(one.text)) for one in makefile.messages]
            later = {match[1]: one for one, match in said if match}
            for one in makefile.messages:
                match = re.fullmatch(r"warning: ignoring old recipe for target '(.*)'", one.text)
                if match and (one.path, one.line) not in seen:
                    seen.add((one.path, one.line))
                    by = later.get(match[1])
                    where = f" ({by.path}:{by.line})" if by else ""
                    yield Hit(
                        one.path, one.line,
                        f"This recipe of '{match[1]}' is never run: a later one replaces it{where}."
                    )
