"""References to variables that nobody sets."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.makefile import Makefile
from xnai.audit.model import Hit, Rule
from xnai.audit.tree import Tree

_UNDEFINED = re.compile(r"warning: undefined variable '(.*)'")
# What a login shell and CI export: empty in the sandbox, set where make is used.
_ENVIRONMENT = re.compile(
    r"HOME|USER|LOGNAME|PATH|PWD|OLDPWD|SHELL|TERM|EDITOR|VISUAL|PAGER|BROWSER|DISPLAY|TMPDIR|"
    r"HOSTNAME|UID|GID|CI|LANG|LC_\w+|XDG_\w+|GITHUB_\w+|CI_\w+|DESTDIR|V|VERBOSE|Q|DEBUG|ARGS|"
    r"MAKE\w*|MFLAGS|\w*FLAGS|CC|CXX|LD|AR|CROSS_COMPILE|VIRTUAL_ENV|GOPATH|GOBIN|CONDA_\w+|OS|"
    r"LDLIBS|LOADLIBES|NO_COLOR"
)


class MakeUndefinedVariable(Rule):
    """A name that no file sets and no file says the user may set."""

    id = "make_undefined_variable"
    severity = "warning"
    title = "variable is never set"
    remedy = "Set it with a default (NAME ?= value); write $$name where the shell's is meant."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield what make warns of when it expands every recipe, exceptions left out."""
        for makefile in tree.makefiles:
            everything = "\n".join("\n".join(text.lines) for text in makefile.texts.values())
            for one in makefile.messages:
                match = _UNDEFINED.fullmatch(one.text)
                if match and not self._may_be_set(match[1], everything):
                    path, line = self._place(makefile, one.path, one.line, match[1])
                    what = f"$({match[1]}) is empty: no makefile sets it."
                    meant = self._of_the_shell(makefile, path, line, match[1])
                    if meant:
                        what = (
                            f"make reads ${meant} as $({match[1]}) and the text '{meant[1:]}'; "
                            f"the shell's variable is $${meant}."
                        )
                    yield Hit(path, line, what)

    def _may_be_set(self, name: str, everything: str) -> bool:
        """Whether a branch sets it, a test asks for it, or a usage text names it."""
        word = re.escape(name)
        return bool(_ENVIRONMENT.fullmatch(name) or not re.fullmatch(r"[\w.-]+", name)) or bool(
            re.search(
                rf"(?m)(?<![\w.$-]){word}\s*(?:[:?+!]*=|:::?=)|ifn?def\s+{word}\b|"
                rf"ifn?eq\b.*[({{]{word}[)}}]|\$\((if|or|and|origin|flavor|strip|foreach|filter\S*)\s"
                rf"[^\n]*\b{word}\b|(-[nz]|test)\s+['\"]?\$[({{]{word}[)}}]|define\s+{word}\b|"
                rf"\$\(call\s+\S+[^\n]*\b{word}\b", everything
            )
        )

    def _of_the_shell(self, makefile: Makefile, path: str, line: int, name: str) -> str:
        """The longer word behind a single $ that is read as a name of one letter."""
        text = makefile.texts.get(path)
        if len(name) != 1 or text is None:
            return ""
        found = re.search(rf"(?<!\$)\$({re.escape(name)}\w+)", text.lines[line - 1])
        return found[1] if found else ""

    def _place(self, makefile: Makefile, path: str, line: int, name: str) -> tuple[str, int]:
        """The line that holds the reference: make names a recipe's first line for all of it."""
        text = makefile.texts.get(path)
        if text:
            for number in range(line, min(line + 60, len(text.lines) + 1)):
                if re.search(rf"\$[({{]?{re.escape(name)}", text.lines[number - 1]):
                    return path, number
        return path, max(line, 1)
