"""Files that are written with a user's rights: what root would follow is really planted."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from operation_runs import commands, on_a_host
from pyinfra.api.command import FileUploadCommand

from xnai.operations import user_file

USER = "nobody"
AS_ROOT = pytest.mark.skipif(
    os.getuid() != 0 or not shutil.which("runuser"),
    reason="only root can give its rights away, and runuser(1) does it",
)


def test_put():
    with on_a_host(executing=False):
        upload, put = commands(
            user_file.put, text="x = 1\n", path="/home/me/.config/a b.conf", user="me",
            directory="/var/lib/xnai/xnai",
        )
    assert isinstance(upload, FileUploadCommand)
    source = "/var/lib/xnai/xnai/5370fa7e2aab5e6e"
    assert (upload.src.read(), upload.dest) == (b"x = 1\n", source)
    assert put == (
        f"chmod 644 {source} && cd / && runuser -u me -- sh -c "
        f"'umask 022; install -D -T -m 644 {source} '\"'\"'/home/me/.config/a b.conf'\"'\"'' "
        f"&& rm {source}"
    )


def test_each_path_has_an_upload_of_its_own():
    with on_a_host(executing=False):
        found = {
            commands(user_file.put, text="", path=path, user="me", directory="/d")[0].dest
            for path in ("/home/me/a", "/home/me/b")
        }
    assert len(found) == 2


@pytest.fixture
def place() -> Iterator[Path]:
    """A home of USER and a directory of root's that its group may enter."""
    # pytest's own directories are closed to everybody else.
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        entry = pwd.getpwnam(USER)
        (root / "home").mkdir()
        os.chown(root / "home", entry.pw_uid, entry.pw_gid)
        (root / "stack").mkdir(mode=0o750)
        os.chown(root / "stack", 0, entry.pw_gid)
        yield root


def put(place: Path, path: Path) -> int:
    """Put a file as the operation does, root's umask being a strict one; the exit code."""
    with on_a_host(executing=False):
        upload, command = commands(
            user_file.put, text="new\n", path=str(path), user=USER, directory=f"{place}/stack"
        )
    Path(upload.dest).write_bytes(upload.src.read())
    Path(upload.dest).chmod(0o600)
    done = subprocess.run(
        ["sh", "-c", f"umask 077; {command}"], check=False, cwd="/root", capture_output=True
    )
    return done.returncode


@AS_ROOT
def test_the_file_is_the_users_and_nothing_else_is_left(place):
    target = place / "home/.config/containers/containers.conf.d/90-xnai.conf"
    assert put(place, target) == 0
    assert target.read_text() == "new\n"
    assert oct(target.stat().st_mode & 0o777) == "0o644"
    for path in (target, *target.relative_to(place / "home").parents):
        assert (place / "home" / path).owner() == USER
    assert oct(target.parent.stat().st_mode & 0o777) == "0o755"
    assert list((place / "stack").iterdir()) == []
    target.write_text("changed by hand")
    assert put(place, target) == 0
    assert target.read_text() == "new\n"


@AS_ROOT
def test_a_planted_link_to_a_file_of_roots_is_replaced_and_not_followed(place):
    precious = place / "precious"
    precious.write_text("root's\n")
    target = place / "home/x.conf"
    target.symlink_to(precious)
    assert put(place, target) == 0
    assert (precious.read_text(), precious.owner()) == ("root's\n", "root")
    assert not target.is_symlink()
    assert (target.read_text(), target.owner()) == ("new\n", USER)


@AS_ROOT
def test_a_planted_link_to_a_directory_of_roots_is_followed_without_roots_rights(place):
    precious = place / "precious"
    precious.mkdir()
    (place / "home/.config").symlink_to(precious)
    assert put(place, place / "home/.config/x.conf") != 0
    assert put(place, place / "home/.config/deeper/x.conf") != 0
    assert list(precious.iterdir()) == []


@AS_ROOT
def test_a_link_to_a_directory_in_the_files_place_becomes_the_file(place):
    (place / "home/elsewhere").mkdir()
    os.chown(place / "home/elsewhere", pwd.getpwnam(USER).pw_uid, -1)
    target = place / "home/x.conf"
    target.symlink_to(place / "home/elsewhere")
    assert put(place, target) == 0
    assert not target.is_symlink()
    assert target.read_text() == "new\n"
    assert list((place / "home/elsewhere").iterdir()) == []
