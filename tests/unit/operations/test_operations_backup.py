"""backup.make and backup.restore: what is sent, and what follows a restore of other secrets."""

from __future__ import annotations

import hashlib
import io
import zipfile

import pytest
from operation_runs import commands, content_of, on_a_host
from rendering import stack
from unit_settings import make

from xnai.operations import backup
from xnai.operations import stack as stack_operation
from xnai.operations.guard import one_at_a_time
from xnai.operations.stack import Stack
from xnai.programs.backup.bundle import bundle, make_spec
from xnai.remote import content
from xnai.run.pyinfra import LiveCommand
from xnai.stack.paths import backup_home

SETTINGS = make()
PLAN = stack(SETTINGS)
HOME = backup_home(SETTINGS)


def spec(action="make", **settings):
    return make_spec(make(**settings), PLAN, action, "scp {path} .")


def restore(executing, **values):
    with on_a_host(executing=executing) as host:
        for name, value in values.items():
            setattr(host, name, value)
        found = commands(
            backup.restore, spec=spec("restore"), home=HOME,
            of=Stack(PLAN, "/stack", lambda name, url: {}, 10, ()),
        )
    return host, found


def test_make():
    one = spec()
    with on_a_host(executing=False):
        made, upload, run = commands(backup.make, spec=one, home=HOME)
    assert made.startswith("for d in /var/lib/xnai/xnai/backup; do [ -e \"$d\" ] || install -d -m")
    number = hashlib.sha256(bundle(one)).hexdigest()[:16]
    file = f"/var/lib/xnai/xnai/backup/make-{number}.pyz"
    assert str(upload) == str(content.put(file, b""))
    with zipfile.ZipFile(io.BytesIO(content_of(upload))) as archive:
        assert {"__main__.py", "xnai/programs/backup/host.py"} <= set(archive.namelist())
    assert isinstance(run, LiveCommand)
    assert str(run) == "trap '' TERM; " + one_at_a_time(
        f"umask 077; python3 -I -B {file}; e=$?; rm -f {file}; exit $e"
    )
    # Data may be many, and what was begun must be put right before it is killed.
    assert (run.limit_s, run.kill_after_s) == (24 * 3600, 1800)


def test_another_directory_is_made_as_well():
    with on_a_host(executing=False):
        made, upload, _ = commands(backup.make, spec=spec(backup_dir="/srv/backups"), home=HOME)
    assert "for d in /var/lib/xnai/xnai/backup /srv/backups; do" in made
    # Not there: who may write to it is only judged by what is sent.
    assert f" {HOME}/make-" in str(upload)


def test_a_restore_with_the_same_secrets_is_the_program_alone():
    host, found = restore(True, files={})
    assert len(found) == 3
    assert host.commands == [f"cat {HOME}/.secrets-changed"]


def test_a_restore_is_prepared_without_asking_the_host():
    host, found = restore(False)
    assert (len(found), host.commands) == (3, [])


def test_other_secrets_make_all_containers_anew(monkeypatch):
    brought_up = []

    def bring_up(**arguments):
        brought_up.append([service.name for service in arguments["recreate"]])
        yield "true"

    monkeypatch.setattr(stack_operation.bring_up, "_inner", bring_up)
    _, found = restore(True, files={f"{HOME}/.secrets-changed": ""})
    assert brought_up == [[service.name for service in PLAN.services]]
    assert found[3:] == ["true", f"rm -f {HOME}/.secrets-changed"]


def test_a_stack_that_is_not_healthy_with_them_says_where_the_old_data_are(monkeypatch):
    def bring_up(**arguments):
        yield "true"
        raise backup.OperationError("xnai_redis is not healthy")

    monkeypatch.setattr(stack_operation.bring_up, "_inner", bring_up)
    said = r"xnai_redis is not healthy\n.*-before-restore"
    with pytest.raises(backup.OperationError, match=said):
        restore(True, files={f"{HOME}/.secrets-changed": ""})


def test_what_the_program_is_told_has_no_value_of_a_secret():
    path = "/root/passphrase"
    one = spec(backup_passphrase_file=path)
    assert one.passphrase_file == path
    assert one.secrets == (
        "xnai_redis_password", "xnai_redis_auth_conf", "xnai_ingest_token",
        "xnai_chainlit_auth_secret", "xnai_vikunja_db_password", "xnai_vikunja_secret",
    )
    assert one.database.secret == "xnai_vikunja_db_password"  # noqa: S105  (its name)
    without = make_spec(make(vikunja=False), stack(make(vikunja=False)), "make", "")
    assert without.database is None
