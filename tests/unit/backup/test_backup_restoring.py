"""A backup is restored: what comes back, what is kept, what a killed one leaves."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest
from backup_machine import (
    PODMAN,
    SPEC,
    archives,
    data,
    destroy,
    killed_at,
    made,
    seen,
    spec,
    states,
)

from xnai.programs.backup import archive as backup_archive
from xnai.programs.backup import run as backup_run
from xnai.programs.backup.host import main

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root's directories are wanted")


def test_a_restore_brings_all_back_and_keeps_what_was_there(machine, capfd):
    path = made(machine)
    before = destroy(machine)
    assert main(spec(machine, action="restore", restore_from=str(path))) == 0
    after = data(machine)
    # The database's own files are PostgreSQL's to recreate.
    assert {k: v for k, v in after.items() if "db_data" not in k} == {
        k: v for k, v in before.items() if "db_data" not in k
    }
    assert not any("db_data" in name for name in after)
    assert (machine / "psql").read_text().endswith(
        "ALTER ROLE \"vikunja\" PASSWORD 'value-xnai_vikunja_db_password';\n"
    )
    assert states(machine) == {"running"}
    kept = next(one for one in archives(machine) if one != path)
    assert kept.name.endswith("-before-restore.tar")
    assert "value-" not in (machine / "calls").read_text()
    # And what was kept goes back in the same way.
    assert main(spec(machine, action="restore", restore_from=str(kept))) == 0
    assert (machine / "volumes/xnai_vikunja_db_data/other").read_text() == "other"
    assert states(machine) == {"running"}


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda whole: whole[:-700], "it is cut short"),
        (lambda whole: whole.replace(b"PGDMP rows", b"PGDMP cows"), "database.dump in it was alt"),
        (lambda whole: b"", "it is cut short"),
    ],
)
def test_an_archive_that_is_not_whole_changes_nothing(machine, capfd, damage, said):
    path = made(machine)
    path.write_bytes(damage(path.read_bytes()))
    before = data(machine)
    (machine / "calls").unlink()
    assert main(spec(machine, action="restore", restore_from=str(path))) == 1
    found = capfd.readouterr().err
    assert said in found and "Take another copy of it. Nothing was changed." in found
    assert data(machine) == before and archives(machine) == [path]
    assert "stop" not in (machine / "calls").read_text()


def test_a_missing_archive(machine, capfd):
    assert main(spec(machine, action="restore", restore_from="/no/such.tar")) == 1
    assert "/no/such.tar: there is no such file on this machine" in capfd.readouterr().err


def test_what_does_not_fit_is_said_at_once_and_changes_nothing(machine, capfd):
    path = made(machine)
    (machine / "redis_version").write_text("7.0.15")
    (machine / "strangers").write_text("mine\n")
    parts = tuple(part for part in SPEC.parts if not part.name.startswith("vikunja"))
    assert main(
        spec(machine, action="restore", restore_from=str(path), parts=parts, database=None)
    ) == 1
    said = capfd.readouterr().err
    assert "cannot be restored here; nothing was changed" in said
    assert "it has data of vikunja_db, xnai_vikunja_files, and this machine has no such" in said
    assert "the older 7.0.15" in said and "mine, which is none of the stack's" in said
    assert main(spec(machine, action="restore", restore_from=str(path), stack="other")) == 1
    assert "it is of the stack 'xnai', and this one is 'other'" in capfd.readouterr().err
    assert states(machine) == {"running"}


@pytest.mark.parametrize("fails", ["pg_restore", "psql", "chown", "^start .*xnai_redis"])
def test_a_restore_that_fails_goes_back(machine, capfd, fails):
    path = made(machine)
    destroy(machine)
    before = data(machine)
    # Once: what fails in going back too is another matter.
    (machine / "podman").write_text(
        PODMAN.replace('{ echo "told', '{ rm fail; echo "told')
    )
    (machine / "fail").write_text(fails)
    assert main(spec(machine, action="restore", restore_from=str(path))) == 1
    said = capfd.readouterr().err
    assert "Nothing was restored: the machine has the data that it had before." in said
    after = data(machine)
    if fails == "psql":
        # The stand-in's database is a file of its own, no part of the volume.
        del before["database"], after["database"]
    elif fails == "^start .*xnai_redis":
        del before["database"], after["database"]
    assert after == before
    assert states(machine) == {"running"}


def test_going_back_that_fails_says_what_to_do(machine, capfd):
    path = made(machine)
    (machine / "fail").write_text("chown")
    assert main(spec(machine, action="restore", restore_from=str(path))) == 1
    said = capfd.readouterr().err
    assert "going back failed as well" in said and "-before-restore.* in " in said
    (kept,) = [one for one in archives(machine) if "-before-restore" in one.name]
    # Half of it: nothing may start from here, and the next one knows what there was.
    mark = json.loads((machine / "unfinished-restore").read_text())
    assert mark == {"archive": str(path), "kept": str(kept)}


def test_a_restore_that_is_killed_anywhere_is_known_and_can_be_finished_or_undone(machine, capfd):
    path = made(machine)
    wanted = {name: text for name, text in data(machine).items() if "db_data" not in name}
    destroy(machine)
    restore = spec(machine, action="restore", restore_from=str(path))
    mark = machine / "unfinished-restore"
    call, marked, found = 0, 0, set()
    while killed_at(machine, call := call + 1, restore):
        now = {name: text for name, text in data(machine).items() if "db_data" not in name}
        replaced = any(now.get(name) != "other" for name in now if name.endswith("/other")) or any(
            name.endswith("/file") for name in now
        )
        found.add((replaced, mark.exists()))
        # Once anything of it was replaced, the mark says so, and where what was there is kept.
        assert mark.exists() or not replaced or now == wanted
        if mark.exists():
            kept = Path(json.loads(mark.read_text())["kept"])
            folder = machine / f"into{call}"
            folder.mkdir()
            assert backup_archive.read(kept, folder).members
            marked += 1
        if mark.exists() and marked % 5 == 1:
            assert main(spec(machine)) == 1
            assert "restore_from=" in capfd.readouterr().err
            # What was there before is put back from the archive that the mark names.
            assert main(dataclasses.replace(restore, restore_from=str(kept))) == 0
            assert not mark.exists()
            assert (machine / "volumes/xnai_rag_index/other").read_text() == "other"
        for one in archives(machine):
            if one != path and one.is_file():
                one.unlink()
        assert states(machine) <= {"running", "exited"}
        for state in (machine / "states").iterdir():
            state.write_text("running\n")
        mark.unlink(missing_ok=True)
        destroy(machine)
    assert {(False, False), (True, True)} <= found
    after = {name: text for name, text in data(machine).items() if "db_data" not in name}
    assert after == wanted and not mark.exists()


def test_what_a_killed_restore_left_is_not_started_when_the_next_one_fails(machine, capfd):
    path = made(machine)
    destroy(machine)
    restore = spec(machine, action="restore", restore_from=str(path))
    calls = (machine / "calls")
    call = 0
    while not (machine / "unfinished-restore").exists():
        assert killed_at(machine, call := call + 1, restore)
    (machine / "fail").write_text("pg_restore")
    calls.unlink()
    assert main(restore) == 1
    said = capfd.readouterr()
    assert "what was there before it is " in said.out and "the stack is down" in said.err
    assert (machine / "unfinished-restore").exists()
    started = [line for line in calls.read_text().splitlines() if line.startswith("start ")]
    assert started == ["start xnai_vikunja_db"]  # to be filled, before it failed; nothing since
    (machine / "fail").unlink()
    assert main(restore) == 0
    assert not (machine / "unfinished-restore").exists()


def test_a_stack_that_is_left_down_is_said_to_be(machine, capfd):
    """An earlier restore brought other secrets, and its containers were not recreated."""
    path = made(machine)
    (machine / "backup" / backup_run.CHANGED).touch()
    (machine / "podman").write_text(PODMAN.replace('{ echo "told', '{ rm fail; echo "told'))
    (machine / "fail").write_text("pg_restore")
    assert main(spec(machine, action="restore", restore_from=str(path))) == 1
    said = capfd.readouterr().err
    assert "the data that it had before, and the stack is down" in said and "deploy.py" in said
    assert "exited" in states(machine)


def test_the_mark_of_a_restore_is_there_before_anything_is_replaced(machine):
    path = made(machine)
    notes = Path(seen(machine, "--extract", "cat unfinished-restore; ls backup"))
    assert main(spec(machine, action="restore", restore_from=str(path))) == 0
    first = notes.read_text().splitlines()
    assert json.loads(first[0])["archive"] == str(path)
    assert Path(json.loads(first[0])["kept"]).name in first
    assert not (machine / "unfinished-restore").exists()


def test_nothing_is_emptied_without_the_mark(machine):
    path = made(machine)
    notes = Path(seen(machine, "-mindepth 1 -delete", "cat unfinished-restore"))
    assert main(spec(machine, action="restore", restore_from=str(path))) == 0
    lines = notes.read_text().splitlines()
    assert len(lines) == 5 and all(json.loads(line)["archive"] == str(path) for line in lines)


@pytest.mark.parametrize(("short", "code"), [(0, 0), (1, 1)])
def test_room_for_a_restore_at_the_edge(machine, monkeypatch, capfd, short, code):
    """Twice what is there, to keep it, once what comes, and 64 MiB."""
    path = made(machine)
    for volume in (machine / "volumes").iterdir():
        (volume / "file").write_bytes(b"x" * 5000)
    (machine / "into").mkdir()
    coming = backup_archive.total(backup_archive.read(path, machine / "into").members)
    size = sum(
        max(s.st_size, s.st_blocks * 512)
        for s in (file.lstat() for file in (machine / "volumes").rglob("*") if file.is_file())
    )
    free = 2 * size + coming + (64 << 20) - short
    monkeypatch.setattr(
        backup_run.shutil, "disk_usage", lambda path: type("Usage", (), {"free": free})
    )
    assert main(spec(machine, action="restore", restore_from=str(path))) == code
    assert ("Make room there" in capfd.readouterr().err) == bool(code)
