"""A report as one HTML page that loads nothing from anywhere."""

from __future__ import annotations

from html import escape

from xnai.audit.model import Report
from xnai.audit.reading import shown
from xnai.audit.reports.common import summary

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { border: 1px solid #8888; padding: .3rem .6rem; text-align: left; vertical-align: top; }
code { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; }
.error { border-left: .5rem solid #c33; }
.warning { border-left: .5rem solid #c90; }
.info { border-left: .5rem solid #39c; }
"""
# The page runs no script and loads nothing; the policy says so to the browser too.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def html_page(report: Report) -> str:
    """Return the report as a page."""
    title = f"Audit of {escape(shown(report.root))}"
    parts = [
        "<!doctype html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{title}</title>", f"<style>{_STYLE}</style>", "</head>", "<body>",
        f"<h1>{title}</h1>", f"<p>{escape(summary(report))}. Again: {_code(report.command)}</p>",
    ]
    parts += _table(("severity", "where", "rule", "what breaks", "what to do"), [
        (one.severity, _code(f"{shown(one.path)}:{one.line}"), _code(one.rule),
         escape(one.what), escape(one.remedy))
        for one in report.findings
    ], [one.severity for one in report.findings])
    parts += _part("Could not be judged", ("what", "why", "what to do"), [
        (_code(shown(one.subject)), escape(one.why), escape(one.remedy)) for one in report.unknown
    ])
    parts += _part("Suppressed", ("where", "rule", "reason"), [
        (_code(f"{shown(one.finding.path)}:{one.finding.line}"), _code(one.finding.rule),
         escape(one.reason))
        for one in report.suppressed
    ])
    for table in report.metrics:
        rows = [tuple(map(escape, row)) for row in table.rows]
        parts += [*_part(table.title, tuple(map(escape, table.header)), rows),
                  f"<p>Again: {_code(table.command)}</p>"]
    return "\n".join([*parts, "</body>", "</html>", ""])


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _part(title: str, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    return [f"<h2>{escape(title)}</h2>", *_table(header, rows, [""] * len(rows))] if rows else []


def _table(
    header: tuple[str, ...], rows: list[tuple[str, ...]], classes: list[str]
) -> list[str]:
    """Rows of cells that are HTML already."""
    if not rows:
        return []
    body = [
        f'<tr class="{name}">' + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"
        for row, name in zip(rows, classes, strict=True)
    ]
    head = "".join(f"<th>{cell}</th>" for cell in header)
    return ["<table>", f"<tr>{head}</tr>", *body, "</table>"]
