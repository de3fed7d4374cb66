"""Files that are written with a user's rights: what root would follow is really planted."""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from operation_runs import commands, content_of, on_a_host, really_run

from xnai.operations import user_file
from xnai.remote import content

USER = "nobody"
AS_ROOT = pytest.mark.skipif(
    os.getuid() != 0 or not shutil.which("runuser"),
    reason="only root can give its rights away, and runuser(1) does it",
)


def test_put():
    with on_a_host(executing=False):
        (put,) = commands(
            user_file.put, text="x = 1\n", path="/home/me/.config/a b.conf", user="me"
        )
    assert content_of(put) == b"x = 1\n"
    path = "/home/me/.config/a b.conf"
    assert shlex.split(str(put))[:8] == ["cd", "/", "&&", "runuser", "-u", "me", "--", "sh"]
    assert shlex.split(str(put))[9] == content.written(path, "0644")
    assert "x = 1" not in str(put)  # in nobody's list of processes


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory with a home of USER."""
    # pytest's own directories are closed to everybody else.
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        entry = pwd.getpwnam(USER)
        (root / "home").mkdir()
        os.chown(root / "home", entry.pw_uid, entry.pw_gid)
        yield root


def put(path: Path) -> int:
    """Put a file as the operation does, root's umask being a strict one; the exit code."""
    with on_a_host(executing=False):
        (command,) = commands(user_file.put, text="new\n", path=str(path), user=USER)
    return really_run(command, lambda text: f"cd /root; umask 077; {text}", check=False).returncode


@AS_ROOT
def test_the_file_is_the_users_and_nothing_else_is_left(place):
    target = place / "home/.config/containers/containers.conf.d/90-xnai.conf"
    assert put(target) == 0
    assert target.read_text() == "new\n"
    assert oct(target.stat().st_mode & 0o777) == "0o644"
    for path in (target, *target.relative_to(place / "home").parents):
        assert (place / "home" / path).owner() == USER
    assert oct(target.parent.stat().st_mode & 0o777) == "0o755"
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    target.write_text("changed by hand")
    assert put(target) == 0
    assert target.read_text() == "new\n"


@AS_ROOT
def test_a_planted_link_to_a_file_of_roots_is_replaced_and_not_followed(place):
    precious = place / "precious"
    precious.write_text("root's\n")
    target = place / "home/x.conf"
    target.symlink_to(precious)
    assert put(target) == 0
    assert (precious.read_text(), precious.owner()) == ("root's\n", "root")
    assert not target.is_symlink()
    assert (target.read_text(), target.owner()) == ("new\n", USER)


@AS_ROOT
def test_a_planted_link_to_a_directory_of_roots_is_followed_without_roots_rights(place):
    precious = place / "precious"
    precious.mkdir()
    (place / "home/.config").symlink_to(precious)
    assert put(place / "home/.config/x.conf") != 0
    assert put(place / "home/.config/deeper/x.conf") != 0
    assert list(precious.iterdir()) == []


@AS_ROOT
def test_a_link_to_a_directory_in_the_files_place_becomes_the_file(place):
    (place / "home/elsewhere").mkdir()
    os.chown(place / "home/elsewhere", pwd.getpwnam(USER).pw_uid, -1)
    target = place / "home/x.conf"
    target.symlink_to(place / "home/elsewhere")
    assert put(target) == 0
    assert not target.is_symlink()
    assert target.read_text() == "new\n"
    assert list((place / "home/elsewhere").iterdir()) == []
