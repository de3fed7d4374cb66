"""Published ports that the image does not listen on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree


class HarmonyPort(Rule):
    """ports: of a number that the service's own Dockerfile does not EXPOSE."""

    id = "harmony_port"
    severity = "warning"
    title = "published port is not the image's"
    remedy = "Make both say the same: EXPOSE in the Dockerfile, ports in the compose file."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield them where the Dockerfile exposes something, and nothing of that number."""
        for file in tree.composes:
            for service in file.services:
                built = tree.dockerfile(file.dockerfile(service))
                # EXPOSE speaks of what the image starts by itself.
                if built is None or {"command", "entrypoint"} & set(service.data):
                    continue
                exposed = {
                    word.partition("/")[0] for stage in built.lineage(built.last)
                    for one in stage.all("EXPOSE") for word in one.words
                }
                if not exposed or any("$" in word or "-" in word for word in exposed):
                    continue
                both = exposed.intersection(map(str, service.ports))
                for port, line in service.ports.items():
                    if str(port) not in exposed and str(port) not in str(service.environment) \
                            and not (both and self._names(tree, file.context(service), port)):
                        yield Hit(
                            file.path, line,
                            f"{service.name}: port {port} is published, {built.path} exposes "
                            f"{', '.join(sorted(exposed))}.",
                        )

    def _names(self, tree: Tree, context: str, port: int) -> bool:
        """Whether the code names a port: beside its own, a program may open a debugger's."""
        prefix = "" if context == "." else f"{context}/"
        return any(
            path.startswith(prefix) and re.search(
                rf"(?im)^.*(?:port|listen|bind|addr|serve|inspect|debug).*(?<![\d.]){port}(?![\d.])|"
                rf":{port}(?!\d)", text
            )
            for path, text in tree.programs.items()
        )
