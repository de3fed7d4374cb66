"""Recipes that call scripts which are not there."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.recipe_texts import depends_on_output, of_makefile
from xnai.audit.rule import Rule
from xnai.audit.shell_words import Command, commands
from xnai.audit.tree import Tree

_SCRIPT = re.compile(r"[\w./-]+\.(sh|bash|py|pl|rb|js|ts|mjs|cjs)")
_INTERPRETERS = re.compile(r"(ba|da|z)?sh|python[\d.]*|perl|ruby|node|source|\.")


def _moved(folder: str | None, command: Command) -> str | None:
    """The directory after a cd, or None where it cannot be told."""
    where = command.words[1] if len(command.words) == 2 else "$"
    if folder is None or re.search(r"[$*?~`]", where) or where.startswith("/"):
        return None
    return posixpath.normpath(posixpath.join(folder, where))


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
        missing: dict[tuple[str, int, str], str] = {}
        there = set()
        for makefile in tree.makefiles:
            made = {posixpath.normpath(one.name) for one in makefile.data.targets}
            for one in of_makefile(makefile):
                if depends_on_output(makefile, one.raw):
                    continue
                folder: str | None = makefile.directory
                for command in commands(one.text):
                    if command.name == "cd":
                        folder = _moved(folder, command)
                    script = _script(command)
                    if folder is None or not script or posixpath.normpath(script) in made:
                        continue
                    key = (one.path, one.line, script)
                    if tree.has(posixpath.join(folder, script)) or _written(one.text, script):
                        there.add(key)
                    else:
                        missing[key] = one.target
        for (path, line, script), target in missing.items():
            if (path, line, script) not in there:
                yield Hit(path, line, f"'{target}' calls {script}: no such file.")
