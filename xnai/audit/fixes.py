"""The mechanical fixes of a report as one unified diff; nothing is written."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from xnai.audit.model import Fix, RuleFinding
from xnai.audit.reading import read_raw

_NO_NEWLINE = "\\ No newline at end of file\n"


def preview(root: Path, findings: Iterable[RuleFinding]) -> str:
    """Return the diff that `git apply` and `patch -p1` take; empty where nothing is mechanical.

    Each line keeps its own end, and a last line without one stays so.
    """
    wanted: dict[str, set[Fix]] = defaultdict(set)
    for finding in findings:
        if finding.fix:
            wanted[finding.path].add(finding.fix)
    parts: list[str] = []
    for path, fixes in sorted(wanted.items()):
        text = read_raw(root / path, path)
        if isinstance(text, str):
            parts += _diff(path, text, fixes)
    return "".join(parts)


def _diff(path: str, text: str, fixes: Iterable[Fix]) -> Iterator[str]:
    """The diff of one file, whose text is as it is on the disk."""
    before = text.split("\n")
    after = fixed(before, fixes)
    # What is left behind the last newline is a line without one, or nothing.
    old = [*(f"{line}\n" for line in before[:-1]), *([before[-1]] if before[-1] else [])]
    new = [*(f"{line}\n" for line in after[:-1]), *([after[-1]] if after[-1] else [])]
    for line in difflib.unified_diff(old, new, _named(f"a/{path}"), _named(f"b/{path}")):
        yield line if line.endswith("\n") else f"{line}\n{_NO_NEWLINE}"


def _named(path: str) -> str:
    """A path as git writes it: with its blanks followed by a tab, odd characters quoted."""
    odd = [c for c in path if c in '"\\' or not c.isprintable()]
    if odd:
        quoted = path.encode("utf-8", "surrogateescape")
        body = "".join(
            chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\' else f"\\{byte:03o}"
            for byte in quoted
        )
        return f'"{body}"'
    return f"{path}\t" if " " in path else path


def fixed(lines: list[str], fixes: Iterable[Fix]) -> list[str]:
    """Return `lines` after `fixes`; of two that touch the same lines the first one counts.

    A line that ends in a carriage return is replaced by one that does too.
    """
    result = list(lines)
    below = len(lines) + 1
    # From the end, so that the numbers of what comes before stay right.
    for fix in sorted(fixes, key=lambda one: (-one.first, -one.last, one.lines)):
        if fix.last < below:
            near = result[min(fix.first, len(result)) - 1]
            end = "\r" if near.endswith("\r") else ""
            mark = "\ufeff" if fix.first == 1 and near.startswith("\ufeff") else ""
            new = [f"{line}{end}" for line in fix.lines]
            if mark and new:
                new[0] = f"{mark}{new[0]}"
                result[0] = result[0].removeprefix(mark)
            result[fix.first - 1 : fix.last] = new
            below = fix.first
    return result
