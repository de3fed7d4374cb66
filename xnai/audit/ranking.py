"""The order of findings: what stops what everybody starts, then side targets, then style."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from xnai.audit.model import Reach, RuleFinding
from xnai.audit.reach import Places
from xnai.audit.tree import Tree

# What a tool calls an error and nothing fails by: advice about security, and the like.
_STOPS = re.compile(r"schema|uv:.*|shellcheck:SC1\d\d\d|[a-z_]+")


def stops(finding: RuleFinding) -> bool:
    """Return whether what is found fails, and is not only dangerous or bad style."""
    return finding.severity == "error" and bool(_STOPS.fullmatch(finding.rule))


def _weight(finding: RuleFinding) -> int:
    """The class of a finding: the lower, the sooner it is to be read."""
    if finding.severity == "info":
        return 5
    if finding.reach.kind == "nothing":
        return 4
    if stops(finding):
        return 0 if finding.reach.kind == "entry" else 1
    return 2 if finding.reach.kind == "entry" else 3


def ranked(tree: Tree, findings: Iterable[RuleFinding]) -> list[RuleFinding]:
    """Return the findings, each with what stands on it, what stops most first.

    Within a class the first of each rule comes before the second of any: one mistake that is made
    fifty times does not hide another.
    """
    places = Places(tree)
    order = {"error": 0, "warning": 1, "info": 2}
    found = []
    for one in findings:
        reach = places.of(one.path, one.line)
        # A Makefile that make cannot read has no target that works.
        if one.rule == "make_parse_error":
            reach = Reach("entry", "every target")
        found.append(replace(one, reach=reach))
    found.sort(key=lambda one: (one.path, one.line, one.rule))
    counts: dict[tuple[int, str], int] = {}
    keyed = []
    for one in found:
        weight = _weight(one)
        nth = counts.get((weight, one.rule), 0)
        counts[weight, one.rule] = nth + 1
        keyed.append(((weight, nth if weight < 5 else 0, order[one.severity],
                       one.path, one.line, one.rule), one))
    return [one for _, one in sorted(keyed, key=lambda pair: pair[0])]
