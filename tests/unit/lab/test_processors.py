"""Which of this host's processors a machine is kept on."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnai.lab import paths, process, processors
from xnai.lab.proc import ProcessId
from xnai.lab.processors import choose
from xnai.lab.spec import save_json

ALLOWED = st.sets(st.integers(0, 9), min_size=1)


@given(st.integers(1, 8), ALLOWED, st.lists(st.sets(st.integers(0, 9)), max_size=5))
def test_as_many_as_wanted_of_those_that_fewest_others_have(wanted, allowed, taken):
    chosen = choose(wanted, allowed, taken)
    assert chosen <= allowed and len(chosen) == min(wanted, len(allowed))
    kept = [one for one in taken if not one >= allowed]
    load = {number: sum(number in one for one in kept) for number in allowed}
    rest = [load[number] for number in allowed - chosen]
    assert not rest or max(load[number] for number in chosen) <= min(rest)


def test_a_machine_that_has_all_takes_nobodys_place():
    assert choose(1, {0, 1}, [{0, 1}, {0}]) == {1}
    assert choose(1, {0, 1}, [{0, 1}]) == {0}
    assert choose(2, {0, 1}, [{0}]) == {0, 1}


# A process with a thread and a child, as a guest's kernel is, that says when they are there.
PROGRAM = """
import subprocess, sys, threading, time
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
child = subprocess.Popen(["sleep", "60"])
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A process that is written down as a machine's, and its child's number."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    directory = paths.machines_dir() / "one"
    directory.mkdir(parents=True)
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        child = int(running.stdout.readline())
        identity = ProcessId.of(running.pid)
        save_json(directory / f"{process.MACHINE}{process.PID_SUFFIX}", asdict(identity))
        yield directory, running.pid, child
        process.kill(directory, process.MACHINE)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor: nothing to choose")
def test_every_task_of_a_machine_is_moved_and_let_go(machine):
    directory, pid, child = machine
    everywhere = os.sched_getaffinity(0)
    tasks = [*map(int, (path.name for path in Path(f"/proc/{pid}/task").iterdir())), child]
    assert len(tasks) == 3
    processors.pin(directory, 1)
    (place,) = {frozenset(os.sched_getaffinity(task)) for task in tasks}
    assert len(place) == 1
    # Another machine gets another place.
    other = paths.machines_dir() / "two"
    other.mkdir()
    assert processors.choose(1, everywhere, processors._taken(other)).isdisjoint(place)
    processors.unpin(directory)
    assert {frozenset(os.sched_getaffinity(task)) for task in tasks} == {frozenset(everywhere)}


def test_a_machine_that_is_off_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (paths.machines_dir() / "off").mkdir(parents=True)
    processors.pin(paths.machines_dir() / "off", 1)
    processors.unpin(paths.machines_dir() / "off")
