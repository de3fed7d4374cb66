"""Findings that a comment in the audited file takes out; it names the rule and gives a reason.

    # xnai: ignore make_masked_failure: the old container may be gone already
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from xnai.audit.model import RuleFinding, Suppressed
from xnai.audit.reading import read

_COMMENT = re.compile(r"#\s*xnai:\s*ignore\s+([\w:,-]+)\s*:\s*(\S.*)")


def suppressed(
    root: Path, findings: Iterable[RuleFinding]
) -> tuple[list[RuleFinding], list[Suppressed]]:
    """Split findings into those that stand and those that a comment takes out.

    The comment stands on the finding's line, or in the block of comment lines right above it.
    """
    kept: list[RuleFinding] = []
    out: list[Suppressed] = []
    texts: dict[str, list[str]] = {}
    for finding in findings:
        if finding.path not in texts:
            text = read(root / finding.path, finding.path)
            texts[finding.path] = text.split("\n") if isinstance(text, str) else []
        reason = _reason(texts[finding.path], finding)
        if reason:
            out.append(Suppressed(finding, reason))
        else:
            kept.append(finding)
    return kept, out


def _reason(lines: list[str], finding: RuleFinding) -> str:
    at = finding.line - 1
    if not 0 <= at < len(lines):
        return ""
    candidates = [lines[at]]
    while at > 0 and lines[at - 1].lstrip().startswith("#"):
        at -= 1
        candidates.append(lines[at])
    for line in candidates:
        match = _COMMENT.search(line)
        if match and finding.rule in match[1].split(","):
            return match[2].strip()
    return ""
