"""`python -m benchmarks.audit.speed`: processor time, wall time and peak memory of an audit.

Each tree is audited by this checkout, without and with its cache, and, with --baseline COMMIT, by
that commit from a git worktree of its own. Raw data goes to benchmarks/audit/speed.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.audit import trees

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RAW = HERE / "speed.json"
_RUN = "import sys; sys.argv[0] = 'xnai'; from xnai.cli import main; main()"


@dataclass(frozen=True)
class AuditTime:
    """One audit.

    Attributes:
        tree: what was audited.
        by: `baseline`, `here`, or `here, cached`.
        processor_s: seconds of processor time, of all processes.
        wall_s: seconds that it took.
        peak_mib: the largest process' memory, in MiB.
        findings: how many.
        unknown: what did not answer.
    """

    tree: str
    by: str
    processor_s: float
    wall_s: float
    peak_mib: float
    findings: int
    unknown: int


def measured(tree: Path, by: str, name: str, source: Path, cache: Path) -> AuditTime:
    """Audit a tree with the modules of `source`, and return what it took."""
    env = {**os.environ, "PYTHONPATH": str(source), "XDG_CACHE_HOME": str(cache)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _RUN, "audit", str(tree), "--json"], env=env, stdout=out,
            stderr=subprocess.DEVNULL, cwd="/",
        )
        _, _, own = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        out.seek(0)
        found = json.loads(out.read())
    spent = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    # wait4 reaps the process itself, whose own children it has counted.
    return AuditTime(
        name, by, round(max(spent, own.ru_utime + own.ru_stime), 2), round(wall, 2),
        round(own.ru_maxrss / 1024, 1), len(found["findings"]), len(found["unknown"]),
    )


@contextmanager
def worktree(commit: str) -> Iterator[Path]:
    """Check a commit out beside this one, and remove it again."""
    with tempfile.TemporaryDirectory(prefix="xnai-bench-") as folder:
        where = Path(folder) / "tree"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--detach", "--quiet", str(where), commit], check=True)
        try:
            yield where
        finally:
            subprocess.run([*git, "remove", "--force", str(where)], check=True)


def written(folder: Path) -> Iterator[tuple[str, Path]]:
    """Write the trees that are measured; yield the name and the place of each."""
    for files in (327, 654):
        root = folder / f"compose{files}"
        trees.many_compose_files(root, files, 2.5)
        yield f"{files} compose files, 2.5 MB of scripts", root
    root = folder / "makefile"
    root.mkdir()
    trees.long_makefile(root)
    yield "a Makefile of 2,000 lines, nine Dockerfiles", root


def main() -> None:
    """Print a line a measurement, and keep them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baseline", metavar="COMMIT", help="measure that commit too")
    parser.add_argument("--no-write", action="store_true", help="print alone")
    parser.add_argument("--only", default="", metavar="WORD", help="trees with that word")
    parser.add_argument("--runs", type=int, default=1, help="by turns")
    options = parser.parse_args()
    rows: list[AuditTime] = []
    with tempfile.TemporaryDirectory(prefix="xnai-bench-") as folder:
        chosen = [one for one in written(Path(folder)) if options.only in one[0]]
        for number, (name, tree) in enumerate(chosen * options.runs):
            # A cache of its own: two trees may hold the same text.
            cache = Path(folder) / f"cache{number}"
            cache.mkdir(mode=0o700)
            for by in ("here", "here, cached"):
                rows.append(measured(tree, by, name, ROOT, cache))
                print(rows[-1], flush=True)
            if options.baseline:
                with worktree(options.baseline) as source:
                    rows.append(measured(tree, "baseline", name, source, cache))
                print(rows[-1], flush=True)
    for name in dict.fromkeys(one.tree for one in rows):
        here, there = (
            [one.processor_s for one in rows if (one.tree, one.by) == (name, by)]
            for by in ("here", "baseline")
        )
        if there:
            ratio = statistics.median(a / b for a, b in zip(here, there, strict=True))
            print(f"{name}: {ratio:.3f} of the baseline's processor time (n {len(here)})")
    if not options.no_write:
        # Of trees that were not measured now the former rows stay.
        measured_now = {one.tree for one in rows}
        former = json.loads(RAW.read_text("utf-8"))["rows"] if RAW.exists() else []
        kept = [row for row in former if row["tree"] not in measured_now]
        data = {
            "baseline": options.baseline, "python": platform.python_version(),
            "processors": os.cpu_count(), "load": os.getloadavg(),
            "rows": [*kept, *(asdict(one) for one in rows)],
        }
        RAW.write_text(json.dumps(data, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
