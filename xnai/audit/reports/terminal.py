"""A report for a terminal: what stops a build or a start first, then the rest, then tables."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import click

from xnai.audit.groups import Group, by_file, by_rule, first_steps, grouped
from xnai.audit.model import Report, Shown, Table
from xnai.audit.reading import shown
from xnai.audit.reports.common import head, summary

_COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}
_WIDTH = 100
_PLACES = 3
_ROWS = 10


def terminal(report: Report, much: Shown | None = None) -> str:
    """Return the report as coloured text; click takes the colours off where no terminal is."""
    top = much.top if much else None
    groups = grouped(report.findings)
    lines = list(_first(groups, report))
    heading = ""
    for one in groups[:top]:
        if head(one) != heading:
            heading = head(one)
            lines += [click.style(heading, bold=True), ""]
        lines += [*_group(one, top is None), ""]
    left = groups[top:] if top else []
    if left:
        count = sum(len(one.findings) for one in left)
        lines += [f"… and {count} findings in {len(left)} more groups: --all, or --top N", ""]
    lines += _rest(report)
    if top is None or not report.findings:
        for table in report.metrics:
            lines += ["", *_table(table)]
    else:
        names = ", ".join(table.title for table in report.metrics)
        lines += _summaries(report)
        lines += [f"tables with --all: {names}"] if names else []
    lines += ["", summary(report), f"again: {report.command}"]
    return "\n".join(lines) + "\n"


def _first(groups: list[Group], report: Report) -> Iterator[str]:
    steps = first_steps(groups)
    if steps and len(report.findings) > len(steps):
        yield click.style("What to do first:", bold=True)
        for number, step in enumerate(steps, 1):
            text = _plain(shown(step))
            yield textwrap.shorten(f"  {number}. {text}", 160, placeholder=" …").replace(
                f"{number}.", f"  {number}.", 1)
        yield ""


def _group(one: Group, everything: bool) -> Iterator[str]:
    first, *others = one.findings
    word = click.style(f"{one.severity.upper():8}", fg=_COLOURS[one.severity], bold=True)
    times = f" ({len(one.findings)} places)" if others else ""
    yield f"{word}{shown(first.path)}:{first.line}  [{one.rule}] {one.title}{times}"
    yield from _wrapped("breaks: ", first.what)
    yield from _wrapped("do    : ", one.remedy)
    if one.reach.who:
        yield from _wrapped("stands: ", one.reach.who if one.reach.kind == "nothing"
                            else f"under {one.reach.who}")
    for other in others if everything else others[:_PLACES]:
        same = "" if other.what == first.what else f"  {other.what}"
        yield textwrap.shorten(_plain(f"{shown(other.path)}:{other.line}{same}"), _WIDTH - 10,
                               placeholder=" …").join(["  also  : ", ""])
    if len(others) > _PLACES and not everything:
        yield f"          and {len(others) - _PLACES} more places: --all"


def _rest(report: Report) -> Iterator[str]:
    for unknown in report.unknown:
        yield (click.style("UNKNOWN ", fg="magenta", bold=True)
               + f"{shown(unknown.subject)}: {_plain(unknown.why)}")
        yield from _wrapped("do    : ", unknown.remedy)
        yield ""
    for entry in report.suppressed:
        one = entry.finding
        yield f"suppressed  {shown(one.path)}:{one.line}  [{one.rule}] {_plain(entry.reason)}"
    for note in report.notes:
        yield f"note        {_plain(shown(note))}"
    reasons: dict[str, list[str]] = {}
    for rule, result in report.results.items():
        if result.startswith("not judged"):
            reasons.setdefault(result.removeprefix("not judged: "), []).append(rule)
    for reason, rules in reasons.items():
        yield from textwrap.wrap(
            f"not judged  ({_plain(reason)}) {', '.join(rules)}", _WIDTH,
            subsequent_indent=" " * 12, break_on_hyphens=False,
        )


def _summaries(report: Report) -> Iterator[str]:
    rules = by_rule(report.findings)
    yield click.style("By rule:", bold=True)
    for rule, severity, count, files in rules[:_ROWS]:
        yield f"  {count:6}  {severity:8} {rule} in {files} file{'s' * (files != 1)}"
    if len(rules) > _ROWS:
        yield f"          and {len(rules) - _ROWS} more rules"
    paths = by_file(report.findings)
    yield click.style("By file (errors, warnings, infos):", bold=True)
    for path, errors, warnings, infos in paths[:_ROWS]:
        yield f"  {errors:4} {warnings:4} {infos:4}  {shown(path)}"
    if len(paths) > _ROWS:
        yield f"                  and {len(paths) - _ROWS} more files"


def _plain(text: str) -> str:
    """Text of the audited tree without control characters: they would steer the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def _wrapped(label: str, text: str) -> list[str]:
    start = "  " + label
    return textwrap.wrap(
        _plain(text), _WIDTH, initial_indent=start, subsequent_indent=" " * len(start),
        break_long_words=False, break_on_hyphens=False,
    ) or [start]


def _table(table: Table) -> list[str]:
    """A table with few columns as it is, a wide one turned, a row of it a line."""
    rows = [table.header, *table.rows]
    if sum(max(map(len, column)) for column in zip(*rows, strict=True)) > _WIDTH \
            and len(table.rows) <= 4:
        rows = [tuple(column) for column in zip(*rows, strict=True)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [click.style(f"{table.title}:", bold=True)]
    for row in rows:
        cells = (f"{_plain(cell):{width}}" for cell, width in zip(row, widths, strict=True))
        lines.append("  " + "  ".join(cells).rstrip())
    return lines
