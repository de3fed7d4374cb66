"""Bind mounts from /tmp."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree


class ComposeTmpSource(Rule):
    """A source below /tmp or /var/tmp, X11's socket left out."""

    id = "compose_tmp_source"
    severity = "warning"
    title = "mounted from /tmp"
    remedy = "Use a named volume, or tmpfs: for what may vanish."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each such mount."""
        for file in tree.composes:
            for service in file.services:
                for mount in service.mounts:
                    # /tmp itself is handed on where several are to share it as it is.
                    if re.match(r"(/var)?/tmp/(?!\.X11-unix).", mount.source):
                        yield Hit(
                            file.path, mount.line,
                            f"{mount.source} is emptied at a reboot and may be made by any user.",
                        )
