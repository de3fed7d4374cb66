"""shellcheck on expanded recipes and on the tree's shell scripts."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xnai.audit import names
from xnai.audit.answer_cache import AnswerCache
from xnai.audit.makefile import references
from xnai.audit.model import RuleFinding
from xnai.audit.recipe_texts import recipe_texts
from xnai.audit.shell_syntax import PLAIN, syntax_error
from xnai.audit.tool_answers import Checker, ask
from xnai.audit.tool_levels import OF_EXPANSION, severity
from xnai.audit.tree import Tree
from xnai.diagnostics.finding import Unknown


@dataclass(frozen=True)
class _Text:
    """A shell text: where it stands, the line above it (0: a file of its own), what it says."""

    path: str
    line: int
    text: str
    filled: bool
    target: str
    is_part: bool = False


def _split(said: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in said["comments"]:
        yield one["file"], one


# SC1090, SC1091: sources cannot be followed here. SC2154: the environment may set it.
_WORDS = ("--norc", "--format=json1", "--exclude=SC1090,SC1091,SC2154")
_TOOL = Checker("shellcheck", _WORDS, ".sh", _split)
# Its analysis of how values flow takes a third of the time, most of it for nothing in a text that
# no person wrote.
_WITHOUT_FLOW = Checker("shellcheck", (*_WORDS, "--extended-analysis=false"), ".sh", _split)
# What values could flow through; a recipe's line without any of it has none to be followed.
_FLOWS = re.compile(
    r"=|\$\?|\(\)|\b(?:for|while|until|case|select|read|readarray|mapfile|function|exit|return|set|"
    r"shift|trap|export|unset|local|declare|getopts|exec|eval|source|let|printf)\b"
)
_LONG = 128 * 1024
# It takes half a KiB of memory for each byte: a longer text is asked about in parts of this size.
_SHARE = 48 * 1024
# What only the whole script can tell: who uses a variable or a function, what is never reached.
_OF_THE_WHOLE = frozenset({2034, 2119, 2120, 2317, 2329, 2215})


def _parts(text: str) -> list[tuple[int, str]] | None:
    """A script in parts that the shell can read, each with its first line; None where it cannot.

    A part ends where a function does, or at an empty line, past its share.
    """
    bash = shutil.which("bash")
    parts: list[tuple[int, str]] = []
    lines = text.split("\n")
    first = size = 0
    for number, line in enumerate(lines, 1):
        size += len(line) + 1
        plain = bool(line) and number < len(lines) and not line[0].isspace()
        if size > _SHARE and (line in {"", "}"} or (plain and size > 2 * _SHARE)):
            parts.append((first + 1, "\n".join(lines[first:number])))
            first, size = number, 0
    parts.append((first + 1, "\n".join(lines[first:])))
    torn = not bash or any(syntax_error(bash, part) for _, part in parts)
    return None if torn else parts


def _texts(tree: Tree) -> Iterator[_Text]:
    for one in recipe_texts(tree):
        if not PLAIN.fullmatch(one.text):
            head = f"# shellcheck shell={'bash' if one.bash else 'sh'}\n"
            yield _Text(one.path, one.line, head + one.text, bool(references(one.raw)), one.target)
    foreign = names.foreign(tree.files)
    for path in sorted(tree.files):
        if path.endswith(".sh") and not path.startswith(foreign):
            text = tree.text(path)
            # A script without a shebang is one that others source; its shell is told nowhere.
            told = text.startswith("#!") or "shellcheck shell" in text
            head = "" if told else "# shellcheck shell=bash\n"
            parts = _parts(text) if len(text) > _LONG else None
            if parts is None:
                yield _Text(path, 0 if told else 1, head + text, False, "")
                continue
            shell = re.match(r"#!.*\b(bash|dash|ksh|sh)\b", text)
            head = f"# shellcheck shell={shell[1] if shell else 'bash'}\n"
            for line, part in parts:
                # The first has the script's own head line.
                own = told and line == 1
                yield _Text(path, 0 if own else line, part if own else head + part, False, "", True)


def _without_flow(one: _Text) -> bool:
    return one.is_part or len(one.text) > _LONG or (
        bool(one.target) and not _FLOWS.search(one.text.partition("\n")[2])
    )


def shellcheck(tree: Tree, cache: AnswerCache) -> Iterator[RuleFinding | Unknown | str]:
    """Yield its findings, and what it could not tell."""
    followed, rest = list[_Text](), list[_Text]()
    for text in _texts(tree):
        (rest if _without_flow(text) else followed).append(text)
    texts = [*followed, *rest]
    answers, missing = ask(_TOOL, [one.text for one in followed], cache)
    more, missing_too = ask(_WITHOUT_FLOW, [one.text for one in rest], cache)
    answers, missing = [*answers, *more], missing or missing_too
    yield from missing
    torn = set[tuple[str, str]]()
    for text, answer in zip(texts, answers, strict=True):
        if isinstance(answer, Unknown):
            if not missing:
                yield Unknown(text.path, f"shellcheck: {answer.why}", answer.remedy)
            continue
        for one in answer:
            # What cannot be parsed is one finding, however often it is complained of; the lines
            # of a recipe without its backslashes too.
            if 1000 <= one["code"] < 2000 and one["level"] == "error":
                told = (text.path, text.target) in torn
                torn.add((text.path, text.target))
            else:
                told = _told_elsewhere(text, one["code"])
            if not told:
                yield _finding(text, one)


def _told_elsewhere(text: _Text, code: int) -> bool:
    """Whether a code holds of the text that was asked about, and not of what it comes from."""
    # SC1009 repeats where the error is that another code tells.
    return code == 1009 or (text.is_part and code in _OF_THE_WHOLE) or (
        text.filled and f"SC{code}" in OF_EXPANSION
    )


def _finding(text: _Text, one: dict[str, Any]) -> RuleFinding:
    code = f"SC{one['code']}"
    # A recipe's text begins below the head line.
    at = text.line + int(one["line"]) - 2 if text.line else int(one["line"])
    # What is there to be filled in is no shell yet.
    template = re.search(r"(^|/)(templates?|cookiecutter[^/]*|skeletons?)/|[{%]", text.path)
    return RuleFinding(
        f"shellcheck:{code}", "info" if template else severity(code, one["level"]), "shellcheck",
        text.path, max(at, text.line, 1), one["message"], f"https://www.shellcheck.net/wiki/{code}",
    )
