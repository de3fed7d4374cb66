"""Users that the compose file and the Dockerfile name differently."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.rules.docker_uid_drift import uid
from xnai.audit.tree import Tree


class HarmonyUid(Rule):
    """user: with another number than the Dockerfile's USER."""

    id = "harmony_uid"
    severity = "warning"
    title = "compose and Dockerfile name different users"
    remedy = "Drop user: from the compose file, or give both the same number."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield services whose number is not the image's."""
        for file in tree.composes:
            for service in file.services:
                built = tree.dockerfile(file.dockerfile(service))
                match = re.match(r"(\d+)(:|$)", service.text("user"))
                found = uid(built) if built else None
                if match and found and built and int(match[1]) != found[0]:
                    yield Hit(
                        file.path, service.line("user"),
                        f"{service.name}: UID {match[1]} here, {found[0]} in {built.path}:"
                        f"{found[1]}: files that the image owns cannot be written.",
                    )
