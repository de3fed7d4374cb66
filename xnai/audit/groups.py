"""Findings in groups: what is one cause, or one rule's advice in many places, is one entry."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xnai.audit.model import RULE_SEVERITIES, Reach, RuleFinding, RuleSeverity
from xnai.audit.ranking import stops

FIRST_STEPS = 5


@dataclass(frozen=True)
class Group:
    """Findings of one rule that are read together, in the order of the report.

    Attributes:
        rule: their rule.
        severity: the gravest of theirs.
        title: the rule's.
        what: the first one's words.
        remedy: the first one's.
        reach: what stands on the first one.
        stops: whether it stops a build or a start.
        findings: all of them, the first one first.
    """

    rule: str
    severity: RuleSeverity
    title: str
    what: str
    remedy: str
    reach: Reach
    stops: bool
    findings: tuple[RuleFinding, ...]


def _key(finding: RuleFinding) -> tuple[str, ...]:
    if stops(finding) and finding.reach.kind == "entry":
        # Each stops something that everybody starts: only what says the same is one.
        return finding.rule, finding.severity, "entry", re.sub(r"\d+", "0", finding.what)
    return finding.rule, finding.severity, "nothing" if finding.reach.kind == "nothing" else ""


def grouped(findings: Iterable[RuleFinding]) -> list[Group]:
    """Return the groups in the order of their first finding."""
    found: dict[tuple[str, ...], list[RuleFinding]] = {}
    for one in findings:
        found.setdefault(_key(one), []).append(one)
    return [
        Group(some[0].rule, some[0].severity, some[0].title, some[0].what, some[0].remedy,
              some[0].reach, stops(some[0]), tuple(some))
        for some in found.values()
    ]


def by_rule(findings: Iterable[RuleFinding]) -> list[tuple[str, RuleSeverity, int, int]]:
    """Return a row a rule: its name, the gravest severity, findings, files; the most first."""
    rows: dict[str, list[RuleFinding]] = {}
    for one in findings:
        rows.setdefault(one.rule, []).append(one)
    found = [
        (rule, min((one.severity for one in some), key=RULE_SEVERITIES.index), len(some),
         len({one.path for one in some}))
        for rule, some in rows.items()
    ]
    return sorted(found, key=lambda row: (RULE_SEVERITIES.index(row[1]), -row[2], row[0]))


def by_file(findings: Iterable[RuleFinding]) -> list[tuple[str, int, int, int]]:
    """Return a row a file: its path, errors, warnings, infos; the worst first."""
    counts: dict[str, Counter[str]] = {}
    for one in findings:
        counts.setdefault(one.path, Counter())[one.severity] += 1
    rows = [(path, some["error"], some["warning"], some["info"]) for path, some in counts.items()]
    return sorted(rows, key=lambda row: (-row[1], -row[2], -row[3], row[0]))


def first_steps(groups: Sequence[Group]) -> list[str]:
    """Return what to do first, a line each: the first groups above info."""
    return [
        f"{one.findings[0].path}:{one.findings[0].line}"
        + (f" (and {len(one.findings) - 1} more places)" if len(one.findings) > 1 else "")
        + f": {one.what} {one.remedy}"
        for one in groups if one.severity != "info"
    ][:FIRST_STEPS]
