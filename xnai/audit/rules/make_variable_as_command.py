"""Variables of make's that a recipe hands to the shell as commands."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.makefile import Makefile
from xnai.audit.model import Fix, Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_CALL = re.compile(r"(\$\$)(\(\s*|`\s*)([A-Z_][A-Z0-9_]*)(?=[\s)])")


def _fix(makefile: Makefile, path: str, line: int, name: str) -> Fix | None:
    text = makefile.texts[path].lines[line - 1]
    mended = re.sub(rf"\$\$\(\s*{name}\)", f"$({name})", text)
    # $$(NAME --option) was to be the output of the program in NAME.
    mended = re.sub(rf"\$\$\(\s*{name}(?=\s)", f"$$$$($({name})", mended)
    return Fix(line, line, (mended,)) if mended != text else None


class MakeVariableAsCommand(Rule):
    """$$(NAME), where NAME is a variable of the Makefile's."""

    id = "make_variable_as_command"
    severity = "error"
    title = "make's variable is run as a shell command"
    remedy = "Write $(NAME): with two dollars the shell looks for a program of that name."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each such call at its line."""
        seen = set()
        for makefile in tree.makefiles:
            own = {line.name for text in makefile.texts.values() for line in text.logical
                   if line.kind == "assignment"}
            for one in makefile.commands:
                for match in _CALL.finditer(one.raw):
                    name = match[3]
                    text = makefile.texts.get(one.path)
                    # A shell function, or a program in capitals.
                    if name not in own or not text or re.search(rf"\b{name}\s*\(\)", one.raw):
                        continue
                    needle = match[0]
                    line = next((number for number in range(one.line, one.line + 40)
                                 if number <= len(text.lines)
                                 and needle in text.lines[number - 1]), one.line)
                    if (one.path, line, name) not in seen:
                        seen.add((one.path, line, name))
                        what = f"'{one.target}': $$({name}) is 'command not found' to the shell."
                        yield Hit(one.path, line, what, _fix(makefile, one.path, line, name))
