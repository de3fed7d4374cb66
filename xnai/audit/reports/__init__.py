"""A report in the forms that people and machines read."""

from __future__ import annotations

from collections.abc import Callable

from xnai.audit.model import Report, Shown
from xnai.audit.reports.html_page import html_page
from xnai.audit.reports.json_text import json_text
from xnai.audit.reports.markdown import markdown
from xnai.audit.reports.sarif import sarif
from xnai.audit.reports.terminal import terminal

FORMATS: dict[str, Callable[[Report, Shown], str]] = {
    "terminal": terminal,
    "markdown": markdown,
    "json": json_text,
    "sarif": sarif,
    "html": html_page,
}
"""Every form by the name that --format takes."""
