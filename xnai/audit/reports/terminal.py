"""A report for a terminal."""

from __future__ import annotations

import textwrap

import click

from xnai.audit.model import Report, Table
from xnai.audit.reading import shown
from xnai.audit.reports.common import summary

_COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}
_WIDTH = 100


def terminal(report: Report) -> str:
    """Return the report as coloured text; click takes the colours off where no terminal is."""
    lines = []
    for one in report.findings:
        word = click.style(f"{one.severity.upper():8}", fg=_COLOURS[one.severity], bold=True)
        lines += [
            f"{word}{shown(one.path)}:{one.line}  [{one.rule}] {one.title}",
            *_wrapped("breaks: ", one.what), *_wrapped("do    : ", one.remedy), "",
        ]
    for unknown in report.unknown:
        lines += [
            click.style("UNKNOWN ", fg="magenta", bold=True)
            + f"{shown(unknown.subject)}: {_plain(unknown.why)}",
            *_wrapped("do    : ", unknown.remedy), "",
        ]
    for entry in report.suppressed:
        one = entry.finding
        lines.append(
            f"suppressed  {shown(one.path)}:{one.line}  [{one.rule}] {_plain(entry.reason)}"
        )
    for table in report.metrics:
        lines += ["", *_table(table)]
    lines += ["", summary(report), f"again: {report.command}"]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Text of the audited tree without control characters: they would steer the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def _wrapped(label: str, text: str) -> list[str]:
    head = "  " + label
    return textwrap.wrap(
        _plain(text), _WIDTH, initial_indent=head, subsequent_indent=" " * len(head),
        break_long_words=False, break_on_hyphens=False,
    ) or [head]


def _table(table: Table) -> list[str]:
    """A table with few columns as it is, a wide one turned, a row of it a line."""
    rows = [table.header, *table.rows]
    if sum(max(map(len, column)) for column in zip(*rows, strict=True)) > _WIDTH:
        rows = [tuple(column) for column in zip(*rows, strict=True)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [click.style(f"{table.title}:", bold=True)]
    for row in rows:
        cells = (f"{_plain(cell):{width}}" for cell, width in zip(row, widths, strict=True))
        lines.append("  " + "  ".join(cells).rstrip())
    return lines
