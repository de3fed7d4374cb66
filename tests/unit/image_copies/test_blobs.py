"""Blobs between controller and host: the commands are really run, on a layout of the test's own."""

from __future__ import annotations

import base64
import gzip
import itertools
import os
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_images import digest_of

from xnai.remote import blobs
from xnai.remote.blobs import Segment

SIZES = st.dictionaries(
    st.binary(min_size=4, max_size=4).map(digest_of), st.integers(0, 3 * blobs.PIECE_BYTES),
    max_size=8,
)


@given(SIZES)
def test_each_byte_is_moved_once_and_in_order(sizes):
    found = list(blobs.pieces(sizes))
    assert all(sum(one.length for one in piece) <= blobs.PIECE_BYTES for piece in found)
    moved: dict[str, int] = {}
    for one in itertools.chain(*found):
        assert moved.get(one.digest, 0) == one.offset
        moved[one.digest] = one.offset + one.length
    assert moved == sizes
    # Small ones share a command, and no large one does.
    assert all(one.length == sizes[one.digest] for piece in found if piece[1:] for one in piece)
    assert len(found) <= 2 + 2 * sum(sizes.values()) // blobs.PIECE_BYTES + len(sizes)


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(blobs, "PIECE_BYTES", 1000)
    monkeypatch.setattr(blobs, "_LARGE_BYTES", 800)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_there_and_back(tmp_path, shell):
    """From one layout through the controller to another one, as two hosts have it."""
    data = {digest_of(one): one for one in (os.urandom(2500), b"", b"small", b"x" * 700)}
    here, there = tmp_path / "a host's", tmp_path / "another's"
    for directory in (here, there):
        (directory / "blobs/sha256").mkdir(parents=True)
    for digest, content in data.items():
        (here / blobs.file_of(digest)).write_bytes(content)
    for piece in blobs.pieces({digest: len(content) for digest, content in data.items()}):
        get = str(blobs.get("nobody", str(here), piece)).replace("runuser -u nobody --", "")
        said = subprocess.run(
            [shell, "-c", get], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        put = blobs.put(str(there), piece, blobs.got(piece, said))
        subprocess.run(
            [shell, "-c", f"umask 077; {put}"], check=True, text=True,
            input="\n".join(put.connector_arguments["_stdin"]),
        )
    for digest, content in data.items():
        assert (there / blobs.file_of(digest)).read_bytes() == content
        assert (there / blobs.file_of(digest)).stat().st_mode & 0o777 == 0o644


def test_what_came_is_as_long_as_was_asked():
    piece = [Segment(digest_of(b"abc"), 0, 3)]

    def said(data: bytes) -> list[str]:
        return [base64.b64encode(gzip.compress(data)).decode()]

    assert blobs.got(piece, said(b"abc")) == [b"abc"]
    # What is longer is not unpacked to its end.
    for bad in (said(b"ab"), said(b"abcd"), said(bytes(10 << 20)), [], ["?"], ["YWJj"]):
        with pytest.raises(ValueError, match=r"asked for"):
            blobs.got(piece, bad)


@pytest.mark.parametrize("digest", ["sha256:x", "sha256:" + "0" * 63 + "/", "; reboot"])
def test_only_a_digest_becomes_part_of_a_command(digest):
    with pytest.raises(ValueError, match="no sha256 digest"):
        blobs.get("nobody", "/x", [Segment(digest, 0, 1)])
