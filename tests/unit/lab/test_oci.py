"""The image layout is whole, and the same every time."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
from pathlib import Path

from xnai.lab.oci import write_layout


def _layout(tar: Path, target: Path) -> str:
    return write_layout(tar, target, config={"Cmd": ["x"]}, created="2026-01-01T00:00:00Z", tag="1")


def test_digests_agree_and_repeat(tmp_path: Path) -> None:
    tar = tmp_path / "root.tar"
    with tarfile.open(tar, "w") as archive:
        archive.addfile(tarfile.TarInfo("etc"))
    digest = _layout(tar, tmp_path / "one")
    assert digest == _layout(tar, tmp_path / "two")
    blobs = tmp_path / "one" / "blobs" / "sha256"
    for blob in blobs.iterdir():
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
    manifest = json.loads((blobs / digest.removeprefix("sha256:")).read_text())
    config = json.loads((blobs / manifest["config"]["digest"].removeprefix("sha256:")).read_text())
    layer = (blobs / manifest["layers"][0]["digest"].removeprefix("sha256:")).read_bytes()
    plain = hashlib.sha256(gzip.decompress(layer)).hexdigest()
    assert config["rootfs"]["diff_ids"] == [f"sha256:{plain}"]
    assert config["config"]["Cmd"] == ["x"]
