"""Variables that nobody sets."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from xnai.audit.compose import ComposeFile
from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_VARIABLE = re.compile(r"(?<!\$)\$(?:\{(\w+)\}|([A-Za-z_]\w*))")
_ENVIRONMENT = re.compile(r"HOME|USER|PWD|UID|GID|HOSTNAME|PATH|SHELL|LOGNAME|DISPLAY|TZ|LANG|"
                          r"XDG_\w+|CI|GOPATH|GITHUB_\w+|SSH_AUTH_SOCK|COMPOSE_\w+|DOCKER_\w+|PUID|PGID|"
                          r"(CIRCLE|TRAVIS|BUILDKITE|JENKINS|GITLAB|CI|DRONE|APPVEYOR)_\w+")


def _handed_on(key: tuple[str | int, ...], text: str, name: str) -> bool:
    """Whether the caller's variable is handed on under its name, empty or not."""
    same = re.fullmatch(rf"(\d+=)?{name}=\$\{{?{name}\}}?", f"{key[-1]}={text}")
    return bool(same and {"environment", "args"} & set(key))


class ComposeUnsetVariable(Rule):
    """${NAME} without a default, in no .env and set by no makefile."""

    id = "compose_unset_variable"
    severity = "warning"
    title = "variable without a value"
    remedy = (
        "Give a default (${NAME:-value}), demand it (${NAME:?why}), or name it in .env.example."
    )

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each variable once a file."""
        for file in tree.composes:
            known = self._known(tree, file)
            seen = set[str]()
            for key, text, line in file.scalars():
                for match in _VARIABLE.finditer(text):
                    name = match[1] or match[2]
                    # A block text such as an inline script has lines of its own.
                    if name in known | seen or _ENVIRONMENT.fullmatch(name) or "\n" in text \
                            or key[0] == "x-scripts" or _handed_on(key, text, name):
                        continue
                    seen.add(name)
                    yield Hit(file.path, line, f"${{{name}}} is empty unless somebody exports it.")

    def _known(self, tree: Tree, file: ComposeFile) -> set[str]:
        """Names that files beside it, at the root, or the makefiles set."""
        found: set[str] = set()
        for path in tree.files:
            name = posixpath.basename(path)
            near = posixpath.dirname(path) in {file.directory, ""}
            if near and re.fullmatch(r"\.?env([.-].*)?|.*\.env", name):
                found.update(re.findall(r"(?m)^\s*#?\s*(?:export\s+)?(\w+)\s*=", tree.text(path)))
        # Documents that show NAME=value tell the user to set it.
        for text in (*tree.make_texts.values(), tree.scripts):
            found.update(re.findall(r"(\w+)\s*[:?+]?=", text))
        # Demanded elsewhere in the file: without it nothing starts.
        found.update(re.findall(r"\$\{(\w+):?\?", "\n".join(file.lines)))
        # A workflow's env: has NAME: value.
        found.update(re.findall(r"(?m)^\s+([A-Z][A-Z0-9_]+):\s", tree.scripts))
        return found
