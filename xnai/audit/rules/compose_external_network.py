"""Networks that somebody else must have made."""

from __future__ import annotations

from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree


class ComposeExternalNetwork(Rule):
    """external: true on a network that no makefile makes."""

    id = "compose_external_network"
    severity = "info"
    title = "network must exist before"
    remedy = "Make it in the documented start (docker network create NAME), or let compose make it."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield external networks that no makefile names beside `network create`."""
        texts = "\n".join(tree.make_texts.values())
        for file in tree.composes:
            for name, value in file.section("networks").items():
                if not isinstance(value, dict) or value.get("external") not in {"true", "yes"}:
                    continue
                real = str(value.get("name") or name)
                if "network create" in texts and real in texts:
                    continue
                line = file.places.get(("networks", name, "external"), 1)
                yield Hit(file.path, line, f"Without the network '{real}' nothing starts.")
