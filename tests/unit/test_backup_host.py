"""The program on the host, with a Podman in whose place a script keeps directories."""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from rendering import stack
from unit_settings import ROOT, make

from xnai.programs.backup import archive as backup_archive
from xnai.programs.backup import exports, safe_path
from xnai.programs.backup import podman as backup_podman
from xnai.programs.backup import run as backup_run
from xnai.programs.backup.bundle import bundle, make_spec
from xnai.programs.backup.encryption import decrypting, encrypting
from xnai.programs.backup.host import main
from xnai.programs.backup.process import Failed
from xnai.programs.backup.run import Run
from xnai.programs.backup.spec import BackupSpec, parse

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root's directories are wanted")

SETTINGS = make()
SPEC = make_spec(SETTINGS, stack(SETTINGS), "make", "scp {path} {name}")

# State: states/<container>, volumes/<name>/, secrets/<name>; calls: every argv.
PODMAN = r"""#!/bin/sh
# With the shell's own words where it has any: a process for each would be most of these tests.
cd "${0%/*}" || exit 1
echo "$@" >> calls
first() { l=; read -r l < "$1" || [ -n "$l" ]; }
[ ! -e fail ] || ! echo "$@" | grep -qf fail || { echo "told to fail" >&2; exit 125; }
case "$1" in
ps) case "$*" in
    *volume=*) cat strangers 2>/dev/null || : ;;
    *) for c in states/*; do first "$c"; echo "${c#states/} $l"; done ;;
    esac ;;
volume) shift 4; for v; do echo "$v $PWD/volumes/$v"; done ;;
pause|unpause|start|stop)
    case $1 in pause) s=paused ;; stop) s=exited ;; *) s=running ;; esac
    for c; do [ ! -e "states/$c" ] || echo $s > "states/$c"; done ;;
unshare) shift; exec "$@" ;;
healthcheck) first "states/$3"; [ "$l" = running ] ;;
logs) echo "a last line" ;;
secret) case $2 in
    ls) ls secrets ;;
    inspect) shift 3; s='['; for n; do
        first "secrets/$n" || exit 1
        printf '%s{"Spec": {"Name": "%s"}, "SecretData": "%s"}' "$s" "$n" "$l"
        s=,
    done; echo ']' ;;
    create) for last; do before=$name; name=$last; done; cat > "secrets/$before" ;;
    esac ;;
run|exec) case "$*" in
    *redis-server*) first redis_version; echo "Redis server v=$l sha=0" ;;
    *postgres*--version) echo "postgres (PostgreSQL) 17.6" ;;
    *pg_dump*) cat database ;;
    *pg_restore*) cat > database ;;
    *psql*) cat > psql ;;
    *sh\ -c*) echo saved >> volumes/xnai_redis_data/dump.rdb ;;
    esac ;;
esac
"""


class Vikunja(http.server.BaseHTTPRequestHandler):
    """Answers as the server does that the stack's health check says nothing about."""

    status = 200

    def do_GET(self):
        """Say how it is, at the one path that is asked for."""
        self.send_response(self.status if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, *_):
        """Nobody reads it."""


@pytest.fixture(scope="module", autouse=True)
def served():
    """A server where SPEC expects one."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Vikunja) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        global SPEC
        before = SPEC
        SPEC = dataclasses.replace(SPEC, parts=tuple(
            dataclasses.replace(part, ready_url=part.ready_url and (
                f"http://127.0.0.1:{server.server_port}/health"
            ))
            for part in SPEC.parts
        ))
        yield
        SPEC = before
        server.shutdown()


@pytest.fixture
def machine(tmp_path, monkeypatch, own_process):
    """A directory with the script and a stack that runs; pytest's own are open to all."""
    monkeypatch.setattr(backup_podman, "_POLL_S", 0.02)
    for module in (backup_run, safe_path):
        monkeypatch.setattr(module, "require_safe_directory", lambda directory, setting: None)
    podman = tmp_path / "podman"
    podman.write_text(PODMAN)
    podman.chmod(0o755)
    for folder in ("states", "volumes", "secrets", "backup"):
        (tmp_path / folder).mkdir()
    for part in SPEC.parts:
        (tmp_path / "states" / part.container).write_text("running\n")
        for volume in part.volumes:
            (tmp_path / "volumes" / volume).mkdir(exist_ok=True)
            (tmp_path / "volumes" / volume / "file").write_text(f"of {volume}")
    for name in SPEC.secrets:
        (tmp_path / "secrets" / name).write_text(f"value-{name}")
    (tmp_path / "redis_version").write_text("8.0.2")
    (tmp_path / "database").write_text("PGDMP rows")
    return tmp_path


def spec(machine: Path, **changes: object) -> BackupSpec:
    """SPEC for the script."""
    values = {
        "podman": str(machine / "podman"), "directory": str(machine / "backup"), "timeout_s": 1,
        "unfinished": str(machine / "unfinished-restore"),
    }
    return dataclasses.replace(SPEC, **(values | changes))


