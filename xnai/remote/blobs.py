"""Files of any size between the controller and a host, in pieces that neither keeps in memory.

pyinfra collects what a command prints and holds what it is sent, so a command moves one piece:
compressed, since a home network is slower than gzip, and as base64, since pyinfra sends lines.
"""

from __future__ import annotations

import base64
import gzip
import io
import re
import shlex
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from xnai.remote.content import sent
from xnai.remote.limit import Limited

PIECE_BYTES = 32 << 20
"""The most that one command moves."""
_LARGE_BYTES = 1 << 20
# Of one piece: a host that is gone must not keep the others waiting for hours.
_LIMIT_S = 900
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True)
class Segment:
    """A part of a blob.

    Attributes:
        digest: the blob's name, as sha256:...
        offset: where it begins, in bytes.
        length: in bytes.
    """

    digest: str
    offset: int
    length: int


def pieces(sizes: Mapping[str, int]) -> Iterator[list[Segment]]:
    """Return what to move with one command each: small blobs together, a large one in segments.

    Args:
        sizes: bytes of each blob, by digest.
    """
    for digest, size in sizes.items():
        if size >= _LARGE_BYTES:
            for offset in range(0, size, PIECE_BYTES):
                yield [Segment(digest, offset, min(size - offset, PIECE_BYTES))]
    piece: list[Segment] = []
    room = PIECE_BYTES
    for digest, size in sizes.items():
        if size < _LARGE_BYTES:
            if size > room:
                yield piece
                piece, room = [], PIECE_BYTES
            piece.append(Segment(digest, 0, size))
            room -= size
    if piece:
        yield piece


def file_of(digest: str) -> str:
    """Return a blob's path below its layout.

    Raises:
        ValueError: it is no digest, and nothing that may become part of a path.
    """
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"no sha256 digest: {digest!r}")
    return f"blobs/{digest.replace(':', '/')}"


def get(user: str, directory: str, piece: Sequence[Segment]) -> Limited:
    """Return the command that prints a piece of a user's layout; `got` reads its output.

    Args:
        user: whose; root would follow a link that the user had put there.
        directory: the layout on the host.
        piece: which segments.
    """
    reads = "; ".join(
        f"tail -c +{one.offset + 1} {file_of(one.digest)} | head -c {one.length}" for one in piece
    )
    code = f"cd {shlex.quote(directory)} && {{ {reads}; }} | gzip -1 | base64 -w 60000"
    return Limited(
        f"cd / && runuser -u {shlex.quote(user)} -- sh -c {shlex.quote(code)}",
        limit_s=_LIMIT_S,
    )


def got(piece: Sequence[Segment], lines: Sequence[str]) -> list[bytes]:
    """Return the segments that `get` printed.

    Args:
        piece: which were asked for.
        lines: what the command printed.

    Raises:
        ValueError: it is not as long as they are together, or no base64 of gzip.
    """
    wanted = sum(one.length for one in piece)
    try:
        packed = base64.b64decode("".join(lines), validate=True)
        with gzip.open(io.BytesIO(packed)) as stream:
            data = stream.read(wanted + 1)
    except (OSError, EOFError, ValueError) as error:
        raise ValueError(f"not what was asked for: {error}") from None
    if len(data) != wanted:
        raise ValueError(f"{len(data)} bytes came where {wanted} were asked for")
    found, offset = [], 0
    for one in piece:
        found.append(data[offset : offset + one.length])
        offset += one.length
    return found


def put(directory: str, piece: Sequence[Segment], contents: Sequence[bytes]) -> Limited:
    """Return the command that writes a piece to the blobs of a layout of root's.

    Args:
        directory: the layout on the host; its directory of blobs is there.
        piece: as `pieces` returned it, and in that order.
        contents: the bytes of its segments.
    """
    (first, *others), (content, *_) = piece, contents
    if not others:
        blob = shlex.quote(f"{directory}/{file_of(first.digest)}")
        packed_content = gzip.compress(content, 1, mtime=0)
        return sent(f"umask 022; base64 -d | gzip -d >> {blob}", packed_content, _LIMIT_S)
    buffer = io.BytesIO()
    # A format of the host's own tools, in which each file says how long it is.
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=1, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for one, content in zip(piece, contents, strict=True):
            info = tarfile.TarInfo(file_of(one.digest))
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return sent(
        f"cd {shlex.quote(directory)} && base64 -d | gzip -d | tar -x --no-same-owner -f -",
        buffer.getvalue(), _LIMIT_S,
    )
