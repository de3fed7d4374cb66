"""Tests and builds whose failure is thrown away."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.makefile import Makefile, RecipeText
from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

# What people look at the exit code of. Removing and stopping may well fail.
_MATTERS = (
    r"(?:pytest|tox|nox|unittest|mypy|ruff|flake8|pylint|black|isort|shellcheck|hadolint|"
    r"npm\s+(?:ci|install|test|run)|yarn|go\s+(?:test|build|vet)|cargo\s+(?:test|build|clippy)|"
    r"pip\s+install|uv\s+(?:pip\s+install|sync)|(?:docker|podman)\s+build|"
    r"(?:docker[ -]compose|podman-compose)\s[^;&|]*\b(?:up|build)|alembic\s+upgrade|bandit|trivy)"
)
_MASKED = re.compile(
    rf"(?:^|[\s;&|(/]){_MATTERS}\b(?:[^;&|\n]|\\\n)*"
    r"\|\|\s*(true|:|echo\b[^;&|]*)\s*(?:$|[;)])"
)


class MakeMaskedFailure(Rule):
    """A check, a build or an installation that cannot fail."""

    id = "make_masked_failure"
    severity = "warning"
    title = "failure is masked"
    remedy = "Let it fail: drop '|| true' and the leading '-'. Where a failure is fine, say why."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each masked command once a line."""
        for makefile in tree.makefiles:
            seen = set()
            for one in makefile.commands:
                what = self._masked(makefile, one)
                if what and (one.path, one.line) not in seen:
                    seen.add((one.path, one.line))
                    yield Hit(one.path, one.line, what)

    def _masked(self, makefile: Makefile, one: RecipeText) -> str:
        match = _MASKED.search(one.text)
        if match:
            return f"'{one.target}' succeeds though it failed: '|| {match[1].strip()}'."
        ignored = re.match(r"[@+]*-", one.raw)
        if ignored and re.search(rf"(?:^|[\s;&|(/]){_MATTERS}\b", one.text):
            return f"'{one.target}' goes on though it failed: the line begins with '-'."
        return ""
