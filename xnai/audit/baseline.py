"""A file of findings that are known, so that only new ones are reported.

A finding is known by its rule, its file and the text of its line, not by the line's number: code
above it may come and go.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from xnai.audit.model import RuleFinding
from xnai.audit.reading import read


class BaselineError(Exception):
    """The file is no baseline."""


def fingerprints(root: Path, findings: Iterable[RuleFinding]) -> list[str]:
    """Return a stable name for each finding; equal ones on equal lines are numbered."""
    texts: dict[str, list[str]] = {}
    seen: Counter[str] = Counter()
    names = []
    for finding in findings:
        if finding.path not in texts:
            text = read(root / finding.path, finding.path)
            texts[finding.path] = text.split("\n") if isinstance(text, str) else []
        lines = texts[finding.path]
        line = lines[finding.line - 1].strip() if 0 < finding.line <= len(lines) else ""
        key = json.dumps([finding.rule, finding.path, line])
        seen[key] += 1
        data = f"{key} {seen[key]}".encode("utf-8", "surrogatepass")
        names.append(hashlib.sha256(data).hexdigest()[:20])
    return names


def read_baseline(path: Path) -> set[str]:
    """Return the fingerprints of a baseline.

    Raises:
        BaselineError: it cannot be read, or is something else.
    """
    try:
        data = json.loads(path.read_text("utf-8"))
        known = data["fingerprints"]
        if data["format"] != "xnai-audit-baseline-1" or not isinstance(known, list):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BaselineError(
            f"{path} is no baseline ({error or 'another format'}). Allowed: a file that "
            "`xnai audit PATH --write-baseline FILE` wrote. Write it anew."
        ) from error
    return set(map(str, known))


def write_baseline(path: Path, names: Iterable[str]) -> None:
    """Write the fingerprints `names`, sorted, so that a diff shows what changed."""
    data = {"format": "xnai-audit-baseline-1", "fingerprints": sorted(names)}
    path.write_text(json.dumps(data, indent=1) + "\n", "utf-8")
