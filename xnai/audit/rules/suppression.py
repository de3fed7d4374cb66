"""Suppressing comments that give no reason, or name no rule."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_FOREIGN = re.compile(r"(hadolint|shellcheck|compose-lint|uv):.+|schema")


class Suppression(Rule):
    """# xnai: ignore without a rule that exists, or without a reason."""

    id = "suppression"
    severity = "warning"
    title = "suppression without a rule or a reason"
    remedy = "Write: # xnai: ignore RULE: why it is right here."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield such comments in the files that are judged."""
        for path, lines in self._lines(tree).items():
            for number, line in enumerate(lines, 1):
                match = re.search(r"#\s*xnai:\s*ignore\b(.*)", line)
                if match:
                    what = self._wrong(match[1].strip())
                    if what:
                        yield Hit(path, number, what)

    def _wrong(self, text: str) -> str:
        # Here: the list of all rules holds this one.
        from xnai.audit.rules import all_rules

        match = re.fullmatch(r"([\w:,-]+?)\s*:\s+(\S.*)", text)
        if not match:
            return f"'{text}' is no 'RULE: reason'; it suppresses nothing."
        known = {rule.id for rule in all_rules()}
        for name in match[1].split(","):
            if name not in known and not _FOREIGN.fullmatch(name):
                return f"'{name}' is no rule; it suppresses nothing."
        return ""

    def _lines(self, tree: Tree) -> Mapping[str, tuple[str, ...]]:
        found = {path: tuple(text.split("\n")) for path, text in tree.make_texts.items()}
        found |= {file.path: file.lines for file in tree.dockerfiles}
        return found | {file.path: file.lines for file in tree.composes}