def archives(machine: Path) -> list[Path]:
    """What is in the directory of the backups, also what should not be there."""
    return sorted((machine / "backup").iterdir())


def states(machine: Path) -> set[str]:
    """The states that containers have."""
    return {path.read_text().strip() for path in (machine / "states").iterdir()}


def made(machine: Path, **changes: object) -> Path:
    """The archive of a first backup."""
    assert main(spec(machine, **changes)) == 0
    (path,) = archives(machine)
    return path


def data(machine: Path) -> dict[str, str]:
    """Everything that a restore may change."""
    found = {
        str(path.relative_to(machine)): path.read_text()
        for folder in ("volumes", "secrets") for path in (machine / folder).rglob("*")
        if path.is_file()
    }
    return found | {"database": (machine / "database").read_text()}


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


def destroy(machine: Path) -> dict[str, str]:
    """Other data in place of all; return what was there."""
    before = data(machine)
    for volume in (machine / "volumes").iterdir():
        for file in volume.iterdir():
            file.unlink()
        (volume / "other").write_text("other")
    (machine / "database").write_text("PGDMP other")
    return before


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


def killed_at(machine: Path, call: int, one: BackupSpec) -> bool:
    """Run the program in a process that is killed at its n-th call of Podman that may change data.

    Returns:
        Whether it came so far.
    """
    (machine / "calls").unlink(missing_ok=True)
    (machine / "changing").unlink(missing_ok=True)
    script = PODMAN.replace(
        'echo "$@" >> calls\n',
        'echo "$@" >> calls\ncase $1 in stop|start|unshare|exec) echo >> changing; n=0;'
        "while read -r l; do n=$((n+1)); done < changing;"
        f"[ $n != {call} ] || {{ kill -KILL $PPID; exit 1; }};; esac\n", 1,
    )
    (machine / "podman").write_text(script)
    child = os.fork()
    if not child:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        os._exit(main(one))
    _, status = os.waitpid(child, 0)
    (machine / "podman").write_text(PODMAN)
    return os.WIFSIGNALED(status)


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


GPG = subprocess.run(["sh", "-c", "command -v gpg"], capture_output=True, check=False).returncode


@pytest.mark.skipif(GPG != 0, reason="gpg is not installed")
def test_encrypted_with_a_passphrase_secrets_are_inside_and_put_back(machine, capfd):
    key = machine / "passphrase"
    key.write_text("correct horse\n")
    path = made(machine, passphrase_file=str(key))
    assert path.name.endswith(".tar.gpg")
    whole = path.read_bytes()
    assert b"manifest" not in whole and b"value-" not in whole and b"PGDMP" not in whole
    before = data(machine)
    (machine / "secrets/xnai_redis_password").write_text("other")
    assert main(spec(machine, action="restore", restore_from=str(path))) == 1
    assert "--data backup_passphrase_file=/path" in capfd.readouterr().err
    changes = {"action": "restore", "restore_from": str(path), "passphrase_file": str(key)}
    assert main(spec(machine, **changes)) == 0
    assert data(machine)["secrets/xnai_redis_password"] == before["secrets/xnai_redis_password"]
    # Those who started it make the containers anew.
    assert (machine / "backup" / backup_run.CHANGED).exists()
    assert "value-" not in (machine / "calls").read_text()
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 1
    for damaged in (bytes(changed), whole[:-9]):
        path.write_bytes(damaged)
        assert main(spec(machine, **changes)) == 1
        assert "cut short, was altered, or is for another key" in capfd.readouterr().err
    key.write_text("wrong\n")
    path.write_bytes(whole)
    assert main(spec(machine, **changes)) == 1
    assert "cut short, was altered, or is for another key" in capfd.readouterr().err


def test_how_it_is_encrypted_and_decrypted(tmp_path):
    age = dataclasses.replace(SPEC, recipient="age1x", identity_file="/root/key")
    assert encrypting(SPEC, tmp_path) == []
    assert encrypting(age, tmp_path) == ["age", "--encrypt", "--recipient", "age1x"]
    source = tmp_path / "a"
    source.write_bytes(b"age-encryption.org/v1\n")
    words = ["age", "--decrypt", "--identity", "/root/key", str(source)]
    assert decrypting(age, source, tmp_path) == words
    with pytest.raises(Failed, match="--data restore_age_identity_file=/path"):
        decrypting(SPEC, source, tmp_path)


