"""A judgement as text that can be read at 2 a.m.: the worst first."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from xnai.diagnostics.blocks import printable
from xnai.diagnostics.finding import Evidence
from xnai.triage.diagnosis import Diagnosis, Judgement

_WIDTH = 110
_COLOURS = {"certain": "31;1", "likely": "31", "possible": "33", "unknown": "35"}


def lines(judgement: Judgement, colour: bool = False) -> list[str]:
    """Return the lines of a judgement.

    Args:
        judgement: of one stack or project.
        colour: whether to colour heads.
    """
    number = len(judgement.roots)
    head = "nothing is wrong" if not number else f"{number} root cause{'s' * (number != 1)}"
    said = [f"{judgement.scope}: {head}"]
    for count, root in enumerate(judgement.roots, 1):
        said += ["", *_root(count, root, colour)]
    said.append("")
    if judgement.well:
        said += _row("well", "; ".join(judgement.well))
    for text in judgement.history:
        said += _row("history", text)
    for choice in judgement.choices:
        said += _row("note", f"{choice.entity}: {choice.cause}")
    for spot in judgement.blind:
        todo = f" (see: {spot.remedy})" if spot.remedy else ""
        said += _row("blind", f"{spot.subject}: {spot.why}{todo}")
    return said


def _root(count: int, root: Diagnosis, colour: bool) -> Iterator[str]:
    mark = ", ".join(dict.fromkeys((root.id, root.confidence)))
    head = f"{count}. {root.entity}: {root.title}  [{mark}]"
    yield f"\x1b[{_COLOURS[root.confidence]}m{head}\x1b[0m" if colour else head
    yield from _row("why", root.cause)
    for evidence in root.evidence:
        yield from _row("seen", evidence_words(evidence))
    for entity in dict.fromkeys(one.entity for one in root.consequences):
        titles = [one.title for one in root.consequences if one.entity == entity]
        yield from _row("follows", f"{entity}: {'; '.join(titles)}")
    if root.remedy:
        yield from _row("do", root.remedy if root.tried else f"would this help? {root.remedy}")
    yield from _row("repair", repair_words(root))


def repair_words(root: Diagnosis) -> str:
    """Return whether tasks/repair.py would mend it."""
    if not root.repair:
        return "tasks/repair.py leaves it alone"
    return f"tasks/repair.py does it ({root.repair})"


def evidence_words(evidence: Evidence) -> str:
    """Return evidence with the command that shows it again."""
    return evidence.text + (f"   <- {evidence.show}" if evidence.show else "")


def _row(label: str, text: str) -> list[str]:
    indent = f"   {label:8}: "
    return textwrap.wrap(
        printable(text), _WIDTH, initial_indent=indent, subsequent_indent=" " * len(indent),
        break_long_words=False, break_on_hyphens=False,
    )
