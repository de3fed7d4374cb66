"""What was measured and lies in the repository: the one source of every number in a report."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = "_meta/xnai"
"""Below the repository."""

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{6}Z")
_KEYS = {
    "baselines": ("phases", "machine", "requests", "healthy_after_s", "restarted",
                  "clock_jumps_s"),
    "triage": ("looked",),
    "audit": ("findings", "metrics", "results", "first"),
}


@dataclass(frozen=True)
class Measured:
    """One measurement.

    Attributes:
        path: of its file, below the repository.
        when: its file's or folder's name, a time in UTC.
        data: what is in it.
    """

    path: str
    when: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Measurements:
    """All that there is, the oldest first.

    Attributes:
        baselines: host -> runs of `xnai baseline`.
        triage: host -> judgements of `xnai triage`.
        audit: reports of `xnai audit` on this repository.
        unreadable: a sentence for each file that cannot be read.
    """

    baselines: dict[str, list[Measured]] = field(default_factory=dict)
    triage: dict[str, list[Measured]] = field(default_factory=dict)
    audit: list[Measured] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    @property
    def newest(self) -> str:
        """The day of the newest measurement, or an empty text."""
        days = [one.when for many in (*self.baselines.values(), *self.triage.values(), self.audit)
                for one in many]
        return max(days)[:10] if days else ""


def _refuse_other_shapes(kind: str, data: Any) -> None:
    """Take what the reports read, and nothing that only is JSON as well."""
    if not isinstance(data, dict):
        raise ValueError("no JSON object")
    if kind == "triage" and "error" in data:
        return
    parts = [(data, _KEYS[kind])]
    if kind == "triage":
        parts += [(one, ("scope", "roots", "blind")) for one in data.get("looked", ())]
    for part, keys in parts:
        if missing := [key for key in keys if not isinstance(part, dict) or key not in part]:
            raise ValueError(f"no {missing[0]!r} in it")


def read(repository: Path) -> Measurements:
    """Return what lies below a repository's _meta/xnai."""
    all_ = Measurements()
    root = repository / FOLDER
    for kind, name in (("baselines", "*/*/baseline.json"), ("triage", "*/*.json"),
                       ("audit", "*.json")):
        for file in sorted((root / kind).glob(name)):
            when = file.parent.name if kind == "baselines" else file.stem
            host = file.parent.parent.name if kind == "baselines" else file.parent.name
            shown = str(file.relative_to(repository))
            try:
                data = json.loads(file.read_text("utf-8"))
                _refuse_other_shapes(kind, data)
                if file.resolve() != repository.resolve() / shown:
                    raise ValueError("behind a link")
            except (OSError, ValueError) as error:
                all_.unreadable.append(f"{shown}: {error}")
                continue
            if not _TIME.fullmatch(when):
                all_.unreadable.append(f"{shown}: its name is no time, as 2026-11-30T080000Z")
                continue
            one = Measured(shown, when, data)
            if kind == "audit":
                all_.audit.append(one)
            else:
                getattr(all_, kind).setdefault(host, []).append(one)
    return all_
