"""What lies in users' homes is read as those users, plain files alone, and not without end."""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from xnai.facts.machine.parse import parse
from xnai.facts.machine.probe import script
from xnai.preflight.wanted import STORAGE

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
NOBODY = pwd.getpwnam("nobody")
UID = 4321


@pytest.fixture
def home() -> Iterator[Path]:
    """A home of a user with UID 4321, which pytest's own directories would close to it."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        folder = Path(name) / "home"
        (folder / ".config/containers").mkdir(parents=True)
        (folder / ".local/share/containers/storage/overlay-containers").mkdir(parents=True)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, UID, NOBODY.pw_gid)
        yield folder


def probe(home: Path, text: str) -> str:
    """What a script prints on a machine with one user, by `getent` of the test's own."""
    tools = home.parent / "bin"
    tools.mkdir()
    (tools / "getent").write_text(
        f"#!/bin/sh\necho 'someone:x:{UID}:{NOBODY.pw_gid}::{home}:/bin/sh'\n"
    )
    (tools / "getent").chmod(0o755)
    return subprocess.run(
        ["sh", "-c", text], capture_output=True, text=True, check=True, timeout=100,
        env={"PATH": f"{tools}:{os.environ['PATH']}"},
    ).stdout


def look(home: Path):
    """What the probe tells of the user's store."""
    said = probe(home, script(stack_user="someone"))
    facts = parse(said.splitlines())
    assert facts.complete
    # A record is a line: nothing that a file holds can be as long as this.
    assert len(said) < 4 << 20
    return next((store for store in facts.stores if store.user == "someone"), None)


def containers(home: Path) -> Path:
    return home / ".local/share/containers/storage/overlay-containers/containers.json"


def owned(path: Path, text: str) -> None:
    path.write_text(text)
    os.chown(path, UID, NOBODY.pw_gid)


def test_a_store_is_read(home):
    owned(containers(home), '[{"names": ["mine"]}]')
    assert look(home).containers == ("mine",)


def test_a_configured_place_is_followed(home):
    other = home / "elsewhere"
    (other / "overlay-containers").mkdir(parents=True)
    owned(other / "overlay-containers/containers.json", '[{"names": ["there"]}]')
    owned(home / ".config/containers/storage.conf", f'[storage]\ngraphroot = "{other}"\n')
    assert look(home).containers == ("there",)


@pytest.mark.parametrize("plant", ["fifo", "endless", "large", "of root's alone"])
@pytest.mark.parametrize("where", ["storage.conf", "containers.json"])
def test_what_was_put_in_the_way_is_not_read(home, plant, where):
    path = home / ".config/containers/storage.conf" if where == "storage.conf" else containers(home)
    full = None
    if plant == "fifo":
        os.mkfifo(path)
        # Not an empty one, which would only be waited for: one that has something to say.
        full = os.open(path, os.O_RDWR)
        os.write(full, b'[{"names": ["secret"]}]\ngraphroot = "/secret"\n')
    elif plant == "endless":
        path.symlink_to("/dev/zero")
    elif plant == "large":
        owned(path, "[]")
        os.truncate(path, 64 << 20)
    else:
        secret = home.parent / "secret"
        secret.write_text('[{"names": ["secret"]}]\ngraphroot = "/secret"\n')
        secret.chmod(0o600)
        path.symlink_to(secret)
    store = look(home)
    if full is not None:
        # Nobody has taken what was in it; and who waits for its end waits in vain.
        os.set_blocking(full, False)
        assert os.read(full, 1000).startswith(b'[{"names": ["secret"]}]')
        os.close(full)
    assert store is not None and "secret" not in repr(store)
    if where == "containers.json":
        assert store.containers is None  # could not tell, which is not none


def test_what_a_users_store_says_is_of_that_user_alone(home):
    """Lines of other kinds, or of other users, are not passed on, whoever prints them."""
    owned(containers(home), "[]")
    text = script(stack_user="someone")
    forged = "; ".join(
        f"printf '{line}\\n'" for line in (
            r"xnai1\town\tok\tp\t/etc/fstab\tfile\tlink\t/dev/null",
            r"xnai1\tss\tskipped\tp", r"xnai1\tvolume:0\tok\tp\tx\t/y",
            r"xnai1\tstore\tok\tp\troot\t0\t/forged",
        )
    )
    program = text.replace("'user_store \"$@\"'", f'"{forged}; "\'user_store "$@"\'')
    assert program != text
    said = probe(home, program)
    assert "xnai1\town\t" not in said and "volume:0" not in said
    facts = parse(said.splitlines())
    # Even a store that it makes up is its own.
    assert {store.uid for store in facts.stores if store.path == "/forged"} == {UID}


@pytest.mark.parametrize(
    "form", ["{home}/else/$USER/store", "$HOME/else/${{USER}}/store", "{home}/else/someone/store"]
)
def test_where_the_systems_file_lets_users_store_is_looked_at_and_measured(home, form):
    """rootless_storage_path with the words that Podman fills in itself."""
    store = home / "else/someone/store"
    (store / "overlay-containers").mkdir(parents=True)
    owned(store / "overlay-containers/containers.json", '[{"names": ["theirs"]}]')
    for path in (home / "else", home / "else/someone", store, store / "overlay-containers"):
        os.chown(path, UID, NOBODY.pw_gid)
    conf = home.parent / "storage.conf"
    conf.write_text(f'[storage]\nrootless_storage_path = "{form.format(home=home)}"\n')
    conf.chmod(0o644)
    text = script(stack_user="someone", paths=[STORAGE])
    facts = parse(probe(home, text.replace("/etc/containers/storage.conf", str(conf))).splitlines())
    (found,) = (one for one in facts.stores if one.user == "someone")
    assert (found.path, found.containers) == (str(store), ("theirs",))
    assert [space.existing for space in facts.spaces] == [str(store)]


def test_pipes_and_devices_among_the_files_of_tmpfiles_and_udev_hold_nobody_up(home):
    """Only plain files are looked into; what they hold of ours is told, and what masks them."""
    root = home.parent / "root"
    for folder in ("etc/tmpfiles.d", "etc/udev/rules.d", "usr/lib/tmpfiles.d"):
        (root / folder).mkdir(parents=True)
    os.mkfifo(root / "etc/tmpfiles.d/90-xnai.conf")
    (root / "etc/tmpfiles.d/zero.conf").symlink_to("/dev/zero")
    line = "w /proc/sys/vm/swappiness - - - - 10\n"
    (root / "usr/lib/tmpfiles.d/a.conf").write_text(line)
    (root / "usr/lib/tmpfiles.d/b.conf").write_text(line)
    (root / "etc/tmpfiles.d/b.conf").symlink_to("/dev/null")
    (root / "etc/udev/rules.d/30.rules").write_text('SYSCTL{vm.swappiness}="1"\n')
    text = script(stack_user="someone").replace(
        "for d in /etc /run /usr/local/lib /usr/lib; do\n    # Plain",
        f"for d in {root}/etc {root}/usr/lib; do\n    # Plain",
    ).replace(
        "for m in /etc /run /usr/local/lib /usr/lib; do", f"for m in {root}/etc {root}/usr/lib; do"
    )
    facts = parse(probe(home, text).splitlines())
    assert [file.path.removeprefix(str(root)) for file in facts.elsewhere_files] == [
        "/usr/lib/tmpfiles.d/a.conf", "/etc/tmpfiles.d/b.conf", "/usr/lib/tmpfiles.d/b.conf",
        "/etc/udev/rules.d/30.rules",
    ]
