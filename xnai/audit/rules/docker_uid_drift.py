"""Images of one stack that run as different users."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from xnai.audit.compose import ComposeFile
from xnai.audit.dockerfile import Dockerfile
from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree


def uid(file: Dockerfile) -> tuple[int, int] | None:
    """Return the number of the user that an image runs as and its line, where it is written."""
    made: tuple[int, int] | None = None
    for stage in reversed(file.lineage(file.last)):
        for one in stage.instructions:
            match = re.search(r"\b(?:useradd|adduser)\b[^;&|]*?(?:-u|--uid)[= ]?(\d+)", one.text)
            if one.name == "RUN" and match:
                made = int(match[1]), file.line_of(one, match[1])
            if one.name == "USER" and re.match(r"\d+", one.text):
                made = int(one.text.partition(":")[0]), one.first
            elif one.name == "USER" and one.text.partition(":")[0] == "root":
                made = 0, one.first
    return made


def _shared(tree: Tree, compose: ComposeFile, path: str, number: int) -> str:
    """A volume that the image of `path` shares with one of another number; empty without one."""
    numbers: dict[str, set[int]] = {}
    mine = set[str]()
    for service in compose.services:
        built = tree.dockerfile(compose.dockerfile(service))
        found = uid(built) if built else None
        for mount in service.mounts if found and not service.text("user") else ():
            if mount.source and "ro" not in mount.options:
                numbers.setdefault(mount.source, set()).add(found[0] if found else 0)
                mine |= {mount.source} if built and built.path == path else set()
    return next((name for name in sorted(mine) if numbers[name] - {number}), "")


class DockerUidDrift(Rule):
    """Numbers of users that differ between the images that one compose file builds."""

    id = "docker_uid_drift"
    severity = "warning"
    title = "images run as different users"
    remedy = "Use one UID in all images of a stack, from one base image."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield the files that differ from most of a stack's; info where no volume is shared."""
        for compose in tree.composes:
            built = {compose.dockerfile(service) for service in compose.services}
            found = {
                file.path: one for file in tree.dockerfiles if file.path in built
                for one in [uid(file)] if one and one[0] > 0
            }
            counts = Counter(number for number, _ in found.values())
            if len(counts) > 1:
                usual = counts.most_common(1)[0][0]
                for path, (number, line) in found.items():
                    if number != usual:
                        volume = _shared(tree, compose, path, number)
                        end = (f"the files of {volume}, which they share, belong to one of them"
                               if volume else "a volume that they share would belong to one")
                        yield Hit(
                            path, line, f"UID {number} here, {usual} in the other images of "
                            f"{compose.path}: {end}.", severity=None if volume else "info",
                        )
