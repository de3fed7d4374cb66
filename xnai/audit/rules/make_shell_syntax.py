"""Recipes that the shell cannot read."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence

from xnai.audit.makefile import RecipeText, references
from xnai.audit.model import Hit
from xnai.audit.recipe_texts import recipe_texts
from xnai.audit.rule import Rule
from xnai.audit.shell_syntax import syntax_errors
from xnai.audit.tree import Tree
from xnai.diagnostics.finding import Unknown


def refused(tree: Tree, bash: str) -> dict[tuple[str, str], list[tuple[RecipeText, str]]]:
    """Return (path, target) -> its commands that bash refuses, each with bash's complaint."""
    # What the user is to give on the command line is empty here.
    given = {
        match[1] for makefile in tree.makefiles for one in makefile.messages
        if (match := re.fullmatch(r"warning: undefined variable '(.*)'", one.text))
    }
    texts = [one for one in recipe_texts(tree) if not given.intersection(references(one.raw))]
    found: dict[tuple[str, str], list[tuple[RecipeText, str]]] = {}
    for number, said in sorted(syntax_errors(bash, [one.text for one in texts]).items()):
        one = texts[number]
        found.setdefault((one.path, one.target), []).append((one, said))
    return found


def _joined(tree: Tree, bash: str, path: str, target: str) -> str | None:
    """What bash says of a whole recipe read as one text; None where there is none."""
    lines = [one.text for one in recipe_texts(tree) if (one.path, one.target) == (path, target)]
    text = "\n".join(re.sub(r"\\$", "", line) for line in lines)
    return syntax_errors(bash, [text]).get(0, "") if lines else None


def _what(
    tree: Tree, bash: str, target: str, some: Sequence[tuple[RecipeText, str]]
) -> tuple[int, str]:
    """The line and the words of a target's one finding."""
    one, said = some[0]
    match = re.match(r".*?line (\d+): (.*)", said)
    # An end that never comes is found behind the last line.
    below = min(int(match[1]) - 1, one.text.count("\n")) if match else 0
    text = match[2] if match else said
    if len(some) > 1 and _joined(tree, bash, one.path, target) == "":
        return one.line, (
            f"'{target}': each line is a shell of its own, and {len(some)} of them are torn "
            f"({text}). Joined they are right: their lines lack the \\ at the end."
        )
    more = f" {len(some) - 1} more lines of this recipe are refused." if len(some) > 1 else ""
    return one.line + below, f"'{target}': {text}.{more}"


class MakeShellSyntax(Rule):
    """An expanded recipe that `bash -n` refuses."""

    id = "make_shell_syntax"
    severity = "error"
    title = "recipe has a shell syntax error"
    remedy = "Mend it. Each line of a recipe is a shell of its own: join lines with ; and \\."

    def check(self, tree: Tree) -> Iterator[Hit | Unknown]:
        """Ask bash, which with -n reads and runs nothing; one hit a recipe."""
        if not tree.makefiles:
            return
        bash = shutil.which("bash")
        if bash is None:
            yield Unknown("bash", "bash is not installed", "sudo apt-get install bash")
            return
        for (path, target), some in refused(tree, bash).items():
            line, what = _what(tree, bash, target, some)
            yield Hit(path, line, what)
