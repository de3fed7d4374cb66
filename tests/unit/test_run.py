"""The runner of the tests tells what failed, and never says good of what it did not see."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

import run

PASSES = "def test_a():\n    pass\n"
FAILS = "def test_b():\n    assert False, 'because'\n"
SKIPS = "import pytest\n@pytest.mark.skip(reason='no')\ndef test_c():\n    pass\n"
BREAKS = "import nowhere\n"
DIES = "import os\ndef test_d():\n    os._exit(0)\n"
BAD_END = (
    "import pytest\n@pytest.fixture\ndef it():\n    yield\n    raise RuntimeError\n"
    "def test_e(it):\n    pass\n"
)


# What a file's text must count as: passed, failed, skipped.
COUNTS = {
    "passes": (PASSES, (1, 0, 0)),
    "fails": (PASSES + FAILS, (1, 1, 0)),
    "skips": (PASSES + SKIPS, (1, 0, 1)),
    "breaks": (BREAKS, (0, 1, 0)),
    "dies_with_0": (DIES, (0, 1, 0)),
    "ends_badly": (BAD_END, (0, 1, 0)),
    "has_no_test": ("", (0, 0, 0)),
}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A run of files of these texts, each in a process."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(run, "ROOT", folder)
        patched.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        # Plugins of ours that these texts do not need take most of a process's time.
        patched.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        for name, (text, _) in COUNTS.items():
            (folder / f"test_{name}.py").write_text(text)
        of_it = run.Run(None)
        of_it.stage([
            run.pytest(name, "-p", "no:cacheprovider", f"test_{name}.py") for name in COUNTS
        ])
        yield of_it


@pytest.mark.parametrize("name", COUNTS)
def test_a_job_counts_what_was_seen(done, name):
    (job,) = (job for job in done.jobs if job.name == name)
    passed, failed, skipped = COUNTS[name][1]
    assert job.counts() == {"passed": passed, "failed": failed, "skipped": skipped}
    assert job.good == (failed == 0)


def test_over_several_processes_all_are_summed_up(done, capfd):
    assert done.sum_up() == 1
    said = capfd.readouterr().out
    assert said.splitlines()[-1] == "3 passed, 4 failed, 1 skipped"
    failed = re.search("^failed: (.*)$", said, re.M)
    assert failed and set(failed[1].split(", ")) == {
        "fails", "breaks", "dies_with_0", "ends_badly"
    }
    slowest = said.split("the slowest 20\n")[1].split("\nby file\n")[0]
    assert all(re.fullmatch(r" +\d+\.\d s  \S+", line) for line in slowest.splitlines())
    # The one that died left no report.
    assert len(slowest.splitlines()) == 7


def test_only_what_failed_is_shown_and_what_was_drawn(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    of_it = run.Run(None)
    of_it.stage([
        run.Job("good", ["printf", "%s\\n", "drawn: fault: x", "a good one says this"]),
        run.Job("bad", ["sh", "-c", "echo because; exit 1"]),
    ])
    said = capfd.readouterr().out
    assert "\nbecause\n" in said and "drawn: fault: x\n" in said
    assert "a good one says this" not in said


def test_what_is_not_ready_waits_for_what_makes_it_so(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = tmp_path / "made"
    of_it = run.Run(None)
    later = run.Job("later", ["test", "-e", str(made)], made.exists)
    first = run.Job("first", ["touch", str(made)])
    assert of_it.stage([later, first])
    assert [job.name for job in of_it.jobs] == ["first", "later"]


def test_the_longest_of_the_last_run_starts_first(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    run.save_last({"short": 1.0, "long": 100.0})
    of_it = run.Run(None)
    of_it.stage([run.Job(name, ["true"]) for name in ("short", "long", "new")], at_once=1)
    assert [job.name for job in of_it.jobs] == ["new", "long", "short"]


def test_every_file_is_in_one_share():
    shares = run.shares("tests/unit", "unit", 3)
    named = [word for job in shares for word in job.argv if word.endswith(".py")]
    there = [str(path.relative_to(run.ROOT)) for path in (run.ROOT / "tests/unit").rglob("test_*")]
    assert sorted(named) == sorted(path for path in there if path.endswith(".py"))
