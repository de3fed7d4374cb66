"""Real secrets in examples of environment files."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.passwords import SECRET_NAME, looks_real
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_EXAMPLE = re.compile(r"\.?env[\w.-]*(example|sample|template|dist|default)[\w.-]*|"
                      r"[\w.-]*(example|sample|template|dist|default)[\w.-]*\.env|env\.example")
_LINE = re.compile(r"\s*#?\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(\S.*?)\s*(?:\s#.*)?")


class SecretInExample(Rule):
    """A key that looks real in .env.example, which everybody gets with the source."""

    id = "secret_in_example"
    severity = "warning"
    title = "a secret stands in an example"
    remedy = "Withdraw that secret where it was issued, and put a placeholder here."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each line with one."""
        for path in sorted(tree.files):
            if not _EXAMPLE.fullmatch(posixpath.basename(path)):
                continue
            for number, line in enumerate(tree.text(path).split("\n"), 1):
                match = _LINE.fullmatch(line)
                if match and SECRET_NAME.search(match[1]) and looks_real(match[2]):
                    what = (f"{match[1]} has a value that looks real: whoever has this file has "
                            "the secret, and each copy of it the same one.")
                    yield Hit(path, number, what)
