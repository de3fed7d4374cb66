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
        severity: this hit's own, where it is another one than its rule's.
    """

    path: str
    line: int
    what: str
    fix: Fix | None = None
    severity: RuleSeverity | None = None


@dataclass(frozen=True)
class Reach:
    """What stands on the line of a finding.

    Attributes:
        kind: `entry`: what everybody starts; `side`: one target or service; `nothing`: no build.
        who: the start, the target or the service; may be empty.
    """

    kind: Literal["entry", "side", "nothing"] = "side"
    who: str = ""


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
        reach: what stands on that line.
    """

    rule: str
    severity: RuleSeverity
    title: str
    path: str
    line: int
    what: str
    remedy: str
    fix: Fix | None = None
    reach: Reach = Reach()

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
    """All that an audit found; what is derived from the findings is worked out by groups.py.

    Attributes:
        root: the audited directory as the user named it.
        command: what gives this report again.
        findings: what stops most first.
        suppressed: taken out by a comment with a reason.
        unknown: what could not be judged.
        known: how many findings the baseline holds.
        results: rule id -> pass, fail, unknown, or "not judged: " and why.
        metrics: named tables of numbers, each with the command that gives it again.
        notes: what is worth a line, and changes nothing.
        fingerprints: of the findings, in their order.
        lines: `path:line` -> the text of each line with a finding.
    """

    root: str
    command: str
    findings: tuple[RuleFinding, ...]
    suppressed: tuple[Suppressed, ...]
    unknown: tuple[Unknown, ...]
    known: int
    results: dict[str, str]
    metrics: tuple[Table, ...]
    notes: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    lines: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Shown:
    """How much of a report is shown.

    Attributes:
        top: the number of groups of findings; None shows all, and every place of each.
    """

    top: int | None = None


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
