"""Names in .PHONY that no rule makes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.makefile import Makefile
from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree


class MakePhonyWithoutRule(Rule):
    """A phony name with neither a recipe nor prerequisites."""

    id = "make_phony_without_rule"
    severity = "warning"
    title = "phony name without a rule"
    remedy = "Take the name out of .PHONY, or write its rule; with a typing error mend the name."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield the names that make knows as phony and has no rule for."""
        for makefile in tree.makefiles:
            ruled = {
                name for text in makefile.texts.values() for line in text.logical
                if line.kind == "rule" for name in line.targets
            }
            for target in makefile.targets:
                # A rule in a branch that was not taken is a rule all the same.
                if target.phony and not target.recipe and not target.needs \
                        and target.name not in ruled | self._forces(makefile):
                    yield from self._places(makefile, target.name)

    def _forces(self, makefile: Makefile) -> set[str]:
        """Names such as FORCE, that are there to be needed by others and always out of date."""
        return {
            name for one in makefile.data.targets for name in one.needs
            if "%" in one.name
            or re.fullmatch(r"\.?(FORCE|ALWAYS\w*|PHONY)", name, re.IGNORECASE)
        }

    def _places(self, makefile: Makefile, name: str) -> Iterator[Hit]:
        for path, text in makefile.texts.items():
            for line in text.logical:
                if ".PHONY" in line.targets and name in line.needs:
                    physical = text.lines[line.number - 1 : line.number - 1 + line.count]
                    at = next((n for n, one in enumerate(physical) if name in one.split()), 0)
                    what = f"`make {name}` says 'Nothing to be done' and exits with 0."
                    yield Hit(path, line.number + at, what)
