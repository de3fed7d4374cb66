"""The archive of a backup: a tar in which no byte may differ from what its manifest says.

In this order: `manifest.json`, the members that it lists, and `sha256`, the digest of all bytes
before it. Headers are made from the manifest alone, so reading compares them, and a change
anywhere is found; tar(1) reads it all the same. This runs on the host: no other package than
Python's own is there.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

FORMAT = 1
MANIFEST = "manifest.json"
SECRETS_FILE = "secrets.json"
_SEAL = "sha256"
_BLOCK = tarfile.BLOCKSIZE
_CHUNK = 1 << 20
_LARGEST_MANIFEST = 1 << 20

VOLUME, DATABASE, SECRETS = "volume", "database", "secrets"


class DamagedArchive(Exception):
    """An archive that is not whole, or not ours; the text says what was found."""


@dataclass(frozen=True)
class Member:
    """One file of the archive.

    Attributes:
        name: its path there.
        kind: volume (a tar, compressed by gzip), database (pg_dump's custom format) or secrets.
        of: the volume's name, the database service's name, or empty.
        size: in bytes.
        sha256: of its content.
        unpacked: bytes of a volume's tar before compression; else as `size`.
        owner: uid:gid of a volume, as containers see it; else empty.
    """

    name: str
    kind: str
    of: str
    size: int
    sha256: str
    unpacked: int
    owner: str


@dataclass(frozen=True)
class Manifest:
    """What an archive holds, and where it is from.

    Attributes:
        stack: the stack's name.
        host: the machine's own name.
        time: when it was made, UTC, as 2026-01-31T12:00:00Z.
        images: service -> image reference.
        versions: stateful service -> version of its program.
        members: in the archive's order.
    """

    stack: str
    host: str
    time: str
    images: Mapping[str, str]
    versions: Mapping[str, str]
    members: tuple[Member, ...]

    def text(self) -> bytes:
        """Return it as the archive's first file."""
        values = {"format": FORMAT, **dataclasses.asdict(self)}
        return (json.dumps(values, indent=1) + "\n").encode()


class _Hashing:
    """A stream to write to that keeps the digest of all that went through."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self.digest.update(data)
        self._stream.write(data)


def digest(path: Path) -> str:
    """Return the sha256 of a file, as sha256sum(1) prints it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(stream: BinaryIO, manifest: Manifest, contents: Mapping[str, Path | bytes]) -> None:
    """Write an archive.

    Args:
        stream: where to.
        manifest: what is inside.
        contents: each member's name -> its file, or its bytes.
    """
    to = _Hashing(stream)
    text = manifest.text()
    to.write(_header(MANIFEST, len(text)) + text + _padding(len(text)))
    for member in manifest.members:
        to.write(_header(member.name, member.size))
        content = contents[member.name]
        with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
            for part in _parts(file, member.size):
                to.write(part)
        to.write(_padding(member.size))
    stream.write(_tail(to.digest.hexdigest()))


def read(path: Path, into: Path) -> Manifest:
    """Unpack an archive into an empty directory, comparing every byte.

    Args:
        path: the archive, not encrypted.
        into: each member ends there under its own name's last part.

    Raises:
        DamagedArchive: it is cut short, was altered, or is none of ours.
    """
    with path.open("rb") as file:
        whole = hashlib.sha256()

        def take(size: int) -> bytes:
            data = file.read(size)
            if len(data) < size:
                raise DamagedArchive(f"it is cut short: it ends after {file.tell()} bytes")
            whole.update(data)
            return data

        manifest, text = _manifest(take)
        if take(len(_padding(len(text)))).strip(b"\0"):
            raise DamagedArchive("it was altered behind the manifest")
        for member in manifest.members:
            if take(_BLOCK) != _header(member.name, member.size):
                raise DamagedArchive(f"it was altered before {member.name}")
            found = hashlib.sha256()
            with (into / Path(member.name).name).open("xb") as target:
                for size in _sizes(member.size):
                    part = take(size)
                    found.update(part)
                    target.write(part)
            if found.hexdigest() != member.sha256:
                raise DamagedArchive(
                    f"{member.name} in it was altered: its digest is not the manifest's"
                )
            if take(len(_padding(member.size))).strip(b"\0"):
                raise DamagedArchive(f"it was altered behind {member.name}")
        tail = _tail(whole.hexdigest())
        rest = file.read(len(tail) + 1)
        if len(rest) < len(tail):
            raise DamagedArchive(f"it is cut short: it ends after {file.tell()} bytes")
        if rest != tail:
            raise DamagedArchive(
                "it was altered: the digest at its end is not that of what is before it"
            )
    return manifest


def _manifest(take: Callable[[int], bytes]) -> tuple[Manifest, bytes]:
    header = take(_BLOCK)
    try:
        size = tarfile.TarInfo.frombuf(header, "utf-8", "strict").size
    except tarfile.HeaderError:
        raise DamagedArchive(
            "it does not begin as an archive of ours, or was altered there"
        ) from None
    if header != _header(MANIFEST, size) or size > _LARGEST_MANIFEST:
        raise DamagedArchive("it does not begin as an archive of ours, or was altered there")
    text = take(size)
    try:
        values = json.loads(text)
        if (found := values.pop("format")) != FORMAT:
            raise DamagedArchive(
                f"it has format {found}, and this version reads format {FORMAT}: restore it with "
                "the version of xnai that made it"
            )
        members = tuple(Member(**member) for member in values.pop("members"))
        manifest = Manifest(members=members, **values)
        names = [Path(member.name).name for member in members]
        whole = manifest.text() == text and len(set(names)) == len(names) and all(
            isinstance(member.size, int) and member.size >= 0 for member in members
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise DamagedArchive("its manifest was altered")
    return manifest, text


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o600
    return info.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)


def _tail(hexdigest: str) -> bytes:
    text = f"{hexdigest}\n".encode()
    return _header(_SEAL, len(text)) + text + _padding(len(text)) + bytes(2 * _BLOCK)


def _sizes(size: int) -> Iterator[int]:
    """Sizes of at most a chunk that make `size` together."""
    while size:
        yield min(size, _CHUNK)
        size -= min(size, _CHUNK)


def _parts(file: BinaryIO, size: int) -> Iterator[bytes]:
    for wanted in _sizes(size):
        part = file.read(wanted)
        if len(part) < wanted:
            raise OSError("a file became shorter while it was packed")
        yield part


def total(members: Sequence[Member]) -> int:
    """Return the bytes of all members, unpacked."""
    return sum(member.unpacked for member in members)


def secrets_text(values: Mapping[str, str]) -> bytes:
    """Return the content of the member with the secrets."""
    return (json.dumps(dict(values), indent=1) + "\n").encode()


def secrets_member(content: bytes) -> Member:
    """Return the entry of the member with the secrets."""
    found = hashlib.sha256(content).hexdigest()
    return Member(SECRETS_FILE, SECRETS, "", len(content), found, len(content), "")


def read_secrets(manifest: Manifest, directory: Path) -> dict[str, str]:
    """Return the secrets of an unpacked archive, none where it has none, and remove their file."""
    if all(member.kind != SECRETS for member in manifest.members):
        return {}
    path = directory / SECRETS_FILE
    values: dict[str, str] = json.loads(path.read_bytes())
    path.unlink()
    return values
