"""One compose file named twice."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator

from xnai.audit.compose_calls import compose_calls
from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree


class MakeDuplicateComposeFile(Rule):
    """-f FILE -f FILE in one call."""

    id = "make_duplicate_compose_file"
    severity = "warning"
    title = "the same compose file twice"
    remedy = "Name each file once; often a variable that holds -f FILE is used beside another."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield each call with a repeated file."""
        seen = set()
        for makefile in tree.makefiles:
            for one in makefile.commands:
                for call in compose_calls(one.text):
                    counts = Counter(map(posixpath.normpath, call.files))
                    for name, count in counts.items():
                        if count > 1 and (one.path, one.line, name) not in seen:
                            seen.add((one.path, one.line, name))
                            yield Hit(
                                one.path, one.line,
                                f"-f {name} stands {count} times: its lists (ports, volumes) are "
                                "merged with themselves.",
                            )
