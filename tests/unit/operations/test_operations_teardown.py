"""teardown.*: what is sent for the stack, its user and its files."""

from __future__ import annotations

import os
import subprocess

import pytest
from operation_runs import commands, content_of, on_a_host, really_run

from xnai.operations import teardown
from xnai.operations.guard import one_at_a_time
from xnai.record.baseline import OldFile

PODMAN = teardown.XNAI_PODMAN
NOTHING = {"containers": (), "networks": (), "images": (), "volumes": (), "secrets": ()}


def run(operation, /, **arguments):
    with on_a_host(executing=False):
        return commands(operation, **arguments)


def test_podman():
    found = run(
        teardown.podman, containers=["xnai_b", "xnai_a"], networks=["xnai"],
        images=["localhost/xnai_a:1"], volumes=["xnai_data"], secrets=["xnai_word"],
        label="io.xnai.stack=xnai",
    )
    assert found == [
        one_at_a_time(f"{PODMAN} rm --force --ignore --time 75 xnai_b xnai_a"),
        *found[1:3],
        one_at_a_time(f"{PODMAN} secret rm --ignore xnai_word >/dev/null"),
        one_at_a_time(
            f"{{ {PODMAN} rmi --ignore localhost/xnai_a:1 || [ $? = 2 ]; }} >/dev/null && "
            f"{PODMAN} image prune --force --filter label=io.xnai.stack=xnai >/dev/null"
        ),
    ]
    parts = NOTHING | {"containers": ["xnai_a"]}
    assert len(run(teardown.podman, **parts, label="x")) == 1


@pytest.mark.parametrize(
    ("kind", "exit_code", "ends", "said"),
    [
        ("network", 0, 0, ""), ("volume", 0, 0, ""), ("network", 1, 0, ""), ("volume", 1, 0, ""),
        ("network", 2, 1, "the network xnai_a stays: mine yours uses it"),
        ("volume", 2, 1, "the volume xnai_a stays: mine yours uses it"),
        ("network", 125, 125, ""),
    ],
)
def test_what_somebody_elses_container_uses_is_not_forced(tmp_path, kind, exit_code, ends, said):
    (command,) = run(
        teardown.podman, **NOTHING | {f"{kind}s": ["xnai_a", "xnai_b"]}, label="x",
    )
    program = tmp_path / "podman"
    program.write_text(
        f'#!/bin/sh\necho "$*" >> {tmp_path}/calls\n'
        f'case $1 in ps) echo mine; echo yours ;; *) exit {exit_code} ;; esac\n'
    )
    program.chmod(0o755)
    command = command.replace(PODMAN, str(program)).replace("/run/", f"{tmp_path}/")
    done = subprocess.run(["sh", "-c", command], check=False, capture_output=True, text=True)
    assert done.returncode == ends
    assert done.stderr.startswith(said) and bool(done.stderr) == bool(said)
    calls = (tmp_path / "calls").read_text()
    assert "--force" not in calls
    assert (f"{kind} rm xnai_b" in calls) == (not ends)


@pytest.mark.parametrize(("sessions", "count"), [(0, 2), (1, 1)])
def test_stop_user(sessions, count):
    found = run(teardown.stop_user, user="xnai", uid=2000, sessions=sessions)
    # The manager of somebody who is logged in is never stopped.
    assert found == ["loginctl disable-linger xnai", "systemctl stop user@2000.service"][:count]


def test_remove_user():
    *_, userdel, empty = run(teardown.remove_user, user="xnai", uid=2000, empty=["/etc/subuid"])
    assert userdel == one_at_a_time(
        "! id -u xnai >/dev/null 2>&1 || userdel --remove xnai"
    )
    assert empty == "for f in /etc/subuid; do [ -s \"$f\" ] || rm -f \"$f\"; done"
    assert len(run(teardown.remove_user, user="xnai", uid=2000, empty=[])) == 3


@pytest.mark.parametrize("exit_code", [0, 1, 5])
def test_a_user_who_runs_nothing_or_is_gone_can_be_removed(exit_code):
    stop, *_ = run(teardown.remove_user, user="xnai", uid=2000, empty=[])
    assert "loginctl disable-linger xnai" in stop and "systemctl stop user-2000.slice" in stop
    # 5 is systemctl(1)'s word for a unit that is not loaded.
    programs = f"loginctl() {{ return {exit_code}; }}; systemctl() {{ return {exit_code}; }}; "
    subprocess.run(["sh", "-c", programs + stop], check=True)


@pytest.mark.parametrize(
    ("exit_code", "ends", "left"),
    [
        (0, 0, ["me:100000:65536", "me:1000000:65536"]),
        (8, 0, ["me:1000000:65536"]),  # somebody is logged in
        (1, 1, ["me:100000:65536", "me:1000000:65536"]),
    ],
)
def test_subordinate_ids(tmp_path, exit_code, ends, left):
    uid, gid = run(
        teardown.subordinate_ids, user="me", uids=["me:100000:65536"], gids=["me:200000:10"],
    )
    assert uid.startswith("usermod --del-subuids 100000-165535 me || ")
    assert gid.startswith("usermod --del-subgids 200000-200009 me || ") and "/etc/subgid" in gid
    (tmp_path / "subuid").write_text("me:100000:65536\nme:1000000:65536\n")
    command = f"usermod() {{ return {exit_code}; }}; {uid}".replace("/etc/", f"{tmp_path}/")
    done = subprocess.run(["sh", "-c", command], check=False)
    assert done.returncode == ends
    assert (tmp_path / "subuid").read_text().splitlines() == left


def test_home_files(tmp_path):
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/ours").touch()
    (tmp_path / "a/mine").touch()
    (found,) = run(
        teardown.home_files, user="me", paths=[f"{tmp_path}/a/b/ours"],
        directories=[f"{tmp_path}/a/b", f"{tmp_path}/a", f"{tmp_path}/no"],
    )
    assert found.startswith("cd / && runuser -u me -- sh -c ")
    subprocess.run(["sh", "-c", found.replace("runuser -u me -- ", "")], check=True)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "mine"]


def put_back(tmp_path, old, user):
    path = tmp_path / "it"
    (command,) = run(teardown.put_back, path=str(path), old=old, user=user)
    assert content_of(command) == old.content
    really_run(command, lambda text: text.replace("runuser -u me -- ", ""))
    assert sorted(tmp_path.iterdir()) == [path]
    return path, str(command)


@pytest.mark.parametrize("user", ["root", "me"])
def test_put_back(tmp_path, user):
    me = str(os.getuid()), str(os.getgid())
    path, command = put_back(tmp_path, OldFile(b"\x00mine\n", "0640", *me), user)
    assert path.read_bytes() == b"\x00mine\n"
    assert path.stat().st_mode & 0o7777 == 0o640
    # Root's rights are for root's files.
    assert ("chown " in command) == (user == "root")
