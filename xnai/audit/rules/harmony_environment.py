"""Environment names that the compose file sets and the code reads under another name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from xnai.audit.compose import ComposeFile, ComposeService
from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_READ = re.compile(
    r"(?:environ(?:\.get)?\s*[\[(]|getenv\s*\(|process\.env\.|process\.env\[|Getenv\(|LookupEnv\(|"
    r"env::var\(|ENV\[|\$\{?)\s*[\"']?([A-Z][A-Z0-9_]{3,})"
)
_CODE = re.compile(
    r".*\.(py|js|mjs|cjs|ts|tsx|go|rs|rb|php|java|kt|sh|toml|ini|cfg|ya?ml|conf|json)"
)
MAX_FILES = 400


class HarmonyEnvironment(Rule):
    """A name that the service's code never has, beside one much like it that it reads."""

    id = "harmony_environment"
    severity = "warning"
    title = "environment name differs from what the code reads"
    remedy = "Give both the same name."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield names that compose sets for services built from the tree's own code."""
        for file in tree.composes:
            for service in file.services:
                code = self._code(tree, file, service)
                wanted = set(_READ.findall(code)) - set(service.environment)
                for name, (_, line) in service.environment.items():
                    # Settings classes read the name in small letters.
                    if not code or name in code or name.lower() in code:
                        continue
                    near = difflib.get_close_matches(name, sorted(wanted), 1, 0.8)
                    if near:
                        yield Hit(
                            file.path, line,
                            f"{service.name}: {name} is set; its code reads {near[0]}, which is "
                            "not.",
                        )

    def _code(self, tree: Tree, file: ComposeFile, service: ComposeService) -> str:
        """All code in the build context, up to a number of files."""
        build = service.build
        if build is None or file.dockerfile(service) is None:
            return ""
        context = file.near(build.get("context", "."))
        prefix = "" if context == "." else f"{context}/"
        own = [
            path for path in sorted(tree.files)
            if path.startswith(prefix) and _CODE.fullmatch(path) and path != file.path
            and "compose" not in path
        ]
        # Half of a large context would make half of the names unread.
        return "\n".join(map(tree.text, own)) if len(own) <= MAX_FILES else ""
