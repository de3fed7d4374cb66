"""A report in Markdown."""

from __future__ import annotations

import re

from xnai.audit.model import Report, Table
from xnai.audit.reading import shown
from xnai.audit.reports.common import summary


def markdown(report: Report) -> str:
    """Return the report as Markdown with tables as GitHub and GitLab show them."""
    lines = [f"# Audit of {_cell(report.root)}", "", f"{summary(report)}.", "",
             f"Again: `{report.command}`", ""]
    if report.findings:
        lines += _rows(("severity", "where", "rule", "what breaks", "what to do"), [
            (one.severity, f"{shown(one.path)}:{one.line}", one.rule, one.what, one.remedy)
            for one in report.findings
        ])
    if report.unknown:
        lines += ["## Could not be judged", "", *_rows(("what", "why", "what to do"), [
            (shown(one.subject), one.why, one.remedy) for one in report.unknown
        ])]
    if report.suppressed:
        lines += ["## Suppressed", "", *_rows(("where", "rule", "reason"), [
            (f"{shown(one.finding.path)}:{one.finding.line}", one.finding.rule, one.reason)
            for one in report.suppressed
        ])]
    for table in report.metrics:
        lines += [*_table(table)]
    return "\n".join(lines)


def _table(table: Table) -> list[str]:
    return [f"## {table.title}", "", *_rows(table.header, list(table.rows)),
            f"Again: `{table.command}`", ""]


def _rows(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = [header, ("---",) * len(header), *(tuple(map(_cell, row)) for row in rows)]
    return [*(f"| {' | '.join(line)} |" for line in lines), ""]


def _cell(text: str) -> str:
    """Text of the audited tree without a meaning to Markdown or HTML."""
    plain = re.sub(r"\s+", " ", text).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_|\[\]])", r"\\\1", plain)
