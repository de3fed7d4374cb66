"""Encryption: passphrases, keys, and where they may lie."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
from backup_machine import (
    HAS_GPG,
    SPEC,
    archives,
    data,
    killed_at,
    made,
    spec,
)

from xnai.programs.backup import run as backup_run
from xnai.programs.backup import safe_path
from xnai.programs.backup.encryption import decrypting, encrypting
from xnai.programs.backup.host import main
from xnai.programs.backup.process import Failed

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root's directories are wanted")


@pytest.mark.skipif(not HAS_GPG, reason="gpg is not installed")
def test_encrypted_with_a_passphrase_secrets_are_inside_and_put_back(machine, passphrase, capfd):
    path = made(machine, passphrase_file=str(passphrase))
    assert path.name.endswith(".tar.gpg")
    whole = path.read_bytes()
    assert b"manifest" not in whole and b"value-" not in whole and b"PGDMP" not in whole
    before = data(machine)
    (machine / "secrets/xnai_redis_password").write_text("other")
    assert main(spec(machine, action="restore", restore_from=str(path))) == 1
    assert "--data backup_passphrase_file=/path" in capfd.readouterr().err
    changes = {"action": "restore", "restore_from": str(path), "passphrase_file": str(passphrase)}
    assert main(spec(machine, **changes)) == 0
    assert data(machine)["secrets/xnai_redis_password"] == before["secrets/xnai_redis_password"]
    # Those who started it make the containers anew.
    assert (machine / "backup" / backup_run.CHANGED).exists()
    assert "value-" not in (machine / "calls").read_text()
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 1
    for damaged in (bytes(changed), whole[:-9]):
        path.write_bytes(damaged)
        assert main(spec(machine, **changes)) == 1
        assert "cut short, was altered, or is for another key" in capfd.readouterr().err
    passphrase.write_text("wrong\n")
    path.write_bytes(whole)
    assert main(spec(machine, **changes)) == 1
    assert "cut short, was altered, or is for another key" in capfd.readouterr().err


def test_how_it_is_encrypted_and_decrypted(tmp_path):
    age = dataclasses.replace(SPEC, recipient="age1x", identity_file="/root/key")
    assert encrypting(SPEC, tmp_path) == []
    assert encrypting(age, tmp_path) == ["age", "--encrypt", "--recipient", "age1x"]
    source = tmp_path / "a"
    source.write_bytes(b"age-encryption.org/v1\n")
    words = ["age", "--decrypt", "--identity", "/root/key", str(source)]
    assert decrypting(age, source, tmp_path) == words
    with pytest.raises(Failed, match="--data restore_age_identity_file=/path"):
        decrypting(SPEC, source, tmp_path)


def test_a_key_that_others_may_read_is_refused(machine, capfd):
    key = machine / "key"
    key.write_text("x\n")
    for mode, said in ((0o640, "-rw-r-----"), (0o604, "-rw----r--")):
        key.chmod(mode)
        assert main(spec(machine, passphrase_file=str(key))) == 1
        assert f"{key} is {said}, owned by UID 0. It must be" in capfd.readouterr().err
    key.chmod(0o600)
    key.write_text("\nx")
    assert main(spec(machine, passphrase_file=str(key))) == 1
    assert "its first line is empty" in capfd.readouterr().err
    os.chown(key, 1000, 0)
    assert main(spec(machine, passphrase_file=str(key))) == 1
    assert "owned by UID 1000" in capfd.readouterr().err
    key.unlink()
    key.symlink_to("/etc/hostname")
    assert main(spec(machine, passphrase_file=str(key))) == 1
    assert "It must be a plain file" in capfd.readouterr().err
    assert main(spec(machine, passphrase_file=str(machine / "no"))) == 1
    assert f"{machine / 'no'}: No such file or directory" in capfd.readouterr().err


def test_a_directory_that_others_may_write_to_is_refused(tmp_path, monkeypatch):
    # Below /root or the like: /tmp itself is one.
    with pytest.raises(Failed, match=r"/tmp is drwxrwxrwt, owned by UID 0. It and all above it"):
        safe_path.require_safe_directory(Path("/tmp"), "backup_dir")
    safe_path.require_safe_directory(Path("/etc"), "backup_dir")
    with pytest.raises(Failed, match="is no directory"):
        safe_path.require_safe_directory(Path("/etc/passwd"), "backup_dir")


def test_a_key_below_a_directory_of_somebody_elses_is_refused(tmp_path):
    # pytest's own directory is root's alone; the one in it is not.
    key = tmp_path / "key"
    key.write_text("x\n")
    key.chmod(0o600)
    tmp_path.chmod(0o777)
    with pytest.raises(Failed, match="the directory of backup_passphrase_file = "):
        safe_path.require_secret_file(key, "backup_passphrase_file")


@pytest.mark.skipif(not HAS_GPG, reason="gpg is not installed")
@pytest.mark.parametrize("cut_off", ["before it was done", "before the containers were recreated"])
def test_a_restore_of_other_secrets_that_was_cut_off_makes_all_containers_anew(
    machine, passphrase, cut_off
):
    """A container keeps the secrets that it was made with; a second restore sees no difference."""
    path = made(machine, passphrase_file=str(passphrase))
    for secret in (machine / "secrets").iterdir():
        secret.write_text("other")
    restore = spec(
        machine, action="restore", restore_from=str(path), passphrase_file=str(passphrase)
    )
    if cut_off == "before it was done":
        call = 0
        while not (machine / "unfinished-restore").exists():
            assert killed_at(machine, call := call + 1, restore)
        assert killed_at(machine, 1, restore)
    else:
        assert main(restore) == 0
    (machine / "calls").unlink()
    assert main(restore) == 0
    assert (machine / "backup" / backup_run.CHANGED).exists()
    started = [
        line for line in (machine / "calls").read_text().splitlines() if line.startswith("start ")
    ]
    assert started == ["start xnai_vikunja_db"]  # to be filled alone
    assert not (machine / "unfinished-restore").exists()


@pytest.mark.skipif(not HAS_GPG, reason="gpg is not installed")
@pytest.mark.parametrize("kind", ["made", "before restore"])
def test_every_archive_is_roots_alone_and_has_the_secrets_where_it_is_encrypted(
    machine, passphrase, kind
):
    path = made(machine, passphrase_file=str(passphrase))
    changes = {"action": "restore", "restore_from": str(path), "passphrase_file": str(passphrase)}
    if kind == "before restore":
        assert main(spec(machine, **changes)) == 0
        (path,) = [one for one in archives(machine) if "-before-restore" in one.name]
        changes["restore_from"] = str(path)
    for one in archives(machine):
        assert one.stat().st_mode & 0o077 == 0, one
    # Read back by the only one who reads archives: the secrets come with it.
    (machine / "secrets/xnai_redis_password").write_text("other")
    assert main(spec(machine, **changes)) == 0
    assert (machine / "secrets/xnai_redis_password").read_text() == "value-xnai_redis_password"
