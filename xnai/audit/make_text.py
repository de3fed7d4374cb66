"""A makefile's lines by kind, for places and for what make's own answer does not tell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["recipe", "rule", "assignment", "directive", "comment", "other"]

_ASSIGNMENT = re.compile(
    r"\s*(?:(?:override|export|private|unexport)\s+)*"
    r"(?P<name>[^\s:#=!?+]+)\s*(?P<how>:::?=|::?=|\?=|\+=|!=|=)\s*(?P<value>.*)", re.S
)
_TARGET_ASSIGNMENT = re.compile(
    r"(?P<targets>[^\t#=][^=#]*?)::?\s*(?:(?:override|export|private)\s+)*"
    r"(?P<name>[A-Za-z_][\w.-]*)\s*(?P<how>:::?=|::?=|\?=|\+=|!=|=)\s*(?P<value>.*)", re.S
)
_RULE = re.compile(r"(?P<targets>[^\t#=:][^=#:]*?)\s*&?::?(?!=)\s*(?P<needs>[^;#]*)", re.S)
_DIRECTIVE = re.compile(
    r"\s*-?(include|sinclude|ifn?eq|ifn?def|else|endif|define|endef|vpath|export|unexport|"
    r"undefine|load)\b"
)


@dataclass(frozen=True)
class Line:
    """A logical line: physical ones joined at their backslashes.

    Attributes:
        number: of its first physical line, counted from 1.
        count: of its physical lines.
        kind: what it is.
        text: with its newlines.
        name: the variable of an assignment.
        how: its operator, such as := or !=.
        value: its right side.
        targets: of a rule.
        needs: its prerequisites.
    """

    number: int
    count: int
    kind: Kind
    text: str
    name: str = ""
    how: str = ""
    value: str = ""
    targets: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class MakeText:
    """One makefile as text.

    Attributes:
        path: relative to the audited tree.
        lines: physical lines, without newlines.
        logical: the same as logical lines.
    """

    path: str
    lines: tuple[str, ...]
    logical: tuple[Line, ...] = field(repr=False)

    @staticmethod
    def of(path: str, text: str) -> MakeText:
        """Return the parsed text of one file."""
        lines = tuple(text.split("\n"))
        return MakeText(path, lines, tuple(_logical(lines)))

    def rule_line(self, target: str) -> int:
        """Return the number of the first rule line that names `target`, or 0."""
        return next(
            (line.number for line in self.logical
             if line.kind == "rule" and target in line.targets), 0
        )


def _logical(lines: tuple[str, ...]) -> Iterator[Line]:
    at = 0
    in_rule = in_define = False
    while at < len(lines):
        first = at
        while at + 1 < len(lines) and _goes_on(lines[at]):
            at += 1
        at += 1
        text = "\n".join(lines[first:at])
        line = _one(first + 1, at - first, text, in_rule and not in_define, in_define)
        in_define = _still_in_define(text, in_define)
        if line.kind in {"rule", "assignment"}:
            in_rule = line.kind == "rule"
        yield line


def _goes_on(line: str) -> bool:
    """Whether a line ends in an odd number of backslashes."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _still_in_define(text: str, now: bool) -> bool:
    word = text.split(maxsplit=2)[:2] or [""]
    if now:
        return word[0] != "endef"
    return word[0] == "define" or (word[0] in {"override", "export"} and word[-1] == "define")


def _one(number: int, count: int, text: str, in_rule: bool, in_define: bool) -> Line:
    if in_define or not text.strip():
        return Line(number, count, "other", text)
    if text.startswith("\t") and in_rule:
        return Line(number, count, "recipe", text)
    joined = re.sub(r"\\\n\s*", " ", text)
    if joined.lstrip().startswith("#"):
        return Line(number, count, "comment", text)
    assignment = _ASSIGNMENT.fullmatch(joined) or _TARGET_ASSIGNMENT.match(joined)
    if assignment:
        parts = assignment.groupdict()
        return Line(number, count, "assignment", text, parts["name"], parts["how"], parts["value"])
    if _DIRECTIVE.match(joined):
        return Line(number, count, "directive", text)
    rule = _RULE.match(joined)
    if rule:
        return Line(
            number, count, "rule", text,
            targets=tuple(rule["targets"].split()), needs=tuple(rule["needs"].split()),
        )
    return Line(number, count, "other", text)
