"""Passwords that everybody knows."""

from __future__ import annotations

from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.passwords import SECRET_NAME, defaults, documents, shell_scripts
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree


class DefaultPassword(Rule):
    """changeme and its kind, as a value or as a default."""

    id = "default_password"
    severity = "warning"
    title = "default password"
    remedy = "Demand it (${NAME:?set it in .env}), or let the setup make one: openssl rand -hex 24."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield them in Makefiles, compose files and scripts; info in examples and documents."""
        for path, text in tree.make_texts.items():
            for one in defaults(text):
                yield Hit(path, one.line, one.what)
        for file in tree.composes:
            for one in defaults("\n".join(file.lines)):
                if SECRET_NAME.search(file.lines[one.line - 1]) or "://" in one.what:
                    yield Hit(file.path, one.line, one.what)
        for path, text in shell_scripts(tree):
            for one in defaults(text):
                yield Hit(path, one.line, one.what)
        for path, text in (*documents(tree), *(
            (path, tree.text(path)) for path in sorted(tree.files)
            if path.rpartition("/")[2].startswith((".env", "env.")) and path not in tree.make_texts
        )):
            for one in defaults(text):
                yield Hit(path, one.line, one.what, severity="info")
