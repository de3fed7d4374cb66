"""Runs the tests in processes of their own, two at a time, and sums them up.

    .venv/bin/python tests/run.py unit|quick|test|drill [--shuffle SEED]

A process a file: pyinfra's command patches the interpreter that imports it, which a process that
shares work with others does not survive; and a file that hangs or breaks takes none along. What
can fail soon comes first; the lab's machines come when all of that passed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
BIN = Path(sys.executable).parent
AT_ONCE = 2
TELL_EVERY_S = 60.0
# No verdict on a test: after so long a process is taken to hang, and ended.
HANGS_S = 3600.0
SLOWEST = 20
# Where the last run's seconds are kept, so that the longest process is started first.
LAST = "test-seconds.json"

# Seconds of the longest files on two idle cores, for a host that has not run them yet.
EXPECTED_S = {
    "tests/lab/test_first_deploy.py": 1000.0,
    "tests/lab/test_interrupted.py": 900.0, "tests/lab/test_images.py": 600.0,
    "tests/lab/test_stack.py": 600.0, "tests/lab/test_end_to_end.py": 300.0,
    "tests/lab/test_triage.py": 150.0,
    "tests/lab/test_teardown.py": 120.0, "tests/lab/test_many_hosts.py": 120.0,
    "tests/lab/test_memory_pressure.py": 90.0, "tests/lab/test_browser.py": 60.0,
    "tests/lab/test_kernel.py": 30.0,
}
# Lab files that start from a bare machine; every other stands on copies of a deployed one.
FIRST = "tests/lab/test_first_deploy.py"
BARE = (
    "tests/lab/test_teardown.py", "tests/lab/test_bad_input.py", "tests/lab/test_many_hosts.py",
    "tests/lab/test_memory_pressure.py", "tests/lab/test_oom_guard.py",
    "tests/lab/test_login_user.py",
)


@dataclass
class Job:
    """One process, and what came of it.

    Attributes:
        name: what is shown.
        argv: the command.
        ready: whether it may start by now.
        seconds: how long it took.
        code: its exit code.
        output: all that it said.
        cases: test -> (seconds, outcome).
        crashed: whether it ended without a report where one was asked for.
    """

    name: str
    argv: Sequence[str]
    ready: Callable[[], bool] = lambda: True
    seconds: float = 0.0
    code: int = -1
    output: str = ""
    cases: dict[str, tuple[float, str]] = field(default_factory=dict)
    crashed: bool = False

    @property
    def good(self) -> bool:
        """Whether nothing in it failed; a file of which nothing was asked for is good."""
        # 5 is pytest's word for "no test was chosen".
        return (self.code == 0 or (self.tests and self.code == 5)) and not self.crashed

    @property
    def tests(self) -> bool:
        """Whether it is pytest's."""
        return Path(self.argv[0]).name == "pytest"

    def run(self, report: Path) -> None:
        """Run it to its end."""
        words = [*self.argv]
        if self.tests:
            words.append(f"--junitxml={report}")
            # An earlier run's would be counted for a process that dies.
            report.unlink(missing_ok=True)
        started = time.monotonic()
        try:
            done = subprocess.run(
                words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, check=False, timeout=HANGS_S,
            )
            self.code, said = done.returncode, done.stdout
        except subprocess.TimeoutExpired as hung:
            self.code, said = 124, (hung.stdout or b"") + b"\nended: it hangs"
        self.output = said.decode(errors="replace")
        self.crashed = self.tests
        with contextlib.suppress(OSError, ElementTree.ParseError):
            self.cases, self.crashed = dict(cases(report)), False
        self.seconds = time.monotonic() - started

    def counts(self) -> dict[str, int]:
        """How many tests passed, failed and were skipped."""
        outcomes = [outcome for _, outcome in self.cases.values()]
        found = {name: outcomes.count(name) for name in ("passed", "failed", "skipped")}
        if not self.good and not found["failed"]:
            found["failed"] = 1
        return found


def cases(report: Path) -> Iterator[tuple[str, tuple[float, str]]]:
    """Every test of a JUnit report, with its seconds (set-up and end included) and its outcome."""
    # Written by our own pytest a moment ago.
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314
        name = f"{case.get('classname')}::{case.get('name')}"
        tags = {child.tag for child in case}
        outcome = "failed" if tags & {"failure", "error"} else (
            "skipped" if "skipped" in tags else "passed"
        )
        yield name, (float(case.get("time", 0)), outcome)


