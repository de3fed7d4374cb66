"""What several forms of a report say in the same words."""

from __future__ import annotations

from collections import Counter

from xnai.audit.groups import Group
from xnai.audit.model import RULE_SEVERITIES, Report


def summary(report: Report) -> str:
    """Return one line of counts."""
    counts = Counter(one.severity for one in report.findings)
    parts = [f"{counts[severity]} {severity}" for severity in RULE_SEVERITIES]
    parts.append(f"{len(report.suppressed)} suppressed")
    parts.append(f"{len(report.unknown)} unknown")
    if report.known:
        parts.append(f"{report.known} known from the baseline")
    return ", ".join(parts)


def head(group: Group) -> str:
    """Return the heading that a group of findings stands under."""
    if group.reach.kind == "nothing" and group.severity != "info":
        return "In files that nothing builds"
    if group.severity == "info":
        return "Worth knowing"
    if group.stops:
        return "Stops a build or a start" if group.reach.kind == "entry" else "Breaks a side target"
    return "Breaks under conditions that will come, or is dangerous"
