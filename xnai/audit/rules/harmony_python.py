"""Python versions that differ within a stack."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree


class HarmonyPython(Rule):
    """Images of one compose file on different Pythons."""

    id = "harmony_python"
    severity = "warning"
    title = "Python versions differ"
    remedy = "Use one version in all images of a stack, from one base image."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield the FROM lines that differ from what most of a stack's images use."""
        for compose in tree.composes:
            built = {compose.dockerfile(service) for service in compose.services}
            found: dict[tuple[str, int], str] = {}
            for file in tree.dockerfiles:
                for stage in file.stages if file.path in built else ():
                    match = re.search(r"(?:^|/)python:(3\.\d+)", stage.base)
                    if match:
                        found[file.path, stage.line] = match[1]
            counts = Counter(found.values())
            if len(counts) > 1:
                usual = counts.most_common(1)[0][0]
                for (path, line), version in found.items():
                    if version != usual:
                        yield Hit(
                            path, line,
                            f"Python {version} here, {usual} in most images of {compose.path}: "
                            "locks and wheels do not fit both.",
                        )
