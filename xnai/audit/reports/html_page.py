"""A report as one HTML page that loads nothing from anywhere and runs no script.

Its filters, by severity, rule and file, are made of checkboxes, radio buttons and CSS alone.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from html import escape

from xnai.audit.groups import Group, by_file, by_rule, first_steps, grouped
from xnai.audit.model import RULE_SEVERITIES, Report, RuleFinding, Shown
from xnai.audit.reading import shown
from xnai.audit.reports.common import head, summary

_STYLE = """
:root { color-scheme: light dark; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 1rem auto; padding: 0 1rem;
  overflow-wrap: anywhere; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; margin: .3rem 0; padding: .3rem .6rem; background: #8882; }
table { border-collapse: collapse; margin: .5rem 0; display: block; overflow-x: auto; }
th, td { border: 1px solid #8888; padding: .2rem .6rem; text-align: left; vertical-align: top; }
td { min-width: 5rem; }
details { border: 1px solid #8886; border-left: .5rem solid #888; margin: .4rem 0;
  padding: .2rem .8rem; }
summary { cursor: pointer; overflow-wrap: anywhere; }
.error { border-left-color: #c33; }
.warning { border-left-color: #c90; }
.info { border-left-color: #39c; }
.place { margin: .6rem 0; }
.who { opacity: .75; }
.filter { position: sticky; top: 0; padding: .5rem 0; background: Canvas; }
.filter label { margin-right: 1rem; white-space: nowrap; }
.filter details { max-height: 60vh; overflow: auto; }
.filter td { border: 0; padding: .1rem .6rem; }
body:has(#error:not(:checked)) .group.error,
body:has(#warning:not(:checked)) .group.warning,
body:has(#info:not(:checked)) .group.info { display: none; }
"""
# The page runs no script and loads nothing; the policy says so to the browser too.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_PLACES = 200
_FILES = 200


def html_page(report: Report, much: Shown | None = None) -> str:
    """Return the report as a page."""
    top = much.top if much else None
    groups = grouped(report.findings)
    title = f"Audit of {escape(shown(report.root))}"
    parts = [
        "<!doctype html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{title}</title>", f"<style>{_STYLE}</style>", "</head>", "<body>",
        f"<h1>{title}</h1>", f"<p>{escape(summary(report))}. Again: {_code(report.command)}</p>",
    ]
    parts += _first(groups)
    if report.findings:
        parts += _filter(report)
    heading = ""
    rules, files = _numbers(report)
    for one in groups[:top]:
        if head(one) != heading:
            heading = head(one)
            parts.append(f"<h2>{escape(heading)}</h2>")
        parts += _group(one, report, rules, files)
    parts += _rest(report)
    for table in report.metrics:
        rows = [tuple(map(escape, row)) for row in table.rows]
        parts += [*_part(table.title, tuple(map(escape, table.header)), rows),
                  f"<p>Again: {_code(table.command)}</p>"]
    return "\n".join([*parts, "</body>", "</html>", ""])


def _first(groups: list[Group]) -> Iterator[str]:
    steps = first_steps(groups)
    if steps:
        yield "<h2>What to do first</h2>"
        yield "<ol>"
        yield from (f"<li>{escape(shown(step))}</li>" for step in steps)
        yield "</ol>"


def _filter(report: Report) -> Iterator[str]:
    """Switches for severities, a choice of one rule, and of one file."""
    yield '<div class="filter">Show: '
    for severity in RULE_SEVERITIES:
        count = sum(one.severity == severity for one in report.findings)
        yield (f'<label><input type="checkbox" id="{severity}" checked/> '
               f"{severity} ({count})</label>")
    rules, files = _numbers(report)
    counted = {row[0]: row for row in by_rule(report.findings)}
    yield "<details><summary>By rule</summary>"
    yield from _table(("", "severity", "findings", "files"), [
        (_radio("rule", "r0", "all rules", True), "", str(len(report.findings)), ""),
        *((_radio("rule", f"r{number}", rule), counted[rule][1], str(counted[rule][2]),
           str(counted[rule][3])) for rule, number in rules.items()),
    ])
    yield "</details>"
    yield "<details><summary>By file</summary>"
    yield from _table(("", "errors", "warnings", "infos"), [
        (_radio("file", "f0", "all files", True), "", "", ""),
        *((_radio("file", f"f{files[path]}", shown(path)), *map(str, counts))
          for path, *counts in by_file(report.findings) if path in files),
    ])
    yield "</details></div>"
    yield "<style>"
    for number in rules.values():
        yield f"body:has(#r{number}:checked) .group:not(.r{number}) {{ display: none; }}"
    for number in files.values():
        yield (f"body:has(#f{number}:checked) :is(.group, .place):not(.f{number}) "
               "{ display: none; }")
    yield "</style>"


def _numbers(report: Report) -> tuple[dict[str, int], dict[str, int]]:
    """The rules and the files that can be chosen, each with its number."""
    rules = [row[0] for row in by_rule(report.findings)]
    files = [row[0] for row in by_file(report.findings)][:_FILES]
    return ({rule: at for at, rule in enumerate(rules, 1)},
            {path: at for at, path in enumerate(files, 1)})


def _radio(name: str, value: str, text: str, checked: bool = False) -> str:
    return (f'<label><input type="radio" name="{name}" id="{value}"{" checked" * checked}/> '
            f"{_code(text)}</label>")


def _group(one: Group, report: Report, rules: dict[str, int], files: dict[str, int]) -> \
        Iterator[str]:
    times = f" ({len(one.findings)} places)" if len(one.findings) > 1 else ""
    where = _place(one.findings[0])
    numbers = sorted({files[two.path] for two in one.findings if two.path in files})
    names = " ".join(["group", one.severity, f"r{rules[one.rule]}", *(f"f{at}" for at in numbers)])
    yield f'<details class="{names}"{" open" * one.stops}>'
    # Another tool's rules have its name for a title: what it says is more.
    foreign = one.rule.startswith(f"{one.title}:")
    title = textwrap.shorten(one.what, 90, placeholder=" …") if foreign else one.title
    yield (f"<summary><strong>{one.severity}</strong> {escape(title)}{times} "
           f"{_code(where)} {_code(one.rule)}</summary>")
    yield f"<p>To do: {escape(one.remedy)}</p>"
    for finding in one.findings[:_PLACES]:
        yield f'<div class="place f{files.get(finding.path, 0)}">'
        yield f"{_code(_place(finding))}: {escape(finding.what)}"
        if finding.reach.who:
            yield f' <span class="who">({escape(shown(finding.reach.who))})</span>'
        source = report.lines.get(f"{finding.path}:{finding.line}", "")
        if source.strip():
            yield f"<pre>{escape(shown(source))}</pre>"
        yield "</div>"
    if len(one.findings) > _PLACES:
        yield f"<p>and {len(one.findings) - _PLACES} more places (--format json has all)</p>"
    yield "</details>"


def _rest(report: Report) -> Iterator[str]:
    yield from _part("Could not be judged", ("what", "why", "what to do"), [
        (_code(shown(one.subject)), escape(one.why), escape(one.remedy)) for one in report.unknown
    ])
    yield from _part("Rules that judged nothing", ("rule", "why"), [
        (_code(rule), escape(said.removeprefix("not judged: ")))
        for rule, said in report.results.items() if said.startswith("not judged")
    ])
    yield from _part("Suppressed", ("where", "rule", "reason"), [
        (_code(_place(one.finding)), _code(one.finding.rule), escape(one.reason))
        for one in report.suppressed
    ])
    yield from (f"<p>Note: {escape(shown(note))}</p>" for note in report.notes)


def _place(finding: RuleFinding) -> str:
    return f"{shown(finding.path)}:{finding.line}"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _part(title: str, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    return [f"<h2>{escape(title)}</h2>", *_table(header, rows)] if rows else []


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows of cells that are HTML already."""
    if not rows:
        return []
    body = ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows]
    names = "".join(f"<th>{cell}</th>" for cell in header)
    return ["<table>", f"<tr>{names}</tr>", *body, "</table>"]
