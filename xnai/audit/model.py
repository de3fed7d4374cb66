"""What a judgement consists of: hits, findings, what could not be told, the whole report."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from xnai.diagnostics.finding import Unknown

RuleSeverity = Literal["error", "warning", "info"]
"""`error`: it fails or does something else than it says; `warning`: it breaks under conditions
that will come; `info`: worth knowing."""

RULE_SEVERITIES: tuple[RuleSeverity, ...] = ("error", "warning", "info")
"""All severities, the gravest first."""


@dataclass(frozen=True)
class Fix:
    """A mechanical change of one file.

    Attributes:
        first: the first line that is replaced, counted from 1.
        last: the last one; first - 1 inserts before `first`.
        lines: what stands there afterwards, without newlines.
    """

    first: int
    last: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Hit:
    """A place where a rule is broken.

    Attributes:
        path: relative to the audited tree.
        line: counted from 1.
        what: what breaks there, one sentence that names the value found.
        fix: the change that mends it, where it is mechanical.
    """

    path: str
    line: int
    what: str
    fix: Fix | None = None


@dataclass(frozen=True)
class RuleFinding:
    """A hit together with its rule's own words; from our rules or from another tool.

    Attributes:
        rule: our rule's id, or `tool:its id`.
        severity: see `Severity`.
        title: the rule in a few words.
        path: relative to the audited tree.
        line: counted from 1.
        what: what breaks.
        remedy: how to fix it.
        fix: the mechanical change, if there is one.
    """

    rule: str
    severity: RuleSeverity
    title: str
    path: str
    line: int
    what: str
    remedy: str
    fix: Fix | None = None

    def moved(self, path: str) -> RuleFinding:
        """Return the same finding at another path."""
        return dataclasses.replace(self, path=path)


@dataclass(frozen=True)
class Suppressed:
    """A finding that a comment in the audited file takes out, and the reason given there."""

    finding: RuleFinding
    reason: str


@dataclass(frozen=True)
class Report:
    """All that an audit found.

    Attributes:
        root: the audited directory as the user named it.
        command: what gives this report again.
        findings: the gravest first.
        suppressed: taken out by a comment with a reason.
        unknown: what could not be judged.
        known: how many findings the baseline holds.
        results: rule id -> pass, fail or unknown.
        metrics: named tables of numbers, each with the command that gives it again.
    """

    root: str
    command: str
    findings: tuple[RuleFinding, ...]
    suppressed: tuple[Suppressed, ...]
    unknown: tuple[Unknown, ...]
    known: int
    results: dict[str, str]
    metrics: tuple[Table, ...]


@dataclass(frozen=True)
class Table:
    """Numbers or facts, one row a subject.

    Attributes:
        title: what it shows.
        command: what gives the numbers again.
        header: the columns' names.
        rows: the cells as text.
    """

    title: str
    command: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
