"""What triage said, for the reports."""

from __future__ import annotations

from typing import Any

from xnai.diagnostics.markdown_table import cell, table
from xnai.reports.measurements import Measured, Measurements
from xnai.reports.words import missing, source

HOW = "xnai report"


def whole(page: str, found: Measurements) -> str:
    """Return each host's newest judgement, and how it was before."""
    if not found.triage:
        return missing("what is wrong on the hosts", HOW)
    parts = []
    for host, all_ in found.triage.items():
        parts.append(f"### {host}")
        parts += _judged(all_[-1])
        if len(all_) > 1:
            rows = [(one.when, _in_a_word(one)) for one in all_[-6:]]
            parts.append(table(("looked at", "root causes"), rows))
        parts.append(source(page, *all_[-6:]))
    return "\n\n".join(parts)


def in_short(page: str, found: Measurements) -> str:
    """Return a line a host."""
    if not found.triage:
        return missing("what is wrong on the hosts", HOW)
    lines = []
    for host, all_ in found.triage.items():
        roots = _roots(all_[-1].data)
        lines.append(f"- {host}: {_in_a_word(all_[-1])}")
        lines += [
            f"    - {cell(one['entity'])}: {cell(one['title'])}: {cell(one['cause'])}"
            for one in roots
        ]
    newest = [all_[-1] for all_ in found.triage.values()]
    return "\n".join(lines) + f"\n\n{source(page, *newest)}"


def _roots(data: dict[str, Any]) -> list[dict[str, Any]]:
    return [root for looked in data.get("looked", ()) for root in looked.get("roots", ())]


def _in_a_word(one: Measured) -> str:
    if "error" in one.data:
        return f"could not tell: {one.data['error']}"
    if not one.data.get("looked"):
        return "nothing was deployed there"
    roots = _roots(one.data)
    return ", ".join(f"{root['id']} ({root['entity']})" for root in roots) or "none"


def _judged(one: Measured) -> list[str]:
    if "error" in one.data or not one.data.get("looked"):
        return [_in_a_word(one)]
    parts = []
    for looked in one.data["looked"]:
        parts.append(f"Looked at: {looked['scope']}, {one.when}.")
        if not looked["roots"]:
            parts.append("Nothing is wrong, as far as could be seen.")
        for number, root in enumerate(looked["roots"], 1):
            lines = [
                f"{number}. **{cell(root['entity'])}: {cell(root['title'])}** ({root['id']}, "
                f"{root['confidence']})",
                f"    - why: {cell(root['cause'])}",
                *(f"    - seen: {cell(evidence['text'])}" for evidence in root["evidence"][:3]),
                *(f"    - follows: {cell(follows['entity'])}: {cell(follows['title'])}"
                  for follows in root["consequences"]),
                f"    - {'do' if root['tried'] else 'would this help?'}: {cell(root['remedy'])}",
            ]
            parts.append("\n".join(lines))
        if looked["blind"]:
            parts.append("Not seen: " + "; ".join(
                f"{cell(spot['subject'])}: {cell(spot['why'])}" for spot in looked["blind"]
            ) + ".")
    return parts
