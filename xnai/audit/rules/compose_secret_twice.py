"""Secrets that are given in two ways."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_SECRET = re.compile(r".*(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY)")


class ComposeSecretTwice(Rule):
    """NAME beside NAME_FILE, or beside a secret of the same name."""

    id = "compose_secret_twice"
    severity = "warning"
    title = "secret is given twice"
    remedy = "Keep the file (NAME_FILE: /run/secrets/…) and drop the value from environment."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield the environment's line of each pair."""
        for file in tree.composes:
            for service in file.services:
                secrets = {name.lower().replace("-", "_") for name in self._secrets(service.data)}
                for name, (_, line) in service.environment.items():
                    if not _SECRET.fullmatch(name):
                        continue
                    if f"{name}_FILE" in service.environment:
                        what = f"{service.name}: {name} and {name}_FILE: images refuse both."
                        yield Hit(file.path, line, what)
                    elif name.lower() in secrets:
                        what = (
                            f"{service.name}: {name} stands in the environment, which every "
                            "inspect shows, beside the secret of that name."
                        )
                        yield Hit(file.path, line, what)

    def _secrets(self, data: object) -> list[str]:
        value = data.get("secrets") if hasattr(data, "get") else None
        return [
            str(one.get("source", "")) if isinstance(one, dict) else str(one)
            for one in value or ()
        ] if isinstance(value, list) else []
