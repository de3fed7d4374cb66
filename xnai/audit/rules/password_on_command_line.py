"""Passwords that commands get as arguments."""

from __future__ import annotations

from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.passwords import documents, on_command_lines, shell_scripts
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree


class PasswordOnCommandLine(Rule):
    """redis-cli -a, psql postgresql://user:pass@, mysql -p and the like."""

    id = "password_on_command_line"
    severity = "warning"
    title = "password on a command line"
    remedy = "Hand it over in a file or in the environment of that one program."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield them in Makefiles, compose files and scripts; info in documents."""
        for path, text in (*tree.make_texts.items(), *shell_scripts(tree), *(
            (file.path, _joined(file.lines)) for file in tree.composes
        )):
            for one in on_command_lines(text):
                yield Hit(path, one.line, one.what)
        for path, text in documents(tree):
            for one in on_command_lines(text):
                yield Hit(path, one.line, one.what, severity="info")


def _joined(lines: tuple[str, ...]) -> str:
    """The text with the quotes and commas of lists on one line taken out."""
    return "\n".join(
        line.replace('", "', " ").replace('","', " ").replace("', '", " ")
        if "[" in line else line for line in lines
    )
