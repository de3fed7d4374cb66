"""Findings as text that can be read at 2 a.m.: one block each, what, found, needed, what to do."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from xnai.diagnostics.finding import SEVERITIES, Finding

_COLOURS = {"error": "31;1", "unknown": "35", "warning": "33", "note": "2"}
_WIDTH = 100


def printable(text: str) -> str:
    """Return `text` with bytes that are no UTF-8 and control characters written as escapes."""
    safe = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in safe)


def summary(findings: Iterable[Finding]) -> str:
    """Return how many findings there are of each severity: `2 errors, 1 warning`."""
    all_findings = list(findings)
    counts = []
    for severity in SEVERITIES:
        number = sum(finding.severity == severity for finding in all_findings)
        if number:
            plural = "s" if number != 1 and severity != "unknown" else ""
            counts.append(f"{number} {severity}{plural}")
    return ", ".join(counts) or "nothing found"


def one_line(finding: Finding) -> str:
    """Return a finding on one line, for notes."""
    return printable(f"{finding.severity}: {finding.subject}: {finding.found}; {finding.needed}")


def block(finding: Finding, colour: bool) -> str:
    """Return a finding as a block of lines, with ANSI colours if `colour`."""
    head = f"{finding.severity.upper():8}{printable(finding.subject)}  [{finding.id}]"
    if colour:
        head = f"\x1b[{_COLOURS[finding.severity]}m{head}\x1b[0m"
    lines = [head]
    rows = (("found", finding.found), ("needed", finding.needed), ("do", finding.remedy))
    for label, text in rows:
        if text:
            indent = f"  {label:6}: "
            lines += textwrap.wrap(
                printable(text),
                _WIDTH,
                initial_indent=indent,
                subsequent_indent=" " * len(indent),
                break_long_words=False,
                break_on_hyphens=False,
            )
    return "\n".join(lines)


def render_table(findings: Iterable[Finding], colour: bool = False) -> str:
    """Return all findings, the gravest first, and a last line that counts them."""
    ordered = sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
    return "\n\n".join([*(block(finding, colour) for finding in ordered), summary(ordered)])
