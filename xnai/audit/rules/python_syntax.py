"""Python that does not parse."""

from __future__ import annotations

from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.python_code import all_code, wrong
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree
from xnai.diagnostics.finding import Unknown


class PythonSyntax(Rule):
    """Code behind `python -c`, or a .py file that an image copies, with a syntax error."""

    id = "python_syntax"
    severity = "error"
    title = "Python code does not parse"
    remedy = "Mend it; `python3 -m py_compile FILE` names the place."

    def check(self, tree: Tree) -> Iterator[Hit | Unknown]:
        """Ask Python's own parser, which runs nothing of it."""
        seen = set()
        for one in wrong(all_code(tree)):
            if isinstance(one, Unknown):
                yield one
                continue
            code, line, said = one
            if (code.path, line) not in seen:
                seen.add((code.path, line))
                yield Hit(code.path, line, f"{code.who} fails as soon as it reads this: "
                          f"SyntaxError: {said}.")
