"""Faults that are seeded by hand: each must be caught by the one test file named for it.

    .venv/bin/python -m tests.faults [NAME ...]

The list, `tests/faults.toml`, was written before the runs: what is caught by another file, or by
none, is a hole in the tests. Each fault is put into a copy of the tracked files, which is else the
same.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIST = ROOT / "tests/faults.toml"


def faults() -> dict[str, dict[str, str]]:
    """Return the list: name -> file, before, after, test."""
    found: dict[str, dict[str, str]] = tomllib.loads(LIST.read_text("utf-8"))
    return found


def wrong(name: str, fault: dict[str, str]) -> str:
    """Return why a fault cannot be seeded, or an empty text."""
    times = (ROOT / fault["file"]).read_text("utf-8").count(fault["before"])
    if times != 1:
        return f"{name}: its text is {times} times in {fault['file']}"
    return "" if (ROOT / fault["test"]).is_file() else f"{name}: there is no {fault['test']}"


def caught(fault: dict[str, str], copy: Path) -> str:
    """Return the first line that says why, or an empty text where the test file passes."""
    path = copy / fault["file"]
    whole = path.read_text("utf-8")
    path.write_text(whole.replace(fault["before"], fault["after"]), "utf-8")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", fault["test"]], cwd=copy, check=False,
            capture_output=True, text=True, timeout=900, stdin=subprocess.DEVNULL,
        )
    finally:
        path.write_text(whole, "utf-8")
    lines = done.stdout.splitlines()
    why = [
        line for line in lines
        if line.startswith(("E  ", "FAILED", "ERROR"))
        or (line.startswith(("+", "-")) and not line.startswith(("+++", "---")))
    ]
    return (why or lines[-1:] or ["?"])[0].strip() or "?" if done.returncode else ""


def main() -> int:
    """Seed each fault, or those that are named; return how many were not caught."""
    known = faults()
    if unknown := set(sys.argv[1:]) - set(known):
        sys.exit(f"no such faults in {LIST}: {', '.join(sorted(unknown))}")
    chosen = {n: f for n, f in known.items() if not sys.argv[1:] or n in sys.argv[1:]}
    missed = 0
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        copy = Path(folder) / "copy"
        files = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True
        ).stdout.split(b"\0")
        for name in filter(None, files):
            target = copy / name.decode()
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name.decode(), target)
        for name, fault in chosen.items():
            why = "" if wrong(name, fault) else caught(fault, copy)
            missed += not why
            word = "caught" if why else "MISSED"
            print(f"{word}  {name}: {fault['test']}: {why[:150]}", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} caught")
    return missed


if __name__ == "__main__":
    sys.exit(main())
