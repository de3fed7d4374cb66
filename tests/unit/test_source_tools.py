"""Wheels of packages that only come as source: what is fetched, what is built, what is kept."""

from __future__ import annotations

import runpy
import subprocess
import sys

import pytest
from packaging.requirements import Requirement
from unit_settings import ROOT

PROGRAM = ROOT / "files/source_tools/make_wheels.py"
LOCK = "a==1 --hash=sha256:aa\nb-b==2.0 \\\n    --hash=sha256:bb \\\n    --hash=sha256:bc\n"
# Stand for unearth and pip: each says how it was called, and makes what it would.
FETCHER = """#!/bin/sh
echo "unearth $*" >> "$(dirname "$0")/calls"
[ "$1" != "missing==1" ] || { echo "no such project" >&2; exit 1; }
while [ "$1" != --download ]; do shift; done
echo source > "$2/s.tar.gz"
"""
BUILDER = """#!/bin/sh
while [ "$1" != --find-links ]; do shift; done; source=$2
while [ "$1" != --wheel-dir ]; do shift; done; into=$2
while [ "$1" != -r ]; do shift; done; name=$(sed -n 's/==.*//p' "$2")
echo "pip $name $(ls "$source")" >> "$(dirname "$0")/calls"
mkdir -p "$into"; echo half > "$into/$name-1-py3-none-any.whl"
[ "$name" != broken ]
"""


@pytest.fixture
def tools(tmp_path):
    """A folder with the program's own interpreter, as the virtual environment has one."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "python").symlink_to(sys.executable)
    for name, text in (("unearth", FETCHER), ("pip", BUILDER)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def run(tools, step, lock, *words):
    path = tools.parent / "lock.txt"
    path.write_text(lock)
    cache = tools.parent / "cache"
    return subprocess.run(
        [str(tools / "python"), str(PROGRAM), step, str(path), str(cache), *words],
        capture_output=True, text=True, check=False,
    )


def both(tools, lock, *packages):
    into = tools.parent / "wheels"
    into.mkdir(exist_ok=True)
    words = ("--packages", " ".join(packages))
    fetched = run(tools, "fetch", lock, *words, "--index-url", "https://index")
    assert fetched.returncode == 0, fetched.stderr
    return run(tools, "build", lock, *words, "--into", str(into))


def calls(tools):
    file = tools / "calls"
    found = file.read_text().splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return found


def test_each_wheel_is_made_once_by_all_that_it_is_made_of(tools):
    assert both(tools, LOCK).returncode == 0
    first = calls(tools)
    assert [one.split()[:2] for one in first] == [
        ["unearth", "a==1"], ["unearth", "b-b==2.0"], ["pip", "a"], ["pip", "b-b"],
    ]
    assert "--no-binary" in first[0] and first[0].endswith("--index-url https://index")
    assert len(list((tools.parent / "wheels").iterdir())) == 2
    assert both(tools, LOCK).returncode == 0
    assert calls(tools) == []
    # Another hash, or other packages beside it, is another wheel.
    assert both(tools, LOCK.replace("sha256:aa", "sha256:ab")).returncode == 0
    assert [one.split()[1] for one in calls(tools)] == ["a==1", "a"]
    assert both(tools, LOCK, "gcc").returncode == 0
    assert len(calls(tools)) == 4


def test_a_failure_names_the_package_and_keeps_no_half(tools):
    done = run(tools, "fetch", "missing==1 --hash=sha256:aa\n")
    assert done.returncode == 1
    assert "missing==1: its source could not be fetched: no such project" in done.stderr
    done = both(tools, "broken==1 --hash=sha256:aa\n")
    assert done.returncode == 1
    assert "broken==1: its wheel could not be built" in done.stderr
    assert "'build_apt_packages'" in done.stderr
    assert not list((tools.parent / "wheels").iterdir())
    assert both(tools, "broken==1 --hash=sha256:aa\n").returncode == 1


def test_the_build_tools_that_a_failure_names_are_there():
    wanted = {
        Requirement(line).name
        for line in (PROGRAM.parent / "requirements.in").read_text().splitlines()
        if not line.startswith("#")
    }
    assert set(runpy.run_path(str(PROGRAM))["BACKENDS"]) <= wanted
