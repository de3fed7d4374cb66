"""Keys that stand twice in one mapping."""

from __future__ import annotations

from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree


class ComposeDuplicateKey(Rule):
    """A key whose first value is lost."""

    id = "compose_duplicate_key"
    severity = "error"
    title = "key stands twice"
    remedy = "Keep one of them; where both hold lists, join them."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield the later one of each pair."""
        for file in tree.composes:
            for line, key in file.twice:
                what = f"'{key}' stands above already: one value is lost, or the file is refused."
                yield Hit(file.path, line, what)
