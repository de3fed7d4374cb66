"""Recipes that name services which no compose file has."""

from __future__ import annotations

import difflib
import posixpath
import re
from collections.abc import Iterator

from xnai.audit.compose_calls import compose_calls, may_be_made
from xnai.audit.model import Hit
from xnai.audit.recipe_texts import depends_on_output
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree


class MakeUnknownService(Rule):
    """A service's name in a call of compose that the tree's compose files do not define."""

    id = "make_unknown_service"
    severity = "error"
    title = "no compose file has this service"
    remedy = "Mend the name, or add the service to a compose file."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each unknown name once a line."""
        # With include or extends others' files belong to it.
        if not tree.composes or any("include" in one.data for one in tree.composes):
            return
        for makefile in tree.makefiles:
            seen = set()
            for one in makefile.commands:
                if depends_on_output(makefile, one.raw):
                    continue
                for call in compose_calls(one.text):
                    paths = [posixpath.normpath(posixpath.join(makefile.directory, path))
                             for path in call.files]
                    if any(not tree.has(path) and may_be_made(tree, one.text, path)
                           for path in paths):
                        continue  # made by a step before
                    for name in call.services:
                        key = (one.path, one.line, name)
                        if name in tree.services or re.search(r"[$*`{]", name) or key in seen:
                            continue
                        seen.add(key)
                        near = difflib.get_close_matches(name, sorted(tree.services), 1)
                        hint = f"; near: {near[0]}" if near else ""
                        yield Hit(
                            one.path, one.line,
                            f"'{one.target}': compose {call.verb} {name}: no such service{hint}.",
                        )
