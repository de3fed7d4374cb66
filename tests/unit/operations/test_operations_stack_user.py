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
    first_free = "awk -F: 'BEGIN {n=100000} $2+$3 > n {n=$2+$3} END {print n}'"
    assert found == [
        "umask 022; touch /etc/subuid; grep -q ^xnai: /etc/subuid || "
        f"{{ n=$({first_free} /etc/subuid); usermod --add-subuids $n-$((n+65535)) xnai; }}",
        "umask 022; touch /etc/subgid; grep -q ^xnai: /etc/subgid || "
        f"{{ n=$({first_free} /etc/subgid); usermod --add-subgids $n-$((n+65535)) xnai; }}",
    ]


@pytest.mark.parametrize(
    ("before", "asked"),
    [
        (None, "--add-subuids 100000-165535 xnai\n"),
        ("me:100000:65536\n", "--add-subuids 165536-231071 xnai\n"),
        ("me:200000:65536\nyou:100000:65536\n", "--add-subuids 265536-331071 xnai\n"),
        ("me:1000:10\n", "--add-subuids 100000-165535 xnai\n"),
        ("xnaix:100000:65536\n", "--add-subuids 165536-231071 xnai\n"),
        ("xnai:100000:65536\n", ""),  # it has some: nothing to do
    ],
)
@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_the_first_free_range_is_taken(tmp_path, shell, before, asked):
    if before is not None:
        (tmp_path / "subuid").write_text(before)
    usermod = tmp_path / "usermod"
    usermod.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    usermod.chmod(0o755)
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
