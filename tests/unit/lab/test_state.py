"""Processes and machines are found again, and half made ones are told from whole ones."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from xnai.lab import create, machine, paths, process, snapshots
from xnai.lab.backends.base import Launch
from xnai.lab.errors import LabError
from xnai.lab.guest import CONFIG as CONFIG_FILE
from xnai.lab.proc import ProcessId, parse_start_ticks
from xnai.lab.progress import Silent
from xnai.lab.spec import Config, MachineSpec

CONFIG = Config("t1", "trixie", 1024, 1, 16, "uml", 22207)


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Path]:
    launch = Launch([sys.executable, "-c", "import time; time.sleep(60)"])
    process.spawn(launch, tmp_path, process.MACHINE, "console.log")
    yield tmp_path
    process.kill_all(tmp_path)


def test_start_ticks_survive_blanks_and_brackets_in_the_name() -> None:
    fields = " ".join(str(n) for n in range(4, 30))
    assert parse_start_ticks(f"12 (a) b (c)) S {fields}") == 22
    assert parse_start_ticks(f"12 (x) Z {fields}") is None


def test_a_process_is_found_and_killed_by_identity(sleeper: Path) -> None:
    identity = process.running(sleeper, process.MACHINE)
    assert identity is not None
    process.kill(sleeper, process.MACHINE)
    assert process.running(sleeper, process.MACHINE) is None


def test_another_process_of_the_same_number_is_not_ours(sleeper: Path) -> None:
    identity = process.recorded(sleeper, process.MACHINE)
    assert identity is not None
    assert not replace(identity, start_ticks=identity.start_ticks - 1).alive()
    assert not replace(identity, boot_id="another boot").alive()


def test_the_maker_is_never_killed(tmp_path: Path) -> None:
    process.record_self(tmp_path, process.MAKER)
    process.kill_all(tmp_path)


def test_a_half_made_machine_of_a_dead_maker_is_removed() -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    directory = paths.private_dir(paths.machines_dir() / "t1")
    ended = ProcessId(done.pid, 1, "another boot")
    done.wait()
    (directory / "maker.pid.json").write_text(
        f'{{"pid": {ended.pid}, "start_ticks": 1, "boot_id": "another boot"}}'
    )
    create.clean_half_made(Silent())
    assert not directory.exists()


def test_a_half_made_machine_of_a_living_maker_stays() -> None:
    directory = paths.private_dir(paths.machines_dir() / "t1")
    process.record_self(directory, process.MAKER)
    create.clean_half_made(Silent())
    assert directory.exists()


def test_a_whole_machine_is_found_with_its_addresses() -> None:
    directory = paths.private_dir(paths.machines_dir() / "t1")
    CONFIG.save(directory / CONFIG_FILE)
    create.clean_half_made(Silent())
    found = machine.find("t1")
    assert (found.ssh_port, found.running, machine.names()) == (22207, False, ["t1"])
    assert found.testinfra_host == "ssh://lab-t1"
    assert found.hosts_file == directory / "hosts.py"


def test_a_torn_configuration_is_no_machine() -> None:
    directory = paths.private_dir(paths.machines_dir() / "t1")
    (directory / CONFIG_FILE).write_text('{"name": "t1"')
    with pytest.raises(LabError, match="no machine 't1'"):
        machine.find("t1")


def test_an_existing_machine_of_another_kind_is_not_reused() -> None:
    directory = paths.private_dir(paths.machines_dir() / "t1")
    CONFIG.save(directory / CONFIG_FILE)
    same = MachineSpec("t1", memory_mib=1024)
    assert create.make(same, Silent()).name == "t1"
    with pytest.raises(LabError, match="memory_mib 1024, not 2048"):
        create.make(replace(same, memory_mib=2048), Silent())


def test_an_unknown_snapshot_is_named() -> None:
    with pytest.raises(LabError, match="no snapshot 'fresh'"):
        snapshots.find("fresh")
