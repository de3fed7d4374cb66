"""The archive's form: whatever is cut off or changed is found, and tar(1) reads it."""

from __future__ import annotations

import dataclasses
import io
import json
import random
import shutil
import subprocess

import pytest

from xnai.programs.backup import archive
from xnai.programs.backup.archive import DamagedArchive, Manifest, Member

DATA = bytes(range(256)) * 9
SECRETS = archive.secrets_text({"xnai_redis_password": "s3cret"})


def member(name: str, kind: str, of: str, content: bytes) -> Member:
    """The entry of a member with that content."""
    digest = archive.hashlib.sha256(content).hexdigest()
    return Member(name, kind, of, len(content), digest, 3 * len(content), "999:999")


MANIFEST = Manifest(
    stack="xnai", host="laptop", time="2026-01-31T12:00:00Z",
    images={"redis": "docker.io/library/redis:8.0"}, versions={"redis": "8.0.2"},
    members=(
        member("volumes/xnai_redis_data.tar.gz", archive.VOLUME, "xnai_redis_data", DATA),
        member("database.dump", archive.DATABASE, "vikunja_db", b"x" * 512),
        member("volumes/empty.tar.gz", archive.VOLUME, "empty", b""),
        archive.secrets_member(SECRETS),
    ),
)


def packed(tmp_path, manifest: Manifest = MANIFEST) -> bytes:
    """An archive with a member from a file and others from memory."""
    (tmp_path / "data").write_bytes(DATA)
    stream = io.BytesIO()
    archive.write(stream, manifest, {
        "volumes/xnai_redis_data.tar.gz": tmp_path / "data", "database.dump": b"x" * 512,
        "volumes/empty.tar.gz": b"", "secrets.json": SECRETS,
    })
    return stream.getvalue()


def read(tmp_path, content: bytes) -> Manifest:
    """What is read from an archive with these bytes; unpacked below `into`."""
    (tmp_path / "it.tar").write_bytes(content)
    into = tmp_path / "into"
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir()
    return archive.read(tmp_path / "it.tar", into)


def test_there_and_back(tmp_path):
    assert read(tmp_path, packed(tmp_path)) == MANIFEST
    assert (tmp_path / "into/xnai_redis_data.tar.gz").read_bytes() == DATA
    assert archive.read_secrets(MANIFEST, tmp_path / "into") == {"xnai_redis_password": "s3cret"}
    assert sorted(path.name for path in (tmp_path / "into").iterdir()) == [
        "database.dump", "empty.tar.gz", "xnai_redis_data.tar.gz",
    ]
    assert archive.total(MANIFEST.members) == 3 * (len(DATA) + 512) + len(SECRETS)


def test_tar_reads_it(tmp_path):
    (tmp_path / "it.tar").write_bytes(packed(tmp_path))
    said = subprocess.run(
        ["tar", "-tvf", tmp_path / "it.tar"], capture_output=True, text=True, check=True
    )
    assert said.stderr == ""
    assert [line.split()[-1] for line in said.stdout.splitlines()] == [
        "manifest.json", *(one.name for one in MANIFEST.members), "sha256",
    ]
    assert "-rw-------" in said.stdout


def test_the_same_again_is_the_same_byte_for_byte(tmp_path):
    assert packed(tmp_path) == packed(tmp_path)


def test_cut_short_anywhere(tmp_path):
    whole = packed(tmp_path)
    rng = random.Random(5)  # noqa: S311
    for size in [0, 1, 511, 512, len(whole) - 1024, len(whole) - 1, *rng.sample(
        range(len(whole)), 60
    )]:
        with pytest.raises(DamagedArchive, match=f"cut short: it ends after {size} bytes"):
            read(tmp_path, whole[:size])


def test_one_bit_changed_in_any_byte(tmp_path):
    whole = packed(tmp_path)
    rng = random.Random(6)  # noqa: S311
    places = {*range(0, len(whole), 97), *rng.sample(range(len(whole)), 100)}
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= 1 << rng.randrange(8)
        with pytest.raises(DamagedArchive):
            read(tmp_path, bytes(changed))


