"""A backup is made: the order, who is paused, what a failure leaves."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from backup_machine import (
    PODMAN,
    SPEC,
    Vikunja,
    archives,
    made,
    seen,
    spec,
    states,
)
from unit_settings import ROOT

from xnai.programs.backup import archive as backup_archive
from xnai.programs.backup import exports
from xnai.programs.backup import podman as backup_podman
from xnai.programs.backup import run as backup_run
from xnai.programs.backup.bundle import bundle
from xnai.programs.backup.host import main
from xnai.programs.backup.process import Failed
from xnai.programs.backup.run import Run
from xnai.programs.backup.spec import parse

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root's directories are wanted")


@pytest.mark.parametrize("encrypted", [False, True])
def test_all_of_an_archive_is_with_the_kernel_when_it_is_put_on_the_disk(
    machine, monkeypatch, encrypted
):
    """What Python holds back until the file is closed fsync(2) does not know of."""
    synced: list[tuple[int, int]] = []
    real = os.fsync

    def noting(descriptor: int) -> None:
        state = os.fstat(descriptor)
        synced.append((state.st_ino, state.st_size))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    key = machine / "key"
    key.write_text("a passphrase\n")
    path = made(machine, **({"passphrase_file": str(key)} if encrypted else {}))
    state = path.stat()
    assert (state.st_ino, state.st_size) in synced


def test_what_it_is_told_goes_there_and_back():
    assert parse(SPEC.text()) == SPEC


def test_the_bundle_runs_without_this_package(tmp_path):
    (tmp_path / "b.pyz").write_bytes(bundle(dataclasses.replace(SPEC, directory="/no/such")))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", tmp_path / "b.pyz"], capture_output=True, text=True,
        check=False, cwd="/",
    )
    assert done.returncode == 1
    assert "/no/such: No such file or directory. Nothing was changed." in done.stderr
    assert str(ROOT) not in done.stderr


def test_only_a_server_that_serves_is_up(machine, capfd, monkeypatch):
    assert [part.name for part in SPEC.parts if part.ready_url] == ["vikunja"]
    monkeypatch.setattr(Vikunja, "status", 500)
    assert main(spec(machine)) == 1
    said = capfd.readouterr()
    assert "xnai_vikunja: not healthy after " in said.err
    # It runs again all the same, and no archive was begun with.
    assert states(machine) == {"running"}
    assert archives(machine) == []


def test_nothing_asks_a_server_whose_health_check_fails(monkeypatch):
    asked = []
    monkeypatch.setattr(backup_podman, "answers", lambda url: asked.append(url) or True)
    for program, expected in (("false", []), ("true", ["http://127.0.0.1:3456/health"])):
        one = backup_podman.Podman(program, {"xnai_vikunja": "http://127.0.0.1:3456/health"})
        with contextlib.suppress(Failed):
            one.wait(["xnai_vikunja"], 0)
        assert asked == expected


def test_a_backup(machine, capfd):
    path = made(machine)
    said = capfd.readouterr().out
    assert path.name.startswith("xnai-20") and path.name.endswith("Z.tar")
    assert path.stat().st_mode & 0o777 == 0o600
    assert f"{path.stat().st_size} bytes, sha256 {backup_archive.digest(path)}" in said
    assert f"copy it: scp {path} {path.name}" in said and "without the secrets" in said
    (machine / "into").mkdir()
    manifest = backup_archive.read(path, machine / "into")
    assert [member.of for member in manifest.members] == [
        "xnai_redis_data", "xnai_rag_index", "xnai_library", "vikunja_db", "xnai_vikunja_files",
    ]
    assert manifest.versions == {"redis": "8.0.2", "vikunja_db": "17.6", "vikunja": "2.5.0"}
    assert states(machine) == {"running"}


def test_the_order_writers_redis_exports_and_on_again(machine):
    made(machine)
    calls = (machine / "calls").read_text()
    order = [
        "pause xnai_rag_api xnai_crawler xnai_curation_worker xnai_vikunja\n",
        "exec xnai_redis sh -c", "\npause xnai_redis\n", "volumes/xnai_redis_data .",
        "exec xnai_vikunja_db pg_dump --format=custom --no-password",
        "\nunpause xnai_redis xnai_vikunja xnai_curation_worker xnai_crawler xnai_rag_api\n",
    ]
    places = [calls.index(words) for words in order]
    assert places == sorted(places)
    assert "xnai_vikunja_db_data ." not in calls
    assert calls.count("volumes/xnai_library .") == 1
    assert "value-" not in calls


@pytest.mark.parametrize(
    "fails", ["exec xnai_redis sh", "pg_dump", "directory=.*xnai_library", "^pause"]
)
def test_a_backup_that_fails_lets_all_go_on_and_leaves_nothing(machine, capfd, fails):
    (machine / "fail").write_text(fails)
    assert main(spec(machine)) == 1
    assert "told to fail" in capfd.readouterr().err
    assert states(machine) == {"running"}
    assert archives(machine) == []


def test_a_stack_that_is_not_up_is_refused(machine, capfd):
    (machine / "states/xnai_docs").write_text("exited\n")
    assert main(spec(machine)) == 1
    assert "not running: xnai_docs (exited). Run deploy.py" in capfd.readouterr().err
    assert "\npause" not in (machine / "calls").read_text()


def test_what_a_killed_run_left_goes_on_and_is_removed(machine, capfd):
    work = machine / "backup/.work"
    work.mkdir()
    (work / "paused").write_text(" xnai_rag_api xnai_redis")
    (work / "xnai-half.tar").write_text("half")
    (machine / "states/xnai_rag_api").write_text("paused\n")
    made(machine)
    assert "an earlier run was ended while xnai_rag_api were paused" in capfd.readouterr().out
    assert states(machine) == {"running"}


def test_too_little_room_is_said_first(machine, capfd, monkeypatch):
    monkeypatch.setattr(
        backup_run.shutil, "disk_usage", lambda path: os.terminal_size((0, 0)) and _Usage
    )
    assert main(spec(machine)) == 1
    said = capfd.readouterr().err
    assert "1 MiB are free, 64 MiB are needed for the data and their archive. Make room" in said
    assert "pause" not in (machine / "calls").read_text()


class _Usage:
    free = 1 << 20


def test_a_signal_lets_all_go_on(machine):
    (machine / "podman").write_text(PODMAN.replace("cat database ;;", "sleep 30 ;;", 1))
    code = (
        "import sys\nfrom xnai.programs.backup import host, run\n"
        "from xnai.programs.backup.spec import parse\n"
        "run.require_safe_directory = lambda directory, setting: None\n"
        "sys.exit(host.main(parse(sys.argv[1])))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, spec(machine).text()], cwd=ROOT, stderr=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True,
    ) as child:
        while "pg_dump" not in ((machine / "calls").read_text() if (
            machine / "calls"
        ).exists() else ""):
            assert child.poll() is None, child.stderr.read()
            time.sleep(0.05)
        child.terminate()
        # Nobody listens any more, as when the controller is gone.
        child.stdout.close()
        said = child.stderr.read()
        assert child.wait() == 1
    assert "ended by signal 15" in said
    assert states(machine) == {"running"} and archives(machine) == []


def test_not_healthy_in_time_shows_the_last_lines(machine):
    (machine / "states/xnai_docs").write_text("exited\n")
    one = Run(spec(machine))
    with pytest.raises(Failed, match=r"xnai_docs: not healthy after 1 s .*\na last line"):
        one.podman.wait(["xnai_redis", "xnai_docs"], 1)


def test_the_manifest_is_json_for_people(machine):
    path = made(machine)
    said = subprocess.run(
        ["tar", "-xOf", path, "manifest.json"], capture_output=True, check=True
    ).stdout
    assert json.loads(said)["format"] == 1


def test_a_name_of_a_second_that_is_taken_is_another_seconds():
    asked = []
    assert exports.free_stamp(lambda stamp: asked.append(stamp) or len(asked) < 3) == asked[2]
    assert re.fullmatch("[0-9]{8}T[0-9]{6}Z", asked[2])


def test_the_mark_of_a_pause_is_there_before_anything_is_paused(machine):
    notes = Path(seen(machine, "pause xnai", "cat backup/.work/paused; echo"))
    made(machine)
    first, second, *rest = notes.read_text().splitlines()
    assert first.split() == [
        "xnai_rag_api", "xnai_crawler", "xnai_curation_worker", "xnai_vikunja",
    ]
    assert second.split()[-1] == "xnai_redis"
    assert len(rest) == 1  # and still there when they are let go on


@pytest.mark.parametrize(("short", "code"), [(0, 0), (1, 1)])
def test_room_for_exactly_what_is_needed_is_enough_and_a_byte_less_is_not(
    machine, monkeypatch, capfd, short, code
):
    """Needed: twice the data (docs/backup.md), and 64 MiB."""
    for volume in (machine / "volumes").iterdir():
        (volume / "file").write_bytes(b"x" * 5000)
    size = sum(
        max(s.st_size, s.st_blocks * 512)
        for s in (file.lstat() for file in (machine / "volumes").rglob("*") if file.is_file())
    )
    free = 2 * size + (64 << 20) - short
    monkeypatch.setattr(
        backup_run.shutil, "disk_usage", lambda path: type("Usage", (), {"free": free})
    )
    assert main(spec(machine)) == code
    assert ("Make room there" in capfd.readouterr().err) == bool(code)
