"""Options of a volume behind a comma where a colon belongs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.compose import ComposeFile, Mount
from xnai.audit.model import Fix, Hit
from xnai.audit.podman_compose import VERSION
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_OPTIONS = r"(?:U|z|Z|ro|rw|O|idmap|r?shared|r?slave|r?private|cached|delegated|consistent)"
_PODMANS = frozenset({"U", "O", "idmap"})


def _hit(file: ComposeFile, mount: Mount, place: str, options: str, podman: bool) -> Hit:
    named = bool(mount.source) and not mount.is_bind
    if named and (podman or _PODMANS & set(options.split(","))):
        # podman-compose hands a named volume on by --mount, where the comma is podman's own.
        return Hit(
            file.path, mount.line,
            f"podman-compose {VERSION} hands ',{options}' on to podman, which takes it as an "
            f"option; Docker mounts at a directory named '{mount.target}'. With a colon "
            "podman-compose loses U: leave it where Podman alone is used.", severity="info",
        )
    line = file.lines[mount.line - 1]
    mended = line.replace(mount.target, f"{place}:{options}", 1)
    return Hit(
        file.path, mount.line, f"The volume is mounted at a directory named '{mount.target}'.",
        Fix(mount.line, mount.line, (mended,)) if mended != line else None,
    )


class ComposeVolumeOptions(Rule):
    """src:dst,U instead of src:dst:U."""

    id = "compose_volume_options"
    severity = "error"
    title = "volume options behind a comma"
    remedy = "Write source:target:options; the comma stands between options only."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each such volume, with the colon as a fix where it changes what is right."""
        for file in tree.composes:
            for service in file.services:
                for mount in service.mounts:
                    match = re.search(rf"(.*?),({_OPTIONS}(?:,{_OPTIONS})*)", mount.target)
                    if match and match[0] == mount.target:
                        yield _hit(file, mount, match[1], match[2], tree.uses_podman)
