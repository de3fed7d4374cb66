"""Root's files: written beside and renamed; what stands in the way is really planted."""

from __future__ import annotations

import os
import shutil

import pytest
from operation_runs import commands, content_of, on_a_host, really_run

from xnai.operations import root_file


def run(operation, /, **arguments):
    with on_a_host(executing=False):
        return [really_run(command) for command in commands(operation, **arguments)]


def test_put(tmp_path):
    target = tmp_path / "new directory/90-xnai.conf"
    run(root_file.put, text="x = 1\n", path=str(target), mode="0640")
    assert target.read_text() == "x = 1\n"
    assert target.stat().st_mode & 0o7777 == 0o640
    assert target.parent.stat().st_mode & 0o7777 == 0o755
    run(root_file.put, text="", path=str(target))
    assert (target.read_text(), target.stat().st_mode & 0o7777) == ("", 0o644)
    assert [path.name for path in target.parent.iterdir()] == ["90-xnai.conf"]


@pytest.mark.parametrize("size", [1, 2, 3, (24 << 10) - 1, 24 << 10, (24 << 10) + 1, 1 << 20])
def test_content_of_any_length_arrives_whole(tmp_path, size):
    text = ("é" * size)[:size]
    run(root_file.put, text=text, path=str(tmp_path / "f"))
    assert (tmp_path / "f").read_text("utf-8") == text


def test_content_is_in_no_argument():
    with on_a_host(executing=False):
        (command,) = commands(root_file.put, text="private\n", path="/etc/x")
    assert "private" not in str(command)
    assert content_of(command) == b"private\n"


@pytest.mark.parametrize("mode", ["0600", "0644"])
def test_it_is_open_to_nobody_before_it_is_whole(tmp_path, monkeypatch, mode):
    (tmp_path / "bin").mkdir()
    for name in ("base64", "chmod", "sync"):
        program = tmp_path / "bin" / name
        real = shutil.which(name)
        program.write_text(
            f'#!/bin/sh\nstat -c "{name} %a" {tmp_path}/x.conf* >> {tmp_path}/seen\n'
            f'exec {real} "$@"\n'
        )
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    with on_a_host(executing=False):
        (command,) = commands(root_file.put, text="x\n", path=f"{tmp_path}/x.conf", mode=mode)
    really_run(command, lambda text: f"umask 000; {text}")
    assert (tmp_path / "seen").read_text().splitlines() == [
        "base64 600", "chmod 600", f"sync {int(mode)}",
    ]


def test_a_link_is_replaced_and_its_target_left_alone(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("the administrator's\n")
    precious.chmod(0o600)
    target = tmp_path / "90-xnai.conf"
    target.symlink_to(precious)
    run(root_file.put, text="ours\n", path=str(target))
    assert precious.read_text() == "the administrator's\n"
    assert precious.stat().st_mode & 0o777 == 0o600
    assert not target.is_symlink()
    assert target.read_text() == "ours\n"


def test_a_directory_in_the_way_is_an_error_and_stays(tmp_path):
    (tmp_path / "x.conf").mkdir()
    with on_a_host(executing=False):
        (command,) = commands(root_file.put, text="ours\n", path=str(tmp_path / "x.conf"))
    done = really_run(command, check=False)
    assert done.returncode != 0 and "directory" in done.stderr
    assert (tmp_path / "x.conf").is_dir()


def test_what_a_killed_run_left_beside_is_no_hindrance(tmp_path):
    target = tmp_path / "x.conf"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("kept\n")
    (tmp_path / "x.conf.xnai-new").symlink_to(elsewhere)
    run(root_file.put, text="ours\n", path=str(target))
    assert (target.read_text(), elsewhere.read_text()) == ("ours\n", "kept\n")


def test_remove_takes_a_link_and_not_its_target(tmp_path):
    (tmp_path / "target").touch()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    run(root_file.remove, paths=[str(tmp_path / "link"), str(tmp_path / "absent")])
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_set_aside_takes_the_first_name_that_is_free(tmp_path):
    path, aside = tmp_path / "99-mine.conf", tmp_path / "99-mine.conf.xnai-set-aside"
    for number in range(3):
        path.write_text(f"{number}\n")
        (done,) = run(root_file.set_aside, path=str(path), aside=str(aside))
        assert done.stdout.startswith(f"set aside as {aside}")
        assert not path.exists()
    assert {p.name.removeprefix("99-mine.conf"): p.read_text() for p in tmp_path.iterdir()} == {
        ".xnai-set-aside": "0\n", ".xnai-set-aside.1": "1\n", ".xnai-set-aside.2": "2\n",
    }


def test_set_aside_of_what_is_gone_fails(tmp_path):
    with on_a_host(executing=False):
        (command,) = commands(
            root_file.set_aside, path=str(tmp_path / "no"), aside=str(tmp_path / "no.aside")
        )
    done = really_run(command, check=False)
    assert done.returncode != 0 and "no" in done.stderr
