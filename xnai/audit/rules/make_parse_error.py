"""A Makefile that make cannot read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.make_data import Message
from xnai.audit.makefile import Makefile
from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree
from xnai.diagnostics.finding import Unknown

# What make says of a mistake in the file. Anything else that stops it, such as $(error …), may
# come from a command's output that is empty in the sandbox.
MISTAKES = (
    "missing separator", "recipe commences before first target", "missing 'endif'",
    "missing 'endef'", "extraneous", "unterminated", "references itself", "empty variable name",
    "multiple target patterns", "mixed implicit", "target pattern contains no", "invalid",
    "only one 'else'", "has both : and ::", "No such file",
)


def conditional(makefile: Makefile, message: Message) -> bool:
    """Whether the line stands in a branch, which a command's missing output may have opened."""
    text = makefile.texts.get(message.path)
    depth = 0
    for line in text.logical if text else ():
        if line.number >= message.line:
            break
        word = line.text.strip().partition(" ")[0]
        depth += word in {"ifeq", "ifneq", "ifdef", "ifndef"}
        depth -= word == "endif"
    return depth > 0 and bool(makefile.shell_fed)


class MakeParseError(Rule):
    """What make itself calls an error."""

    id = "make_parse_error"
    severity = "error"
    title = "make cannot read this"
    remedy = "Mend the line that make names; no target of the file works before."

    def check(self, tree: Tree) -> Iterator[Hit | Unknown]:
        """Yield make's own errors with a line."""
        for makefile in tree.makefiles:
            for one in makefile.messages:
                text = one.text.removeprefix("*** ").removesuffix("  Stop.")
                none = re.match(r"No (rule to make target|targets)", text)
                if none or not one.text.startswith("***"):
                    continue
                if any(word in text for word in MISTAKES) and not conditional(makefile, one):
                    yield Hit(one.path, max(one.line, 1), f"make stops: {text}")
                elif not makefile.own:
                    yield Unknown(
                        makefile.path, f"make stops in line {one.line}: {text}",
                        "run make yourself; in the sandbox $(shell) has no output",
                    )
