"""One package in different versions in the services of a stack."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_PIN = re.compile(r"([A-Za-z][\w.-]*)(?:\[[^\]]*\])?\s*==\s*([\w.!+-]+)\s*(\\|;.*|#.*)?")


class HarmonyRequirements(Rule):
    """Exact pins that differ between requirements files."""

    id = "harmony_requirements"
    severity = "info"
    title = "package is pinned to different versions"
    remedy = "Pin it to one version in all services, or say why one stays behind."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield the pins that are not the newest of their package."""
        pins: dict[str, list[tuple[tuple[int, ...], str, str, int]]] = defaultdict(list)
        for path in sorted(tree.files):
            name = posixpath.basename(path)
            # What tests and tools of developers need does not run together.
            if not re.fullmatch(r"requirements[\w.-]*\.txt", name) or re.search(
                r"dev|test|lint|docs?\b", path
            ):
                continue
            for number, line in enumerate(tree.text(path).split("\n"), 1):
                # Two markers on one package are two pins for two platforms.
                match = _PIN.fullmatch(line.strip())
                if match and ";" not in line:
                    key = re.sub(r"[-_.]+", "-", match[1]).lower()
                    order = tuple(int(part) for part in re.findall(r"\d+", match[2]))
                    pins[key].append((order, match[2], path, number))
        for key, found in pins.items():
            newest = max(found)
            for _, version, path, number in found:
                if version != newest[1]:
                    what = f"{key} {version} here, {newest[1]} in {newest[2]}:{newest[3]}."
                    yield Hit(path, number, what)
