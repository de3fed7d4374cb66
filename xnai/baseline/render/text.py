"""The tables as Markdown, and as a page that needs nothing from elsewhere."""

from __future__ import annotations

import html
from collections.abc import Sequence

from xnai.baseline.render.tables import Rows
from xnai.diagnostics.markdown_table import table

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c1c1c; background: #fff; margin: 0 auto;
  max-width: 72rem; padding: 1.5rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #ddd;
  vertical-align: top; }
.wide { overflow-x: auto; } p { max-width: 60rem; } svg { width: 100%; height: auto; }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #161616; }
  th, td { border-color: #333; } svg { background: #fff; } }
"""


def markdown(title: str, lead: str, tables: Sequence[Rows], picture: str) -> str:
    """Return the report.

    Args:
        title: of it.
        lead: a sentence below it.
        tables: what it shows.
        picture: file name of the figure beside it.
    """
    parts = [f"# {title}", lead, f"![The whole run: levels, swap traffic, pressure]({picture})"]
    for one in tables:
        parts.append(f"## {one.title}")
        if one.body:
            parts.append(table(one.head, one.body))
        if one.note:
            parts.append(one.note)
    return "\n\n".join(parts) + "\n"


def page(title: str, lead: str, tables: Sequence[Rows], svg: str) -> str:
    """Return the page: no script, nothing from elsewhere.

    Args:
        title: of it.
        lead: a sentence below it.
        tables: what it shows.
        svg: the figure.
    """
    parts = []
    for one in tables:
        parts.append(f"<h2>{html.escape(one.title)}</h2>")
        if one.body:
            head = "".join(f"<th>{html.escape(word)}</th>" for word in one.head)
            rows = "".join(
                f"<tr>{''.join(f'<td>{html.escape(word)}</td>' for word in line)}</tr>\n"
                for line in one.body
            )
            parts.append(
                f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody>'
                "</table></div>"
            )
        if one.note:
            parts.append(f"<p>{html.escape(one.note)}</p>")
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style></head>\n"
        f"<body><h1>{html.escape(title)}</h1>\n<p>{html.escape(lead)}</p>\n{svg}\n{body}\n"
        "</body></html>\n"
    )
