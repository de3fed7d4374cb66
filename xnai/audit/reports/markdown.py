"""A report in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from xnai.audit.groups import Group, by_file, by_rule, first_steps, grouped
from xnai.audit.model import Report, Shown, Table
from xnai.audit.reading import shown
from xnai.audit.reports.common import head, summary

_FILES = 30


def markdown(report: Report, much: Shown | None = None) -> str:
    """Return the report as Markdown with tables as GitHub and GitLab show them."""
    top = much.top if much else None
    groups = grouped(report.findings)
    lines = [f"# Audit of {_cell(report.root)}", "", f"{summary(report)}.", "",
             f"Again: `{report.command}`", ""]
    steps = first_steps(groups)
    if steps:
        lines += ["## What to do first", "",
                  *(f"{at}. {_cell(shown(step))}" for at, step in enumerate(steps, 1)), ""]
        lines += ["## By rule", "", *_rows(("rule", "severity", "findings", "files"), [
            (rule, severity, str(count), str(files))
            for rule, severity, count, files in by_rule(report.findings)
        ])]
        lines += ["## By file", "", *_rows(("file", "errors", "warnings", "infos"), [
            (shown(path), *map(str, counts))
            for path, *counts in by_file(report.findings)[:_FILES]
        ])]
    lines += _findings(groups[:top])
    if report.unknown:
        lines += ["## Could not be judged", "", *_rows(("what", "why", "what to do"), [
            (shown(one.subject), one.why, one.remedy) for one in report.unknown
        ])]
    unjudged = [(rule, said.removeprefix("not judged: "))
                for rule, said in report.results.items() if said.startswith("not judged")]
    if unjudged:
        lines += ["## Rules that judged nothing", "", *_rows(("rule", "why"), unjudged)]
    if report.suppressed:
        lines += ["## Suppressed", "", *_rows(("where", "rule", "reason"), [
            (f"{shown(one.finding.path)}:{one.finding.line}", one.finding.rule, one.reason)
            for one in report.suppressed
        ])]
    lines += [f"Note: {_cell(shown(note))}\n" for note in report.notes]
    for table in report.metrics:
        lines += [*_table(table)]
    return "\n".join(lines)


def _findings(groups: list[Group]) -> Iterator[str]:
    heading = ""
    for one in groups:
        if head(one) != heading:
            heading = head(one)
            yield from (f"## {heading}", "")
        times = f", {len(one.findings)} places" if len(one.findings) > 1 else ""
        yield from (f"### {_cell(one.title)} ({_cell(one.rule)}, {one.severity}{times})", "")
        yield from (f"To do: {_cell(one.remedy)}", "")
        yield from _rows(("severity", "where", "rule", "what breaks", "stands under"), [
            (finding.severity, f"{shown(finding.path)}:{finding.line}", finding.rule,
             finding.what, finding.reach.who)
            for finding in one.findings
        ])


def _table(table: Table) -> list[str]:
    return [f"## {table.title}", "", *_rows(table.header, list(table.rows)),
            f"Again: `{table.command}`", ""]


def _rows(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    lines = [header, ("---",) * len(header), *(tuple(map(_cell, row)) for row in rows)]
    return [*(f"| {' | '.join(line)} |" for line in lines), ""]


def _cell(text: str) -> str:
    """Text of the audited tree without a meaning to Markdown or HTML."""
    plain = re.sub(r"\s+", " ", text).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_|\[\]])", r"\\\1", plain)
