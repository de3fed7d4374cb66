"""Links and other things in the place of ours: looked for by the real script, told by name."""

from __future__ import annotations

import os
import subprocess

import pytest

from xnai.facts.machine.model import OwnPath
from xnai.facts.machine.parse import parse
from xnai.facts.machine.probe import script
from xnai.preflight.own_paths import judge_own_paths
from xnai.preflight.wanted import wanted
from xnai.stack import paths as own_paths

from preflight_hosts import settings  # isort: skip


@pytest.mark.parametrize("program", ["sh", "dash", "bash"])
def test_what_is_of_another_kind_is_found(tmp_path, program):
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    (tmp_path / "masked").symlink_to("/dev/null")
    (tmp_path / "a link").symlink_to(tmp_path / "file")
    (tmp_path / "dangling").symlink_to("/no/such")
    (tmp_path / "moved").symlink_to(tmp_path / "directory")
    os.mkfifo(tmp_path / "pipe")
    asked = {
        str(tmp_path / name): "file"
        for name in ("file", "absent", "masked", "a link", "dangling", "pipe", "u-{uid}")
    } | {str(tmp_path / "directory"): "directory", str(tmp_path / "moved"): "directory"}
    asked[f"{tmp_path}/directory/../directory"] = "file"
    text = script(own_paths=asked, stack_user="no-such-user")
    done = subprocess.run(
        [program, "-c", text], capture_output=True, text=True, check=True, timeout=60
    )
    found = parse(done.stdout.splitlines()).own_paths
    assert found == (
        OwnPath(f"{tmp_path}/masked", "file", "link", "/dev/null"),
        OwnPath(f"{tmp_path}/a link", "file", "link", f"{tmp_path}/file"),
        OwnPath(f"{tmp_path}/dangling", "file", "link", "/no/such"),
        OwnPath(f"{tmp_path}/pipe", "file", "fifo"),
        OwnPath(f"{tmp_path}/moved", "directory", "link", f"{tmp_path}/directory"),
        OwnPath(f"{tmp_path}/directory/../directory", "file", "directory"),
    )


def test_paths_of_the_stacks_user_are_looked_at_by_its_uid(tmp_path):
    (tmp_path / "user@0.conf").symlink_to("/dev/null")
    text = script(own_paths={f"{tmp_path}/user@{{uid}}.conf": "file"}, stack_user="root")
    done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=True)
    (found,) = parse(done.stdout.splitlines()).own_paths
    assert found.path == f"{tmp_path}/user@0.conf"


@pytest.mark.parametrize(
    ("path", "found", "remedy"),
    [
        (OwnPath("/etc/x", "file", "link", "/dev/null"), "a link to /dev/null", "rm /etc/x"),
        (OwnPath("/etc/x", "file", "link", "/srv/x"), "a link to /srv/x", "/srv/x stays as it is"),
        (OwnPath("/opt/xnai", "directory", "link", "/srv"), "a link to /srv",
         "mount --bind /srv /opt/xnai"),
        (OwnPath("/etc/x", "file", "fifo"), "fifo", "ls -ld /etc/x"),
    ],
)
def test_each_stops_the_run_with_its_remedy(path, found, remedy):
    (finding,) = judge_own_paths([path])
    assert (finding.severity, finding.subject, finding.found) == ("error", path.path, found)
    assert remedy in finding.remedy


def test_nothing_told_is_not_nothing_there():
    (finding,) = judge_own_paths(None)
    assert finding.severity == "unknown"
    assert judge_own_paths([]) == []


def test_every_path_of_ours_is_asked_for():
    one = settings(15099264)
    asked = wanted(one).own_paths
    assert {path for path, kind in asked.items() if kind == "file"} == set(own_paths.files(one))
    assert {p for p, kind in asked.items() if kind == "directory"} == set(
        own_paths.directories(one)
    )
    assert {"/etc/sysctl.d/90-xnai.conf", "/usr/local/bin/xnai-podman"} <= set(asked)
