"""The rotation's program on the host, with a Podman in whose place a script keeps files."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from rendering import stack
from unit_settings import ROOT, make

from xnai.programs.backup import whole_file
from xnai.programs.rotation import host as rotation_host
from xnai.programs.rotation.bundle import bundle, make_spec
from xnai.programs.rotation.host import main
from xnai.programs.rotation.spec import RotationSpec, parse
from xnai.stack.catalogue import secret_forms

SETTINGS = make()
PLAN = stack(SETTINGS)
SPEC = make_spec(SETTINGS, PLAN, secret_forms(SETTINGS), settled=True)
# State: secrets/<name>; calls: every argv; psql: what the last one was given.
PODMAN = r"""#!/bin/sh
cd "$(dirname "$0")" || exit 1
echo "$@" >> calls
cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' >> argv
[ ! -e fail ] || ! echo "$@" | grep -qf fail || { echo "told to fail" >&2; exit 125; }
case "$1" in
secret) case $2 in
    ls) ls secrets ;;
    inspect) shift 3; s='['; for n; do
        v=$(cat "secrets/$n"); [ -n "$(tail -c 1 "secrets/$n")" ] || v="$v\\n"
        printf '%s{"Spec": {"Name": "%s"}, "SecretData": "%s"}' "$s" $n "$v"
        s=,
    done; echo ']' ;;
    create) for last; do before=$name; name=$last; done; cat > "secrets/$before"
        [ ! -e slow ] || sleep 1 ;;
    esac ;;
