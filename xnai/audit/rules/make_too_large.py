"""Makefiles that have outgrown make."""

from __future__ import annotations

from collections.abc import Iterator

from xnai.audit.makefile import Makefile
from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

LINES = 500
TARGETS = 60


class MakeTooLarge(Rule):
    """A verdict about size, with what a move would cost."""

    id = "make_too_large"
    severity = "info"
    title = "larger than a Makefile of commands should be"
    remedy = (
        "Move long recipes into scripts/ first (no new tool, each can be checked and tested); see "
        "make_too_large.md for what just, Taskfile, Nix and Bazel would cost."
    )

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield one hit a Makefile that is over a limit and mostly runs commands."""
        for makefile in tree.makefiles:
            lines = sum(len(text.lines) for text in makefile.texts.values())
            recipes = [one for one in makefile.targets if one.recipe]
            if lines > LINES or len(recipes) > TARGETS:
                yield Hit(makefile.path, 1, self._verdict(makefile, lines))

    def _verdict(self, makefile: Makefile, lines: int) -> str:
        recipes = [one for one in makefile.targets if one.recipe]
        commands = sum(one.phony for one in recipes)
        long = sum(len(one.recipe) + "\n".join(one.recipe).count("\n") > 10 for one in recipes)
        kind = (
            f"{commands} of them phony: it is a list of commands, and just or Taskfile would hold "
            "it with less quoting" if commands * 2 > len(recipes) else
            f"only {commands} of them phony: it builds files, which just and Taskfile do worse"
        )
        return (
            f"{lines} lines, {len(recipes)} targets (limits {LINES} and {TARGETS}), {kind}. "
            f"{long} recipes are over 10 lines and belong into scripts."
        )
