"""What the audit of the repository's own build files said, for the reports."""

from __future__ import annotations

from collections import Counter
from typing import Any

from xnai.diagnostics.markdown_table import table
from xnai.reports.measurements import Measurements
from xnai.reports.words import missing, source

HOW = "xnai report"
_SEVERITIES = ("error", "warning", "info")


def whole(page: str, found: Measurements) -> str:
    """Return the verdict, what to do first, what was counted, and what was not judged."""
    if not found.audit:
        return missing("the build system", HOW)
    one = found.audit[-1]
    data = one.data
    counts = _counts(data)
    parts = [
        f"**Verdict:** {_verdict(counts)}",
        table(("severity", "findings"), [(name, str(counts[name])) for name in _SEVERITIES]),
    ]
    if data["first"]:
        parts.append("**What to do first**")
        parts.append("\n".join(f"- {_inline(step)}" for step in data["first"]))
    for measured in data["metrics"]:
        parts.append(f"**{measured['title']}**")
        if measured["rows"]:
            parts.append(table(measured["header"], measured["rows"]))
        else:
            parts.append("None.")
    open_ = [(rule, said) for rule, said in data["results"].items() if said.startswith("not ")]
    if open_:
        parts.append("**Not judged**")
        parts.append(table(("rule", "why"), open_))
    parts.append("Sizes and times of image builds: " + missing(
        "how long builds take", "pyinfra inventory.py deploy.py on a machine without images"
    ))
    parts.append(source(page, one))
    return "\n\n".join(parts)


def in_short(page: str, found: Measurements) -> str:
    """Return the verdict and the numbers."""
    if not found.audit:
        return missing("the build system", HOW)
    one = found.audit[-1]
    counts = _counts(one.data)
    numbers = ", ".join(f"{counts[name]} {name}" for name in _SEVERITIES)
    return f"- {_verdict(counts)} ({numbers})\n\n{source(page, one)}"


def _counts(data: dict[str, Any]) -> Counter[str]:
    return Counter(str(one["severity"]) for one in data["findings"])


def _verdict(counts: Counter[str]) -> str:
    if counts["error"]:
        return f"{counts['error']} findings stop a build or a start, or will."
    if counts["warning"]:
        return "Nothing that stops a build or a start was found; there are warnings."
    return "Nothing was found."


def _inline(text: object) -> str:
    return " ".join(str(text).split())