exec) cat > psql ;;
esac
"""


@pytest.fixture
def machine(tmp_path, own_process):
    """A directory with the script and secrets."""
    (tmp_path / "podman").write_text(PODMAN)
    (tmp_path / "podman").chmod(0o755)
    (tmp_path / "secrets").mkdir()
    for name in SPEC.names:
        (tmp_path / "secrets" / name).write_text(f"old-{name}")
    os.umask(0o022)
    return tmp_path


def spec(machine, **changes: object) -> RotationSpec:
    """SPEC for the script."""
    values = {
        "podman": str(machine / "podman"), "kept": str(machine / "kept"),
        "marker": str(machine / "unfinished"),
    }
    return dataclasses.replace(SPEC, **(values | changes))


def values(machine) -> dict[str, str]:
    return {path.name: path.read_text() for path in (machine / "secrets").iterdir()}


def files(machine) -> set[str]:
    return {path.name for path in machine.iterdir()} - {"podman", "secrets", "calls", "argv"}


def test_what_it_is_told_goes_there_and_back_and_has_no_value():
    assert parse(SPEC.text()) == SPEC
    assert SPEC.kept == "/run/xnai-rotation-xnai.json"
    only = make_spec(SETTINGS, PLAN, secret_forms(SETTINGS)[:1], settled=True)
    assert (only.database, only.container, only.sessions_of) == (None, "xnai_vikunja_db", None)
    assert only.names == ["xnai_redis_password", "xnai_redis_auth_conf"]


def test_new_values_both_forms_together_and_the_old_ones_for_root_alone(machine, capfd):
    before = values(machine)
    assert main(spec(machine), "replace") == 0
    found = values(machine)
    assert all(found[name] != before[name] for name in SPEC.names)
    password = found.pop("xnai_redis_password")
    assert found.pop("xnai_redis_auth_conf") == f"requirepass {password}\n"
    different = {password, *found.values()}
    assert len(different) == 5 and all(re.fullmatch("[0-9a-f]{64}", one) for one in different)
    assert files(machine) == {"kept", "unfinished", "psql"}
    assert (machine / "kept").stat().st_mode & 0o777 == 0o600
    assert json.loads((machine / "kept").read_text()) == before
    assert (machine / "unfinished").read_text().split() == SPEC.names
    assert main(spec(machine), "role") == 0
    role = found["xnai_vikunja_db_password"]
    assert f"ALTER ROLE \"vikunja\" PASSWORD '{role}';" in (machine / "psql").read_text()
    said = "".join(capfd.readouterr())
    for where in (said, (machine / "calls").read_text(), (machine / "argv").read_text()):
        assert not any(one in where for one in {*different, *before.values()})

    assert main(spec(machine), "back") == 0
    assert values(machine) == before
    assert "6 secrets have their old values again" in capfd.readouterr().out
    assert main(spec(machine), "back") == 0
    assert "0 secrets have" in capfd.readouterr().out
    assert not any(one in (machine / "calls").read_text() for one in different)


@pytest.mark.parametrize("fails", ["psql", "secret ls", "inspect"])
def test_what_fails_before_the_first_change_changes_nothing(machine, capfd, fails):
    before = values(machine)
    (machine / "fail").write_text(fails)
    assert main(spec(machine), "replace") == 1
    assert "told to fail" in capfd.readouterr().err
    assert (values(machine), files(machine)) == (before, {"fail"} | (files(machine) & {"psql"}))


def test_a_store_that_fails_puts_the_old_values_back(machine, capfd):
    before = values(machine)
    (machine / "fail").write_text("create.*vikunja_secret")
    assert main(spec(machine), "replace") == 1
    said = capfd.readouterr()
    assert "storing the secret xnai_vikunja_secret failed: told to fail" in said.err
    assert "5 secrets have their old values again" in said.out
    # Who started it still has to make the containers anew: the IDs are others.
    assert values(machine) == before and {"kept", "unfinished"} <= files(machine)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_puts_the_old_values_back(machine, number):
    before = values(machine)
    (machine / "slow").touch()
    program = machine / "rotate.pyz"
    program.write_bytes(bundle(spec(machine)))
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", program, "replace"], cwd="/",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    deadline = time.monotonic() + 20
    while values(machine)["xnai_ingest_token"] == before["xnai_ingest_token"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (machine / "slow").unlink()
    child.send_signal(number)
    said, wrong = child.communicate(timeout=30)
    assert child.returncode == 1
    assert wrong == f"ended by signal {int(number)}\n" and "putting the old values back" in said
    assert values(machine) == before
    assert str(ROOT) not in wrong


def test_after_a_kill_the_next_rotation_keeps_the_old_values_to_go_back_to(machine, capfd):
    before = values(machine)
    assert main(spec(machine), "replace") == 0
    (machine / "secrets/xnai_ingest_token").unlink()
    # As SIGKILL leaves it: replaced, and nothing recreated with it.
    assert main(spec(machine, settled=False), "replace") == 0
    assert "not finished: its old values are kept" in capfd.readouterr().out
    assert main(spec(machine), "back") == 0
    assert values(machine) == before


def test_a_rotation_is_finished_where_the_database_does_not_answer(machine):
    before = values(machine)
    assert main(spec(machine), "replace") == 0
    # Its container was removed to be recreated, and then the run was killed.
    (machine / "fail").write_text("psql")
    assert main(spec(machine, settled=False), "replace") == 0
    assert all(values(machine)[name] != before[name] for name in SPEC.names)


def test_old_values_that_a_deploy_left_behind_are_dropped(machine, capfd):
    assert main(spec(machine), "replace") == 0
    between = values(machine)
    assert main(spec(machine), "replace") == 0
    assert "its old values are dropped" in capfd.readouterr().out
    assert main(spec(machine), "back") == 0
    assert values(machine) == between


def test_after_a_restart_there_is_nothing_older_to_go_back_to(machine, capfd):
    assert main(spec(machine), "replace") == 0
    (machine / "kept").unlink()
    assert main(spec(machine), "back") == 1
    assert "are not there any more" in capfd.readouterr().err
    assert main(spec(machine, settled=False), "replace") == 0
    assert "nothing older to go back to" in capfd.readouterr().out


def test_a_role_that_is_refused_says_so_without_the_value(machine, capfd):
    (machine / "fail").write_text("psql")
    assert main(spec(machine), "role") == 1
    said = capfd.readouterr().err
    assert said == "setting the database role's password failed: told to fail\n"


def test_killed_between_its_two_writes_it_has_the_old_values_and_no_mark(machine, monkeypatch):
    before = values(machine)

    def killed_before_the_mark(path, text):
        if path == machine / "unfinished":
            raise SystemExit
        whole_file.write(path, text)

    monkeypatch.setattr(rotation_host, "write", killed_before_the_mark)
    with pytest.raises(SystemExit):
        main(spec(machine), "replace")
    # A mark without the old values would be a rotation that nothing can be gone back from.
    assert json.loads((machine / "kept").read_text()) == before
    assert values(machine) == before


def test_the_old_values_and_the_mark_are_there_before_a_secret_is_replaced(machine):
    (machine / "podman").write_text(PODMAN.replace(
        'echo "$@" >> calls\n',
        'echo "$@" >> calls\ncase "$*" in "secret create"*) { cat kept; echo; cat unfinished; '
        "echo @@; } >> seen 2>&1 ;; esac\n", 1,
    ))
    before = values(machine)
    assert main(spec(machine), "replace") == 0
    moments = (machine / "seen").read_text().split("@@\n")[:-1]
    assert len(moments) == len(SPEC.names)
    for moment in moments:
        kept, *names = moment.splitlines()
        assert json.loads(kept) == before
        assert names == list(SPEC.names)


def test_sessions_are_ended_where_that_is_wanted(machine, capfd):
    assert main(spec(machine), "sessions") == 0
    assert not (machine / "psql").exists()
    wanted = make_spec(make(end_vikunja_sessions=True), PLAN, secret_forms(SETTINGS)[:1], True)
    assert wanted.database is None and parse(wanted.text()) == wanted
    assert main(spec(machine, sessions_of=wanted.sessions_of), "sessions") == 0
    asked = (machine / "psql").read_text()
    assert "DELETE FROM sessions" in asked
    # Where there is no such table nothing is asked of it.
    assert asked.index("to_regclass('sessions')") < asked.index("\\if :keeps_some")
    assert "none, it keeps none" in capfd.readouterr().out
    (machine / "fail").write_text("psql")
    assert main(spec(machine, sessions_of=wanted.sessions_of), "sessions") == 1
    assert "ending the sessions with Vikunja failed: told to fail" in capfd.readouterr().err
