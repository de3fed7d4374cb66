"""Subordinate IDs and lingering; the shell code is really run, over files of its own."""

from __future__ import annotations

import os
import subprocess

import pytest
from operation_runs import commands, on_a_host

from xnai.operations import stack_user


def test_subordinate_ids_commands():
    with on_a_host(executing=False):
        found = commands(stack_user.subordinate_ids, user="xnai")
    assert [command.split(";")[0] for command in found] == ["umask 022"] * 2
    assert "usermod --add-subuids $n-$((n+65535)) xnai; }" in found[0]
    assert "usermod --add-subgids $n-$((n+65535)) xnai; }" in found[1]
    assert "/etc/subgid" not in found[0] and "/etc/subuid" not in found[1]


@pytest.mark.parametrize(
    ("before", "asked"),
    [
        (None, "--add-subuids 100000-165535 xnai\n"),
        ("me:100000:65536\n", "--add-subuids 165536-231071 xnai\n"),
        ("me:200000:65536\nyou:100000:65536\n", "--add-subuids 265536-331071 xnai\n"),
        ("me:1000:10\n", "--add-subuids 100000-165535 xnai\n"),
        ("xnaix:100000:65536\n", "--add-subuids 165536-231071 xnai\n"),
        ("xnai:100000:65536\n", ""),  # it has some: nothing to do
        ("4242:100000:65536\n", ""),  # by its number
        ("xnai:100000:1000\n", "--add-subuids 101000-166535 xnai\n"),  # too few
        # A directory user's range at the top of the 32 bits: the gap below is free.
        ("1808613262:4294836224:65536\n", "--add-subuids 100000-165535 xnai\n"),
        ("me:100000:65536\nyou:231072:65536\n", "--add-subuids 165536-231071 xnai\n"),
    ],
)
@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_the_first_free_range_is_taken(tmp_path, shell, before, asked):
    if before is not None:
        (tmp_path / "subuid").write_text(before)
    usermod = tmp_path / "usermod"
    usermod.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    usermod.chmod(0o755)
    (tmp_path / "id").write_text("#!/bin/sh\necho 4242\n")
    (tmp_path / "id").chmod(0o755)
    with on_a_host(executing=False):
        command = commands(stack_user.subordinate_ids, user="xnai")[0]
    subprocess.run(
        [shell, "-c", command.replace("/etc/subuid", f"{tmp_path}/subuid")], check=True,
        env=dict(os.environ) | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )
    found = tmp_path / "asked"
    assert (found.read_text() if found.exists() else "") == asked


def test_a_file_that_it_makes_can_be_read_by_all(tmp_path):
    (tmp_path / "usermod").write_text("#!/bin/sh\n")
    (tmp_path / "usermod").chmod(0o755)
    with on_a_host(executing=False):
        command = commands(stack_user.subordinate_ids, user="xnai")[0]
    command = command.replace("/etc/subuid", f"{tmp_path}/subuid")
    subprocess.run(
        ["sh", "-c", f"umask 077; {command}"], check=True,
        env=dict(os.environ) | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )
    assert (tmp_path / "subuid").stat().st_mode & 0o777 == 0o644


def test_linger():
    with on_a_host(executing=False):
        found = commands(stack_user.linger, user="xnai", uid=2000)
    assert found == [
        "loginctl enable-linger xnai",
        "systemctl start user@2000.service",
        "i=0; until [ -S /run/user/2000/bus ]; do i=$((i+1)); "
        "[ $i -le 300 ] || { echo 'no bus in /run/user/2000 after 30 s: "
        "see journalctl -u user@2000.service' >&2; exit 1; }; sleep 0.1; done",
    ]


def test_reload_manager():
    with on_a_host(executing=False):
        found = commands(stack_user.reload_manager, user="xnai", uid=2000)
    assert found == [
        "runuser -u xnai -- env XDG_RUNTIME_DIR=/run/user/2000 systemctl --user daemon-reload"
    ]


def test_a_bus_that_never_comes_is_said():
    with on_a_host(executing=False):
        wait = commands(stack_user.linger, user="xnai", uid=2000)[2]
    done = subprocess.run(
        ["sh", "-c", wait.replace("/run/user/2000/bus", "/no/such").replace("sleep 0.1", ":")],
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "no bus in /run/user/2000 after 30 s: see journalctl -u user@2000.service\n"
    )


def test_no_gap_is_an_error(tmp_path):
    (tmp_path / "subuid").write_text("me:100000:4294860000\n")
    (tmp_path / "id").write_text("#!/bin/sh\necho 4242\n")
    (tmp_path / "id").chmod(0o755)
    with on_a_host(executing=False):
        command = commands(stack_user.subordinate_ids, user="xnai")[0]
    done = subprocess.run(
        ["sh", "-c", command.replace("/etc/subuid", f"{tmp_path}/subuid")], check=False,
        env=dict(os.environ) | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True, text=True,
    )
    assert (done.returncode, done.stderr) == (1, f"{tmp_path}/subuid: no 65536 free IDs in a row\n")
