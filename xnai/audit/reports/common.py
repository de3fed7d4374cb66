"""What several forms of a report say in the same words."""

from __future__ import annotations

from collections import Counter

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