class Run:
    """Jobs in stages, two at a time, told as they end."""

    def __init__(self, reports: Path | None) -> None:
        self.reports = reports
        self.started = time.monotonic()
        self.jobs: list[Job] = []
        self.last = load_last()

    def tell(self, text: str) -> None:
        """Print one line with the time since the start."""
        minutes, seconds = divmod(int(time.monotonic() - self.started), 60)
        print(f"[{minutes:3d}:{seconds:02d}] {text}", flush=True)

    def stage(self, jobs: Sequence[Job], at_once: int = AT_ONCE) -> bool:
        """Run jobs, the longest first where they may start; return whether all were good."""
        waiting = sorted(
            jobs, key=lambda job: -self.last.get(job.name, EXPECTED_S.get(job.name, 200.0))
        )
        running: dict[Future[None], Job] = {}
        stop = threading.Event()
        threading.Thread(target=self._heartbeat, args=(running, stop), daemon=True).start()
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(at_once) as pool:
            while waiting or running:
                for job in [job for job in waiting if job.ready()][: at_once - len(running)]:
                    waiting.remove(job)
                    self.tell(f"start   {job.name}")
                    report = (self.reports or Path(folder)).resolve() / (
                        job.name.replace("/", "-").replace(" ", "-") + ".xml"
                    )
                    running[pool.submit(job.run, report)] = job
                    self.jobs.append(job)
                if not running:
                    time.sleep(2.0)
                ended, _ = wait(running, timeout=2.0, return_when=FIRST_COMPLETED)
                for future in ended:
                    job = running.pop(future)
                    future.result()
                    self._ended(job)
        stop.set()
        return all(job.good for job in jobs)

    def _ended(self, job: Job) -> None:
        counts = job.counts()
        told = ", ".join(f"{n} {name}" for name, n in counts.items() if n) or "done"
        self.tell(f"{'ok' if job.good else 'FAILED':7s} {job.name}: {told} ({job.seconds:.0f} s)")
        notes = [line for line in job.output.splitlines() if line.startswith("drawn: ")]
        for line in notes if job.good else [job.output]:
            print(line, flush=True)

    def _heartbeat(self, running: dict[Future[None], Job], stop: threading.Event) -> None:
        while not stop.wait(TELL_EVERY_S):
            names = ", ".join(job.name for job in list(running.values()))
            self.tell(f"at work {names}")

    def sum_up(self) -> int:
        """Print the slowest tests, sums by file and the closing line; return the exit code."""
        everything = [
            (seconds, name) for job in self.jobs for name, (seconds, _) in job.cases.items()
        ]
        print(f"\nthe slowest {SLOWEST}")
        for seconds, name in sorted(everything, reverse=True)[:SLOWEST]:
            print(f"{seconds:8.1f} s  {name}")
        print("\nby file")
        by_file: dict[str, float] = {}
        for seconds, name in everything:
            file = name.partition("::")[0]
            by_file[file] = by_file.get(file, 0.0) + seconds
        for file, seconds in sorted(by_file.items(), key=lambda item: -item[1]):
            if seconds >= 1:
                print(f"{seconds:8.1f} s  {file}")
        bad = [job.name for job in self.jobs if not job.good]
        total = {"passed": 0, "failed": 0, "skipped": 0}
        for job in self.jobs:
            for name, count in job.counts().items():
                total[name] += count
        busy = os.times()
        print(
            f"\n{time.monotonic() - self.started:.0f} s, "
            f"{busy.children_user + busy.children_system:.0f} processor seconds"
        )
        if bad:
            print("failed: " + ", ".join(bad))
        save_last({**self.last, **{job.name: job.seconds for job in self.jobs if job.good}})
        skipped = f", {total['skipped']} skipped" if total["skipped"] else ""
        print(f"{total['passed']} passed, {total['failed']} failed{skipped}", flush=True)
        return 1 if bad else 0


def last_file() -> Path:
    """Where the last run's seconds are."""
    from xnai.lab.paths import cache_dir

    return cache_dir() / LAST


