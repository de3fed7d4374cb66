"""References to variables that nobody sets."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from functools import lru_cache

from xnai.audit.makefile import Makefile
from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.tree import Tree

_UNDEFINED = re.compile(r"warning: undefined variable '(.*)'")
# What a login shell and CI export: empty in the sandbox, set where make is used.
_ENVIRONMENT = re.compile(
    r"HOME|USER|LOGNAME|PATH|PWD|OLDPWD|SHELL|TERM|EDITOR|VISUAL|PAGER|BROWSER|DISPLAY|TMPDIR|"
    r"HOSTNAME|UID|GID|CI|LANG|LC_\w+|XDG_\w+|GITHUB_\w+|CI_\w+|DESTDIR|V|VERBOSE|Q|DEBUG|ARGS|"
    r"MAKE\w*|MFLAGS|\w*FLAGS|CC|CXX|LD|AR|CROSS_COMPILE|VIRTUAL_ENV|GOPATH|GOBIN|CONDA_\w+|OS|"
    r"LDLIBS|LOADLIBES|NO_COLOR|\w*(ARGS|OPTS|OPTIONS|EXTRA\w*)"
)


# Words of a shell that make takes for a variable's name: $(date +%s) instead of $$(date +%s).
_SHELL_WORDS = re.compile(
    r"(?:date|whoami|hostname|uname|nproc|git|cat|ls|which|find|grep|id|docker|podman|curl|sed|awk|"
    r"head|tail|wc|mktemp|jq|echo|printf|python3?)(?:\s.*)?|pwd"
)


def undefined(makefile: Makefile) -> Iterator[tuple[str, str, int]]:
    """Yield each name that make warns of and nobody may have set, with its place."""
    everything = makefile.everything
    for one in makefile.messages:
        match = _UNDEFINED.fullmatch(one.text)
        # A name that is put together, such as $(a_$(b)), stands nowhere as it is.
        if not match:
            continue
        end = "" if len(match[1]) == 1 else r"[)}]"
        stands = re.search(rf"\$[({{]?{re.escape(match[1])}{end}", everything)
        if stands and not _may_be_set(match[1], everything):
            yield match[1], *_place(makefile, one.path, one.line, match[1])


@lru_cache(maxsize=20_000)
def _may_be_set(name: str, everything: str) -> bool:
    """Whether a branch sets it, a test asks for it, or a usage text names it."""
    if _SHELL_WORDS.fullmatch(name):
        return False
    word = re.escape(name)
    return bool(_ENVIRONMENT.fullmatch(name) or not re.fullmatch(r"[\w.-]+", name)) or bool(
        re.search(
            rf"(?m)(?<![\w.$-]){word}\s*(?:[:?+!]*=|:::?=)|ifn?def\s+{word}\b|"
            rf"ifn?eq\b.*[({{]{word}[)}}]|\$\((if|or|and|origin|flavor|strip|foreach|filter\S*)\s"
            rf"[^\n]*\b{word}\b|(-[nz]|test)\s+['\"]?\$[({{]{word}[)}}]|define\s+{word}\b|"
            rf"\$\(call\s+\S+[^\n]*\b{word}\b", everything
        )
    )


def _place(makefile: Makefile, path: str, line: int, name: str) -> tuple[str, int]:
    """The line that holds the reference: make names a recipe's first line for all of it."""
    text = makefile.texts.get(path)
    if text:
        for number in range(line, min(line + 60, len(text.lines) + 1)):
            if re.search(rf"\$[({{]?{re.escape(name)}", text.lines[number - 1]):
                return path, number
    return path, max(line, 1)


def mistake(makefile: Makefile, path: str, line: int, name: str) -> str:
    """Return why an empty `name` is surely a mistake there; empty where it may be wanted."""
    text = makefile.texts.get(path)
    written = text.lines[line - 1] if text and line <= len(text.lines) else ""
    longer = re.search(rf"(?<!\$)\$({re.escape(name)}\w+)", written) if len(name) == 1 else None
    if longer:
        return (
            f"make reads ${longer[1]} as $({name}) and the text '{longer[1][1:]}'; the shell's "
            f"variable is $${longer[1]}."
        )
    if _SHELL_WORDS.fullmatch(name):
        return f"make reads $({name}) as a variable without a value; the shell's is $$({name})."
    own = {
        one.name for file in makefile.texts.values() for one in file.logical
        if one.kind == "assignment"
    }
    # v_1 beside v_0 is one of a row, not a typing error.
    row = re.sub(r"[\d_]", "", name)
    near = difflib.get_close_matches(
        name, sorted(one for one in own if re.sub(r"[\d_]", "", one) != row), 1, 0.85
    )
    if near:
        return f"$({name}) is empty: no makefile sets it; {near[0]} is set."
    if re.search(rf"\brm\s.*\$[({{]{re.escape(name)}[)}}]/", written):
        return f"$({name}) is empty: no makefile sets it, and what is removed begins at /."
    return ""


class MakeUndefinedVariable(Rule):
    """A misspelt name, a shell's variable with one $, or a removal that begins at /."""

    id = "make_undefined_variable"
    severity = "warning"
    title = "variable is never set, by mistake"
    remedy = "Set it with a default (NAME ?= value); write $$name where the shell's is meant."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield what is surely a mistake; the rest is make_environment_variable's."""
        for makefile in tree.makefiles:
            for name, path, line in undefined(makefile):
                what = mistake(makefile, path, line, name)
                if what:
                    yield Hit(path, line, what)