def test_something_behind_its_end(tmp_path):
    with pytest.raises(DamagedArchive, match="it was altered"):
        read(tmp_path, packed(tmp_path) + b"\0")


def test_the_altered_member_is_named(tmp_path):
    whole = packed(tmp_path)
    changed = whole.replace(b"x" * 512, b"y" + b"x" * 511)
    with pytest.raises(DamagedArchive, match=r"database\.dump in it was altered"):
        read(tmp_path, changed)


def test_a_member_that_somebody_replaced_together_with_its_manifest(tmp_path):
    other = dataclasses.replace(MANIFEST.members[1], sha256="0" * 64)
    members = (MANIFEST.members[0], other, *MANIFEST.members[2:])
    with pytest.raises(DamagedArchive, match=r"database\.dump in it was altered"):
        read(tmp_path, packed(tmp_path, dataclasses.replace(MANIFEST, members=members)))


def test_what_is_no_archive(tmp_path):
    with pytest.raises(DamagedArchive, match="does not begin as an archive of ours"):
        read(tmp_path, b"PK" * 5000)
    (tmp_path / "x").write_text("x")
    subprocess.run(["tar", "-C", tmp_path, "-cf", tmp_path / "other.tar", "x"], check=True)
    with pytest.raises(DamagedArchive, match="does not begin as an archive of ours"):
        read(tmp_path, (tmp_path / "other.tar").read_bytes())


def test_another_format_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "FORMAT", 2)
    whole = packed(tmp_path)
    monkeypatch.undo()
    said = "format 2, and this version reads format 1: restore it with"
    with pytest.raises(DamagedArchive, match=said):
        read(tmp_path, whole)


@pytest.mark.parametrize(
    "manifest",
    [
        b"[]", b"{}", b"{", b'{"format": 1}', b"\xff",
        json.dumps({"format": 1, "members": [{"name": "x"}]}).encode(),
    ],
)
def test_a_manifest_that_is_none(tmp_path, manifest):
    content = archive._header("manifest.json", len(manifest)) + manifest
    with pytest.raises(DamagedArchive, match="its manifest was altered"):
        read(tmp_path, content + archive._padding(len(manifest)))


def test_a_manifest_without_end_is_not_read(tmp_path):
    with pytest.raises(DamagedArchive, match="does not begin as an archive of ours"):
        read(tmp_path, archive._header("manifest.json", 1 << 40))


@pytest.mark.parametrize("size", [-1, 1.5, "12", None])
def test_a_size_that_is_none(tmp_path, size):
    wrong = dataclasses.replace(MANIFEST.members[0], size=size)
    text = dataclasses.replace(MANIFEST, members=(wrong,)).text()
    with pytest.raises(DamagedArchive, match="its manifest was altered"):
        read(tmp_path, archive._header("manifest.json", len(text)) + text)


def test_no_member_ends_outside_the_directory(tmp_path):
    names = ("../../evil", "/etc/evil")
    members = tuple(member(name, archive.VOLUME, "v", b"x") for name in names[:1])
    manifest = dataclasses.replace(MANIFEST, members=members)
    stream = io.BytesIO()
    archive.write(stream, manifest, {names[0]: b"x"})
    read(tmp_path, stream.getvalue())
    assert (tmp_path / "into/evil").exists() and not (tmp_path / "evil").exists()


def test_two_members_of_one_name(tmp_path):
    twice = dataclasses.replace(MANIFEST, members=(MANIFEST.members[1],) * 2)
    stream = io.BytesIO()
    archive.write(stream, twice, {"database.dump": b"x" * 512})
    with pytest.raises(DamagedArchive, match="its manifest was altered"):
        read(tmp_path, stream.getvalue())


def test_a_file_that_shrinks_meanwhile(tmp_path):
    (tmp_path / "data").write_bytes(b"short")
    with pytest.raises(OSError, match="became shorter"):
        archive.write(
            io.BytesIO(), MANIFEST, {"volumes/xnai_redis_data.tar.gz": tmp_path / "data"}
        )
