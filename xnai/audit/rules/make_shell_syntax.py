"""Recipes that the shell cannot read."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

from xnai.audit.makefile import references
from xnai.audit.model import Hit
from xnai.audit.recipe_texts import recipe_texts
from xnai.audit.rule import Rule
from xnai.audit.shell_syntax import syntax_errors
from xnai.audit.tree import Tree
from xnai.diagnostics.finding import Unknown


class MakeShellSyntax(Rule):
    """An expanded recipe that `bash -n` refuses."""

    id = "make_shell_syntax"
    severity = "error"
    title = "recipe has a shell syntax error"
    remedy = "Mend it. Each line of a recipe is a shell of its own: join lines with ; and \\."

    def check(self, tree: Tree) -> Iterator[Hit | Unknown]:
        """Ask bash, which with -n reads and runs nothing."""
        if not tree.makefiles:
            return
        bash = shutil.which("bash")
        if bash is None:
            yield Unknown("bash", "bash is not installed", "sudo apt-get install bash")
            return
        # What the user is to give on the command line is empty here.
        given = {
            match[1] for makefile in tree.makefiles for one in makefile.messages
            if (match := re.fullmatch(r"warning: undefined variable '(.*)'", one.text))
        }
        texts = [one for one in recipe_texts(tree) if not given.intersection(references(one.raw))]
        for number, said in sorted(syntax_errors(bash, [one.text for one in texts]).items()):
            one = texts[number]
            match = re.match(r".*?line (\d+): (.*)", said)
            # An end that never comes is found behind the last line.
            below = min(int(match[1]) - 1, one.text.count("\n")) if match else 0
            what = match[2] if match else said
            yield Hit(one.path, one.line + below, f"'{one.target}': {what}.")
