"""A repository with measurements, for the tests of reports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "baseline"))

from baseline_runs import lines, request

from xnai.baseline.model import read
from xnai.baseline.summary import summary

RUN = read(lines(request(1, 2.0)))
JUDGED = {
    "seconds": {"podman": 1.0},
    "looked": [{
        "scope": "stack xnai",
        "roots": [{
            "id": "redis-rdb-denied", "entity": "xnai_redis", "title": "it cannot save",
            "cause": "its volume belongs to another user", "confidence": "certain",
            "evidence": [{"text": "Failed opening the RDB file | denied", "show": "", "time": 1}],
            "consequences": [{"id": "unhealthy", "entity": "xnai_rag_api", "title": "not ready"}],
            "remedy": "pyinfra inventory.py tasks/repair.py", "tried": True, "repair": "ownership",
        }],
        "choices": [], "history": [], "well": ["9 of 9"], "answers": {},
        "blind": [{"subject": "journal", "why": "not readable", "remedy": ""}],
    }],
}
AUDITED = {
    "root": ".", "command": "xnai audit .",
    "findings": [{"rule": "make_masked_failure", "severity": "error", "path": "Makefile",
                  "line": 3, "what": "x", "title": "t", "remedy": "r", "fix": None}],
    "results": {"make_masked_failure": "fail", "compose_limits_sum": "not judged: no --ram-mib"},
    "metrics": [{"title": "Makefile", "command": "xnai audit .", "header": ["what", "count"],
                 "rows": [["targets", "12"]]}],
    "first": ["Makefile:3: x. r"], "unknown": [], "notes": [],
}


def baseline(**changes):
    """A summary as `xnai baseline` writes it."""
    return summary(RUN) | {"host": "host-1", "version": "1", "desktop": None} | changes


def repository(root: Path) -> Path:
    """Make a checkout with one measurement of each kind."""
    folder = root / "omega"
    for path, data in {
        "baselines/host-1/2026-11-29T080000Z/baseline.json": baseline(),
        "baselines/host-1/2026-11-30T080000Z/baseline.json": baseline(),
        "triage/host-1/2026-11-30T090000Z.json": JUDGED,
        "audit/2026-11-30T090000Z.json": AUDITED,
    }.items():
        file = folder / "_meta/xnai" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(data))
        if "baselines" in path:
            (file.parent / "baseline.png").write_bytes(b"png")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    commit(folder, "all")
    return folder


def git(folder: Path, *words: str) -> str:
    """Run git there; return what it prints."""
    return subprocess.run(
        ["git", "-C", str(folder), *words], check=True, capture_output=True, text=True
    ).stdout


def commit(folder: Path, message: str) -> None:
    """Commit all that is staged, as somebody."""
    git(folder, "-c", "user.name=Anna", "-c", "user.email=anna@example.org", "commit", "-q",
        "--allow-empty", "-m", message)
