"""Recipes that call scripts which are not there."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from xnai.audit.compose_calls import moved
from xnai.audit.makefile import RecipeText
from xnai.audit.model import Hit, RuleSeverity
from xnai.audit.recipe_texts import depends_on_output
from xnai.audit.rule import Rule
from xnai.audit.shell_words import Command, commands
from xnai.audit.tree import Tree

_SCRIPT = re.compile(r"[\w./-]+\.(sh|bash|py|pl|rb|js|ts|mjs|cjs)")
_INTERPRETERS = re.compile(r"(ba|da|z)?sh|python[\d.]*|perl|ruby|node|source|\.")


def _script(command: Command) -> str:
    """The script that a command runs, or nothing."""
    first, *rest = command.words
    if _INTERPRETERS.fullmatch(command.name):
        while rest and rest[0].startswith("-"):
            if rest[0] in {"-c", "-m", "-e", "-"}:
                return ""
            rest = rest[1:]
        first = rest[0] if rest else ""
    elif "/" not in first:
        return ""
    return first if _SCRIPT.fullmatch(first) and not first.startswith("/") else ""


def _written(text: str, script: str) -> bool:
    """Whether the same recipe fetches or writes the script before it calls it."""
    writes = r"(>|-o|-O|--output|cp|mv|curl|wget|git clone)"
    return bool(re.search(rf"{writes}[^\n]*{re.escape(script)}", text))


def _asked_for(text: str, script: str) -> bool:
    """Whether the recipe asks first whether the script, or a directory above it, is there."""
    path = posixpath.normpath(script)
    parents = {path, posixpath.basename(path)}
    while "/" in path:
        path = posixpath.dirname(path)
        parents.add(path)
    names = "|".join(re.escape(one) for one in sorted(parents - {"", ".", ".."}))
    return bool(re.search(
        rf"(?:(?:\[|\btest)\s+(?:!\s+)?-[efxrsdL]|\b(?:ls|stat|command -v|which))\s+"
        rf"[\"']?(?:\$\S*/|\./)*(?:{names})(?![\w-])", text
    ))


def _severity(one: RecipeText, command: Command) -> RuleSeverity | None:
    """A call whose failure the recipe provides for stops nothing."""
    provided = command.after == "||" or re.match(r"[@+]*-", one.raw)
    return "info" if provided else None


class MakeMissingFile(Rule):
    """A script that a recipe runs and neither the tree has nor a target makes."""

    id = "make_missing_file"
    severity = "error"
    title = "recipe calls a file that does not exist"
    remedy = "Add the file, or mend its path: it counts from the Makefile's own directory."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each call of a missing script once a line.

        An included file runs in several directories; a script counts as missing where all lack it.
        """
        missing: dict[tuple[str, int, str], tuple[str, RuleSeverity | None]] = {}
        there = set()
        for makefile in tree.makefiles:
            made = {posixpath.normpath(one.name) for one in makefile.data.targets}
            for one in makefile.commands:
                if depends_on_output(makefile, one.raw):
                    continue
                folder: str | None = makefile.directory
                for command in commands(one.text):
                    if command.name == "cd":
                        folder = moved(folder, command)
                    script = _script(command)
                    if folder is None or not script or posixpath.normpath(script) in made:
                        continue
                    key = (one.path, one.line, script)
                    if tree.has(posixpath.join(folder, script)) or _written(one.text, script) \
                            or _asked_for(one.text, posixpath.join(folder, script)):
                        there.add(key)
                    else:
                        missing[key] = one.target, _severity(one, command)
        for (path, line, script), (target, severity) in missing.items():
            if (path, line, script) not in there:
                what = f"'{target}' calls {script}: no such file."
                yield Hit(path, line, what, severity=severity)