def test_a_key_that_others_may_read_is_refused(machine, capfd):
    key = machine / "key"
    key.write_text("x\n")
    for mode, said in ((0o640, "-rw-r-----"), (0o604, "-rw----r--")):
        key.chmod(mode)
        assert main(spec(machine, passphrase_file=str(key))) == 1
        assert f"{key} is {said}, owned by UID 0. It must be" in capfd.readouterr().err
    key.chmod(0o600)
    key.write_text("\nx")
    assert main(spec(machine, passphrase_file=str(key))) == 1
    assert "its first line is empty" in capfd.readouterr().err
    os.chown(key, 1000, 0)
    assert main(spec(machine, passphrase_file=str(key))) == 1
    assert "owned by UID 1000" in capfd.readouterr().err
    key.unlink()
    key.symlink_to("/etc/hostname")
    assert main(spec(machine, passphrase_file=str(key))) == 1
    assert "It must be a plain file" in capfd.readouterr().err
    assert main(spec(machine, passphrase_file=str(machine / "no"))) == 1
    assert f"{machine / 'no'}: No such file or directory" in capfd.readouterr().err


def test_a_directory_that_others_may_write_to_is_refused(tmp_path, monkeypatch):
    # Below /root or the like: /tmp itself is one.
    with pytest.raises(Failed, match=r"/tmp is drwxrwxrwt, owned by UID 0. It and all above it"):
        safe_path.require_safe_directory(Path("/tmp"), "backup_dir")
    safe_path.require_safe_directory(Path("/etc"), "backup_dir")
    with pytest.raises(Failed, match="is no directory"):
        safe_path.require_safe_directory(Path("/etc/passwd"), "backup_dir")


def test_a_key_below_a_directory_of_somebody_elses_is_refused(tmp_path):
    # pytest's own directory is root's alone; the one in it is not.
    key = tmp_path / "key"
    key.write_text("x\n")
    key.chmod(0o600)
    tmp_path.chmod(0o777)
    with pytest.raises(Failed, match="the directory of backup_passphrase_file = "):
        safe_path.require_secret_file(key, "backup_passphrase_file")


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


@pytest.mark.skipif(GPG != 0, reason="gpg is not installed")
@pytest.mark.parametrize("cut_off", ["before it was done", "before the containers were recreated"])
def test_a_restore_of_other_secrets_that_was_cut_off_makes_all_containers_anew(machine, cut_off):
    """A container keeps the secrets that it was made with; a second restore sees no difference."""
    key = machine / "passphrase"
    key.write_text("correct horse\n")
    path = made(machine, passphrase_file=str(key))
    for secret in (machine / "secrets").iterdir():
        secret.write_text("other")
    restore = spec(
        machine, action="restore", restore_from=str(path), passphrase_file=str(key)
    )
    if cut_off == "before it was done":
        call = 0
        while not (machine / "unfinished-restore").exists():
            assert killed_at(machine, call := call + 1, restore)
        assert killed_at(machine, 1, restore)
    else:
        assert main(restore) == 0
    (machine / "calls").unlink()
    assert main(restore) == 0
    assert (machine / "backup" / backup_run.CHANGED).exists()
    started = [
        line for line in (machine / "calls").read_text().splitlines() if line.startswith("start ")
    ]
    assert started == ["start xnai_vikunja_db"]  # to be filled alone
    assert not (machine / "unfinished-restore").exists()


def seen(machine: Path, words: str, look: str) -> str:
    """Let the script note, when a call begins that has the words, what is on the disk then."""
    (machine / "podman").write_text(PODMAN.replace(
        'echo "$@" >> calls\n',
        f'echo "$@" >> calls\ncase "$*" in *"{words}"*) {{ {look}; }} >> seen 2>&1 ;; esac\n', 1,
    ))
    return str(machine / "seen")


def test_the_mark_of_a_pause_is_there_before_anything_is_paused(machine):
    notes = Path(seen(machine, "pause xnai", "cat backup/.work/paused; echo"))
    made(machine)
    first, second, *rest = notes.read_text().splitlines()
    assert first.split() == [
        "xnai_rag_api", "xnai_crawler", "xnai_curation_worker", "xnai_vikunja",
    ]
    assert second.split()[-1] == "xnai_redis"
    assert len(rest) == 1  # and still there when they are let go on


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


@pytest.mark.skipif(GPG != 0, reason="gpg is not installed")
@pytest.mark.parametrize("kind", ["made", "before restore"])
def test_every_archive_is_roots_alone_and_has_the_secrets_where_it_is_encrypted(machine, kind):
    key = machine / "passphrase"
    key.write_text("correct horse\n")
    path = made(machine, passphrase_file=str(key))
    changes = {"action": "restore", "restore_from": str(path), "passphrase_file": str(key)}
    if kind == "before restore":
        assert main(spec(machine, **changes)) == 0
        (path,) = [one for one in archives(machine) if "-before-restore" in one.name]
        changes["restore_from"] = str(path)
    for one in archives(machine):
        assert one.stat().st_mode & 0o077 == 0, one
    # Read back by the only one who reads archives: the secrets come with it.
    (machine / "secrets/xnai_redis_password").write_text("other")
    assert main(spec(machine, **changes)) == 0
    assert (machine / "secrets/xnai_redis_password").read_text() == "value-xnai_redis_password"


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
