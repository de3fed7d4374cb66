"""The mechanical fixes of a report as one unified diff; nothing is written."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from xnai.audit.model import Fix, RuleFinding
from xnai.audit.reading import read


def preview(root: Path, findings: Iterable[RuleFinding]) -> str:
    """Return the diff that `git apply` and `patch -p1` take; empty where nothing is mechanical."""
    wanted: dict[str, set[Fix]] = defaultdict(set)
    for finding in findings:
        if finding.fix:
            wanted[finding.path].add(finding.fix)
    parts: list[str] = []
    for path, fixes in sorted(wanted.items()):
        text = read(root / path, path)
        if isinstance(text, str):
            before = text.split("\n")
            after = fixed(before, fixes)
            parts += difflib.unified_diff(
                [f"{line}\n" for line in before[:-1]], [f"{line}\n" for line in after[:-1]],
                f"a/{path}", f"b/{path}",
            )
    return "".join(parts)


def fixed(lines: list[str], fixes: Iterable[Fix]) -> list[str]:
    """Return `lines` after `fixes`; of two that touch the same lines the first one counts."""
    result = list(lines)
    below = len(lines) + 1
    # From the end, so that the numbers of what comes before stay right.
    for fix in sorted(fixes, key=lambda one: (-one.first, -one.last)):
        if fix.last < below:
            result[fix.first - 1 : fix.last] = fix.lines
            below = fix.first
    return result