def load_last() -> dict[str, float]:
    """The last run's seconds by job; empty where there was none."""
    try:
        found = json.loads(last_file().read_text())
    except (OSError, json.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def save_last(seconds: dict[str, float]) -> None:
    """Keep this run's seconds."""
    last_file().parent.mkdir(parents=True, exist_ok=True)
    last_file().write_text(json.dumps(seconds, indent=1))


def pytest(name: str, *words: str, ready: Callable[[], bool] = lambda: True) -> Job:
    """One process of pytest."""
    return Job(name, [str(BIN / "pytest"), "-q", *words], ready)


def shares(folder: str, name: str, parts: int, *words: str) -> list[Job]:
    """The files of a folder in shares of about the same size."""
    files = sorted((ROOT / folder).rglob("test_*.py"), key=lambda path: -path.stat().st_size)
    return [
        pytest(f"{name} {part + 1}/{parts}",
               *(str(path.relative_to(ROOT)) for path in files[part::parts]), *words)
        for part in range(parts)
    ]


def lint_jobs() -> list[Job]:
    """What reads the code."""
    return [Job("ruff", [str(BIN / "ruff"), "check", "."]), Job("mypy", [str(BIN / "mypy")])]


def lab_jobs(words: Sequence[str], marker: str, only: str | None) -> list[Job]:
    """One process a file of lab tests; what needs a copy waits for the first deploy."""
    from tests.lab import clones
    from xnai.lab import bases
    from xnai.lab.progress import Silent

    here = ["-m", marker, *words]
    if only:
        return [pytest(only, only, *here)]
    key = clones.key("auto", Silent())
    first = pytest(FIRST, FIRST, *here)

    usable = clones.found(key, Silent()).directory is not None
    before = set(bases.kept(key))

    def base_is_there() -> bool:
        # What cannot be used is not waited for: the first job makes another.
        made = (path for path in bases.kept(key) if path not in before)
        return usable or first.seconds > 0 or any((p / clones.REFERENCE).exists() for p in made)

    found = [first]
    for path in sorted((ROOT / "tests/lab").glob("test_*.py")):
        name = str(path.relative_to(ROOT))
        if name != FIRST:
            found.append(pytest(
                name, name, *here,
                ready=(lambda: True) if name in BARE else base_is_there,
            ))
    return found


def commit() -> str:
    """The commit by whose hash drills are drawn."""
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "none"


def main() -> None:
    """Run a level and exit with its verdict."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("level", choices=("unit", "quick", "test", "lab", "drill"))
    parser.add_argument("--shuffle", metavar="SEED", help="run tests in an order drawn by SEED")
    parser.add_argument("--rounds", default="5", help="of a drill, in `drill`")
    parser.add_argument("--reports", metavar="FOLDER", help="keep pytest's JUnit reports there")
    options = parser.parse_args()
    run = Run(Path(options.reports) if options.reports else None)
    order = [
        "-o", "addopts=-ra --strict-markers --strict-config -p no:cacheprovider",
        f"--randomly-seed={options.shuffle}",
    ] if options.shuffle else []
    good = True
    if options.level in ("unit", "quick"):
        # Examples of a property test; Hypothesis' own number comes with all the rest.
        os.environ.setdefault("XNAI_TEST_EXAMPLES", "25")
    if options.level in ("unit", "quick", "test"):
        good = run.stage([
            *(lint_jobs() if options.level != "unit" else ()),
            *shares("tests/unit", "tests/unit", AT_ONCE, *order),
        ])
    if good and options.level in ("quick", "test"):
        good = run.stage(shares("tests/audit", "tests/audit", AT_ONCE, *order))
    if good and options.level != "unit":
        os.environ["XNAI_TEST_COPIES_ARE_SHARED"] = "1"
        good = run.stage([Job("lab: what machines need", [str(BIN / "xnai"), "lab", "build"])])
        if good:
            try:
                # The services' own tests are one process: beside machines, or a processor waits.
                run.stage([
                    *chosen_lab_jobs(options, order),
                    *([pytest("tests/images, tests/services", "tests/images", "tests/services")]
                      if options.level == "test" else []),
                ])
            finally:
                from tests.lab import clones

                clones.end_all()
    sys.exit(run.sum_up())


def chosen_lab_jobs(options: argparse.Namespace, order: Sequence[str]) -> list[Job]:
    """The lab's jobs of a level."""
    if options.level == "quick":
        return lab_jobs(order, "quick", "tests/lab/test_end_to_end.py")
    if options.level == "drill":
        return lab_jobs(
            [*order, "--rounds", options.rounds], "drill or drill_only or family", None
        )
    head = commit()
    print(f"drills drawn by {shlex.quote(head)}", flush=True)
    return lab_jobs([*order, "--drawn-by", head], "not drill_only", None)


if __name__ == "__main__":
    main()
