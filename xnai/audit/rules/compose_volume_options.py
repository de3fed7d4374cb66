"""Options of a volume behind a comma where a colon belongs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.model import Fix, Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_OPTIONS = r"(?:U|z|Z|ro|rw|O|idmap|r?shared|r?slave|r?private|cached|delegated|consistent)"


class ComposeVolumeOptions(Rule):
    """src:dst,U instead of src:dst:U."""

    id = "compose_volume_options"
    severity = "error"
    title = "volume options behind a comma"
    remedy = "Write source:target:options; the comma stands between options only."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each such volume, with the colon as a fix."""
        for file in tree.composes:
            for service in file.services:
                for mount in service.mounts:
                    match = re.search(rf"(.*?),({_OPTIONS}(?:,{_OPTIONS})*)", mount.target)
                    if match and match[0] == mount.target:
                        line = file.lines[mount.line - 1]
                        mended = line.replace(mount.target, f"{match[1]}:{match[2]}", 1)
                        yield Hit(
                            file.path, mount.line,
                            f"The volume is mounted at a directory named '{mount.target}'.",
                            Fix(mount.line, mount.line, (mended,)) if mended != line else None,
                        )
