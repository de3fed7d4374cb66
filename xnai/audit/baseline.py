"""A file of findings that are known, so that only new ones are reported.

A finding is known by its rule, its file and the text of its line, not by the line's number: code
above it may come and go. The file says all three, so that a person can review it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xnai.audit.model import RuleFinding
from xnai.audit.reading import read, shown
from xnai.diagnostics.finding import Unknown

_FORMAT = "xnai-audit-baseline-2"
_BEFORE = "xnai-audit-baseline-1"
_MAX_TEXT = 200


class BaselineError(Exception):
    """The file is no baseline."""


@dataclass(frozen=True)
class Baseline:
    """What a baseline knows.

    Attributes:
        fingerprints: of the known findings.
        silent: the tools that gave no answer when it was written: what they find is new.
    """

    fingerprints: frozenset[str] = frozenset()
    silent: tuple[str, ...] = ()


def lines_of(root: Path, findings: Iterable[RuleFinding]) -> list[str]:
    """Return the text of each finding's line, empty where there is none."""
    texts: dict[str, list[str]] = {}
    found = []
    for finding in findings:
        if finding.path not in texts:
            text = read(root / finding.path, finding.path)
            texts[finding.path] = text.split("\n") if isinstance(text, str) else []
        lines = texts[finding.path]
        found.append(lines[finding.line - 1] if 0 < finding.line <= len(lines) else "")
    return found


def fingerprints(root: Path, findings: Sequence[RuleFinding]) -> list[str]:
    """Return a stable name for each finding; equal ones on equal lines are numbered."""
    return named(findings, lines_of(root, findings))


def named(findings: Sequence[RuleFinding], lines: Sequence[str]) -> list[str]:
    """Return a stable name for each finding, given the text of its line."""
    seen: Counter[str] = Counter()
    names = []
    for finding, line in zip(findings, lines, strict=True):
        key = json.dumps([finding.rule, finding.path, line.strip()])
        seen[key] += 1
        data = f"{key} {seen[key]}".encode("utf-8", "surrogatepass")
        names.append(hashlib.sha256(data).hexdigest()[:20])
    return names


def read_baseline(path: Path) -> Baseline:
    """Return what a baseline knows.

    Raises:
        BaselineError: it cannot be read, or is something else.
    """
    try:
        data = json.loads(path.read_text("utf-8"))
        if data["format"] == _BEFORE and isinstance(data["fingerprints"], list):
            return Baseline(frozenset(map(str, data["fingerprints"])))
        if data["format"] != _FORMAT:
            raise ValueError
        return Baseline(
            frozenset(str(one["fingerprint"]) for one in data["findings"]),
            tuple(str(one["what"]) for one in data["not_answered"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BaselineError(
            f"{path} is no baseline ({error or 'another format'}). Allowed: a file that "
            "`xnai audit PATH --write-baseline FILE` wrote. Write it anew."
        ) from error


def write_baseline(
    path: Path, root: Path, findings: Sequence[RuleFinding], unknown: Iterable[Unknown]
) -> int:
    """Write all findings, ordered by file and rule, so that a diff shows what changed.

    Returns:
        How many were written.
    """
    lines = lines_of(root, findings)
    entries: list[dict[str, Any]] = [
        {
            "rule": one.rule, "file": shown(one.path), "severity": one.severity,
            "text": line.strip()[:_MAX_TEXT], "what": one.what, "fingerprint": name,
        }
        for one, line, name in zip(findings, lines, named(findings, lines), strict=True)
    ]
    entries.sort(key=lambda one: (one["file"], one["rule"], one["text"], one["fingerprint"]))
    data = {
        "format": _FORMAT,
        "not_answered": [{"what": shown(one.subject), "why": one.why} for one in unknown],
        "findings": entries,
    }
    path.write_text(json.dumps(data, indent=1) + "\n", "utf-8")
    return len(entries)
