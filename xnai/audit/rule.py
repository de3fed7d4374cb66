"""What a rule is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from xnai.audit.model import Hit, RuleFinding, RuleSeverity
from xnai.audit.tree import Tree
from xnai.diagnostics.finding import Unknown


class Rule(ABC):
    """One rule; its reasons stand in the .md of its name beside its module."""

    id: ClassVar[str]
    severity: ClassVar[RuleSeverity]
    title: ClassVar[str]
    remedy: ClassVar[str]

    @abstractmethod
    def check(self, tree: Tree) -> Iterator[Hit | Unknown]:
        """Yield every hit in `tree`, and what could not be told."""

    def finding(self, hit: Hit) -> RuleFinding:
        """Return `hit` in this rule's words."""
        return RuleFinding(
            self.id, hit.severity or self.severity, self.title, hit.path, hit.line, hit.what,
            self.remedy, hit.fix,
        )

    def not_judged(self, tree: Tree) -> str:
        """Return why this rule cannot judge `tree`; empty where it can."""
        return ""
